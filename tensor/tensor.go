package tensor

import (
	"runtime"
	"slices"
	"unsafe"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// Tensor is an n-dimensional array: a view of memory that other tensors may
// share. The zero value isn't usable; see [FromSlice], [Zeros] and the other
// constructors. Operations never change their inputs; the few methods that
// write in place ([Tensor.CopyFrom], [Tensor.Fill], [Tensor.SetAt]) say so.
//
// A tensor may be read from several goroutines at once.
type Tensor struct {
	buf      *buffer
	offset   int // of the first element, in elements
	dtype    DType
	leaf     bool   // RequireGrad was called: gradients end here
	stale    bool   // grad holds an old gradient's memory, see ZeroGrad
	retain   bool   // RetainGrad was called
	ownsGrad bool   // Backward made grad's memory and may write to it
	lasting  uint32 // 1 if Grad returned grad: it stays as it is
	output   int32
	shape    []int
	strides  []int // in elements; 0 repeats, negative runs backwards
	node     *node // what computed it, if tracked
	grad     *Tensor
	scope    *Scope
	dims     [8]int // room for shape and strides of up to four axes
}

// Spec is the part of a tensor that is known before its values are.
type Spec struct {
	DType DType
	Shape []int
}

// spec returns a Spec, checked only by newTensor.
func spec(d DType, shape ...int) Spec { return Spec{d, shape} }

// numel returns the product of shape, 1 for a scalar.
func numel(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// setShape stores shape with the strides of contiguous row-major memory.
func (t *Tensor) setShape(shape []int) {
	n := len(shape)
	if 2*n <= len(t.dims) {
		t.shape, t.strides = t.dims[:n:n], t.dims[n:2*n:2*n]
	} else {
		both := make([]int, 2*n)
		t.shape, t.strides = both[:n:n], both[n:]
	}
	copy(t.shape, shape)
	step := 1
	for i := n - 1; i >= 0; i-- {
		t.strides[i] = step
		step *= max(shape[i], 1)
	}
}

// newTensor returns a contiguous tensor of undefined content.
func newTensor(s Spec, scope *Scope) *Tensor {
	size := 1.0
	for _, n := range s.Shape {
		size *= float64(n)
	}
	if size > 1<<58 { // broadcasting views needs no memory, what is computed from them does
		Fail("allocate", "", "shape %s has too many elements", ShapeString(s.Shape))
	}
	t := &Tensor{dtype: s.DType, scope: scope}
	t.setShape(s.Shape)
	t.buf = newBuffer(numel(s.Shape)*s.DType.Size(), scope)
	return t
}

// alias returns another view of t's memory, with t's shape, not tracked.
func (t *Tensor) alias() *Tensor {
	v := &Tensor{buf: t.buf, offset: t.offset, dtype: t.dtype, scope: t.scope}
	v.setShape(t.shape)
	copy(v.strides, t.strides)
	return v
}

// Shape returns the sizes along each axis. The caller may keep and change the slice.
func (t *Tensor) Shape() []int { return slices.Clone(t.shape) }

// Size returns the size along axis; a negative axis counts from the end.
func (t *Tensor) Size(axis int) int { return t.shape[axisIndex("size", axis, len(t.shape))] }

// NDim returns the number of axes, 0 for a scalar.
func (t *Tensor) NDim() int { return len(t.shape) }

// NumEl returns the number of elements, 1 for a scalar.
func (t *Tensor) NumEl() int { return numel(t.shape) }

// DType returns the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Strides returns the distance in elements between neighbours along each axis.
func (t *Tensor) Strides() []int { return slices.Clone(t.strides) }

// IsContiguous reports whether the elements lie in row-major order without gaps.
func (t *Tensor) IsContiguous() bool {
	step := 1
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != step {
			return numel(t.shape) == 0
		}
		step *= t.shape[i]
	}
	return true
}

// SameShape reports whether t and u have equal shapes.
func (t *Tensor) SameShape(u *Tensor) bool { return slices.Equal(t.shape, u.shape) }

// shapeText returns the shape for messages, with the data type if it isn't float32.
func (t *Tensor) shapeText() string { return ShapeString(t.shape) }

// alive panics if t can't be used.
func (t *Tensor) alive(op string) {
	if t == nil {
		Fail(op, "was it ever computed, or does it belong to a parameter before nn.Init?", "a tensor is nil")
	}
	if t.buf.freed {
		Fail(op, "copy what must live longer with Keep before Scope.Release", "the memory of a tensor %s was released with its scope", t.shapeText())
	}
}

// raw returns the elements of t's buffer from t's offset on, without regard to strides.
// Nothing but t keeps the memory alive: hold t until after the last access.
func raw[T any](t *Tensor) []T {
	var e T
	size := int(unsafe.Sizeof(e))
	n := t.buf.n/size - t.offset
	if n <= 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Add(t.buf.p, t.offset*size)), n)
}

// flat returns the elements of a contiguous tensor. Hold t until after the last access.
func flat[T any](t *Tensor) []T { return raw[T](t)[:numel(t.shape)] }

// Contiguous returns t if its elements lie in order, else a copy in which they do.
func (t *Tensor) Contiguous() *Tensor {
	if t.IsContiguous() {
		return t
	}
	return t.Clone()
}

// Clone returns a copy of t in memory of its own, tracked if t is.
func (t *Tensor) Clone() *Tensor { return apply(opClone, nil, t) }

// Detach returns the same values cut off from the record: no gradient passes. It shares t's memory.
func (t *Tensor) Detach() *Tensor {
	t.alive("detach")
	return t.alias()
}

// Item returns the only element as a float64. It panics if there isn't exactly one.
func (t *Tensor) Item() float64 {
	t.alive("item")
	if t.NumEl() != 1 {
		Fail("item", "reduce it first, say with Sum or Mean", "expected a tensor of one element, got %s", t.shapeText())
	}
	return t.at(0)
}

// At returns the element at index (one number for each axis; negative counts from the end) as a float64.
func (t *Tensor) At(index ...int) float64 {
	t.alive("at")
	return t.at(t.position("at", index))
}

// position returns the place of an element relative to t's offset.
func (t *Tensor) position(op string, index []int) int {
	if len(index) != len(t.shape) {
		Fail(op, "", "expected %d indices for shape %s, got %d", len(t.shape), t.shapeText(), len(index))
	}
	p := 0
	for a, i := range index {
		if i < 0 {
			i += t.shape[a]
		}
		if i < 0 || i >= t.shape[a] {
			Fail(op, "", "index %d on axis %d is outside of shape %s", index[a], a, t.shapeText())
		}
		p += i * t.strides[a]
	}
	return p
}

// at reads the element p places after the offset (p may be negative in a reversed view).
func (t *Tensor) at(p int) float64 {
	defer runtime.KeepAlive(t)
	q := unsafe.Add(t.buf.p, (t.offset+p)*t.dtype.Size())
	switch t.dtype {
	case Float32:
		return float64(*(*float32)(q))
	case Float64:
		return *(*float64)(q)
	case Int64:
		return float64(*(*int64)(q))
	case Int32:
		return float64(*(*int32)(q))
	case Uint8:
		return float64(*(*uint8)(q))
	case Bool:
		if *(*bool)(q) {
			return 1
		}
		return 0
	}
	var f [1]float32
	halfToFloat(t.dtype, f[:], (*[1]uint16)(q)[:])
	return float64(f[0])
}

func halfToFloat(d DType, dst []float32, src []uint16) {
	if d == Float16 {
		cpu.Float16ToFloat32(dst, src)
	} else {
		cpu.BFloat16ToFloat32(dst, src)
	}
}

func floatToHalf(d DType, dst []uint16, src []float32) {
	if d == Float16 {
		cpu.Float32ToFloat16(dst, src)
	} else {
		cpu.Float32ToBFloat16(dst, src)
	}
}

// ToSlice returns a copy of the elements in row-major order, converted to T as Go
// converts numbers (a bool counts as 0 or 1; to bool, what isn't 0 is true).
func ToSlice[T Element](t *Tensor) []T {
	t.alive("to slice")
	out := make([]T, t.NumEl())
	c := t.Detach().To(DTypeOf[T]()).Contiguous()
	copy(out, flat[T](c))
	runtime.KeepAlive(c)
	return out
}

// Data returns the elements of t in row-major order, in place and without a copy, to be read. The slice is
// memory that the collector doesn't know: it is valid while t is reachable (see
// runtime.KeepAlive) and its scope not released. It panics if t isn't
// contiguous or its elements aren't T. [ToSlice] returns a copy without such strings.
func Data[T Element](t *Tensor) []T {
	t.alive("data")
	if t.dtype != DTypeOf[T]() {
		Fail("data", "convert with To", "elements are %s, not %s", t.dtype, DTypeOf[T]())
	}
	if !t.IsContiguous() {
		Fail("data", "use Contiguous", "shape %s with strides %v isn't contiguous", t.shapeText(), t.strides)
	}
	return flat[T](t)
}

// MutableData is [Data] for writing. Gradients that need the old values then say so instead of being wrong. Call it anew for each
// write that follows a use of t: what was prepared from the values is used until then.
func MutableData[T Element](t *Tensor) []T {
	s := Data[T](t)
	t.buf.version++
	return s
}

// Version returns a number that grows whenever t's memory is written to in place, through t or any view of it: equal
// numbers mean equal values.
func (t *Tensor) Version() uint32 { return t.buf.version }

// CopyFrom writes the values of src, broadcast and converted, into t's memory.
// Every view of that memory sees them. t must not be a tracked result, and src neither, unless t is a leaf, such
// as a parameter that is updated by hand: no gradient passes through a copy.
func (t *Tensor) CopyFrom(src *Tensor) {
	t.alive("copy from")
	src.alive("copy from")
	if t.node != nil {
		Fail("copy from", "write into Detach() of it, or compute a new tensor", "can't write into a tensor that gradients flow through")
	}
	if src.node != nil && !t.leaf {
		Fail("copy from", "build the result with Cat, Stack or Where, or copy Detach() of it", "gradients flow through the values, but they don't flow through a copy")
	}
	t.separate("copy from")
	s := src.Detach().To(t.dtype)
	if !broadcasts(s.shape, t.shape) {
		Fail("copy from", "", "values of shape %s don't broadcast to %s", s.shapeText(), t.shapeText())
	}
	if s.buf == t.buf {
		s = s.Clone() // it may overlap
	}
	t.buf.version++
	copyInto(t, expandTo(s, t.shape))
}

// separate panics if several elements of t are one number in memory.
func (t *Tensor) separate(op string) {
	for i, n := range t.shape {
		if n > 1 && t.strides[i] == 0 {
			Fail(op, "Clone it first", "elements along axis %d of the expanded tensor %s share their memory", i, t.shapeText())
		}
	}
}

// Fill writes v into every element of t in place.
func (t *Tensor) Fill(v float64) { t.CopyFrom(Scalar(t.dtype, v)) }

// SetAt writes v into the element at index in place.
func (t *Tensor) SetAt(v float64, index ...int) {
	t.alive("set at")
	t.separate("set at")
	p := t.position("set at", index)
	one := t.alias()
	one.offset += p
	one.setShape(nil)
	if t.node != nil {
		Fail("set at", "write into Detach() of it, or compute a new tensor", "can't write into a tensor that gradients flow through")
	}
	one.CopyFrom(Scalar(t.dtype, v))
}

// axisIndex returns axis with negative values counted from the end, or panics.
func axisIndex(op string, axis, ndim int) int {
	a, err := normAxis(axis, ndim)
	if err != nil {
		fail(op, err)
	}
	return a
}

func normAxis(axis, ndim int) (int, error) {
	a := axis
	if a < 0 {
		a += ndim
	}
	if a < 0 || a >= ndim {
		return 0, reject("", "axis %d is out of range for a tensor of %d axes (allowed: %d to %d)", axis, ndim, -ndim, ndim-1)
	}
	return a, nil
}
