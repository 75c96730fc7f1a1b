package optim

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// AdamConfig describes Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), with the meanings of
// torch.optim.Adam and AdamW. The zero value of each field stands for its default.
type AdamConfig struct {
	LR          float64 // default 1e-3
	Beta1       float64 // decay of the running mean of gradients, default 0.9
	Beta2       float64 // decay of the running mean of their squares, default 0.999
	Eps         float64 // added to the denominator, default 1e-8
	WeightDecay float64 // Adam: L2 penalty, added to the gradient; AdamW: the parameter shrinks by LR·WeightDecay
	AMSGrad     bool    // divide by the largest mean of squares so far (Reddi et al., 2018)
}

func (cfg AdamConfig) withDefaults() AdamConfig {
	orDefault(&cfg.LR, 1e-3)
	orDefault(&cfg.Beta1, 0.9)
	orDefault(&cfg.Beta2, 0.999)
	orDefault(&cfg.Eps, 1e-8)
	return cfg
}

func orDefault(v *float64, d float64) {
	if *v == 0 {
		*v = d
	}
}

// NewAdam returns Adam over params.
func NewAdam(params []*nn.Param, cfg AdamConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewAdamGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewAdamGroups is [NewAdam] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewAdamGroups(groups []Group, cfg AdamConfig) *Optimizer {
	return newOptimizer(&adam{AdamConfig: cfg.withDefaults()}, groups)
}

// NewAdamW returns Adam with decoupled weight decay over params. A WeightDecay of 0 is none; PyTorch's default is 0.01.
func NewAdamW(params []*nn.Param, cfg AdamConfig) *Optimizer {
	cfg = cfg.withDefaults()
	return NewAdamWGroups([]Group{{params, cfg.LR, cfg.WeightDecay}}, cfg)
}

// NewAdamWGroups is [NewAdamW] for groups with settings of their own; LR and WeightDecay of cfg are not used.
func NewAdamWGroups(groups []Group, cfg AdamConfig) *Optimizer {
	return newOptimizer(&adam{cfg.withDefaults(), true}, groups)
}

type adam struct {
	AdamConfig
	decoupled bool
}

func (a *adam) slotNames() []string {
	if a.AMSGrad {
		return []string{"mean", "square", "max_square"}
	}
	return []string{"mean", "square"}
}

func (a *adam) step(t int, g *Group, vars []variable) {
	h := cpu.AdamHyper{LR: g.LR, Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps, WeightDecay: g.WeightDecay, Decoupled: a.decoupled,
		Correction1: 1 - math.Pow(a.Beta1, float64(t)), Correction2: 1 - math.Pow(a.Beta2, float64(t))}
	adamStep[float32](vars, h)
	adamStep[float64](vars, h)
}

func adamStep[T float32 | float64](vars []variable, h cpu.AdamHyper) {
	var list []cpu.AdamSlices[T]
	for _, v := range vars {
		if v.value.DType() == tensor.DTypeOf[T]() {
			if list == nil {
				list = make([]cpu.AdamSlices[T], 0, len(vars))
			}
			s := cpu.AdamSlices[T]{P: tensor.MutableData[T](v.value), G: tensor.Data[T](v.grad),
				M: tensor.MutableData[T](v.slots[0]), V: tensor.MutableData[T](v.slots[1])}
			if len(v.slots) > 2 {
				s.VMax = tensor.MutableData[T](v.slots[2])
			}
			list = append(list, s)
		}
	}
	if len(list) > 0 {
		cpu.AdamStepAll(list, h)
		runtime.KeepAlive(vars)
	}
}
