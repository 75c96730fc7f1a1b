package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// residual is one unit of a residual network: relu(body(x) + shortcut(x)) in the first form (He et al., 2015, eq. 1 and 2), and
// body(pre(x)) + shortcut in the second, where pre is batch norm and ReLU (He et al., "Identity mappings in deep residual
// networks", 2016, eq. 5). There the shortcut of a network's first unit, and of those that change the shape, starts behind pre. Its parts
// have no names of their own in the state dictionary.
type residual struct {
	pre        *nn.Named // nil in the first form
	first      bool      // the first unit of the second form
	body       *nn.Named
	downsample nn.Layer // brings x to the body's shape; nil where it has it already
	plain      bool     // no shortcut at all
	linear     bool     // no ReLU behind the sum (Sandler et al., 2018)
}

// Forward takes (N, C, H, W) to (N, C′, H/stride, W/stride).
func (r *residual) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	start, y := x, x
	if r.pre != nil {
		y = r.pre.Forward(c, x)
		if r.downsample != nil || r.first {
			start = y
		}
	}
	switch {
	case r.plain:
		start = nil
	case r.downsample != nil:
		start = c.Call("downsample", r.downsample, start)
	}
	return c.Sum(r.body, y, start, r.pre == nil && !r.linear)
}

// Visit names the layers of pre and body, and "downsample".
func (r *residual) Visit(v *nn.Visitor) {
	if r.pre != nil {
		v.Inline(r.pre)
	}
	v.Inline(r.body)
	v.Child("downsample", r.downsample)
}
