package optim

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
)

// NAdamConfig describes NAdam, Adam with Nesterov's momentum (Dozat, 2016), with the meanings of torch.optim.NAdam. The zero value
// of each field stands for its default.
type NAdamConfig struct {
	LR            float64 // default 2e-3
	Beta1         float64 // decay of the running mean of gradients, default 0.9
	Beta2         float64 // decay of the running mean of their squares, default 0.999
	Eps           float64 // added to the denominator, default 1e-8
	WeightDecay   float64 // L2 penalty, added to the gradient; decoupled: the parameter shrinks by LR·WeightDecay
	Decoupled     bool    // decay as in AdamW
	MomentumDecay float64 // ψ of the momentum's schedule Beta1·(1 − 0.96^(t·ψ)/2), default 4e-3
}

func (cfg NAdamConfig) withDefaults() NAdamConfig {
	orDefault(&cfg.LR, 2e-3)
	orDefault(&cfg.Beta1, 0.9)
	orDefault(&cfg.Beta2, 0.999)
	orDefault(&cfg.Eps, 1e-8)
	orDefault(&cfg.MomentumDecay, 4e-3)
	return cfg
}

// NewNAdam returns NAdam over params.
func NewNAdam(params []*nn.Param, cfg NAdamConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewNAdamGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewNAdamGroups is [NewNAdam] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewNAdamGroups(groups []Group, cfg NAdamConfig) *Optimizer {
	return newOptimizer(&nadam{NAdamConfig: cfg.withDefaults(), products: []float64{1}}, groups)
}

type nadam struct {
	NAdamConfig
	products []float64 // of the momenta of the first t steps
}

func (a *nadam) slotNames() []string { return []string{"mean", "square"} }

// momentum returns μ of step t.
func (a *nadam) momentum(t int) float64 {
	return a.Beta1 * (1 - 0.5*math.Pow(0.96, float64(t)*a.MomentumDecay))
}

// product returns μ₁·…·μ_t.
func (a *nadam) product(t int) float64 {
	for n := len(a.products); n <= t; n++ {
		a.products = append(a.products, a.products[n-1]*a.momentum(n))
	}
	return a.products[t]
}

func (a *nadam) step(t int, g *Group, vars []variable) {
	nadamStep[float32](a, t, g, vars)
	nadamStep[float64](a, t, g, vars)
}

func nadamStep[T float32 | float64](a *nadam, t int, group *Group, vars []variable) {
	keep, decay := 1.0, group.WeightDecay
	if a.Decoupled {
		keep, decay = 1-group.LR*decay, 0
	}
	correction := T(1 - math.Pow(a.Beta2, float64(t)))
	ofGrad := T(group.LR * (1 - a.momentum(t)) / (1 - a.product(t)))
	ofMean := T(group.LR * a.momentum(t+1) / (1 - a.product(t+1)))
	share(vars, decay, func(s *stretch[T]) {
		mean, square := s.slots[0], s.slots[1]
		average(mean, s.g, a.Beta1)
		cpu.Square(s.u, s.g)
		average(square, s.u, a.Beta2)
		cpu.DivScalar(s.u, square, correction)
		cpu.Sqrt(s.u, s.u)
		cpu.AddScalar(s.u, s.u, T(a.Eps))
		cpu.MulScalar(s.v, s.g, ofGrad)
		cpu.Axpy(s.v, mean, ofMean)
		cpu.Div(s.v, s.v, s.u)
		cpu.Axpby(s.p, s.v, -1, T(keep))
	})
}
