package recipes

import (
	"os"
	"path/filepath"
	"testing"
)

// The results that the recipes are known for, on real data.
func TestRealDataReachesTheKnownAccuracy(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with mnist and fashion-mnist (gradus data mnist fashion-mnist)")
	}
	for _, c := range []struct {
		recipe  string
		options Options
		want    float64
	}{
		{"lenet", Options{Data: "fashion-mnist", Epochs: 10, Seed: 1}, 0.90},
		{"lenet", Options{Data: "mnist", Epochs: 5}, 0.99},
		{"mlp-dropout", Options{Data: "fashion-mnist", Epochs: 10}, 0.88},
	} {
		recipe, err := Find(c.recipe)
		if err != nil {
			t.Fatal(err)
		}
		run := &Run{Recipe: recipe, Options: c.options, Dir: filepath.Join(t.TempDir(), "run")}
		if err := run.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		figures, err := recipe.Train(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s on %s: accuracy %.4f", c.recipe, c.options.Data, figures["accuracy"])
		if figures["accuracy"] < c.want {
			t.Errorf("%s on %s reaches %.4f, want %.2f", c.recipe, c.options.Data, figures["accuracy"], c.want)
		}
	}
}
