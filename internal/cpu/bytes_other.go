//go:build !amd64 || noasm

package cpu

func scaleBytesAVX512(dst *float32, src *uint8, n int, shift, scale float32) {
	panic("cpu: no assembly")
}

func scaleBytesAVX2(dst *float32, src *uint8, n int, shift, scale float32) {
	panic("cpu: no assembly")
}
