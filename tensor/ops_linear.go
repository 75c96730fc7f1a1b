package tensor

import (
	"fmt"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
)

var opLinear *Op

func init() {
	opLinear = define(Op{
		Name:  "linear",
		Infer: inferLinear,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				linearKernel[float64](c)
			} else {
				linearKernel[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			x, w, gy := c.In[0], c.In[1], g[0]
			rows := numel(x.shape[:len(x.shape)-1])
			if c.Attrs == cpu.ActReLU {
				gy = apply(opReLUGrad, nil, gy, c.Out[0])
			}
			gy = gy.reshaped(rows, w.shape[0])
			grads := make([]*Tensor, len(c.In))
			if c.Needs(0) {
				grads[0] = apply(opMatMul, nil, gy, w).reshaped(x.shape...)
			}
			if c.Needs(1) {
				grads[1] = apply(opMatMul, nil, gy.T(), x.reshaped(rows, w.shape[1]))
			}
			if len(c.In) > 2 && c.Needs(2) {
				grads[2] = gy.SumAxes(false, 0)
			}
			return grads
		},
	})
}

func inferLinear(c *Call) ([]Spec, error) {
	x, w := c.In[0], c.In[1]
	if err := sameFloats(x, c.In[1:]...); err != nil {
		return nil, err
	}
	if len(w.shape) != 2 {
		return nil, reject("", "expected a weight of shape (out, in), got %s", w.shapeText())
	}
	if len(c.In) > 2 && !slices.Equal(c.In[2].shape, w.shape[:1]) {
		return nil, reject("", "expected a bias of shape (%d), one number for each row of the weight %s, got %s", w.shape[0], w.shapeText(), c.In[2].shapeText())
	}
	last := len(x.shape) - 1
	if last < 0 {
		return nil, reject("Reshape it to (1, in)", "expected an input of shape (…, %d), got a scalar", w.shape[1])
	}
	if x.shape[last] != w.shape[1] {
		return nil, reject(linearHint(x.shape, w.shape), "input %s has %d features on its last axis, the weight %s wants %d",
			x.shapeText(), x.shape[last], w.shapeText(), w.shape[1])
	}
	return one(x.dtype, append(slices.Clone(x.shape[:last]), w.shape[0]))
}

// linearHint guesses what was forgotten.
func linearHint(x, w []int) string {
	last, features := x[len(x)-1], numel(x[1:])
	switch {
	case len(x) > 2 && features == w[1]:
		return "Flatten the input to " + ShapeString([]int{x[0], w[1]}) + " first?"
	case len(x) > 3:
		return fmt.Sprintf("Flatten the input to (%d, %d) first, and make the layer's number of inputs %d?", x[0], features, features)
	case last == w[0]:
		return "weights are stored (out, in): transpose the weight?"
	}
	return fmt.Sprintf("make the layer's number of inputs %d", last)
}

func linearKernel[T cpu.Float](c *Call) {
	x, w, y := c.In[0], c.In[1], flat[T](c.Out[0])
	n, k := w.shape[0], w.shape[1]
	m := numel(x.shape[:len(x.shape)-1])
	var a operand[T]
	if len(x.shape) == 2 {
		a = operandOf[T](x)
	} else {
		a.ld = k
		a.data, a.block = packed[T](x)
	}
	defer a.block.Free()
	b := operandOf[T](w)
	defer b.block.Free()
	var ep cpu.Epilogue[T]
	if c.Attrs == cpu.ActReLU {
		ep.Act = cpu.ActReLU
	}
	if len(c.In) > 2 {
		bias, block := packed[T](c.In[2])
		defer block.Free()
		ep.Bias = bias
	}
	cpu.Gemm(a.trans, !b.trans, m, n, k, 1, a.data, a.ld, b.data, b.ld, 0, y, n, ep)
}

// Linear returns x·wᵀ + b for x of shape (…, in), w of shape (out, in) and b of
// shape (out), or nil for none: the affine map of a fully connected layer, of shape (…, out).
func (x *Tensor) Linear(w, b *Tensor) *Tensor { return linear(x, w, b, nil) }

// LinearReLU returns the same as x.Linear(w, b).ReLU(), in one pass.
func (x *Tensor) LinearReLU(w, b *Tensor) *Tensor { return linear(x, w, b, cpu.ActReLU) }

// linear applies the operation with a cpu.Act, or nil for none, as its Attrs.
func linear(x, w, b *Tensor, act any) *Tensor {
	if b == nil {
		return apply(opLinear, act, x, w)
	}
	return apply(opLinear, act, x, w, b)
}
