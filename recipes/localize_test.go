package recipes

import (
	"testing"

	"github.com/gradus-ml/gradus/data"
)

func TestCanvasesHoldWhatTheirTargetsSay(t *testing.T) {
	set := clutteredDigits(3)
	all, err := data.All(data.Subset(set.Test, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}))
	if err != nil {
		t.Fatal(err)
	}
	later, err := set.Test.Batch(data.Draw{Index: []int{0, 1}, Seed: 5, Epoch: 9})
	if err != nil {
		t.Fatal(err)
	}
	if d := later.X.Sub(all.X.Slice(0, 0, 2, 1)).Abs().Max().Item(); d != 0 {
		t.Errorf("test pictures differ by %g between epochs", d)
	}
	with := 0
	for i := range 20 {
		if all.Y.At(i, 0) == 0 {
			continue
		}
		with++
		ink, w := 0.0, float64(canvasSide)
		x1, y1 := (all.Y.At(i, 1)-all.Y.At(i, 4)/2)*w, (all.Y.At(i, 2)-all.Y.At(i, 3)/2)*w
		for row := range int(all.Y.At(i, 3)*w + 0.5) {
			for col := range int(all.Y.At(i, 4)*w + 0.5) {
				ink += all.X.At(i, 0, int(y1+0.5)+row, int(x1+0.5)+col)
			}
		}
		if ink < 15 {
			t.Errorf("picture %d: the box holds ink for %.1f pixels, too little for a digit", i, ink)
		}
	}
	if with < 10 || with == 20 {
		t.Errorf("%d of 20 pictures hold a digit, want about 16", with)
	}
}

func TestLocalizeLearnsWhereTheDigitIs(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	r, f := trained(t, "localize", Options{Epochs: 2})
	t.Logf("localized %.3f", f["localized"])
	if !(f["localized"] > 0.3) {
		t.Errorf("after 2 epochs %.3f of the pictures are right in everything, want 0.3; a fifth are empty", f["localized"])
	}
	isPicture(t, r, "localized.png")
}
