//go:build !amd64 || noasm

package cpu

// Without assembly the table is empty, and the reductions and conversions below
// are never called.
const assembly = false

var kernels [AVX512 + 1][numKernels]kernelFunc

func sum32(x *float32, n int) float32                          { panic("cpu: no assembly") }
func dot32(x, y *float32, n int) float32                       { panic("cpu: no assembly") }
func max32(x *float32, n int) float32                          { panic("cpu: no assembly") }
func min32(x *float32, n int) float32                          { panic("cpu: no assembly") }
func sumExp32(x *float32, n int, c float32) float32            { panic("cpu: no assembly") }
func deviations32(x *float32, n int, c float32) (s, q float32) { panic("cpu: no assembly") }
func sumRows32(dst, x *float32, m, n, ldx int)                 { panic("cpu: no assembly") }
func widenFloat64(dst *float64, src *float32, n int)           { panic("cpu: no assembly") }
func narrowFloat64(dst *float32, src *float64, n int)          { panic("cpu: no assembly") }
func widenFloat16(dst *float32, src *uint16, n int)            { panic("cpu: no assembly") }
func narrowFloat16(dst *uint16, src *float32, n int)           { panic("cpu: no assembly") }
func widenBFloat16(dst *float32, src *uint16, n int)           { panic("cpu: no assembly") }
func narrowBFloat16(dst *uint16, src *float32, n int)          { panic("cpu: no assembly") }
func vecEqual(dst *bool, a, b *float32, n int)                 { panic("cpu: no assembly") }
func vecNotEqual(dst *bool, a, b *float32, n int)              { panic("cpu: no assembly") }
func vecLess(dst *bool, a, b *float32, n int)                  { panic("cpu: no assembly") }
func vecLessEqual(dst *bool, a, b *float32, n int)             { panic("cpu: no assembly") }
func vecWhere(dst *float32, cond *bool, a, b *float32, n int)  { panic("cpu: no assembly") }
