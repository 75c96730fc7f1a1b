package cpu

import (
	"math"
	"unsafe"
)

// Convert computes dst = D(src) as Go converts: floats to integers truncate,
// and what doesn't fit an integer type is the processor's choice.
func Convert[D, S Number](dst []D, src []S) {
	src = src[:len(dst)]
	if convertFloats(dst, src) {
		return
	}
	for i, v := range src {
		dst[i] = D(v)
	}
}

// convertFloats handles float32 ↔ float64 in assembly and reports whether it did.
func convertFloats[D, S Number](dst []D, src []S) bool {
	if !assembly || active == Portable || len(dst) == 0 {
		return false
	}
	switch d := any(&dst[0]).(type) {
	case *float64:
		if s, ok := any(&src[0]).(*float32); ok {
			chunks(len(dst), func(i, n int) { widenFloat64(addr(d, i), addr(s, i), n) })
			return true
		}
	case *float32:
		if s, ok := any(&src[0]).(*float64); ok {
			chunks(len(dst), func(i, n int) { narrowFloat64(addr(d, i), addr(s, i), n) })
			return true
		}
	}
	return false
}

// chunks cuts n elements into calls short enough for assembly.
func chunks(n int, f func(i, n int)) {
	for i := 0; i < n; i += maxCall {
		f(i, min(n-i, maxCall))
	}
}

func addr[T any](p *T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), uintptr(i)*unsafe.Sizeof(*p)))
}

// Float16ToFloat32 widens IEEE 754 binary16 values, exactly.
func Float16ToFloat32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	if assembly && active != Portable && len(dst) > 0 {
		chunks(len(dst), func(i, n int) { widenFloat16(&dst[i], &src[i], n) })
		return
	}
	for i, h := range src {
		dst[i] = float16ToFloat32(h)
	}
}

// Float32ToFloat16 rounds to IEEE 754 binary16, to nearest even: beyond 65520
// to infinity, below 2⁻¹⁴ to denormals, NaN to a quiet NaN.
func Float32ToFloat16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	if assembly && active != Portable && len(dst) > 0 {
		chunks(len(dst), func(i, n int) { narrowFloat16(&dst[i], &src[i], n) })
		return
	}
	for i, v := range src {
		dst[i] = float32ToFloat16(v)
	}
}

// BFloat16ToFloat32 widens bfloat16 values, exactly.
func BFloat16ToFloat32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	if assembly && active != Portable && len(dst) > 0 {
		chunks(len(dst), func(i, n int) { widenBFloat16(&dst[i], &src[i], n) })
		return
	}
	for i, h := range src {
		dst[i] = math.Float32frombits(uint32(h) << 16)
	}
}

// Float32ToBFloat16 rounds to bfloat16, to nearest even; NaN to a quiet NaN.
func Float32ToBFloat16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	if assembly && active != Portable && len(dst) > 0 {
		chunks(len(dst), func(i, n int) { narrowBFloat16(&dst[i], &src[i], n) })
		return
	}
	for i, v := range src {
		dst[i] = float32ToBFloat16(v)
	}
}

func float16ToFloat32(h uint16) float32 {
	neg := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10)&31, uint32(h&0x3ff)
	switch exp {
	case 0: // ±0 and denormals, in units of 2⁻²⁴
		return math.Float32frombits(neg | math.Float32bits(float32(frac)*0x1p-24))
	case 31: // infinity and NaN, which becomes quiet
		if frac != 0 {
			frac |= 0x200
		}
		return math.Float32frombits(neg | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(neg | (exp+112)<<23 | frac<<13)
}

func float32ToFloat16(v float32) uint16 {
	u := math.Float32bits(v)
	neg := uint16(u>>16) & 0x8000
	u &= 0x7fffffff
	switch {
	case u > 0x7f800000:
		return neg | 0x7e00 | uint16(u>>13)&0x3ff
	case u >= 0x477ff000: // 65520
		return neg | 0x7c00
	case u < 0x38800000: // below 2⁻¹⁴: adding ½ rounds to units of 2⁻²⁴
		return neg | uint16(math.Float32bits(math.Float32frombits(u)+0.5)-0x3f000000)
	}
	u += 0xfff + u>>13&1
	return neg | uint16((u-112<<23)>>13)
}

func float32ToBFloat16(v float32) uint16 {
	u := math.Float32bits(v)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
