package cpu

import (
	"math"
	"testing"
)

func TestPortableSmoke(t *testing.T) {
	x := []float64{-2, -0.5, 0, 0.5, 2}
	d := make([]float64, 5)
	GELU(d, x)
	// scipy.stats.norm.cdf(x)*x
	want := []float64{-0.04550026389635842, -0.15426876936299347, 0, 0.34573123063700656, 1.9544997361036416}
	for i := range d {
		if math.Abs(d[i]-want[i]) > 1e-15 {
			t.Errorf("GELU(%g) = %.17g, want %.17g", x[i], d[i], want[i])
		}
	}
}
