package cpu

import (
	"math/rand/v2"
	"testing"
)

// convSquare describes a convolution with square images and filters.
func convSquare(n, c, hw, k, filter, pad, stride int) ConvShape {
	return ConvShape{N: n, C: c, H: hw, W: hw, K: k, KH: filter, KW: filter, StrideH: stride, StrideW: stride,
		PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad, DilH: 1, DilW: 1, Groups: 1}
}

func BenchmarkConv(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	depthwise := convSquare(32, 64, 32, 64, 3, 1, 1)
	depthwise.Groups = 64
	for _, c := range []struct {
		name  string
		shape ConvShape
	}{
		{"c64", convSquare(32, 64, 32, 64, 3, 1, 1)},
		{"lenet1", convSquare(128, 1, 28, 6, 5, 2, 1)},
		{"lenet2", convSquare(128, 6, 14, 16, 5, 0, 1)},
		{"resnet16", convSquare(64, 16, 32, 16, 3, 1, 1)},
		{"resnet32s2", convSquare(64, 16, 32, 32, 3, 1, 2)},
		{"resnet64", convSquare(64, 64, 8, 64, 3, 1, 1)},
		{"1x1s2", convSquare(64, 16, 32, 32, 1, 0, 2)},
		{"depthwise", depthwise},
		{"resnet16n1", convSquare(1, 16, 32, 16, 3, 1, 1)},
		{"resnet64n1", convSquare(1, 64, 8, 64, 3, 1, 1)},
		{"stem7x7", convSquare(4, 3, 224, 64, 7, 3, 2)},
	} {
		s := c.shape
		x := convRandom[float32](r, s.N*s.C*s.H*s.W)
		w := convRandom[float32](r, s.K*s.C/s.Groups*s.KH*s.KW)
		dy := convRandom[float32](r, s.N*s.K*s.OutH()*s.OutW())
		y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.K)
		bias := make([]float32, s.K)
		b.Run(c.name+"/forward", func(b *testing.B) {
			for b.Loop() {
				ConvForward(s, y, x, w, bias, NoAct)
			}
		})
		b.Run(c.name+"/gradInput", func(b *testing.B) {
			for b.Loop() {
				ConvGradInput(s, dx, dy, w)
			}
		})
		b.Run(c.name+"/gradWeight", func(b *testing.B) {
			for b.Loop() {
				ConvGradWeight(s, dw, x, dy)
			}
		})
		b.Run(c.name+"/gradBias", func(b *testing.B) {
			for b.Loop() {
				ConvGradBias(s, db, dy)
			}
		})
	}
}

func BenchmarkMaxPool2(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []PoolShape{
		{N: 128 * 6, H: 28, W: 28, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, OutH: 14, OutW: 14},
		{N: 128 * 16, H: 10, W: 10, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, OutH: 5, OutW: 5},
		{N: 64 * 16, H: 32, W: 32, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, DilH: 1, DilW: 1, OutH: 16, OutW: 16},
	} {
		x := convRandom[float32](r, s.N*s.H*s.W)
		y, index := make([]float32, s.N*s.OutH*s.OutW), make([]int32, s.N*s.OutH*s.OutW)
		b.Run("value", func(b *testing.B) {
			for b.Loop() {
				MaxPool(s, y, nil, x)
			}
		})
		b.Run("index", func(b *testing.B) {
			for b.Loop() {
				MaxPool(s, y, index, x)
			}
		})
		b.Run("grad", func(b *testing.B) {
			for b.Loop() {
				MaxPoolGrad(s, x, y, index)
			}
		})
	}
}
