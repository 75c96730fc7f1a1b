package optim

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
)

// AdadeltaConfig describes Adadelta (Zeiler, 2012), with the meanings of torch.optim.Adadelta. The zero value of each field stands
// for its default.
type AdadeltaConfig struct {
	LR          float64 // multiplies the steps, default 1
	Rho         float64 // decay of both running means, default 0.9
	Eps         float64 // added under both roots, default 1e-6
	WeightDecay float64 // L2 penalty: WeightDecay·p is added to the gradient
}

func (cfg AdadeltaConfig) withDefaults() AdadeltaConfig {
	orDefault(&cfg.LR, 1)
	orDefault(&cfg.Rho, 0.9)
	orDefault(&cfg.Eps, 1e-6)
	return cfg
}

// NewAdadelta returns Adadelta over params: steps in the units of the parameters, from the ratio of the root mean squares of past
// steps and of gradients, which needs no learning rate.
func NewAdadelta(params []*nn.Param, cfg AdadeltaConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewAdadeltaGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewAdadeltaGroups is [NewAdadelta] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewAdadeltaGroups(groups []Group, cfg AdadeltaConfig) *Optimizer {
	return newOptimizer(&adadelta{cfg.withDefaults()}, groups)
}

type adadelta struct{ AdadeltaConfig }

func (a *adadelta) slotNames() []string { return []string{"square", "delta"} }

func (a *adadelta) step(_ int, g *Group, vars []variable) {
	adadeltaStep[float32](a, g, vars)
	adadeltaStep[float64](a, g, vars)
}

func adadeltaStep[T float32 | float64](a *adadelta, group *Group, vars []variable) {
	share(vars, group.WeightDecay, func(s *stretch[T]) {
		square, delta := s.slots[0], s.slots[1]
		cpu.Square(s.u, s.g)
		average(square, s.u, a.Rho)
		cpu.AddScalar(s.u, delta, T(a.Eps))
		cpu.AddScalar(s.v, square, T(a.Eps))
		cpu.Div(s.u, s.u, s.v)
		cpu.Sqrt(s.u, s.u)
		cpu.Mul(s.u, s.u, s.g)
		cpu.Axpy(s.p, s.u, T(-group.LR))
		cpu.Square(s.u, s.u)
		average(delta, s.u, a.Rho)
	})
}
