package tensor

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
)

var opBatchNorm, opBatchNormGrad, opBatchNormInfer *Op

func init() {
	// Inputs are x, gamma and beta, the last two possibly missing; results are y and the batch's mean and biased variance.
	opBatchNorm = define(Op{
		Name: "batch_norm",
		Infer: func(c *Call) ([]Spec, error) {
			x := c.In[0]
			if err := checkChannels(x, c.In[1:]); err != nil {
				return nil, err
			}
			if n, _, s := channels(x); n*s < 2 {
				return nil, reject("use larger batches, drop the last incomplete one, or evaluate with running statistics",
					"training needs more than one value in each channel, got input %s", x.shapeText())
			}
			stat := Spec{x.dtype, x.shape[1:2]}
			return []Spec{{x.dtype, x.shape}, stat, stat}, nil
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				batchNormTrainKernel[float64](c, cpu.NoAct)
			} else {
				batchNormTrainKernel[float32](c, cpu.NoAct)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			in := []*Tensor{g[0], c.In[0], c.Out[1], c.Out[2]}
			if len(c.In) > 1 {
				in = append(in, c.In[1])
			}
			return applyAll(opBatchNormGrad, c.Attrs, in)
		},
	})
	opBatchNormGrad = define(Op{
		Name: "batch_norm_grad",
		Infer: func(c *Call) ([]Spec, error) {
			g, x := c.In[0], c.In[1]
			if err := checkChannels(x, c.In[2:]); err != nil {
				return nil, err
			}
			if !g.SameShape(x) || g.dtype != x.dtype {
				return nil, reject("", "expected a gradient of the input's shape %s, got %s", x.shapeText(), g.shapeText())
			}
			specs := []Spec{{x.dtype, x.shape}}
			if len(c.In) > 4 {
				each := Spec{x.dtype, x.shape[1:2]}
				specs = append(specs, each, each)
			}
			return specs, nil
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				batchNormGradKernel[float64](c)
			} else {
				batchNormGradKernel[float32](c)
			}
		},
		Decompose: decomposeBatchNormGrad,
	})
	// Inputs are x, mean, variance, gamma and beta, the last two possibly missing.
	opBatchNormInfer = define(Op{
		Name: "batch_norm_infer",
		Infer: func(c *Call) ([]Spec, error) {
			if err := checkChannels(c.In[0], c.In[1:]); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				batchNormInferKernel[float64](c)
			} else {
				batchNormInferKernel[float32](c)
			}
		},
		Decompose: func(c *Call) []*Tensor {
			x := c.In[0]
			each := func(i int) *Tensor { return perChannel(c.In[i], x) }
			y := x.Sub(each(1)).Mul(each(2).AddScalar(c.Attrs.(float64)).Rsqrt())
			if len(c.In) > 3 {
				y = y.Mul(each(3)).Add(each(4))
			}
			return []*Tensor{y}
		},
	})
}

// channels returns the sizes in front of the channels, of the channels, and behind them.
func channels(x *Tensor) (n, c, s int) { return x.shape[0], x.shape[1], numel(x.shape[2:]) }

// perChannel views p (C) so that it broadcasts against x (N, C, …).
func perChannel(p, x *Tensor) *Tensor {
	shape := slices.Repeat([]int{1}, len(x.shape)-1)
	shape[0] = p.shape[0]
	return p.Reshape(shape...)
}

// checkChannels rejects an x that isn't (N, C, …) and parameters that aren't (C).
func checkChannels(x *Tensor, params []*Tensor) error {
	if err := sameFloats(x, params...); err != nil {
		return err
	}
	if len(x.shape) < 2 {
		return reject("", "expected an input of shape (N, C) or (N, C, …), got %s", x.shapeText())
	}
	for _, p := range params {
		if !slices.Equal(p.shape, x.shape[1:2]) {
			return reject("make the layer's number of channels that of axis 1", "expected one number for each of the %d channels of %s, got %s",
				x.shape[1], x.shapeText(), p.shapeText())
		}
	}
	return nil
}

// rstdOf returns 1/√(variance + eps) and the block to free.
func rstdOf[T cpu.Float](variance []T, eps float64) ([]T, mem.Block) {
	r, block := mem.Scratch[T](len(variance))
	for i, v := range variance {
		r[i] = T(1 / math.Sqrt(float64(v)+eps))
	}
	return r, block
}

func batchNormGradKernel[T cpu.Float](c *Call) {
	n, ch, s := channels(c.In[1])
	g, dBlock := packed[T](c.In[0])
	defer dBlock.Free()
	x, xBlock := packed[T](c.In[1])
	defer xBlock.Free()
	mean, mBlock := packed[T](c.In[2])
	defer mBlock.Free()
	variance, vBlock := packed[T](c.In[3])
	defer vBlock.Free()
	gamma, gBlock := weightsOf[T](c, 4)
	defer gBlock.Free()
	rstd, rBlock := rstdOf(variance, c.Attrs.(float64))
	defer rBlock.Free()
	var dgamma, dbeta []T
	if gamma != nil {
		dgamma, dbeta = flat[T](c.Out[1]), flat[T](c.Out[2])
	}
	cpu.BatchNormGrad(flat[T](c.Out[0]), dgamma, dbeta, g, x, mean, rstd, gamma, n, ch, s)
}

func batchNormInferKernel[T cpu.Float](c *Call) {
	n, ch, s := channels(c.In[0])
	if n*ch*s == 0 {
		return
	}
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	mean, mBlock := packed[T](c.In[1])
	defer mBlock.Free()
	variance, vBlock := packed[T](c.In[2])
	defer vBlock.Free()
	gamma, gBlock := weightsOf[T](c, 3)
	defer gBlock.Free()
	beta, bBlock := weightsOf[T](c, 4)
	defer bBlock.Free()
	rstd, rBlock := rstdOf(variance, c.Attrs.(float64))
	defer rBlock.Free()
	cpu.BatchNormApply(flat[T](c.Out[0]), x, mean, rstd, gamma, beta, n, ch, s)
}

// decomposeBatchNormGrad computes the statistics from x again, so that the result depends on x in every way that it does.
func decomposeBatchNormGrad(c *Call) []*Tensor {
	g, x := c.In[0], c.In[1]
	n, _, s := channels(x)
	axes := []int{0}
	for a := 2; a < len(x.shape); a++ {
		axes = append(axes, a)
	}
	mean := func(t *Tensor) *Tensor { return t.SumAxes(true, axes...).MulScalar(1 / float64(n*s)) }
	h := x.Sub(mean(x))
	r := mean(h.Square()).AddScalar(c.Attrs.(float64)).Rsqrt()
	h = h.Mul(r)
	dx := g.Sub(mean(g)).Sub(h.Mul(mean(g.Mul(h)))).Mul(r)
	if len(c.In) < 5 {
		return []*Tensor{dx}
	}
	return []*Tensor{dx.Mul(perChannel(c.In[4], x)), g.Mul(h).SumAxes(false, axes...), g.SumAxes(false, axes...)}
}

// BatchNorm returns x (N, C, …) with mean 0 and variance 1 over the whole batch within each channel, times gamma plus
// beta (C each, or both nil): batch normalisation in training (Ioffe and Szegedy, "Batch Normalization", 2015). It
// also returns the batch's mean and biased variance (C each), for running averages; no gradient passes through those
// two.
func BatchNorm(x, gamma, beta *Tensor, eps float64) (y, mean, variance *Tensor) {
	both("batch_norm", gamma, beta)
	out := applyAll(opBatchNorm, eps, present(x, gamma, beta))
	return out[0], out[1].Detach(), out[2].Detach()
}

// BatchNormInfer returns (x − mean)/√(variance + eps)·gamma + beta for x (N, C, …) and the others (C), gamma and beta possibly both nil:
// batch normalisation with running statistics, as in evaluation.
func BatchNormInfer(x, gamma, beta, mean, variance *Tensor, eps float64) *Tensor {
	both("batch_norm_infer", gamma, beta)
	return apply(opBatchNormInfer, eps, present(x, mean, variance, gamma, beta)...)
}

func both(op string, gamma, beta *Tensor) {
	if (gamma == nil) != (beta == nil) {
		Fail(op, "", "weight and bias must both be given or both be nil")
	}
}
