package tensor

import (
	"runtime"
	"slices"

	"github.com/gradus-ml/gradus/internal/par"
)

// Order along an axis. What is computed are indices; values, and their
// gradients, come from Gather. NaN counts as greater than everything, as in PyTorch.

var opArgSort, opTopK, opArgMax, opArgMin *Op

// ordering is the Attrs of argsort and topk.
type ordering struct {
	axis       int
	descending bool
	k          int // of topk
}

func init() {
	opArgSort = define(Op{
		Name:   "argsort",
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := normAxis(c.Attrs.(ordering).axis, len(c.In[0].shape)); err != nil {
				return nil, err
			}
			return one(Int64, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			o := c.Attrs.(ordering)
			byType(c, o.axis, sorted[float32](o), sorted[float64](o), sorted[int64](o), sorted[int32](o), sorted[uint8](o))
		},
	})
	opTopK = define(Op{
		Name:   "topk",
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			x, o := c.In[0], c.Attrs.(ordering)
			a, err := normAxis(o.axis, len(x.shape))
			if err != nil {
				return nil, err
			}
			if o.k < 0 || o.k > x.shape[a] {
				return nil, reject("", "can't take the %d greatest of %d elements along axis %d of %s", o.k, x.shape[a], o.axis, x.shapeText())
			}
			shape := slices.Clone(x.shape)
			shape[a] = o.k
			return one(Int64, shape)
		},
		Kernel: func(c *Call) {
			o := c.Attrs.(ordering)
			byType(c, o.axis, greatest[float32](o), greatest[float64](o), greatest[int64](o), greatest[int32](o), greatest[uint8](o))
		},
	})
	opArgMax = argExtreme("argmax", true)
	opArgMin = argExtreme("argmin", false)
}

// argExtreme makes the row of the place of the greatest or least element along an axis.
func argExtreme(name string, greatest bool) *Op {
	return define(Op{
		Name:   name,
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			x := c.In[0]
			a, err := normAxis(c.Attrs.(int), len(x.shape))
			if err != nil {
				return nil, err
			}
			shape := slices.Clone(x.shape)
			shape[a] = 1
			if x.shape[a] == 0 && numel(shape) > 0 {
				return nil, reject("", "no elements to choose from along axis %d of %s", a, x.shapeText())
			}
			return one(Int64, shape)
		},
		Kernel: func(c *Call) {
			byType(c, c.Attrs.(int), firstOf[float32](greatest), firstOf[float64](greatest), firstOf[int64](greatest), firstOf[int32](greatest), firstOf[uint8](greatest))
		},
	})
}

// number is the set of types in which elements are compared.
type number interface {
	float32 | float64 | int64 | int32 | uint8
}

// byType calls the function for the element type of c.In[0] on each line along axis and stores its indices in c.Out[0].
func byType(c *Call, axis int, f32 func(dst []int64, x []float32), f64 func(dst []int64, x []float64), i64 func(dst, x []int64),
	i32 func(dst []int64, x []int32), u8 func(dst []int64, x []uint8)) {
	switch c.In[0].dtype {
	case Float32:
		byLine(c.Out[0], c.In[0], axis, f32)
	case Float64:
		byLine(c.Out[0], c.In[0], axis, f64)
	case Int64:
		byLine(c.Out[0], c.In[0], axis, i64)
	case Int32:
		byLine(c.Out[0], c.In[0], axis, i32)
	default: // a bool is stored as one byte, 0 or 1
		byLine(c.Out[0], c.In[0], axis, u8)
	}
}

// byLine calls f on each line along axis of out and x, whose shapes agree on the other axes.
func byLine[D, S any](out, x *Tensor, axis int, f func(dst []D, src []S)) {
	axis, _ = normAxis(axis, len(x.shape))
	order := make([]int, 0, len(x.shape))
	for a := range x.shape {
		if a != axis {
			order = append(order, a)
		}
	}
	order = append(order, axis)
	from := x.Detach().Permute(order...)
	to := out.Permute(order...)
	lines := to
	if !to.IsContiguous() {
		lines = newTensor(Spec{out.dtype, to.shape}, out.scope)
	}
	src, block := packed[S](from)
	defer block.Free()
	dst := flat[D](lines)
	n, m := x.shape[axis], out.shape[axis]
	par.For(numel(from.shape[:len(order)-1]), max(1, grain/16/max(n, 1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(dst[i*m:(i+1)*m], src[i*n:(i+1)*n])
		}
	})
	if lines != to {
		copyInto(to, lines)
	}
	runtime.KeepAlive(lines)
}

// before reports whether a comes before b in descending order, by value alone.
func before[T number](a, b T) bool { return a > b || a != a && b == b }

// entry is an element with its place.
type entry[T number] struct {
	v T
	i int64
}

// compareEntries orders by value and, so that equal ones stay as they were, by place.
func compareEntries[T number](descending bool) func(a, b entry[T]) int {
	less, more := 1, -1
	if !descending {
		less, more = -1, 1
	}
	return func(a, b entry[T]) int {
		switch {
		case before(a.v, b.v):
			return more
		case before(b.v, a.v):
			return less
		case a.i < b.i:
			return -1
		}
		return 1
	}
}

func sorted[T number](o ordering) func(dst []int64, x []T) {
	compare := compareEntries[T](o.descending)
	return func(dst []int64, x []T) {
		list := make([]entry[T], len(x))
		for i, v := range x {
			list[i] = entry[T]{v, int64(i)}
		}
		slices.SortFunc(list, compare)
		for i, e := range list[:len(dst)] {
			dst[i] = e.i
		}
	}
}

// fewest is the k up to which keeping a short sorted list beats sorting everything.
const fewest = 64

func greatest[T number](o ordering) func(dst []int64, x []T) {
	if o.k > fewest {
		return sorted[T](ordering{descending: true})
	}
	return func(dst []int64, x []T) {
		if o.k == 0 {
			return
		}
		best := make([]entry[T], 0, fewest+1)
		for i, v := range x {
			if len(best) == o.k && !before(v, best[o.k-1].v) {
				continue
			}
			p := len(best)
			for p > 0 && before(v, best[p-1].v) {
				p--
			}
			best = slices.Insert(best, p, entry[T]{v, int64(i)})
			best = best[:min(len(best), o.k)]
		}
		for i, e := range best {
			dst[i] = e.i
		}
	}
}

func firstOf[T number](greatest bool) func(dst []int64, x []T) {
	return func(dst []int64, x []T) {
		best := 0
		for i, v := range x {
			b := x[best]
			if greatest && before(v, b) || !greatest && (v < b || v != v && b == b) {
				best = i
			}
		}
		dst[0] = int64(best)
	}
}

// Sort returns the elements of x in order along axis, and the indices at which they were. Equal elements keep their
// order; NaN counts as greater than everything.
func (x *Tensor) Sort(axis int, descending bool) (values, indices *Tensor) {
	indices = x.ArgSort(axis, descending)
	return x.Gather(axis, indices), indices
}

// ArgSort returns the indices that [Tensor.Sort] does, Int64.
func (x *Tensor) ArgSort(axis int, descending bool) *Tensor {
	return apply(opArgSort, ordering{axis: axis, descending: descending}, x)
}

// TopK returns the k greatest elements of x along axis, in descending order, and their indices. Of equal elements the
// first come first.
func (x *Tensor) TopK(k, axis int) (values, indices *Tensor) {
	indices = apply(opTopK, ordering{axis: axis, k: k}, x)
	return x.Gather(axis, indices), indices
}

// ArgMax returns the index of the first greatest element (or the first NaN) along axis, which vanishes, as Int64.
func (x *Tensor) ArgMax(axis int) *Tensor { return apply(opArgMax, axis, x).Squeeze(axis) }

// ArgMin returns the index of the first least element (or the first NaN) along axis, which vanishes, as Int64.
func (x *Tensor) ArgMin(axis int) *Tensor { return apply(opArgMin, axis, x).Squeeze(axis) }
