package tensor

import (
	"runtime"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/par"
)

// reduction is the Attrs of operations that reduce along axes.
type reduction struct {
	axes []int // sorted, not negative; never empty for a tensor with axes, unless nothing is reduced
	keep bool  // keep reduced axes with size 1
}

// reductionOf checks axes for x; none means all.
func reductionOf(op string, x *Tensor, keep bool, axes []int) reduction {
	x.alive(op)
	r := reduction{keep: keep}
	for _, a := range axes {
		a = axisIndex(op, a, len(x.shape))
		if slices.Contains(r.axes, a) {
			Fail(op, "", "axis %d is named twice", a)
		}
		r.axes = append(r.axes, a)
	}
	if len(axes) == 0 {
		for a := range x.shape {
			r.axes = append(r.axes, a)
		}
	}
	slices.Sort(r.axes)
	return r
}

// shape returns the shape after reducing one of shape.
func (r reduction) shape(shape []int) []int {
	var out []int
	for a, n := range shape {
		switch {
		case !slices.Contains(r.axes, a):
			out = append(out, n)
		case r.keep:
			out = append(out, 1)
		}
	}
	return out
}

// unreduce reshapes a result so that it broadcasts against what was reduced.
func (r reduction) unreduce(y *Tensor, shape []int) *Tensor {
	if r.keep {
		return y
	}
	return y.Reshape(reduction{r.axes, true}.shape(shape)...)
}

// reduceRuns reduces x along r.axes into out. Neighbouring reduced axes are one run of memory, so the
// work is a sequence of steps on [outer, run, inner] arrays: rows reduces along the run when inner is 1, cols when it isn't.
func reduceRuns[T cpu.Float](out, x *Tensor, r reduction, rows func(x []T) T, cols func(dst, x []T, m, n, ldx int)) {
	cur := inOrder(x)
	shape := slices.Clone(x.shape)
	for i := len(r.axes) - 1; i >= 0; {
		hi := r.axes[i] + 1
		lo := r.axes[i]
		for i--; i >= 0 && r.axes[i] == lo-1; i-- {
			lo--
		}
		outer, run, in := numel(shape[:lo]), numel(shape[lo:hi]), numel(shape[hi:])
		for a := lo; a < hi; a++ {
			shape[a] = 1
		}
		next := out
		if i >= 0 {
			next = newTensor(Spec{out.dtype, shape}, out.scope)
		}
		dst, src := flat[T](next), flat[T](cur)
		if in == 1 {
			par.For(outer, max(1, grain/max(run, 1)), func(a, b int) {
				for ; a < b; a++ {
					dst[a] = rows(src[a*run : (a+1)*run])
				}
			})
		} else {
			par.For(outer, max(1, grain/max(run*in, 1)), func(a, b int) {
				for ; a < b; a++ {
					cols(dst[a*in:(a+1)*in], src[a*run*in:(a+1)*run*in], run, in, in)
				}
			})
		}
		runtime.KeepAlive(cur)
		cur = next
	}
	if len(r.axes) == 0 {
		copyInto(out, x)
	}
}

var opSum *Op

func init() {
	opSum = define(Op{
		Name: "sum",
		Infer: func(c *Call) ([]Spec, error) {
			if !c.In[0].dtype.IsFloat() {
				return nil, reject("convert with To", "expected a float tensor, got %s", c.In[0].dtype)
			}
			return one(c.In[0].dtype, c.Attrs.(reduction).shape(c.In[0].shape))
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				reduceRuns(c.Out[0], c.In[0], c.Attrs.(reduction), cpu.Sum[float64], cpu.SumRows[float64])
			} else {
				reduceRuns(c.Out[0], c.In[0], c.Attrs.(reduction), cpu.Sum[float32], cpu.SumRows[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			x := c.In[0]
			return []*Tensor{c.Attrs.(reduction).unreduce(g[0], x.shape).Expand(x.shape...)}
		},
	})
}

// Sum returns the sum of all elements of x as a scalar.
func (x *Tensor) Sum() *Tensor { return x.SumAxes(false) }

// SumAxes returns sums along axes (none: all), which vanish from the shape or, with keep, stay with size 1.
// float32 is summed pairwise.
func (x *Tensor) SumAxes(keep bool, axes ...int) *Tensor {
	return apply(opSum, reductionOf("sum", x, keep, axes), x)
}
