package nn_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Four pixels, two classes. The probabilities of class 1 are σ(0) = 1/2, σ(ln 3) = 3/4, 1/4 and 1/2, the classes 0, 1, 0, 1. Class 0: p·y
// adds up to 1/2 + 3/4, p to 2, y to 2; class 1: 3/4 + 1/2, 2, 2: Dice (2·5/4 + 1)/(4 + 1) = 0.7 for both.
func TestDiceLoss(t *testing.T) {
	l := math.Log(3)
	logits := tensor.FromSlice([]float64{0, 0, 0, l, l, 0, 0, 0}, 2, 2, 1, 2)
	target := tensor.FromSlice([]int64{0, 1, 0, 1}, 2, 1, 2)
	if got := nn.DiceLoss(logits, target).Item(); math.Abs(got-0.3) > 1e-12 {
		t.Errorf("loss %g, want 0.3", got)
	}
	certain := tensor.FromSlice([]float64{50, 0, 0, 0, 50, 0, 50, 0, 0, 0, 50, 0}, 4, 3)
	if got := nn.DiceLoss(certain, target.Reshape(4)).Item(); got > 1e-12 {
		t.Errorf("loss %g where all is right, and a class is nowhere", got)
	}
	err := gradcheck.Check(func(xs []*tensor.Tensor) *tensor.Tensor { return nn.DiceLoss(xs[0], target) }, gradcheck.Config{Order: 2}, logits)
	if err != nil {
		t.Error(err)
	}
	if err := tensor.Try(func() error { nn.DiceLoss(logits, target.Reshape(4)); return nil }); err == nil {
		t.Error("a target of another shape was accepted")
	}
}
