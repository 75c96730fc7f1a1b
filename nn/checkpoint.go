package nn

import (
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Checkpoint runs its layer without keeping what it computes on the way: the backward pass computes it again, which saves
// memory and costs time (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016). Values, gradients, random
// numbers and the names in the state dictionary are those of the layer alone.
type Checkpoint struct{ Layer Layer }

// NewCheckpoint returns l with its activations recomputed.
func NewCheckpoint(l Layer) *Checkpoint { return &Checkpoint{l} }

// Forward runs the layer.
func (k *Checkpoint) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if !c.training {
		return c.run(k.Layer, x)
	}
	params := []*Param{}
	xs := []*tensor.Tensor{x}
	walkParams(k.Layer, func(_ string, p *Param) {
		if !p.buffer && !p.frozen {
			params, xs = append(params, p), append(xs, c.Use(p))
		}
	})
	var start tensor.RNGState
	if c.rng != nil {
		start = c.rng.State()
	}
	first := *c // the graph remembers runs, so they can't share what c goes on to change
	first.path = slices.Clone(c.path)
	ran := false
	return tensor.Checkpoint(func(xs []*tensor.Tensor) *tensor.Tensor {
		run := first
		run.path = slices.Clone(first.path)
		run.With(params, xs[1:])
		if ran { // again: the same random numbers, and nobody looks on
			run.again, run.hooks, run.trace = true, nil, false
			if run.rng != nil {
				run.rng = &tensor.RNG{}
				run.rng.SetState(start)
			}
		}
		ran = true
		return run.run(k.Layer, xs[0])
	}, xs...)
}

// Visit names what the layer within names.
func (k *Checkpoint) Visit(v *Visitor) { v.Inline(k.Layer) }
