package plot

import "math"

// Histogram counts values in bins of equal width over their range and returns
// the counts as Bars, to be shown in a Panel of Lines. NaN, infinities and
// values beyond ±1e300 are left out. With bins ≤ 0 their number follows from
// the count: √n, at least 5 and at most 60.
func Histogram(values []float64, bins int) Series {
	lo, hi, n := math.Inf(1), math.Inf(-1), 0
	for _, v := range values {
		if drawable(v) {
			lo, hi, n = min(lo, v), max(hi, v), n+1
		}
	}
	s := Series{Style: Bars, X: []float64{}}
	if n == 0 {
		return s
	}
	if bins <= 0 {
		bins = max(5, min(60, int(math.Ceil(math.Sqrt(float64(n))))))
	}
	if width := (hi - lo) / float64(bins); !(width > 1e-13*max(math.Abs(lo), math.Abs(hi))) || width < 1e-300 {
		s.X, s.Y = []float64{lo}, []float64{float64(n)} // all the same: one bar
		return s
	}
	width := (hi - lo) / float64(bins)
	s.X, s.Y = make([]float64, bins), make([]float64, bins)
	for i := range s.X {
		s.X[i] = lo + (float64(i)+0.5)*width
	}
	for _, v := range values {
		if drawable(v) {
			s.Y[min(bins-1, int((v-lo)/width))]++
		}
	}
	return s
}
