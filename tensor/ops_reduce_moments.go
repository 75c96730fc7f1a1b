package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// Variances, norms, and the logarithm of a sum of exponentials.

// spread is the Attrs of var and std.
type spread struct {
	reduction
	correction int
}

var opVar, opStd, opLogSumExp *Op

func init() {
	opVar = define(Op{
		Name:   "var",
		Infer:  inferSpread,
		Kernel: func(c *Call) { spreadKernel(c, func(v float64) float64 { return v }) },
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{c.Attrs.(spread).slope(c.In[0], g[0])}
		},
	})
	opStd = define(Op{
		Name:   "std",
		Infer:  inferSpread,
		Kernel: func(c *Call) { spreadKernel(c, math.Sqrt) },
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			y := c.Out[0]
			half := g[0].Div(y.MulScalar(2)).MaskedFill(y.EqualScalar(0), 0)
			return []*Tensor{c.Attrs.(spread).slope(c.In[0], half)}
		},
	})
	opLogSumExp = define(Op{
		Name: "log_sum_exp",
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := sameFloat(c); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, c.Attrs.(reduction).shape(c.In[0].shape))
		},
		Kernel: func(c *Call) {
			r := c.Attrs.(reduction)
			if c.Out[0].dtype == Float64 {
				reduceLines(c.Out[0], c.In[0], r, cpu.LogSumExp[float64])
			} else {
				reduceLines(c.Out[0], c.In[0], r, cpu.LogSumExp[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			x, y, r := c.In[0], c.Out[0], c.Attrs.(reduction)
			y = y.MaskedFill(y.EqualScalar(math.Inf(-1)), 0) // −Inf − −Inf would be NaN
			weights := x.Sub(r.unreduce(y, x.shape)).Exp()
			return []*Tensor{r.unreduce(g[0], x.shape).Mul(weights)}
		},
	})
}

func inferSpread(c *Call) ([]Spec, error) {
	if _, err := sameFloat(c); err != nil {
		return nil, err
	}
	s := c.Attrs.(spread)
	if s.correction < 0 {
		return nil, reject("0 divides by the number of elements, 1 by one less", "the correction must not be negative, got %d", s.correction)
	}
	return one(c.In[0].dtype, s.shape(c.In[0].shape))
}

func spreadKernel(c *Call, root func(v float64) float64) {
	s := c.Attrs.(spread)
	freedom := max(float64(s.count(c.In[0].shape)-s.correction), 0)
	if c.Out[0].dtype == Float64 {
		reduceLines(c.Out[0], c.In[0], s.reduction, func(x []float64) float64 {
			_, m2 := cpu.MeanVar(x)
			return root(m2 / freedom)
		})
	} else {
		reduceLines(c.Out[0], c.In[0], s.reduction, func(x []float32) float32 {
			_, m2 := cpu.MeanVar(x)
			return float32(root(float64(m2) / freedom))
		})
	}
}

// slope returns the gradient of x from the gradient g of its variance.
func (s spread) slope(x, g *Tensor) *Tensor {
	n := s.count(x.shape)
	mean := apply(opSum, reduction{s.axes, true}, x).Div(Scalar(x.dtype, float64(n)))
	return s.unreduce(g, x.shape).Mul(x.Sub(mean)).MulScalar(2 / max(float64(n-s.correction), 0))
}

// Var returns variances along axes (none: all), which vanish from the shape or, with keep, stay with size 1. The sum of
// squared deviations is divided by the number of elements less correction: 1 gives the unbiased estimate of a
// sample's variance, 0 the variance of the elements themselves. It is NaN if there aren't more elements than that.
func (x *Tensor) Var(correction int, keep bool, axes ...int) *Tensor {
	return apply(opVar, spread{reductionOf("var", x, keep, axes), correction}, x)
}

// Std returns standard deviations, the square roots of [Tensor.Var]. Where one is 0 its gradient is 0.
func (x *Tensor) Std(correction int, keep bool, axes ...int) *Tensor {
	return apply(opStd, spread{reductionOf("std", x, keep, axes), correction}, x)
}

// LogSumExp returns log Σ eˣ along axes (none: all), without overflow.
func (x *Tensor) LogSumExp(keep bool, axes ...int) *Tensor {
	return apply(opLogSumExp, reductionOf("log_sum_exp", x, keep, axes), x)
}

// Norm returns (Σ|x|ᵖ)^(1/p) along axes (none: all). p may be +Inf or −Inf, the greatest and least |x|, or 0, the number
// of elements that aren't 0. The gradient of a norm that is 0 is 0.
func (x *Tensor) Norm(p float64, keep bool, axes ...int) *Tensor {
	x.alive("norm")
	if !x.dtype.IsFloat() {
		Fail("norm", "convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	}
	switch {
	case x.dtype.isHalf(): // the sum of powers may be too large for the type though its root isn't
		return x.To(Float32).Norm(p, keep, axes...).To(x.dtype)
	case math.IsNaN(p):
		Fail("norm", "", "the power must not be NaN")
	case p == 0:
		return x.NotEqualScalar(0).To(x.dtype).SumAxes(keep, axes...)
	case p == 1:
		return x.Abs().SumAxes(keep, axes...)
	case math.IsInf(p, 1):
		return x.Abs().MaxAxes(keep, axes...)
	case math.IsInf(p, -1):
		return x.Abs().MinAxes(keep, axes...)
	}
	var powers *Tensor
	if p == 2 {
		powers = x.Square()
	} else {
		// Powers of 0 are right but may have infinite slopes.
		zero := x.EqualScalar(0)
		powers = x.Abs().MaskedFill(zero, 1).PowScalar(p).MaskedFill(zero, math.Pow(0, p))
	}
	sum := powers.SumAxes(keep, axes...)
	zero := sum.EqualScalar(0)
	return sum.MaskedFill(zero, 1).PowScalar(1/p).MaskedFill(zero, 0)
}
