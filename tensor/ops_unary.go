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

// unaryNumber is unary for functions of integers too.
func unaryNumber(name string, f32 func(dst, x []float32), f64 func(dst, x []float64), i func(x int64) int64, vjp func(x, y, g *Tensor) *Tensor) *Op {
	op := unary(name, f32, f64, vjp)
	floats := op.Kernel
	op.Infer = sameNumber
	op.Kernel = func(c *Call) {
		if c.Out[0].dtype.IsFloat() {
			floats(c)
		} else {
			mapInteger(c.Out[0], c.In[0], i)
		}
	}
	return op
}

// mapInteger computes an integer out from x, of the same shape and data type.
func mapInteger(out, x *Tensor, f func(int64) int64) {
	switch out.dtype {
	case Int64:
		map1(out, x, integers1[int64](f))
	case Int32:
		map1(out, x, integers1[int32](f))
	case Uint8:
		map1(out, x, integers1[uint8](f))
	}
}

func integers1[T int64 | int32 | uint8](f func(int64) int64) func(dst, x []T) {
	return func(dst, x []T) {
		for i := range dst {
			dst[i] = T(f(int64(x[i])))
		}
	}
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
		Infer: alikeFloats,
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
	opSquare = unaryNumber("square", cpu.Square[float32], cpu.Square[float64], func(x int64) int64 { return x * x },
		func(x, y, g *Tensor) *Tensor { return g.Mul(x).MulScalar(2) })
	opNeg = unaryNumber("neg", cpu.Neg[float32], cpu.Neg[float64], func(x int64) int64 { return -x },
		func(x, y, g *Tensor) *Tensor { return g.Neg() })
}

// Square returns the square of each element of x.
func (x *Tensor) Square() *Tensor { return apply(opSquare, nil, x) }

// Neg returns the negative of each element of x.
func (x *Tensor) Neg() *Tensor { return apply(opNeg, nil, x) }
