package optim

import (
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// SGDConfig describes stochastic gradient descent, with the meanings of torch.optim.SGD. LR is required.
type SGDConfig struct {
	LR          float64
	Momentum    float64 // 0.9 is usual; 0 is plain gradient descent (Polyak, 1964)
	Dampening   float64
	WeightDecay float64 // L2 penalty: WeightDecay·p is added to the gradient
	Nesterov    bool    // look ahead by one momentum step (Sutskever et al., 2013); needs Momentum
}

// NewSGD returns stochastic gradient descent over params.
func NewSGD(params []*nn.Param, cfg SGDConfig) *Optimizer {
	return NewSGDGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewSGDGroups is [NewSGD] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewSGDGroups(groups []Group, cfg SGDConfig) *Optimizer {
	if cfg.Nesterov && (cfg.Momentum <= 0 || cfg.Dampening != 0) {
		tensor.Fail("optim.SGD", "", "Nesterov needs Momentum above 0 and no Dampening, got %g and %g", cfg.Momentum, cfg.Dampening)
	}
	return newOptimizer(&sgd{cfg}, groups)
}

type sgd struct{ SGDConfig }

func (s *sgd) slotNames() []string {
	if s.Momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

func (s *sgd) step(t int, g *Group, vars []variable) {
	h := cpu.SGDHyper{LR: g.LR, Momentum: s.Momentum, Dampening: s.Dampening, WeightDecay: g.WeightDecay, Nesterov: s.Nesterov, First: t == 1}
	sgdStep[float32](vars, h)
	sgdStep[float64](vars, h)
}

func sgdStep[T float32 | float64](vars []variable, h cpu.SGDHyper) {
	var list []cpu.SGDSlices[T]
	for _, v := range vars {
		if v.value.DType() == tensor.DTypeOf[T]() {
			if list == nil {
				list = make([]cpu.SGDSlices[T], 0, len(vars))
			}
			s := cpu.SGDSlices[T]{P: tensor.MutableData[T](v.value), G: tensor.Data[T](v.grad)}
			if len(v.slots) > 0 {
				s.Buf = tensor.MutableData[T](v.slots[0])
			}
			list = append(list, s)
		}
	}
	if len(list) > 0 {
		cpu.SGDStepAll(list, h)
		runtime.KeepAlive(vars)
	}
}
