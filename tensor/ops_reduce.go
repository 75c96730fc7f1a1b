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

// colBlock is how many columns are reduced in one piece of parallel work.
const colBlock = 256

// reduceRuns reduces x along r.axes into out. Neighbouring reduced axes are one run of memory, so the
// work is a sequence of steps on [outer, run, inner] arrays: rows reduces along the run when inner is 1, cols when it isn't.
func reduceRuns[T any](out, x *Tensor, r reduction, rows func(x []T) T, cols func(dst, x []T, m, n, ldx int)) {
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
		if in == 1 && outer < 8 && run > 2*piece {
			for a := range outer {
				dst[a] = reducePieces(src[a*run:(a+1)*run], rows)
			}
		} else if in == 1 {
			par.For(outer, max(1, grain/max(run, 1)), func(a, b int) {
				for ; a < b; a++ {
					dst[a] = rows(src[a*run : (a+1)*run])
				}
			})
		} else {
			// Blocks of columns, so that the sum over the first axis is shared too.
			blocks := (in + colBlock - 1) / colBlock
			par.For(outer*blocks, max(1, grain/max(run*min(in, colBlock), 1)), func(a, b int) {
				for ; a < b; a++ {
					o, j := a/blocks, a%blocks*colBlock
					w := min(colBlock, in-j)
					cols(dst[o*in+j:o*in+j+w], src[min(o*run*in+j, len(src)):], run, w, in)
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

// piece is how many elements of a long run are reduced by one thread.
const piece = 1 << 16

// reducePieces reduces a long run in pieces, and then what they gave.
func reducePieces[T any](x []T, rows func(x []T) T) T {
	part := make([]T, (len(x)+piece-1)/piece)
	par.Run(len(part), func(i int) {
		part[i] = rows(x[i*piece : min((i+1)*piece, len(x))])
	})
	return rows(part)
}

// reduceIntegers is reduceRuns for x of whole numbers or truth values, whose result is Int64.
func reduceIntegers(out, x *Tensor, r reduction, f func(a, b int64) int64, start int64) {
	wide := x
	if x.dtype != Int64 {
		wide = newTensor(Spec{Int64, x.shape}, out.scope)
		convertInto(wide, x)
	}
	reduceRuns(out, wide, r, folded(f, start), foldedRows(f, start))
}

// folded makes the rows of reduceRuns from a function of two elements.
func folded[T any](f func(a, b T) T, start T) func(x []T) T {
	return func(x []T) T {
		s := start
		for _, v := range x {
			s = f(s, v)
		}
		return s
	}
}

// foldedRows makes the cols of reduceRuns from a function of two elements.
func foldedRows[T any](f func(a, b T) T, start T) func(dst, x []T, m, n, ldx int) {
	return func(dst, x []T, m, n, ldx int) {
		for j := range dst[:n] {
			dst[j] = start
		}
		for i := range m {
			for j, v := range x[i*ldx : i*ldx+n] {
				dst[j] = f(dst[j], v)
			}
		}
	}
}

// accumulation makes the row of a sum or product: floats keep their type, the rest becomes Int64.
func accumulation(name string, f32, f64 func(out, x *Tensor, r reduction), i func(a, b int64) int64, start int64,
	vjp func(c *Call, r reduction, g *Tensor) *Tensor) *Op {
	return define(Op{
		Name: name,
		Infer: func(c *Call) ([]Spec, error) {
			d := c.In[0].dtype
			if !d.IsFloat() {
				d = Int64
			}
			return one(d, c.Attrs.(reduction).shape(c.In[0].shape))
		},
		Kernel: func(c *Call) {
			r := c.Attrs.(reduction)
			switch c.Out[0].dtype {
			case Float64:
				f64(c.Out[0], c.In[0], r)
			case Float32:
				f32(c.Out[0], c.In[0], r)
			default:
				reduceIntegers(c.Out[0], c.In[0], r, i, start)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			r := c.Attrs.(reduction)
			return []*Tensor{vjp(c, r, r.unreduce(g[0], c.In[0].shape))}
		},
	})
}

var opSum, opProd *Op

func init() {
	opSum = accumulation("sum", sumRuns[float32], sumRuns[float64], func(a, b int64) int64 { return a + b }, 0,
		func(c *Call, r reduction, g *Tensor) *Tensor { return g.Expand(c.In[0].shape...) })
	opProd = accumulation("prod", prodRuns[float32], prodRuns[float64], func(a, b int64) int64 { return a * b }, 1,
		func(c *Call, r reduction, g *Tensor) *Tensor { return g.Mul(productOfOthers(c.In[0], r)) })
}

func sumRuns[T cpu.Float](out, x *Tensor, r reduction) {
	reduceRuns(out, x, r, cpu.Sum[T], cpu.SumRows[T])
}

func prodRuns[T cpu.Float](out, x *Tensor, r reduction) {
	reduceRuns(out, x, r, cpu.Prod[T], foldedRows(func(a, b T) T { return a * b }, 1))
}

// productOfOthers returns for each element the product of those that are multiplied with it: of all in front times of all
// behind, so that zeros are no trouble.
func productOfOthers(x *Tensor, r reduction) *Tensor {
	if x.NumEl() == 0 {
		return x
	}
	lines, back := r.lines(x)
	front := shiftIn(lines, 1).CumProd(1)
	behind := shiftIn(lines.Flip(1), 1).CumProd(1).Flip(1)
	return back(front.Mul(behind))
}

// shiftIn moves the matrix x by one column to the right; the first column becomes v.
func shiftIn(x *Tensor, v float64) *Tensor {
	first := x.zerosView([]int{x.shape[0], 1})
	if v != 0 {
		first = first.AddScalar(v)
	}
	return Cat(1, first, x.Slice(1, 0, -1, 1))
}

// lines returns x as a matrix whose rows are what is reduced together, and the way back to x's shape.
func (r reduction) lines(x *Tensor) (lines *Tensor, back func(y *Tensor) *Tensor) {
	var order, shape []int
	for a := range x.shape {
		if !slices.Contains(r.axes, a) {
			order = append(order, a)
		}
	}
	kept := len(order)
	order = append(order, r.axes...)
	inverse := make([]int, len(order))
	for i, a := range order {
		shape = append(shape, x.shape[a])
		inverse[a] = i
	}
	lines = x.Permute(order...).Reshape(numel(shape[:kept]), numel(shape[kept:]))
	return lines, func(y *Tensor) *Tensor { return y.Reshape(shape...).Permute(inverse...) }
}

// reduceLines calls f for each set of elements of x that is reduced together.
func reduceLines[T any](out, x *Tensor, r reduction, f func(x []T) T) {
	lines, _ := r.lines(x.Detach())
	m, n := lines.shape[0], lines.shape[1]
	dst, src := flat[T](out), flat[T](lines)
	par.For(m, max(1, grain/max(n, 1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dst[i] = f(src[i*n : (i+1)*n])
		}
	})
	runtime.KeepAlive(lines)
}

// Sum returns the sum of all elements of x as a scalar.
func (x *Tensor) Sum() *Tensor { return x.SumAxes(false) }

// SumAxes returns sums along axes (none: all), which vanish from the shape or, with keep, stay with size 1.
// float32 is summed pairwise. Sums of integers and bools are Int64.
func (x *Tensor) SumAxes(keep bool, axes ...int) *Tensor {
	return apply(opSum, reductionOf("sum", x, keep, axes), x)
}

// Prod returns the product of all elements of x as a scalar.
func (x *Tensor) Prod() *Tensor { return x.ProdAxes(false) }

// ProdAxes returns products along axes (none: all), 1 for no elements. Products of integers and bools are Int64.
func (x *Tensor) ProdAxes(keep bool, axes ...int) *Tensor {
	return apply(opProd, reductionOf("prod", x, keep, axes), x)
}

// Mean returns the mean of all elements of x as a scalar, NaN for no elements.
func (x *Tensor) Mean() *Tensor { return x.MeanAxes(false) }

// MeanAxes returns means along axes (none: all), which vanish from the shape or, with keep, stay with size 1.
func (x *Tensor) MeanAxes(keep bool, axes ...int) *Tensor {
	r := reductionOf("mean", x, keep, axes)
	if !x.dtype.IsFloat() {
		Fail("mean", "convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	}
	if x.dtype.isHalf() { // neither the sum nor the count may be rounded before they are divided
		return x.To(Float32).MeanAxes(keep, axes...).To(x.dtype)
	}
	return apply(opSum, r, x).Div(Scalar(x.dtype, float64(r.count(x.shape))))
}

// count returns how many elements of shape are reduced to one.
func (r reduction) count(shape []int) int {
	n := 1
	for _, a := range r.axes {
		n *= shape[a]
	}
	return n
}
