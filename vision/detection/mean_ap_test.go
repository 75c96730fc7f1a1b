package detection

import (
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

func TestMeanAPMeasuresOutputs(t *testing.T) {
	h := testHead(16, 2, [][2]float64{{20, 20}, {40, 24}})
	a := box.Object{Box: box.Box{X1: 10, Y1: 20, X2: 40, Y2: 44}, Class: 1, Score: 0.9}
	b := box.Object{Box: box.Box{X1: 50, Y1: 10, X2: 70, Y2: 30}, Class: 0, Score: 0.8}
	wrong := box.Object{Box: box.Box{X1: 20, Y1: 30, X2: 70, Y2: 60}, Class: 0, Score: 0.85}
	// Both objects of the first image are found; in the second, one of class 0 is missed, and a wrong box of that class is surer than the right one.
	out := tensor.Cat(0, certain(h, 4, 5, map[row]box.Object{{0, 1, 2, 1}: a, {0, 0, 1, 3}: b}), certain(h, 4, 5, map[row]box.Object{{0, 1, 2, 2}: wrong}))
	y := tensor.Stack(0, scene.Rows([]box.Object{a, b}, 2), scene.Rows([]box.Object{b}, 2))
	m := NewMeanAP(h, []string{"x", "y"})
	if v := m.Value(); v == v {
		t.Errorf("without images: %g, want NaN", v)
	}
	m.Update(out, y)
	// Class 1: 1. Class 0: precision ½ up to a recall of ½, nothing beyond: 51 of COCO's 101 points.
	want := (1 + 0.5*51/101) / 2
	if v := m.Value(); math.Abs(v-want) > 1e-9 {
		t.Errorf("mAP50 is %.6f, want %.6f", v, want)
	}

	other := NewMeanAP(h, []string{"x", "y"})
	if err := other.LoadState(m.SaveState()); err != nil {
		t.Fatal(err)
	}
	if other.Value() != m.Value() {
		t.Errorf("restored: %g, want %g", other.Value(), m.Value())
	}
	m.Reset()
	if err := other.LoadState(m.SaveState()); err != nil || other.Value() == other.Value() {
		t.Errorf("restored from nothing: %g, %v", other.Value(), err)
	}
	for _, bad := range []map[string]*tensor.Tensor{
		{},
		{"images": tensor.FromSlice([]int64{1}, 1)},
		{"images": tensor.FromSlice([]int64{1}, 1), "truth": tensor.Ones(tensor.Float64, 1, 7), "found": tensor.Ones(tensor.Float64, 1, 7)},
	} {
		if err := other.LoadState(bad); err == nil || !strings.Contains(err.Error(), "mAP50: the saved state has") {
			t.Errorf("a strange state: %v", err)
		}
	}
}

func TestSizesAreThoseInTheInput(t *testing.T) {
	all, _ := plainScenes([]box.Object{{Box: box.Box{X1: 2, Y1: 2, X2: 6, Y2: 8}}, {Box: box.Box{X2: 12, Y2: 8}, Crowd: true}})
	sizes := Sizes(all, 4, 12) // 8×12 pixels become 4×6
	if len(sizes) != 1 || sizes[0] != [2]float64{2, 3} {
		t.Errorf("sizes %v, want one of 2×3", sizes)
	}
}
