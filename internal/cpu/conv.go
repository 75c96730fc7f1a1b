package cpu

import (
	"math"
)

//go:generate sh -c "cd gen/conv && go run ."

// Convolution without im2col.
//
// The input of one image is copied into planes with a zero border, split by
// stride phase (plane (a, b) holds the padded rows a, a+StrideH, … and columns
// b, b+StrideW, …), all at one row pitch. Every filter tap then reads, for
// consecutive output positions p = oy·pitch + ox, a contiguous run of a plane
// that starts at a fixed offset, whatever stride, dilation and padding are:
//
//	y[co][p] = Σ_k w[co][k]·b[p + off[k]],   k over (ci, ky, kx)
//
// which is a matrix product whose right-hand rows are given by a table of
// offsets. The columns between rows of the output (pitch − OutW of them) are
// computed for nothing and dropped when bias and activation are applied. The
// input's gradient is the same product with the weights transposed, one phase
// at a time; the weight's gradient takes dot products of the same runs.
//
// Filters of 3×3 with stride 1 on many channels go by minimal filtering where
// there are kernels for it, see winograd.
//
// Wide images are cut into bands of output rows, so that what a task works on
// stays in the second-level cache and single images use several cores.

// ConvShape describes a two-dimensional cross-correlation over N×C×H×W
// inputs, K×(C/Groups)×KH×KW weights and N×K×OutH×OutW outputs, all
// contiguous. Strides, dilations and Groups are at least 1, paddings at least
// 0, and Groups divides C and K; the caller has checked that.
type ConvShape struct {
	N, C, H, W, K, KH, KW                int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	DilH, DilW                           int
	Groups                               int
}

// OutH returns the number of output rows, 0 if the filter doesn't fit.
func (s ConvShape) OutH() int {
	return convOut(s.H+s.PadTop+s.PadBottom, s.KH, s.StrideH, s.DilH)
}

// OutW returns the number of output columns, 0 if the filter doesn't fit.
func (s ConvShape) OutW() int {
	return convOut(s.W+s.PadLeft+s.PadRight, s.KW, s.StrideW, s.DilW)
}

func convOut(padded, k, stride, dil int) int {
	reach := (k-1)*dil + 1
	if padded < reach {
		return 0
	}
	return (padded-reach)/stride + 1
}

// convAxis describes one axis of the planes.
type convAxis struct {
	in, out, stride, pad int
	phases               []int // the phases that taps use, ascending
	phase                []int // of each tap: its index in phases
	shift                []int // of each tap: its distance from the output position
	span                 int   // largest shift
}

func newConvAxis(in, out, k, stride, dil, pad int) convAxis {
	a := convAxis{in: in, out: out, stride: stride, pad: pad,
		phase: make([]int, k), shift: make([]int, k)}
	index := make([]int, stride)
	for t := range k {
		index[t*dil%stride] = 1
	}
	for ph, used := range index {
		if used == 1 {
			index[ph] = len(a.phases)
			a.phases = append(a.phases, ph)
		}
	}
	for t := range k {
		a.phase[t] = index[t*dil%stride]
		a.shift[t] = t * dil / stride
		a.span = max(a.span, a.shift[t])
	}
	return a
}

// valid returns the positions [lo, hi) of [0, n) in the plane of phase ph, n
// beginning at position from, that hold input elements, and the index of the
// first of those.
func (a *convAxis) valid(ph, from, n int) (lo, hi, first int) {
	at := from*a.stride + ph - a.pad // input coordinate of position 0
	if at < 0 {
		lo = (-at + a.stride - 1) / a.stride
	}
	if rest := a.in - at; rest > 0 {
		hi = (rest + a.stride - 1) / a.stride
	}
	hi = min(hi, n)
	lo = min(lo, hi)
	return lo, hi, at + lo*a.stride
}

// convPlan holds what all tasks of a convolution share.
type convPlan struct {
	ConvShape
	oh, ow       int
	cg, kg, taps int // channels per group, in and out; taps per filter
	y, x         convAxis
	pitch        int // between the rows of a plane
	overlap      int // columns of a row's right border that are the next row's left one
}

// convSlack is how many elements past a run's end a kernel may read or, in a
// scratch buffer, write.
const convSlack = 64

func newConvPlan(s ConvShape) *convPlan {
	p := &convPlan{ConvShape: s, oh: s.OutH(), ow: s.OutW(),
		cg: s.C / s.Groups, kg: s.K / s.Groups, taps: s.KH * s.KW}
	p.y = newConvAxis(s.H, p.oh, s.KH, s.StrideH, s.DilH, s.PadTop)
	p.x = newConvAxis(s.W, p.ow, s.KW, s.StrideW, s.DilW, s.PadLeft)
	wide := p.ow + p.x.span
	p.overlap = p.x.span
	for _, ph := range p.x.phases {
		lo, hi, _ := p.x.valid(ph, 0, wide)
		if lo < hi {
			p.overlap = min(p.overlap, lo, wide-hi)
		}
	}
	p.pitch = wide - p.overlap
	return p
}

// empty reports that there is nothing to compute.
func (p *convPlan) empty() bool { return p.N == 0 || p.K == 0 || p.oh == 0 || p.ow == 0 }

// planes returns how many planes an input channel has.
func (p *convPlan) planes() int { return len(p.y.phases) * len(p.x.phases) }

// planeLen returns the length of a plane that serves rows output rows.
func (p *convPlan) planeLen(rows int) int { return (rows+p.y.span)*p.pitch + p.overlap }

// offsets lists where the runs of a group's taps begin in planes of the given
// length, in the order of the weights: input channel, row, column.
func (p *convPlan) offsets(plane int) []int {
	off := make([]int, 0, p.cg*p.taps)
	for ci := range p.cg {
		for ky := range p.KH {
			for kx := range p.KW {
				pl := (ci*len(p.y.phases)+p.y.phase[ky])*len(p.x.phases) + p.x.phase[kx]
				off = append(off, pl*plane+p.y.shift[ky]*p.pitch+p.x.shift[kx])
			}
		}
	}
	return off
}

// direct reports that the input's own layout is the one that the planes would
// have: no border, one phase.
func (p *convPlan) direct() bool {
	return p.StrideH == 1 && p.StrideW == 1 && p.PadTop|p.PadBottom|p.PadLeft|p.PadRight == 0
}

// convLoad copies the rows of channels input planes src that the output rows
// from oy on need, rows of them, into dst, whose borders are zero and stay so.
func convLoad[T Float](p *convPlan, dst, src []T, channels, oy, rows int) {
	plane := p.planeLen(rows)
	for _, py := range p.y.phases {
		r0, r1, iy := p.y.valid(py, oy, rows+p.y.span)
		for _, px := range p.x.phases {
			c0, c1, ix := p.x.valid(px, 0, p.ow+p.x.span)
			if r0 < r1 && c0 < c1 {
				copyPlanes(dst[r0*p.pitch+c0:], src[iy*p.W+ix:], grid{
					n: channels, rows: r1 - r0, cols: c1 - c0,
					dstPlane: plane * p.planes(), dstRow: p.pitch, dstCol: 1,
					srcPlane: p.H * p.W, srcRow: p.StrideH * p.W, srcCol: p.StrideW})
			}
			dst = dst[plane:]
		}
	}
}

// convStore is the inverse of convLoad for the plane rows [r0, r1) of one
// phase, which src holds: it copies what lies inside the input into dst.
func convStore[T Float](p *convPlan, dst, src []T, channels, srcPlane, py, px, r0, r1 int) {
	a, b, iy := p.y.valid(py, r0, r1-r0)
	c0, c1, ix := p.x.valid(px, 0, p.ow+p.x.span)
	if a < b && c0 < c1 {
		copyPlanes(dst[iy*p.W+ix:], src[a*p.pitch+c0:], grid{
			n: channels, rows: b - a, cols: c1 - c0,
			dstPlane: p.H * p.W, dstRow: p.StrideH * p.W, dstCol: p.StrideW,
			srcPlane: srcPlane, srcRow: p.pitch, srcCol: 1})
	}
}

// grid describes n planes of rows×cols elements at given distances, in the
// source and in the destination of a copy.
type grid struct {
	n, rows, cols            int
	dstPlane, dstRow, dstCol int
	srcPlane, srcRow, srcCol int
}

// noBias is −0: v + −0 is v, even if v is −0.
var noBias = [1]float32{math.Float32frombits(1 << 31)}

// copyPlanes copies a grid of elements.
func copyPlanes[T Float](dst, src []T, g grid) {
	if g.n <= 0 || g.rows <= 0 || g.cols <= 0 {
		return
	}
	if g.dstCol == 1 && g.srcCol == 1 && convAsm[T]() {
		convRowsAsm(singles(dst), singles(src), noBias[:], float32(math.Inf(-1)), &g)
		return
	}
	for i := range g.n {
		if g.dstCol+g.srcCol == 3 && convAsm[T]() && convStrideAsm(singles(dst[i*g.dstPlane:]), singles(src[i*g.srcPlane:]),
			g.rows, g.cols, g.dstRow, g.srcRow, g.srcCol == 2) {
			continue
		}
		for r := range g.rows {
			d, s := dst[i*g.dstPlane+r*g.dstRow:], src[i*g.srcPlane+r*g.srcRow:]
			switch {
			case g.dstCol == 1 && g.srcCol == 1:
				copy(d[:g.cols], s[:g.cols])
			case g.dstCol == 1:
				for c := range d[:g.cols] {
					d[c] = s[c*g.srcCol]
				}
			default:
				for c := range g.cols {
					d[c*g.dstCol] = s[c*g.srcCol]
				}
			}
		}
	}
}

// bands returns how many output rows a task takes, of total: few enough that
// its runs stay in cache, and fewer if there are few images to share.
func (p *convPlan) bands(total int) int {
	rows := max(1, 1536/p.pitch)
	if want := 8 / max(1, p.N); want > 1 {
		rows = min(rows, max((total+want-1)/want, (512+p.pitch-1)/p.pitch))
	}
	if rows >= total {
		return total
	}
	n := (total + rows - 1) / rows
	return (total + n - 1) / n
}

// slice returns how many of the n rows of a left-hand matrix a task takes, a
// multiple of block, if each of so many tasks could be split and has macs
// multiply-adds: eight tasks or more, none below half a million, since each
// prepares its input for itself.
func slice(n, block, tasks, macs int) int {
	blocks := (n + block - 1) / block
	slices := max(1, min(8/max(1, tasks), blocks, macs>>19))
	return (blocks + slices - 1) / slices * block
}

// images returns how many images a task takes when perImage multiply-adds are
// spent on each: some sixteen tasks, none below half a million.
func (p *convPlan) images(perImage int) int {
	return max(1, min(p.N, max((p.N+15)/16, (1<<19)/max(perImage, 1))))
}

// convAsm reports that T's kernels are in assembly.
func convAsm[T Float]() bool {
	return convAssembly && single[T]() && active != Portable
}

// convRows returns the most rows that convTile takes.
func convRows[T Float]() int {
	if convAsm[T]() && active == AVX2 {
		return 6
	}
	return 8
}

// convBand is a task: output rows [oy, oy+rows) of some images, and of each
// group the rows [lo, hi) of the left-hand matrix, its output channels.
type convBand[T Float] struct {
	*convPlan
	oy, rows int
	lo, hi   int
}

// convBlock returns how many of n things, rows of a left-hand matrix say, to
// take at a time, most being the limit: an even spread.
func convBlock(n, most int) int {
	blocks := (n + most - 1) / most
	return (n + blocks - 1) / blocks
}
