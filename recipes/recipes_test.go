package recipes

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// trained runs a recipe in a folder of its own and returns the run and its figures.
func trained(t *testing.T, name string, o Options) (*Run, map[string]float64) {
	t.Helper()
	recipe, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Recipe: recipe, Options: o, Dir: filepath.Join(t.TempDir(), name)}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	figures, err := recipe.Train(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, figures
}

// isPicture fails unless the run folder holds a picture of that name.
func isPicture(t *testing.T, r *Run, name string) {
	t.Helper()
	f, err := os.Open(filepath.Join(r.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestLinearRegressionRecoversTheWeights(t *testing.T) {
	r, figures := trained(t, "linear-regression", Options{})
	if e := figures["largest_error"]; !(e < 0.005) {
		t.Errorf("the largest error of w and b is %g, want below 0.005 (the noise is 0.01)", e)
	}
	isPicture(t, r, "fit.png")
	isPicture(t, r, "curves.png")
}

func TestPolynomialUnderfitsAndOverfits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	r, f := trained(t, "polynomial", Options{})
	if !(f["val_loss"] < 0.02 && f["val_loss_overfit"] > 1.2*f["val_loss"] && f["val_loss_underfit"] > 1) {
		t.Errorf("test losses: %v; want about 0.01 (the noise) for the cubic, more with 20 terms, much more with 2", f)
	}
	isPicture(t, r, "fits.png")
}

func TestWeightDecayHelps(t *testing.T) {
	r, f := trained(t, "weight-decay", Options{})
	if !(f["val_loss"] < 1 && f["val_loss_without"] > 100*f["val_loss"]) {
		t.Errorf("test loss is %.3g with decay and %.3g without; want a hundredth at most", f["val_loss"], f["val_loss_without"])
	}
	isPicture(t, r, "curves.png")
}

// Without labels for where a digit lies, the transformer learns to straighten it, and the classifier behind it reads more.
func TestSpatialTransformerHelps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	r, f := trained(t, "spatial-transformer", Options{Epochs: 2, Batch: 64, Limit: 6000})
	t.Logf("accuracy %.3f with the transformer, %.3f without", f["accuracy"], f["accuracy_without"])
	if !(f["accuracy"] > 0.6 && f["accuracy"] > f["accuracy_without"]+0.15) {
		t.Errorf("accuracy is %.3f with the transformer and %.3f without; want more than 0.6 and 0.15 more", f["accuracy"], f["accuracy_without"])
	}
	isPicture(t, r, "straightened.png")
	isPicture(t, r, "comparison.png")
}

// Accuracies on the generated digits that each classifier reaches with its defaults, with some room.
func TestClassifiersOnDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	for name, want := range map[string]float64{"softmax-regression": 0.83, "mlp": 0.93, "mlp-dropout": 0.94, "lenet": 0.975, "lenet-bn": 0.985} {
		r, f := trained(t, name, Options{})
		if f["accuracy"] < want {
			t.Errorf("%s reaches %.4f, want %.3f", name, f["accuracy"], want)
		}
		isPicture(t, r, "confusion.png")
		isPicture(t, r, "wrong.png")
	}
}

func TestRealDataHousePrices(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder with house-prices (gradus data house-prices)")
	}
	r, f := trained(t, "house-prices", Options{})
	t.Logf("log RMSE %.4f", f["log_rmse"])
	if !(f["log_rmse"] < 0.16) { // D2L's linear model has about 0.17
		t.Errorf("five-fold log RMSE is %.4f, want below 0.16", f["log_rmse"])
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, "submission.csv"))
	if err != nil || strings.Count(string(text), "\n") != 1460 || !strings.HasPrefix(string(text), "Id,SalePrice\n1461,") {
		t.Errorf("submission.csv begins %.40q, %v; want a header and 1,459 houses from number 1461 on", text, err)
	}
}

// A picture that is saved and read again is the input that it was drawn from, and is classified alike.
func TestPredictSeesWhatTrainingSaw(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	r, _ := trained(t, "lenet", Options{Epochs: 2})
	all, err := data.All(data.Subset(r.Set.Test, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i := range 10 {
		x := all.X.Select(0, i).MulScalar(r.Set.Std[0]).AddScalar(r.Set.Mean[0]) // back to 0…1
		path := filepath.Join(r.Dir, "digit.png")
		if err := plot.SavePNG(path, plot.Gray(tensor.ToSlice[float32](x), 28, 28, 0, 1)); err != nil {
			t.Fatal(err)
		}
		back, err := r.readPicture(path)
		if err != nil {
			t.Fatal(err)
		}
		if far := back.Sub(all.X.Select(0, i)).Abs().Max().Item(); far > 0.02 {
			t.Fatalf("digit %d read back differs by %g", i, far)
		}
		files = append(files, path)
	}
	predictions, err := Predict(t.Context(), r.Dir, files[9:], "")
	if err != nil {
		t.Fatal(err)
	}
	p, sum := predictions[0].(Prediction), 0.0
	for _, p := range p.Classes {
		sum += p
	}
	want := r.Set.Classes[int(all.Y.At(9))]
	if p.Class != want || math.Abs(sum-1) > 1e-5 || !strings.Contains(p.String(), want+" (") {
		t.Errorf("predicted %v for a %s, probabilities sum to %g", p, want, sum)
	}
}

func TestFindSuggests(t *testing.T) {
	for name, want := range map[string]string{"lenet-bm": "did you mean lenet-bn?", "mpl": "did you mean mlp?", "transformer": "choose from linear-regression"} {
		if _, err := Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Find(%q): %v, want %q", name, err, want)
		}
	}
}

func TestARunFolderIsNotMixedUp(t *testing.T) {
	recipe, _ := Find("linear-regression")
	dir := t.TempDir()
	start := func(o Options, resume bool) error {
		return (&Run{Recipe: recipe, Options: o, Dir: dir, Resume: resume}).Start(t.Context())
	}
	if err := start(Options{}, true); err == nil || !strings.Contains(err.Error(), "no config.yaml") {
		t.Errorf("resuming an empty folder: %v", err)
	}
	if err := start(Options{}, false); err != nil {
		t.Fatal(err)
	}
	if err := start(Options{}, false); err != nil {
		t.Errorf("starting where a run ended before its first checkpoint: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "checkpoint", "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := start(Options{}, false); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("starting in a used folder: %v", err)
	}
	if err := start(Options{Batch: 7}, true); err == nil || !strings.Contains(err.Error(), "batch is 7, the run's is 10; only epochs may change") {
		t.Errorf("resuming with another batch size: %v", err)
	}
	if err := start(Options{Epochs: 9}, true); err != nil {
		t.Errorf("resuming for more epochs: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("recipe: linear-regression\nbogus: 1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := start(Options{}, true); err == nil || !strings.Contains(err.Error(), "bogus") {
		t.Errorf("a strange key in config.yaml: %v", err)
	}
}

func TestEveryRecipeSaysWhatItIs(t *testing.T) {
	for _, r := range List() {
		if r.Name == "" || r.Summary == "" || r.Source == "" || len(r.Data) == 0 || r.Metric == "" || r.Options.Epochs == 0 || r.Options.Batch == 0 || r.Options.LR == 0 {
			t.Errorf("recipe %q lacks a part of its description: %+v", r.Name, r)
		}
		if r.Model == nil {
			continue
		}
		for _, data := range r.Data {
			if table, err := Summarize(r.Name, data); err != nil || table.Params == 0 {
				t.Errorf("%s on %s: summary %v, %v", r.Name, data, table, err)
			}
		}
	}
}
