package optim

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// DecayGroups returns the parameters of model in two groups with the learning rate lr: those of two and more axes, the weights, with the
// given weight decay, and those of fewer, biases and the scales and shifts of norms, without. Pulling the latter to 0 doesn't
// simplify a model.
//
//	opt := optim.NewAdamWGroups(optim.DecayGroups(net, 1e-3, 0.01), optim.AdamConfig{})
func DecayGroups(model nn.Layer, lr, decay float64) []Group {
	groups := []Group{{LR: lr, WeightDecay: decay}, {LR: lr}}
	for _, p := range nn.Params(model) {
		i := 0
		if len(p.Shape()) < 2 {
			i = 1
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return groups
}

// MaxNorm scales the weights of every unit whose Euclidean norm is above limit down to it (Srivastava et al., "Dropout", 2014,
// section 5.1). Call it after each step. A unit's weights are a row along the first axis; parameters of fewer than two axes are left alone.
func MaxNorm(params []*nn.Param, limit float64) {
	if !(limit > 0) {
		tensor.Fail("optim.MaxNorm", "", "the limit must be positive, got %g", limit)
	}
	for _, p := range params {
		if len(p.Shape()) < 2 || p.Value() == nil {
			continue
		}
		shrinkRows[float32](p, limit)
		shrinkRows[float64](p, limit)
	}
}

func shrinkRows[T float32 | float64](p *nn.Param, limit float64) {
	if p.Value().DType() != tensor.DTypeOf[T]() || p.NumEl() == 0 {
		return
	}
	values := tensor.MutableData[T](p.Value())
	n := p.NumEl() / p.Shape()[0]
	for ; len(values) > 0; values = values[n:] {
		sum := 0.0
		for _, v := range values[:n] {
			sum += float64(v) * float64(v)
		}
		if norm := math.Sqrt(sum); norm > limit {
			scale := T(limit / norm)
			for i := range values[:n] {
				values[i] *= scale
			}
		}
	}
	runtime.KeepAlive(p)
}
