package cpu

import "math"

// The rules by which an axis of in samples becomes one of out, as PyTorch's
// interpolate has them. Samples lie in the middle of cells: output i covers
// the inputs around (i + ½)·scale − ½. scale is in/out, or the inverse of the
// factor that was asked for.

// NearestTaps takes input ⌊i·scale⌋, or, if exact, the one whose cell holds the
// middle of output i.
func NearestTaps(in, out int, scale float64, exact bool) *Taps {
	t := newTaps(in)
	for i := range out {
		at := float64(i)
		if exact {
			at += 0.5
		}
		t.add(min(int(math.Floor(at*scale+1e-9)), in-1), []float64{1})
	}
	return t
}

// AreaTaps averages the inputs from ⌊i·in/out⌋ up to ⌈(i+1)·in/out⌉.
func AreaTaps(in, out int) *Taps {
	t := newTaps(in)
	for i := range out {
		lo, hi := i*in/out, ((i+1)*in+out-1)/out
		weights := make([]float64, hi-lo)
		for k := range weights {
			weights[k] = 1 / float64(hi-lo)
		}
		t.add(lo, weights)
	}
	return t
}

// source returns the place of output i among the inputs. With corners aligned,
// the first and last samples of both lie on each other.
func source(i, in, out int, scale float64, corners bool) float64 {
	if !corners {
		return (float64(i)+0.5)*scale - 0.5
	}
	if out == 1 {
		return 0
	}
	return float64(i) * float64(in-1) / float64(out-1)
}

// LinearTaps takes the two inputs beside, by nearness.
func LinearTaps(in, out int, scale float64, corners bool) *Taps {
	t := newTaps(in)
	for i := range out {
		at := min(max(source(i, in, out, scale, corners), 0), float64(in-1))
		k := min(int(at), max(in-2, 0))
		f := at - float64(k)
		t.add(k, []float64{1 - f, f}[:min(in, 2)])
	}
	return t
}

// CubicTaps takes two inputs on each side, weighted by the cubic convolution
// of Keys (1981) with a = −¾; the edge repeats.
func CubicTaps(in, out int, scale float64, corners bool) *Taps {
	t := newTaps(in)
	for i := range out {
		at := source(i, in, out, scale, corners)
		k := math.Floor(at)
		first := min(max(int(k)-1, 0), in-1)
		last := min(max(int(k)+2, 0), in-1)
		weights := make([]float64, last-first+1)
		for j := -1; j <= 2; j++ {
			weights[min(max(int(k)+j, 0), in-1)-first] += cubic(at-k-float64(j), -0.75)
		}
		t.add(first, weights)
	}
	return t
}

// cubic is the kernel of Keys's cubic convolution at distance x.
func cubic(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// SmoothTaps are LinearTaps or CubicTaps (with a = −½, as Pillow has it) whose
// kernel is widened when shrinking, so that every input counts.
func SmoothTaps(in, out int, scale float64, corners, cubics bool) *Taps {
	if corners {
		scale = 0
		if out > 1 {
			scale = float64(in-1) / float64(out-1)
		}
	}
	stretch, reach := max(scale, 1), 1.0
	if cubics {
		reach = 2
	}
	t := newTaps(in)
	for i := range out {
		centre := scale * (float64(i) + 0.5)
		from, to := max(0, int(centre-reach*stretch+0.5)), min(in, int(centre+reach*stretch+0.5))
		weights, sum := make([]float64, max(to-from, 0)), 0.0
		for k := range weights {
			x := (float64(from+k) - centre + 0.5) / stretch
			if cubics {
				weights[k] = cubic(x, -0.5)
			} else {
				weights[k] = max(0, 1-math.Abs(x))
			}
			sum += weights[k]
		}
		for k := range weights {
			weights[k] /= sum
		}
		t.add(from, weights)
	}
	return t
}
