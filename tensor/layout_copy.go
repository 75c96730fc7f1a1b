package tensor

import (
	"runtime"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// Copies between layouts.

// copyInto writes src, of dst's shape and data type, into dst, whatever their layouts.
func copyInto(dst, src *Tensor) {
	switch dst.dtype.Size() {
	case 8:
		copyElements[uint64](dst, src)
	case 4:
		copyElements[uint32](dst, src)
	case 2:
		copyElements[uint16](dst, src)
	default:
		copyElements[uint8](dst, src)
	}
}

func copyElements[T any](dst, src *Tensor) {
	if dst.IsContiguous() && small(dst, src) {
		copy(flat[T](dst), flat[T](src))
		runtime.KeepAlive(src)
		return
	}
	copyTiles[T](dst, src)
}

func copyTiles[T any](dst, src *Tensor) {
	d, s := layoutOf[T](dst), layoutOf[T](src)
	if k := s.transposed(); k >= 0 && d.contiguous {
		copyTransposed(flat[T](dst), &s, k)
		runtime.KeepAlive(src)
		return
	}
	if d.contiguous {
		map1(dst, src, func(d, s []T) { copy(d, s) })
		return
	}
	par.For(numel(dst.shape), grain, func(lo, hi int) {
		buf, block := mem.Scratch[T](tile)
		for ; lo < hi; lo += tile {
			n := min(tile, hi-lo)
			d.write(lo, s.read(lo, n, buf))
		}
		block.Free()
	})
	runtime.KeepAlive(src)
}

// transposed returns the axis along which elements lie in a row if that isn't the last one, else −1.
func (l *layout[T]) transposed() int {
	last := len(l.shape) - 1
	if l.contiguous || last < 1 || l.strides[last] == 1 || l.strides[last] == 0 {
		return -1
	}
	for k := range last {
		if l.strides[k] == 1 && l.shape[k] > 1 && l.shape[last] > 1 {
			return k
		}
	}
	return -1
}

// block is the side of the squares in which copyTransposed works: a cache line of float32.
const block = 16

// copyTransposed copies src, whose elements lie in a row along axis k, to dst in row-major order.
func copyTransposed[T any](dst []T, src *layout[T], k int) {
	last := len(src.shape) - 1
	n, m := src.shape[k], src.shape[last]
	step := src.strides[last]
	// Place of the outer axes, all but k and the last, and distance between rows of dst.
	row := m
	for a := last - 1; a > k; a-- {
		row *= src.shape[a]
	}
	outer := len(dst) / (n * m)
	blocks := (n + block - 1) / block
	par.For(outer*blocks, max(1, grain/(block*m)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			rest, from, to, size := i/blocks, src.offset, 0, m
			for a := last - 1; a >= 0; a-- {
				if a != k {
					from += rest % src.shape[a] * src.strides[a]
					to += rest % src.shape[a] * size
					rest /= src.shape[a]
				}
				size *= src.shape[a]
			}
			r0 := i % blocks * block
			r1 := min(r0+block, n)
			var square [block * block]T // each line of memory is touched once, however far apart they lie
			for c0 := 0; c0 < m; c0 += block {
				w := min(block, m-c0)
				for c := range w {
					p := from + r0 + (c0+c)*step
					for r, v := range src.data[p : p+r1-r0] {
						square[r*block+c] = v
					}
				}
				for r := range r1 - r0 {
					copy(dst[to+(r0+r)*row+c0:][:w], square[r*block:])
				}
			}
		}
	})
}

// straighten brings elements that lie across into row-major order, in a block to free.
func (l *layout[T]) straighten() mem.Block {
	k := l.transposed()
	if k < 0 {
		return mem.Block{}
	}
	out, block := mem.Scratch[T](numel(l.shape))
	copyTransposed(out, l, k)
	*l = layout[T]{data: out, contiguous: true}
	return block
}

// inOrder returns t if its elements lie in order, else a copy, for use in kernels: nothing is recorded.
func inOrder(t *Tensor) *Tensor {
	if t.IsContiguous() {
		return t
	}
	p := newTensor(Spec{t.dtype, t.shape}, t.scope)
	copyInto(p, t)
	return p
}
