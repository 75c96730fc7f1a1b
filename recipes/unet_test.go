package recipes

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Masks are counted by hand on a picture of 8×8, halved: a box from (2, 2) to (8, 6) is one from (1, 1) to (4, 3), whose ellipse has the
// half axes 1.5 and 1 around (2.5, 2) and holds pixels whose middles are less than 1 away by its measure.
func TestMasksAreEllipsesInBoxes(t *testing.T) {
	s := scene.Scene{Width: 8, Height: 8, Objects: []box.Object{
		{Class: 1, Box: box.Box{X1: 2, Y1: 2, X2: 8, Y2: 6}},
		{Class: 0, Box: box.Box{X1: 6, Y1: 2, X2: 8, Y2: 8}}, // x from 3 to 4, y from 1 to 4
	}}
	want := []int64{
		0, 0, 0, 0,
		0, 2, 2, 1, // (1.5, 1.5): (2/3)² + (1/2)² = 0.69; (3.5, 1.5): 0.69 from the first, (1/1.5)² = 0.44 from the second
		0, 2, 2, 1,
		0, 0, 0, 1,
	}
	if got := ellipses(s, 4, 4); !slices.Equal(got, want) {
		t.Errorf("mask %v, want %v", got, want)
	}
}

// cellPicture is a picture with three discs, one of each class, somewhere.
func cellPicture(seed uint64) (*image.RGBA, []box.Object) {
	im := image.NewRGBA(image.Rect(0, 0, cellsWide, cellsHigh))
	rng := tensor.NewRNG(seed)
	for i := range im.Pix {
		im.Pix[i] = uint8(200 + rng.IntN(30))
		if i%4 == 3 {
			im.Pix[i] = 255 // opaque
		}
	}
	var objects []box.Object
	for class, c := range []color.RGBA{{200, 60, 60, 255}, {60, 60, 200, 255}, {60, 160, 60, 255}} {
		r := 18.0
		b := box.Box{X1: float64(10 + 50*class + rng.IntN(8)), Y1: float64(10 + rng.IntN(60))}
		b.X2, b.Y2 = b.X1+2*r, b.Y1+2*r
		for y := range cellsHigh {
			for x := range cellsWide {
				if math.Hypot(float64(x)+0.5-b.X1-r, float64(y)+0.5-b.Y1-r) < r {
					im.SetRGBA(x, y, c)
				}
			}
		}
		objects = append(objects, box.Object{Class: class, Box: b, Score: 1})
	}
	return im, objects
}

func cellScenes(n int, seed uint64) []scene.Scene {
	var out []scene.Scene
	for i := range n {
		im, objects := cellPicture(seed + uint64(i))
		decoded := &imagefolder.Image{Width: cellsWide, Height: cellsHigh, Channels: 3}
		for c := range 3 {
			for p := range cellsWide * cellsHigh {
				decoded.Pix = append(decoded.Pix, im.Pix[4*p+c])
			}
		}
		out = append(out, scene.Scene{Name: "made", Width: cellsWide, Height: cellsHigh, Objects: objects, Open: func() (*imagefolder.Image, error) { return decoded, nil }})
	}
	return out
}

func TestUNetFindsDiscs(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	set := &sets.Set{Info: sets.Info{Name: "bccd", Shape: []int{3, cellsHigh, cellsWide}, Classes: []string{"RBC", "WBC", "Platelets"}, TrainSize: 8, TestSize: 2},
		TrainScenes: cellScenes(8, 1), TestScenes: cellScenes(2, 100)}
	r := &Run{Recipe: &uNet, Options: Options{Epochs: 5, Batch: 4, LR: 0.01}, Dir: t.TempDir(), Set: set, Warn: func(m string) { t.Error(m) }, Out: t.Output()}
	if err := r.complete(); err != nil {
		t.Fatal(err)
	}
	figures, err := segment(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if figures["mean_iou"] < 0.5 || figures["pixel_accuracy"] < 0.8 {
		t.Errorf("figures %v", figures)
	}
	isPicture(t, r, "masks.png")

	state, err := safetensors.Load(filepath.Join(r.Dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	model := uNet.Model(set)
	if err := nn.LoadState(model, state, nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	again, err := measureMasks(t.Context(), r, model)
	if err != nil || again["mean_iou"] != figures["mean_iou"] {
		t.Errorf("measured again: %v, %v", again, err)
	}
	im, _ := cellPicture(100)
	file := filepath.Join(t.TempDir(), "cells.png")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, im); err != nil {
		t.Fatal(err)
	}
	f.Close()
	found, err := predictMask(t.Context(), r, model, file, r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	areas, sum := found.(Areas).Areas, 0.0
	for _, a := range areas {
		sum += a
	}
	disc := math.Pi * 18 * 18 / (cellsHigh * cellsWide)
	if math.Abs(sum-1) > 1e-9 || math.Abs(areas["RBC"]-disc) > disc/2 {
		t.Errorf("%v, want a disc of %.1f %% of each kind", found, 100*disc)
	}
	isPicture(t, r, "cells.mask.png")
}

func TestRealDataMasksShowAllCells(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with bccd")
	}
	set, err := sets.Open("bccd", sets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]float64, 1+len(set.Classes))
	for _, s := range set.TestScenes {
		for _, class := range ellipses(s, cellsHigh, cellsWide) {
			counts[class] += 1 / float64(len(set.TestScenes)*cellsHigh*cellsWide)
		}
	}
	// More than half is background or cells that nobody marked; white cells are large, platelets small.
	for i, bounds := range [][2]float64{{0.4, 0.7}, {0.2, 0.5}, {0.05, 0.2}, {0.001, 0.02}} {
		if !(counts[i] > bounds[0] && counts[i] < bounds[1]) {
			t.Errorf("class %d covers %.4f of the pictures, expected %v", i, counts[i], bounds)
		}
	}
}
