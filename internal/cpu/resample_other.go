//go:build !amd64 || noasm

package cpu

func gatherSumAsm(dst, x []float32, index []int32, weight []float32, taps, stride int) bool {
	return false
}

func bilinearTableAsm(s *Sampling, index []int32, weight, grid []float32) bool { return false }
