//go:build amd64 && !noasm

package cpu

import "unsafe"

func gatherSumAsm(dst, x []float32, index []int32, weight []float32, taps, stride int) bool {
	n := len(dst)
	if active == Portable || n*taps == 0 || n*taps > longestRow {
		return false
	}
	last := (taps-1)*stride + n - 1
	_, _ = index[last], weight[last]
	pd, px, pi, pw := &dst[0], unsafe.SliceData(x), &index[0], &weight[0]
	if active == AVX512 {
		gatherSumAVX512(pd, px, pi, pw, n, taps, stride)
	} else {
		gatherSumAVX2(pd, px, pi, pw, n, taps, stride)
	}
	return true
}

// sampleAxis is what bilinearTable must know of an axis: a place is
// scale·coordinate + offset, kept between low and high; the weight of the element behind
// is whole·fraction + slope, and that in front what it lacks to whole.
type sampleAxis struct {
	scale, offset, low, high float32
	whole, slope             float32
	last                     int32 // element
}

func (s *Sampling) axis(size, order int) sampleAxis {
	n := float32(size)
	a := sampleAxis{scale: n / 2, offset: (n - 1) / 2, low: -2, high: n + 1, whole: 1, last: int32(size - 1)}
	if s.Corners {
		a.scale = (n - 1) / 2
	}
	if s.Border {
		a.low, a.high = 0, n-1
	}
	if order > 0 {
		a.whole, a.slope = 0, a.scale
	}
	return a
}

// bilinearTableAsm does what sampleTable.fill says, or reports false for cases
// that are left to it.
func bilinearTableAsm(s *Sampling, index []int32, weight, grid []float32) bool {
	if active == Portable || s.Nearest || s.Reflect || s.Border && s.SlopeX+s.SlopeY > 0 {
		return false
	}
	axes := [2]sampleAxis{s.axis(s.W, s.SlopeX), s.axis(s.H, s.SlopeY)}
	fill := func(at int, grid []float32) {
		if active == AVX512 {
			bilinearTableAVX512(&index[at], &weight[at], &grid[0], len(grid)/2, &axes[0])
		} else {
			bilinearTableAVX2(&index[at], &weight[at], &grid[0], len(grid)/2, &axes[0])
		}
	}
	whole := len(grid) &^ 31
	if whole > 0 {
		fill(0, grid[:whole])
	}
	if whole < len(grid) {
		var rest [32]float32
		copy(rest[:], grid[whole:])
		fill(whole/2, rest[:])
	}
	return true
}
