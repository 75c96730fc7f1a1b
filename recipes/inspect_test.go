package recipes

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// Pictures of the same name in different folders don't overwrite each other's boxes.
func TestPredictionsOfOneNameAreAllKept(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second")
	}
	r, _ := trained(t, "autoencoder", Options{Data: "digits", Limit: 64, Epochs: 1})
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"a.png", "sub/a.png", "b.png"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := plot.SavePNG(file, plot.Gray(make([]float32, 64), 8, 8, 0, 1)); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	found, err := Predict(t.Context(), r.Dir, append(files, filepath.Join(dir, "nowhere.png"), files[0]), "")
	if err == nil || !strings.Contains(err.Error(), "nowhere.png") || len(found) != 4 {
		t.Fatalf("got %v, %v; want four findings and an error about nowhere.png", found, err)
	}
	pictures := map[string]bool{}
	for _, f := range found {
		pictures[f.(Reconstruction).Picture] = true
	}
	if len(pictures) != 4 {
		t.Errorf("pictures are %v", pictures)
	}
}

// A config.yaml that somebody has changed is an error, whatever stands in it; so are weights that are no numbers.
func TestRunsOfOtherDataAreRefused(t *testing.T) {
	r, _ := trained(t, "linear-regression", Options{Epochs: 1})
	weights := filepath.Join(r.Dir, "model.safetensors")
	if err := safetensors.Save(weights, map[string]*tensor.Tensor{"weight": tensor.FromSlice([]float32{1, float32(math.NaN())}, 1, 2), "bias": tensor.Zeros(tensor.Float32, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Evaluate(t.Context(), r.Dir); err == nil || !strings.Contains(err.Error(), "weight holds numbers that aren't finite") {
		t.Errorf("weights with NaN: %v", err)
	}
	for config, want := range map[string]string{
		"recipe: siamese\ndata: bccd\n":               "config.yaml: recipe siamese doesn't take the data set \"bccd\"",
		"recipe: linear-regression\naugment: mixup\n": "doesn't augment its examples",
		"recipe: linear-regression\nbatch: -1\n":      "the batch size must be positive, got -1",
	} {
		if err := os.WriteFile(filepath.Join(r.Dir, "config.yaml"), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Evaluate(t.Context(), r.Dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want something with %q", config, err, want)
		}
	}
}

// A finished run says the same of pictures where its data set isn't.
func TestRunsOpenWithoutTheirData(t *testing.T) {
	r, _ := trained(t, "lenet", Options{Data: "digits", Limit: 64, Epochs: 1})
	with, _, err := Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	without, _, err := openWithoutData(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	a, b := with.Set, without.Set
	if b.Train != nil || len(b.Mean) != 1 || !slices.Equal(a.Mean, b.Mean) || !slices.Equal(a.Std, b.Std) || !slices.Equal(a.Classes, b.Classes) || !slices.Equal(a.Shape, b.Shape) {
		t.Errorf("without data the set is %+v", b)
	}
	for _, text := range []string{"", "[]", "[1 x]", "NaN!"} {
		if v := numbers(text); v != nil {
			t.Errorf("%q gives %v", text, v)
		}
	}
}
