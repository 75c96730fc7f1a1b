//go:build !amd64 || noasm

package cpu

func softmaxRowsAsm(dst, x, alpha, beta []float32, m, n int) bool { return false }
func maxSumExpRowsAsm(mx, sum, x []float32, m, n int) bool        { return false }
func shiftRowsAsm(dst, x, a, b []float32, m, n int) bool          { return false }
func softmaxGradRowsAsm(dx, g, y []float32, m, n int) bool        { return false }
func logSoftmaxGradRowsAsm(dx, g, y []float32, m, n int) bool     { return false }
func deviationSumAsm(x []float32, c float32) (float64, bool)      { return 0, false }
