package optim

import "math"

// probe is the loss at one point of a line: at distance t, with value f, gradient g and slope along the line.
type probe struct {
	t, f  float64
	g     []float64
	slope float64
}

// strongWolfe searches a line for a point whose loss has fallen enough (f ≤ f₀ + c₁·t·slope₀) and whose slope has
// flattened enough (|slope| ≤ c₂·|slope₀|), beginning at distance t: first it widens an interval until that must hold
// one, then it closes in (Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6, with cubic
// interpolation as in Schmidt's minFunc). It takes about limit evaluations at most and returns the best point found.
// size is the largest element of the direction.
func strongWolfe(at func(t float64) probe, start probe, t, size float64, limit int) probe {
	const c1, c2, shortest = 1e-4, 0.9, 1e-9
	steep := func(p probe) bool { return p.f > start.f+c1*p.t*start.slope }
	flat := func(p probe) bool { return math.Abs(p.slope) <= -c2*start.slope }

	last, now := start, at(t)
	lo, hi := start, now
	n := 0
	for ; n < limit; n++ {
		if steep(now) || n > 1 && now.f >= last.f || now.slope >= 0 && !flat(now) {
			lo, hi = last, now
			break
		}
		if flat(now) {
			return now
		}
		next := interpolate(last, now, now.t+0.01*(now.t-last.t), 10*now.t)
		last, now = now, at(next)
		lo, hi = start, now
	}
	if hi.f < lo.f {
		lo, hi = hi, lo
	}
	stuck := false
	for ; n < limit && math.Abs(hi.t-lo.t)*size >= shortest; n++ {
		left, right := math.Min(lo.t, hi.t), math.Max(lo.t, hi.t)
		t := interpolate(lo, hi, left, right)
		// A point close to a border tells little: go a tenth of the interval inwards, the second time or beyond the border.
		margin := 0.1 * (right - left)
		if math.Min(right-t, t-left) < margin {
			switch {
			case !stuck && t < right && t > left:
				stuck = true
			case math.Abs(t-right) < math.Abs(t-left):
				t, stuck = right-margin, false
			default:
				t, stuck = left+margin, false
			}
		} else {
			stuck = false
		}
		now := at(t)
		if steep(now) || now.f >= lo.f {
			hi = now
			if hi.f < lo.f {
				lo, hi = hi, lo
			}
			continue
		}
		if flat(now) {
			return now
		}
		if now.slope*(hi.t-lo.t) >= 0 {
			hi = lo
		}
		lo = now
	}
	return lo
}

// interpolate returns where the cubic through the values and slopes of a and b is smallest, within [low, high], or the middle if it
// has no minimum.
func interpolate(a, b probe, low, high float64) float64 {
	if a.t > b.t {
		a, b = b, a
	}
	d1 := a.slope + b.slope - 3*(a.f-b.f)/(a.t-b.t)
	square := d1*d1 - a.slope*b.slope
	if !(square >= 0) {
		return (low + high) / 2
	}
	d2 := math.Sqrt(square)
	t := b.t - (b.t-a.t)*((b.slope+d2-d1)/(b.slope-a.slope+2*d2))
	return math.Min(math.Max(t, low), high)
}
