package optim

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
)

// AdagradConfig describes Adagrad (Duchi et al., 2011), with the meanings of torch.optim.Adagrad. The zero value of each field
// stands for its default.
type AdagradConfig struct {
	LR          float64 // default 1e-2
	LRDecay     float64 // the rate is divided by 1 + LRDecay·(steps before this one)
	WeightDecay float64 // L2 penalty: WeightDecay·p is added to the gradient
	Initial     float64 // value that the sums of squares start from
	Eps         float64 // added to the denominator, default 1e-10
}

func (cfg AdagradConfig) withDefaults() AdagradConfig {
	orDefault(&cfg.LR, 1e-2)
	orDefault(&cfg.Eps, 1e-10)
	return cfg
}

// NewAdagrad returns Adagrad over params: each element is divided by the root of the sum of all its squared gradients, so that rare
// features keep large steps.
func NewAdagrad(params []*nn.Param, cfg AdagradConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewAdagradGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewAdagradGroups is [NewAdagrad] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewAdagradGroups(groups []Group, cfg AdagradConfig) *Optimizer {
	return newOptimizer(&adagrad{cfg.withDefaults()}, groups)
}

type adagrad struct{ AdagradConfig }

func (a *adagrad) slotNames() []string { return []string{"sum"} }

func (a *adagrad) step(t int, g *Group, vars []variable) {
	if t == 1 && a.Initial != 0 {
		for _, v := range vars {
			v.slots[0].Fill(a.Initial)
		}
	}
	adagradStep[float32](a, t, g, vars)
	adagradStep[float64](a, t, g, vars)
}

func adagradStep[T float32 | float64](a *adagrad, t int, group *Group, vars []variable) {
	lr := T(group.LR / (1 + float64(t-1)*a.LRDecay))
	share(vars, group.WeightDecay, func(s *stretch[T]) {
		sum := s.slots[0]
		cpu.MulAdd(sum, s.g, s.g, sum)
		cpu.Sqrt(s.u, sum)
		cpu.AddScalar(s.u, s.u, T(a.Eps))
		cpu.Div(s.u, s.g, s.u)
		cpu.Axpy(s.p, s.u, -lr)
	})
}
