package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// The generative recipes run on generated digits, get better, and draw; a picture goes through an autoencoder.
func TestGenerativeRecipesOnDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three models")
	}
	for _, c := range []struct {
		recipe   *Recipe
		limit    int
		figure   string
		lo, hi   float64
		pictures string
	}{
		// In parts of what a picture costs if each pixel is taken at its mean over all pictures.
		{&autoencoder, 2000, "val_loss", 0.2, 0.85, "reconstructions interpolation samples curves"},
		{&vae, 2000, "val_loss", 0.3, 0.98, "reconstructions interpolation samples curves"},
		{&dcgan, 2000, "variety", 0.3, 1.5, "samples interpolation samples/epoch-1 samples/epoch-2 curves"},
	} {
		r := &Run{Recipe: c.recipe, Options: Options{Data: "digits", Epochs: 2, Batch: 16, Limit: c.limit}, Dir: filepath.Join(t.TempDir(), "run")}
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		figures, err := c.recipe.Train(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", c.recipe.Name, err)
		}
		t.Log(c.recipe.Name, figures)
		scale := 1.0
		if c.figure == "val_loss" {
			scale = meanCost(t, r)
		}
		if v := figures[c.figure]; !(v > c.lo*scale && v < c.hi*scale) {
			t.Errorf("%s: %s is %g, want %g to %g", c.recipe.Name, c.figure, v, c.lo*scale, c.hi*scale)
		}
		for _, name := range strings.Fields(c.pictures) {
			if info, err := os.Stat(filepath.Join(r.Dir, name+".png")); err != nil || info.Size() < 2000 {
				t.Errorf("%s: %s: %v", c.recipe.Name, name, err)
			}
		}
		again, err := Evaluate(t.Context(), r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if again[c.figure] != figures[c.figure] {
			t.Errorf("%s: eval says %v, training said %v", c.recipe.Name, again, figures)
		}
		b, err := data.All(data.Subset(r.Set.Test, []int{1}))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "digit.png")
		if err := plot.SavePNG(file, r.cells(b.X)[0].Image); err != nil {
			t.Fatal(err)
		}
		found, err := Predict(t.Context(), r.Dir, []string{file}, "")
		if c.recipe == &dcgan {
			if err == nil || !strings.Contains(err.Error(), "says nothing about pictures") {
				t.Errorf("dcgan predicts %v, %v", found, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if f := found[0].(Reconstruction); len(f.Latent) != 16 || !(f.Error > 0 && f.Error < 0.35) {
			t.Errorf("%s: %v", c.recipe.Name, f)
		}
	}
}

// meanCost returns the cross entropy of test pictures, in nats for each, if every pixel is predicted to be its mean.
func meanCost(t *testing.T, r *Run) float64 {
	b, err := data.All(r.Set.Test)
	if err != nil {
		t.Fatal(err)
	}
	mean := b.X.MeanAxes(true, 0).Clamp(1e-4, 1-1e-4)
	one := tensor.Scalar(tensor.Float32, 1)
	cost := b.X.Mul(mean.Log()).Add(one.Sub(b.X).Mul(one.Sub(mean).Log()))
	return -cost.Sum().Item() / float64(b.Len())
}
