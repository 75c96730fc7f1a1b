package detection

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

func TestLocalizationTarget(t *testing.T) {
	l := Localization{Classes: 3, Height: 100, Width: 200}
	car := &box.Object{Box: box.Box{X1: 60, Y1: 55, X2: 140, Y2: 85}, Class: 1, Score: 1}
	y := l.Encode(car, nil)
	near(t, "target", tensor.ToSlice[float64](y), []float64{1, 0.5, 0.7, 0.3, 0.4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1e-6)

	sure := y.Clone()
	for i, there := range []float64{9, -9} { // logits of what Encode says
		sure.SetAt(there, i, 0)
	}
	sure.SetAt(9, 0, 6)
	found := l.Decode(sure, 0.5)
	if found[0] == nil || found[1] != nil || found[0].Class != 1 || found[0].Score < 0.99 || box.IoU(found[0].Box, car.Box) < 0.9999 {
		t.Errorf("decoded %v, want the car and nothing", found)
	}
}

// Computed by hand from the course's formulas.
func TestLocalizationLossDependsOnWhetherThereIsAnObject(t *testing.T) {
	l := Localization{Classes: 3, Height: 1, Width: 1}
	pred := tensor.FromSlice([]float64{0.8, 0.4, 0.5, 0.2, 0.1, 0.3, 0.6, 0.1, 0.8, 0.4, 0.5, 0.2, 0.1, 0.3, 0.6, 0.1}, 2, 8)
	target := tensor.FromSlice([]float64{1, 0.5, 0.7, 0.3, 0.4, 0, 1, 0, 0, 7, 7, 7, 7, 7, 7, 7}, 2, 8) // whatever the 7s are
	with := 0.04 + 0.01 + 0.04 + 0.01 + 0.09 + 0.09 + 0.16 + 0.01
	without := 0.64
	near(t, "squared", []float64{l.SquaredLoss(pred, target).Item()}, []float64{(with + without) / 2}, 1e-12)

	entropy := -math.Log(math.Exp(0.6) / (math.Exp(0.3) + math.Exp(0.6) + math.Exp(0.1)))
	with = math.Log1p(math.Exp(-0.8)) + 0.01 + 0.04 + 0.01 + 0.09 + entropy
	without = math.Log1p(math.Exp(0.8))
	near(t, "loss", []float64{l.Loss(pred, target).Item()}, []float64{(with + without) / 2}, 1e-12)

	for name, f := range map[string]func(pred, target *tensor.Tensor) *tensor.Tensor{"SquaredLoss": l.SquaredLoss, "Loss": l.Loss} {
		if err := gradcheck.Check(func(x []*tensor.Tensor) *tensor.Tensor { return f(x[0], target) }, gradcheck.Config{Order: 2}, pred); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLocalizedCountsWhatIsRightInEverything(t *testing.T) {
	l := Localization{Classes: 2, Height: 10, Width: 10}
	o := &box.Object{Box: box.Box{X1: 2, Y1: 2, X2: 6, Y2: 6}, Class: 1}
	target := l.Encode(o, o, o, o, nil, nil)
	pred := tensor.FromSlice([]float64{
		2, 0.4, 0.4, 0.4, 0.4, -1, 1, // right
		2, 0.4, 0.4, 0.4, 0.4, 1, -1, // the wrong class
		2, 0.8, 0.4, 0.4, 0.4, -1, 1, // the wrong place
		-2, 0.4, 0.4, 0.4, 0.4, -1, 1, // missed
		-2, 0.4, 0.4, 0.4, 0.4, -1, 1, // right: nothing there
		2, 0.4, 0.4, 0.4, 0.4, -1, 1, // nothing there
	}, 6, 7)
	m := NewLocalized(l)
	if m.Value() == m.Value() {
		t.Error("a value before any batch")
	}
	m.Update(pred, target)
	other := NewLocalized(l)
	if err := other.LoadState(m.SaveState()); err != nil || m.Value() != 2.0/6 || other.Value() != m.Value() {
		t.Errorf("%g, restored %g (%v), want 2/6", m.Value(), other.Value(), err)
	}
	if err := other.LoadState(nil); err == nil {
		t.Error("no state is accepted")
	}
}
