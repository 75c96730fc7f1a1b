package train_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// lambda returns a layer that computes f.
func lambda(name string, f func(x *tensor.Tensor) *tensor.Tensor) nn.Layer {
	return nn.NewLambda(name, f)
}

// countdown returns a training of net on the examples 1 to 6 in order, in batches of two, with the targets 0.
func countdown(net nn.Layer) train.Config {
	nn.Init(net, 1)
	x := tensor.FromSlice([]float32{5, 4, 3, 2, 1, 0}, 6, 1)
	still := optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 1})
	still.Groups()[0].LR = 0
	return train.Config{
		Model: net, Optimizer: still, Loss: nn.MSE, Epochs: 2,
		Train: data.NewLoader(data.Tensors(x, tensor.Zeros(tensor.Float32, 6, 1)), data.LoaderConfig{Batch: 2}),
	}
}

func notFinite(t *testing.T, cfg train.Config) *train.NotFiniteError {
	t.Helper()
	before := weights(cfg.Model)
	steps := 0
	cfg.Callbacks = append(cfg.Callbacks, callback{step: func(s *train.State) error { steps = s.Step; return nil }})
	_, err := train.Fit(context.Background(), cfg)
	var e *train.NotFiniteError
	if !errors.As(err, &e) || !errors.Is(err, train.ErrNotFinite) {
		t.Fatalf("got %v", err)
	}
	if e.Epoch == 0 && steps != e.Step {
		t.Errorf("%d steps were taken, the error says %d", steps, e.Step)
	}
	if cfg.Optimizer.Groups()[0].LR == 0 {
		sameWeights(t, "after the error", weights(cfg.Model), before)
	}
	return e
}

func TestLogOfANegativeNumberIsNamed(t *testing.T) {
	one := nn.NewLinear(1, 1)
	one.Weight = nn.NewParam(nn.Ones, 1, 1)
	one.Bias = nn.NewParam(nn.Constant(-2.5), 1)
	net := nn.NewNamed().Add("head", nn.Seq(one, lambda("Log", (*tensor.Tensor).Log))).Add("double", lambda("Double", func(x *tensor.Tensor) *tensor.Tensor { return x.MulScalar(2) }))
	e := notFinite(t, countdown(net)) // 5−2.5, 4−2.5; 3−2.5, 2−2.5
	if e.Op != "log" || e.Layer != "head.1" || e.Step != 1 || !slices.Equal(e.Batch, []int{2, 3}) || e.Backward {
		t.Errorf("got %+v", e)
	}
	wantError(t, e, "train: the loss is not finite in epoch 1, step 2; first bad operation: log in layer head.1; batch of examples 2, 3; try a lower learning rate")
}

// The layer in front of all parameters sees no tensor that gradients flow through.
func TestBadOperationBeforeTheFirstParameterIsNamed(t *testing.T) {
	net := nn.NewNamed().Add("log", lambda("Log", (*tensor.Tensor).Log)).Add("fc", nn.NewLinear(1, 1))
	e := notFinite(t, countdown(net)) // log 0 of example 5
	if e.Op != "log" || e.Layer != "log" || e.Step != 2 || !slices.Equal(e.Batch, []int{4, 5}) {
		t.Errorf("got %+v", e)
	}
}

func TestBadLossFunctionIsNamed(t *testing.T) {
	cfg := countdown(nn.NewLinear(1, 1))
	cfg.Loss = func(pred, target *tensor.Tensor) *tensor.Tensor { return pred.Sub(target).MulScalar(0).Log().Mean() }
	e := notFinite(t, cfg)
	if e.Op != "log" || e.Layer != "" || e.Step != 0 {
		t.Errorf("got %+v", e)
	}
}

// √0 is fine, its gradient isn't.
func TestBadGradientIsNamed(t *testing.T) {
	net := nn.NewNamed().Add("fc", nn.NewLinear(1, 1)).Add("root", lambda("Sqrt", (*tensor.Tensor).Sqrt)).Add("out", nn.NewLinear(1, 1))
	cfg := countdown(net)
	state := nn.State(net)
	state["fc.weight"].Fill(-1)
	state["fc.bias"].Fill(2) // 2 − x is 0 for examples 2 and 3
	cfg.Train = data.NewLoader(data.Tensors(tensor.FromSlice([]float32{0, 1, 2, 2}, 4, 1), tensor.Zeros(tensor.Float32, 4, 1)), data.LoaderConfig{Batch: 2})
	e := notFinite(t, cfg)
	if e.What != "gradient of fc.weight" || e.Op == "" || e.Layer != "root" || !e.Backward || e.Step != 1 || !slices.Equal(e.Batch, []int{2, 3}) {
		t.Errorf("got %+v", e)
	}
	wantError(t, e, "the gradient of fc.weight is not finite in epoch 1, step 2; first bad operation: "+e.Op+" in the gradient of layer root; batch of examples 2, 3")
}

func TestBadInputsAreNamed(t *testing.T) {
	cfg := countdown(nn.NewLinear(1, 1))
	x := tensor.FromSlice([]float32{5, 4, 3, float32(math.Inf(1)), 1, 0}, 6, 1)
	cfg.Train = data.NewLoader(data.Tensors(x, tensor.Zeros(tensor.Float32, 6, 1)), data.LoaderConfig{Batch: 3})
	e := notFinite(t, cfg)
	wantError(t, e, "step 2; the inputs of examples 3 aren't finite; batch of examples 3, 4, 5; clean the data")
}

// The rate is so high that weights overflow in a step whose loss was still finite.
func TestBadWeightsAreNamed(t *testing.T) {
	net := nn.NewNamed().Add("fc", nn.NewLinear(1, 1))
	cfg := countdown(net)
	cfg.Optimizer.Groups()[0].LR = 1e38
	cfg.Loss = func(pred, target *tensor.Tensor) *tensor.Tensor {
		return pred.Sub(target).AddScalar(100).Square().Mean()
	}
	e := notFinite(t, cfg)
	if e.Step != 1 || e.Op != "" {
		t.Errorf("got %+v", e)
	}
	wantError(t, e, "already not finite: fc.weight, fc.bias")
}

func TestNaNInTheMiddleOfAGroupStopsAtItsBatch(t *testing.T) {
	net := nn.NewNamed().Add("log", lambda("Log", (*tensor.Tensor).Log)).Add("fc", nn.NewLinear(1, 1))
	cfg := countdown(net)
	cfg.Accumulate = 4
	e := notFinite(t, cfg)
	if e.Step != 0 || !slices.Equal(e.Batch, []int{4, 5}) {
		t.Errorf("got %+v", e)
	}
}
