//go:build !amd64 || noasm

package cpu

func gatherSumAsm(dst, x []float32, index []int32, weight []float32, taps int) bool { return false }
