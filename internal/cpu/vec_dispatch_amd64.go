//go:build amd64 && !noasm

package cpu

// The reductions, conversions and comparisons, for n ≥ 1 elements and an active instruction
// set other than Portable.

func sum32(x *float32, n int) float32 {
	if active == AVX512 {
		return vecSumAVX512(x, n)
	}
	return vecSumAVX2(x, n)
}

func dot32(x, y *float32, n int) float32 {
	if active == AVX512 {
		return vecDotAVX512(x, y, n)
	}
	return vecDotAVX2(x, y, n)
}

func max32(x *float32, n int) float32 {
	if active == AVX512 {
		return vecMaxAVX512(x, n)
	}
	return vecMaxAVX2(x, n)
}

func min32(x *float32, n int) float32 {
	if active == AVX512 {
		return vecMinAVX512(x, n)
	}
	return vecMinAVX2(x, n)
}

func sumExp32(x *float32, n int, c float32) float32 {
	if active == AVX512 {
		return vecSumExpAVX512(x, n, c)
	}
	return vecSumExpAVX2(x, n, c)
}

func deviations32(x *float32, n int, c float32) (s, q float32) {
	if active == AVX512 {
		return vecDeviationsAVX512(x, n, c)
	}
	return vecDeviationsAVX2(x, n, c)
}

func sumRows32(dst, x *float32, m, n, ldx int) {
	if active == AVX512 {
		vecSumRowsAVX512(dst, x, m, n, ldx)
		return
	}
	vecSumRowsAVX2(dst, x, m, n, ldx)
}

func widenFloat64(dst *float64, src *float32, n int) {
	if active == AVX512 {
		vecWidenFloat64AVX512(dst, src, n)
		return
	}
	vecWidenFloat64AVX2(dst, src, n)
}

func narrowFloat64(dst *float32, src *float64, n int) {
	if active == AVX512 {
		vecNarrowFloat64AVX512(dst, src, n)
		return
	}
	vecNarrowFloat64AVX2(dst, src, n)
}

func widenFloat16(dst *float32, src *uint16, n int) {
	if active == AVX512 {
		vecWidenFloat16AVX512(dst, src, n)
		return
	}
	vecWidenFloat16AVX2(dst, src, n)
}

func narrowFloat16(dst *uint16, src *float32, n int) {
	if active == AVX512 {
		vecNarrowFloat16AVX512(dst, src, n)
		return
	}
	vecNarrowFloat16AVX2(dst, src, n)
}

func widenBFloat16(dst *float32, src *uint16, n int) {
	if active == AVX512 {
		vecWidenBFloat16AVX512(dst, src, n)
		return
	}
	vecWidenBFloat16AVX2(dst, src, n)
}

func narrowBFloat16(dst *uint16, src *float32, n int) {
	if active == AVX512 {
		vecNarrowBFloat16AVX512(dst, src, n)
		return
	}
	vecNarrowBFloat16AVX2(dst, src, n)
}

func vecEqual(dst *bool, a, b *float32, n int) {
	if active == AVX512 {
		vecEqualAVX512(dst, a, b, n)
		return
	}
	vecEqualAVX2(dst, a, b, n)
}

func vecNotEqual(dst *bool, a, b *float32, n int) {
	if active == AVX512 {
		vecNotEqualAVX512(dst, a, b, n)
		return
	}
	vecNotEqualAVX2(dst, a, b, n)
}

func vecLess(dst *bool, a, b *float32, n int) {
	if active == AVX512 {
		vecLessAVX512(dst, a, b, n)
		return
	}
	vecLessAVX2(dst, a, b, n)
}

func vecLessEqual(dst *bool, a, b *float32, n int) {
	if active == AVX512 {
		vecLessEqualAVX512(dst, a, b, n)
		return
	}
	vecLessEqualAVX2(dst, a, b, n)
}

func vecWhere(dst *float32, cond *bool, a, b *float32, n int) {
	if active == AVX512 {
		vecWhereAVX512(dst, cond, a, b, n)
		return
	}
	vecWhereAVX2(dst, cond, a, b, n)
}
