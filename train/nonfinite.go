package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// ErrNotFinite is the error behind a [NotFiniteError].
var ErrNotFinite = errors.New("not finite")

// NotFiniteError says where a NaN or infinity first appeared in training. The weights are those from before the step.
type NotFiniteError struct {
	What        string // "loss" or "gradient of conv1.weight"
	Epoch, Step int    // both from 0
	Batch       []int  // numbers of the examples

	// Where it comes from, as far as that could be found: examples whose inputs aren't finite, parameters that aren't, or the first
	// operation with a bad result from good inputs.
	Inputs   []int
	Params   []string
	Op       string // name, as in tensor.Ops
	Layer    string // path of its layer, "" if it is in none
	Backward bool   // it computes a gradient
}

// Error tells where, and what to try.
func (e *NotFiniteError) Error() string {
	s := fmt.Sprintf("train: the %s is not finite in epoch %d, step %d", e.What, e.Epoch+1, e.Step+1)
	hint := "try a lower learning rate or gradient clipping (ClipNorm)"
	switch {
	case len(e.Inputs) > 0:
		s += fmt.Sprintf("; the inputs of examples %s aren't finite", few(e.Inputs))
		hint = "clean the data"
	case len(e.Params) > 0:
		s += "; already not finite: " + few(e.Params)
	case e.Op != "":
		s += "; first bad operation: " + e.Op
		if e.Backward {
			s += " in the gradient"
			if e.Layer != "" {
				s += " of"
			}
		} else if e.Layer != "" {
			s += " in"
		}
		if e.Layer != "" {
			s += " layer " + e.Layer
		}
		hint += ", or keep the operation's input in its domain"
	}
	return s + fmt.Sprintf("; batch of examples %s; %s", few(e.Batch), hint)
}

// Unwrap returns ErrNotFinite.
func (e *NotFiniteError) Unwrap() error { return ErrNotFinite }

// few writes the first of a list.
func few[T any](list []T) string {
	n := min(len(list), 8)
	s := strings.Trim(fmt.Sprint(list[:n]), "[]")
	s = strings.ReplaceAll(s, " ", ", ")
	if n < len(list) {
		s += fmt.Sprintf(" and %d more", len(list)-n)
	}
	return s
}

// badGradient returns the name of the first parameter whose gradient has a NaN or infinity, or "".
func (r *run) badGradient() string {
	if n := optim.GradNorm(r.cfg.Optimizer); !math.IsNaN(n) && !math.IsInf(n, 0) {
		return ""
	}
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			if d := p.LendGrad(); d != nil && !finite(d) {
				return p.Name()
			}
		}
	}
	return "" // the sum of squares overflowed, but no gradient did
}

func finite(t *tensor.Tensor) bool {
	return !t.DType().IsFloat() || t.Detach().IsFinite().AllAxes(false).Item() == 1
}

// blame returns the error for a bad value in the running batch, after looking where it comes from.
func (r *run) blame(what string, b data.Batch) error {
	e := &NotFiniteError{What: what, Epoch: r.state.Epoch, Step: r.state.Step, Batch: b.Index}
	e.Inputs = badExamples(b)
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			if !finite(p.Value()) {
				e.Params = append(e.Params, p.Name())
			}
		}
	}
	r.cfg.Optimizer.ZeroGrad()
	if len(e.Inputs)+len(e.Params) == 0 {
		// What goes wrong while the cause is looked for doesn't matter beside what is to be reported.
		_ = tensor.Try(func() error { r.trace(e, b); return nil })
	}
	r.cfg.Optimizer.ZeroGrad()
	return e
}

// badExamples returns the numbers of the examples with inputs that aren't finite.
func badExamples(b data.Batch) []int {
	var bad []int
	if finite(b.X) {
		return nil
	}
	for i := range min(b.Len(), len(b.Index)) {
		if !finite(b.X.Select(0, i)) {
			bad = append(bad, b.Index[i])
		}
	}
	return bad
}

// trace runs the step again, with a record of what belongs to which layer, and finds the first operation with a bad result.
func (r *run) trace(e *NotFiniteError, b data.Batch) {
	c := r.ctx().Trace()
	var passed []visit
	c.Hook(func(path string, l nn.Layer, x, y *tensor.Tensor) {
		if !hasChildren(l) {
			passed = append(passed, visit{path, l, x.RetainGrad(), y.RetainGrad()})
		}
	})
	if b.X.DType().IsFloat() {
		b.X = b.X.Detach().RequireGrad() // so that operations in front of the first parameter are on record too
	}
	loss, _, _ := r.cfg.Step(c, r.cfg.Model, b)
	if n, ok := tensor.FirstNonFinite(loss); ok {
		e.Op, e.Layer = n.Op, n.Layer
		return
	}
	if e.What == "loss" {
		return
	}
	e.Backward = true
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			if p.IsFrozen() || e.What != "gradient of "+p.Name() {
				continue
			}
			g := tensor.Grad(loss, []*tensor.Tensor{p.Value()}, tensor.GradConfig{BackwardConfig: tensor.BackwardConfig{CreateGraph: true}})[0]
			if n, ok := tensor.FirstNonFinite(g); ok {
				e.Op = n.Op
			}
		}
	}
	loss.Backward()
	for i := len(passed) - 1; i >= 0 && e.Op != ""; i-- {
		if v := passed[i]; !badGrad(v.y) && (badGrad(v.x) || slices.ContainsFunc(nn.Params(v.layer), func(p *nn.Param) bool { return badGrad(p.Value()) })) {
			e.Layer = v.path
			return
		}
	}
}

func badGrad(t *tensor.Tensor) bool { return t.LendGrad() != nil && !finite(t.LendGrad()) }

// visit is a layer's run.
type visit struct {
	path  string
	layer nn.Layer
	x, y  *tensor.Tensor
}

func hasChildren(l nn.Layer) bool {
	n := 0
	nn.Walk(l, func(string, nn.Layer) { n++ })
	return n > 1
}
