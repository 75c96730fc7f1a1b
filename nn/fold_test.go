package nn_test

import (
	"math"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// unfused returns c with somebody looking on, so that every layer runs alone.
func unfused(c *nn.Ctx) *nn.Ctx {
	return c.Hook(func(string, nn.Layer, *tensor.Tensor, *tensor.Tensor) {})
}

// residualNet is a small residual network with everything that neighbours do together: projection, identity and plain units, filters for
// minimal filtering (16 channels) and others, and a convolution with a bias.
func residualNet(seed uint64) *nn.Sequential {
	conv := func(in, out, kernel, stride int, bias bool) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: !bias}.New()
	}
	unit := func(in, out, stride int) *nn.Residual {
		r := nn.NewResidual(nn.Seq(conv(in, out, 3, stride, false), nn.NewBatchNorm(out), nn.ReLU(), nn.NewNamed().Add("conv", conv(out, out, 3, 1, true)).Add("norm", nn.NewBatchNorm(out))))
		if in != out {
			r.Shortcut = nn.Seq(conv(in, out, 1, stride, false), nn.BatchNormConfig{Channels: out, NoAffine: true}.New())
		}
		return r
	}
	net := nn.Seq(conv(3, 16, 3, 1, false), nn.NewBatchNorm(16), nn.ReLU(), unit(16, 16, 1), nn.ReLU(), unit(16, 32, 2), nn.ReLU(), unit(32, 32, 1),
		nn.NewBatchNorm(32), nn.ReLU(), conv(32, 16, 3, 1, true), nn.ReLU(), nn.GlobalAvgPool2D(), nn.Flatten(), nn.NewLinear(16, 5))
	nn.Init(net, seed)
	nn.Walk(net, func(_ string, l nn.Layer) {
		if b, ok := l.(*nn.BatchNorm); ok {
			r := tensor.NewRNG(seed + 1)
			n := b.RunningMean.NumEl()
			_ = b.RunningMean.Set(r.Normal(tensor.Float32, 0, 0.2, n))
			_ = b.RunningVar.Set(r.Uniform(tensor.Float32, 0.5, 2, n))
			if b.Weight != nil {
				_ = b.Weight.Set(r.Uniform(tensor.Float32, 0.5, 1.5, n))
				_ = b.Bias.Set(r.Normal(tensor.Float32, 0, 0.2, n))
			}
		}
	})
	return net
}

func farthest(t *testing.T, a, b *tensor.Tensor) float64 {
	t.Helper()
	x, y := tensor.ToSlice[float32](a), tensor.ToSlice[float32](b)
	if len(x) != len(y) {
		t.Fatalf("%d and %d elements", len(x), len(y))
	}
	worst, size := 0.0, 1e-6
	for i, v := range x {
		worst = max(worst, math.Abs(float64(v)-float64(y[i])))
		size = max(size, math.Abs(float64(v)))
	}
	return worst / size
}

// In training, fused or not: the same result, the same gradients, the same running statistics, to the bit.
func TestFusedNormsTrainTheSame(t *testing.T) {
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 4, 3, 12, 12)
	run := func(c *nn.Ctx) []*tensor.Tensor {
		net := residualNet(3)
		leaf := x.Clone().RequireGrad()
		y := net.Forward(c, leaf)
		y.Square().Sum().Backward()
		all := []*tensor.Tensor{y, leaf.Grad()}
		for _, p := range nn.Params(net) {
			all = append(all, p.Grad())
		}
		nn.Walk(net, func(_ string, l nn.Layer) {
			if b, ok := l.(*nn.BatchNorm); ok {
				all = append(all, b.RunningMean.Value(), b.RunningVar.Value())
			}
		})
		return all
	}
	a, b := run(nn.Train(nil)), run(unfused(nn.Train(nil)))
	for i := range a {
		if d := farthest(t, a[i], b[i]); d > 1e-5 { // sums of a gradient and a shortcut's may change order
			t.Errorf("tensor %d is off by %g", i, d)
		}
	}
}

// In evaluation the batch norms disappear in the convolutions: the same numbers but for rounding, for one image and several.
func TestFoldedNormsEvaluateTheSame(t *testing.T) {
	net := residualNet(5)
	for _, n := range []int{1, 3, 40} {
		x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, n, 3, 16, 16)
		want := net.Forward(unfused(nn.Eval()), x)
		for range 2 {
			if d := farthest(t, want, net.Forward(nn.Eval(), x)); d > 1e-5 {
				t.Errorf("%d images: off by %g", n, d)
			}
		}
	}
	// Gradients with respect to the input, as for saliency maps.
	slope := func(c *nn.Ctx) *tensor.Tensor {
		x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 2, 3, 16, 16).RequireGrad()
		net.Forward(c, x).Square().Sum().Backward()
		return x.Grad()
	}
	if d := farthest(t, slope(unfused(nn.Eval())), slope(nn.Eval())); d > 1e-4 {
		t.Errorf("gradient off by %g", d)
	}
}

// What evaluation keeps of the parameters is forgotten when any of them is written to, in whatever way, and when others are given.
func TestFoldedNormsFollowTheParameters(t *testing.T) {
	net := residualNet(7)
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 1, 3, 16, 16)
	same := func(what string) {
		t.Helper()
		if d := farthest(t, net.Forward(unfused(nn.Eval()), x), net.Forward(nn.Eval(), x)); d > 1e-5 {
			t.Errorf("%s: off by %g", what, d)
		}
	}
	same("at first")
	conv, norm := net.Layers[10].(*nn.Conv2D), net.Layers[1].(*nn.BatchNorm)
	tensor.MutableData[float32](conv.Weight.Value())[0] = 3
	same("a plain convolution's filter written to")
	view := net.Layers[0].(*nn.Conv2D).Weight.Value().Detach().Slice(0, 2, 4, 1)
	view.Fill(0.5)
	same("filters written to through a view")
	_ = norm.RunningMean.Set(tensor.Full(tensor.Float32, 2, 16))
	same("a running mean set")
	norm.Bias.Value().Detach().SetAt(-1, 3)
	same("a shift written to")
	nn.Init(net, 9)
	same("another initialisation")
	y := net.Forward(nn.Train(nil), tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 8, 3, 16, 16))
	y.Sum().Backward()
	same("statistics moved by a step")
	weights := nn.Params(net)
	given := make([]*tensor.Tensor, len(weights))
	for i, p := range weights {
		given[i] = p.Value().Detach().MulScalar(1.5)
	}
	if d := farthest(t, net.Forward(unfused(nn.Eval().With(weights, given)), x), net.Forward(nn.Eval().With(weights, given), x)); d > 1e-5 {
		t.Errorf("given parameters: off by %g", d)
	}
	nn.Convert(net, tensor.Float64)
	x = x.To(tensor.Float64)
	a, b := net.Forward(unfused(nn.Eval()), x).To(tensor.Float32), net.Forward(nn.Eval(), x).To(tensor.Float32)
	if d := farthest(t, a, b); d > 1e-6 {
		t.Errorf("float64: off by %g", d)
	}
}

// Several goroutines may be the first to evaluate.
func TestFoldedNormsInSeveralGoroutines(t *testing.T) {
	net := residualNet(11)
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 1, 3, 16, 16)
	want := residualNet(11).Forward(nn.Eval(), x)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				if d := farthest(t, want, net.Forward(nn.Eval(), x)); d != 0 {
					t.Errorf("off by %g", d)
				}
			}
		})
	}
	all.Wait()
}
