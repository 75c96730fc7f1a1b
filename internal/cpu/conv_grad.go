package cpu

import (
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// ConvGradInput computes the gradient of a convolution's input, dx of N×C×H×W
// elements, from that of its output, dy.
func ConvGradInput[T Float](s ConvShape, dx, dy, w []T) {
	p := newConvPlan(s)
	if p.empty() || len(dx) == 0 {
		clear(dx)
		return
	}
	if convAsm[T]() && winoGradInput(s, singles(dx), singles(dy), singles(w)) || convDepthwiseGradInput(p, dx, dy, w) {
		return
	}
	if !p.y.covers(p.oh) || !p.x.covers(p.ow) {
		par.For(len(dx), 1<<16, func(lo, hi int) { clear(dx[lo:hi]) })
	}
	phases := p.phaseTaps()
	mr := convBlock(p.cg, convRows[T]())
	a, block := mem.Scratch[T](p.Groups * p.cg * p.kg * p.taps)
	defer block.Free()
	packInput(p, a, w, phases, mr)

	top, bottom := p.inputRows()
	if top == bottom {
		return
	}
	rows := p.bands(bottom - top)
	bands := (bottom - top + rows - 1) / rows
	macs := p.K * p.cg * p.taps * rows * p.pitch
	images := p.images(macs)
	shares := (p.N + images - 1) / images
	channels := slice(p.cg, mr, bands*shares, macs)
	slices := (p.cg + channels - 1) / channels
	par.Run(bands*shares*slices, func(i int) {
		lo := i % slices * channels
		n0 := i / slices % shares * images
		r := top + i/slices/shares*rows
		b := &convBand[T]{p, r, min(rows, bottom-r), lo, min(lo+channels, p.cg)}
		b.gradInput(dx, dy, a, phases, n0, min(n0+images, p.N), mr)
	})
}

// phaseTap is the taps of one phase of the input.
type phaseTap struct {
	y, x int // indices into the axes' phases
	taps []int
}

// phaseTaps groups the taps by the plane they read.
func (p *convPlan) phaseTaps() []phaseTap {
	list := make([]phaseTap, p.planes())
	for i := range list {
		list[i].y, list[i].x = i/len(p.x.phases), i%len(p.x.phases)
	}
	for t := range p.taps {
		i := p.y.phase[t/p.KW]*len(p.x.phases) + p.x.phase[t%p.KW]
		list[i].taps = append(list[i].taps, t)
	}
	return list
}

// covers reports that every input position is read by some tap.
func (a *convAxis) covers(out int) bool {
	n := 0
	for _, ph := range a.phases {
		lo, hi, _ := a.valid(ph, 0, out+a.span)
		n += hi - lo
	}
	return n == a.in
}

// inputRows returns the range of the planes' rows that hold input elements.
func (p *convPlan) inputRows() (lo, hi int) {
	lo = p.oh + p.y.span
	for _, ph := range p.y.phases {
		a, b, _ := p.y.valid(ph, 0, p.oh+p.y.span)
		if a < b {
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	return min(lo, hi), hi
}

// packInput packs the transposed weights: for each group and phase the blocks
// of convBlock(cg) input channels by (output channel, tap of the phase).
func packInput[T Float](p *convPlan, a, w []T, phases []phaseTap, mr int) {
	at := 0
	for g := range p.Groups {
		for _, ph := range phases {
			for c := 0; c < p.cg; c += mr {
				m := min(mr, p.cg-c)
				for co := range p.kg {
					for _, t := range ph.taps {
						src, dst := w[((g*p.kg+co)*p.cg+c)*p.taps+t:], a[at:at+m]
						for i := range dst {
							dst[i] = src[i*p.taps]
						}
						at += m
					}
				}
			}
		}
	}
}

// gradInput computes rows [oy, oy+rows) of the planes of dx for images [n0, n1).
func (p *convBand[T]) gradInput(dx, dy, a []T, phases []phaseTap, n0, n1, mr int) {
	// dy at the planes' pitch, zero between its rows and around: row i of the
	// buffer is row oy − span + i of dy, and one more row stands in front so
	// that shifts to the left stay inside.
	lines := p.rows + p.y.span
	plane := (lines+1)*p.pitch + p.x.span
	in, block := mem.Scratch[T](p.kg*plane + convSlack)
	defer block.Free()
	clear(in)
	base := p.y.span*p.pitch + p.x.span

	run := p.rows * p.pitch
	outPitch := (run + convSlack) &^ 15
	out, block2 := mem.Scratch[T]((p.hi - p.lo) * outPitch)
	defer block2.Free()
	off := make([]int, 0, p.kg*p.taps) // of all phases, one after the other
	for _, ph := range phases {
		for co := range p.kg {
			for _, t := range ph.taps {
				off = append(off, co*plane+base-p.y.shift[t/p.KW]*p.pitch-p.x.shift[t%p.KW])
			}
		}
	}

	first := max(0, p.oy-p.y.span)
	last := min(p.oh, p.oy+p.rows)
	for n := n0; n < n1; n++ {
		at := 0
		for g := range p.Groups {
			if first < last {
				copyPlanes(in[p.x.span+(first-(p.oy-p.y.span))*p.pitch:],
					dy[(n*p.K+g*p.kg)*p.oh*p.ow+first*p.ow:], grid{
						n: p.kg, rows: last - first, cols: p.ow,
						dstPlane: plane, dstRow: p.pitch, dstCol: 1,
						srcPlane: p.oh * p.ow, srcRow: p.ow, srcCol: 1})
			}
			k := 0
			for _, ph := range phases {
				o := off[k : k+p.kg*len(ph.taps)]
				k += len(o)
				convProduct(out, outPitch, a[at+p.lo*len(o):], in, o, p.hi-p.lo, run, mr)
				at += p.cg * len(o)
				convStore(p.convPlan, dx[(n*p.C+g*p.cg+p.lo)*p.H*p.W:], out, p.hi-p.lo, outPitch,
					p.y.phases[ph.y], p.x.phases[ph.x], p.oy, p.oy+p.rows)
			}
		}
	}
}

// ConvGradWeight computes the gradient of a convolution's weights, dw of
// K×(C/Groups)×KH×KW elements. The images are summed in fixed parts, so the
// result doesn't depend on the number of threads. Where x isn't finite, more
// than the elements computed from it may turn NaN: borders count as zeros.
func ConvGradWeight[T Float](s ConvShape, dw, x, dy []T) {
	p := newConvPlan(s)
	if p.empty() || len(dw) == 0 {
		clear(dw)
		return
	}
	if convAsm[T]() && winoGradWeight(s, singles(dw), singles(x), singles(dy)) {
		return
	}
	rows := p.bands(p.oh)
	bands := (p.oh + rows - 1) / rows
	size := p.K * p.cg * p.taps
	// Parts cost memory and a pass each: no more than are needed to share work.
	parts := min(p.N*bands, 8, max(1, (1<<21)/size))
	sums, block := mem.Scratch[T](parts * size)
	defer block.Free()
	mr := convDotRows[T](p.kg)
	channels := slice(p.kg, mr, parts, size*rows*p.pitch)
	slices := (p.kg + channels - 1) / channels
	par.Run(parts*slices, func(i int) {
		from := i % slices * channels
		to := min(from+channels, p.kg)
		i /= slices
		sum := sums[i*size : (i+1)*size]
		for g := range p.Groups {
			k := g * p.kg
			clear(sum[(k+from)*p.cg*p.taps : (k+to)*p.cg*p.taps])
		}
		lo, hi := i*p.N*bands/parts, (i+1)*p.N*bands/parts
		for b := range bands {
			n0, n1 := shareOf(lo, b, bands), shareOf(hi, b, bands)
			oy := b * rows
			band := &convBand[T]{p, oy, min(rows, p.oh-oy), from, to}
			if n0 < n1 {
				band.gradWeight(sum, x, dy, n0, n1, mr)
			}
		}
	})
	par.For(size, 1<<14, func(lo, hi int) {
		copy(dw[lo:hi], sums[lo:hi])
		for i := 1; i < parts; i++ {
			Add(dw[lo:hi], dw[lo:hi], sums[i*size+lo:i*size+hi])
		}
	})
}

// shareOf returns how many images lie before task t in band b, when task t is
// band t%bands of image t/bands.
func shareOf(t, b, bands int) int { return (t - b + bands - 1) / bands }

// convDotRows returns how many rows of n a call of convDot takes.
func convDotRows[T Float](n int) int {
	switch {
	case !convAsm[T]() || active == AVX2 || n%4 == 0:
		return min(n, 4)
	case n%6 == 0 || n == 5:
		return min(n, 6)
	}
	return convBlock(n, 4)
}

// gradWeight adds the band's part for images [n0, n1) to sum.
func (p *convBand[T]) gradWeight(sum, x, dy []T, n0, n1, mr int) {
	plane := p.planeLen(p.rows)
	off := p.offsets(plane)
	depth := len(off)
	run := ((p.rows-1)*p.pitch + p.ow + 15) &^ 15
	dyPitch := run + 16
	seg := segments{len: run, b: p.cg * p.planes() * plane, z: (p.hi - p.lo) * dyPitch}
	// Several images at a time make long sums, at whose end the lanes are added.
	stack := convBlock(n1-n0, max(1, min(2048/run, (1<<18)/(seg.b+seg.z))))
	in, block := mem.Scratch[T](stack*seg.b + convSlack)
	defer block.Free()
	clear(in)
	dz, block2 := mem.Scratch[T](stack * seg.z)
	defer block2.Free()
	clear(dz)
	for n := n0; n < n1; n += stack {
		seg.n = min(stack, n1-n)
		taps := max(24, (1<<17)/(run*seg.n*mr)/24*24) // per call, which must stay short
		for g := range p.Groups {
			for i := range seg.n {
				convLoad(p.convPlan, in[i*seg.b:], x[((n+i)*p.C+g*p.cg)*p.H*p.W:], p.cg, p.oy, p.rows)
				copyPlanes(dz[i*seg.z:], dy[((n+i)*p.K+g*p.kg+p.lo)*p.oh*p.ow+p.oy*p.ow:], grid{
					n: p.hi - p.lo, rows: p.rows, cols: p.ow,
					dstPlane: dyPitch, dstRow: p.pitch, dstCol: 1,
					srcPlane: p.oh * p.ow, srcRow: p.ow, srcCol: 1})
			}
			for r := p.lo; r < p.hi; r += mr {
				m := min(mr, p.hi-r)
				for k := 0; k < depth; k += taps {
					o := off[k:min(k+taps, depth)]
					convDot(sum[(g*p.kg+r)*depth+k:], depth, dz[(r-p.lo)*dyPitch:], dyPitch, in, o, m, seg)
				}
			}
		}
	}
}

// segments describes the positions that convDot adds over: n runs of len
// elements, a multiple of 16, at distances z and b in the two operands.
type segments struct{ n, len, z, b int }

// convDot adds Σ_q z[r·zPitch + q]·b[off[k] + q], q over the segments, to
// y[r·yPitch + k] for rows r < m.
func convDot[T Float](y []T, yPitch int, z []T, zPitch int, b []T, off []int, m int, s segments) {
	if convAsm[T]() {
		convDotAsm(singles(y), yPitch, singles(z), zPitch, singles(b), off, m, s)
		return
	}
	for r := range m {
		for k, o := range off {
			var s0, s1, s2, s3 T
			for i := range s.n {
				row, run := z[r*zPitch+i*s.z:][:s.len], b[o+i*s.b:][:s.len]
				for q := 0; q+4 <= len(run) && q+4 <= len(row); q += 4 {
					s0 += row[q] * run[q]
					s1 += row[q+1] * run[q+1]
					s2 += row[q+2] * run[q+2]
					s3 += row[q+3] * run[q+3]
				}
			}
			y[r*yPitch+k] += (s0 + s1) + (s2 + s3)
		}
	}
}

// ConvGradBias computes the gradient of a convolution's bias, db of K
// elements: the sums of dy over images and positions.
func ConvGradBias[T Float](s ConvShape, db, dy []T) {
	area := s.OutH() * s.OutW()
	par.For(s.K, max(1, (1<<16)/max(1, s.N*area)), func(lo, hi int) {
		for k := lo; k < hi; k++ {
			var sum T
			for n := range s.N {
				sum += Sum(dy[(n*s.K+k)*area:][:area])
			}
			db[k] = sum
		}
	})
}
