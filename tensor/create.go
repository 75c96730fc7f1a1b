package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// FromSlice returns a tensor with a copy of data in row-major order. Without a shape it
// has one axis of len(data) elements; see [Scalar] for a tensor without axes. It panics if the shape doesn't hold len(data) elements.
func FromSlice[T Element](data []T, shape ...int) *Tensor {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	checkShape("from slice", shape)
	if numel(shape) != len(data) {
		Fail("from slice", "", "shape %s needs %d elements, got %d", ShapeString(shape), numel(shape), len(data))
	}
	t := newTensor(spec(DTypeOf[T](), shape...), nil)
	copy(flat[T](t), data)
	return t
}

// Scalar returns a tensor without axes that holds v.
func Scalar(d DType, v float64) *Tensor {
	t := newTensor(spec(d), nil)
	fill(t, v)
	return t
}

// Empty returns a tensor of undefined content.
func Empty(d DType, shape ...int) *Tensor {
	checkShape("empty", shape)
	return newTensor(Spec{d, shape}, nil)
}

// Zeros returns a tensor of zeros.
func Zeros(d DType, shape ...int) *Tensor { return Full(d, 0, shape...) }

// Ones returns a tensor of ones.
func Ones(d DType, shape ...int) *Tensor { return Full(d, 1, shape...) }

// Full returns a tensor whose elements all are v.
func Full(d DType, v float64, shape ...int) *Tensor {
	checkShape("full", shape)
	t := newTensor(Spec{d, shape}, nil)
	fill(t, v)
	return t
}

// ZerosLike returns zeros of t's shape and data type, in t's scope.
func (t *Tensor) ZerosLike() *Tensor { return t.fullLike(0) }

// OnesLike returns ones of t's shape and data type, in t's scope.
func (t *Tensor) OnesLike() *Tensor { return t.fullLike(1) }

func (t *Tensor) fullLike(v float64) *Tensor {
	u := newTensor(Spec{t.dtype, t.shape}, t.scope)
	fill(u, v)
	return u
}

// Arange returns start, start+step, … up to but not including stop, in one axis.
func Arange(d DType, start, stop, step float64) *Tensor {
	if step == 0 || math.IsNaN(step) {
		Fail("arange", "", "step must not be %g", step)
	}
	count := math.Ceil((stop - start) / step)
	if !(count <= math.MaxInt32) {
		Fail("arange", "", "from %g to %g in steps of %g there are too many numbers", start, stop, step)
	}
	n := int(max(count, 0))
	v := make([]float64, n)
	for i := range v {
		v[i] = start + float64(i)*step
	}
	return FromSlice(v, n).To(d)
}

// Linspace returns n evenly spaced numbers from start to stop, both included.
func Linspace(d DType, start, stop float64, n int) *Tensor {
	checkShape("linspace", []int{n})
	v := make([]float64, n)
	for i := range v {
		v[i] = start
		if n > 1 {
			v[i] += (stop - start) * float64(i) / float64(n-1)
		}
		if i == n-1 && n > 1 {
			v[i] = stop
		}
	}
	return FromSlice(v, n).To(d)
}

// Eye returns the n×n identity matrix.
func Eye(d DType, n int) *Tensor {
	checkShape("eye", []int{n})
	t := Zeros(d, n, n)
	for i := range n {
		t.SetAt(1, i, i)
	}
	return t
}

// checkShape panics if a size is negative or the number of bytes overflows.
func checkShape(op string, shape []int) {
	if err := validShape(shape); err != nil {
		fail(op, err)
	}
}

func validShape(shape []int) error {
	n := 1
	for _, s := range shape {
		if s < 0 {
			return reject("", "sizes must not be negative, got shape %s", ShapeString(shape))
		}
		if s > 0 && n > math.MaxInt/16/s {
			return reject("", "shape %s has too many elements", ShapeString(shape))
		}
		n *= max(s, 1)
	}
	return nil
}

// fill writes v into a contiguous tensor.
func fill(t *Tensor, v float64) {
	switch t.dtype {
	case Float32:
		cpu.Fill(flat[float32](t), float32(v))
	case Float64:
		cpu.Fill(flat[float64](t), v)
	case Int64:
		cpu.Fill(flat[int64](t), int64(v))
	case Int32:
		cpu.Fill(flat[int32](t), int32(v))
	case Uint8:
		cpu.Fill(flat[uint8](t), uint8(v))
	case Bool:
		cpu.Fill(flat[bool](t), v != 0)
	default:
		h := make([]uint16, 1)
		floatToHalf(t.dtype, h, []float32{float32(v)})
		cpu.Fill(flat[uint16](t), h[0])
	}
}
