package recipes

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// dishes are pictures of dark discs on a bright ground.
func dishes(name string, n int) (scenes []scene.Scene) {
	for k := range n {
		rng := tensor.NewRNG(uint64(k)).Split(name)
		im := &imagefolder.Image{Channels: 3, Height: 120, Width: 160, Pix: make([]uint8, 3*120*160)}
		for i := range im.Pix {
			im.Pix[i] = uint8(200 + rng.IntN(20))
		}
		s := scene.Scene{Name: fmt.Sprint(name, k), Width: 160, Height: 120, Open: func() (*imagefolder.Image, error) { return im, nil }}
		for class := range 2 {
			r := 12 + 10*float64(class)
			x, y := r+rng.Float64()*(80-2*r)+80*float64(class), r+rng.Float64()*(120-2*r)
			s.Objects = append(s.Objects, box.Object{Box: box.FromCenter(x, y, 2*r, 2*r), Class: class, Score: 1})
			for i := range 120 * 160 {
				if math.Hypot(float64(i%160)+0.5-x, float64(i/160)+0.5-y) < r {
					im.Pix[class*120*160+i] = 40
				}
			}
		}
		scenes = append(scenes, s)
	}
	return scenes
}

// Training, measuring, resuming with the regions that lie in the run folder, and finding things in a picture.
func TestRegionRecipesRun(t *testing.T) {
	for _, recipe := range []*Recipe{&fastRCNN, &rCNN} {
		set := &sets.Set{Info: sets.Info{Name: "bccd", Shape: []int{3, 120, 160}, Classes: []string{"small", "large"}}, TrainScenes: dishes("train", 4), TestScenes: dishes("test", 1)}
		r := &Run{Recipe: recipe, Options: Options{Epochs: 2, Batch: 2, Limit: 3}, Dir: t.TempDir(), Set: set, Warn: func(m string) { t.Error(m) }}
		r.Out = t.Output()
		if err := r.complete(); err != nil {
			t.Fatal(err)
		}
		figures, err := recipe.Train(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", recipe.Name, err)
		}
		if v, ok := figures["mAP50"]; !ok || !(v >= 0 && v <= 1) {
			t.Errorf("%s: %v", recipe.Name, figures)
		}
		for _, name := range []string{"proposals.npz", "proposals.png", "detections.png", "precision_recall.png"} {
			if _, err := os.Stat(filepath.Join(r.Dir, name)); err != nil {
				t.Error(err)
			}
		}
		kept, err := r.proposed(t.Context(), set.TrainScenes[:3])
		if err != nil {
			t.Fatal(err)
		}
		im, _ := set.TrainScenes[1].Open()
		if fresh := propose(im.Tensor()); len(fresh) != len(kept[1]) || len(fresh) < 5 {
			t.Errorf("%d regions were kept, the search gives %d", len(kept[1]), len(fresh))
		} else {
			for i, b := range fresh {
				if box.IoU(b, kept[1][i]) < 0.999 {
					t.Errorf("%v was kept as %v", b, kept[1][i])
				}
			}
		}
		model := recipe.Model(set)
		nn.Init(model, 1)
		file := filepath.Join(r.Dir, "picture.png")
		if err := plot.SavePNG(file, r.photo(im.Tensor())); err != nil {
			t.Fatal(err)
		}
		finding, err := recipe.Predict(t.Context(), r, model, file, r.Dir)
		if err != nil || !strings.Contains(finding.String(), file) || reflect.TypeOf(finding) != reflect.TypeFor[Detections]() {
			t.Error(finding, err)
		}
	}
}

// What the two-stage detectors are known for: with their defaults rcnn reaches mAP50 0.865 and fast-rcnn 0.832.
func TestRealDataRegions(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with bccd")
	}
	run := &Run{Recipe: &rCNN, Dir: filepath.Join(t.TempDir(), "run")}
	if err := run.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	figures, err := rCNN.Train(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(figures)
	if figures["mAP50"] < 0.75 {
		t.Errorf("mAP50 is %.3f, want 0.75", figures["mAP50"])
	}
}

// However long and narrow a picture is, the search for regions in it stays small.
func TestRegionsOfNarrowPictures(t *testing.T) {
	for _, shape := range [][2]int{{20000, 4}, {4, 20000}, {1, 1}} {
		h, w := shape[0], shape[1]
		for _, b := range propose(tensor.NewRNG(1).Uniform(tensor.Float32, 0, 1, 3, h, w)) {
			if b != b.Clip(float64(w), float64(h)) {
				t.Errorf("%d×%d pixels: a region %v", h, w, b)
			}
		}
	}
}
