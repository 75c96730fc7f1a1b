package tensor

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
)

// Batch normalisation, the sum with a shortcut and the ReLU behind it in one pass over memory, forwards and backwards: what
// stands around each convolution of a residual network.

var opBatchNormReLU, opBatchNormReLUGrad *Op

func init() {
	// Inputs are x, gamma and beta, and possibly what is added; results as of batch_norm.
	opBatchNormReLU = define(Op{
		Name: "batch_norm_relu",
		Infer: func(c *Call) ([]Spec, error) {
			if len(c.In) > 3 && (!c.In[3].SameShape(c.In[0]) || c.In[3].dtype != c.In[0].dtype) {
				return nil, reject("", "expected a shortcut of the input's shape and data type, %s %s, got %s %s",
					c.In[0].dtype, c.In[0].shapeText(), c.In[3].dtype, c.In[3].shapeText())
			}
			plain := *c
			plain.In = c.In[:3]
			return opBatchNorm.Infer(&plain)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				batchNormTrainKernel[float64](c, cpu.ActReLU)
			} else {
				batchNormTrainKernel[float32](c, cpu.ActReLU)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			attrs := batchNormReLU{c.Attrs.(float64), len(c.In) > 3}
			return applyAll(opBatchNormReLUGrad, attrs, []*Tensor{g[0], c.In[0], c.Out[1], c.Out[2], c.In[1], c.Out[0]})
		},
	})
	// Inputs are those of batch_norm_grad and y; results are the gradients of x, gamma and beta, and possibly that of what was added.
	opBatchNormReLUGrad = define(Op{
		Name: "batch_norm_relu_grad",
		Infer: func(c *Call) ([]Spec, error) {
			plain := *c
			plain.In = c.In[:5]
			specs, err := opBatchNormGrad.Infer(&plain)
			if err != nil {
				return nil, err
			}
			if y := c.In[5]; !y.SameShape(c.In[1]) || y.dtype != c.In[1].dtype {
				return nil, reject("", "expected a result of the input's shape %s, got %s", c.In[1].shapeText(), y.shapeText())
			}
			if c.Attrs.(batchNormReLU).add {
				specs = append(specs, specs[0])
			}
			return specs, nil
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				batchNormReLUGradKernel[float64](c)
			} else {
				batchNormReLUGradKernel[float32](c)
			}
		},
		Decompose: func(c *Call) []*Tensor {
			a, plain := c.Attrs.(batchNormReLU), *c
			masked := apply(opReLUGrad, nil, c.In[0], c.In[5])
			plain.In = append([]*Tensor{masked}, c.In[1:5]...)
			plain.Attrs = a.eps
			out := decomposeBatchNormGrad(&plain)
			if a.add {
				out = append(out, masked)
			}
			return out
		},
	})
}

// batchNormReLU is the Attrs of the gradient.
type batchNormReLU struct {
	eps float64
	add bool // something was added, so that its gradient is wanted
}

// batchNormTrainKernel serves batch_norm and batch_norm_relu.
func batchNormTrainKernel[T cpu.Float](c *Call, act cpu.Act) {
	n, ch, s := channels(c.In[0])
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	gamma, gBlock := weightsOf[T](c, 1)
	defer gBlock.Free()
	beta, bBlock := weightsOf[T](c, 2)
	defer bBlock.Free()
	add, aBlock := weightsOf[T](c, 3)
	defer aBlock.Free()
	rstd, rBlock := mem.Scratch[T](ch)
	defer rBlock.Free()
	cpu.BatchNormTrain(flat[T](c.Out[0]), flat[T](c.Out[1]), flat[T](c.Out[2]), rstd, x, add, gamma, beta, act, n, ch, s, T(c.Attrs.(float64)))
}

func batchNormReLUGradKernel[T cpu.Float](c *Call) {
	n, ch, s := channels(c.In[1])
	in := make([][]T, len(c.In))
	for i, t := range c.In {
		var block mem.Block
		in[i], block = packed[T](t)
		defer block.Free()
	}
	a := c.Attrs.(batchNormReLU)
	rstd, rBlock := rstdOf(in[3], a.eps)
	defer rBlock.Free()
	dx := flat[T](c.Out[0])
	masked := dx
	if a.add {
		masked = flat[T](c.Out[3])
	}
	cpu.BatchNormReLUGrad(dx, masked, flat[T](c.Out[1]), flat[T](c.Out[2]), in[0], in[1], in[5], in[2], rstd, in[4], n, ch, s)
}

// BatchNormReLU returns what [BatchNorm] does with ReLU behind it, in one pass: max(BatchNorm(x) + add, 0), where add, of x's shape, is
// nil for none. gamma and beta must be given.
func BatchNormReLU(x, gamma, beta, add *Tensor, eps float64) (y, mean, variance *Tensor) {
	in := []*Tensor{x, gamma, beta}
	if add != nil {
		in = append(in, add)
	}
	out := applyAll(opBatchNormReLU, eps, in)
	return out[0], out[1].Detach(), out[2].Detach()
}
