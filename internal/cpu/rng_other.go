//go:build !amd64 || noasm

package cpu

func fillUniformAsm(dst []float32, key, counter, block uint64) bool { return false }
func dropoutAsm(dst, x []float32, scale float32, threshold uint32, key, counter, block uint64) bool {
	return false
}
func fillBitsAsm(dst []uint32, key, counter, block uint64) bool    { return false }
func fillNormalAsm(dst []float32, key, counter, block uint64) bool { return false }
