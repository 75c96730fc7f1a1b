package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// RoIShape describes pooling K regions of N images, C planes of H×W, each to
// OutH×OutW bins. A region is its image's number and the corners x1, y1, x2,
// y2, which Scale brings to the planes' coordinates. Aligned and Samples are
// [RoIAlign]'s.
type RoIShape struct {
	N, C, H, W, K, OutH, OutW int
	Scale                     float64
	Samples                   int  // along each side of a bin; 0: as many as pixels fit
	Aligned                   bool // pixel i is the interval [i, i+1), not the point i
}

// RoIAlign sets y [K, C, OutH, OutW] to the mean of bilinear samples of x in
// each bin of each region (He et al., Mask R-CNN, 2017), as torchvision has it.
func RoIAlign[T Float](s RoIShape, y, x, rois []T) {
	par.For(s.K, 1, func(lo, hi int) {
		line, block := mem.Scratch[T](s.W)
		defer block.Free()
		for k := lo; k < hi; k++ {
			n, rows, cols := alignTaps(&s, rois[5*k:5*k+5])
			from, to := cols.span()
			line := line[:to-from]
			for c := range s.C {
				plane := x[(n*s.C+c)*s.H*s.W:][:s.H*s.W]
				for i := range s.OutH {
					clear(line)
					first, weights := rows.of(i)
					for j, w := range weights {
						Axpy(line, plane[(first+j)*s.W+from:][:len(line)], T(w))
					}
					out := y[((k*s.C+c)*s.OutH+i)*s.OutW:][:s.OutW]
					for o := range out {
						at, weights := cols.of(o)
						sum := T(0)
						for j, w := range weights {
							sum += T(w) * line[at-from+j]
						}
						out[o] = sum
					}
				}
			}
		}
	})
}

// RoIAlignGrad sets dx [N, C, H, W] to the transpose of RoIAlign applied to dy
// [K, C, OutH, OutW]; regions are added in their order.
func RoIAlignGrad[T Float](s RoIShape, dx, dy, rois []T) {
	type region struct {
		n          int
		rows, cols *Taps
	}
	regions := make([]region, s.K)
	for k := range regions {
		r := &regions[k]
		r.n, r.rows, r.cols = alignTaps(&s, rois[5*k:5*k+5])
	}
	clear(dx)
	par.For(s.C, 1, func(lo, hi int) {
		line, block := mem.Scratch[T](s.W)
		defer block.Free()
		for c := lo; c < hi; c++ {
			for k, r := range regions {
				from, to := r.cols.span()
				line := line[:to-from]
				plane := dx[(r.n*s.C+c)*s.H*s.W:][:s.H*s.W]
				for i := range s.OutH {
					clear(line)
					for o, g := range dy[((k*s.C+c)*s.OutH+i)*s.OutW:][:s.OutW] {
						at, weights := r.cols.of(o)
						for j, w := range weights {
							line[at-from+j] += T(w) * g
						}
					}
					first, weights := r.rows.of(i)
					for j, w := range weights {
						Axpy(plane[(first+j)*s.W+from:][:len(line)], line, T(w))
					}
				}
			}
		}
	})
}

// alignTaps returns the image of a region, and the mean of samples as taps
// along both axes: a bilinear sample is one of a row of linear ones.
func alignTaps[T Float](s *RoIShape, roi []T) (n int, rows, cols *Taps) {
	shift := 0.0
	if s.Aligned {
		shift = 0.5
	}
	axis := func(lo, hi T, bins, size int) *Taps {
		start, end := float64(lo)*s.Scale-shift, float64(hi)*s.Scale-shift
		length := end - start
		if !s.Aligned {
			length = max(length, 1)
		}
		return binTaps(start, length/float64(bins), bins, s.Samples, size)
	}
	return int(roi[0]), axis(roi[2], roi[4], s.OutH, s.H), axis(roi[1], roi[3], s.OutW, s.W)
}

// binTaps averages so many samples in each of a row of bins. Those further out
// than the middle of a pixel beyond the edge are zero.
func binTaps(start, width float64, bins, samples, size int) *Taps {
	if samples == 0 {
		samples = max(0, int(math.Ceil(width)))
	}
	t := newTaps(size)
	weights := make([]float64, size)
	for b := range bins {
		clear(weights)
		for i := range samples {
			at := start + float64(b)*width + (float64(i)+0.5)*width/float64(samples)
			if !(at >= -1 && at <= float64(size)) {
				continue
			}
			at = min(max(at, 0), float64(size-1))
			k := int(at)
			f := at - float64(k)
			weights[k] += (1 - f) / float64(samples)
			if f > 0 {
				weights[k+1] += f / float64(samples)
			}
		}
		t.add(0, weights)
	}
	return t
}

// span returns the range of inputs that are used at all.
func (t *Taps) span() (from, to int) {
	from = t.In
	for i := range t.Out() {
		if first, weights := t.of(i); len(weights) > 0 {
			from, to = min(from, first), max(to, first+len(weights))
		}
	}
	return min(from, to), to
}

// RoIPool sets y [K, C, OutH, OutW] to the largest element of x in each bin of
// each region, whose corners are rounded to pixels (Girshick, Fast R-CNN,
// 2015), and index to its place in x. An empty bin is 0, at len(x).
func RoIPool[T Float](s RoIShape, y []T, index []int64, x, rois []T) {
	par.For(s.K, 1, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			roi := rois[5*k : 5*k+5]
			top, high := s.pixels(float64(roi[2]), float64(roi[4]))
			left, wide := s.pixels(float64(roi[1]), float64(roi[3]))
			for c := range s.C {
				plane := (int(roi[0])*s.C + c) * s.H * s.W
				for i := range s.OutH * s.OutW {
					r0, r1 := bin(i/s.OutW, top, high, s.OutH, s.H)
					c0, c1 := bin(i%s.OutW, left, wide, s.OutW, s.W)
					best, at := T(0), len(x)
					for r := r0; r < r1; r++ {
						for q := plane + r*s.W + c0; q < plane+r*s.W+c1; q++ {
							if at == len(x) || x[q] > best || x[q] != x[q] && best == best {
								best, at = x[q], q
							}
						}
					}
					o := (k*s.C+c)*s.OutH*s.OutW + i
					y[o], index[o] = best, int64(at)
				}
			}
		}
	})
}

// pixels returns the first pixel of a region along an axis, and how many it
// has, at least one.
func (s *RoIShape) pixels(lo, hi float64) (first, count int) {
	first = int(math.Round(lo * s.Scale))
	return first, max(1, int(math.Round(hi*s.Scale))-first+1)
}

// bin returns the pixels [lo, hi) of bin i of so many over a region.
func bin(i, first, count, bins, size int) (lo, hi int) {
	lo, hi = first+i*count/bins, first+((i+1)*count+bins-1)/bins
	return min(max(lo, 0), size), min(max(hi, 0), size)
}
