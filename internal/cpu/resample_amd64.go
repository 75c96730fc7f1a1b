//go:build amd64 && !noasm

package cpu

import "unsafe"

func gatherSumAsm(dst, x []float32, index []int32, weight []float32, taps int) bool {
	n := len(dst)
	if active == Portable || n*taps == 0 || n*taps > longestRow {
		return false
	}
	index, weight = index[:n*taps], weight[:n*taps]
	pd, px, pi, pw := &dst[0], unsafe.SliceData(x), &index[0], &weight[0]
	if active == AVX512 {
		gatherSumAVX512(pd, px, pi, pw, n, taps)
	} else {
		gatherSumAVX2(pd, px, pi, pw, n, taps)
	}
	return true
}
