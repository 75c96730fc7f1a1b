package optim

import (
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
	lr, decay, alpha, rest, eps, momentum := T(group.LR), T(group.WeightDecay), T(r.Alpha), T(1-r.Alpha), T(r.Eps), T(r.Momentum)
	share(vars, func(p, g []T, slots [][]T) {
		square, slots := slots[0], slots[1:]
		var mean, buf []T
		if r.Centered {
			mean, slots = slots[0], slots[1:]
		}
		if r.Momentum != 0 {
			buf = slots[0]
		}
		for i, d := range g {
			d += decay * p[i]
			square[i] = alpha*square[i] + rest*d*d
			v := square[i]
			if mean != nil {
				mean[i] += rest * (d - mean[i])
				v -= mean[i] * mean[i]
			}
			d /= sqrt(v) + eps
			if buf != nil {
				buf[i] = momentum*buf[i] + d
				d = buf[i]
			}
			p[i] -= lr * d
		}
	})
}
