package tensor_test

import (
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// BenchmarkBroadcast adds the shapes that networks add, beside two of one shape.
func BenchmarkBroadcast(b *testing.B) {
	for _, c := range []struct {
		name string
		x, y []int
	}{
		{"same", []int{256, 4096}, []int{256, 4096}},
		{"row", []int{256, 4096}, []int{4096}},
		{"short row", []int{16384, 64}, []int{64}},
		{"column", []int{256, 4096}, []int{256, 1}},
		{"channels", []int{16, 64, 32, 32}, []int{64, 1, 1}},
		{"scalar", []int{256, 4096}, nil},
		{"transposed", []int{1024, 1024}, []int{1024, 1024}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := NewScope()
			x, y := Ones(Float32, c.x...).In(s), Ones(Float32, c.y...)
			if c.name == "transposed" {
				y = y.T()
			}
			b.SetBytes(int64(12 * x.NumEl()))
			for b.Loop() {
				x.Add(y)
				s.Release()
			}
		})
	}
}
