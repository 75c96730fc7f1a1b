// Package nn holds layers, losses and initial values: what models are made of.
//
// A layer is a plain struct with two methods. Forward computes; Visit names
// its parameters and children, once, and from that alone follow parameter lists, state
// dictionaries with PyTorch's keys, freezing, summaries and export.
//
//	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 256), nn.ReLU(), nn.NewLinear(256, 10))
//	nn.Init(net, 42)
//	logits := net.Forward(nn.Eval(), images)
//
// Whether a model trains or not isn't a property of the model but of one run
// of it, the [Ctx]: so a model can be evaluated while it trains.
package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// Layer is anything that computes a tensor from a tensor and may have parameters.
type Layer interface {
	// Forward computes the output for x. Run children through [Ctx.Call], so that hooks and
	// error messages know where they are, and read parameters through [Ctx.Use].
	Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor
	// Visit names the parameters, buffers and children.
	Visit(v *Visitor)
}

// Param is a tensor that belongs to a layer: a parameter that training changes, or a buffer such as a running
// mean that is only saved with the model. It has a shape from the start and values after [Init] or [LoadState].
type Param struct {
	shape  []int
	dtype  tensor.DType
	init   Initializer
	buffer bool
	frozen bool
	name   string
	value  *tensor.Tensor
}

// NewParam returns a float32 parameter of the given shape whose values init will choose.
func NewParam(init Initializer, shape ...int) *Param {
	for _, n := range shape {
		if n < 0 {
			tensor.Fail("nn", "", "a parameter can't have shape %s: sizes must not be negative", tensor.ShapeString(shape))
		}
	}
	return &Param{shape: shape, init: init}
}

// NewBuffer returns a tensor that is saved with the model but not trained.
func NewBuffer(d tensor.DType, init Initializer, shape ...int) *Param {
	p := NewParam(init, shape...)
	p.dtype, p.buffer = d, true
	return p
}

// Shape returns the sizes of the parameter.
func (p *Param) Shape() []int { return append([]int(nil), p.shape...) }

// NumEl returns the number of elements.
func (p *Param) NumEl() int {
	n := 1
	for _, s := range p.shape {
		n *= s
	}
	return n
}

// Name returns the path of the parameter in its model, such as "fc1.weight", known after [Init] or [LoadState].
func (p *Param) Name() string { return p.name }

// IsBuffer reports whether p is saved but not trained.
func (p *Param) IsBuffer() bool { return p.buffer }

// Value returns the values, the leaf that gradients arrive at; nil before [Init] or [LoadState].
func (p *Param) Value() *tensor.Tensor { return p.value }

// Grad returns the gradient that Backward left, or nil.
func (p *Param) Grad() *tensor.Tensor {
	if p.value == nil {
		return nil
	}
	return p.value.Grad()
}

// Set replaces the values by a copy of t, which must have p's shape and is converted to p's data type.
// The tensor that [Param.Value] returned before keeps its place: optimisers and views stay valid.
func (p *Param) Set(t *tensor.Tensor) error {
	if !slices.Equal(t.Shape(), p.shape) {
		return fmt.Errorf("nn: parameter %s has shape %s, got values of shape %s", p.name, tensor.ShapeString(p.shape), tensor.ShapeString(t.Shape()))
	}
	if p.value == nil {
		p.value = tensor.Empty(p.dtype, p.shape...)
		if !p.buffer && p.dtype.IsFloat() {
			p.value.RequireGrad()
		}
	}
	p.value.CopyFrom(t.Detach())
	return nil
}

// Freeze stops p from being trained: no gradient is computed for it. Optimisers leave it alone.
func (p *Param) Freeze() { p.frozen = true }

// Unfreeze undoes Freeze.
func (p *Param) Unfreeze() { p.frozen = false }

// IsFrozen reports whether Freeze was called.
func (p *Param) IsFrozen() bool { return p.frozen }

// LendGrad is [Param.Grad] for those who are done with the gradient before the next Backward, such as optimisers.
func (p *Param) LendGrad() *tensor.Tensor {
	if p.value == nil {
		return nil
	}
	return p.value.LendGrad()
}

// Visitor receives what a layer's Visit names.
type Visitor struct {
	path  []string
	param func(path string, p *Param)
	layer func(path string, l Layer)
}

// Param names a parameter of the layer, as in PyTorch ("weight"). A nil p, such as a bias left out, is skipped.
func (v *Visitor) Param(name string, p *Param) {
	if p != nil && v.param != nil {
		v.param(join(v.path, name), p)
	}
}

// Buffer names a tensor that is saved but not trained.
func (v *Visitor) Buffer(name string, p *Param) { v.Param(name, p) }

// Child names a layer within the layer. A nil child is skipped.
func (v *Visitor) Child(name string, l Layer) {
	if l == nil {
		return
	}
	v.path = append(v.path, name)
	if v.layer != nil {
		v.layer(strings.Join(v.path, "."), l)
	}
	l.Visit(v)
	v.path = v.path[:len(v.path)-1]
}

// Inline names what is in l as if it were the visited layer's own: for layers that wrap another without a name of its own in the
// state dictionary, as [Checkpoint] does.
func (v *Visitor) Inline(l Layer) {
	if v.layer != nil {
		v.layer(strings.Join(v.path, "."), l)
	}
	l.Visit(v)
}

func join(path []string, name string) string {
	if len(path) == 0 {
		return name
	}
	return strings.Join(path, ".") + "." + name
}

// walkParams calls f for every parameter and buffer of model, in the order of Visit. One that is shared comes once, under its first name.
func walkParams(model Layer, f func(path string, p *Param)) {
	seen := map[*Param]bool{}
	model.Visit(&Visitor{param: func(path string, p *Param) {
		if !seen[p] {
			seen[p] = true
			f(path, p)
		}
	}})
}

// Walk calls f for model itself (with path "") and every layer in it, parents first.
func Walk(model Layer, f func(path string, l Layer)) {
	f("", model)
	model.Visit(&Visitor{layer: f})
}

// Params returns the parameters of model that are neither buffers nor frozen, in the order of Visit.
func Params(model Layer) []*Param {
	var out []*Param
	walkParams(model, func(_ string, p *Param) {
		if !p.buffer && !p.frozen {
			out = append(out, p)
		}
	})
	return out
}

// Freeze freezes the parameters of model (or of a part of one).
func Freeze(model Layer) { walkParams(model, func(_ string, p *Param) { p.Freeze() }) }

// Unfreeze undoes [Freeze].
func Unfreeze(model Layer) { walkParams(model, func(_ string, p *Param) { p.Unfreeze() }) }

// Init gives every parameter and buffer of model its initial values. They are a function of seed and the parameter's path alone,
// not of the order in which layers were made.
func Init(model Layer, seed uint64) {
	root := tensor.NewRNG(seed)
	walkParams(model, func(path string, p *Param) {
		p.name = path
		if err := p.Set(p.init(root.Split(path), p.dtype, p.shape)); err != nil {
			tensor.Fail("nn.Init", "the initialiser must return a tensor of the shape it is given", "%v", err)
		}
	})
}

// Convert changes the data type of all float parameters and buffers of model, for instance to tensor.Float64 for a gradient check.
func Convert(model Layer, d tensor.DType) {
	walkParams(model, func(_ string, p *Param) {
		if !p.dtype.IsFloat() || p.dtype == d {
			return
		}
		old := p.value
		p.dtype, p.value = d, nil
		if old != nil {
			_ = p.Set(old) // the shape is its own
		}
	})
}
