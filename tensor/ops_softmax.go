package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

// The kernels work along the last axis; the methods bring another one there.

var opSoftmax, opSoftmaxGrad, opLogSoftmax, opLogSoftmaxGrad *Op

func init() {
	opSoftmax = rowwise("softmax", cpu.SoftmaxRows[float32], cpu.SoftmaxRows[float64],
		func(y, g *Tensor) *Tensor { return apply(opSoftmaxGrad, nil, g, y) })
	opSoftmaxGrad = rowwiseGrad("softmax_grad", cpu.SoftmaxGradRows[float32], cpu.SoftmaxGradRows[float64],
		func(g, y *Tensor) *Tensor { return y.Mul(g.Sub(g.Mul(y).SumAxes(true, -1))) })
	opLogSoftmax = rowwise("log_softmax", cpu.LogSoftmaxRows[float32], cpu.LogSoftmaxRows[float64],
		func(y, g *Tensor) *Tensor { return apply(opLogSoftmaxGrad, nil, g, y) })
	opLogSoftmaxGrad = rowwiseGrad("log_softmax_grad", cpu.LogSoftmaxGradRows[float32], cpu.LogSoftmaxGradRows[float64],
		func(g, y *Tensor) *Tensor { return g.Sub(y.Exp().Mul(g.SumAxes(true, -1))) })
}

// sameRows is the Infer of operations along the last axis of float tensors of one shape.
func sameRows(c *Call) ([]Spec, error) {
	x := c.In[0]
	if err := sameFloats(x, c.In[1:]...); err != nil {
		return nil, err
	}
	if len(x.shape) == 0 {
		return nil, reject("Reshape it to (1)", "expected a tensor with axes, got a scalar")
	}
	for _, y := range c.In[1:] {
		if !y.SameShape(x) {
			return nil, reject("", "expected tensors of one shape, got %s and %s", x.shapeText(), y.shapeText())
		}
	}
	return one(x.dtype, x.shape)
}

// rows returns t as a matrix: the product of the leading axes, and the last.
func (t *Tensor) rows() (m, n int) {
	last := len(t.shape) - 1
	return numel(t.shape[:last]), t.shape[last]
}

// rowwise makes the row of a function of the rows of one tensor. vjp returns the gradient from the result y and its gradient g.
func rowwise(name string, f32 func(dst, x []float32, m, n int), f64 func(dst, x []float64, m, n int), vjp func(y, g *Tensor) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: sameRows,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				rowwiseKernel(c, f64)
			} else {
				rowwiseKernel(c, f32)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{vjp(c.Out[0], g[0])} },
	})
}

func rowwiseKernel[T cpu.Float](c *Call, f func(dst, x []T, m, n int)) {
	m, n := c.In[0].rows()
	x, block := packed[T](c.In[0])
	defer block.Free()
	f(flat[T](c.Out[0]), x, m, n)
}

// rowwiseGrad makes the row of the gradient of a rowwise function, of the gradient g and the result y. simple is the
// same in simpler operations.
func rowwiseGrad(name string, f32 func(dx, g, y []float32, m, n int), f64 func(dx, g, y []float64, m, n int), simple func(g, y *Tensor) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: sameRows,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				rowwiseGradKernel(c, f64)
			} else {
				rowwiseGradKernel(c, f32)
			}
		},
		Decompose: func(c *Call) []*Tensor { return []*Tensor{simple(c.In[0], c.In[1])} },
	})
}

func rowwiseGradKernel[T cpu.Float](c *Call, f func(dx, g, y []T, m, n int)) {
	m, n := c.In[0].rows()
	g, gBlock := packed[T](c.In[0])
	defer gBlock.Free()
	y, yBlock := packed[T](c.In[1])
	defer yBlock.Free()
	f(flat[T](c.Out[0]), g, y, m, n)
}

// Softmax returns exp(x) divided by its sum along axis, so that what lies along axis is positive and adds up to 1. Entries of −∞ become 0.
func (x *Tensor) Softmax(axis int) *Tensor { return alongAxis(opSoftmax, x, axis) }

// LogSoftmax returns the logarithm of [Tensor.Softmax], without overflow or loss of small probabilities.
func (x *Tensor) LogSoftmax(axis int) *Tensor { return alongAxis(opLogSoftmax, x, axis) }

// alongAxis applies a rowwise operation along any axis.
func alongAxis(op *Op, x *Tensor, axis int) *Tensor {
	x.alive(op.Name)
	if len(x.shape) == 0 {
		return apply(op, nil, x)
	}
	axis = axisIndex(op.Name, axis, len(x.shape))
	last := len(x.shape) - 1
	if axis == last {
		return apply(op, nil, x)
	}
	order := make([]int, len(x.shape))
	for i := range order {
		order[i] = i
	}
	order[axis], order[last] = last, axis
	return apply(op, nil, x.Permute(order...)).Permute(order...)
}
