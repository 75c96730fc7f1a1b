package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/par"
)

// PoolShape describes the pooling of N planes (batch × channels) of H×W
// elements to OutH×OutW. The output's size is given, since it may be rounded up
// (PyTorch's ceil_mode): windows may reach past the padding. Every window
// holds at least one element of the input or, for averages, of the padding.
type PoolShape struct {
	N, H, W                              int
	KH, KW                               int
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	DilH, DilW                           int
	OutH, OutW                           int
}

// poolSpan returns which taps [lo, hi) of the window of output position o lie
// inside [0, in), and the input position of tap 0.
func poolSpan(o, in, k, stride, dil, pad int) (lo, hi, at int) {
	at = o*stride - pad
	if at < 0 {
		lo = (-at + dil - 1) / dil
	}
	hi = k
	if at+(k-1)*dil >= in {
		hi = max(lo, (in-at+dil-1)/dil)
	}
	return lo, hi, at
}

// poolGrain is how many planes a task takes.
func (s *PoolShape) poolGrain() int {
	return max(1, (1<<15)/max(1, s.H*s.W+s.OutH*s.OutW*s.KH*s.KW))
}

// MaxPool writes the largest element of each window to y and, if index isn't
// nil, the flat position of its first occurrence in the H×W plane. NaN counts
// as the largest. A window without input elements gives −Inf and index −1.
func MaxPool[T Float](s PoolShape, y []T, index []int32, x []T) {
	in, out := s.H*s.W, s.OutH*s.OutW
	if in == 0 || out == 0 {
		return
	}
	var masks []uint16
	if convAsm[T]() && !s.pairs() {
		masks = s.poolMasks()
	}
	par.For(s.N, s.poolGrain(), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			var ix []int32
			if index != nil {
				ix = index[n*out : (n+1)*out]
			}
			maxPoolPlane(&s, y[n*out:(n+1)*out], ix, x[n*in:(n+1)*in], masks)
		}
	})
}

// pairs reports the commonest pooling: 2×2 windows side by side, none of them
// cut off.
func (s *PoolShape) pairs() bool {
	return s.KH == 2 && s.KW == 2 && s.StrideH == 2 && s.StrideW == 2 && s.DilH == 1 && s.DilW == 1 &&
		s.PadTop == 0 && s.PadLeft == 0 && 2*s.OutH <= s.H && 2*s.OutW <= s.W && s.OutH > 0 && s.OutW > 0
}

// maxPool2 is maxPoolPlane for pairs.
func maxPool2[T Float](s *PoolShape, y []T, index []int32, x []T) {
	for oy := range s.OutH {
		at := 2 * oy * s.W
		a, b := x[at:at+2*s.OutW], x[at+s.W:at+s.W+2*s.OutW]
		row := y[oy*s.OutW:][:s.OutW]
		for ox := range row {
			best, i := a[2*ox], 0
			if v := a[2*ox+1]; v > best || v != v && best == best {
				best, i = v, 1
			}
			if v := b[2*ox]; v > best || v != v && best == best {
				best, i = v, s.W
			}
			if v := b[2*ox+1]; v > best || v != v && best == best {
				best, i = v, s.W+1
			}
			row[ox] = best
			if index != nil {
				index[oy*s.OutW+ox] = int32(at + 2*ox + i)
			}
		}
	}
}

// poolMasks tells for each sixteen output columns and each column of the
// window, at i·KW + k, for which of them it lies inside the input.
func (s *PoolShape) poolMasks() []uint16 {
	masks := make([]uint16, (s.OutW+15)/16*s.KW)
	for ox := range s.OutW {
		lo, hi, _ := poolSpan(ox, s.W, s.KW, s.StrideW, s.DilW, s.PadLeft)
		for k := lo; k < hi; k++ {
			masks[ox/16*s.KW+k] |= 1 << (ox % 16)
		}
	}
	return masks
}

func maxPoolPlane[T Float](s *PoolShape, y []T, index []int32, x []T, masks []uint16) {
	if s.pairs() {
		if !single[T]() || !maxPool2Asm(singles(y), index, singles(x), s.OutH, s.OutW, s.W) {
			maxPool2(s, y, index, x)
		}
		return
	}
	if masks != nil && maxPoolRowsAsm(s, singles(y), index, singles(x), masks) {
		return
	}
	for oy := range s.OutH {
		y0, y1, iy := poolSpan(oy, s.H, s.KH, s.StrideH, s.DilH, s.PadTop)
		for ox := range s.OutW {
			x0, x1, ix := poolSpan(ox, s.W, s.KW, s.StrideW, s.DilW, s.PadLeft)
			best, at := T(math.Inf(-1)), -1
			for ky := y0; ky < y1; ky++ {
				row := (iy + ky*s.DilH) * s.W
				for kx := x0; kx < x1; kx++ {
					i := row + ix + kx*s.DilW
					if v := x[i]; at < 0 || v > best || v != v && best == best {
						best, at = v, i
					}
				}
			}
			y[oy*s.OutW+ox] = best
			if index != nil {
				index[oy*s.OutW+ox] = int32(at)
			}
		}
	}
}

// MaxPoolGrad sets dx to the gradient of MaxPool's input: each element of dy
// is added where index says that it came from.
func MaxPoolGrad[T Float](s PoolShape, dx, dy []T, index []int32) {
	in, out := s.H*s.W, s.OutH*s.OutW
	par.For(s.N, s.poolGrain(), func(lo, hi int) {
		pairs := s.pairs() && single[T]()
		cut := s.H > 2*s.OutH || s.W > 2*s.OutW
		for n := lo; n < hi; n++ {
			plane, ix := dx[n*in:(n+1)*in], index[n*out:(n+1)*out]
			if pairs {
				if cut {
					clear(plane)
				}
				if maxPool2GradAsm(singles(plane), singles(dy[n*out:(n+1)*out]), ix, s.OutH, s.OutW, s.W) {
					continue
				}
			}
			clear(plane)
			for o, v := range dy[n*out : (n+1)*out] {
				if i := ix[o]; i >= 0 {
					plane[i] += v
				}
			}
		}
	})
}

// MaxPoolGather sets y[o] = x[index[o]] in each plane: the gradient of
// MaxPoolGrad.
func MaxPoolGather[T Float](s PoolShape, y, x []T, index []int32) {
	in, out := s.H*s.W, s.OutH*s.OutW
	par.For(s.N, s.poolGrain(), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			plane, row := x[n*in:(n+1)*in], y[n*out:(n+1)*out]
			for o, i := range index[n*out : (n+1)*out] {
				row[o] = 0
				if i >= 0 {
					row[o] = plane[i]
				}
			}
		}
	})
}
