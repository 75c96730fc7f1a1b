package recipes

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/train"
)

// stopper interrupts a run after so many steps, as Ctrl-C does.
type stopper struct {
	train.Quiet
	left   int
	cancel context.CancelFunc
}

func (s *stopper) StepEnd(*train.State) error {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return nil
}

// Runs that are interrupted within an epoch and resumed end with the same bits as others: examples are varied by epoch and number, noise by step, and
// averages, metrics and optimisers with all their parts come back.
func TestRecipesResumeToTheSameBits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains each recipe twice")
	}
	cells := func() *sets.Set {
		return &sets.Set{Info: sets.Info{Name: "bccd", Shape: []int{3, 120, 160}, Classes: []string{"RBC", "WBC", "Platelets"}}, TrainScenes: cellScenes(6, 1), TestScenes: cellScenes(1, 50)}
	}
	cultures := func() *sets.Set {
		return &sets.Set{Info: sets.Info{Name: "bccd", Shape: []int{3, 120, 160}, Classes: []string{"small", "large"}}, TrainScenes: dishes("train", 3), TestScenes: dishes("test", 1)}
	}
	digits := Options{Data: "digits", Epochs: 2, Batch: 16, Limit: 64}
	pictures := Options{Epochs: 2, Batch: 2}
	for _, c := range []struct {
		recipe *Recipe
		o      Options
		set    func() *sets.Set // nil: the one that the options name
	}{
		{&resNet20, Options{Epochs: 2, Batch: 8, Augment: "cutmix"}, photoSet},
		{&spatialTransformer, digits, nil},
		{&vae, digits, nil},
		{&dcgan, digits, nil},
		{&localize, Options{Epochs: 2, Batch: 16, Limit: 64}, nil},
		{&uNet, pictures, cells},
		{&yolo, Options{Epochs: 2, Batch: 2, Augment: "scale"}, cells},
		{&fastRCNN, Options{Epochs: 2, Batch: 1}, cultures},
		{&siamese, Options{Data: "omniglot-small1", Epochs: 2, Batch: 16, Limit: 64}, nil},
		{&triplet, Options{Data: "omniglot-small1", Epochs: 2, Batch: 16, Limit: 64}, nil},
	} {
		t.Run(c.recipe.Name, func(t *testing.T) {
			if c.o.Data == "omniglot-small1" {
				t.Setenv("GRADUS_DATA", omniglotFolder(t))
			}
			run := func(dir string, ctx context.Context, resume bool, callbacks ...train.Callback) (map[string]float64, error) {
				r := &Run{Recipe: c.recipe, Options: c.o, Dir: dir, Resume: resume, Callbacks: callbacks, Out: t.Output(), Warn: func(m string) { t.Log(m) }}
				if c.set == nil {
					if err := r.Start(ctx); err != nil {
						t.Fatal(err)
					}
					if r.Set.Trials == nil {
						r.Set.Test = data.Subset(r.Set.Test, first(100, r.Set.Test.Len())) // enough, and quick
					}
				} else if r.Set = c.set(); r.complete() != nil || os.MkdirAll(dir, 0o777) != nil {
					t.Fatal("the run can't start")
				}
				return c.recipe.Train(ctx, r)
			}
			whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
			want, err := run(whole, t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			const steps = 2 // of 3 or 4 in the first epoch
			if _, err := run(parts, ctx, false, &stopper{left: steps, cancel: cancel}); !errors.Is(err, context.Canceled) {
				t.Fatalf("the interrupted run says %v", err)
			}
			got, err := run(parts, t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range want {
				if got[name] != v {
					t.Errorf("%s is %v after resuming, %v without", name, got[name], v)
				}
			}
			for _, name := range []string{"model.safetensors", "metrics.csv"} {
				if !bytes.Equal(withoutTimes(t, filepath.Join(whole, name)), withoutTimes(t, filepath.Join(parts, name))) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

// withoutTimes returns a file's content; of a metrics.csv without the second column, the seconds.
func withoutTimes(t *testing.T, file string) []byte {
	t.Helper()
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) != ".csv" {
		return all
	}
	var out []byte
	for line := range bytes.Lines(all) {
		fields := bytes.SplitN(line, []byte(","), 3)
		out = append(append(out, fields[0]...), fields[2]...)
	}
	return out
}
