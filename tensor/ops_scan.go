package tensor

import (
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/par"
)

// Running sums and products.

var opCumSum, opCumProd, opLinearScan *Op

func init() {
	opCumSum = running("cumsum", func(s, x float64) float64 { return s + x }, func(s, x int64) int64 { return s + x }, 0,
		func(c *Call, g *Tensor) *Tensor {
			a := c.Attrs.(int)
			return g.Flip(a).CumSum(a).Flip(a)
		})
	// The derivative of y_i by x_k is the product of the elements in front of x_k times that of those between
	// k and i. The sum of the latter over i follows the recurrence s_k = g_k + x_(k+1) s_(k+1).
	opCumProd = running("cumprod", func(s, x float64) float64 { return s * x }, func(s, x int64) int64 { return s * x }, 1,
		func(c *Call, g *Tensor) *Tensor {
			x, a := c.In[0], c.Attrs.(int)
			if x.NumEl() == 0 {
				return g
			}
			return scanBack(x, g, a).Mul(delayed(c.Out[0], a, 1))
		})
	opLinearScan = define(Op{
		Name: "linear_scan",
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := normAxis(c.Attrs.(int), len(c.In[0].shape)); err != nil {
				return nil, err
			}
			return alikeFloats(c)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				linearScan[float64](c)
			} else {
				linearScan[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a := c.Attrs.(int)
			if c.In[0].NumEl() == 0 {
				return []*Tensor{g[0], g[0]}
			}
			db := scanBack(c.In[0], g[0], a)
			if !c.Needs(0) {
				return []*Tensor{nil, db}
			}
			return []*Tensor{db.Mul(delayed(c.Out[0], a, 0)), db}
		},
	})
}

// scanBack returns s with s_k = g_k + a_(k+1) s_(k+1).
func scanBack(a, g *Tensor, axis int) *Tensor {
	return apply(opLinearScan, axis, delayed(a.Flip(axis), axis, 0), g.Flip(axis)).Flip(axis)
}

// delayed moves x by one along axis; the first becomes v.
func delayed(x *Tensor, axis int, v float64) *Tensor {
	a, _ := normAxis(axis, len(x.shape))
	before, after := make([]int, len(x.shape)-a), make([]int, len(x.shape)-a)
	before[0] = 1
	return x.Slice(a, 0, -1, 1).Pad(PadConstant, v, before, after)
}

// running makes the row of a reduction of all elements up to each one along an axis. float32 accumulates in float64.
func running(name string, f func(s, x float64) float64, i func(s, x int64) int64, start int64, vjp func(c *Call, g *Tensor) *Tensor) *Op {
	return define(Op{
		Name: name,
		Infer: func(c *Call) ([]Spec, error) {
			x := c.In[0]
			if _, err := normAxis(c.Attrs.(int), len(x.shape)); err != nil {
				return nil, err
			}
			if !x.dtype.IsFloat() {
				return one(Int64, x.shape)
			}
			return one(x.dtype, x.shape)
		},
		Kernel: func(c *Call) {
			axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
			switch c.In[0].dtype {
			case Float64:
				scan(c.Out[0], c.In[0], axis, f, float64(start))
			case Float32:
				scan(c.Out[0], c.In[0], axis, func(s float64, x float32) float64 { return f(s, float64(x)) }, float64(start))
			default:
				convertInto(c.Out[0], c.In[0])
				scan(c.Out[0], c.Out[0], axis, i, start)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{vjp(c, g[0])} },
	})
}

// scan computes out_k = f(s, x_k) along axis, where s is the value before, kept in the type A.
func scan[T, A int64 | float32 | float64](out, x *Tensor, axis int, f func(s A, x T) A, start A) {
	src, block := packed[T](x)
	defer block.Free()
	dst := flat[T](out)
	outer, n, inner := middle(x.shape, axis)
	par.For(outer, max(1, grain/max(n*inner, 1)), func(lo, hi int) {
		sums := make([]A, inner)
		for o := lo; o < hi; o++ {
			for j := range sums {
				sums[j] = start
			}
			for k := range n {
				at := (o*n + k) * inner
				for j, s := range sums {
					s = f(s, src[at+j])
					sums[j] = s
					dst[at+j] = T(s)
				}
			}
		}
	})
}

func linearScan[T cpu.Float](c *Call) {
	a, blockA := packed[T](c.In[0])
	defer blockA.Free()
	b, blockB := packed[T](c.In[1])
	defer blockB.Free()
	h := flat[T](c.Out[0])
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	par.For(outer, max(1, grain/max(n*inner, 1)), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			at := o * n * inner
			if n > 0 {
				copy(h[at:at+inner], b[at:at+inner])
			}
			for k := 1; k < n; k++ {
				at += inner
				for j := at; j < at+inner; j++ {
					h[j] = a[j]*h[j-inner] + b[j]
				}
			}
		}
	})
}

// CumSum returns the sums of all elements of x up to each one along axis. Sums of integers are Int64.
func (x *Tensor) CumSum(axis int) *Tensor { return apply(opCumSum, axis, x) }

// CumProd returns the products of all elements of x up to each one along axis. Products of integers are Int64.
func (x *Tensor) CumProd(axis int) *Tensor { return apply(opCumProd, axis, x) }

// LinearScan returns h with h₀ = b₀ and hₖ = aₖ·hₖ₋₁ + bₖ along axis: moving averages, discounted sums, diagonal state-space
// models. a and b are broadcast; a₀ isn't used.
func LinearScan(axis int, a, b *Tensor) *Tensor {
	a.alive("linear_scan")
	b.alive("linear_scan")
	shape, err := broadcastShape(a.shape, b.shape)
	if err != nil {
		fail("linear_scan", err)
	}
	d := promoted(a.dtype, b.dtype)
	return apply(opLinearScan, axis, a.To(d).Expand(shape...), b.To(d).Expand(shape...))
}
