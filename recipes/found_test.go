package recipes

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// A detector that is sure of nothing says what it would bet on.
func TestDetectorsTellTheSurestOfDoubtfulFinds(t *testing.T) {
	r := &Run{Recipe: &yolo, Set: photoSet()}
	file := filepath.Join(t.TempDir(), "grey.png")
	if err := plot.SavePNG(file, plot.Gray(make([]float32, 20*30), 20, 30, 0, 1)); err != nil {
		t.Fatal(err)
	}
	scores := []float64{0.1, 0.25}
	find := func(*tensor.Tensor, float64) []box.Object {
		var out []box.Object
		for i, s := range scores {
			out = append(out, box.Object{Box: box.Box{X1: 1, Y1: 2, X2: 9, Y2: 11}, Class: i, Score: s})
		}
		return out
	}
	f, err := r.detectIn(find, file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if d := f.(Detections); len(d.Objects) != 0 || d.Doubtful == nil || d.Doubtful.Class != "b" || !strings.Contains(d.String(), "b, has a score of 0.25") {
		t.Errorf("got %v: %+v", d, d)
	}
	scores[0] = 0.9
	if f, err = r.detectIn(find, file, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if d := f.(Detections); len(d.Objects) != 1 || d.Doubtful != nil || !strings.Contains(d.String(), ": 1 a (") {
		t.Errorf("got %v: %+v", d, d)
	}
}
