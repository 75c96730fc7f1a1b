package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

var opDropout *Op

// dropping is the Attrs of dropout: all that says which elements are dropped.
type dropping struct {
	p            float64
	key, counter uint64
}

func init() {
	opDropout = define(Op{
		Name:  "dropout",
		Infer: sameFloat,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				dropoutKernel[float64](c)
			} else {
				dropoutKernel[float32](c)
			}
		},
		// The same elements are dropped from the gradient: they are drawn again, so no mask is kept.
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{apply(opDropout, c.Attrs, g[0])} },
	})
}

func dropoutKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(dropping)
	x, block := packed[T](c.In[0])
	defer block.Free()
	cpu.Dropout(flat[T](c.Out[0]), x, a.p, a.key, a.counter)
}

// Dropout returns x with each element set to 0 with probability p and the others divided by 1−p, so that the
// expectation stays (Srivastava et al., "Dropout", 2014). It takes one draw of rng. With p = 0 it returns x.
func Dropout(x *Tensor, p float64, rng *RNG) *Tensor {
	if !(p >= 0 && p <= 1) {
		Fail("dropout", "it is the share of elements that are dropped", "expected a probability in [0, 1], got %g", p)
	}
	key, counter := rng.draw("dropout")
	if p == 0 {
		return x
	}
	return apply(opDropout, dropping{p, key, counter}, x)
}
