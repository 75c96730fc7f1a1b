package nn

import (
	"fmt"
	"strconv"

	"github.com/gradus-ml/gradus/tensor"
)

// Sequential runs layers one after the other. Its children are named "0", "1", … as in PyTorch.
type Sequential struct{ Layers []Layer }

// Seq returns the layers as one.
func Seq(layers ...Layer) *Sequential {
	for i, l := range layers {
		if l == nil {
			tensor.Fail("nn.Seq", "", "layer %d is nil", i)
		}
	}
	return &Sequential{layers}
}

// Forward runs all layers in order.
func (s *Sequential) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return chain{layers: s.Layers, name: strconv.Itoa}.Forward(c, x)
}

// Visit names the layers by their places.
func (s *Sequential) Visit(v *Visitor) {
	for i, l := range s.Layers {
		v.Child(strconv.Itoa(i), l)
	}
}

// Named is a sequence whose children have names of their own, such as LeNet's "conv1" and "fc1".
type Named struct {
	names  []string
	layers []Layer
}

// NewNamed returns an empty sequence; add to it with [Named.Add].
func NewNamed() *Named { return &Named{} }

// Add appends a layer under name and returns n.
func (n *Named) Add(name string, l Layer) *Named {
	for _, other := range n.names {
		if other == name {
			tensor.Fail("nn.Named", "", "two layers are called %q", name)
		}
	}
	n.names, n.layers = append(n.names, name), append(n.layers, l)
	return n
}

// Forward runs all layers in order.
func (n *Named) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return chain{layers: n.layers, name: n.name}.Forward(c, x)
}

func (n *Named) name(i int) string { return n.names[i] }

// Visit names the layers.
func (n *Named) Visit(v *Visitor) {
	for i, l := range n.layers {
		v.Child(n.names[i], l)
	}
}

// Residual adds what its body computes to its input: x + body(x), or shortcut(x) + body(x) where the shapes differ
// (He et al., 2016).
type Residual struct{ Body, Shortcut Layer }

// NewResidual returns x + body(x).
func NewResidual(body Layer) *Residual { return &Residual{Body: body} }

// Forward returns the sum.
func (r *Residual) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor { return r.sum(c, x, false) }

// sum returns the sum, or its positive part.
func (r *Residual) sum(c *Ctx, x *tensor.Tensor, relu bool) *tensor.Tensor {
	e := ending{x, relu}
	if r.Shortcut != nil {
		e.add = c.Call("shortcut", r.Shortcut, x)
	}
	if body := c.fuse(r.Body, e); body != nil {
		return c.Call("body", body, x)
	}
	y := c.Call("body", r.Body, x)
	if !e.add.SameShape(y) {
		tensor.Fail("residual", "give Shortcut a layer that brings the input to the body's shape",
			"the body turns %s into %s, which can't be added to %s", tensor.ShapeString(x.Shape()), tensor.ShapeString(y.Shape()), tensor.ShapeString(e.add.Shape()))
	}
	return e.of(y)
}

// Visit names "body" and "shortcut".
func (r *Residual) Visit(v *Visitor) {
	v.Child("body", r.Body)
	if r.Shortcut != nil {
		v.Child("shortcut", r.Shortcut)
	}
}

// Parallel feeds its input to several branches and concatenates their outputs along an axis, as Inception blocks
// do (Szegedy et al., 2015).
type Parallel struct {
	Axis     int
	Branches []Layer
}

// NewParallel returns branches joined along axis (1 for channels).
func NewParallel(axis int, branches ...Layer) *Parallel { return &Parallel{axis, branches} }

// Forward runs the branches and joins their outputs.
func (p *Parallel) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	ys := make([]*tensor.Tensor, len(p.Branches))
	for i, b := range p.Branches {
		ys[i] = c.Call(fmt.Sprintf("branch%d", i), b, x)
	}
	return tensor.Cat(p.Axis, ys...)
}

// Visit names the branches "branch0", "branch1", ….
func (p *Parallel) Visit(v *Visitor) {
	for i, b := range p.Branches {
		v.Child(fmt.Sprintf("branch%d", i), b)
	}
}

// Lambda is a function as a layer, without parameters.
type Lambda struct {
	Name string
	F    func(c *Ctx, x *tensor.Tensor) *tensor.Tensor

	relu bool                                           // F is max(x, 0), which a layer in front can do in the same pass
	sees func(axis, in, first, last int) (from, to int) // see [Seer]; nil for layers that work on each position by itself
}

// NewLambda returns f as a layer; name appears in summaries.
func NewLambda(name string, f func(x *tensor.Tensor) *tensor.Tensor) *Lambda {
	return &Lambda{Name: name, F: func(_ *Ctx, x *tensor.Tensor) *tensor.Tensor { return f(x) }}
}

// Forward calls F.
func (l *Lambda) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor { return l.F(c, x) }

// Visit names nothing.
func (l *Lambda) Visit(*Visitor) {}

// String returns the name.
func (l *Lambda) String() string { return l.Name }

// Identity returns a layer that returns its input.
func Identity() *Lambda {
	return NewLambda("Identity", func(x *tensor.Tensor) *tensor.Tensor { return x })
}

// Flatten returns a layer that joins all axes but the first: (N, C, H, W) becomes (N, C·H·W).
func Flatten() *Lambda {
	return NewLambda("Flatten", func(x *tensor.Tensor) *tensor.Tensor { return x.Flatten(1, -1) })
}

// Unflatten returns a layer that gives each example the shape: (N, 784) becomes (N, 1, 28, 28) with Unflatten(1, 28, 28).
func Unflatten(shape ...int) *Lambda {
	return NewLambda(fmt.Sprintf("Unflatten%s", tensor.ShapeString(shape)), func(x *tensor.Tensor) *tensor.Tensor {
		return x.Reshape(append([]int{x.Size(0)}, shape...)...)
	})
}
