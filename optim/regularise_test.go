package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

func TestClippingEqualsPyTorch(t *testing.T) {
	r := load(t)
	for name, c := range r.Clipping {
		for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
			p := r.newPair(t)
			nn.Convert(p, d)
			opt := sgd(optim.SGDConfig{LR: 1})(p)
			p.weight.Value().SetGrad(tensor.FromSlice(r.Grads[0][0], 3, 2).To(d))
			p.bias.Value().SetGrad(tensor.FromSlice(r.Grads[0][1], 3).To(d))
			norm := 0.0
			switch name {
			case "norm 1":
				norm = optim.ClipNorm(opt, 1)
			case "norm 100":
				norm = optim.ClipNorm(opt, 100)
			case "value 0.5":
				optim.ClipValue(opt, 0.5)
			default:
				t.Fatalf("unknown case %q", name)
			}
			near(t, name+", norm", []float64{norm}, []float64{c.Norm}, 1e-6, 0)
			near(t, name, append(tensor.ToSlice[float64](p.weight.Grad()), tensor.ToSlice[float64](p.bias.Grad())...), c.Grads, 1e-6, 1e-7)
		}
	}
}

// A gradient that isn't contiguous (a transposed view) is clipped too.
func TestClippingViews(t *testing.T) {
	p := load(t).newPair(t)
	p.weight.Value().SetGrad(tensor.Full(tensor.Float32, 3, 2, 3).T())
	opt := sgd(optim.SGDConfig{LR: 1})(p)
	near(t, "norm", []float64{optim.ClipNorm(opt, 1)}, []float64{3 * math.Sqrt(6)}, 1e-6, 0)
	near(t, "norm after", []float64{optim.GradNorm(opt)}, []float64{1}, 1e-5, 0)
}

func TestEMAEqualsPyTorch(t *testing.T) {
	r := load(t)
	p := r.newPair(t)
	ema := optim.NewEMA(p, 0.9)
	for step := range r.Grads {
		if err := p.weight.Set(tensor.FromSlice(r.Grads[step][0], 3, 2)); err != nil {
			t.Fatal(err)
		}
		if step == 6 { // interrupted and continued
			saved := ema.SaveState()
			ema = optim.NewEMA(p, 0.9)
			if err := ema.LoadState(saved); err != nil {
				t.Fatal(err)
			}
		}
		ema.Update()
		near(t, fmt.Sprint("step ", step), tensor.ToSlice[float64](ema.Values()["weight"]), r.EMA[step], 1.3e-6, 1e-6)
	}
	own := p.values()
	ema.Apply()
	near(t, "applied", p.values()[:6], r.EMA[len(r.EMA)-1], 1.3e-6, 1e-6)
	ema.Restore()
	near(t, "restored", p.values(), own, 0, 0)
}

// Stochastic weight averaging is the mean of what the parameters were.
func TestSWAIsTheMean(t *testing.T) {
	r := load(t)
	p := r.newPair(t)
	swa := optim.NewSWA(p)
	var want [6]float64
	for step := range r.Grads {
		if err := p.weight.Set(tensor.FromSlice(r.Grads[step][0], 3, 2)); err != nil {
			t.Fatal(err)
		}
		swa.Update()
		for i, v := range r.Grads[step][0] {
			want[i] += float64(v) / float64(len(r.Grads))
		}
	}
	near(t, "mean", tensor.ToSlice[float64](swa.Values()["weight"]), want[:], 1e-5, 1e-6)
}

func TestAveragesOfAnotherModelAreRefused(t *testing.T) {
	p := load(t).newPair(t)
	ema := optim.NewEMA(p, 0.9)
	ema.Update()
	saved := ema.SaveState()
	delete(saved, "average/bias")
	saved["average/weight"] = tensor.Zeros(tensor.Float32, 2)
	saved["average/fc.weight"] = tensor.Zeros(tensor.Float32, 2)
	err := optim.NewEMA(p, 0.9).LoadState(saved)
	want := "optim: the state doesn't fit this average (another model?): average/bias is missing; average/fc.weight is unexpected; average/weight has shape (2), expected (3, 2)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nexpected %s", err, want)
	}
	if err := optim.NewEMA(p, 0.9).LoadState(optim.NewEMA(p, 0.9).SaveState()); err != nil {
		t.Errorf("before the first update: %v", err)
	}
}

// With bias correction the first average is the first value.
func TestEMABiasCorrection(t *testing.T) {
	p := load(t).newPair(t)
	ema := optim.NewEMA(p, 0.99)
	ema.BiasCorrection = true
	first := p.values()
	ema.Update()
	near(t, "first", tensor.ToSlice[float64](ema.Values()["weight"]), first[:6], 1e-5, 0)
	a := optim.Average{Beta: 0.9}
	a.Add(10)
	a.Add(20)
	// 0.9·(0.1·10) + 0.1·20 = 2.9, divided by 1 − 0.81.
	near(t, "average", []float64{a.Raw(), a.Value()}, []float64{2.9, 2.9 / 0.19}, 1e-12, 0)
}

func TestMaxNormEqualsRenorm(t *testing.T) {
	r := load(t)
	p := r.newPair(t)
	bias := p.values()[6:]
	optim.MaxNorm(p.params(), 1)
	// PyTorch divides by the norm + 1e-7.
	near(t, "max norm", p.values()[:6], r.MaxNorm, 1e-6, 1e-7)
	near(t, "bias", p.values()[6:], bias, 0, 0)
}

func TestDecayGroupsSpareBiasesAndNorms(t *testing.T) {
	net := nn.Seq(nn.NewConv2D(1, 2, 3), nn.NewBatchNorm(2), nn.Flatten(), nn.NewLinear(8, 3), nn.NewLayerNorm(3))
	nn.Init(net, 1)
	groups := optim.DecayGroups(net, 0.1, 0.01)
	var names [2][]string
	for i, g := range groups {
		for _, p := range g.Params {
			names[i] = append(names[i], p.Name())
		}
	}
	if got, want := fmt.Sprint(names), "[[0.weight 3.weight] [0.bias 1.weight 1.bias 3.bias 4.weight 4.bias]]"; got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
	if groups[0].WeightDecay != 0.01 || groups[1].WeightDecay != 0 || groups[1].LR != 0.1 {
		t.Errorf("settings are %+v", groups)
	}
}
