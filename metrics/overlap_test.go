package metrics

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
)

// Six pixels of four classes, the last of which is nowhere. Truth 0 0 1 1 2 2, prediction 0 1 1 1 2 0:
// class 0: tp 1, fp 1, fn 1; class 1: tp 2, fp 1, fn 0; class 2: tp 1, fp 0, fn 1.
// sklearn.metrics: jaccard_score(average=None) 1/3, 2/3, 1/2; f1_score 1/2, 4/5, 2/3.
func TestOverlaps(t *testing.T) {
	truth := tensor.FromSlice([]int64{0, 0, 1, 1, 2, 2, -100}, 1, 1, 7)
	scores := tensor.FromSlice([]int64{0, 1, 1, 1, 2, 0, 3}, 1, 1, 7).OneHot(4).To(tensor.Float32).Permute(0, 3, 1, 2)
	iou, dice, pixels := NewMeanIoU(4), NewMeanDice(4), NewPixelAccuracy()
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%s %g, want %g", what, got, want)
		}
	}
	near("mean IoU", Of(iou, scores, truth), 0.5)
	near("mean Dice", Of(dice, scores, truth), (1.0/2+4.0/5+2.0/3)/3)
	near("pixel accuracy", Of(pixels, scores, truth), 4.0/6)
	for c, want := range []float64{1.0 / 3, 2.0 / 3, 0.5} {
		near("IoU", iou.IoU()[c], want)
	}
	if !math.IsNaN(iou.IoU()[3]) || !math.IsNaN(dice.Dice()[3]) {
		t.Error("a class that is nowhere has a figure")
	}
	saved := iou.SaveState()
	again := NewMeanIoU(4)
	if err := again.LoadState(saved); err != nil {
		t.Fatal(err)
	}
	near("restored mean IoU", again.Value(), 0.5)
	iou.Reset()
	if !math.IsNaN(iou.Value()) {
		t.Error("a figure of nothing")
	}
}
