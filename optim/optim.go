// Package optim holds the algorithms that change parameters by their
// gradients, schedules for their learning rates, gradient clipping and averages of weights.
//
//	opt := optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 1e-3})
//	…
//	loss.Backward()
//	opt.Step() // uses the gradients up: the next Backward starts anew
package optim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Group is a set of parameters with settings of their own. LR and WeightDecay may be changed between steps:
// that is how schedules work.
type Group struct {
	Params      []*nn.Param
	LR          float64 // learning rate
	WeightDecay float64 // strength of the pull to 0; what exactly it does is the algorithm's
}

// Optimizer changes parameters by their gradients. It is made by a constructor such as [NewSGD]. It isn't for several goroutines at once.
type Optimizer struct {
	groups []*Group
	rule   rule
	steps  int
	slots  map[*nn.Param][]*tensor.Tensor
}

// rule is an algorithm: what state it keeps for each parameter, and what it does in a step.
type rule interface {
	// slotNames names the tensors of a parameter's shape that are kept for each parameter.
	slotNames() []string
	// step updates the parameters of one group; t counts from 1.
	step(t int, g *Group, vars []variable)
}

// variable is one parameter that has a gradient in this step.
type variable struct {
	value, grad *tensor.Tensor   // contiguous, of one shape and data type
	slots       []*tensor.Tensor // state, as named by the rule, zero at first
}

// newOptimizer checks the groups. Parameters must be initialised before the first step, not yet here.
func newOptimizer(r rule, groups []Group) *Optimizer {
	o := &Optimizer{rule: r, slots: map[*nn.Param][]*tensor.Tensor{}}
	seen := map[*nn.Param]bool{}
	for _, g := range groups {
		if !(g.LR >= 0) || !(g.WeightDecay >= 0) {
			tensor.Fail("optim", "", "learning rate and weight decay must be 0 or more, got %g and %g", g.LR, g.WeightDecay)
		}
		for _, p := range g.Params {
			if seen[p] {
				tensor.Fail("optim", "", "parameter %s is in two groups or twice in one", p.Name())
			}
			seen[p] = true
		}
		o.groups = append(o.groups, &Group{slices.Clone(g.Params), g.LR, g.WeightDecay})
	}
	if len(seen) == 0 {
		tensor.Fail("optim", "pass nn.Params(model); are all parameters frozen?", "there are no parameters to optimise")
	}
	return o
}

// Groups returns the parameter groups, whose LR and WeightDecay the caller may change.
func (o *Optimizer) Groups() []*Group { return o.groups }

// Steps returns how many steps were taken.
func (o *Optimizer) Steps() int { return o.steps }

// Step changes every parameter that has a gradient, and forgets the gradients. To add up gradients over several
// batches, call Backward several times before Step.
func (o *Optimizer) Step() {
	o.steps++
	for _, g := range o.groups {
		var vars []variable
		for _, p := range g.Params {
			grad := p.Grad()
			if grad == nil || p.IsFrozen() {
				continue
			}
			vars = append(vars, variable{p.Value(), grad.Contiguous(), o.slotsOf(p)})
		}
		o.rule.step(o.steps, g, vars)
	}
	o.ZeroGrad()
}

// slotsOf returns the state of p, made at its first step.
func (o *Optimizer) slotsOf(p *nn.Param) []*tensor.Tensor {
	s, ok := o.slots[p]
	if !ok {
		for range o.rule.slotNames() {
			s = append(s, tensor.Zeros(p.Value().DType(), p.Shape()...))
		}
		o.slots[p] = s
	}
	return s
}

// ZeroGrad forgets the gradients of all parameters.
func (o *Optimizer) ZeroGrad() {
	for _, g := range o.groups {
		for _, p := range g.Params {
			if v := p.Value(); v != nil {
				v.ZeroGrad()
			}
		}
	}
}

// Reset forgets everything that was carried from step to step, as if no step had been taken. Learning rates stay.
func (o *Optimizer) Reset() {
	o.steps = 0
	clear(o.slots)
}

// State returns everything that the optimiser carries from step to step: "steps", "lr.0" for each group, and tensors named like
// "momentum.fc1.weight". The tensors share the optimiser's memory.
func (o *Optimizer) State() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{"steps": tensor.Scalar(tensor.Int64, float64(o.steps))}
	for i, g := range o.groups {
		out[fmt.Sprintf("lr.%d", i)] = tensor.Scalar(tensor.Float64, g.LR)
		for _, p := range g.Params {
			for k, s := range o.slots[p] {
				out[o.rule.slotNames()[k]+"."+p.Name()] = s
			}
		}
	}
	return out
}

// LoadState continues from what [Optimizer.State] returned. If it comes from another algorithm or other
// parameters, nothing changes and the error lists what doesn't fit.
func (o *Optimizer) LoadState(state map[string]*tensor.Tensor) error {
	left := map[string]bool{}
	for name := range state {
		left[name] = true
	}
	var bad []string
	take := func(name string, shape []int) *tensor.Tensor {
		t, ok := state[name]
		if !ok {
			return nil
		}
		delete(left, name)
		if !slices.Equal(t.Shape(), shape) {
			bad = append(bad, fmt.Sprintf("%s has shape %v, expected %v", name, t.Shape(), shape))
		}
		return t
	}
	steps := take("steps", nil)
	if steps == nil {
		bad = append(bad, "steps is missing")
	}
	rates := make([]*tensor.Tensor, len(o.groups))
	slots := map[*nn.Param][]*tensor.Tensor{}
	names := o.rule.slotNames()
	for i, g := range o.groups {
		rates[i] = take(fmt.Sprintf("lr.%d", i), nil)
		for _, p := range g.Params {
			var have []*tensor.Tensor
			for _, n := range names {
				if t := take(n+"."+p.Name(), p.Shape()); t != nil {
					have = append(have, t)
				}
			}
			if len(have) > 0 && len(have) < len(names) {
				bad = append(bad, fmt.Sprintf("%s has %d of the %d tensors %s", p.Name(), len(have), len(names), strings.Join(names, ", ")))
			}
			slots[p] = have
		}
	}
	for name := range left {
		bad = append(bad, name+" is unexpected")
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return fmt.Errorf("optim: the state doesn't fit this optimiser (another algorithm, or another model?): %s", strings.Join(bad, "; "))
	}
	o.steps = int(steps.Item())
	for i, g := range o.groups {
		if rates[i] != nil {
			g.LR = rates[i].Item()
		}
		for _, p := range g.Params {
			if have := slots[p]; len(have) > 0 {
				for k, s := range o.slotsOf(p) {
					s.CopyFrom(have[k])
				}
			}
		}
	}
	return nil
}
