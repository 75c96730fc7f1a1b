package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

// unary makes the row of an elementwise function of one float tensor. vjp
// returns the gradient of x from x, the result y and the gradient g of y.
func unary(name string, f32 func(dst, x []float32), f64 func(dst, x []float64), vjp func(x, y, g *Tensor) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: sameFloat,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				map1(c.Out[0], c.In[0], f64)
			} else {
				map1(c.Out[0], c.In[0], f32)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{vjp(c.In[0], c.Out[0], g[0])} },
	})
}

var opTanh, opTanhGrad *Op

func init() {
	opTanh = unary("tanh", cpu.Tanh[float32], cpu.Tanh[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opTanhGrad, nil, g, y) })
	opTanhGrad = fusedGrad("tanh_grad", cpu.TanhGrad[float32], cpu.TanhGrad[float64],
		func(g, y *Tensor) *Tensor { return g.Sub(g.Mul(y.Square())) })
}

// Tanh returns the hyperbolic tangent of each element of x.
func (x *Tensor) Tanh() *Tensor { return apply(opTanh, nil, x) }

// fusedGrad makes the row of the gradient of an elementwise function in one pass over memory: a function of the gradient
// g and of x or y, of the same shape. simple is the same in simpler operations.
func fusedGrad(name string, f32 func(dst, g, v []float32), f64 func(dst, g, v []float64), simple func(g, v *Tensor) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: sameFloat,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				map2(c.Out[0], c.In[0], c.In[1], f64)
			} else {
				map2(c.Out[0], c.In[0], c.In[1], f32)
			}
		},
		Decompose: func(c *Call) []*Tensor { return []*Tensor{simple(c.In[0], c.In[1])} },
	})
}

var opSquare, opNeg *Op

func init() {
	opSquare = unary("square", cpu.Square[float32], cpu.Square[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x).MulScalar(2) })
	opNeg = unary("neg", cpu.Neg[float32], cpu.Neg[float64],
		func(x, y, g *Tensor) *Tensor { return g.Neg() })
}

// Square returns the square of each element of x.
func (x *Tensor) Square() *Tensor { return apply(opSquare, nil, x) }

// Neg returns the negative of each element of x.
func (x *Tensor) Neg() *Tensor { return apply(opNeg, nil, x) }

var opMulScalar, opAddScalar *Op

func init() {
	opMulScalar = withScalar("mul_scalar", cpu.MulScalar[float32], cpu.MulScalar[float64],
		func(g *Tensor, s float64) *Tensor { return g.MulScalar(s) })
	opAddScalar = withScalar("add_scalar", cpu.AddScalar[float32], cpu.AddScalar[float64],
		func(g *Tensor, s float64) *Tensor { return g })
}

// withScalar makes the row of an elementwise function of a float tensor and a number.
func withScalar(name string, f32 func(dst, x []float32, s float32), f64 func(dst, x []float64, s float64), vjp func(g *Tensor, s float64) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: sameFloat,
		Kernel: func(c *Call) {
			s := c.Attrs.(float64)
			if c.Out[0].dtype == Float64 {
				map1(c.Out[0], c.In[0], func(dst, x []float64) { f64(dst, x, s) })
			} else {
				map1(c.Out[0], c.In[0], func(dst, x []float32) { f32(dst, x, float32(s)) })
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{vjp(g[0], c.Attrs.(float64))} },
	})
}

// MulScalar returns each element of x times s.
func (x *Tensor) MulScalar(s float64) *Tensor { return apply(opMulScalar, s, x) }

// AddScalar returns each element of x plus s.
func (x *Tensor) AddScalar(s float64) *Tensor { return apply(opAddScalar, s, x) }
