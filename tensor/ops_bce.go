package tensor

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
)

// BCEWithLogitsConfig says how [BCEWithLogits] weighs and reduces. The zero value is the plain mean.
type BCEWithLogitsConfig struct {
	Reduction Reduction
	Weight    *Tensor // broadcast to the logits: how much each loss counts; the mean still divides by the number of losses
	PosWeight *Tensor // broadcast to the logits: how much a target of 1 counts against one of 0
}

// crossingBinary is the Attrs of bce_with_logits and its gradient.
type crossingBinary struct {
	each  bool    // return every loss, else scale times their sum
	scale float64 // 1 if each
}

var opBCE, opBCEGrad *Op

func init() {
	opBCE = define(Op{
		Name: "bce_with_logits",
		Infer: func(c *Call) ([]Spec, error) {
			x, y := c.In[0], c.In[1]
			if err := sameFloats(x, c.In[1:]...); err != nil {
				return nil, err
			}
			if !y.SameShape(x) {
				hint := "there must be one target for each logit"
				if y.NumEl() == x.NumEl() {
					hint = "Reshape one of them"
				}
				return nil, reject(hint, "expected logits and target of one shape, got %s and %s", x.shapeText(), y.shapeText())
			}
			if c.Attrs.(crossingBinary).each {
				return one(x.dtype, x.shape)
			}
			return one(x.dtype, nil)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				bceKernel[float64](c)
			} else {
				bceKernel[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			grads := make([]*Tensor, len(c.In))
			if c.Needs(0) && !c.Needs(1) && !(len(c.In) > 2 && c.Needs(2)) {
				grads[0] = apply(opBCEGrad, c.Attrs, append([]*Tensor{g[0]}, c.In...)...)
				return grads
			}
			return nil // by way of Decompose
		},
		Decompose: func(c *Call) []*Tensor {
			a, x, y := c.Attrs.(crossingBinary), c.In[0], c.In[1]
			l := x.Sub(x.Mul(y)).Add(x.Neg().Softplus().Mul(positive(c, 2, y)))
			if a.each {
				return []*Tensor{l}
			}
			return []*Tensor{l.Sum().MulScalar(a.scale)}
		},
	})
	opBCEGrad = define(Op{
		Name: "bce_with_logits_grad",
		Infer: func(c *Call) ([]Spec, error) {
			g, x, y := c.In[0], c.In[1], c.In[2]
			if err := sameFloats(x, g, y); err != nil {
				return nil, err
			}
			if !y.SameShape(x) || len(g.shape) != 0 && !g.SameShape(x) {
				return nil, reject("", "expected logits, target and gradient of one shape, got %s, %s and %s", x.shapeText(), y.shapeText(), g.shapeText())
			}
			return one(x.dtype, x.shape)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				bceGradKernel[float64](c)
			} else {
				bceGradKernel[float32](c)
			}
		},
		Decompose: func(c *Call) []*Tensor {
			a, g, x, y := c.Attrs.(crossingBinary), c.In[0], c.In[1], c.In[2]
			d := y.Neg().AddScalar(1).Sub(x.Neg().Sigmoid().Mul(positive(c, 3, y)))
			return []*Tensor{d.Mul(g.MulScalar(a.scale))}
		},
	})
}

// positive returns 1 + (p−1)·y, where p is the optional input i of the call, 1 if there is none.
func positive(c *Call, i int, y *Tensor) *Tensor {
	if len(c.In) <= i {
		return y.OnesLike()
	}
	return c.In[i].AddScalar(-1).Mul(y).AddScalar(1)
}

// bceKernel computes (1−y)·x + (1+(p−1)·y)·log(1+exp(−x)), which neither overflows nor cancels.
func bceKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(crossingBinary)
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	y, yBlock := packed[T](c.In[1])
	defer yBlock.Free()
	p, pBlock := weightsOf[T](c, 2)
	defer pBlock.Free()
	out := flat[T](c.Out[0])
	loss := out
	if !a.each {
		var block mem.Block
		loss, block = mem.Scratch[T](len(x))
		defer block.Free()
	}
	cpu.Neg(loss, x)
	cpu.Softplus(loss, loss)
	for i, l := range loss {
		if p != nil {
			l *= 1 + (p[i]-1)*y[i]
		}
		loss[i] = (1-y[i])*x[i] + l
	}
	if !a.each {
		out[0] = cpu.Sum(loss) * T(a.scale)
	}
}

func bceGradKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(crossingBinary)
	g, gBlock := packed[T](c.In[0])
	defer gBlock.Free()
	x, xBlock := packed[T](c.In[1])
	defer xBlock.Free()
	y, yBlock := packed[T](c.In[2])
	defer yBlock.Free()
	p, pBlock := weightsOf[T](c, 3)
	defer pBlock.Free()
	dx := flat[T](c.Out[0])
	if p == nil {
		cpu.Sigmoid(dx, x)
		for i, s := range dx {
			dx[i] = s - y[i]
		}
	} else {
		cpu.Neg(dx, x)
		cpu.Sigmoid(dx, dx)
		for i, s := range dx {
			dx[i] = 1 - y[i] - (1+(p[i]-1)*y[i])*s
		}
	}
	if a.each {
		cpu.Mul(dx, dx, g)
	} else {
		cpu.MulScalar(dx, dx, g[0]*T(a.scale))
	}
}

// BCEWithLogits returns the binary cross entropy in nats between sigmoid(logits) and the target, probabilities (or
// integers or bools, 0 and 1) of the logits' shape: −p·y·log σ(x) − (1−y)·log(1−σ(x)), with p the config's PosWeight, without overflow.
// ReductionNone gives a loss for each logit, the others a scalar.
func BCEWithLogits(logits, target *Tensor, cfg BCEWithLogitsConfig) *Tensor {
	const op = "bce_with_logits"
	logits.alive(op)
	target.alive(op)
	in := []*Tensor{logits, target.To(logits.dtype)}
	if cfg.PosWeight != nil {
		in = append(in, weightLike(op, "PosWeight", cfg.PosWeight, logits))
	}
	scale := 1.0
	if cfg.Reduction == ReductionMean {
		scale = 1 / float64(logits.NumEl())
	}
	if cfg.Weight == nil {
		return apply(opBCE, crossingBinary{cfg.Reduction == ReductionNone, scale}, in...)
	}
	l := apply(opBCE, crossingBinary{true, 1}, in...).Mul(weightLike(op, "Weight", cfg.Weight, logits))
	if cfg.Reduction == ReductionNone {
		return l
	}
	return l.Sum().MulScalar(scale)
}

// weightLike returns w stretched to the shape of x.
func weightLike(op, name string, w, x *Tensor) *Tensor {
	w.alive(op)
	if !broadcasts(w.shape, x.shape) {
		Fail(op, "", "%s of shape %s doesn't broadcast to the logits' shape %s", name, w.shapeText(), x.shapeText())
	}
	return w.To(x.dtype).Expand(x.shape...)
}
