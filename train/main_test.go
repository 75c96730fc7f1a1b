package train_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/digits"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// TestMain runs a training in place of the tests if the environment asks for it: the child of the tests that kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// generated returns n generated digits, float32 (n, 1, 28, 28) around 0, with their classes. They are made once.
var generated = sync.OnceValue(func() data.Dataset {
	const n = 640
	pixels, labels := digits.Generate(1, 0, n)
	x := make([]float32, len(pixels))
	for i, p := range pixels {
		x[i] = float32(p)/255 - 0.3
	}
	y := make([]int64, n)
	for i, l := range labels {
		y[i] = int64(l)
	}
	return data.Tensors(tensor.FromSlice(x, n, 1, 28, 28), tensor.FromSlice(y))
})

// part returns the digits with numbers from lo up to hi.
func part(lo, hi int) data.Dataset {
	index := make([]int, hi-lo)
	for i := range index {
		index[i] = lo + i
	}
	return data.Subset(generated(), index)
}

// smallLeNet is a LeNet with few channels, batch norm and dropout.
func smallLeNet(seed uint64) nn.Layer {
	net := nn.NewNamed().
		Add("conv1", nn.NewConv2D(1, 4, 5)).Add("bn1", nn.NewBatchNorm(4)).Add("relu1", nn.ReLU()).Add("pool1", nn.MaxPool2D(4)).
		Add("flatten", nn.Flatten()).
		Add("fc1", nn.NewLinear(144, 32)).Add("relu2", nn.ReLU()).Add("drop", nn.NewDropout(0.3)).Add("fc2", nn.NewLinear(32, 10))
	nn.Init(net, seed)
	return net
}

// lenetConfig returns a training of smallLeNet on 320 digits in batches of 32.
func lenetConfig(workers int) train.Config {
	net := smallLeNet(3)
	opt := optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.05, Momentum: 0.9})
	return train.Config{
		Model: net, Optimizer: opt, Loss: nn.CrossEntropy,
		Train:  data.NewLoader(part(0, 320), data.LoaderConfig{Batch: 32, Shuffle: true, Seed: 5, Workers: workers}),
		Epochs: 2, Seed: 7,
		Metrics: []metrics.Metric{metrics.NewAccuracy()},
	}
}

// toy returns a training of a linear model on 40 points of a line in batches of 8: y = 2x₀ − x₁ + 1.
func toy() train.Config {
	r := tensor.NewRNG(1)
	x := r.Normal(tensor.Float32, 0, 1, 40, 2)
	y := x.MatMul(tensor.FromSlice([]float32{2, -1}, 2, 1)).AddScalar(1)
	net := nn.NewNamed().Add("fc", nn.NewLinear(2, 1))
	nn.Init(net, 1)
	return train.Config{
		Model: net, Optimizer: optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1, Momentum: 0.5}), Loss: nn.MSE,
		Train:  data.NewLoader(data.Tensors(x, y), data.LoaderConfig{Batch: 8, Shuffle: true, Seed: 2, Workers: -1}),
		Epochs: 3,
	}
}

func fit(t *testing.T, cfg train.Config) *train.Result {
	t.Helper()
	result, err := train.Fit(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// weights returns the bits of all parameters and buffers of a model.
func weights(model nn.Layer) map[string][]uint64 {
	out := map[string][]uint64{}
	for name, v := range nn.State(model) {
		for _, f := range tensor.ToSlice[float64](v) {
			out[name] = append(out[name], math.Float64bits(f))
		}
	}
	return out
}

func sameWeights(t *testing.T, what string, got, want map[string][]uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d tensors, expected %d", what, len(got), len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// sameHistory compares figures bit for bit.
func sameHistory(t *testing.T, what string, got, want []train.Epoch) {
	t.Helper()
	if g, w := historyText(got), historyText(want); g != w {
		t.Errorf("%s: history\n%s\nexpected\n%s", what, g, w)
	}
}

func historyText(h []train.Epoch) string {
	s := ""
	for _, e := range h {
		s += fmt.Sprintf("epoch %d:", e.Number)
		for _, name := range slices.Sorted(maps.Keys(e.Values)) {
			s += fmt.Sprintf(" %s=%x", name, e.Values[name])
		}
		s += "\n"
	}
	return s
}

// wantError checks that err says all of what.
func wantError(t *testing.T, err error, what ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; expected one with %q", what)
		return
	}
	for _, w := range what {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}

var nan = math.NaN()

// callback calls functions.
type callback struct {
	train.Quiet
	step, epoch func(*train.State) error
}

func (c callback) StepEnd(s *train.State) error {
	if c.step == nil {
		return nil
	}
	return c.step(s)
}

func (c callback) EpochEnd(s *train.State) error {
	if c.epoch == nil {
		return nil
	}
	return c.epoch(s)
}
