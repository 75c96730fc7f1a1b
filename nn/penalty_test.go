package nn_test

import (
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// By hand: |1| + |−2| + |3| = 6 with gradients 1, −1, 1; (1 + 4 + 9)/2 = 7 with the weights themselves as gradients.
func TestPenalties(t *testing.T) {
	l := nn.LinearConfig{In: 3, Out: 1}.New()
	nn.Init(l, 1)
	if err := l.Weight.Set(tensor.FromSlice([]float32{1, -2, 3}, 1, 3)); err != nil {
		t.Fatal(err)
	}
	check := func(name string, penalty *tensor.Tensor, value float64, grad ...float32) {
		t.Helper()
		penalty.Backward()
		g := tensor.ToSlice[float32](l.Weight.Grad())
		if penalty.Item() != value || g[0] != grad[0] || g[1] != grad[1] || g[2] != grad[2] {
			t.Errorf("%s: %g with gradient %v", name, penalty.Item(), g)
		}
		l.Weight.Value().ZeroGrad()
	}
	check("L1", nn.L1Penalty(l.Weight), 6, 1, -1, 1)
	check("L2", nn.L2Penalty(l.Weight), 7, 1, -2, 3)
	check("two", nn.L1Penalty(l.Weight, l.Weight), 12, 2, -2, 2)
	if err := tensor.Try(func() error { nn.L1Penalty(); return nil }); err == nil {
		t.Error("no parameters are accepted")
	}
}
