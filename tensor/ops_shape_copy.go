package tensor

import (
	"slices"

	"github.com/gradus-ml/gradus/internal/par"
)

// Operations that put tensors together, repeat them or write them into larger ones.

var opCat, opPlace, opTril, opTriu *Op

func init() {
	opCat = define(Op{
		Name:    "cat",
		Storage: true,
		Infer:   inferCat,
		Kernel: func(c *Call) {
			out := c.Out[0]
			a, _ := normAxis(c.Attrs.(int), len(out.shape))
			first := 0
			for _, x := range c.In {
				v := out.alias()
				v.shape[a] = x.shape[a]
				if x.NumEl() > 0 {
					v.offset += first * out.strides[a]
					copyInto(v, x)
				}
				first += x.shape[a]
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, _ := normAxis(c.Attrs.(int), len(g[0].shape))
			sizes := make([]int, len(c.In))
			for i, x := range c.In {
				sizes[i] = x.shape[a]
			}
			return g[0].Split(a, sizes...)
		},
	})
	opPlace = define(Op{
		Name:    "place",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			p := c.Attrs.(placing)
			if err := validShape(p.shape); err != nil {
				return nil, err
			}
			x := c.In[0]
			if v := p.view(x.zerosView(p.shape)); !v.SameShape(x) {
				return nil, reject("", "the place has shape %s, not %s", v.shapeText(), x.shapeText())
			}
			return one(x.dtype, p.shape)
		},
		Kernel: func(c *Call) {
			p := c.Attrs.(placing)
			fill(c.Out[0], p.fill)
			copyInto(p.view(c.Out[0]), c.In[0])
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{c.Attrs.(placing).view(g[0])} },
	})
	opTril = triangle("tril", func(row, k, n int) (lo, hi int) { return 0, row + k + 1 }, (*Tensor).Tril)
	opTriu = triangle("triu", func(row, k, n int) (lo, hi int) { return row + k, n }, (*Tensor).Triu)
}

func inferCat(c *Call) ([]Spec, error) {
	first := c.In[0]
	a, err := normAxis(c.Attrs.(int), len(first.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.shape)
	for i, x := range c.In[1:] {
		if len(x.shape) != len(shape) {
			return nil, reject("Stack adds an axis", "tensor %d has shape %s, tensor 0 %s: the number of axes differs", i+1, x.shapeText(), first.shapeText())
		}
		for j, n := range x.shape {
			if j != a && n != shape[j] {
				return nil, reject("only the axis along which tensors are joined may differ", "tensor %d has shape %s, tensor 0 %s: sizes differ on axis %d", i+1, x.shapeText(), first.shapeText(), j)
			}
		}
		shape[a] += x.shape[a]
	}
	return one(first.dtype, shape)
}

// Cat joins tensors along an axis that exists, in their common data type. All other axes must agree.
func Cat(axis int, xs ...*Tensor) *Tensor {
	return apply(opCat, axis, alike("cat", xs)...)
}

// Stack joins tensors of one shape along a new axis, in their common data type; a negative axis counts from
// the end of the result.
func Stack(axis int, xs ...*Tensor) *Tensor {
	xs = alike("stack", xs)
	for i, x := range xs {
		if !x.SameShape(xs[0]) {
			Fail("stack", "", "tensor %d has shape %s, tensor 0 %s", i, x.shapeText(), xs[0].shapeText())
		}
	}
	a := axisIndex("stack", axis, len(xs[0].shape)+1)
	for i, x := range xs {
		xs[i] = x.Unsqueeze(a)
	}
	return apply(opCat, a, xs...)
}

// alike returns a list of the xs brought to their common data type.
func alike(op string, xs []*Tensor) []*Tensor {
	if len(xs) == 0 {
		Fail(op, "", "expected at least one tensor")
	}
	xs[0].alive(op)
	d := xs[0].dtype
	for _, x := range xs[1:] {
		x.alive(op)
		d = promoted(d, x.dtype)
	}
	out := make([]*Tensor, len(xs))
	for i, x := range xs {
		out[i] = x.To(d)
	}
	return out
}

// placing is the Attrs of place: x is written into the part view of a tensor of that shape filled with
// fill. view is written in operations, so it is the gradient too.
type placing struct {
	shape []int
	fill  float64
	name  string // of view
	view  func(t *Tensor) *Tensor
}

// place returns a tensor of the shape given, filled with v except for view of it, which is x.
func (x *Tensor) place(shape []int, v float64, name string, view func(t *Tensor) *Tensor) *Tensor {
	return apply(opPlace, placing{slices.Clone(shape), v, name, view}, x)
}

// Roll returns x moved by shift places along axis: what falls off one end comes in at the other.
func (x *Tensor) Roll(axis, shift int) *Tensor {
	x.alive("roll")
	a := axisIndex("roll", axis, len(x.shape))
	n := x.shape[a]
	if n == 0 || shift%n == 0 {
		return apply(opAlias, nil, x)
	}
	cut := ((-shift)%n + n) % n
	return Cat(a, x.Slice(a, cut, End, 1), x.Slice(a, 0, cut, 1))
}

// Repeat returns x tiled counts[i] times along axis i. With more counts than axes, x gets new axes in front.
func (x *Tensor) Repeat(counts ...int) *Tensor {
	x.alive("repeat")
	lead := len(counts) - len(x.shape)
	if lead < 0 {
		Fail("repeat", "", "expected %d counts or more for shape %s, got %v", len(x.shape), x.shapeText(), counts)
	}
	var apart, wide, whole []int
	for i, c := range counts {
		n := 1
		if i >= lead {
			n = x.shape[i-lead]
		}
		if c < 0 {
			Fail("repeat", "", "counts must not be negative, got %v", counts)
		}
		apart, wide, whole = append(apart, 1, n), append(wide, c, n), append(whole, c*n)
	}
	return x.Reshape(apart...).Expand(wide...).Reshape(whole...)
}

// PadMode says what padding is filled with.
type PadMode int8

// The padding modes: a constant; the values mirrored at the edge without repeating it (c b | a b c | b a); the edge
// repeated (a a | a b c | c c); or the values continued from the other side (b c | a b c | a b).
const (
	PadConstant PadMode = iota
	PadReflect
	PadReplicate
	PadCircular
)

var padNames = [...]string{"constant", "reflect", "replicate", "circular"}

// String returns PyTorch's name of the mode.
func (m PadMode) String() string { return padNames[m] }

// source returns which index along an axis of size n stands at place i, which may lie outside.
func (m PadMode) source(i, n int) int {
	switch m {
	case PadReflect:
		if i < 0 {
			return -i
		}
		if i >= n {
			return 2*(n-1) - i
		}
		return i
	case PadReplicate:
		return min(max(i, 0), n-1)
	default:
		return ((i % n) + n) % n
	}
}

// Pad adds before[i] elements in front and after[i] behind along the last len(before) axes, in their order. value is for
// PadConstant. Reflected padding must be smaller than the axis, circular not larger.
func (x *Tensor) Pad(mode PadMode, value float64, before, after []int) *Tensor {
	x.alive("pad")
	lead := len(x.shape) - len(before)
	if len(before) != len(after) || lead < 0 {
		Fail("pad", "", "expected as many sizes before as after, %d at most for %s, got %v and %v", len(x.shape), x.shapeText(), before, after)
	}
	shape := slices.Clone(x.shape)
	for i := range before {
		n, p := x.shape[lead+i], max(before[i], after[i])
		switch {
		case before[i] < 0 || after[i] < 0:
			Fail("pad", "use Slice to cut off", "sizes must not be negative, got %v and %v", before, after)
		case mode == PadReflect && p >= n && p > 0:
			Fail("pad", "", "reflected padding %d must be smaller than axis %d of %s", p, lead+i, x.shapeText())
		case mode == PadCircular && p > n, mode == PadReplicate && n == 0 && p > 0:
			Fail("pad", "", "%s padding %d is too large for axis %d of %s", mode, p, lead+i, x.shapeText())
		}
		shape[lead+i] += before[i] + after[i]
	}
	if mode == PadConstant {
		sizes, first := slices.Clone(x.shape[lead:]), slices.Clone(before)
		return x.place(shape, value, "pad", func(t *Tensor) *Tensor {
			for i, n := range sizes {
				t = t.Slice(lead+i, first[i], first[i]+n, 1)
			}
			return t
		})
	}
	for i := range before {
		a := lead + i
		n := x.shape[a]
		if before[i]+after[i] == 0 {
			continue
		}
		index := make([]int64, shape[a])
		for j := range index {
			index[j] = int64(mode.source(j-before[i], n))
		}
		x = x.IndexSelect(a, FromSlice(index, len(index)))
	}
	return x
}

// triangle makes the row of an operation that keeps the columns from lo to hi of each row of matrices and makes the rest 0.
func triangle(name string, keep func(row, k, n int) (lo, hi int), method func(x *Tensor, k int) *Tensor) *Op {
	return define(Op{
		Name:    name,
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if x := c.In[0]; len(x.shape) < 2 {
				return nil, reject("", "expected matrices, got shape %s", x.shapeText())
			}
			return one(c.In[0].dtype, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			out, k := c.Out[0], c.Attrs.(int)
			copyInto(out, c.In[0])
			m, n := out.shape[len(out.shape)-2], out.shape[len(out.shape)-1]
			size := out.dtype.Size()
			bytes := raw[byte](&Tensor{buf: out.buf, offset: out.offset * size})
			par.For(numel(out.shape[:len(out.shape)-1]), max(1, grain/max(n, 1)), func(first, last int) {
				for r := first; r < last; r++ {
					lo, hi := keep(r%m, k, n)
					lo = min(max(lo, 0), n)
					hi = min(max(hi, lo), n)
					row := bytes[r*n*size : (r+1)*n*size]
					clear(row[:lo*size])
					clear(row[hi*size:])
				}
			})
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{method(g[0], c.Attrs.(int))} },
	})
}

// Tril returns the lower triangles of the matrices in the last two axes, 0 above the k-th
// diagonal (0 is the main one, positive lies above it).
func (x *Tensor) Tril(k int) *Tensor { return apply(opTril, k, x) }

// Triu returns the upper triangles of the matrices in the last two axes, 0 below the k-th diagonal.
func (x *Tensor) Triu(k int) *Tensor { return apply(opTriu, k, x) }
