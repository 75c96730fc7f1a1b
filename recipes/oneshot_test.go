package recipes

import (
	"archive/zip"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// scribble returns a drawing of a character by one of its hands: strokes between points that are the character's, a little moved.
func scribble(character string, hand int) image.Image {
	im := image.NewGray(image.Rect(0, 0, 105, 105))
	for i := range im.Pix {
		im.Pix[i] = 255
	}
	points, shaking := tensor.NewRNG(1).Split(character), tensor.NewRNG(2).Split(fmt.Sprintf("%s/%d", character, hand))
	next := func() (x, y float64) {
		return 15 + 75*points.Float64() + 6*shaking.Float64(), 15 + 75*points.Float64() + 6*shaking.Float64()
	}
	x, y := next()
	for range 4 {
		toX, toY := next()
		for t := range 200 {
			at := float64(t) / 200
			px, py := int(x+at*(toX-x)), int(y+at*(toY-y))
			for _, d := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
				im.SetGray(px+d[0], py+d[1], color.Gray{})
			}
		}
		x, y = toX, toY
	}
	return im
}

// omniglotFolder makes a folder of data sets with an Omniglot of two background alphabets and one to test on.
func omniglotFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "omniglot"), 0o777); err != nil {
		t.Fatal(err)
	}
	archive := func(name string, fill func(draw func(member, character string, hand int), z *zip.Writer)) {
		f, err := os.Create(filepath.Join(dir, "omniglot", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z := zip.NewWriter(f)
		fill(func(member, character string, hand int) {
			w, err := z.Create(member)
			if err == nil {
				err = png.Encode(w, scribble(character, hand))
			}
			if err != nil {
				t.Fatal(err)
			}
		}, z)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	set := func(name string, alphabets ...string) {
		archive(name, func(draw func(string, string, int), _ *zip.Writer) {
			for _, a := range alphabets {
				for c := range 20 {
					for hand := range 4 {
						character := fmt.Sprintf("%s/character%02d", a, c+1)
						draw(fmt.Sprintf("set/%s/%d.png", character, hand), character, hand)
					}
				}
			}
		})
	}
	set("images_background_small1.zip", "A", "B")
	set("images_evaluation_10alphabets.zip", "C")
	archive("all_runs.zip", func(draw func(string, string, int), z *zip.Writer) {
		var labels strings.Builder
		for i := range 20 {
			other := (i + 7) % 20
			draw(fmt.Sprintf("run01/training/class%02d.png", i+1), fmt.Sprintf("C/character%02d", i+1), 4)
			draw(fmt.Sprintf("run01/test/item%02d.png", i+1), fmt.Sprintf("C/character%02d", other+1), 5)
			fmt.Fprintf(&labels, "run01/test/item%02d.png run01/training/class%02d.png\n", i+1, other+1)
		}
		w, err := z.Create("run01/class_labels.txt")
		if err == nil {
			_, err = w.Write([]byte(labels.String()))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return dir
}

func TestOneShotRecipesOnScribbles(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	t.Setenv("GRADUS_DATA", omniglotFolder(t))
	for name, want := range map[string]float64{"siamese": 0.8, "triplet": 0.8} {
		r, figures := trained(t, name, Options{Data: "omniglot-small1", Batch: 32, Epochs: 4})
		t.Logf("%s: %v", name, figures)
		if figures["one_shot_accuracy"] < want || figures["auc"] < 0.9 {
			t.Errorf("%s: %v, want at least %g and 0.9 (chance is 0.05 and 0.5)", name, figures, want)
		}
		for _, file := range []string{"one_shot_runs.png", "one_shot_trial.png", "verification.png", "curves.png"} {
			isPicture(t, r, file)
		}
		again, err := Evaluate(t.Context(), r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range figures {
			if again[k] != v {
				t.Errorf("%s: %s is %g, when measured again %g", name, k, v, again[k])
			}
		}
		compares(t, r, figures["threshold"])
	}
}

// A part of the training that the recipes do by default, on the official trials.
func TestRealDataOneShot(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with omniglot (gradus data omniglot)")
	}
	for name, want := range map[string]float64{"siamese": 0.6, "triplet": 0.7} {
		_, figures := trained(t, name, Options{Epochs: 2})
		t.Logf("%s: %v", name, figures)
		if figures["one_shot_accuracy"] < want {
			t.Errorf("%s reaches %.3f in the one-shot trials after two epochs, want %g", name, figures["one_shot_accuracy"], want)
		}
	}
}

// compares checks what a run says of the same picture twice and of two pictures, one light on dark.
func compares(t *testing.T, r *Run, threshold float64) {
	t.Helper()
	var files []string
	for i, character := range []string{"C/character01", "C/character05"} {
		path := filepath.Join(r.Dir, fmt.Sprintf("%d.png", i))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, scribble(character, 0)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		files = append(files, path)
	}
	found, err := Predict(t.Context(), r.Dir, []string{files[0], files[0], files[1]}, "")
	if err != nil {
		t.Fatal(err)
	}
	same, other := found[0].(Comparison), found[1].(Comparison)
	if same.Distance > 0.02 || !same.Same || same.Threshold != threshold || !strings.Contains(same.String(), "the same (distance 0.") && same.Distance != 0 {
		t.Errorf("of the same picture: %v", same)
	}
	if !(other.Distance > 0) || other.Same != (other.Distance <= threshold) || other.Other != files[1] {
		t.Errorf("of two pictures: %v", other)
	}
	if _, err := Predict(t.Context(), r.Dir, files[:1], ""); err == nil || !strings.Contains(err.Error(), "which compares pictures: give it two or more") {
		t.Errorf("of one picture: %v", err)
	}
}

func TestQuarterTurnsAreOtherCharacters(t *testing.T) {
	x := tensor.FromSlice([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 1, 2, 2)
	ds := quarterTurns(data.Tensors(x, tensor.FromSlice([]int64{3, 1}, 2)), 5)
	if got := ds.(turned).Labels(); ds.Len() != 8 || !slices.Equal(got, []int{3, 1, 8, 6, 13, 11, 18, 16}) {
		t.Errorf("labels %v", got)
	}
	b, err := ds.Batch(data.Draw{Index: []int{0, 2, 5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	// numpy.rot90 of [[1 2] [3 4]] once, of [[5 6] [7 8]] twice, of the first three times.
	if got := tensor.ToSlice[float32](b.X); !slices.Equal(got, []float32{1, 2, 3, 4, 2, 4, 1, 3, 8, 7, 6, 5, 3, 1, 4, 2}) {
		t.Errorf("turned to %v", got)
	}
	if got := tensor.ToSlice[int64](b.Y); !slices.Equal(got, []int64{3, 8, 11, 18}) {
		t.Errorf("targets %v", got)
	}
}

func TestWarpsBelongToTheExample(t *testing.T) {
	x := tensor.NewRNG(3).Uniform(tensor.Float32, 0, 1, 4, 1, 14, 14)
	ds := warped(data.Tensors(x, tensor.Zeros(tensor.Int64, 4)))
	batch := func(epoch int, index ...int) []float32 {
		b, err := ds.Batch(data.Draw{Index: index, Seed: 1, Epoch: epoch})
		if err != nil {
			t.Fatal(err)
		}
		return tensor.ToSlice[float32](b.X)
	}
	pair, alone := batch(0, 2, 3), batch(0, 3)
	if !slices.Equal(pair[196:], alone) {
		t.Error("an example is warped otherwise in another batch")
	}
	if slices.Equal(batch(1, 3), alone) {
		t.Error("an example is warped alike in another epoch")
	}
}
