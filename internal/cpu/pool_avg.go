package cpu

import (
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// AvgPool writes the mean of each window to y: the sum of its elements over
// divisor, or, if that is 0, over the number of its positions in the input,
// those in the padding included if countPad is set.
func AvgPool[T Float](s PoolShape, y, x []T, countPad bool, divisor int) {
	in, out := s.H*s.W, s.OutH*s.OutW
	if in == 0 || out == 0 {
		return
	}
	counts := poolCounts[T](&s, countPad, divisor)
	if !s.whole() {
		// Sums of windows are a convolution with ones.
		ConvForward(s.asConv(), y, x, poolOnes[T](&s), nil, NoAct)
	}
	par.For(s.N, s.poolGrain(), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			o := y[n*out : (n+1)*out]
			if s.whole() {
				o[0] = Sum(x[n*in : (n+1)*in])
			}
			Div(o, o, counts)
		}
	})
}

// AvgPoolGrad sets dx to the gradient of AvgPool's input.
func AvgPoolGrad[T Float](s PoolShape, dx, dy []T, countPad bool, divisor int) {
	in, out := s.H*s.W, s.OutH*s.OutW
	if in == 0 || out == 0 {
		clear(dx)
		return
	}
	counts := poolCounts[T](&s, countPad, divisor)
	shares, block := mem.Scratch[T](s.N * out)
	defer block.Free()
	par.For(s.N, s.poolGrain(), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			share := shares[n*out : (n+1)*out]
			Div(share, dy[n*out:(n+1)*out], counts)
			if s.whole() {
				plane := dx[n*in : (n+1)*in]
				for i := range plane {
					plane[i] = share[0]
				}
			}
		}
	})
	if !s.whole() {
		ConvGradInput(s.asConv(), dx, shares, poolOnes[T](&s))
	}
}

// whole reports that there is one window, which is the whole plane: global
// pooling.
func (s *PoolShape) whole() bool {
	return s.OutH == 1 && s.OutW == 1 && s.KH == s.H && s.KW == s.W && s.PadTop == 0 && s.PadLeft == 0 &&
		s.DilH == 1 && s.DilW == 1
}

// asConv returns the convolution of single channels that visits the same
// windows. What those that were let in by rounding up need beyond the padding
// is added to it.
func (s *PoolShape) asConv() ConvShape {
	return ConvShape{N: s.N, C: 1, H: s.H, W: s.W, K: 1, KH: s.KH, KW: s.KW, StrideH: s.StrideH, StrideW: s.StrideW,
		PadTop: s.PadTop, PadBottom: max(0, (s.OutH-1)*s.StrideH+(s.KH-1)*s.DilH+1-s.H-s.PadTop),
		PadLeft: s.PadLeft, PadRight: max(0, (s.OutW-1)*s.StrideW+(s.KW-1)*s.DilW+1-s.W-s.PadLeft),
		DilH: s.DilH, DilW: s.DilW, Groups: 1}
}

func poolOnes[T Float](s *PoolShape) []T {
	w := make([]T, s.KH*s.KW)
	for i := range w {
		w[i] = 1
	}
	return w
}

// poolCounts returns what to divide the sum of each window of a plane by.
func poolCounts[T Float](s *PoolShape, countPad bool, divisor int) []T {
	// With padding counted, a window that was let in by rounding up still ends
	// where the padding does.
	count := func(o, in, after, k, stride, dil, pad int) int {
		lo, hi, at := poolSpan(o, in, k, stride, dil, pad)
		if countPad {
			return min(k, (in+after-at+dil-1)/dil)
		}
		return hi - lo
	}
	counts := make([]T, 0, s.OutH*s.OutW)
	for oy := range s.OutH {
		rows := count(oy, s.H, s.PadBottom, s.KH, s.StrideH, s.DilH, s.PadTop)
		for ox := range s.OutW {
			n := max(1, rows*count(ox, s.W, s.PadRight, s.KW, s.StrideW, s.DilW, s.PadLeft))
			if divisor != 0 {
				n = divisor
			}
			counts = append(counts, T(n))
		}
	}
	return counts
}
