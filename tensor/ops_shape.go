package tensor

import "slices"

// Operations that change the view and move no data, and the copy that gives a
// view memory of its own.

var opAlias, opClone, opReshape, opPermute, opExpand *Op

func init() {
	opAlias = define(Op{
		Name:    "alias",
		Storage: true,
		View:    func(c *Call) []*Tensor { return []*Tensor{c.In[0].alias()} },
		VJP:     func(c *Call, g []*Tensor) []*Tensor { return g },
	})
	opClone = define(Op{
		Name:    "clone",
		Storage: true,
		Infer:   func(c *Call) ([]Spec, error) { return one(c.In[0].dtype, c.In[0].shape) },
		Kernel:  func(c *Call) { copyInto(c.Out[0], c.In[0]) },
		VJP:     func(c *Call, g []*Tensor) []*Tensor { return g },
	})
	opReshape = define(Op{
		Name:    "reshape",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			shape, err := inferReshape(c.In[0].shape, c.Attrs.([]int))
			if err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, shape)
		},
		View: func(c *Call) []*Tensor {
			x := c.In[0] // contiguous, see Reshape
			v := &Tensor{buf: x.buf, offset: x.offset, dtype: x.dtype}
			shape, _ := inferReshape(x.shape, c.Attrs.([]int))
			v.setShape(shape)
			return []*Tensor{v}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{g[0].Reshape(c.In[0].shape...)} },
	})
	opPermute = define(Op{
		Name:    "permute",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			x, axes := c.In[0], c.Attrs.([]int)
			seen := make([]bool, len(x.shape))
			for _, a := range axes {
				a, err := normAxis(a, len(x.shape))
				if err != nil {
					return nil, err
				}
				if seen[a] {
					return nil, reject("", "axis %d is named twice in %v", a, axes)
				}
				seen[a] = true
			}
			if len(axes) != len(x.shape) {
				return nil, reject("", "expected an order of all %d axes of %s, got %v", len(x.shape), x.shapeText(), axes)
			}
			return nil, nil
		},
		View: func(c *Call) []*Tensor {
			x, v := c.In[0], c.In[0].alias()
			for i, a := range c.Attrs.([]int) {
				a, _ = normAxis(a, len(x.shape))
				v.shape[i], v.strides[i] = x.shape[a], x.strides[a]
			}
			return []*Tensor{v}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			axes := c.Attrs.([]int)
			back := make([]int, len(axes))
			for i, a := range axes {
				a, _ = normAxis(a, len(axes))
				back[a] = i
			}
			return []*Tensor{g[0].Permute(back...)}
		},
	})
	opExpand = define(Op{
		Name:    "expand",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			x, shape := c.In[0], c.Attrs.([]int)
			if err := validShape(shape); err != nil {
				return nil, err
			}
			if !broadcasts(x.shape, shape) {
				return nil, reject("only axes of size 1 can be stretched", "shape %s doesn't broadcast to %s", x.shapeText(), ShapeString(shape))
			}
			return nil, nil
		},
		View: func(c *Call) []*Tensor { return []*Tensor{expandTo(c.In[0], c.Attrs.([]int))} },
		VJP:  func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{sumTo(g[0], c.In[0])} },
	})
}

// inferReshape resolves a size of −1 and checks that the number of elements stays.
func inferReshape(from, to []int) ([]int, error) {
	out := slices.Clone(to)
	open, known := -1, 1
	for i, n := range to {
		switch {
		case n == -1 && open < 0:
			open = i
		case n < 0:
			return nil, reject("at most one size may be -1", "can't reshape %s to %s", ShapeString(from), ShapeString(to))
		default:
			known *= n
		}
	}
	n := numel(from)
	if open >= 0 {
		if known == 0 || n%known != 0 {
			return nil, reject("", "can't reshape %s (%d elements) to %s: %d doesn't divide %d", ShapeString(from), n, ShapeString(to), known, n)
		}
		out[open] = n / known
	} else if known != n {
		return nil, reject("", "can't reshape %s (%d elements) to %s (%d elements)", ShapeString(from), n, ShapeString(to), known)
	}
	return out, nil
}

// Reshape returns the elements of x in row-major order with another shape. One
// size may be −1: it is computed. It shares memory if x is contiguous.
func (x *Tensor) Reshape(shape ...int) *Tensor {
	x.alive("reshape")
	if _, err := inferReshape(x.shape, shape); err == nil {
		x = x.Contiguous()
	}
	return apply(opReshape, slices.Clone(shape), x)
}

// reshaped is Reshape, but leaves a tensor that has the shape already as it lies.
func (x *Tensor) reshaped(shape ...int) *Tensor {
	if slices.Equal(x.shape, shape) {
		return x
	}
	return x.Reshape(shape...)
}

// Permute returns a view of x with its axes in another order: axis i of the result is axis axes[i] of x.
func (x *Tensor) Permute(axes ...int) *Tensor { return apply(opPermute, slices.Clone(axes), x) }

// Expand returns a view of x stretched to shape: axes of size 1 repeat, new axes come in front.
func (x *Tensor) Expand(shape ...int) *Tensor { return apply(opExpand, slices.Clone(shape), x) }
