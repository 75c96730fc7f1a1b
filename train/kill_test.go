package train_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

const childDir = "GRADUS_TRAIN_TEST_DIR"

// everything is a training with all that has state: momentum, batch norm, dropout, gradients that are added up over
// batches of different sizes, a schedule that watches figures, weight averaging, metrics, early stopping and
// checkpoints in mid-epoch.
func everything(dir string) train.Config {
	cfg := lenetConfig(2)
	cfg.Train = data.NewLoader(part(0, 330), data.LoaderConfig{Batch: 32, Shuffle: true, Seed: 5, Workers: 2})
	cfg.Valid = data.NewLoader(part(400, 500), data.LoaderConfig{Batch: 64})
	cfg.Epochs, cfg.Accumulate, cfg.ClipNorm = 5, 3, 1
	cfg.Metrics = append(cfg.Metrics, metrics.NewPrecision(10, metrics.Macro), metrics.NewTopK(2))
	cfg.Schedule = optim.ReduceOnPlateau(optim.PlateauConfig{Patience: -1, Threshold: 0.3, Factor: 0.5})
	cfg.Average = optim.NewEMA(cfg.Model, 0.8)
	cfg.Callbacks = []train.Callback{&train.EarlyStopping{Monitor: "val_loss", Patience: 1, MinDelta: 0.4}, train.CSVLogger(filepath.Join(dir, "metrics.csv"))}
	cfg.Checkpoints = &train.Checkpoints{Dir: filepath.Join(dir, "checkpoint"), EverySteps: 1, Warn: func(m string) { panic(m) }}
	cfg.Resume = true
	return cfg
}

// child trains in dir until it is done, then leaves what came out.
func child(dir string) {
	cfg := everything(dir)
	result, err := train.Fit(context.Background(), cfg)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "done"), []byte(outcome(cfg, result)), 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func outcome(cfg train.Config, r *train.Result) string {
	return fmt.Sprintf("%s%d steps, %q\n%x", historyText(r.History), r.Steps, r.Stopped, weights(cfg.Model))
}

// TestKilledAndResumedEqualsUninterrupted kills a training again and again until it is done, and goes on with another
// number of threads each time. GRADUS_KILLS asks for a number of kills, by starting over after each end; the default
// is one training.
func TestKilledAndResumedEqualsUninterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	whole := everything(t.TempDir())
	result, err := train.Fit(context.Background(), whole)
	if err != nil {
		t.Fatal(err)
	}
	want := outcome(whole, result)
	if result.Stopped == "" || len(result.History) < 3 {
		t.Errorf("early stopping was to play a part: stopped %q after %d epochs", result.Stopped, len(result.History))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := strconv.Atoi(os.Getenv("GRADUS_KILLS"))
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	kills, runs := 0, 0
	for runs == 0 || kills < asked {
		dir := t.TempDir()
		for starts := 0; ; starts++ {
			c := exec.Command(self)
			c.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("GOMAXPROCS=%d", 1<<random.IntN(3)))
			c.Stderr = os.Stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// Later starts are given longer, so that it comes to an end on a slow machine too.
			timer := time.AfterFunc(time.Duration(30+random.IntN(120)+10*starts)*time.Millisecond, func() { c.Process.Kill() })
			err := c.Wait()
			timer.Stop()
			if err == nil {
				break
			}
			if e := (*exec.ExitError)(nil); !errors.As(err, &e) || e.ExitCode() != -1 {
				t.Fatalf("seed %d, kill %d: the training failed: %v", seed, kills, err)
			}
			kills++
		}
		runs++
		got, err := os.ReadFile(filepath.Join(dir, "done"))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Fatalf("seed %d, after %d kills:\n%.600s\nexpected\n%.600s", seed, kills, got, want)
		}
	}
	t.Logf("%d kills in %d trainings", kills, runs)
}

// Interrupted after every single batch, in validation too, and resumed in a new model each time.
func TestInterruptedAnywhereEqualsUninterrupted(t *testing.T) {
	whole := everything(t.TempDir())
	want := outcome(whole, fit(t, whole))

	dir := t.TempDir()
	for stops := 0; ; stops++ {
		if stops > 200 {
			t.Fatal("it comes to no end")
		}
		cfg := everything(dir)
		cfg.Checkpoints.EverySteps = 0 // so that only the interruption saves
		ctx, cancel := context.WithCancel(context.Background())
		inner := cfg.Loss
		passes := 0
		cfg.Loss = func(pred, target *tensor.Tensor) *tensor.Tensor {
			if passes++; passes == 3 {
				cancel()
			}
			return inner(pred, target)
		}
		result, err := train.Fit(ctx, cfg)
		cancel()
		if err == nil {
			if got := outcome(cfg, result); got != want {
				t.Errorf("after %d interruptions:\n%.600s\nexpected\n%.600s", stops, got, want)
			}
			if stops < 10 {
				t.Errorf("only %d interruptions", stops)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
