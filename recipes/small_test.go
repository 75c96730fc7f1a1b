package recipes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// photoSet returns a few images of noise on which small photographs' recipes can run.
func photoSet() *sets.Set {
	part := func(n int, seed uint64) data.Dataset {
		r := tensor.NewRNG(seed)
		return data.Tensors(r.Normal(tensor.Float32, 0, 1, n, 3, 32, 32), r.Uniform(tensor.Float32, 0, 10, n).To(tensor.Int64))
	}
	return &sets.Set{Info: sets.Info{Name: "cifar10-subset", Shape: []int{3, 32, 32}, Classes: strings.Fields("a b c d e f g h i j"), TrainSize: 24, TestSize: 12},
		Train: part(24, 1), Test: part(12, 2), Mean: []float64{0.5, 0.4, 0.3}, Std: []float64{0.2, 0.3, 0.4}}
}

// smallRun returns a run of a recipe on that set, ready to train.
func smallRun(t *testing.T, recipe *Recipe, augment string) *Run {
	t.Helper()
	r := &Run{Recipe: recipe, Options: Options{Epochs: 1, Batch: 8, Augment: augment}, Dir: t.TempDir(), Set: photoSet(), Warn: func(m string) { t.Error(m) }}
	r.Out = t.Output()
	if err := r.complete(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryAugmentationTrains(t *testing.T) {
	for _, name := range augmentNames {
		r := smallRun(t, &resNet20, name)
		figures, err := r.Recipe.Train(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a := figures["accuracy"]; !(a >= 0 && a <= 1) {
			t.Errorf("%s: accuracy %g", name, a)
		}
		_, err = os.Stat(filepath.Join(r.Dir, "augmentation.png"))
		if drawn := err == nil; drawn != (name != "none") {
			t.Errorf("%s: is there a picture of augmented examples? %v", name, drawn)
		}
	}
}

func TestOnlyRecipesThatAugmentTakeTheOption(t *testing.T) {
	for want, r := range map[string]*Run{
		"leave --augment out":                    {Recipe: &leNet, Options: Options{Augment: "cutout"}},
		`"flip"; it knows crop-flip, cutout`:     {Recipe: &resNet20, Options: Options{Augment: "flip"}},
		"doesn't take the data set \"penguins\"": {Recipe: &resNet20, Options: Options{Data: "penguins"}},
	} {
		if err := r.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something with %q", err, want)
		}
	}
}

func TestSmallNetworksHaveThePapersSizes(t *testing.T) {
	for _, c := range []struct {
		recipe   *Recipe
		from, to int // parameters
	}{{&resNet20, 265_000, 275_000}, {&plain20, 265_000, 275_000}, {&vggSmall, 255_000, 275_000}, {&resNet56, 850_000, 860_000}, {&plain56, 850_000, 860_000}} {
		n := 0
		for _, p := range nn.Params(c.recipe.Model(photoSet())) {
			n += p.NumEl()
		}
		if n < c.from || n > c.to {
			t.Errorf("%s has %d parameters, want %d to %d", c.recipe.Name, n, c.from, c.to)
		}
	}
}

func TestDegradationComparesFourNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four networks")
	}
	r := smallRun(t, &degradation, "none")
	figures, err := degradation.Train(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain20", "plain56", "resnet20", "resnet56"} {
		if _, ok := figures["accuracy_"+name]; !ok {
			t.Errorf("there is no accuracy of %s", name)
		}
	}
	if _, err := os.Stat(filepath.Join(r.Dir, "degradation.png")); err != nil {
		t.Error(err)
	}
}

func TestExplainDrawsAndRefuses(t *testing.T) {
	r := &Run{Recipe: &leNet, Options: Options{Limit: 300, Epochs: 1}, Dir: filepath.Join(t.TempDir(), "run")}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := leNet.Train(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "digit.png")
	all, err := data.All(data.Subset(r.Set.Test, []int{3}))
	if err != nil {
		t.Fatal(err)
	}
	if err := plot.SavePNG(file, r.photo(all.X.Select(0, 0))); err != nil {
		t.Fatal(err)
	}
	e, err := Explain(t.Context(), r.Dir, file, "4", "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range e.Pictures {
		names = append(names, filepath.Base(p))
		if info, err := os.Stat(p); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", p, err)
		}
	}
	if want := strings.Fields("reasons.png filters.png activations-1.png activations-2.png inverted.png classes.png"); !slices.Equal(names, want) {
		t.Errorf("drew %v, want %v", names, want)
	}
	if e.Explained != "4" || filepath.Dir(e.Pictures[0]) != filepath.Join(r.Dir, "explanations", "digit") {
		t.Errorf("explained %s in %s", e.Explained, e.Pictures[0])
	}
	if _, err := Explain(t.Context(), r.Dir, file, "cat", ""); err == nil || !strings.Contains(err.Error(), "there are 0, 1, 2") {
		t.Errorf("a class that isn't there: %v", err)
	}
}
