package tensor

import (
	"math"
	"slices"
)

// Views of part of a tensor or with other axes. None of them moves data.

// End as the stop of [Tensor.Slice] means that the slice goes to the end; with a negative step the end is the front.
const End = math.MaxInt

var opSqueeze, opUnsqueeze, opSlice, opFlip, opSplit, opDiagonal *Op

func init() {
	opSqueeze = define(Op{
		Name:    "squeeze",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			x := c.In[0]
			for _, a := range c.Attrs.([]int) {
				i, err := normAxis(a, len(x.shape))
				if err != nil {
					return nil, err
				}
				if x.shape[i] != 1 {
					return nil, reject("only axes of size 1 can be dropped; use Select to take one place", "axis %d of %s has size %d", a, x.shapeText(), x.shape[i])
				}
			}
			return nil, nil
		},
		View: func(c *Call) []*Tensor {
			x := c.In[0]
			drop := make([]bool, len(x.shape))
			for _, a := range c.Attrs.([]int) {
				i, _ := normAxis(a, len(x.shape))
				drop[i] = true
			}
			shape, strides := make([]int, 0, 8), make([]int, 0, 8)
			for i, n := range x.shape {
				if !drop[i] {
					shape, strides = append(shape, n), append(strides, x.strides[i])
				}
			}
			return []*Tensor{x.viewAs(shape, strides, x.offset)}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{g[0].Reshape(c.In[0].shape...)} },
	})
	opUnsqueeze = define(Op{
		Name:    "unsqueeze",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			_, err := normAxis(c.Attrs.(int), len(c.In[0].shape)+1)
			return nil, err
		},
		View: func(c *Call) []*Tensor {
			x := c.In[0]
			a, _ := normAxis(c.Attrs.(int), len(x.shape)+1)
			return []*Tensor{x.viewAs(slices.Insert(slices.Clone(x.shape), a, 1), slices.Insert(slices.Clone(x.strides), a, 1), x.offset)}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{g[0].Squeeze(c.Attrs.(int))} },
	})
	opSlice = define(Op{
		Name:    "slice",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			s := c.Attrs.(span)
			if s.step == 0 {
				return nil, reject("", "the step of a slice must not be 0")
			}
			_, err := normAxis(s.axis, len(c.In[0].shape))
			return nil, err
		},
		View: func(c *Call) []*Tensor {
			x, s := c.In[0], c.Attrs.(span)
			a, _ := normAxis(s.axis, len(x.shape))
			first, n := s.resolve(x.shape[a])
			v := x.alias()
			v.shape[a], v.strides[a] = n, x.strides[a]*s.step
			if n > 0 {
				v.offset += first * x.strides[a]
			}
			return []*Tensor{v}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			s := c.Attrs.(span)
			return []*Tensor{g[0].place(c.In[0].shape, 0, "slice", func(t *Tensor) *Tensor { return apply(opSlice, s, t) })}
		},
	})
	opFlip = define(Op{
		Name:    "flip",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			return nil, distinctAxes(c.Attrs.([]int), len(c.In[0].shape))
		},
		View: func(c *Call) []*Tensor {
			x, v := c.In[0], c.In[0].alias()
			for _, a := range c.Attrs.([]int) {
				a, _ = normAxis(a, len(x.shape))
				if x.NumEl() > 0 {
					v.offset += (x.shape[a] - 1) * x.strides[a]
				}
				v.strides[a] = -x.strides[a]
			}
			return []*Tensor{v}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{g[0].Flip(c.Attrs.([]int)...)} },
	})
	opSplit = define(Op{
		Name:    "split",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			x, p := c.In[0], c.Attrs.(parts)
			a, err := normAxis(p.axis, len(x.shape))
			if err != nil {
				return nil, err
			}
			total := 0
			for _, n := range p.sizes {
				if n < 0 {
					return nil, reject("", "sizes of parts must not be negative, got %v", p.sizes)
				}
				total += n
			}
			if total != x.shape[a] || len(p.sizes) == 0 {
				return nil, reject("", "parts %v add up to %d, but axis %d of %s has size %d", p.sizes, total, p.axis, x.shapeText(), x.shape[a])
			}
			return nil, nil
		},
		View: func(c *Call) []*Tensor {
			x, p := c.In[0], c.Attrs.(parts)
			a, _ := normAxis(p.axis, len(x.shape))
			out := make([]*Tensor, len(p.sizes))
			first := 0
			for i, n := range p.sizes {
				out[i] = x.alias()
				out[i].shape[a] = n
				if out[i].NumEl() > 0 {
					out[i].offset += first * x.strides[a]
				}
				first += n
			}
			return out
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			like := g[slices.IndexFunc(g, func(t *Tensor) bool { return t != nil })]
			whole := make([]*Tensor, len(g))
			for i, t := range g {
				if whole[i] = t; t == nil {
					whole[i] = like.zerosView(c.Out[i].shape)
				}
			}
			return []*Tensor{Cat(c.Attrs.(parts).axis, whole...)}
		},
	})
	opDiagonal = define(Op{
		Name:    "diagonal",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if x := c.In[0]; len(x.shape) < 2 {
				return nil, reject("", "expected matrices, got shape %s", x.shapeText())
			}
			return nil, nil
		},
		View: func(c *Call) []*Tensor {
			x := c.In[0]
			n := len(x.shape) - 2
			shape := append(slices.Clone(x.shape[:n]), min(x.shape[n], x.shape[n+1]))
			strides := append(slices.Clone(x.strides[:n]), x.strides[n]+x.strides[n+1])
			return []*Tensor{x.viewAs(shape, strides, x.offset)}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{g[0].place(c.In[0].shape, 0, "diagonal", (*Tensor).Diagonal)}
		},
	})
}

// viewAs returns another view of t's memory.
func (t *Tensor) viewAs(shape, strides []int, offset int) *Tensor {
	v := &Tensor{buf: t.buf, offset: offset, dtype: t.dtype, scope: t.scope}
	v.setShape(shape)
	copy(v.strides, strides)
	return v
}

// zerosView returns zeros of t's data type and scope that take the memory of one.
func (t *Tensor) zerosView(shape []int) *Tensor {
	z := Scalar(t.dtype, 0)
	z.scope = t.scope
	return expandTo(z, shape)
}

// distinctAxes returns an error unless axes are axes of a tensor of ndim, each named once.
func distinctAxes(axes []int, ndim int) error {
	seen := make([]bool, ndim)
	for _, a := range axes {
		i, err := normAxis(a, ndim)
		if err != nil {
			return err
		}
		if seen[i] {
			return reject("", "axis %d is named twice in %v", a, axes)
		}
		seen[i] = true
	}
	return nil
}

// span is the Attrs of slice.
type span struct{ axis, start, stop, step int }

// resolve returns the first index and the number of indices for an axis of size n, by Python's rules.
func (s span) resolve(n int) (first, count int) {
	bound := func(i, low, high int) int {
		if i < 0 && i >= -n {
			i += n
		} else if i < 0 {
			i = low
		}
		return min(max(i, low), high)
	}
	if s.step > 0 {
		first, stop := bound(s.start, 0, n), bound(s.stop, 0, n)
		if stop <= first {
			return 0, 0
		}
		return first, (stop-first-1)/s.step + 1
	}
	stop := -1
	if s.stop != End {
		stop = bound(s.stop, -1, n-1)
	}
	first = bound(s.start, -1, n-1)
	if first <= stop {
		return 0, 0
	}
	return first, (first-stop-1)/-s.step + 1
}

// parts is the Attrs of split.
type parts struct {
	axis  int
	sizes []int
}

// Squeeze returns a view of x without the axes given, which must have size 1; without arguments, without all such axes.
func (x *Tensor) Squeeze(axes ...int) *Tensor {
	x.alive("squeeze")
	if len(axes) == 0 {
		for a, n := range x.shape {
			if n == 1 {
				axes = append(axes, a)
			}
		}
	}
	return apply(opSqueeze, slices.Clone(axes), x)
}

// Unsqueeze returns a view of x with an axis of size 1 added at place axis; negative counts from the end of the result.
func (x *Tensor) Unsqueeze(axis int) *Tensor { return apply(opUnsqueeze, axis, x) }

// Transpose returns a view of x with axes a and b exchanged.
func (x *Tensor) Transpose(a, b int) *Tensor {
	x.alive("transpose")
	n := len(x.shape)
	a, b = axisIndex("transpose", a, n), axisIndex("transpose", b, n)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	order[a], order[b] = b, a
	return apply(opPermute, order, x)
}

// T returns the transpose of a matrix, as a view.
func (x *Tensor) T() *Tensor {
	x.alive("t")
	if len(x.shape) != 2 {
		Fail("t", "name the axes with Transpose or Permute", "expected a matrix, got shape %s", x.shapeText())
	}
	return x.Transpose(0, 1)
}

// Flatten returns x with the axes from start to end, both included, made one. It shares memory if x is
// contiguous. A scalar becomes one axis of size 1.
func (x *Tensor) Flatten(start, end int) *Tensor {
	x.alive("flatten")
	n := len(x.shape)
	if n == 0 {
		return x.Reshape(1)
	}
	a, b := axisIndex("flatten", start, n), axisIndex("flatten", end, n)
	if a > b {
		Fail("flatten", "", "axis %d lies behind axis %d of shape %s", start, end, x.shapeText())
	}
	shape := append(slices.Clone(x.shape[:a]), numel(x.shape[a:b+1]))
	return x.Reshape(append(shape, x.shape[b+1:]...)...)
}

// Slice returns a view of x along axis, as x[start:stop:step] does in Python: negative indices count from the end, what
// lies outside is cut off, a negative step runs backwards. [End] as stop means all the way.
func (x *Tensor) Slice(axis, start, stop, step int) *Tensor {
	return apply(opSlice, span{axis, start, stop, step}, x)
}

// Select returns a view of x at index i along axis, which vanishes; negative i counts from the end.
func (x *Tensor) Select(axis, i int) *Tensor {
	x.alive("select")
	a := axisIndex("select", axis, len(x.shape))
	if n := x.shape[a]; i < -n || i >= n {
		Fail("select", "", "index %d is outside of axis %d of shape %s", i, axis, x.shapeText())
	} else if i < 0 {
		i += n
	}
	return x.Slice(a, i, i+1, 1).Squeeze(a)
}

// Split cuts x along axis into views of the sizes given, which must add up to the axis.
func (x *Tensor) Split(axis int, sizes ...int) []*Tensor {
	return slices.Clone(applyAll(opSplit, parts{axis, slices.Clone(sizes)}, []*Tensor{x})) // the record keeps the list
}

// Chunk cuts x along axis into n views of equal size, ⌈size/n⌉, of which the last may be smaller and the
// number less than n if the axis is short.
func (x *Tensor) Chunk(axis, n int) []*Tensor {
	x.alive("chunk")
	size := x.shape[axisIndex("chunk", axis, len(x.shape))]
	if n < 1 {
		Fail("chunk", "", "expected at least one part, got %d", n)
	}
	each := max((size+n-1)/n, 1)
	sizes := []int{}
	for rest := size; rest > 0; rest -= each {
		sizes = append(sizes, min(each, rest))
	}
	if size == 0 {
		sizes = append(sizes, 0)
	}
	return x.Split(axis, sizes...)
}

// Unbind returns the views x.Select(axis, i) for all i. It is the way to walk through time
// steps: the gradient is gathered in one go.
func (x *Tensor) Unbind(axis int) []*Tensor {
	x.alive("unbind")
	a := axisIndex("unbind", axis, len(x.shape))
	if x.shape[a] == 0 {
		return nil
	}
	sizes := make([]int, x.shape[a])
	for i := range sizes {
		sizes[i] = 1
	}
	out := x.Split(a, sizes...)
	for i, t := range out {
		out[i] = t.Squeeze(a)
	}
	return out
}

// Flip returns a view of x that runs backwards along axes.
func (x *Tensor) Flip(axes ...int) *Tensor { return apply(opFlip, slices.Clone(axes), x) }

// Diagonal returns a view of the main diagonal of the matrices in the last two axes, which become one.
func (x *Tensor) Diagonal() *Tensor { return apply(opDiagonal, nil, x) }
