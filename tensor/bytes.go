package tensor

import (
	"runtime"
	"unsafe"
)

// WithBytes calls f with the memory of t's elements in row-major order, of
// whatever data type, in the machine's byte order: for reading and writing
// files without a copy. The slice is valid during the call only. If f writes,
// writes is to be true, so that gradients that need the old values say so; a byte of a Bool must be 0 or 1. It
// panics if t isn't contiguous.
func WithBytes(t *Tensor, writes bool, f func([]byte)) {
	t.alive("with bytes")
	if !t.IsContiguous() {
		Fail("with bytes", "use Contiguous", "shape %s with strides %v isn't contiguous", t.shapeText(), t.strides)
	}
	if writes {
		t.buf.version++
	}
	if t.NumEl() == 0 {
		f(nil)
		return
	}
	size := t.dtype.Size()
	f(unsafe.Slice((*byte)(unsafe.Add(t.buf.p, t.offset*size)), t.NumEl()*size))
	runtime.KeepAlive(t)
}
