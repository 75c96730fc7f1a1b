package optim

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
)

// RMSPropConfig describes RMSProp (Tieleman and Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012), with the
// meanings of torch.optim.RMSprop. The zero value of each field stands for its default.
type RMSPropConfig struct {
	LR          float64 // default 1e-2
	Alpha       float64 // decay of the running mean of squared gradients, default 0.99
	Eps         float64 // added to the denominator, default 1e-8
	WeightDecay float64 // L2 penalty: WeightDecay·p is added to the gradient
	Momentum    float64 // of the scaled gradients
	Centered    bool    // divide by the standard deviation of gradients instead of their root mean square (Graves, 2013)
}

func (cfg RMSPropConfig) withDefaults() RMSPropConfig {
	orDefault(&cfg.LR, 1e-2)
	orDefault(&cfg.Alpha, 0.99)
	orDefault(&cfg.Eps, 1e-8)
	return cfg
}

// NewRMSProp returns RMSProp over params.
func NewRMSProp(params []*nn.Param, cfg RMSPropConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewRMSPropGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewRMSPropGroups is [NewRMSProp] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewRMSPropGroups(groups []Group, cfg RMSPropConfig) *Optimizer {
	return newOptimizer(&rmsProp{cfg.withDefaults()}, groups)
}

type rmsProp struct{ RMSPropConfig }

func (r *rmsProp) slotNames() []string {
	names := []string{"square"}
	if r.Centered {
		names = append(names, "mean")
	}
	if r.Momentum != 0 {
		names = append(names, "momentum")
	}
	return names
}

func (r *rmsProp) step(_ int, g *Group, vars []variable) {
	rmsPropStep[float32](r, g, vars)
	rmsPropStep[float64](r, g, vars)
}

func rmsPropStep[T float32 | float64](r *rmsProp, group *Group, vars []variable) {
	share(vars, group.WeightDecay, func(s *stretch[T]) {
		square, slots := s.slots[0], s.slots[1:]
		cpu.Square(s.u, s.g)
		average(square, s.u, r.Alpha)
		root := square
		if r.Centered {
			mean := slots[0]
			slots = slots[1:]
			average(mean, s.g, r.Alpha)
			cpu.Square(s.u, mean)
			cpu.Sub(s.u, square, s.u)
			root = s.u
		}
		cpu.Sqrt(s.u, root)
		cpu.AddScalar(s.u, s.u, T(r.Eps))
		cpu.Div(s.u, s.g, s.u)
		if r.Momentum != 0 {
			buf := slots[0]
			cpu.Axpby(buf, s.u, 1, T(r.Momentum))
			s.u = buf
		}
		cpu.Axpy(s.p, s.u, T(-group.LR))
	})
}
