package tensor

import "fmt"

// DType is the type of a tensor's elements. The zero value is Float32.
type DType uint8

// The data types. Arithmetic is done in Float32 and Float64; BFloat16 and
// Float16 are formats for storage, computed in Float32 and rounded back.
const (
	Float32 DType = iota
	Float64
	BFloat16
	Float16
	Int64
	Int32
	Uint8
	Bool
)

var dtypeNames = [...]string{"float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool"}

// String returns PyTorch's name without its prefix, such as "float32".
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size returns the bytes of one element.
func (d DType) Size() int {
	switch d {
	case Float64, Int64:
		return 8
	case Float32, Int32:
		return 4
	case BFloat16, Float16:
		return 2
	}
	return 1
}

// IsFloat reports whether d is a floating-point type, the kind that gradients exist for.
func (d DType) IsFloat() bool { return d <= Float16 }

// isHalf reports whether d is stored in 16 bits and computed in 32.
func (d DType) isHalf() bool { return d == BFloat16 || d == Float16 }

// Element is the set of Go types that hold one element. BFloat16 and Float16
// have no Go type: they are read and written as float32.
type Element interface {
	float32 | float64 | int64 | int32 | uint8 | bool
}

// DTypeOf returns the data type whose elements are T.
func DTypeOf[T Element]() DType {
	var t T
	switch any(t).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int64:
		return Int64
	case int32:
		return Int32
	case uint8:
		return Uint8
	}
	return Bool
}

// promoted returns the data type that a and b are both brought to in an
// operation of two, by PyTorch's rule: a float outranks an integer, an integer a
// bool, and within a kind the wider wins (the two half formats meet in Float32).
func promoted(a, b DType) DType {
	if a == b {
		return a
	}
	if a.isHalf() && b.isHalf() {
		return Float32
	}
	rank := [...]int{Bool: 0, Uint8: 1, Int32: 2, Int64: 3, Float16: 4, BFloat16: 4, Float32: 5, Float64: 6}
	if rank[a] > rank[b] {
		return a
	}
	return b
}
