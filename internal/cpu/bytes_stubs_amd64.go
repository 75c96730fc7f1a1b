//go:build amd64 && !noasm

package cpu

// scaleBytesAVX512 and scaleBytesAVX2 do n elements, a multiple of 16.

//go:noescape
func scaleBytesAVX512(dst *float32, src *uint8, n int, shift, scale float32)

//go:noescape
func scaleBytesAVX2(dst *float32, src *uint8, n int, shift, scale float32)
