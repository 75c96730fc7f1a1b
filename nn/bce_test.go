package nn_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Sigmoids round to 0 and 1. Values and, where p isn't 0 or 1 already for the right answer, gradients are PyTorch's:
// torch.nn.functional.binary_cross_entropy gives 0, 100, 0, 100, log 2 and (p − t)/max(p(1 − p), 1e-12).
func TestBCEOfCertainty(t *testing.T) {
	p := tensor.FromSlice([]float64{1, 1, 0, 0, 0.5}).RequireGrad()
	target := tensor.FromSlice([]float64{1, 0, 0, 1, 1})
	loss := nn.BCEReduced(p, target, nn.None)
	for i, want := range []float64{0, 100, 0, 100, math.Ln2} {
		if got := loss.At(i); math.Abs(got-want) > 1e-12 {
			t.Errorf("loss %d is %g, want %g", i, got, want)
		}
	}
	loss.Sum().Backward()
	for i, want := range []float64{0, 1e12, 0, -1e12, -2} {
		if got := p.Grad().At(i); !(math.Abs(got-want) <= 1) {
			t.Errorf("gradient %d is %g, want %g", i, got, want)
		}
	}
	logits := tensor.FromSlice([]float32{40, -200}).RequireGrad()
	nn.BCE(logits.Sigmoid(), tensor.FromSlice([]float32{1, 0})).Backward()
	if g := logits.Grad(); !(g.At(0) == 0 && math.Abs(g.At(1)) < 1e-30) {
		t.Errorf("gradient of certain answers is %v", g)
	}
}
