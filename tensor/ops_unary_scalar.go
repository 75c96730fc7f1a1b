package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// Elementwise functions of a tensor and fixed numbers.

var opMulScalar, opAddScalar, opPowScalar *Op

func init() {
	opMulScalar = withScalar("mul_scalar", cpu.MulScalar[float32], cpu.MulScalar[float64],
		func(x, s int64) int64 { return x * s },
		func(x, g *Tensor, s float64) *Tensor { return g.MulScalar(s) })
	opAddScalar = withScalar("add_scalar", cpu.AddScalar[float32], cpu.AddScalar[float64],
		func(x, s int64) int64 { return x + s },
		func(x, g *Tensor, s float64) *Tensor { return g })
	opPowScalar = withScalar("pow_scalar", cpu.PowScalar[float32], cpu.PowScalar[float64], nil,
		func(x, g *Tensor, p float64) *Tensor {
			if p == 0 {
				return g.ZerosLike()
			}
			return g.Mul(x.PowScalar(p - 1)).MulScalar(p)
		})
}

// withScalar makes the row of an elementwise function of a tensor and a number. Without i it is for floats only.
func withScalar(name string, f32 func(dst, x []float32, s float32), f64 func(dst, x []float64, s float64), i func(x, s int64) int64,
	vjp func(x, g *Tensor, s float64) *Tensor) *Op {
	infer := sameFloat
	if i != nil {
		infer = sameNumber
	}
	return define(Op{
		Name:  name,
		Infer: infer,
		Kernel: func(c *Call) {
			s := c.Attrs.(float64)
			switch c.Out[0].dtype {
			case Float64:
				map1(c.Out[0], c.In[0], func(dst, x []float64) { f64(dst, x, s) })
			case Float32:
				map1(c.Out[0], c.In[0], func(dst, x []float32) { f32(dst, x, float32(s)) })
			default:
				mapInteger(c.Out[0], c.In[0], func(x int64) int64 { return i(x, int64(s)) })
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{vjp(c.In[0], g[0], c.Attrs.(float64))} },
	})
}

// besides returns x in the data type in which it meets the number s: integers stay integers if s is whole.
func (x *Tensor) besides(op string, s float64) *Tensor {
	x.alive(op)
	switch {
	case x.dtype.IsFloat():
		return x
	case s != math.Trunc(s) || math.IsInf(s, 0):
		return x.To(Float32)
	case x.dtype == Bool:
		return x.To(Int64)
	}
	return x
}

// MulScalar returns each element of x times s. Integers stay integers if s is whole, else they become Float32.
func (x *Tensor) MulScalar(s float64) *Tensor {
	return apply(opMulScalar, s, x.besides("mul_scalar", s))
}

// AddScalar returns each element of x plus s. Integers stay integers if s is whole, else they become Float32.
func (x *Tensor) AddScalar(s float64) *Tensor {
	return apply(opAddScalar, s, x.besides("add_scalar", s))
}

// PowScalar returns each element of x to the power p, NaN for a negative number to a broken power.
func (x *Tensor) PowScalar(p float64) *Tensor { return apply(opPowScalar, p, x) }

var opLeakyReLU, opLeakyReLUGrad, opELU, opELUGrad *Op

func init() {
	opLeakyReLU = withScalar("leaky_relu", cpu.LeakyReLU[float32], cpu.LeakyReLU[float64], nil,
		func(x, g *Tensor, slope float64) *Tensor { return apply(opLeakyReLUGrad, slope, g, x) })
	opLeakyReLUGrad = fusedGradScalar("leaky_relu_grad", cpu.LeakyReLUGrad[float32], cpu.LeakyReLUGrad[float64],
		func(g, x *Tensor, slope float64) *Tensor { return Where(x.GreaterScalar(0), g, g.MulScalar(slope)) })
	opELU = withScalar("elu", cpu.ELU[float32], cpu.ELU[float64], nil,
		func(x, g *Tensor, alpha float64) *Tensor { return apply(opELUGrad, alpha, g, x) })
	opELUGrad = fusedGradScalar("elu_grad", cpu.ELUGrad[float32], cpu.ELUGrad[float64],
		func(g, x *Tensor, alpha float64) *Tensor {
			// The exponential of what isn't used must not overflow: its gradient would be NaN.
			return Where(x.GreaterScalar(0), g, g.Mul(x.Clamp(math.Inf(-1), 0).Exp()).MulScalar(alpha))
		})
}

// fusedGradScalar is fusedGrad for a function with a parameter.
func fusedGradScalar(name string, f32 func(dst, g, x []float32, s float32), f64 func(dst, g, x []float64, s float64),
	simple func(g, x *Tensor, s float64) *Tensor) *Op {
	return define(Op{
		Name:  name,
		Infer: alikeFloats,
		Kernel: func(c *Call) {
			s := c.Attrs.(float64)
			if c.Out[0].dtype == Float64 {
				map2(c.Out[0], c.In[0], c.In[1], func(dst, g, x []float64) { f64(dst, g, x, s) })
			} else {
				map2(c.Out[0], c.In[0], c.In[1], func(dst, g, x []float32) { f32(dst, g, x, float32(s)) })
			}
		},
		Decompose: func(c *Call) []*Tensor { return []*Tensor{simple(c.In[0], c.In[1], c.Attrs.(float64))} },
	})
}

// LeakyReLU returns x where x > 0, else slope·x.
func (x *Tensor) LeakyReLU(slope float64) *Tensor { return apply(opLeakyReLU, slope, x) }

// ELU returns x where x > 0, else alpha·(eˣ − 1) (Clevert et al., "Fast and Accurate Deep Network Learning
// by Exponential Linear Units", 2015).
func (x *Tensor) ELU(alpha float64) *Tensor { return apply(opELU, alpha, x) }

// interval is the Attrs of clamp.
type interval struct{ lo, hi float64 }

func (v interval) check() error {
	if !(v.lo <= v.hi) {
		return reject("give the lower bound first", "the interval from %g to %g is empty", v.lo, v.hi)
	}
	return nil
}

var opClamp, opClampGrad *Op

func init() {
	opClamp = define(Op{
		Name: "clamp",
		Infer: func(c *Call) ([]Spec, error) {
			if err := c.Attrs.(interval).check(); err != nil {
				return nil, err
			}
			return sameNumber(c)
		},
		Kernel: func(c *Call) {
			v := c.Attrs.(interval)
			switch c.Out[0].dtype {
			case Float64:
				map1(c.Out[0], c.In[0], func(dst, x []float64) { cpu.Clamp(dst, x, v.lo, v.hi) })
			case Float32:
				map1(c.Out[0], c.In[0], func(dst, x []float32) { cpu.Clamp(dst, x, float32(v.lo), float32(v.hi)) })
			default:
				lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
				if v.lo > -0x1p63 {
					lo = int64(math.Ceil(v.lo))
				}
				if v.hi < 0x1p63 {
					hi = int64(math.Floor(v.hi))
				}
				mapInteger(c.Out[0], c.In[0], func(x int64) int64 { return min(max(x, lo), hi) })
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{apply(opClampGrad, c.Attrs, g[0], c.In[0])} },
	})
	opClampGrad = define(Op{
		Name:  "clamp_grad",
		Infer: alikeFloats,
		Kernel: func(c *Call) {
			v := c.Attrs.(interval)
			if c.Out[0].dtype == Float64 {
				map2(c.Out[0], c.In[0], c.In[1], func(dst, g, x []float64) { passInside(dst, g, x, v.lo, v.hi) })
			} else {
				map2(c.Out[0], c.In[0], c.In[1], func(dst, g, x []float32) { passInside(dst, g, x, float32(v.lo), float32(v.hi)) })
			}
		},
		Decompose: func(c *Call) []*Tensor {
			v, x := c.Attrs.(interval), c.In[1]
			inside := x.GreaterScalar(v.lo).And(x.LessScalar(v.hi))
			return []*Tensor{c.In[0].MaskedFill(inside.Not(), 0)}
		},
	})
}

func passInside[T cpu.Float](dst, g, x []T, lo, hi T) {
	for i, v := range x[:len(dst)] {
		d := g[i]
		if !(v > lo && v < hi) {
			d = 0
		}
		dst[i] = d
	}
}

// Clamp returns each element of x moved into [lo, hi], which may be infinite. The gradient passes where x lies
// inside, not at the ends. NaN stays.
func (x *Tensor) Clamp(lo, hi float64) *Tensor { return apply(opClamp, interval{lo, hi}, x) }
