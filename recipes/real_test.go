package recipes

import (
	"os"
	"path/filepath"
	"testing"
)

// The results that the recipes are known for, on real data.
func TestRealDataReachesTheKnownAccuracy(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with mnist, fashion-mnist (gradus data mnist fashion-mnist) and cifar10-subset")
	}
	for _, c := range []struct {
		recipe  string
		options Options
		want    float64
	}{
		{"lenet", Options{Data: "fashion-mnist", Epochs: 10, Seed: 1}, 0.90},
		{"lenet", Options{Data: "mnist", Epochs: 5}, 0.99},
		{"mlp-dropout", Options{Data: "fashion-mnist", Epochs: 10}, 0.88},
		{"resnet20", Options{Data: "cifar10-subset"}, 0.70},
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

// Ten examples of each class are enough if the network has seen digits before, generated ones.
func TestRealDataTransferHelps(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with mnist (gradus data mnist)")
	}
	run := &Run{Recipe: &fineTune, Options: Options{Data: "mnist"}, Dir: filepath.Join(t.TempDir(), "run")}
	if err := run.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	figures, err := fineTune.Train(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(figures)
	if !(figures["accuracy"] > 0.88 && figures["accuracy"] > figures["accuracy_frozen"] && figures["accuracy_frozen"] > figures["accuracy_scratch"]+0.01) {
		t.Errorf("fine-tuning should beat a new head alone, and that training from scratch: %v", figures)
	}
	again, err := Evaluate(t.Context(), run.Dir)
	if err != nil || again["accuracy"] != figures["accuracy"] {
		t.Errorf("eval says %v (%v)", again, err)
	}
}
