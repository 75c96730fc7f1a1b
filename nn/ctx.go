package nn

import (
	"errors"
	"maps"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// Ctx is one run of a model: whether it trains, where its randomness comes from, who looks on, and which layer is running.
// It isn't for use by several goroutines at once; make one for each.
type Ctx struct {
	training bool
	rng      *tensor.RNG
	path     []string
	hooks    []Hook
	trace    bool
	given    map[*Param]*tensor.Tensor // values to use in place of parameters, see With
	again    bool                      // see Recomputing
}

// Hook sees the input and output of every layer that runs under [Ctx.Call]. path is "" for the model itself.
type Hook func(path string, l Layer, x, y *tensor.Tensor)

// Train returns the context of a training step: parameters are tracked, dropout drops, batch norm uses and updates
// batch statistics. rng is where dropout and friends draw from.
func Train(rng *tensor.RNG) *Ctx { return &Ctx{training: true, rng: rng} }

// Eval returns the context of evaluation and prediction: parameters aren't tracked (a tracked input still is, so
// gradients with respect to the input can be had), dropout does nothing, batch norm uses running statistics.
func Eval() *Ctx { return &Ctx{} }

// Training reports whether the run trains.
func (c *Ctx) Training() bool { return c.training }

// Recomputing reports whether the layers within a [Checkpoint] run again for the backward pass: what a layer notes about a batch,
// such as running statistics, was noted the first time.
func (c *Ctx) Recomputing() bool { return c.again }

// RNG returns the source of randomness. It panics if there is none.
func (c *Ctx) RNG() *tensor.RNG {
	if c.rng == nil {
		tensor.Fail("nn", "run with nn.Train(tensor.NewRNG(seed))", "the layer needs randomness, but the context has none")
	}
	return c.rng
}

// Hook adds f to those who see every layer's input and output, and returns c.
func (c *Ctx) Hook(f Hook) *Ctx {
	c.hooks = append(c.hooks, f)
	return c
}

// Trace makes the run note in the record which layer each operation belongs to, for graphs and for
// finding where a NaN came from. It costs time. It returns c.
func (c *Ctx) Trace() *Ctx {
	c.trace = true
	return c
}

// Path returns the path of the layer that is running, such as "features.0".
func (c *Ctx) Path() string { return strings.Join(c.path, ".") }

// Use returns the values of p for this run: the leaf itself in training, so that gradients flow into it, a
// detached view in evaluation or if p is frozen. It panics if p has no values yet.
func (c *Ctx) Use(p *Param) *tensor.Tensor {
	if t, ok := c.given[p]; ok {
		return t
	}
	if p.value == nil {
		failNoValues(p)
	}
	if c.training && !p.frozen || p.buffer {
		return p.value
	}
	return p.value.Detach()
}

// With makes the run use values[i] in place of params[i]'s own, and returns c: for gradients with respect to parameters by way of
// functions, such as gradient checks, and for models whose weights another model computes.
func (c *Ctx) With(params []*Param, values []*tensor.Tensor) *Ctx {
	if len(params) != len(values) {
		tensor.Fail("nn.Ctx.With", "", "%d parameters and %d values", len(params), len(values))
	}
	given := maps.Clone(c.given)
	if given == nil {
		given = map[*Param]*tensor.Tensor{}
	}
	for i, p := range params {
		given[p] = values[i]
	}
	c.given = given
	return c
}

func failNoValues(p *Param) {
	tensor.Fail("nn", "call nn.Init(model, seed) or load weights before Forward", "a parameter of shape %s has no values yet", tensor.ShapeString(p.shape))
}

// Call runs the child layer l, whose name is the one that Visit gives it.
func (c *Ctx) Call(name string, l Layer, x *tensor.Tensor) *tensor.Tensor {
	c.path = append(c.path, name)
	y := c.run(l, x)
	c.path = c.path[:len(c.path)-1]
	return y
}

// Run runs a whole model under c: like model.Forward(c, x), but hooks see the model itself too.
func (c *Ctx) Run(model Layer, x *tensor.Tensor) *tensor.Tensor { return c.run(model, x) }

func (c *Ctx) run(l Layer, x *tensor.Tensor) *tensor.Tensor {
	done := false
	defer func() {
		if !done {
			c.explain(recover())
		}
	}()
	if x == nil {
		tensor.Fail("nn", "was it ever computed?", "the input is nil")
	}
	y := l.Forward(c, x)
	done = true
	if c.trace {
		tensor.LabelGraph(c.Path(), y, x)
	}
	for _, h := range c.hooks {
		h(c.Path(), l, x, y)
	}
	return y
}

// explain goes on with the panic r, after adding the layer's path to a tensor error.
func (c *Ctx) explain(r any) {
	if r == nil {
		return // runtime.Goexit, as by a test's Fatal
	}
	if err, ok := r.(error); ok {
		var e *tensor.Error
		if errors.As(err, &e) && e.Layer == "" {
			e.Layer = c.Path()
		}
	}
	c.path = nil
	panic(r)
}
