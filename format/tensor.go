package format

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/gradus-ml/gradus/tensor"
)

// TensorType returns the data type that an array of type d has as a tensor:
// tensors have no 16- and 8-bit signed integers, which become Int32.
func (d DType) TensorType() tensor.DType {
	switch d {
	case Bool:
		return tensor.Bool
	case U8:
		return tensor.Uint8
	case I8, I16, I32:
		return tensor.Int32
	case I64:
		return tensor.Int64
	case F16:
		return tensor.Float16
	case BF16:
		return tensor.BFloat16
	case F32:
		return tensor.Float32
	case F64:
		return tensor.Float64
	}
	panic(fmt.Sprintf("format: element type %d has no tensor type", d))
}

// TypeOf returns the type in a file of a tensor of data type t.
func TypeOf(t tensor.DType) DType {
	switch t {
	case tensor.Bool:
		return Bool
	case tensor.Uint8:
		return U8
	case tensor.Int32:
		return I32
	case tensor.Int64:
		return I64
	case tensor.Float16:
		return F16
	case tensor.BFloat16:
		return BF16
	case tensor.Float32:
		return F32
	case tensor.Float64:
		return F64
	}
	panic("format: no file type for tensors of " + t.String())
}

// ReadTensor returns a tensor whose bytes, little-endian and in row-major
// order, read puts in place. For types that tensors lack there is a copy on
// the way.
func ReadTensor(d DType, shape []int, read func([]byte) error) (*tensor.Tensor, error) {
	if d.TensorType().Size() != d.Size() {
		n, _ := d.Bytes(shape)
		a := &Array{DType: d, Shape: shape, Data: make([]byte, n)}
		if err := read(a.Data); err != nil {
			return nil, err
		}
		return a.Tensor(), nil
	}
	t := tensor.Empty(d.TensorType(), shape...)
	var err error
	tensor.WithBytes(t, true, func(b []byte) {
		if err = read(b); err != nil {
			return
		}
		a := Array{DType: d, Shape: shape, Data: b}
		if err = a.Check(); err == nil {
			a.nativeOrder()
		}
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// WithTensor calls f with t's elements as an array, without a copy where that
// is possible. The array is valid during the call only.
func WithTensor(t *tensor.Tensor, f func(*Array)) {
	t = t.Detach().Contiguous()
	tensor.WithBytes(t, false, func(b []byte) {
		a := &Array{DType: TypeOf(t.DType()), Shape: t.Shape(), Data: b}
		if !littleEndian {
			a.Data = slices.Clone(b)
			a.nativeOrder()
		}
		f(a)
	})
}

// Tensor returns a tensor with a copy of a's elements. I16 and I8 become
// Int32. It panics where Check returns an error.
func (a *Array) Tensor() *tensor.Tensor {
	if err := a.Check(); err != nil {
		panic("format: " + err.Error())
	}
	if a.DType == I16 || a.DType == I8 {
		wide := make([]int32, a.Len())
		for i, v := range a.Int64s() {
			wide[i] = int32(v)
		}
		return tensor.FromSlice(wide, len(wide)).Reshape(a.Shape...)
	}
	t, err := ReadTensor(a.DType, a.Shape, func(b []byte) error { copy(b, a.Data); return nil })
	if err != nil {
		panic("format: " + err.Error())
	}
	return t
}

// nativeOrder turns little-endian elements into the machine's order and back.
func (a *Array) nativeOrder() {
	if !littleEndian {
		a.SwapBytes()
	}
}

var littleEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}()
