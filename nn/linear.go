package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Linear computes y = x·Wᵀ + b for x of shape (…, in), giving (…, out).
type Linear struct {
	Weight *Param // (out, in)
	Bias   *Param // (out), nil without
}

// LinearConfig describes a [Linear] layer. In and Out are required.
type LinearConfig struct {
	In, Out  int
	NoBias   bool
	Init     Initializer // of the weight; default PyTorch's, uniform in ±1/√in
	BiasInit Initializer // default the same as PyTorch's for the weight
}

// New returns the layer.
func (cfg LinearConfig) New() *Linear {
	if cfg.In <= 0 || cfg.Out <= 0 {
		tensor.Fail("nn.Linear", "", "In and Out must be positive, got %d and %d", cfg.In, cfg.Out)
	}
	l := &Linear{Weight: NewParam(orInit(cfg.Init, fanInUniform(cfg.In)), cfg.Out, cfg.In)}
	if !cfg.NoBias {
		l.Bias = NewParam(orInit(cfg.BiasInit, fanInUniform(cfg.In)), cfg.Out)
	}
	return l
}

// NewLinear returns a linear layer with bias.
func NewLinear(in, out int) *Linear { return LinearConfig{In: in, Out: out}.New() }

// Forward returns x·Wᵀ + b: (…, In) becomes (…, Out).
func (l *Linear) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, (*tensor.Tensor).Linear)
}

// apply checks x and applies f, the affine map or that with an activation, to it.
func (l *Linear) apply(c *Ctx, x *tensor.Tensor, f func(x, w, b *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	if n := x.NDim(); n == 0 {
		tensor.Fail("linear", "", "expected inputs of %d features, got a scalar", l.Weight.shape[1])
	} else if x.Size(-1) != l.Weight.shape[1] {
		tensor.Fail("linear", l.hint(x), "expected inputs of %d features (last axis), got shape %s", l.Weight.shape[1], tensor.ShapeString(x.Shape()))
	}
	w, b := affine(c, l.Weight, l.Bias)
	return f(x, w, b)
}

// hint says how to bring x and the layer together. Inputs of three axes or more nearly always come from a convolution, without Flatten.
func (l *Linear) hint(x *tensor.Tensor) string {
	shape, in, out := x.Shape(), l.Weight.shape[1], l.Weight.shape[0]
	if len(shape) <= 2 {
		return fmt.Sprintf("change the layer to NewLinear(%d, %d), or the one before it to give %d features", shape[len(shape)-1], out, in)
	}
	flat := 1
	for _, n := range shape[1:] {
		flat *= n
	}
	if flat == in {
		return "put nn.Flatten() before it"
	}
	hint := fmt.Sprintf("put nn.Flatten() before it and make it NewLinear(%d, %d)", flat, out)
	if len(shape) == 3 {
		hint += fmt.Sprintf(", or, for a sequence, NewLinear(%d, %d)", shape[2], out)
	}
	return hint
}

// Visit names weight and bias.
func (l *Linear) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer as PyTorch does.
func (l *Linear) String() string {
	return fmt.Sprintf("Linear(%d, %d)", l.Weight.shape[1], l.Weight.shape[0])
}

func orInit(given, fallback Initializer) Initializer {
	if given != nil {
		return given
	}
	return fallback
}
