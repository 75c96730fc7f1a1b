package optim_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// Twelve steps on fixed gradients give PyTorch's values, in float32 and, converted, in float64.
func TestOptimisersEqualPyTorch(t *testing.T) {
	r := load(t)
	for _, c := range r.Optimisers {
		make := optimisers[c.Name]
		if make == nil {
			t.Fatalf("no optimiser for case %q", c.Name)
		}
		late := strings.HasSuffix(c.Name, " late")
		for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
			p := r.newPair(t)
			nn.Convert(p, d)
			opt := make(p)
			for step, want := range c.Values {
				p.weight.Value().SetGrad(tensor.FromSlice(r.Grads[step][0], 3, 2).To(d))
				if !late || step >= 3 {
					p.bias.Value().SetGrad(tensor.FromSlice(r.Grads[step][1], 3).To(d))
				}
				opt.Step()
				// 12 steps of float32 rounding; centered RMSProp subtracts nearly equal squares.
				near(t, fmt.Sprintf("%s, %v, step %d", c.Name, d, step), p.values(), want, 4e-6, 2e-6)
			}
		}
	}
	if len(r.Optimisers) != len(optimisers) {
		t.Errorf("%d cases, %d optimisers", len(r.Optimisers), len(optimisers))
	}
}

// A run that is interrupted after 5 steps and continued from the saved state, by new parameters and a new
// optimiser, ends with the same bits.
func TestContinuedRunsGiveTheSameBits(t *testing.T) {
	r := load(t)
	for name, make := range optimisers {
		whole, first := r.newPair(t), r.newPair(t)
		a, b := make(whole), make(first)
		for step := range 5 {
			r.setGrads(whole, step)
			r.setGrads(first, step)
			a.Step()
			b.Step()
		}
		a.Groups()[0].LR *= 0.5
		b.Groups()[0].LR *= 0.5
		second := r.newPair(t)
		if err := nn.LoadState(second, nn.State(first), nn.LoadConfig{}); err != nil {
			t.Fatal(err)
		}
		c := make(second)
		if err := c.LoadState(b.State()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for step := 5; step < 12; step++ {
			r.setGrads(whole, step)
			r.setGrads(second, step)
			a.Step()
			c.Step()
		}
		near(t, name, second.values(), whole.values(), 0, 0)
		if a.Steps() != 12 || c.Steps() != 12 {
			t.Errorf("%s: %d and %d steps", name, a.Steps(), c.Steps())
		}
	}
}

func TestStatesThatDoNotFitAreRefusedWithEverythingListed(t *testing.T) {
	r := load(t)
	step := func(opt *optim.Optimizer, p *pair) *optim.Optimizer {
		r.setGrads(p, 0)
		opt.Step()
		return opt
	}
	p := r.newPair(t)
	good := step(adam(optim.AdamConfig{})(p), p).State()
	change := func(f func(s map[string]*tensor.Tensor)) map[string]*tensor.Tensor {
		s := map[string]*tensor.Tensor{}
		for k, v := range good {
			s[k] = v
		}
		f(s)
		return s
	}
	fresh := func() *optim.Optimizer { return adam(optim.AdamConfig{})(r.newPair(t)) }
	momentum := step(sgd(optim.SGDConfig{LR: 1, Momentum: 0.9})(p), p).State()
	for _, c := range []struct {
		name  string
		state map[string]*tensor.Tensor
		want  []string
	}{
		{"another algorithm", momentum, []string{"momentum.weight is unexpected", "momentum.bias is unexpected", "mean.weight is missing", "square.bias is missing"}},
		{"empty", map[string]*tensor.Tensor{}, []string{"steps is missing", "lr.0 is missing"}},
		{"shape", change(func(s map[string]*tensor.Tensor) {
			s["mean.weight"] = tensor.Zeros(tensor.Float32, 2, 3)
			s["square.bias"] = tensor.Zeros(tensor.Float32, 4)
			s["mean.conv1.weight"] = tensor.Zeros(tensor.Float32, 4)
		}), []string{"mean.weight has shape (2, 3), expected (3, 2)", "square.bias has shape (4), expected (3)", "mean.conv1.weight is unexpected"}},
		{"half a parameter", change(func(s map[string]*tensor.Tensor) { delete(s, "square.weight") }), []string{"square.weight is missing"}},
		{"no count", change(func(s map[string]*tensor.Tensor) { delete(s, "steps.weight") }), []string{"steps.weight is missing"}},
		{"numbers", change(func(s map[string]*tensor.Tensor) {
			s["steps"] = tensor.Scalar(tensor.Float64, 1.5)
			s["lr.0"] = tensor.Scalar(tensor.Float64, math.NaN())
			s["steps.weight"] = tensor.Scalar(tensor.Float64, -1)
		}), []string{"steps is 1.5, expected a whole number", "lr.0 is NaN", "steps.weight is -1"}},
		{"another group", change(func(s map[string]*tensor.Tensor) { s["lr.1"] = tensor.Scalar(tensor.Float64, 1) }), []string{"lr.1 is unexpected"}},
	} {
		opt := fresh()
		err := opt.LoadState(c.state)
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", c.name, err, w)
			}
		}
		if opt.Steps() != 0 || len(opt.State()) != 2 {
			t.Errorf("%s: the refused state changed the optimiser", c.name)
		}
	}
	if err := fresh().LoadState(good); err != nil {
		t.Errorf("the state itself: %v", err)
	}
}

func TestFrozenParametersStay(t *testing.T) {
	r := load(t)
	p := r.newPair(t)
	opt := optim.NewAdamW(p.params(), optim.AdamConfig{WeightDecay: 0.1})
	before := p.values()
	p.bias.Freeze()
	r.setGrads(p, 0)
	opt.Step()
	now := p.values()
	near(t, "frozen bias", now[6:], before[6:], 0, 0)
	if now[0] == before[0] {
		t.Error("the weight didn't move")
	}
	if p.weight.Grad() != nil || p.bias.Grad() != nil {
		t.Error("gradients are left after Step")
	}
}

func TestResetStartsAnew(t *testing.T) {
	r := load(t)
	p, q := r.newPair(t), r.newPair(t)
	used, fresh := adam(optim.AdamConfig{})(p), adam(optim.AdamConfig{})(q)
	r.setGrads(p, 0)
	used.Step()
	used.Reset()
	if err := nn.LoadState(p, nn.State(q), nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		r.setGrads(p, step)
		r.setGrads(q, step)
		used.Step()
		fresh.Step()
	}
	near(t, "after Reset", p.values(), q.values(), 0, 0)
}

func TestMistakesInOptimisers(t *testing.T) {
	r := load(t)
	p := r.newPair(t)
	frozen := nn.NewLinear(2, 2)
	nn.Freeze(frozen)
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"there are no parameters to optimise; pass nn.Params(model); are all parameters frozen?", func() { optim.NewSGD(nil, optim.SGDConfig{LR: 1}) }},
		{"there are no parameters to optimise", func() { optim.NewAdam(nn.Params(frozen), optim.AdamConfig{}) }},
		{"there are no parameters to optimise", func() { optim.NewLBFGS(nil, optim.LBFGSConfig{}) }},
		{"parameter weight is in two groups or twice in one", func() { optim.NewSGD([]*nn.Param{p.weight, p.weight}, optim.SGDConfig{LR: 1}) }},
		{"learning rate and weight decay must be 0 or more, got -1 and 0", func() { optim.NewSGD(p.params(), optim.SGDConfig{LR: -1}) }},
		{"learning rate and weight decay must be 0 or more, got NaN and 0", func() { optim.NewAdam(p.params(), optim.AdamConfig{LR: math.NaN()}) }},
		{"the learning rate is 0: nothing would be learnt; set LR in the config", func() { optim.NewSGD(p.params(), optim.SGDConfig{}) }},
		{"the learning rate is 0: nothing would be learnt; set LR in the config, or in each Group", func() { optim.NewAdamGroups([]optim.Group{{Params: p.params()}}, optim.AdamConfig{LR: 1}) }},
		{"Nesterov needs Momentum above 0", func() { optim.NewSGD(p.params(), optim.SGDConfig{LR: 1, Nesterov: true}) }},
		{"the limit must be positive, got 0", func() { optim.MaxNorm(p.params(), 0) }},
		{"the limit must be positive, got -1", func() { optim.ClipNorm(sgd(optim.SGDConfig{LR: 1})(p), -1) }},
		{"settings must not be negative", func() { optim.NewLBFGS(p.params(), optim.LBFGSConfig{MaxIter: -1}) }},
	} {
		err := tensor.Try(func() error { c.f(); return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "optim_test.go:") {
			t.Errorf("got %v, expected %q and the line", err, c.want)
		}
	}
}

// Float32 and float64 parameters may be mixed in one optimiser.
func TestMixedPrecisions(t *testing.T) {
	r := load(t)
	for _, c := range r.Optimisers {
		if strings.HasSuffix(c.Name, " late") {
			continue
		}
		p := r.newPair(t)
		one := &pair{weight: p.weight}
		nn.Convert(one, tensor.Float64)
		opt := optimisers[c.Name](p)
		p.weight.Value().SetGrad(tensor.FromSlice(r.Grads[0][0], 3, 2).To(tensor.Float64))
		p.bias.Value().SetGrad(tensor.FromSlice(r.Grads[0][1], 3))
		opt.Step()
		near(t, c.Name, p.values(), c.Values[0], 2e-6, 1e-6)
	}
}
