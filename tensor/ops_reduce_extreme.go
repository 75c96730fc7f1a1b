package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// The greatest and least elements, and questions about all elements.

var opMax, opMin, opAny, opAll *Op

func init() {
	opMax = extreme("max", cpu.Max[float32], cpu.Max[float64], cpu.MaxRows[float32], cpu.MaxRows[float64],
		func(a, b int64) int64 { return max(a, b) }, math.MinInt64)
	opMin = extreme("min", cpu.Min[float32], cpu.Min[float64], foldedRows(func(a, b float32) float32 { return min(a, b) }, float32(math.Inf(1))),
		foldedRows(func(a, b float64) float64 { return min(a, b) }, math.Inf(1)),
		func(a, b int64) int64 { return min(a, b) }, math.MaxInt64)
	opAny = quantifier("any", func(a, b bool) bool { return a || b }, false)
	opAll = quantifier("all", func(a, b bool) bool { return a && b }, true)
}

// extreme makes the row of a maximum or minimum along axes.
func extreme(name string, rows32 func(x []float32) float32, rows64 func(x []float64) float64,
	cols32 func(dst, x []float32, m, n, ldx int), cols64 func(dst, x []float64, m, n, ldx int), i func(a, b int64) int64, start int64) *Op {
	return define(Op{
		Name: name,
		Infer: func(c *Call) ([]Spec, error) {
			x, r := c.In[0], c.Attrs.(reduction)
			if x.dtype == Bool {
				return nil, reject("use AnyAxes or AllAxes", "expected numbers, got bool %s", x.shapeText())
			}
			shape := r.shape(x.shape)
			if r.count(x.shape) == 0 && numel(shape) > 0 {
				return nil, reject("", "no elements to choose from along the axes reduced of shape %s", x.shapeText())
			}
			return one(x.dtype, shape)
		},
		Kernel: func(c *Call) {
			out, x, r := c.Out[0], c.In[0], c.Attrs.(reduction)
			switch {
			case out.NumEl() == 0:
			case out.dtype == Float64:
				reduceRuns(out, x, r, rows64, cols64)
			case out.dtype == Float32:
				reduceRuns(out, x, r, rows32, cols32)
			default:
				wide := newTensor(Spec{Int64, out.shape}, out.scope)
				reduceIntegers(wide, x, r, i, start)
				convertInto(out, wide)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			x, r := c.In[0], c.Attrs.(reduction)
			chosen := x.Equal(r.unreduce(c.Out[0], x.shape)).To(x.dtype)
			share := r.unreduce(g[0], x.shape).Div(apply(opSum, reduction{r.axes, true}, chosen))
			return []*Tensor{share.Mul(chosen)}
		},
	})
}

// quantifier makes the row of a reduction of truth values.
func quantifier(name string, f func(a, b bool) bool, start bool) *Op {
	return define(Op{
		Name:   name,
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			if err := allBool(c.In); err != nil {
				return nil, err
			}
			return one(Bool, c.Attrs.(reduction).shape(c.In[0].shape))
		},
		Kernel: func(c *Call) {
			reduceRuns(c.Out[0], c.In[0], c.Attrs.(reduction), folded(f, start), foldedRows(f, start))
		},
	})
}

// Max returns the greatest element of x as a scalar; NaN wins.
func (x *Tensor) Max() *Tensor { return x.MaxAxes(false) }

// MaxAxes returns the greatest elements along axes (none: all), which vanish from the shape or, with keep, stay with
// size 1. NaN wins. Equal elements share the gradient evenly.
func (x *Tensor) MaxAxes(keep bool, axes ...int) *Tensor {
	return apply(opMax, reductionOf("max", x, keep, axes), x)
}

// Min returns the least element of x as a scalar; NaN wins.
func (x *Tensor) Min() *Tensor { return x.MinAxes(false) }

// MinAxes returns the least elements along axes, as [Tensor.MaxAxes] the greatest.
func (x *Tensor) MinAxes(keep bool, axes ...int) *Tensor {
	return apply(opMin, reductionOf("min", x, keep, axes), x)
}

// AnyAxes returns whether any element along axes (none: all) is true, or not 0, as a Bool tensor; false for no elements.
func (x *Tensor) AnyAxes(keep bool, axes ...int) *Tensor {
	return apply(opAny, reductionOf("any", x, keep, axes), x.Detach().To(Bool))
}

// AllAxes returns whether all elements along axes (none: all) are true, or not 0, as a Bool tensor; true for no elements.
func (x *Tensor) AllAxes(keep bool, axes ...int) *Tensor {
	return apply(opAll, reductionOf("all", x, keep, axes), x.Detach().To(Bool))
}
