package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data/coco"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// A fifth of the default training; the whole reaches 0.88.
func TestRealDataYOLOFindsBloodCells(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with bccd (gradus data bccd)")
	}
	r, f := trained(t, "yolo", Options{Epochs: 6})
	t.Logf("mAP50 %.3f, mAP %.3f, AP50 of white cells %.3f", f["mAP50"], f["mAP"], f["AP50_WBC"])
	if !(f["mAP50"] > 0.55 && f["AP50_RBC"] > 0.7 && f["AP50_WBC"] > 0.7) {
		t.Errorf("after 6 epochs: %v; want an mAP50 of 0.55, and 0.7 for red and white cells", f)
	}
	for _, name := range []string{"anchors.png", "curves.png", "detections.png", "precision_recall.png"} {
		isPicture(t, r, name)
	}
	if results, err := coco.ReadResults(filepath.Join(r.Dir, "detections.json")); err != nil || len(results) < 700 {
		t.Errorf("detections.json holds %d finds, %v; want more than 700 on 73 images with 980 objects", len(results), err)
	}

	again, err := Evaluate(t.Context(), r.Dir)
	if err != nil || again["mAP50"] != f["mAP50"] {
		t.Errorf("measured again: mAP50 %g, %v; want %g", again["mAP50"], err, f["mAP50"])
	}

	// A test image at another size and aspect, as a file.
	s := r.Set.TestScenes[5]
	im, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cells.png")
	x := im.Tensor().Pad(tensor.PadConstant, 0.9, []int{0, 100, 0}, []int{0, 0, 0})
	if err := plot.SavePNG(file, r.photo(x)); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	found, err := Predict(t.Context(), r.Dir, []string{file}, out)
	if err != nil {
		t.Fatal(err)
	}
	d := found[0].(Detections)
	hits := 0
	for _, o := range s.Objects {
		for _, f := range d.Objects {
			b := box.Box{X1: f.Box[0], Y1: f.Box[1], X2: f.Box[2], Y2: f.Box[3]}
			if f.Class == r.Set.Classes[o.Class] && box.IoU(b, o.Box.Translate(0, 100)) > 0.5 {
				hits++
				break
			}
		}
	}
	if hits < 3 || 2*hits < len(d.Objects) || d.Width != 640 || d.Height != 580 || !strings.Contains(d.String(), "RBC") {
		t.Errorf("%v: %d of the finds in the moved image are right", d, hits)
	}
	isPicture(t, &Run{Dir: out}, "cells.boxes.png")
	text, err := os.ReadFile(filepath.Join(out, "cells.json"))
	var read Detections
	if err != nil || json.Unmarshal(text, &read) != nil || len(read.Objects) != len(d.Objects) {
		t.Errorf("cells.json: %v, %.80s", err, text)
	}
}
