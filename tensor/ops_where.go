package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

// Choosing between elements by a mask.

var opWhere, opMaskedFill *Op

func init() {
	opWhere = define(Op{
		Name:    "where",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if err := allBool(c.In[:1]); err != nil {
				return nil, err
			}
			shape, err := broadcastShape(c.In[1].shape, c.In[2].shape)
			if err != nil {
				return nil, err
			}
			if shape, err = broadcastShape(c.In[0].shape, shape); err != nil {
				return nil, err
			}
			return one(c.In[1].dtype, shape)
		},
		Kernel: func(c *Call) {
			switch c.Out[0].dtype.Size() {
			case 8:
				choose[uint64](c)
			case 4:
				choose[uint32](c)
			case 2:
				choose[uint16](c)
			default:
				choose[uint8](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			var dx, dy *Tensor
			if c.Needs(1) {
				dx = sumTo(g[0].MaskedFill(c.In[0].Not(), 0), c.In[1])
			}
			if c.Needs(2) {
				dy = sumTo(g[0].MaskedFill(c.In[0], 0), c.In[2])
			}
			return []*Tensor{nil, dx, dy}
		},
	})
	opMaskedFill = define(Op{
		Name:    "masked_fill",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if err := allBool(c.In[1:]); err != nil {
				return nil, err
			}
			if !broadcasts(c.In[1].shape, c.In[0].shape) {
				return nil, reject("", "the mask's shape %s doesn't broadcast to %s", c.In[1].shapeText(), c.In[0].shapeText())
			}
			return one(c.In[0].dtype, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			switch c.Out[0].dtype.Size() {
			case 8:
				fillMasked[uint64](c)
			case 4:
				fillMasked[uint32](c)
			case 2:
				fillMasked[uint16](c)
			default:
				fillMasked[uint8](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{g[0].MaskedFill(c.In[1], 0), nil} },
	})
}

// choose is the kernel of where for elements of the size of T.
func choose[T any](c *Call) {
	out := c.Out[0]
	map3(out, expandTo(c.In[0], out.shape), expandTo(c.In[1], out.shape), expandTo(c.In[2], out.shape), cpu.Where[T])
}

// fillMasked is the kernel of masked_fill for elements of the size of T.
func fillMasked[T any](c *Call) {
	out := c.Out[0]
	v := flat[T](Scalar(out.dtype, c.Attrs.(float64)))[0]
	map2(out, c.In[0], expandTo(c.In[1], out.shape), func(dst, x []T, mask []bool) {
		for i := range dst {
			e := x[i]
			if mask[i] {
				e = v
			}
			dst[i] = e
		}
	})
}

// Where returns x where cond (a Bool tensor) is true, else y. All three are broadcast, and x and y are brought to
// a common data type. No gradient reaches what isn't chosen, even if it is infinite.
func Where(cond, x, y *Tensor) *Tensor {
	cond.alive("where")
	x.alive("where")
	y.alive("where")
	d := promoted(x.dtype, y.dtype)
	return apply(opWhere, nil, cond, x.To(d), y.To(d))
}

// MaskedFill returns x with v wherever mask, a Bool tensor that broadcasts to x's shape, is true.
func (x *Tensor) MaskedFill(mask *Tensor, v float64) *Tensor {
	return apply(opMaskedFill, v, x, mask)
}
