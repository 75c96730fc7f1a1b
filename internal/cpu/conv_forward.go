package cpu

import (
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// convDepth is how many taps a product takes before it turns to the next
// positions, so that what it reads fits the first-level cache.
const convDepth = 288

// ConvEnd is what a convolution does to its sums.
type ConvEnd[T Float] struct {
	Bias []T // K elements, nil for none
	Add  []T // of y's size, nil for none
	Act  Act
	// Keep, if there is one, may return the n numbers that fill made of the same filters at an earlier call of the same kind.
	Keep func(kind, n int, fill func(u []T)) []T
}

// Kinds of prepared filters, beside the number of rows to a block.
const convWinograd = -1

// prepared returns what fill makes of the filters, and the block to free. few says that this is a good part of the work, so that it is worth the
// memory to keep it.
func (e *ConvEnd[T]) prepared(few bool, kind, n int, fill func(u []T)) ([]T, mem.Block) {
	if few && e.Keep != nil {
		return e.Keep(kind, n, fill), mem.Block{}
	}
	u, block := mem.Scratch[T](n)
	fill(u)
	return u, block
}

// ConvForward computes y = act(x ⋆ w + bias), y of N×K×OutH×OutW elements.
// A nil bias is none.
func ConvForward[T Float](s ConvShape, y, x, w, bias []T, act Act) {
	ConvForwardEnd(s, y, x, w, ConvEnd[T]{Bias: bias, Act: act})
}

// ConvForwardEnd computes y = act(x ⋆ w + bias + add).
func ConvForwardEnd[T Float](s ConvShape, y, x, w []T, e ConvEnd[T]) {
	p := newConvPlan(s)
	if p.empty() {
		return
	}
	if single[T]() && convAsm[T]() && winoForward(s, singles(y), singles(x), singles(w), any(e).(ConvEnd[float32])) {
		return
	}
	if e.Add == nil {
		convForward(p, y, x, w, e)
		return
	}
	plain := e
	plain.Act = NoAct
	convForward(p, y, x, w, plain)
	par.For(len(y), 1<<14, func(lo, hi int) { finish(y[lo:hi], e.Add, lo, e.Act) })
}

// convForward computes y = act(x ⋆ w + bias) by offsets.
func convForward[T Float](p *convPlan, y, x, w []T, e ConvEnd[T]) {
	bias, act := e.Bias, e.Act
	if convDepthwise(p, y, x, w, bias, act) {
		return
	}
	depth := p.cg * p.taps
	if depth == 0 { // sums of nothing
		clear(y)
		area := p.oh * p.ow
		for n := range p.N {
			plane := y[n*p.K*area:]
			finishPlanes(plane, plane, bias, act, grid{n: p.K, rows: 1, cols: area,
				dstPlane: area, srcPlane: area, dstCol: 1, srcCol: 1})
		}
		return
	}
	mr := convBlock(p.kg, convRows[T]())
	if convAsm[T]() && convLanes(p) {
		mr = 16
	}
	a, block := e.prepared(p.N*p.oh*p.ow <= 1<<11, mr, p.K*depth, func(a []T) {
		for g := range p.Groups {
			for r := 0; r < p.kg; r += mr {
				n := min(mr, p.kg-r)
				at := (g*p.kg + r) * depth
				packTransposed(a[at:at+n*depth], w[at:at+n*depth], n, depth)
			}
		}
	})
	defer block.Free()

	rows := p.bands(p.oh)
	bands := (p.oh + rows - 1) / rows
	macs := p.K * depth * rows * p.pitch
	images := p.images(macs)
	shares := (p.N + images - 1) / images
	channels := slice(p.kg, mr, bands*shares, macs)
	slices := (p.kg + channels - 1) / channels
	par.Run(bands*shares*slices, func(i int) {
		lo := i % slices * channels
		n0 := i / slices % shares * images
		oy := i / slices / shares * rows
		b := &convBand[T]{p, oy, min(rows, p.oh-oy), lo, min(lo+channels, p.kg)}
		b.forward(y, x, a, bias, act, n0, min(n0+images, p.N), mr)
	})
}

// forward computes the band for images [n0, n1).
func (p *convBand[T]) forward(y, x, a, bias []T, act Act, n0, n1, mr int) {
	plane := p.planeLen(p.rows)
	direct := p.direct()
	if direct {
		plane = p.H * p.W
	}
	off := p.offsets(plane)
	run := (p.rows-1)*p.pitch + p.ow // positions from the first output to the last
	outPitch := (run + convSlack) &^ 15
	size := (p.hi - p.lo) * outPitch
	if mr == 16 {
		size = 16 * (p.rows*p.ow + 16)
	}
	out, block := mem.Scratch[T](size)
	defer block.Free()
	var in []T
	for n := n0; n < n1; n++ {
		for g := range p.Groups {
			k := g*p.kg + p.lo
			b, o := x[(n*p.C+g*p.cg)*p.H*p.W:], off
			last := off[len(off)-1] + run + convSlack // the largest offset is the last tap's
			if direct && p.oy*p.W+last <= len(b) {
				b = b[p.oy*p.W:]
			} else {
				if in == nil {
					var block mem.Block
					in, block = mem.Scratch[T](p.cg*p.planes()*p.planeLen(p.rows) + convSlack)
					defer block.Free()
					clear(in)
				}
				if direct {
					o = p.offsets(p.planeLen(p.rows))
				}
				convLoad(p.convPlan, in, b, p.cg, p.oy, p.rows)
				b = in
			}
			var add []T
			if bias != nil {
				add = bias[k : k+p.hi-p.lo]
			}
			y := y[(n*p.K+k)*p.oh*p.ow:]
			if mr == 16 {
				convLanesAsm(p.convPlan, singles(y), singles(out), singles(a[k*len(off):]), singles(b), singles(add), o, act,
					p.oy, p.rows, p.hi-p.lo)
				continue
			}
			convProduct(out, outPitch, a[k*len(off):], b, o, p.hi-p.lo, run, mr)
			finishPlanes(y[p.oy*p.ow:], out, add, act, grid{
				n: p.hi - p.lo, rows: p.rows, cols: p.ow,
				dstPlane: p.oh * p.ow, dstRow: p.ow, dstCol: 1,
				srcPlane: outPitch, srcRow: p.pitch, srcCol: 1})
		}
	}
}

// packTransposed packs n rows of depth weights so that those of one depth lie
// together.
func packTransposed[T Float](dst, src []T, n, depth int) {
	r := 0
	for ; r+4 <= n; r += 4 {
		a, b, c, d := src[r*depth:][:depth], src[(r+1)*depth:][:depth], src[(r+2)*depth:][:depth], src[(r+3)*depth:][:depth]
		for k := range a {
			q := dst[k*n+r:][:4]
			q[0], q[1], q[2], q[3] = a[k], b[k], c[k], d[k]
		}
	}
	for ; r < n; r++ {
		for k, v := range src[r*depth:][:depth] {
			dst[k*n+r] = v
		}
	}
}

// convProduct computes y[r·yPitch + q] = Σ_k a[r][k]·b[off[k]+q] for rows
// r < rows and positions q < n, a packed in blocks of mr rows. It may write up to 15 positions more and read convSlack more.
func convProduct[T Float](y []T, yPitch int, a, b []T, off []int, rows, n, mr int) {
	width := convWidth[T](mr) * max(1, convDepth/len(off)) // shallow products take more positions at a time
	depth := len(off)
	for k := 0; k < depth; k += convDepth {
		o := off[k:min(k+convDepth, depth)]
		for q := 0; q < n; q += width {
			for r := 0; r < rows; r += mr {
				m := min(mr, rows-r)
				convTile(y[r*yPitch+q:], yPitch, a[r*depth+k*m:], b[q:], o, m, min(width, n-q), k > 0)
			}
		}
	}
}

// convWidth returns how many positions convTile takes at best for so many
// rows.
func convWidth[T Float](rows int) int {
	if convAsm[T]() {
		return convTileWidths[active][rows] * vectorBytes() / 4
	}
	return 256
}

// convTile computes y[r·yPitch + q] = Σ_k a[k·m + r]·b[off[k] + q] for rows
// r < m and positions q < n, on top of what y holds if add is set.
func convTile[T Float](y []T, yPitch int, a, b []T, off []int, m, n int, add bool) {
	if convAsm[T]() {
		convTileAsm(singles(y), yPitch, singles(a), singles(b), off, m, n, add)
		return
	}
	for r := range m {
		row := y[r*yPitch:][:n]
		if !add {
			clear(row)
		}
		k := 0
		for ; k+4 <= len(off); k += 4 {
			a0, a1, a2, a3 := a[k*m+r], a[(k+1)*m+r], a[(k+2)*m+r], a[(k+3)*m+r]
			b0, b1, b2, b3 := b[off[k]:][:n], b[off[k+1]:][:n], b[off[k+2]:][:n], b[off[k+3]:][:n]
			for q := range row {
				row[q] += (a0*b0[q] + a1*b1[q]) + (a2*b2[q] + a3*b3[q])
			}
		}
		for ; k < len(off); k++ {
			a0, b0 := a[k*m+r], b[off[k]:][:n]
			for q := range row {
				row[q] += a0 * b0[q]
			}
		}
	}
}

// finishPlanes copies a grid of unit columns, adding bias[i] to plane i and
// applying the activation.
func finishPlanes[T Float](dst, src, bias []T, act Act, g grid) {
	if bias == nil && act == NoAct {
		copyPlanes(dst, src, g)
		return
	}
	if convAsm[T]() {
		b := noBias[:]
		if bias != nil {
			b = singles(bias[:g.n])
		}
		convRowsAsm(singles(dst), singles(src), b, act.floor(), &g)
		return
	}
	for i := range g.n {
		b := T(noBias[0])
		if bias != nil {
			b = bias[i]
		}
		for r := range g.rows {
			d := dst[i*g.dstPlane+r*g.dstRow:][:g.cols]
			s := src[i*g.srcPlane+r*g.srcRow:][:g.cols]
			for c, v := range s {
				v += b
				if act == ActReLU && v < 0 {
					v = 0
				}
				d[c] = v
			}
		}
	}
}
