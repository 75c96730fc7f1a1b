//go:build !amd64 || noasm

package cpu

func layerNormAsm(y, mean, rstd, x, gamma, beta []float32, m, n int, eps float32) bool {
	return false
}
func rmsNormAsm(y, rstd, x, gamma []float32, m, n int, eps float32) bool { return false }
func layerNormGradAsm(dx, dgamma, dbeta, g, x, mean, rstd, gamma []float32, m, n int) bool {
	return false
}
func batchNormStatsAsm(mean, variance, x []float32, n, c, s, lo, hi int) bool { return false }
func batchNormApplyAsm(y, x, add, mean, rstd, gamma, beta []float32, act Act, n, c, s, lo, hi int) bool {
	return false
}
func batchNormGradAsm(dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma []float32, n, c, s, lo, hi int) bool {
	return false
}
