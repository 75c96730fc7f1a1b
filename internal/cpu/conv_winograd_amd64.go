//go:build amd64 && !noasm

package cpu

import (
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// winograd is a 3×3 convolution of stride 1 by minimal filtering (Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2015): F(4×4,
// 3×3) makes 36 products per tile of 4×4 outputs where the definition makes
// 144. Tiles of 6×6 inputs, 4 apart, are transformed, multiplied with the
// transformed filters over the channels, a matrix product for each of the 36
// elements, and transformed back. Its rounding errors are some ten times those
// of direct summation, and an input that isn't finite spoils its whole tile.
//
// All of it runs on channels in sixteens, which lie together in scratch.
type winograd struct {
	n, c, h, w     int // inputs
	k, oh, ow      int // outputs
	padTop, padLef int
	th, tw         int // tiles down and across
	band           int // rows of tiles of an image that are done at a time
	images         int // images that are done at a time
	tiles          int // tiles that are done at a time
}

const winoElements = 36

// newWinograd returns the plan of a convolution, or false if another way is
// better.
func newWinograd(s ConvShape) (*winograd, bool) {
	if active != AVX512 || s.KH != 3 || s.KW != 3 || s.StrideH != 1 || s.StrideW != 1 || s.DilH != 1 || s.DilW != 1 ||
		s.Groups != 1 || s.C%16 != 0 || s.K%16 != 0 || max(s.PadTop, s.PadBottom, s.PadLeft, s.PadRight) > 2 {
		return nil, false
	}
	p := &winograd{n: s.N, c: s.C, h: s.H, w: s.W, k: s.K, oh: s.OutH(), ow: s.OutW(), padTop: s.PadTop, padLef: s.PadLeft}
	return p, p.plan()
}

// transposed returns the plan of the gradient with respect to the input: a
// convolution of dy with the filters turned round.
func (p *winograd) transposed() (*winograd, bool) {
	t := &winograd{n: p.n, c: p.k, h: p.oh, w: p.ow, k: p.c, oh: p.h, ow: p.w, padTop: 2 - p.padTop, padLef: 2 - p.padLef}
	return t, t.plan()
}

// plan fills in the tiles and reports whether they are worth it: there are
// enough to pay for the filters' transform and few of their outputs are thrown
// away.
func (p *winograd) plan() bool {
	p.th, p.tw = (p.oh+3)/4, (p.ow+3)/4
	enough := 4
	if p.c*p.k > 1<<13 { // transformed filters leave the cache
		enough = 32
	}
	if p.n*p.th*p.tw < enough || 2*16*p.th*p.tw > 3*p.oh*p.ow {
		return false
	}
	// What the second-level cache holds, but some eight chunks for all threads.
	most := max(12, min(96, (1<<18)/(winoElements*(p.c+p.k)), (p.n*p.th*p.tw+7)/8))
	if p.th*p.tw > most {
		bands := (p.th*p.tw + most - 1) / most
		p.band, p.images = (p.th+bands-1)/bands, 1
	} else {
		p.band, p.images = p.th, min(p.n, most/(p.th*p.tw))
	}
	p.tiles = p.images * p.band * p.tw
	return true
}

// chunks returns how many times tiles are done.
func (p *winograd) chunks() int {
	return (p.n + p.images - 1) / p.images * ((p.th + p.band - 1) / p.band)
}

// winoStride returns the distance between elements of transformed tiles of so
// many numbers: an odd number of cache lines, so that they don't compete for
// the same ones.
func winoStride(n int) int { return (n/16 | 1) * 16 }

// winoTask is the memory of one thread.
type winoTask struct {
	*winograd
	from, to           int // output channels
	in, tmp, v, m, out []float32
	block              mem.Block
	tile               gemmTile
}

func (p *winograd) task() *winoTask {
	t := &winoTask{winograd: p}
	plane := (4*p.band + 2) * (4*p.tw + 2) * 16
	sizes := []int{plane * p.c / 16, 16 * winoElements, winoElements * winoStride(p.tiles*p.c),
		winoElements * winoStride(p.tiles*p.k), 16*p.band*p.tw*16 + 256}
	total := 0
	for _, n := range sizes {
		total += n
	}
	all, block := mem.Scratch[float32](total)
	t.block = block
	for i, part := range []*[]float32{&t.in, &t.tmp, &t.v, &t.m, &t.out} {
		*part, all = all[:sizes[i]:sizes[i]], all[sizes[i]:]
	}
	// The borders at the sides stay zero; input sees to those above and below.
	wide := (4*p.tw + 2) * 16
	left, right := p.padLef*16, min(wide, (p.padLef+p.w)*16)
	for at := 0; at < len(t.in); at += wide {
		clear(t.in[at : at+left])
		clear(t.in[at+right : at+wide])
	}
	return t
}

// each calls visit for the images and rows of tiles of a chunk with the number
// of their first tile.
func (p *winograd) each(chunk int, visit func(n, ty, rows, tile int)) (tiles int) {
	bands := (p.th + p.band - 1) / p.band
	n0 := chunk / bands * p.images
	ty := chunk % bands * p.band
	rows := min(p.band, p.th-ty)
	for n := n0; n < min(n0+p.images, p.n); n++ {
		visit(n, ty, rows, tiles)
		tiles += rows * p.tw
	}
	return tiles
}

// input transforms the tiles of x.
func (t *winoTask) input(x []float32, n, ty, rows, tile int) {
	wide, high := 4*t.tw+2, 4*rows+2
	plane := (4*t.band + 2) * wide * 16
	top := 4*ty - t.padTop // input row of the first padded one
	r0, r1 := min(high, max(0, -top)), max(0, min(high, t.h-top))
	cols := min(t.w, wide-t.padLef)
	e := winoStride(t.tiles * t.c)
	for b := 0; b < t.c; b += 16 {
		in := t.in[b/16*plane:][:plane]
		clear(in[:r0*wide*16])
		clear(in[max(r0, r1)*wide*16 : high*wide*16])
		if r0 < r1 {
			winoLoadAVX512(&in[(r0*wide+t.padLef)*16], &x[((n*t.c+b)*t.h+top+r0)*t.w], r1-r0, cols,
				wide*64, t.w*4, t.h*t.w*4)
		}
		for i := range rows {
			winoInputAVX512(&t.v[(tile+i*t.tw)*t.c+b], &in[4*i*wide*16], &t.tmp[0], t.tw, wide*64, t.c*4, e*4)
		}
	}
}

// conv computes y = act(x ⋆ w + bias + add) with transformed filters u.
func (p *winograd) conv(y, x, u []float32, e ConvEnd[float32]) {
	chunks := p.chunks()
	per := max(1, (chunks+15)/16)
	// Few tiles are shared by output channels as well, each share transforming the input for itself.
	slices := 1
	if chunks < 4 && p.k%32 == 0 {
		slices = min(p.k/32, 4/chunks)
	}
	tasks := (chunks + per - 1) / per
	par.Run(tasks*slices, func(i int) {
		t := p.task()
		defer t.block.Free()
		i, slice := i/slices, i%slices
		blocks := p.k / 16
		t.from, t.to = slice*blocks/slices*16, (slice+1)*blocks/slices*16
		for chunk := i * per; chunk < min((i+1)*per, chunks); chunk++ {
			tiles := p.each(chunk, func(n, ty, rows, tile int) { t.input(x, n, ty, rows, tile) })
			t.product(u, tiles)
			p.each(chunk, func(n, ty, rows, tile int) { t.output(y, &e, n, ty, rows, tile) })
		}
	})
}

// product computes m = v·u for each element of the tiles.
func (t *winoTask) product(u []float32, tiles int) {
	vStride, mStride, uStride := winoStride(t.tiles*t.c), winoStride(t.tiles*t.k), winoStride(t.c*t.k)
	kernel, g := kernelOf[float32](), &t.tile
	*g = gemmTile{aRow: uintptr(t.c) * 4, aK: 4, bK: uintptr(t.k) * 4, cRow: uintptr(t.k) * 4, k: t.c, alpha: bitsOf[float32](1)}
	mr := convBlock(tiles, kernel.rows[2])
	for e := range winoElements {
		for col := t.from; col < t.to; col += 32 {
			kernel.setWidth(g, min(32, t.to-col))
			g.b = unsafe.Pointer(&u[e*uStride+col])
			for r := 0; r < tiles; r += mr {
				g.rows = min(mr, tiles-r)
				g.a = unsafe.Pointer(&t.v[e*vStride+r*t.c])
				g.c = unsafe.Pointer(&t.m[e*mStride+r*t.k+col])
				g.next = uintptr(g.a) + ahead(g)
				kernel.run(g)
			}
		}
	}
}

// output transforms the products back and writes them to y.
func (t *winoTask) output(y []float32, end *ConvEnd[float32], n, ty, rows, tile int) {
	e := winoStride(t.tiles * t.k)
	floor := end.Act.floor()
	early := floor
	if end.Add != nil {
		early = NoAct.floor()
	}
	for b := t.from; b < t.to; b += 16 {
		bias := &zeroLanes[0]
		if end.Bias != nil {
			bias = &end.Bias[b]
		}
		for i := range rows {
			winoOutputAVX512(&t.out[16*i*t.tw*16], &t.m[(tile+i*t.tw)*t.k+b], t.tw, t.tw*256, t.k*4, e*4, bias, early)
		}
		at := ((n*t.k+b)*t.oh + 4*ty) * t.ow
		high := min(4*rows, t.oh-4*ty)
		if end.Add != nil {
			winoStoreAddAVX512(&y[at], &t.out[0], &end.Add[at], high, t.ow, t.ow*4, t.tw*256, t.oh*t.ow*4, floor)
		} else {
			winoStoreAVX512(&y[at], &t.out[0], high, t.ow, t.ow*4, t.tw*256, t.oh*t.ow*4)
		}
	}
}

// winoFilters transforms the filters for c input and k output channels: filter
// (ci, co) begins at w[ci·inStep + co·outStep], its taps step elements apart.
func winoFilters(u, w []float32, c, k, first, inStep, outStep, step int) {
	var lanes [16]int32
	for i := range lanes {
		lanes[i] = int32(i * outStep)
	}
	par.For(c, max(1, (1<<10)/k), func(lo, hi int) {
		for ci := lo; ci < hi; ci++ {
			for co := 0; co < k; co += 16 {
				winoFilterAVX512(&u[ci*k+co], &w[first+ci*inStep+co*outStep], &lanes[0], step*4, winoStride(c*k)*4)
			}
		}
	})
}

// winoForward is ConvForwardEnd if this way is better, and reports whether it is.
func winoForward(s ConvShape, y, x, w []float32, e ConvEnd[float32]) bool {
	p, ok := newWinograd(s)
	if !ok {
		return false
	}
	u, block := e.prepared(p.n*p.th*p.tw <= 256, convWinograd, winoElements*winoStride(p.c*p.k), func(u []float32) {
		winoFilters(u, w, p.c, p.k, 0, 9, 9*p.c, 1)
	})
	defer block.Free()
	p.conv(y, x, u, e)
	return true
}

// winoGradInput is ConvGradInput if this way is better, and reports whether it
// is.
func winoGradInput(s ConvShape, dx, dy, w []float32) bool {
	p, ok := newWinograd(s)
	if !ok {
		return false
	}
	p, ok = p.transposed()
	if !ok {
		return false
	}
	u, block := mem.Scratch[float32](winoElements * winoStride(p.c*p.k))
	defer block.Free()
	winoFilters(u, w, p.c, p.k, 8, 9*p.k, 9, -1)
	p.conv(dx, dy, u, ConvEnd[float32]{})
	return true
}

// winoGradWeight is ConvGradWeight if this way is better, and reports whether
// it is: the sum over the tiles of A·dy·Aᵀ times Bᵀ·x·B, transformed by Gᵀ and
// G. Parts of the chunks are summed apart, then in order.
func winoGradWeight(s ConvShape, dw, x, dy []float32) bool {
	p, ok := newWinograd(s)
	if !ok {
		return false
	}
	size := winoElements * winoStride(p.c*p.k)
	chunks := p.chunks()
	parts := min(8, chunks, (1<<22)/size)
	if parts < min(4, chunks) {
		return false
	}
	sums, block := mem.Scratch[float32](parts * size)
	defer block.Free()
	par.Run(parts, func(i int) {
		t := p.task()
		defer t.block.Free()
		lo, hi := i*chunks/parts, (i+1)*chunks/parts
		clear(t.out) // the edges of tiles that reach past dy
		for chunk := lo; chunk < hi; chunk++ {
			tiles := p.each(chunk, func(n, ty, rows, tile int) {
				t.input(x, n, ty, rows, tile)
				t.grad(dy, n, ty, rows, tile)
			})
			t.outer(sums[i*size:(i+1)*size], tiles, chunk > lo)
		}
	})
	var lanes [16]int32
	for i := range lanes {
		lanes[i] = int32(i * p.c * 9)
	}
	stride := winoStride(p.c * p.k)
	par.For(p.c*p.k/16, 64, func(lo, hi int) {
		for e := range winoElements {
			sum := sums[e*stride+lo*16 : e*stride+hi*16]
			for i := 1; i < parts; i++ {
				Add(sum, sum, sums[i*size+e*stride+lo*16:][:len(sum)])
			}
		}
		for b := lo; b < hi; b++ {
			ci, co := b*16/p.k, b*16%p.k
			winoFilterGradAVX512(&dw[(co*p.c+ci)*9], &sums[b*16], &lanes[0], stride*4)
		}
	})
	return true
}

// grad transforms the tiles of dy into m.
func (t *winoTask) grad(dy []float32, n, ty, rows, tile int) {
	e := winoStride(t.tiles * t.k)
	wide, high := 4*t.tw, min(4*rows, t.oh-4*ty)
	clear(t.out[high*wide*16 : max(high, 4*rows)*wide*16])
	for b := 0; b < t.k; b += 16 {
		winoLoadAVX512(&t.out[0], &dy[((n*t.k+b)*t.oh+4*ty)*t.ow], high, t.ow, wide*64, t.ow*4, t.oh*t.ow*4)
		for i := range rows {
			winoGradAVX512(&t.m[(tile+i*t.tw)*t.k+b], &t.out[16*i*t.tw*16], t.tw, wide*64, t.k*4, e*4)
		}
	}
}

// outer computes sum = vᵀ·m for each element of the tiles, on top of what it
// holds if add is set.
func (t *winoTask) outer(sum []float32, tiles int, add bool) {
	vStride, mStride, sStride := winoStride(t.tiles*t.c), winoStride(t.tiles*t.k), winoStride(t.c*t.k)
	kernel, g := kernelOf[float32](), &t.tile
	*g = gemmTile{aRow: 4, aK: uintptr(t.c) * 4, bK: uintptr(t.k) * 4, cRow: uintptr(t.k) * 4, k: tiles, alpha: bitsOf[float32](1)}
	mr := convBlock(t.c, kernel.rows[2])
	if add {
		g.beta = bitsOf[float32](1)
	}
	for e := range winoElements {
		for col := 0; col < t.k; col += 32 {
			kernel.setWidth(g, min(32, t.k-col))
			g.b = unsafe.Pointer(&t.m[e*mStride+col])
			for r := 0; r < t.c; r += mr {
				g.rows = min(mr, t.c-r)
				g.a = unsafe.Pointer(&t.v[e*vStride+r])
				g.c = unsafe.Pointer(&sum[e*sStride+r*t.k+col])
				g.next = uintptr(g.a) + ahead(g)
				kernel.run(g)
			}
		}
	}
}
