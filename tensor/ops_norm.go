package tensor

import (
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// normalising is the Attrs of layer_norm, rms_norm and their gradients.
type normalising struct {
	eps float64
	rms bool // divide by the root mean square instead of subtracting the mean and dividing by the deviation
}

// stats returns how many results there are besides the normalised tensor: the mean (not for RMS) and the reciprocal deviation of each row.
func (a normalising) stats() int {
	if a.rms {
		return 1
	}
	return 2
}

var opLayerNorm, opRMSNorm *Op

func init() {
	opLayerNorm = defineNorm("layer_norm")
	opRMSNorm = defineNorm("rms_norm")
}

// defineNorm makes the rows of a normalisation along the last axes, which it returns, and of its gradient. Inputs are
// x, gamma and beta, of which the last ones may be missing; the gradient's are g, x, the statistics, and gamma.
func defineNorm(name string) *Op {
	grad := define(Op{
		Name: name + "_grad",
		Infer: func(c *Call) ([]Spec, error) {
			g, x := c.In[0], c.In[1]
			if err := sameFloats(g, c.In[1:]...); err != nil {
				return nil, err
			}
			if !g.SameShape(x) {
				return nil, reject("", "expected a gradient of the input's shape %s, got %s", x.shapeText(), g.shapeText())
			}
			specs := []Spec{{x.dtype, x.shape}}
			if gamma := c.Attrs.(normalising).gamma(c.In); gamma != nil {
				s := Spec{x.dtype, gamma.shape}
				specs = append(specs, s, s)
			}
			return specs, nil
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				normGradKernel[float64](c)
			} else {
				normGradKernel[float32](c)
			}
		},
		Decompose: decomposeNormGrad,
	})
	return define(Op{
		Name:  name,
		Infer: inferNorm,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				normKernel[float64](c)
			} else {
				normKernel[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			in := append([]*Tensor{g[0], c.In[0]}, c.Out[1:]...)
			if len(c.In) > 1 {
				in = append(in, c.In[1])
			}
			return applyAll(grad, c.Attrs, in)[:len(c.In)]
		},
	})
}

// gamma returns the weights among the inputs of the gradient, or nil.
func (a normalising) gamma(in []*Tensor) *Tensor {
	if len(in) > 2+a.stats() {
		return in[len(in)-1]
	}
	return nil
}

func inferNorm(c *Call) ([]Spec, error) {
	a, x := c.Attrs.(normalising), c.In[0]
	if err := sameFloats(x, c.In[1:]...); err != nil {
		return nil, err
	}
	if len(x.shape) == 0 {
		return nil, reject("", "expected a tensor with axes, got a scalar")
	}
	tail := x.shape[len(x.shape)-1:]
	if len(c.In) > 1 {
		gamma := c.In[1]
		if lead := len(x.shape) - len(gamma.shape); lead < 0 || len(gamma.shape) == 0 || !slices.Equal(gamma.shape, x.shape[lead:]) {
			return nil, reject("the weight's shape says which last axes are normalised", "the weight %s doesn't match the last axes of the input %s", gamma.shapeText(), x.shapeText())
		}
		tail = gamma.shape
		if len(c.In) > 2 && !slices.Equal(c.In[2].shape, tail) {
			return nil, reject("", "expected a bias of the weight's shape %s, got %s", gamma.shapeText(), c.In[2].shapeText())
		}
	}
	rows := Spec{x.dtype, []int{numel(x.shape[:len(x.shape)-len(tail)])}}
	return append([]Spec{{x.dtype, x.shape}}, slices.Repeat([]Spec{rows}, a.stats())...), nil
}

func normKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(normalising)
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	gamma, gBlock := weightsOf[T](c, 1)
	defer gBlock.Free()
	beta, bBlock := weightsOf[T](c, 2)
	defer bBlock.Free()
	y, first := flat[T](c.Out[0]), flat[T](c.Out[1])
	m := len(first)
	if len(x) == 0 {
		for _, s := range c.Out[1:] {
			clear(flat[T](s))
		}
		return
	}
	if a.rms {
		cpu.RMSNorm(y, first, x, gamma, m, len(x)/m, T(a.eps))
		return
	}
	cpu.LayerNorm(y, first, flat[T](c.Out[2]), x, gamma, beta, m, len(x)/m, T(a.eps))
}

func normGradKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(normalising)
	g, gBlock := packed[T](c.In[0])
	defer gBlock.Free()
	x, xBlock := packed[T](c.In[1])
	defer xBlock.Free()
	first, fBlock := packed[T](c.In[2])
	defer fBlock.Free()
	dx, m := flat[T](c.Out[0]), len(first)
	var gamma, dgamma, dbeta []T
	if t := a.gamma(c.In); t != nil {
		w, wBlock := packed[T](t)
		defer wBlock.Free()
		gamma = w
		dgamma, dbeta = flat[T](c.Out[1]), flat[T](c.Out[2])
	}
	if len(x) == 0 {
		clear(dgamma)
		clear(dbeta)
		return
	}
	if a.rms {
		clear(dbeta)
		cpu.RMSNormGrad(dx, dgamma, g, x, first, gamma, m, len(x)/m)
		return
	}
	rstd, rBlock := packed[T](c.In[3])
	defer rBlock.Free()
	cpu.LayerNormGrad(dx, dgamma, dbeta, g, x, first, rstd, gamma, m, len(x)/m)
}

// decomposeNormGrad computes the statistics from x again, so that the result depends on x in every way that it does.
func decomposeNormGrad(c *Call) []*Tensor {
	a, x := c.Attrs.(normalising), c.In[1]
	gamma := a.gamma(c.In)
	n := sizeOr(x, len(x.shape)-1)
	if gamma != nil {
		n = gamma.NumEl()
	}
	m := c.In[2].NumEl()
	mean := func(t *Tensor) *Tensor { return t.SumAxes(true, 1).MulScalar(1 / float64(n)) }
	g, h := c.In[0].Reshape(m, n), x.Reshape(m, n)
	if !a.rms {
		h = h.Sub(mean(h))
	}
	r := mean(h.Square()).AddScalar(a.eps).Rsqrt()
	h = h.Mul(r)
	q := g
	if gamma != nil {
		q = g.Mul(gamma.Reshape(n))
	}
	dx := q.Sub(h.Mul(mean(q.Mul(h))))
	if !a.rms {
		dx = dx.Sub(mean(q))
	}
	out := []*Tensor{dx.Mul(r).Reshape(x.shape...)}
	if gamma != nil {
		dbeta := gamma.ZerosLike()
		if !a.rms {
			dbeta = g.SumAxes(false, 0).Reshape(gamma.shape...)
		}
		out = append(out, g.Mul(h).SumAxes(false, 0).Reshape(gamma.shape...), dbeta)
	}
	return out
}

// LayerNorm returns x with mean 0 and variance 1 along its last axes, those of gamma's shape, times gamma plus beta
// (Ba et al., "Layer Normalization", 2016): (x − mean)/√(variance + eps)·gamma + beta, the variance biased. beta may
// be nil, or both, and then the last axis is normalised.
func LayerNorm(x, gamma, beta *Tensor, eps float64) *Tensor {
	if gamma == nil && beta != nil {
		Fail("layer_norm", "pass ones", "a bias without a weight")
	}
	return apply(opLayerNorm, normalising{eps: eps}, present(x, gamma, beta)...)
}

// RMSNorm returns x divided by its root mean square along its last axes, those of gamma's shape, times gamma (Zhang and Sennrich,
// "Root Mean Square Layer Normalization", 2019): x/√(mean of x² + eps)·gamma. With gamma nil it normalises the last axis.
func RMSNorm(x, gamma *Tensor, eps float64) *Tensor {
	return apply(opRMSNorm, normalising{eps: eps, rms: true}, present(x, gamma)...)
}

// present returns x and those of rest that aren't nil.
func present(x *Tensor, rest ...*Tensor) []*Tensor {
	in := []*Tensor{x}
	for _, t := range rest {
		if t != nil {
			in = append(in, t)
		}
	}
	return in
}

// GroupNorm returns x (N, C, …) with mean 0 and variance 1 within each example's groups of C/groups channels, times gamma
// plus beta (C each, or both nil), one number for each channel (Wu and He, "Group Normalization", 2018).
func GroupNorm(x *Tensor, groups int, gamma, beta *Tensor, eps float64) *Tensor {
	return groupNorm("group_norm", x, groups, gamma, beta, eps)
}

// InstanceNorm returns x (N, C, …) with mean 0 and variance 1 within each channel of each example, times gamma plus beta (C each,
// or both nil) (Ulyanov et al., "Instance Normalization", 2016).
func InstanceNorm(x, gamma, beta *Tensor, eps float64) *Tensor {
	x.alive("instance_norm")
	return groupNorm("instance_norm", x, sizeOr(x, 1), gamma, beta, eps)
}

func groupNorm(op string, x *Tensor, groups int, gamma, beta *Tensor, eps float64) *Tensor {
	x.alive(op)
	if len(x.shape) < 2 || x.NumEl() == 0 {
		Fail(op, "", "expected an input of shape (N, C, …), got %s", x.shapeText())
	}
	channels := x.shape[1]
	if groups < 1 || channels%groups != 0 {
		Fail(op, "", "%d channels can't be split into %d groups", channels, groups)
	}
	y := LayerNorm(x.Reshape(x.shape[0], groups, -1), nil, nil, eps).Reshape(x.shape...)
	each := slices.Repeat([]int{1}, len(x.shape)-1)
	each[0] = channels
	for i, p := range []*Tensor{gamma, beta} {
		if p == nil {
			continue
		}
		p.alive(op)
		if !slices.Equal(p.shape, []int{channels}) {
			Fail(op, "", "expected weight and bias of shape (%d), one number for each channel of %s, got %s", channels, x.shapeText(), p.shapeText())
		}
		if i == 0 {
			y = y.Mul(p.Reshape(each...))
		} else {
			y = y.Add(p.Reshape(each...))
		}
	}
	return y
}
