//go:build !amd64 || noasm

package cpu

// Without assembly none of these is called.
const convAssembly = false

var convTileWidths [AVX512 + 1][9]int

func convTileAsm(y []float32, yPitch int, a, b []float32, off []int, m, n int, add bool) {
	panic("cpu: no assembly")
}

func convDotAsm(y []float32, yPitch int, z []float32, zPitch int, b []float32, off []int, m int, s segments) {
	panic("cpu: no assembly")
}

func convRowsAsm(dst, src, bias []float32, floor float32, g *grid) {
	panic("cpu: no assembly")
}

func vectorBytes() int { panic("cpu: no assembly") }

func maxPool2Asm(y []float32, index []int32, x []float32, rows, cols, w int) bool { return false }

func maxPool2GradAsm(dx, dy []float32, index []int32, rows, cols, w int) bool { return false }

func convStrideAsm(dst, src []float32, rows, cols, dstRow, srcRow int, every bool) bool { return false }

func winoForward(s ConvShape, y, x, w []float32, e ConvEnd[float32]) bool { return false }

func winoGradInput(s ConvShape, dx, dy, w []float32) bool { return false }

func winoGradWeight(s ConvShape, dw, x, dy []float32) bool { return false }

func maxPoolRowsAsm(s *PoolShape, y []float32, index []int32, x []float32, masks []uint16) bool {
	return false
}

func convLanes(p *convPlan) bool { return false }

func convLanesAsm(p *convPlan, y, buf, a, b, bias []float32, off []int, act Act, oy, rows, channels int) {
	panic("cpu: no assembly")
}
