package optim_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// reference is testdata/optim.json, which testdata/gen_optim.py made with PyTorch.
type reference struct {
	Init       [][]float32   // weight (3, 2), bias (3)
	Grads      [][][]float32 // for each step
	Optimisers []struct {
		Name   string
		Values [][]float64 // weight and bias after each step
	}
	LBFGS []struct {
		Name        string
		Points      [][]float64
		Losses      []float64
		Evaluations []int
	}
	Schedules map[string]json.RawMessage
	Clipping  map[string]struct {
		Norm  float64
		Grads []float64
	}
	EMA     [][]float64
	MaxNorm []float64
}

func load(t *testing.T) *reference {
	t.Helper()
	file, err := os.ReadFile("testdata/optim.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// pair is a layer with a weight (3, 2) and a bias (3).
type pair struct{ weight, bias *nn.Param }

func (p *pair) Forward(_ *nn.Ctx, x *tensor.Tensor) *tensor.Tensor { return x }

func (p *pair) Visit(v *nn.Visitor) {
	v.Param("weight", p.weight)
	v.Param("bias", p.bias)
}

func (p *pair) params() []*nn.Param { return nn.Params(p) }

// newPair returns parameters with the values that the reference starts from.
func (r *reference) newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{nn.NewParam(nn.Zeros, 3, 2), nn.NewParam(nn.Zeros, 3)}
	nn.Init(p, 1) // for the names
	if err := nn.LoadState(p, map[string]*tensor.Tensor{
		"weight": tensor.FromSlice(r.Init[0], 3, 2), "bias": tensor.FromSlice(r.Init[1], 3)}, nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// setGrads gives p the gradients of step t.
func (r *reference) setGrads(p *pair, t int) {
	p.weight.Value().SetGrad(tensor.FromSlice(r.Grads[t][0], 3, 2))
	p.bias.Value().SetGrad(tensor.FromSlice(r.Grads[t][1], 3))
}

func (p *pair) values() []float64 {
	return append(tensor.ToSlice[float64](p.weight.Value()), tensor.ToSlice[float64](p.bias.Value())...)
}

// near fails unless got equals want to rtol and atol, as torch.testing.assert_close has it.
func near(t *testing.T, what string, got, want []float64, rtol, atol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, expected %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= atol+rtol*math.Abs(want[i])) {
			t.Fatalf("%s: number %d is %.9g, expected %.9g", what, i, got[i], want[i])
		}
	}
}

// optimisers are those of gen_optim.py.
var optimisers = map[string]func(p *pair) *optim.Optimizer{
	"sgd":                sgd(optim.SGDConfig{LR: 0.1}),
	"sgd decay":          sgd(optim.SGDConfig{LR: 0.1, WeightDecay: 0.1}),
	"sgd momentum":       sgd(optim.SGDConfig{LR: 0.1, Momentum: 0.9}),
	"sgd dampening":      sgd(optim.SGDConfig{LR: 0.1, Momentum: 0.9, Dampening: 0.5, WeightDecay: 0.01}),
	"sgd dampening late": sgd(optim.SGDConfig{LR: 0.1, Momentum: 0.9, Dampening: 0.5}),
	"sgd nesterov":       sgd(optim.SGDConfig{LR: 0.1, Momentum: 0.8, Nesterov: true, WeightDecay: 0.01}),
	"sgd groups": func(p *pair) *optim.Optimizer {
		return optim.NewSGDGroups(two(p), optim.SGDConfig{Momentum: 0.9})
	},
	"adam":         adam(optim.AdamConfig{LR: 0.01}),
	"adam betas":   adam(optim.AdamConfig{LR: 0.05, Beta1: 0.8, Beta2: 0.95, Eps: 1e-3, WeightDecay: 0.1}),
	"adam amsgrad": adam(optim.AdamConfig{LR: 0.05, Beta2: 0.5, AMSGrad: true}),
	"adam late":    adam(optim.AdamConfig{LR: 0.05}),
	"adam groups": func(p *pair) *optim.Optimizer {
		return optim.NewAdamGroups(two(p), optim.AdamConfig{})
	},
	"adamw":         adamW(optim.AdamConfig{LR: 0.05, WeightDecay: 0.1}),
	"adamw amsgrad": adamW(optim.AdamConfig{LR: 0.05, Beta2: 0.5, WeightDecay: 0.1, AMSGrad: true}),
	"adamw groups": func(p *pair) *optim.Optimizer {
		return optim.NewAdamWGroups(two(p), optim.AdamConfig{})
	},
	"adagrad":       adagrad(optim.AdagradConfig{LR: 0.1}),
	"adagrad decay": adagrad(optim.AdagradConfig{LR: 0.1, LRDecay: 0.1, WeightDecay: 0.05, Initial: 0.2, Eps: 1e-4}),
	"adagrad late":  adagrad(optim.AdagradConfig{LR: 0.1, LRDecay: 0.1}),
	"adagrad groups": func(p *pair) *optim.Optimizer {
		return optim.NewAdagradGroups(two(p), optim.AdagradConfig{})
	},
	"adadelta":     adadelta(optim.AdadeltaConfig{}),
	"adadelta rho": adadelta(optim.AdadeltaConfig{LR: 0.5, Rho: 0.8, Eps: 1e-3, WeightDecay: 0.05}),
	"adadelta groups": func(p *pair) *optim.Optimizer {
		return optim.NewAdadeltaGroups(two(p), optim.AdadeltaConfig{})
	},
	"rmsprop":                   rmsProp(optim.RMSPropConfig{}),
	"rmsprop momentum":          rmsProp(optim.RMSPropConfig{LR: 0.02, Alpha: 0.9, Momentum: 0.8, WeightDecay: 0.05}),
	"rmsprop centered":          rmsProp(optim.RMSPropConfig{LR: 0.02, Alpha: 0.9, Eps: 1e-4, Centered: true}),
	"rmsprop centered momentum": rmsProp(optim.RMSPropConfig{LR: 0.02, Alpha: 0.9, Centered: true, Momentum: 0.5}),
	"rmsprop groups": func(p *pair) *optim.Optimizer {
		return optim.NewRMSPropGroups(two(p), optim.RMSPropConfig{})
	},
	"nadam":           nadam(optim.NAdamConfig{}),
	"nadam decay":     nadam(optim.NAdamConfig{LR: 0.02, Beta1: 0.8, Beta2: 0.95, Eps: 1e-4, WeightDecay: 0.1, MomentumDecay: 0.01}),
	"nadam decoupled": nadam(optim.NAdamConfig{LR: 0.02, WeightDecay: 0.1, Decoupled: true}),
	"nadam late":      nadam(optim.NAdamConfig{LR: 0.02}),
	"nadam groups": func(p *pair) *optim.Optimizer {
		return optim.NewNAdamGroups(two(p), optim.NAdamConfig{})
	},
}

// two returns the groups called two in gen_optim.py.
func two(p *pair) []optim.Group {
	return []optim.Group{{Params: []*nn.Param{p.weight}, LR: 0.1, WeightDecay: 0.05}, {Params: []*nn.Param{p.bias}, LR: 0.02}}
}

func sgd(cfg optim.SGDConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewSGD(p.params(), cfg) }
}

func adam(cfg optim.AdamConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewAdam(p.params(), cfg) }
}

func adamW(cfg optim.AdamConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewAdamW(p.params(), cfg) }
}

func adagrad(cfg optim.AdagradConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewAdagrad(p.params(), cfg) }
}

func adadelta(cfg optim.AdadeltaConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewAdadelta(p.params(), cfg) }
}

func rmsProp(cfg optim.RMSPropConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewRMSProp(p.params(), cfg) }
}

func nadam(cfg optim.NAdamConfig) func(p *pair) *optim.Optimizer {
	return func(p *pair) *optim.Optimizer { return optim.NewNAdam(p.params(), cfg) }
}
