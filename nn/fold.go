package nn

import (
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// folded is a convolution with the batch norm behind it in evaluation, where that is a scale and a shift of each channel:
//
//	γ·(w ⋆ x + b − mean)/√(variance + ε) + β = (s·w) ⋆ x + (β + s·(b − mean)),  s = γ/√(variance + ε)
//
// so it costs nothing once the filters are multiplied. They are kept in the convolution until a parameter is written to.
type folded struct {
	conv *Conv2D
	norm *BatchNorm
	ending
}

// foldedFilters are the filters and bias, and what they were made from. They don't change.
type foldedFilters struct {
	from    []stamp
	weights [2]*tensor.Tensor
}

// stamp is a tensor's memory at a moment.
type stamp struct {
	t       *tensor.Tensor
	version uint32
}

// fold returns l and next as one layer, nil if they aren't a convolution and its batch norm, or if this run can't use the product.
func fold(c *Ctx, l, next Layer) Layer {
	conv, ok := l.(*Conv2D)
	if !ok || c.training || c.given != nil {
		return nil
	}
	norm, ok := next.(*BatchNorm)
	if !ok || norm.cfg.Channels != conv.cfg.Out {
		return nil
	}
	for _, p := range foldParams(conv, norm) {
		if p != nil && (p.value == nil || p.dtype != conv.Weight.dtype || !p.dtype.IsFloat()) {
			return nil
		}
	}
	return folded{conv: conv, norm: norm}
}

func foldParams(conv *Conv2D, norm *BatchNorm) [6]*Param {
	return [6]*Param{conv.Weight, norm.RunningMean, norm.RunningVar, norm.Weight, norm.Bias, conv.Bias}
}

func (f folded) fuse(_ *Ctx, e ending) Layer {
	f.ending = e
	return f
}

// Forward returns max(norm(conv(x)) + add, 0), or what of it is wanted.
func (f folded) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	weights := f.filters()
	return f.conv.with(x, weights[0], weights[1], func(x, w, b *tensor.Tensor, cfg tensor.Conv2DConfig) *tensor.Tensor {
		return tensor.Conv2DAdd(x, w, b, f.add, f.relu, cfg)
	})
}

// Visit names nothing: the layers belong to the container that runs them.
func (f folded) Visit(*Visitor) {}

// filters returns filters and bias of the two layers together.
func (f folded) filters() [2]*tensor.Tensor {
	params := foldParams(f.conv, f.norm)
	from := make([]stamp, 0, len(params))
	for _, p := range params {
		if p != nil {
			from = append(from, stamp{p.value, p.value.Version()})
		}
	}
	if kept := f.conv.folded.Load(); kept != nil && slices.Equal(kept.from, from) {
		return kept.weights
	}
	at := func(p *Param) *tensor.Tensor { return p.value.Detach() }
	scale := at(f.norm.RunningVar).AddScalar(f.norm.cfg.Eps).Rsqrt()
	if f.norm.Weight != nil {
		scale = scale.Mul(at(f.norm.Weight))
	}
	bias := at(f.norm.RunningMean).Neg()
	if f.conv.Bias != nil {
		bias = bias.Add(at(f.conv.Bias))
	}
	bias = bias.Mul(scale)
	if f.norm.Bias != nil {
		bias = bias.Add(at(f.norm.Bias))
	}
	made := &foldedFilters{from, [2]*tensor.Tensor{at(f.conv.Weight).Mul(scale.Reshape(-1, 1, 1, 1)), bias}}
	for _, s := range from {
		if s.t.Version() != s.version { // written to meanwhile: right for nothing
			return made.weights
		}
	}
	f.conv.folded.Store(made)
	return made.weights
}
