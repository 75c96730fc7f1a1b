package metrics

import (
	"cmp"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Verification is how well distances tell pairs of the same kind, such as two drawings of one character, from pairs of different kinds.
type Verification struct {
	ROC Curve // the part of different pairs accepted (X) against the part of same pairs accepted (Y); Threshold holds distances, rising
	AUC float64
	// Threshold is the distance τ at which d ≤ τ is right most often if both kinds are equally frequent, half-way to the next distance.
	Threshold float64
	Accuracy  float64 // that part: the mean of the parts of same pairs accepted and of different pairs refused
	EER       float64 // equal error rate: the part of different pairs accepted where it equals the part of same pairs refused
}

// Verify measures distances of pairs, same[i] telling whether those of pair i are of the same kind. Values are NaN if a kind is missing. It
// panics if a distance is NaN.
func Verify(distances []float64, same []bool) Verification {
	scores := make([]float64, len(distances))
	for i, d := range distances {
		scores[i] = -d
	}
	v := Verification{ROC: ROC(scores, same), AUC: areaUnderROC(scores, same)}
	c := v.ROC
	for i := range c.Threshold {
		c.Threshold[i] = -c.Threshold[i]
	}
	best := 0
	for i := range c.X {
		if c.Y[i]-c.X[i] > c.Y[best]-c.X[best] {
			best = i
		}
	}
	v.Accuracy = (1 + c.Y[best] - c.X[best]) / 2
	v.Threshold = between(c.Threshold, best)
	v.EER = equalError(c)
	return v
}

// between returns a distance between threshold i and the next greater one; at the ends, the nearest distance there is.
func between(thresholds []float64, i int) float64 {
	switch {
	case len(thresholds) < 2:
		return math.NaN()
	case i == 0: // nothing is accepted
		return math.Nextafter(thresholds[1], math.Inf(-1))
	case i == len(thresholds)-1:
		return thresholds[i]
	}
	return thresholds[i] + (thresholds[i+1]-thresholds[i])/2
}

// equalError returns where the curve crosses Y = 1 − X, which it does on a straight line between two points.
func equalError(c Curve) float64 {
	for i := 1; i < len(c.X); i++ {
		before, after := c.X[i-1]+c.Y[i-1]-1, c.X[i]+c.Y[i]-1
		if after >= 0 {
			t := -before / (after - before)
			return c.X[i-1] + t*(c.X[i]-c.X[i-1])
		}
	}
	return math.NaN()
}

// At returns the part of same pairs that are accepted (TAR) at the greatest threshold at which no more than the part far of different
// pairs is (FAR), such as 0.01.
func (v Verification) At(far float64) float64 {
	if len(v.ROC.X) == 0 || math.IsNaN(v.ROC.X[0]) {
		return math.NaN()
	}
	i, found := slices.BinarySearchFunc(v.ROC.X, far, cmp.Compare[float64])
	for found && i+1 < len(v.ROC.X) && v.ROC.X[i+1] == far { // several points of one FAR
		i++
	}
	if !found {
		i--
	}
	if i < 0 {
		tensor.Fail("metrics.Verification.At", "", "the rate of false acceptances must lie between 0 and 1, got %g", far)
	}
	return v.ROC.Y[i]
}

// Correct returns the mean of the parts of same pairs accepted and of different pairs refused when d ≤ threshold is taken for the same: the
// accuracy if both are equally frequent. NaN if a kind is missing.
func Correct(distances []float64, same []bool, threshold float64) float64 {
	if len(distances) != len(same) {
		tensor.Fail("metrics.Correct", "", "there must be a distance for each pair, got %d distances of %d pairs", len(distances), len(same))
	}
	var right, total [2]float64
	for i, d := range distances {
		kind := 0
		if same[i] {
			kind = 1
		}
		total[kind]++
		if (d <= threshold) == same[i] {
			right[kind]++
		}
	}
	return (ratio(right[0], total[0]) + ratio(right[1], total[1])) / 2
}
