//go:build amd64 && !noasm

package cpu

import "unsafe"

// longestRow is the most elements that one assembly call covers: it cannot be
// preempted, and a longer row would keep the collector waiting. Longer rows
// are left to the portable kernels.
const longestRow = 1 << 18

func softmaxRowsAsm(dst, x, alpha, beta []float32, m, n int) bool {
	if n > longestRow {
		return false
	}
	d, p, a, b := unsafe.SliceData(dst), unsafe.SliceData(x), unsafe.SliceData(alpha), unsafe.SliceData(beta)
	switch active {
	case AVX512:
		softmaxRowsAVX512(d, p, a, b, m, n)
	case AVX2:
		softmaxRowsAVX2(d, p, a, b, m, n)
	default:
		return false
	}
	return true
}

func maxSumExpRowsAsm(mx, sum, x []float32, m, n int) bool {
	if n > longestRow {
		return false
	}
	a, b, p := unsafe.SliceData(mx), unsafe.SliceData(sum), unsafe.SliceData(x)
	switch active {
	case AVX512:
		maxSumExpRowsAVX512(a, b, p, m, n)
	case AVX2:
		maxSumExpRowsAVX2(a, b, p, m, n)
	default:
		return false
	}
	return true
}

func shiftRowsAsm(dst, x, a, b []float32, m, n int) bool {
	if n > longestRow {
		return false
	}
	d, p, u, v := unsafe.SliceData(dst), unsafe.SliceData(x), unsafe.SliceData(a), unsafe.SliceData(b)
	switch active {
	case AVX512:
		shiftRowsAVX512(d, p, u, v, m, n)
	case AVX2:
		shiftRowsAVX2(d, p, u, v, m, n)
	default:
		return false
	}
	return true
}

func softmaxGradRowsAsm(dx, g, y []float32, m, n int) bool {
	if n > longestRow {
		return false
	}
	d, p, q := unsafe.SliceData(dx), unsafe.SliceData(g), unsafe.SliceData(y)
	switch active {
	case AVX512:
		softmaxGradRowsAVX512(d, p, q, m, n)
	case AVX2:
		softmaxGradRowsAVX2(d, p, q, m, n)
	default:
		return false
	}
	return true
}

func logSoftmaxGradRowsAsm(dx, g, y []float32, m, n int) bool {
	if n > longestRow {
		return false
	}
	d, p, q := unsafe.SliceData(dx), unsafe.SliceData(g), unsafe.SliceData(y)
	switch active {
	case AVX512:
		logSoftmaxGradRowsAVX512(d, p, q, m, n)
	case AVX2:
		logSoftmaxGradRowsAVX2(d, p, q, m, n)
	default:
		return false
	}
	return true
}

// deviationSumAsm returns Σ (x - c).
func deviationSumAsm(x []float32, c float32) (float64, bool) {
	if active == Portable || len(x) > longestRow {
		return 0, false
	}
	var s float32
	if active == AVX512 {
		s, _ = channelMomentsAVX512(unsafe.SliceData(x), 1, len(x), len(x), c)
	} else {
		s, _ = channelMomentsAVX2(unsafe.SliceData(x), 1, len(x), len(x), c)
	}
	return float64(s), true
}
