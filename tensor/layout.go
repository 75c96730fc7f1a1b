package tensor

import (
	"runtime"
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// Elementwise kernels work on contiguous slices. This file brings tensors of
// any layout to them: the output is cut into tiles, and of each input the
// same logical elements are taken, in place where they lie in a row, else gathered into
// a buffer that stays in the first-level cache.

const (
	tile  = 1024  // elements gathered at a time
	grain = 16384 // elements in one piece of parallel work
)

// layout reads the elements of a tensor in row-major order of its shape.
type layout[T any] struct {
	data           []T // the whole buffer
	offset         int
	shape, strides []int // neighbouring axes merged where memory allows
	contiguous     bool
}

func layoutOf[T any](t *Tensor) layout[T] {
	var e T
	l := layout[T]{offset: t.offset, contiguous: t.IsContiguous()}
	if t.buf.n > 0 {
		l.data = unsafe.Slice((*T)(t.buf.p), t.buf.n/int(unsafe.Sizeof(e)))
	}
	if l.contiguous {
		return l
	}
	for i, n := range t.shape {
		if n == 1 {
			continue
		}
		last := len(l.shape) - 1
		if last >= 0 && l.strides[last] == n*t.strides[i] {
			l.shape[last] *= n
			l.strides[last] = t.strides[i]
		} else {
			l.shape, l.strides = append(l.shape, n), append(l.strides, t.strides[i])
		}
	}
	return l
}

// read returns the n elements from the lo-th on: memory of the tensor if they lie in a row, else buf filled.
func (l *layout[T]) read(lo, n int, buf []T) []T {
	if l.contiguous {
		return l.data[l.offset+lo : l.offset+lo+n]
	}
	last := len(l.shape) - 1
	if last < 0 { // one element, repeated by nothing
		return l.data[l.offset : l.offset+1]
	}
	at, p := l.seek(lo, make([]int, 0, 8))
	step := l.strides[last]
	if run := l.shape[last] - at[last]; step == 1 && run >= n {
		return l.data[p : p+n]
	}
	buf = buf[:n]
	for done := 0; ; {
		run := min(l.shape[last]-at[last], n-done)
		copyRun(buf[done:done+run], l.data, p, step)
		done += run
		if done == n {
			return buf
		}
		p = l.nextRun(at, p)
	}
}

// write stores values as the elements from the lo-th on.
func (l *layout[T]) write(lo int, values []T) {
	last := len(l.shape) - 1
	if last < 0 {
		l.data[l.offset] = values[0]
		return
	}
	at, p := l.seek(lo, make([]int, 0, 8))
	step := l.strides[last]
	for {
		run := min(l.shape[last]-at[last], len(values))
		if step == 1 {
			copy(l.data[p:p+run], values)
		} else {
			for i, v := range values[:run] {
				l.data[p+i*step] = v
			}
		}
		values = values[run:]
		if len(values) == 0 {
			return
		}
		p = l.nextRun(at, p)
	}
}

// seek returns the index of element lo of a layout that isn't contiguous, in room if that suffices, and its place in data.
func (l *layout[T]) seek(lo int, room []int) (at []int, p int) {
	n := len(l.shape)
	if n > cap(room) {
		room = make([]int, n)
	}
	at, p = room[:n], l.offset
	for a := n - 1; a >= 0; a-- {
		at[a] = lo % l.shape[a]
		lo /= l.shape[a]
		p += at[a] * l.strides[a]
	}
	return at, p
}

// nextRun moves at and p, somewhere in a run along the last axis and the place of the run's rest, to the start of the run after it.
func (l *layout[T]) nextRun(at []int, p int) int {
	last := len(l.shape) - 1
	p -= at[last] * l.strides[last]
	at[last] = 0
	for a := last - 1; a >= 0; a-- {
		at[a]++
		p += l.strides[a]
		if at[a] < l.shape[a] {
			break
		}
		p -= at[a] * l.strides[a]
		at[a] = 0
	}
	return p
}

// copyRun fills dst with every step-th element of src from position p on.
func copyRun[T any](dst, src []T, p, step int) {
	switch step {
	case 1:
		copy(dst, src[p:p+len(dst)])
	case 0:
		repeat(dst, src[p])
	default:
		for i := range dst {
			dst[i] = src[p]
			p += step
		}
	}
}

// repeat fills dst with v, by copying, which moves whole registers.
func repeat[T any](dst []T, v T) {
	n := min(len(dst), 8)
	for i := range dst[:n] {
		dst[i] = v
	}
	for ; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// reader hands out the elements of a layout a tile at a time.
type reader[T any] struct {
	*layout[T]
	buf    []T
	block  mem.Block
	period int  // after so many elements a short pattern, such as a bias, repeats; 0 if it doesn't
	filled bool // buf holds the pattern, repeated
}

func (l *layout[T]) reader() reader[T] {
	r := reader[T]{layout: l}
	if l.contiguous {
		return r
	}
	switch n := len(l.shape); {
	case n == 1 && l.strides[0] == 0:
		r.period = 1
	case n == 2 && l.strides[0] == 0 && l.strides[1] == 1 && l.shape[1] <= tile/2:
		r.period = l.shape[1]
	}
	r.buf, r.block = mem.Scratch[T](tile + r.period)
	return r
}

// next returns the n elements from the lo-th on, valid until the next call.
func (r *reader[T]) next(lo, n int) []T {
	if r.period == 0 {
		return r.read(lo, n, r.buf)
	}
	if !r.filled {
		copy(r.buf, r.data[r.offset:r.offset+r.period])
		for k := r.period; k < len(r.buf); k *= 2 {
			copy(r.buf[k:], r.buf[:k])
		}
		r.filled = true
	}
	return r.buf[lo%r.period:][:n]
}

// map1 computes out, contiguous, from x, of the same shape.
func map1[D, A any](out, x *Tensor, f func(dst []D, a []A)) {
	if small(out, x) {
		f(flat[D](out), flat[A](x))
		runtime.KeepAlive(x)
		return
	}
	tile1(out, x, f)
}

// small reports whether work on tensors of one size is one piece of contiguous memory each: what most operations of small nets
// are, so it takes a way without closures and layouts.
func small(out *Tensor, in ...*Tensor) bool {
	if numel(out.shape) > grain {
		return false
	}
	for _, x := range in {
		if !x.IsContiguous() {
			return false
		}
	}
	return true
}

func tile1[D, A any](out, x *Tensor, f func(dst []D, a []A)) {
	dst, a := flat[D](out), layoutOf[A](x)
	defer runtime.KeepAlive(x)
	defer a.straighten().Free()
	par.For(len(dst), grain, func(lo, hi int) {
		if a.contiguous {
			f(dst[lo:hi], a.read(lo, hi-lo, nil))
			return
		}
		r := a.reader()
		for ; lo < hi; lo += tile {
			n := min(tile, hi-lo)
			f(dst[lo:lo+n], r.next(lo, n))
		}
		r.block.Free()
	})
}

// map2 computes out, contiguous, from x and y, of the same shape.
func map2[D, A, B any](out, x, y *Tensor, f func(dst []D, a []A, b []B)) {
	if small(out, x, y) {
		f(flat[D](out), flat[A](x), flat[B](y))
		runtime.KeepAlive(x)
		runtime.KeepAlive(y)
		return
	}
	tile2(out, x, y, f)
}

func tile2[D, A, B any](out, x, y *Tensor, f func(dst []D, a []A, b []B)) {
	dst, a, b := flat[D](out), layoutOf[A](x), layoutOf[B](y)
	defer runtime.KeepAlive(x)
	defer runtime.KeepAlive(y)
	defer a.straighten().Free()
	defer b.straighten().Free()
	direct := a.contiguous && b.contiguous
	par.For(len(dst), grain, func(lo, hi int) {
		if direct {
			f(dst[lo:hi], a.read(lo, hi-lo, nil), b.read(lo, hi-lo, nil))
			return
		}
		ra, rb := a.reader(), b.reader()
		for ; lo < hi; lo += tile {
			n := min(tile, hi-lo)
			f(dst[lo:lo+n], ra.next(lo, n), rb.next(lo, n))
		}
		ra.block.Free()
		rb.block.Free()
	})
}

// map3 computes out, contiguous, from x, y and z, of the same shape.
func map3[D, A, B, C any](out, x, y, z *Tensor, f func(dst []D, a []A, b []B, c []C)) {
	dst, a, b, c := flat[D](out), layoutOf[A](x), layoutOf[B](y), layoutOf[C](z)
	defer runtime.KeepAlive(x)
	defer runtime.KeepAlive(y)
	defer runtime.KeepAlive(z)
	defer a.straighten().Free()
	defer b.straighten().Free()
	defer c.straighten().Free()
	par.For(len(dst), grain, func(lo, hi int) {
		ra, rb, rc := a.reader(), b.reader(), c.reader()
		for ; lo < hi; lo += tile {
			n := min(tile, hi-lo)
			f(dst[lo:lo+n], ra.next(lo, n), rb.next(lo, n), rc.next(lo, n))
		}
		ra.block.Free()
		rb.block.Free()
		rc.block.Free()
	})
}

// broadcastShape returns the shape that a and b are both stretched to, by NumPy's rule.
func broadcastShape(a, b []int) ([]int, error) {
	n := max(len(a), len(b))
	out := make([]int, n)
	for i := range n {
		x, y := 1, 1
		if j := i - n + len(a); j >= 0 {
			x = a[j]
		}
		if j := i - n + len(b); j >= 0 {
			y = b[j]
		}
		switch {
		case x == y || y == 1:
			out[i] = x
		case x == 1:
			out[i] = y
		default:
			return nil, reject("sizes must be equal or 1, counted from the last axis; use Reshape or Unsqueeze to line them up",
				"shapes %s and %s don't broadcast: sizes %d and %d differ on axis %d", ShapeString(a), ShapeString(b), x, y, i-n)
		}
	}
	return out, nil
}

// broadcasts reports whether from can be stretched to exactly to.
func broadcasts(from, to []int) bool {
	if len(from) > len(to) {
		return false
	}
	for i, n := range from {
		if n != 1 && n != to[len(to)-len(from)+i] {
			return false
		}
	}
	return true
}

// expandTo returns a view of t stretched to shape, which t broadcasts to.
func expandTo(t *Tensor, shape []int) *Tensor {
	v := &Tensor{buf: t.buf, offset: t.offset, dtype: t.dtype, scope: t.scope}
	v.setShape(shape)
	lead := len(shape) - len(t.shape)
	for i := range shape {
		if i < lead || t.shape[i-lead] == 1 && shape[i] != 1 {
			v.strides[i] = 0
		} else {
			v.strides[i] = t.strides[i-lead]
		}
	}
	return v
}

// addInto adds g to the contiguous tensor t in place.
func addInto(t, g *Tensor) {
	switch t.dtype {
	case Float64:
		map2(t, t, g, addSlices[float64])
	case Float32:
		map2(t, t, g, addSlices[float32])
	default: // a half format: widened and rounded
		copyInto(t, t.alias().Add(g.alias()))
	}
}
