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
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Group is a set of parameters with settings of their own. LR must be above 0 at first. LR and WeightDecay may be changed between
// steps, to 0 too: that is how schedules work.
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
	states map[*nn.Param]*state
	vars   []variable // of the group in hand, kept for its memory
}

// state is what is kept for one parameter.
type state struct {
	steps int              // that the parameter took part in: fewer than the optimiser's if it was frozen at first
	slots []*tensor.Tensor // as named by the rule, zero at first
}

// rule is an algorithm: what state it keeps for each parameter, and what it does in a step.
type rule interface {
	// slotNames names the tensors of a parameter's shape that are kept for each parameter.
	slotNames() []string
	// step updates parameters of one group for the t-th time; t counts from 1.
	step(t int, g *Group, vars []variable)
}

// variable is one parameter that has a gradient in this step.
type variable struct {
	value, grad *tensor.Tensor // contiguous, of one shape and data type
	*state
}

// newOptimizer checks the groups. Parameters must be initialised before the first step, not yet here.
func newOptimizer(r rule, groups []Group) *Optimizer {
	o := &Optimizer{rule: r, states: map[*nn.Param]*state{}}
	seen := map[*nn.Param]bool{}
	for _, g := range groups {
		if !(g.LR >= 0) || !(g.WeightDecay >= 0) {
			tensor.Fail("optim", "", "learning rate and weight decay must be 0 or more, got %g and %g", g.LR, g.WeightDecay)
		}
		if g.LR == 0 && len(g.Params) > 0 {
			tensor.Fail("optim", "set LR in the config, or in each Group; to leave parameters as they are, nn.Freeze them", "the learning rate is 0: nothing would be learnt")
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
		failEmpty()
	}
	return o
}

func failEmpty() {
	tensor.Fail("optim", "pass nn.Params(model); are all parameters frozen?", "there are no parameters to optimise")
}

// Groups returns the parameter groups, whose LR and WeightDecay the caller may change.
func (o *Optimizer) Groups() []*Group { return o.groups }

// Steps returns how many steps were taken.
func (o *Optimizer) Steps() int { return o.steps }

// Step changes every parameter that has a gradient, and forgets the gradients. To add up gradients over several
// batches, call Backward several times before Step. It panics if no parameter has a gradient.
func (o *Optimizer) Step() {
	if !o.hasGradients() {
		tensor.Fail("optim", "call loss.Backward() before Step, on the loss of a model run with nn.Train", "no parameter has a gradient")
	}
	o.steps++
	for _, g := range o.groups {
		vars := o.vars[:0]
		for _, p := range g.Params {
			grad := p.LendGrad()
			if grad == nil || p.IsFrozen() {
				continue
			}
			s := o.stateOf(p)
			s.steps++
			vars = append(vars, variable{p.Value(), grad.Contiguous(), s})
		}
		o.vars = vars
		for len(vars) > 0 { // those of one age together
			n := 1
			for n < len(vars) && vars[n].steps == vars[0].steps {
				n++
			}
			o.rule.step(vars[0].steps, g, vars[:n])
			vars = vars[n:]
		}
		clear(o.vars)
	}
	o.ZeroGrad()
}

func (o *Optimizer) hasGradients() bool {
	for _, g := range o.groups {
		for _, p := range g.Params {
			if p.LendGrad() != nil {
				return true
			}
		}
	}
	return false
}

// stateOf returns the state of p, made at its first step.
func (o *Optimizer) stateOf(p *nn.Param) *state {
	s, ok := o.states[p]
	if !ok {
		s = &state{}
		for range o.rule.slotNames() {
			s.slots = append(s.slots, tensor.Zeros(p.Value().DType(), p.Shape()...))
		}
		o.states[p] = s
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
	clear(o.states)
}

// State returns everything that the optimiser carries from step to step: "steps", "lr.0" for each group, and for each parameter
// that took a step "steps.fc1.weight" and tensors named like "momentum.fc1.weight". The tensors share the optimiser's memory.
func (o *Optimizer) State() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{"steps": tensor.Scalar(tensor.Int64, float64(o.steps))}
	for i, g := range o.groups {
		out[fmt.Sprintf("lr.%d", i)] = tensor.Scalar(tensor.Float64, g.LR)
		for _, p := range g.Params {
			s := o.states[p]
			if s == nil {
				continue
			}
			out["steps."+p.Name()] = tensor.Scalar(tensor.Int64, float64(s.steps))
			for k, t := range s.slots {
				out[o.rule.slotNames()[k]+"."+p.Name()] = t
			}
		}
	}
	return out
}

// LoadState continues from what [Optimizer.State] returned. If it comes from another algorithm or other
// parameters, nothing changes and the error lists everything that doesn't fit.
func (o *Optimizer) LoadState(saved map[string]*tensor.Tensor) error {
	r := stateReader{left: maps.Clone(saved)}
	steps := r.count("steps", true)
	rates := make([]float64, len(o.groups))
	found := map[*nn.Param]*state{}
	for i, g := range o.groups {
		rates[i] = r.number(fmt.Sprintf("lr.%d", i))
		for _, p := range g.Params {
			if s := r.state(p, o.rule.slotNames()); s != nil {
				found[p] = s
			}
		}
	}
	if err := r.err("this optimiser (another algorithm, or another model?)"); err != nil {
		return err
	}
	o.steps = steps
	for i, g := range o.groups {
		g.LR = rates[i]
		for _, p := range g.Params {
			s := found[p]
			if s == nil {
				delete(o.states, p)
				continue
			}
			own := o.stateOf(p)
			own.steps = s.steps
			for k, t := range own.slots {
				t.CopyFrom(s.slots[k])
			}
		}
	}
	return nil
}

// stateReader takes values out of a saved state and notes what is wrong with it.
type stateReader struct {
	left map[string]*tensor.Tensor // not taken yet
	bad  []string
}

// take returns the tensor called name, or nil if there is none of that shape.
func (r *stateReader) take(name string, shape []int) *tensor.Tensor {
	t := r.left[name]
	delete(r.left, name)
	if t != nil && !slices.Equal(t.Shape(), shape) {
		r.bad = append(r.bad, fmt.Sprintf("%s has shape %s, expected %s", name, tensor.ShapeString(t.Shape()), tensor.ShapeString(shape)))
		return nil
	}
	return t
}

// number returns the scalar called name, which must be there and be 0 or more.
func (r *stateReader) number(name string) float64 {
	if r.left[name] == nil {
		r.bad = append(r.bad, name+" is missing")
		return 0
	}
	t := r.take(name, nil)
	if t == nil {
		return 0
	}
	v := t.Item()
	if !(v >= 0) || math.IsInf(v, 0) {
		r.bad = append(r.bad, fmt.Sprintf("%s is %g, expected a number of 0 or more", name, v))
	}
	return v
}

// count is number for whole numbers; one that isn't required may be missing, for 0.
func (r *stateReader) count(name string, required bool) int {
	if !required && r.left[name] == nil {
		return 0
	}
	v := r.number(name)
	if v != math.Trunc(v) || v > 1<<53 {
		r.bad = append(r.bad, fmt.Sprintf("%s is %g, expected a whole number", name, v))
	}
	return int(v)
}

// err returns an error with all that is wrong, leftovers included, or nil.
func (r *stateReader) err(what string) error {
	for name := range r.left {
		r.bad = append(r.bad, name+" is unexpected")
	}
	if len(r.bad) == 0 {
		return nil
	}
	slices.Sort(r.bad)
	return fmt.Errorf("optim: the state doesn't fit %s: %s", what, strings.Join(r.bad, "; "))
}

// state returns what was saved for p, or nil if there is nothing.
func (r *stateReader) state(p *nn.Param, slotNames []string) *state {
	s := &state{steps: r.count("steps."+p.Name(), false)}
	for _, n := range slotNames {
		_, there := r.left[n+"."+p.Name()]
		t := r.take(n+"."+p.Name(), p.Shape())
		switch {
		case t != nil:
			s.slots = append(s.slots, t)
		case s.steps > 0 && !there:
			r.bad = append(r.bad, n+"."+p.Name()+" is missing")
		}
	}
	if s.steps == 0 && len(s.slots) > 0 {
		r.bad = append(r.bad, "steps."+p.Name()+" is missing")
	}
	if s.steps == 0 {
		return nil
	}
	return s
}
