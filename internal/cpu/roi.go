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
	plane, bins := s.H*s.W, s.OutH*s.OutW
	par.For(s.K, 1, func(lo, hi int) {
		line, block := mem.Scratch[T](s.W)
		defer block.Free()
		for k := lo; k < hi; k++ {
			r := newRegion(&s, rois[5*k:5*k+5])
			for c := range s.C {
				from, to := x[(r.n*s.C+c)*plane:][:plane], y[(k*s.C+c)*bins:][:bins]
				for i := range s.OutH {
					used := line[r.left:r.right]
					clear(used)
					for j, w := range r.rows.weight(i) {
						Axpy(used, from[(r.rows.first(i)+j)*s.W+r.left:][:len(used)], w)
					}
					gatherSum(to[i*s.OutW:(i+1)*s.OutW], line, r.index, r.weight, r.taps, s.OutW)
				}
			}
		}
	})
}

// RoIAlignGrad sets dx [N, C, H, W] to the transpose of RoIAlign applied to dy
// [K, C, OutH, OutW]; regions are added in their order.
func RoIAlignGrad[T Float](s RoIShape, dx, dy, rois []T) {
	plane, bins := s.H*s.W, s.OutH*s.OutW
	regions := make([]region[T], s.K)
	for k := range regions {
		regions[k] = newRegion(&s, rois[5*k:5*k+5])
	}
	clear(dx)
	par.For(s.C, 8, func(lo, hi int) {
		line, block := mem.Scratch[T](s.W)
		defer block.Free()
		for c := lo; c < hi; c++ {
			for k, r := range regions {
				to, from := dx[(r.n*s.C+c)*plane:][:plane], dy[(k*s.C+c)*bins:][:bins]
				for i := range s.OutH {
					used := line[r.left:r.right]
					clear(used)
					scatterSum(line, from[i*s.OutW:(i+1)*s.OutW], r.index, r.weight, r.taps, s.OutW)
					for j, w := range r.rows.weight(i) {
						Axpy(to[(r.rows.first(i)+j)*s.W+r.left:][:len(used)], used, w)
					}
				}
			}
		}
	})
}

// region is what RoIAlign must know of a region: a bilinear sample is one of a
// row of linear ones, so that the mean of samples is a resampling along both
// axes.
type region[T Float] struct {
	n           int // of the image
	rows        weights[T]
	left, right int // columns that are used at all
	taps        int // along a row, with their columns and weights as gatherSum wants them
	index       []int32
	weight      []T
}

// weights are the taps of one axis in type T.
type weights[T Float] struct {
	*Taps
	all []T
}

func (w *weights[T]) first(i int) int  { return int(w.From[i]) }
func (w *weights[T]) weight(i int) []T { return w.all[w.At[i]:w.At[i+1]] }

func newRegion[T Float](s *RoIShape, roi []T) region[T] {
	n, rows, cols := alignTaps(s, roi)
	r := region[T]{n: n, rows: weights[T]{rows, make([]T, len(rows.Weight))}, taps: cols.longest()}
	for i, w := range rows.Weight {
		r.rows.all[i] = T(w)
	}
	r.left, r.right = cols.span()
	r.index, r.weight = make([]int32, r.taps*s.OutW), make([]T, r.taps*s.OutW)
	table(cols, r.index, r.weight)
	return r
}

// alignTaps returns the image of a region, and the mean of samples as taps
// along both axes.
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
		bins := make([][4]int, 0, s.OutH*s.OutW) // rows and columns
		for k := lo; k < hi; k++ {
			roi := rois[5*k : 5*k+5]
			top, high := s.pixels(float64(roi[2]), float64(roi[4]))
			left, wide := s.pixels(float64(roi[1]), float64(roi[3]))
			bins = bins[:0]
			for i := range s.OutH {
				r0, r1 := bin(i, top, high, s.OutH, s.H)
				for j := range s.OutW {
					c0, c1 := bin(j, left, wide, s.OutW, s.W)
					bins = append(bins, [4]int{r0, r1, c0, c1})
				}
			}
			for c := range s.C {
				plane, o := (int(roi[0])*s.C+c)*s.H*s.W, (k*s.C+c)*len(bins)
				for i, b := range bins {
					at, best := largest(x[plane:][:s.H*s.W], s.W, b)
					if y[o+i], index[o+i] = best, int64(len(x)); at >= 0 {
						index[o+i] = int64(plane + at)
					}
				}
			}
		}
	})
}

// largest returns the first place of the largest element in rows b[0] to b[1]
// and columns b[2] to b[3] of a plane, and the element; −1 and 0 if there is
// none. NaN counts as the largest.
func largest[T Float](plane []T, width int, b [4]int) (at int, best T) {
	at = -1
	for r := b[0]; r < b[1]; r++ {
		for c := b[2]; c < b[3]; c++ {
			if v := plane[r*width+c]; at < 0 || v > best || v != v && best == best {
				best, at = v, r*width+c
			}
		}
	}
	return at, best
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
