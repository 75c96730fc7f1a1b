package cpu

import (
	"math"
	"testing"
)

// The twin computes (v − shift)·scale with two roundings, and so do the other forms, to the bit.
func TestScaleBytes(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 784, 1023, 3 * maxCall / 2} {
			for offset := range 3 { // bytes at any alignment
				src := make([]uint8, n+offset)
				for i := range src {
					src[i] = uint8(i*167 + offset + 5)
				}
				src = src[offset:]
				for _, c := range [][2]float32{{0, 1.0 / 255}, {72.9, 0.0111}, {255, -3}, {float32(math.Inf(1)), 1}, {0, float32(math.NaN())}, {0, 1e-42}} {
					dst, check := convGuarded[float32](t, n)
					ScaleBytes(dst, src, c[0], c[1])
					check()
					for i, v := range src {
						want := (float32(v) - c[0]) * c[1]
						if math.Float32bits(dst[i]) != math.Float32bits(want) && !(want != want && dst[i] != dst[i]) {
							t.Fatalf("n %d, element %d: %v with %v gives %v, want %v", n, i, v, c, dst[i], want)
						}
					}
				}
			}
		}
	})
}

func TestBytesReachOne(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		src := make([]uint8, 256)
		for i := range src {
			src[i] = uint8(i)
		}
		dst := make([]float32, 256)
		ScaleBytes(dst, src, 0, 1.0/255)
		if dst[0] != 0 || dst[255] != 1 {
			t.Errorf("0 and 255 become %v and %v", dst[0], dst[255])
		}
	})
}

func BenchmarkScaleBytes(b *testing.B) {
	src, dst := make([]uint8, 784), make([]float32, 784)
	b.SetBytes(784)
	for b.Loop() {
		ScaleBytes(dst, src, 0, 1.0/255)
	}
}
