package cpu

// ScaleBytes writes (src − shift)·scale into dst: pixels become numbers. Both roundings are those of float32, in all forms of the kernel.
func ScaleBytes(dst []float32, src []uint8, shift, scale float32) {
	src = src[:len(dst)]
	done := 0
	for n := asmPart(len(dst)); done < n; {
		m := min(n-done, maxCall)
		if active == AVX512 {
			scaleBytesAVX512(&dst[done], &src[done], m, shift, scale)
		} else {
			scaleBytesAVX2(&dst[done], &src[done], m, shift, scale)
		}
		done += m
	}
	for i, v := range src[done:] {
		dst[done+i] = (float32(v) - shift) * scale
	}
}
