package train_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// one returns a training of a net on 70 digits as one batch, or as groups of smaller ones: the last of them smaller still.
func one(batch, accumulate int) train.Config {
	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 16), nn.Tanh(), nn.NewLinear(16, 10))
	nn.Init(net, 1)
	return train.Config{
		Model: net, Optimizer: optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.5, Momentum: 0.9}), Loss: nn.CrossEntropy,
		Train:  data.NewLoader(part(0, 70), data.LoaderConfig{Batch: batch}),
		Epochs: 4, Accumulate: accumulate, ClipNorm: 2,
	}
}

func TestAccumulatedGradientsEqualTheBigBatch(t *testing.T) {
	big := one(70, 0)
	want := fit(t, big)
	for _, accumulate := range []int{5, 100} {
		small := one(16, accumulate) // 16, 16, 16, 16, 6
		got := fit(t, small)
		if got.Steps != 4 || want.Steps != 4 {
			t.Errorf("%d steps, expected 4", got.Steps)
		}
		for name, w := range nn.State(big.Model) {
			g := tensor.ToSlice[float64](nn.State(small.Model)[name])
			for i, v := range tensor.ToSlice[float64](w) {
				if math.Abs(g[i]-v) > 2e-6 {
					t.Fatalf("accumulate %d: %s: %v, expected %v", accumulate, name, g[i], v)
				}
			}
		}
		for i := range got.History {
			if g, w := got.History[i].Values["loss"], want.History[i].Values["loss"]; math.Abs(g-w) > 2e-6 {
				t.Errorf("epoch %d: loss %v, expected %v", i, g, w)
			}
		}
	}
}

func TestClipNormLimitsTheStep(t *testing.T) {
	cfg := toy()
	cfg.Optimizer = optim.NewSGD(nn.Params(cfg.Model), optim.SGDConfig{LR: 1})
	cfg.ClipNorm = 0.01
	last := nn.State(cfg.Model)["fc.weight"].Clone().Flatten(0, -1)
	bias := nn.State(cfg.Model)["fc.bias"].Clone()
	cfg.Callbacks = []train.Callback{callback{step: func(s *train.State) error {
		now, b := nn.State(s.Model)["fc.weight"].Clone().Flatten(0, -1), nn.State(s.Model)["fc.bias"].Clone()
		if d := math.Sqrt(now.Sub(last).Square().Sum().Item() + b.Sub(bias).Square().Sum().Item()); d > 0.01+1e-6 || s.Step < 5 && d < 0.0099 {
			t.Errorf("step %d has length %v", s.Step, d)
		}
		last, bias = now, b
		return nil
	}}}
	fit(t, cfg)
}

// Batches of 64 and 36 count by their examples.
func TestValidationIsWeightedByExamples(t *testing.T) {
	net := smallLeNet(1)
	whole, err := train.Evaluate(context.Background(), train.EvalConfig{Model: net, Loss: nn.CrossEntropy,
		Data: data.NewLoader(part(0, 100), data.LoaderConfig{Batch: 100}), Metrics: []metrics.Metric{metrics.NewAccuracy()}})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	parts, err := train.Evaluate(context.Background(), train.EvalConfig{Model: net, Loss: nn.CrossEntropy,
		Data: data.NewLoader(part(0, 100), data.LoaderConfig{Batch: 64}), Metrics: []metrics.Metric{metrics.NewAccuracy()},
		Each: func(b data.Batch, pred *tensor.Tensor) { seen += pred.Size(0) }})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(whole["loss"]-parts["loss"]) > 1e-6 || whole["accuracy"] != parts["accuracy"] || seen != 100 {
		t.Errorf("%v in parts, %v at once; %d examples seen", parts, whole, seen)
	}
}

func TestDataWithoutTargetsAreRefused(t *testing.T) {
	unlabelled := data.NewLoader(data.Tensors(tensor.Zeros(tensor.Float32, 4, 1, 28, 28), nil), data.LoaderConfig{Batch: 2})
	_, err := train.Evaluate(context.Background(), train.EvalConfig{Model: smallLeNet(1), Loss: nn.CrossEntropy, Data: unlabelled})
	wantError(t, err, "the batch has no targets (Y is nil)")
}

func TestEvaluateNeedsExamples(t *testing.T) {
	_, err := train.Evaluate(context.Background(), train.EvalConfig{Model: smallLeNet(1), Loss: nn.CrossEntropy,
		Data: data.NewLoader(part(0, 8), data.LoaderConfig{Batch: 16, DropLast: true})})
	wantError(t, err, "there are no examples to measure")
}

// An autoencoder: the target is the input.
func TestStepForOtherTasks(t *testing.T) {
	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 8), nn.NewLinear(8, 784))
	nn.Init(net, 1)
	cfg := train.Config{
		Model: net, Optimizer: optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 3e-3}), Epochs: 8,
		Train: data.NewLoader(part(0, 320), data.LoaderConfig{Batch: 32}), Valid: data.NewLoader(part(320, 400), data.LoaderConfig{Batch: 32}),
		Step: func(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
			pred, target = c.Run(model, b.X), b.X.Flatten(1, -1)
			return nn.MSE(pred, target), pred, target
		},
		Metrics: []metrics.Metric{metrics.NewMSE()},
	}
	h := fit(t, cfg).History
	a, z := h[0].Values, h[len(h)-1].Values
	if z["val_loss"] > 0.8*a["val_loss"] || math.Abs(z["val_mse"]-z["val_loss"]) > 1e-6 || math.Abs(z["mse"]-z["loss"]) > 1e-6 {
		t.Errorf("first epoch %v, last epoch %v", a, z)
	}
}

func TestCancelledTrainingSavesAndResumes(t *testing.T) {
	defer goleak.VerifyNone(t)
	whole := lenetConfig(2)
	want := fit(t, whole)

	dir := t.TempDir()
	cfg := lenetConfig(2)
	cfg.Checkpoints = &train.Checkpoints{Dir: dir}
	ctx, cancel := context.WithCancel(context.Background())
	var at time.Time
	cfg.Callbacks = []train.Callback{callback{step: func(s *train.State) error {
		if s.Step == 13 {
			cancel()
			at = time.Now()
		}
		return nil
	}}}
	r, err := train.Fit(ctx, cfg)
	if !errors.Is(err, context.Canceled) || r.Steps != 13 || len(r.History) != 1 {
		t.Errorf("%v after %d steps", err, r.Steps)
	}
	if d := time.Since(at); d > 5*time.Second {
		t.Errorf("it took %v to leave", d)
	}
	if got := names(t, dir); got != "epoch-00001-batch-00000000.safetensors epoch-00001-batch-00000003.safetensors" {
		t.Errorf("the folder holds %s", got)
	}
	again := lenetConfig(1)
	again.Checkpoints, again.Resume = &train.Checkpoints{Dir: dir}, true
	got := fit(t, again)
	sameHistory(t, "resumed", got.History, want.History)
	sameWeights(t, "resumed", weights(again.Model), weights(whole.Model))

	// Done already: nothing changes.
	sameHistory(t, "resumed when done", fit(t, again).History, want.History)
	sameWeights(t, "resumed when done", weights(again.Model), weights(whole.Model))
	// More epochs go on from there.
	again.Epochs++
	if h := fit(t, again).History; len(h) != 3 {
		t.Errorf("%d epochs", len(h))
	}
}

func TestSIGTERMSaves(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := toy()
	cfg.Epochs, cfg.Checkpoints = 1<<40, &train.Checkpoints{Dir: dir, EveryEpochs: 1 << 30}
	cfg.Callbacks = []train.Callback{callback{step: func(s *train.State) error {
		if s.Step != 203 {
			return nil
		}
		p, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		return p.Signal(syscall.SIGTERM)
	}}}
	if _, err := train.Fit(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := names(t, dir); !strings.HasPrefix(n, "epoch-") || strings.Contains(n, " ") {
		t.Errorf("the folder holds %q", n)
	}
}

func TestAFailingDeadlineIsReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	cfg := toy()
	cfg.Epochs = 1 << 40
	if _, err := train.Fit(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAPanicInALoaderWorkerNamesTheExample(t *testing.T) {
	for _, workers := range []int{-1, 1, 3} {
		func() {
			defer goleak.VerifyNone(t)
			cfg := toy()
			cfg.Train = data.NewLoader(data.Examples(40, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
				if d.Index[i] == 23 {
					var m map[string]int
					//lint:ignore SA5000 the panic is what is tested
					m["x"] = 1
				}
				return tensor.Ones(tensor.Float32, 2), tensor.Ones(tensor.Float32, 1), nil
			}), data.LoaderConfig{Batch: 8, Workers: workers})
			r, err := train.Fit(context.Background(), cfg)
			wantError(t, err, "example 23: panic: assignment to entry in nil map")
			if r.Steps != 2 {
				t.Errorf("%d workers: %d steps", workers, r.Steps)
			}
		}()
	}
}

// stream is a source that knows nothing but to yield batches.
type stream struct{ data.Source }

func (s stream) Epoch(ctx context.Context, epoch int) iter.Seq2[data.Batch, error] {
	return s.Source.Epoch(ctx, epoch)
}

func TestASourceThatCannotStartInMidEpoch(t *testing.T) {
	dir := t.TempDir()
	run := func(ctx context.Context, stop func()) error {
		cfg := toy()
		cfg.Train = stream{cfg.Train}
		cfg.Checkpoints, cfg.Resume = &train.Checkpoints{Dir: dir, Warn: func(m string) { t.Error(m) }}, true
		cfg.Callbacks = []train.Callback{callback{step: func(s *train.State) error {
			if s.Step == 7 {
				stop()
			}
			return nil
		}}}
		_, err := train.Fit(ctx, cfg)
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := run(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wantError(t, run(context.Background(), func() {}), "epoch-00001-batch-00000002.safetensors: it was written in mid-epoch, but the training data (train_test.stream) can't start there: it has no EpochFrom method")
}

func TestMistakesInConfig(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*train.Config)
	}{
		{"needs Model, Optimizer and Train", func(c *train.Config) { c.Model = nil }},
		{"needs Loss or Step", func(c *train.Config) { c.Loss = nil }},
		{"Epochs must be positive, got 0", func(c *train.Config) { c.Epochs = 0 }},
		{"Resume needs Checkpoints", func(c *train.Config) { c.Resume = true }},
		{"must not be negative, got -1 and 0", func(c *train.Config) { c.Accumulate = -1 }},
		{"must not be negative, got 0 and NaN", func(c *train.Config) { c.ClipNorm = nan }},
		{"the loss must be a scalar, got shape (8, 1); reduce the loss with Mean", func(c *train.Config) { c.Loss = (*tensor.Tensor).Sub }},
		{"train: Loss returned nil instead of a loss; return the mean loss, a scalar (fit_test.go:", func(c *train.Config) {
			c.Loss = func(_, _ *tensor.Tensor) *tensor.Tensor { return nil }
		}},
		{"train: Step returned nil instead of a loss", func(c *train.Config) {
			c.Step = func(*nn.Ctx, nn.Layer, data.Batch) (_, _, _ *tensor.Tensor) { return nil, nil, nil }
		}},
		{"train: Step returned predictions without targets", func(c *train.Config) {
			c.Metrics = []metrics.Metric{metrics.NewMSE()}
			c.Step = func(c *nn.Ctx, model nn.Layer, b data.Batch) (_, _, _ *tensor.Tensor) {
				pred := c.Run(model, b.X)
				return pred.Square().Mean(), pred, nil
			}
		}},
		{"train: the model returned nil", func(c *train.Config) {
			net := nn.NewLambda("nothing", func(*tensor.Tensor) *tensor.Tensor { return nil })
			c.Model = nn.NewNamed().Add("fc", c.Model).Add("nothing", net)
		}},
		{"train: the batch has no targets", func(c *train.Config) {
			c.Train = data.NewLoader(data.Tensors(tensor.Ones(tensor.Float32, 8, 2), nil), data.LoaderConfig{Batch: 8})
		}},
		{"train: the batch has no targets", func(c *train.Config) {
			c.Valid = data.NewLoader(data.Tensors(tensor.Ones(tensor.Float32, 8, 2), nil), data.LoaderConfig{Batch: 8})
		}},
		{"train: the optimiser holds other parameters than the model's; build it from nn.Params(model)", func(c *train.Config) {
			c.Optimizer = toy().Optimizer
		}},
		{"the epoch had no batches", func(c *train.Config) {
			c.Train = data.NewLoader(part(0, 4), data.LoaderConfig{Batch: 8, DropLast: true})
		}},
		{"has no values yet; call nn.Init", func(c *train.Config) {
			c.Model = nn.Seq(nn.NewLinear(2, 1))
			c.Optimizer = optim.NewSGD(nn.Params(c.Model), optim.SGDConfig{LR: 1})
		}},
		{"expected", func(c *train.Config) { c.Train = data.NewLoader(part(0, 8), data.LoaderConfig{Batch: 8}) }},
	} {
		cfg := toy()
		c.change(&cfg)
		_, err := train.Fit(context.Background(), cfg)
		wantError(t, err, c.want)
	}
}

func TestMistakesInEvaluate(t *testing.T) {
	net := smallLeNet(1)
	all := data.NewLoader(part(0, 8), data.LoaderConfig{Batch: 8})
	for _, c := range []struct {
		want string
		cfg  train.EvalConfig
	}{
		{"needs Model, Data, and Loss or Step", train.EvalConfig{Model: net, Data: all}},
		{"train: the batch has no targets", train.EvalConfig{Model: net, Loss: nn.CrossEntropy,
			Data: data.NewLoader(data.Tensors(tensor.Ones(tensor.Float32, 2, 1, 28, 28), nil), data.LoaderConfig{Batch: 8})}},
		{"train: Loss returned nil", train.EvalConfig{Model: net, Data: all, Loss: func(_, _ *tensor.Tensor) *tensor.Tensor { return nil }}},
	} {
		_, err := train.Evaluate(context.Background(), c.cfg)
		wantError(t, err, c.want)
	}
}

func TestFindLR(t *testing.T) {
	cfg := lenetConfig(1)
	fit(t, cfg) // so that the optimiser carries something
	momentum, lr := fmt.Sprint(optimState(cfg.Optimizer)), cfg.Optimizer.Groups()[0].LR
	nn.Init(cfg.Model, 9)
	fresh := weights(cfg.Model)
	r, err := train.FindLR(context.Background(), cfg, train.FinderConfig{Low: 1e-5})
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, "after FindLR", weights(cfg.Model), fresh)
	if got := fmt.Sprint(optimState(cfg.Optimizer)); got != momentum || cfg.Optimizer.Groups()[0].LR != lr {
		t.Error("the optimiser has changed")
	}
	t.Logf("suggested %.3g", r.Suggested)
	// With momentum 0.9 this net learns well between 0.01 and 0.2 or so.
	if r.Suggested < 3e-3 || r.Suggested > 0.5 || len(r.LR) != len(r.Loss) || r.LR[0] != 1e-5 {
		t.Errorf("suggested %v; %v %v", r.Suggested, r.LR, r.Loss)
	}
	for i := 1; i < len(r.LR); i++ {
		if q := r.LR[i] / r.LR[i-1]; math.Abs(q-math.Pow(1e6, 1.0/99)) > 1e-9 {
			t.Errorf("rates %d and %d have ratio %v", i-1, i, q)
		}
	}

	many := toy()
	many.Accumulate = 3 // 5 batches in an epoch make 2 steps
	r, err = train.FindLR(context.Background(), many, train.FinderConfig{Steps: 50, Low: 1e-4, High: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("suggested %.3g with gradient accumulation", r.Suggested)
	if r.Suggested < 0.003 || r.Suggested > 0.7 {
		t.Errorf("suggested %v with gradient accumulation; %v", r.Suggested, r.Loss)
	}
}

func TestFindLRWithoutAFallingLoss(t *testing.T) {
	cfg := toy()
	cfg.Loss = func(pred, target *tensor.Tensor) *tensor.Tensor { return pred.MulScalar(0).Mean() }
	_, err := train.FindLR(context.Background(), cfg, train.FinderConfig{})
	wantError(t, err, "the loss fell at none of 100 learning rates from 1e-06 to 10")
	_, err = train.FindLR(context.Background(), cfg, train.FinderConfig{Low: 2, High: 1})
	wantError(t, err, "0 < Low < High")
}

func optimState(o *optim.Optimizer) map[string][]float64 {
	out := map[string][]float64{}
	for name, s := range o.State() {
		out[name] = tensor.ToSlice[float64](s)
	}
	return out
}
