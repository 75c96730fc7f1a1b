package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Dropout is [NewDropout]'s layer.
type Dropout struct {
	P       float64
	Spatial bool // drop whole channels
}

// NewDropout returns a layer that, in training, sets each element to 0 with probability p and divides the others by 1−p (Srivastava
// et al., 2014). p = 1 − keep_prob.
func NewDropout(p float64) *Dropout { return &Dropout{P: checkP("nn.Dropout", p)} }

// NewSpatialDropout returns a layer that drops whole channels: (n, c) of (N, C, …) with probability p (Tompson et al., 2015).
func NewSpatialDropout(p float64) *Dropout {
	return &Dropout{P: checkP("nn.SpatialDropout", p), Spatial: true}
}

func checkP(op string, p float64) float64 {
	if !(p >= 0 && p <= 1) {
		tensor.Fail(op, "", "the probability must lie between 0 and 1, got %g", p)
	}
	return p
}

// Forward returns x, of any shape or, for spatial dropout, (N, C, …), with a part set to 0 in training; in evaluation x itself.
func (d *Dropout) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if !c.Training() || d.P == 0 {
		return x
	}
	if !d.Spatial {
		return tensor.Dropout(x, d.P, c.RNG())
	}
	if x.NDim() < 2 {
		tensor.Fail("spatial dropout", "use nn.NewDropout", "expected (N, C, …), got shape %s", tensor.ShapeString(x.Shape()))
	}
	shape := x.Shape()
	for i := 2; i < len(shape); i++ {
		shape[i] = 1
	}
	return x.Mul(tensor.Dropout(tensor.Ones(x.DType(), shape...), d.P, c.RNG()))
}

// Visit names nothing.
func (d *Dropout) Visit(*Visitor) {}

// String describes the layer.
func (d *Dropout) String() string {
	if d.Spatial {
		return fmt.Sprintf("SpatialDropout(%g)", d.P)
	}
	return fmt.Sprintf("Dropout(%g)", d.P)
}

// DropPath returns a layer that, in training, drops its input for a whole example with probability p and divides the others by
// 1−p: stochastic depth, for the body of a residual block (Huang et al., 2016).
func DropPath(p float64) *Lambda {
	checkP("nn.DropPath", p)
	return &Lambda{Name: fmt.Sprintf("DropPath(%g)", p), F: func(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
		if !c.Training() || p == 0 {
			return x
		}
		shape := x.Shape()
		for i := 1; i < len(shape); i++ {
			shape[i] = 1
		}
		return x.Mul(tensor.Dropout(tensor.Ones(x.DType(), shape...), p, c.RNG()))
	}}
}
