package cpu

import "math"

// Convert computes dst = D(src) as Go converts: floats to integers truncate,
// and what doesn't fit an integer type is the processor's choice.
func Convert[D, S Number](dst []D, src []S) {
	src = src[:len(dst)]
	done := convertFloats(dst, src)
	for i, v := range src[done:] {
		dst[done+i] = D(v)
	}
}

// convertFloats converts the leading elements between float32 and float64 in
// assembly, and returns how many.
func convertFloats[D, S Number](dst []D, src []S) int {
	if asmPart(len(dst)) == 0 {
		return 0
	}
	switch d := any(dst).(type) {
	case []float64:
		if s, ok := any(src).([]float32); ok {
			return inAssembly(d, s, widenFloat64)
		}
	case []float32:
		if s, ok := any(src).([]float64); ok {
			return inAssembly(d, s, narrowFloat64)
		}
	}
	return 0
}

// asmPart returns how many of n elements the conversions do in assembly, which
// takes them by 16.
func asmPart(n int) int {
	if !assembly || active == Portable {
		return 0
	}
	return n &^ 15
}

// inAssembly converts the leading elements and returns how many.
func inAssembly[D, S any](dst []D, src []S, f func(*D, *S, int)) int {
	n := asmPart(len(dst))
	for i := 0; i < n; i += maxCall {
		f(&dst[i], &src[i], min(n-i, maxCall))
	}
	return n
}

// Float16ToFloat32 widens IEEE 754 binary16 values, exactly.
func Float16ToFloat32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i := inAssembly(dst, src, widenFloat16); i < len(dst); i++ {
		dst[i] = float16ToFloat32(src[i])
	}
}

// Float32ToFloat16 rounds to IEEE 754 binary16, to nearest even: from 65520 up
// to infinity, below 2⁻¹⁴ to denormals, NaN to a quiet NaN.
func Float32ToFloat16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for i := inAssembly(dst, src, narrowFloat16); i < len(dst); i++ {
		dst[i] = float32ToFloat16(src[i])
	}
}

// BFloat16ToFloat32 widens bfloat16 values, exactly.
func BFloat16ToFloat32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i := inAssembly(dst, src, widenBFloat16); i < len(dst); i++ {
		dst[i] = math.Float32frombits(uint32(src[i]) << 16)
	}
}

// Float32ToBFloat16 rounds to bfloat16, to nearest even; NaN to a quiet NaN.
func Float32ToBFloat16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for i := inAssembly(dst, src, narrowBFloat16); i < len(dst); i++ {
		dst[i] = float32ToBFloat16(src[i])
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
