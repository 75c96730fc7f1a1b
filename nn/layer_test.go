package nn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func leNet() *nn.Sequential {
	return nn.Seq(
		nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.NewConv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.NewLinear(400, 120), nn.ReLU(), nn.NewLinear(120, 84), nn.ReLU(), nn.NewLinear(84, 10))
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestStateKeysArePyTorchs(t *testing.T) {
	for _, c := range []struct {
		net  nn.Layer
		want string // sorted(net.state_dict()) of the same nn.Sequential in PyTorch
	}{
		{leNet(), "0.bias 0.weight 11.bias 11.weight 3.bias 3.weight 7.bias 7.weight 9.bias 9.weight"},
		{nn.Seq(nn.NewBatchNorm(2), nn.Seq(nn.NewLayerNorm(3), nn.NewPReLU(1))),
			"0.bias 0.num_batches_tracked 0.running_mean 0.running_var 0.weight 1.0.bias 1.0.weight 1.1.weight"},
		{nn.NewNamed().Add("conv1", nn.NewConv2D(1, 2, 3)).Add("embed", nn.NewEmbedding(2, 2)), "conv1.bias conv1.weight embed.weight"},
		{nn.Seq(nn.NewCheckpoint(nn.Seq(nn.NewLinear(2, 2)))), "0.0.bias 0.0.weight"},
	} {
		nn.Init(c.net, 1)
		if got := strings.Join(sortedKeys(nn.State(c.net)), " "); got != c.want {
			t.Errorf("got %s, expected %s", got, c.want)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	build := func() nn.Layer {
		return nn.Seq(nn.NewConv2D(1, 2, 3), nn.NewBatchNorm(2), nn.Flatten(), nn.NewLinear(8, 3))
	}
	a, b := build(), build()
	nn.Init(a, 1)
	x := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 5, 1, 4, 4)
	a.Forward(nn.Train(nil), x) // so that running statistics differ from the initial ones
	if err := nn.LoadState(b, nn.State(a), nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	ya, yb := tensor.ToSlice[float32](a.Forward(nn.Eval(), x)), tensor.ToSlice[float32](b.Forward(nn.Eval(), x))
	if !slices.Equal(ya, yb) {
		t.Error("the loaded model computes something else")
	}
	if got := nn.State(b)["1.num_batches_tracked"]; got.DType() != tensor.Int64 || got.Item() != 1 {
		t.Errorf("num_batches_tracked is %v", got)
	}
	nn.State(a)["3.bias"].Fill(7)
	if nn.State(b)["3.bias"].At(0) == 7 {
		t.Error("LoadState shares memory with the state")
	}
}

func TestLoadStateListsEverythingThatDoesNotFit(t *testing.T) {
	net := nn.Seq(nn.NewLinear(2, 3), nn.NewLinear(3, 1))
	nn.Init(net, 1)
	before := fmt.Sprint(nn.State(net)["0.weight"])
	state := map[string]*tensor.Tensor{
		"0.weight":  tensor.Zeros(tensor.Float32, 3, 2),
		"0.bias":    tensor.Zeros(tensor.Float32, 2),
		"1.weight":  tensor.Zeros(tensor.Float32, 3, 1),
		"fc.weight": tensor.Zeros(tensor.Float32, 1),
		"a.weight":  tensor.Zeros(tensor.Float32, 1),
	}
	err := nn.LoadState(net, state, nn.LoadConfig{})
	var bad *nn.StateError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	want := "nn: the weights don't fit the model; missing: 1.bias; unexpected: a.weight, fc.weight; of another shape: 0.bias: model (3), file (2), 1.weight: model (1, 3), file (3, 1)"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if got := fmt.Sprint(nn.State(net)["0.weight"]); got != before {
		t.Error("a refused state changed the model")
	}
	// Partial takes what matches, but not what has another shape.
	if err := nn.LoadState(net, state, nn.LoadConfig{Partial: true}); err == nil || !strings.Contains(err.Error(), "0.bias") {
		t.Errorf("partial, another shape: %v", err)
	}
	delete(state, "0.bias")
	delete(state, "1.weight")
	if err := nn.LoadState(net, state, nn.LoadConfig{Partial: true}); err != nil {
		t.Errorf("partial: %v", err)
	}
	if nn.State(net)["0.weight"].At(0, 0) != 0 {
		t.Error("partial: 0.weight wasn't loaded")
	}
}

// forgetful forgets to name some of what it holds.
type forgetful struct {
	named, hidden *nn.Param
	layer         *nn.Linear
	list          []nn.Layer
	byName        map[string]*nn.Param
	inside        struct{ w *nn.Param }
}

func (f *forgetful) Forward(_ *nn.Ctx, x *tensor.Tensor) *tensor.Tensor { return x }
func (f *forgetful) Visit(v *nn.Visitor)                                { v.Param("named", f.named) }

func TestCheckFindsForgottenFields(t *testing.T) {
	param := func() *nn.Param { return nn.NewParam(nn.Zeros, 1) }
	f := &forgetful{named: param(), hidden: param(), layer: nn.NewLinear(1, 1),
		list: []nn.Layer{nn.NewLinear(1, 1), nn.NewLinear(1, 1)}, byName: map[string]*nn.Param{"a": param()}}
	f.inside.w = param()
	err := nn.Check(nn.Seq(nn.ReLU(), f))
	if err == nil {
		t.Fatal("nothing found")
	}
	for _, name := range []string{"1.hidden", "1.layer", "1.list[0]", "1.list[1]", "1.byName[a]", "1.inside.w"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q lacks %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "1.named") || !strings.Contains(err.Error(), "v.Param") {
		t.Errorf("got %q", err)
	}
	if err := nn.Check(leNet()); err != nil {
		t.Error(err)
	}
}

func TestFreezing(t *testing.T) {
	trunk, head := nn.NewLinear(3, 4), nn.NewLinear(4, 2)
	net := nn.Seq(trunk, nn.ReLU(), head)
	nn.Init(net, 1)
	nn.Freeze(trunk)
	if got := len(nn.Params(net)); got != 2 {
		t.Errorf("%d parameters to train, expected 2", got)
	}
	x := tensor.Ones(tensor.Float32, 2, 3)
	net.Forward(nn.Train(nil), x).Sum().Backward()
	if trunk.Weight.Grad() != nil || head.Weight.Grad() == nil {
		t.Error("gradients: the frozen layer should have none, the head one")
	}
	nn.Unfreeze(net)
	net.Forward(nn.Train(nil), x).Sum().Backward()
	if trunk.Weight.Grad() == nil {
		t.Error("no gradient after Unfreeze")
	}
	// A frozen batch norm normalises as in evaluation and keeps its statistics.
	norm := nn.NewBatchNorm(3)
	nn.Init(norm, 1)
	nn.Freeze(norm)
	x = tensor.NewRNG(1).Normal(tensor.Float32, 5, 2, 4, 3)
	if a, b := norm.Forward(nn.Train(nil), x), norm.Forward(nn.Eval(), x); a.Sub(b).Abs().Max().Item() != 0 {
		t.Error("a frozen batch norm uses the batch's statistics")
	}
	if norm.RunningMean.Value().At(0) != 0 {
		t.Error("a frozen batch norm changed its statistics")
	}
}

// A parameter that two layers share is listed once and gets the sum of both gradients.
func TestSharedParameters(t *testing.T) {
	a, b := nn.LinearConfig{In: 2, Out: 2, NoBias: true}.New(), nn.LinearConfig{In: 2, Out: 2, NoBias: true}.New()
	b.Weight = a.Weight
	net := nn.Seq(a, b)
	nn.Init(net, 1)
	if got := len(nn.Params(net)); got != 1 {
		t.Errorf("%d parameters, expected 1", got)
	}
	if got := sortedKeys(nn.State(net)); !slices.Equal(got, []string{"0.weight"}) {
		t.Errorf("state %v", got)
	}
	x := tensor.Ones(tensor.Float32, 1, 2)
	net.Forward(nn.Train(nil), x).Sum().Backward()
	w := a.Weight.Value().Detach()
	// d/dW of 1ᵀ·W·W·x: 1·(W·x)ᵀ + Wᵀ·1·xᵀ.
	ones := tensor.Ones(tensor.Float32, 2, 1)
	want := ones.MatMul(w.MatMul(ones).T()).Add(w.T().MatMul(ones).MatMul(ones.T()))
	if d := a.Weight.Grad().Sub(want).Abs().Max().Item(); d > 1e-6 {
		t.Errorf("the gradient is off by %g", d)
	}
}

// Small nets in float64, their parameters included, pass the gradient check.
func TestGradientsOfNets(t *testing.T) {
	for name, c := range map[string]struct {
		net   nn.Layer
		shape []int
	}{
		"tanh MLP":  {nn.Seq(nn.NewLinear(3, 4), nn.Tanh(), nn.NewLinear(4, 2)), []int{5, 3}},
		"conv norm": {nn.Seq(nn.NewConv2D(2, 3, 2), nn.NewBatchNorm(3), nn.SiLU(), nn.AvgPool2D(2), nn.Flatten(), nn.NewLinear(3, 2)), []int{3, 2, 3, 3}},
		"blocks": {nn.Seq(nn.NewResidual(nn.Seq(nn.NewLinear(4, 4), nn.GELU())), nn.NewLayerNorm(4),
			nn.NewParallel(1, nn.NewLinear(4, 2), nn.NewCheckpoint(nn.Seq(nn.NewLinear(4, 1), nn.Softplus())))), []int{2, 4}},
	} {
		nn.Init(c.net, 1)
		nn.Convert(c.net, tensor.Float64)
		xs := []*tensor.Tensor{tensor.NewRNG(2).Normal(tensor.Float64, 0, 1, c.shape...)}
		params := nn.Params(c.net)
		for _, p := range params {
			if p.Value().DType() != tensor.Float64 {
				t.Fatalf("%s is %s after Convert", p.Name(), p.Value().DType())
			}
			xs = append(xs, p.Value().Detach().Clone())
		}
		f := func(xs []*tensor.Tensor) *tensor.Tensor {
			return nn.Train(nil).With(params, xs[1:]).Run(c.net, xs[0])
		}
		if err := gradcheck.Check(f, gradcheck.Config{}, xs...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Convert keeps the values, and what isn't a float.
func TestConvert(t *testing.T) {
	norm := nn.NewBatchNorm(2)
	nn.Init(norm, 1)
	nn.Convert(norm, tensor.Float64)
	if norm.Weight.Value().DType() != tensor.Float64 || norm.RunningVar.Value().DType() != tensor.Float64 || norm.NumBatches.Value().DType() != tensor.Int64 {
		t.Error("data types after Convert")
	}
	if norm.Weight.Value().At(1) != 1 || !norm.Weight.Value().IsLeaf() {
		t.Error("values or tracking lost by Convert")
	}
	early := nn.NewLinear(2, 2)
	nn.Convert(early, tensor.Float64)
	nn.Init(early, 1)
	if early.Weight.Value().DType() != tensor.Float64 {
		t.Error("Convert before Init is forgotten")
	}
}

func TestHooksSeeEveryLayer(t *testing.T) {
	net := nn.NewNamed().Add("fc", nn.NewLinear(2, 3)).Add("tail", nn.Seq(nn.ReLU(), nn.NewLinear(3, 1)))
	nn.Init(net, 1)
	var seen []string
	c := nn.Eval().Hook(func(path string, l nn.Layer, x, y *tensor.Tensor) {
		seen = append(seen, fmt.Sprintf("%s:%v→%v", path, x.Shape(), y.Shape()))
	})
	y := c.Run(net, tensor.Ones(tensor.Float32, 4, 2))
	want := "fc:[4 2]→[4 3] tail.0:[4 3]→[4 3] tail.1:[4 3]→[4 1] tail:[4 3]→[4 1] :[4 2]→[4 1]"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("got %s", got)
	}
	if plain := net.Forward(nn.Eval(), tensor.Ones(tensor.Float32, 4, 2)); plain.Sub(y).Abs().Max().Item() != 0 {
		t.Error("hooks changed the result")
	}
}

// One model may be trained and evaluated in several goroutines at once, each with its own context.
func TestContextsAtOnce(t *testing.T) {
	net := nn.Seq(nn.NewConv2D(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.NewDropout(0.5), nn.NewLinear(8, 2))
	nn.Init(net, 1)
	x := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 3, 1, 4, 4)
	want := tensor.ToSlice[float32](net.Forward(nn.Eval(), x))
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for range 20 {
				if i%2 == 0 {
					if got := tensor.ToSlice[float32](net.Forward(nn.Eval(), x)); !slices.Equal(got, want) {
						t.Error("evaluation differs beside training")
					}
				} else {
					y := net.Forward(nn.Train(tensor.NewRNG(uint64(i))), x).Sum()
					tensor.Grad(y, []*tensor.Tensor{nn.Params(net)[0].Value()}, tensor.GradConfig{})
				}
			}
		})
	}
	wait.Wait()
}

func TestContainers(t *testing.T) {
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 2, 3)
	equal := func(name string, got, want *tensor.Tensor) {
		t.Helper()
		if !got.SameShape(want) || got.Sub(want).Abs().Max().Item() > 1e-6 {
			t.Errorf("%s: got %v, expected %v", name, got, want)
		}
	}
	double := nn.NewLambda("double", func(x *tensor.Tensor) *tensor.Tensor { return x.MulScalar(2) })
	equal("residual", nn.NewResidual(double).Forward(nn.Eval(), x), x.MulScalar(3))
	equal("residual with shortcut", (&nn.Residual{Body: double, Shortcut: double}).Forward(nn.Eval(), x), x.MulScalar(4))
	equal("parallel", nn.NewParallel(1, double, nn.Identity()).Forward(nn.Eval(), x), tensor.Cat(1, x.MulScalar(2), x))
	equal("flatten", nn.Flatten().Forward(nn.Eval(), x.Reshape(2, 1, 3)), x)
	equal("unflatten", nn.Unflatten(3, 1, 1).Forward(nn.Eval(), x), x.Reshape(2, 3, 1, 1))
	// Maxout of neighbours: channels 0 and 1 give the first output, 2 and 3 the second.
	m := tensor.FromSlice([]float32{1, 5, -2, -3}, 1, 4)
	equal("maxout", nn.Maxout(2).Forward(nn.Eval(), m), tensor.FromSlice([]float32{5, -2}, 1, 2))
	// A causal convolution: the first output sees the first input alone.
	c := nn.Conv1DConfig{In: 1, Out: 1, Kernel: 3, Causal: true, NoBias: true, Init: nn.Ones}.New()
	nn.Init(c, 1)
	equal("causal", c.Forward(nn.Eval(), tensor.FromSlice([]float32{1, 2, 3, 4}, 1, 1, 4)), tensor.FromSlice([]float32{1, 3, 6, 9}, 1, 1, 4))
}
