package format

import (
	"fmt"
	"math"
	"math/bits"
)

// DType is the type of the elements of an [Array].
type DType uint8

// The element types that files can hold. The names are safetensors'.
const (
	Bool DType = iota + 1 // one byte, 0 or 1
	U8
	I8
	I16
	F16  // IEEE 754 binary16
	BF16 // the upper half of a float32
	I32
	F32
	F64
	I64
)

var dtypes = [...]struct {
	name string
	size int
}{
	{"invalid", 0},
	Bool: {"BOOL", 1}, U8: {"U8", 1}, I8: {"I8", 1}, I16: {"I16", 2}, F16: {"F16", 2}, BF16: {"BF16", 2},
	I32: {"I32", 4}, F32: {"F32", 4}, F64: {"F64", 8}, I64: {"I64", 8},
}

// String returns safetensors' name of the type, such as "F32".
func (d DType) String() string {
	if int(d) >= len(dtypes) {
		return "invalid"
	}
	return dtypes[d].name
}

// Size returns the bytes per element.
func (d DType) Size() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].size
}

// ParseDType returns the type that safetensors calls name.
func ParseDType(name string) (DType, bool) {
	for d := Bool; int(d) < len(dtypes); d++ {
		if dtypes[d].name == name {
			return d, true
		}
	}
	return 0, false
}

// MaxRank is the most dimensions an array in a file may have, as in NumPy 2.
const MaxRank = 64

// Count returns the number of elements of an array of the given shape. It
// reports false if a dimension is negative or the product overflows, even
// when another dimension is 0.
func Count(shape []int) (int, bool) {
	n, zero := uint64(1), false
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		if d == 0 {
			zero = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt {
			return 0, false
		}
		n = lo
	}
	if zero {
		n = 0
	}
	return int(n), true
}

// Bytes returns the bytes that an array of this type and shape takes, or false
// where [Count] does or the product overflows.
func (d DType) Bytes(shape []int) (int, bool) {
	n, ok := Count(shape)
	if !ok || n > math.MaxInt/8 {
		return 0, false
	}
	return n * d.Size(), true
}

// Array is a tensor as it lies in a file: elements in row-major order, each
// little-endian.
type Array struct {
	DType DType
	Shape []int
	Data  []byte // DType.Bytes(Shape) bytes
}

// Len returns the number of elements.
func (a *Array) Len() int { return len(a.Data) / max(1, a.DType.Size()) }

// Check returns an error if a's data doesn't fit its type and shape, or if a
// bool is neither 0 nor 1.
func (a *Array) Check() error {
	if a.DType.Size() == 0 {
		return fmt.Errorf("array of unknown element type %d", a.DType)
	}
	want, ok := a.DType.Bytes(a.Shape)
	if !ok {
		return fmt.Errorf("array of impossible shape %v", a.Shape)
	}
	if want != len(a.Data) {
		return fmt.Errorf("array of %s %v needs %d bytes, has %d", a.DType, a.Shape, want, len(a.Data))
	}
	if a.DType == Bool {
		for i, b := range a.Data {
			if b > 1 {
				return fmt.Errorf("element %d of a BOOL array is the byte %d, not 0 or 1", i, b)
			}
		}
	}
	return nil
}
