package metrics_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

// pairs returns the distances of testdata/gen_verification.py.
func pairs() (distances []float64, same []bool) {
	state := 12345
	for i := range 300 {
		state = (1103515245*state + 12345) % (1 << 31)
		middle := 0.6
		if i%3 == 0 {
			middle = 0.3
		}
		d := middle + 0.6*(float64(state)/(1<<31)-0.5)
		distances, same = append(distances, math.RoundToEven(100*d)/100), append(same, i%3 == 0)
	}
	return distances, same
}

// Figures are scikit-learn's, by testdata/gen_verification.py.
func TestVerificationIsScikitLearns(t *testing.T) {
	distances, same := pairs()
	v := metrics.Verify(distances, same)
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"AUC", v.AUC, 0.86165},
		{"area", v.ROC.Area(), 0.86165},
		{"accuracy", v.Accuracy, 0.7675},
		{"τ", v.Threshold, 0.555},
		{"EER", v.EER, 0.24454545454545454},
		{"TAR at 0", v.At(0), 0.47},
		{"TAR at 0.01", v.At(0.01), 0.47},
		{"TAR at 0.1", v.At(0.1), 0.54},
		{"TAR at 0.5", v.At(0.5), 0.99},
		{"TAR at 1", v.At(1), 1},
		{"accuracy at 0.3", metrics.Correct(distances, same, 0.3), 0.7275},
		{"accuracy at τ", metrics.Correct(distances, same, v.Threshold), 0.7675},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s is %.15g, want %.15g", c.what, c.got, c.want)
		}
	}
}

func TestVerificationOfClearAndOfMissingPairs(t *testing.T) {
	v := metrics.Verify([]float64{1, 2, 5, 7}, []bool{true, true, false, false})
	if v.AUC != 1 || v.Accuracy != 1 || v.Threshold != 3.5 || v.EER != 0 || v.At(0) != 1 {
		t.Errorf("pairs that are told apart: %+v", v)
	}
	v = metrics.Verify([]float64{1, 2}, []bool{false, true})
	if v.AUC != 0 || v.Accuracy != 0.5 || v.EER != 1 {
		t.Errorf("pairs in the wrong order: %+v", v)
	}
	if v.Threshold >= 1 {
		t.Errorf("accepting nothing is best, but τ is %g", v.Threshold)
	}
	for _, same := range [][]bool{{true, true}, {false, false}} {
		if v := metrics.Verify([]float64{1, 2}, same); !math.IsNaN(v.AUC) || !math.IsNaN(v.Accuracy) || !math.IsNaN(v.EER) {
			t.Errorf("pairs of one kind: %+v", v)
		}
	}
	if v := metrics.Verify(nil, nil); !math.IsNaN(v.AUC) || !math.IsNaN(v.Threshold) || !math.IsNaN(v.At(0.1)) {
		t.Errorf("no pairs: %+v", v)
	}
}

func TestOneShotAsksForTheNearestKnownExample(t *testing.T) {
	euclid := func(a, b *tensor.Tensor) *tensor.Tensor {
		return a.Unsqueeze(1).Sub(b.Unsqueeze(0)).Square().SumAxes(false, 2).Sqrt()
	}
	m := metrics.NewOneShot(euclid)
	if !math.IsNaN(m.Value()) {
		t.Error("a figure of nothing")
	}
	// Known are 0 (class 7) and 10 (class 3); 1 and 9 are right, 6 is nearer to 10.
	m.Update(tensor.FromSlice([]float32{0, 10, 1, 9, 6}, 5, 1), tensor.FromSlice([]int64{7, 3, 7, 3, 7}))
	if got := m.Value(); math.Abs(got-2.0/3) > 1e-15 {
		t.Errorf("%g of three are right", got)
	}
	again := metrics.NewOneShot(euclid)
	if err := again.LoadState(m.SaveState()); err != nil || again.Value() != m.Value() {
		t.Errorf("%v, %g after loading", err, again.Value())
	}
	m.Update(tensor.FromSlice([]float32{0, 10}, 2, 1), tensor.FromSlice([]int64{7, 3})) // nothing to classify
	if math.Abs(m.Value()-2.0/3) > 1e-15 || m.Name() != "one_shot_accuracy" {
		t.Errorf("%s is %g", m.Name(), m.Value())
	}
}
