//go:build !amd64 || noasm

package cpu

func sgdStepAsm(p, g, buf []float32, h *SGDHyper) bool                     { return false }
func adamStepAsm(p, g, m, v, vmax []float32, s *adamScalars[float32]) bool { return false }
func sumSquaresAsm(x []float32) (float64, bool)                            { return 0, false }
