package format

import (
	"encoding/binary"
	"math"
	"slices"
)

// Float64s returns a's elements as float64 (length Len). I64 values beyond
// ±2^53 are rounded.
func (a *Array) Float64s() []float64 {
	out := make([]float64, a.Len())
	fill(a, out)
	return out
}

// Float32s returns a's elements as float32 (length Len), rounded to nearest.
func (a *Array) Float32s() []float32 {
	out := make([]float32, a.Len())
	fill(a, out)
	return out
}

// Int64s returns a's elements as int64 (length Len). Fractions are cut off:
// ask DType first.
func (a *Array) Int64s() []int64 {
	out := make([]int64, a.Len())
	fill(a, out)
	return out
}

func fill[T float32 | float64 | int64](a *Array, out []T) {
	le, d := binary.LittleEndian, a.Data
	switch a.DType {
	case Bool, U8:
		for i := range out {
			out[i] = T(d[i])
		}
	case I8:
		for i := range out {
			out[i] = T(int8(d[i]))
		}
	case I16:
		for i := range out {
			out[i] = T(int16(le.Uint16(d[2*i:])))
		}
	case I32:
		for i := range out {
			out[i] = T(int32(le.Uint32(d[4*i:])))
		}
	case I64:
		for i := range out {
			out[i] = T(int64(le.Uint64(d[8*i:])))
		}
	case F16:
		for i := range out {
			out[i] = T(HalfToFloat32(le.Uint16(d[2*i:])))
		}
	case BF16:
		for i := range out {
			out[i] = T(math.Float32frombits(uint32(le.Uint16(d[2*i:])) << 16))
		}
	case F32:
		for i := range out {
			out[i] = T(math.Float32frombits(le.Uint32(d[4*i:])))
		}
	case F64:
		for i := range out {
			out[i] = T(math.Float64frombits(le.Uint64(d[8*i:])))
		}
	}
}

// Of returns an array of the given shape that holds a copy of values. Its type
// follows from T. It panics if the shape doesn't have len(values) elements.
func Of[T bool | uint8 | int8 | int16 | int32 | int64 | float32 | float64](values []T, shape ...int) *Array {
	a := &Array{Shape: slices.Clone(shape)}
	le := binary.LittleEndian
	switch v := any(values).(type) {
	case []bool:
		a.DType, a.Data = Bool, make([]byte, len(v))
		for i, x := range v {
			if x {
				a.Data[i] = 1
			}
		}
	case []uint8:
		a.DType, a.Data = U8, slices.Clone(v)
	case []int8:
		a.DType, a.Data = I8, make([]byte, len(v))
		for i, x := range v {
			a.Data[i] = byte(x)
		}
	case []int16:
		a.DType, a.Data = I16, make([]byte, 2*len(v))
		for i, x := range v {
			le.PutUint16(a.Data[2*i:], uint16(x))
		}
	case []int32:
		a.DType, a.Data = I32, make([]byte, 4*len(v))
		for i, x := range v {
			le.PutUint32(a.Data[4*i:], uint32(x))
		}
	case []int64:
		a.DType, a.Data = I64, make([]byte, 8*len(v))
		for i, x := range v {
			le.PutUint64(a.Data[8*i:], uint64(x))
		}
	case []float32:
		a.DType, a.Data = F32, make([]byte, 4*len(v))
		for i, x := range v {
			le.PutUint32(a.Data[4*i:], math.Float32bits(x))
		}
	case []float64:
		a.DType, a.Data = F64, make([]byte, 8*len(v))
		for i, x := range v {
			le.PutUint64(a.Data[8*i:], math.Float64bits(x))
		}
	}
	if err := a.Check(); err != nil {
		panic("format.Of: " + err.Error())
	}
	return a
}

// HalfToFloat32 converts an IEEE 754 binary16 number; every one of them is a
// float32. NaNs keep their payload.
func HalfToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10)&31, uint32(h)&0x3ff
	switch exp {
	case 31: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case 0: // zero, subnormal: frac × 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// SwapBytes reverses the bytes of each element in place, turning big-endian
// elements into little-endian ones.
func (a *Array) SwapBytes() {
	switch data := a.Data; a.DType.Size() {
	case 2:
		for i := 0; i+2 <= len(data); i += 2 {
			data[i], data[i+1] = data[i+1], data[i]
		}
	case 4:
		for i := 0; i+4 <= len(data); i += 4 {
			binary.LittleEndian.PutUint32(data[i:], binary.BigEndian.Uint32(data[i:]))
		}
	case 8:
		for i := 0; i+8 <= len(data); i += 8 {
			binary.LittleEndian.PutUint64(data[i:], binary.BigEndian.Uint64(data[i:]))
		}
	}
}
