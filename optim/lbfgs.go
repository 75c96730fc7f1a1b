package optim

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// LBFGSConfig describes L-BFGS (Liu and Nocedal, "On the limited memory BFGS method", 1989), with the meanings of
// torch.optim.LBFGS. The zero value of each field stands for its default.
type LBFGSConfig struct {
	LR              float64 // step length, or the first that the line search tries; default 1
	MaxIter         int     // changes of direction in one Step, default 20
	MaxEval         int     // evaluations of the loss in one Step, default MaxIter·5/4
	HistorySize     int     // changes that the curvature is estimated from, default 100
	ToleranceGrad   float64 // stop when no gradient is larger, default 1e-7
	ToleranceChange float64 // stop when neither the loss nor any parameter changes by more, default 1e-9
	StrongWolfe     bool    // search along each direction for a point that fulfils the strong Wolfe conditions
}

// LBFGS minimises a loss that is the same function at each evaluation: all data at once, no dropout. For small smooth problems it
// needs far fewer passes than gradient descent. It keeps 2·HistorySize + 3 numbers in float64 for each parameter element.
type LBFGS struct {
	cfg    LBFGSConfig
	params []*nn.Param
	size   int // elements of all parameters

	iterations     int
	dir, lastGrad  []float64   // direction of the last step, gradient before it
	length         float64     // of the last step, in units of dir
	changes, steps [][]float64 // of the gradient and of the parameters, oldest first
	scale          float64     // of the first guess of the inverse Hessian
}

// NewLBFGS returns L-BFGS over params, which must have their values already.
func NewLBFGS(params []*nn.Param, cfg LBFGSConfig) *LBFGS {
	orDefault(&cfg.LR, 1)
	orDefault(&cfg.ToleranceGrad, 1e-7)
	orDefault(&cfg.ToleranceChange, 1e-9)
	if cfg.MaxIter == 0 {
		cfg.MaxIter = 20
	}
	if cfg.MaxEval == 0 {
		cfg.MaxEval = cfg.MaxIter * 5 / 4
	}
	if cfg.HistorySize == 0 {
		cfg.HistorySize = 100
	}
	if cfg.LR < 0 || cfg.MaxIter < 0 || cfg.MaxEval < 0 || cfg.HistorySize < 0 {
		tensor.Fail("optim.LBFGS", "", "settings must not be negative, got %+v", cfg)
	}
	o := &LBFGS{cfg: cfg, params: params, scale: 1}
	for _, p := range params {
		o.size += p.NumEl()
	}
	if o.size == 0 {
		failEmpty()
	}
	return o
}

// Step moves the parameters by up to MaxIter directions and returns the loss before. loss computes it, a scalar, from the
// parameters as they are; it is called several times, and Step runs Backward on what it returns.
func (o *LBFGS) Step(loss func() *tensor.Tensor) float64 {
	f, g := o.evaluate(loss)
	first, evaluations := f, 1
	if largest(g) <= o.cfg.ToleranceGrad {
		return first
	}
	for n := 1; n <= o.cfg.MaxIter; n++ {
		o.iterations++
		o.aim(g)
		before := f
		t := o.cfg.LR
		if o.iterations == 1 {
			t *= math.Min(1, 1/sumAbs(g))
		}
		o.lastGrad, o.length = g, t
		slope := dot(g, o.dir)
		if slope > -o.cfg.ToleranceChange {
			break
		}
		x := o.position()
		if o.cfg.StrongWolfe {
			used := 0
			at := func(t float64) probe {
				used++
				o.moveTo(x, t)
				f, g := o.evaluate(loss)
				return probe{t, f, g, dot(g, o.dir)}
			}
			best := strongWolfe(at, probe{0, f, g, slope}, t, largest(o.dir), o.cfg.MaxEval-evaluations)
			f, g, t = best.f, best.g, best.t
			o.length = t
			o.moveTo(x, t)
			evaluations += used
		} else {
			o.moveTo(x, t)
			if n < o.cfg.MaxIter { // after the last there is no use for the gradient
				f, g = o.evaluate(loss)
				evaluations++
			}
		}
		if evaluations >= o.cfg.MaxEval || largest(g) <= o.cfg.ToleranceGrad ||
			largest(o.dir)*math.Abs(t) <= o.cfg.ToleranceChange || math.Abs(f-before) < o.cfg.ToleranceChange {
			break
		}
	}
	return first
}

// aim sets the direction to minus the gradient g times the estimate of the inverse Hessian, by the two loops of Nocedal
// (1980), after taking in what the last step has shown.
func (o *LBFGS) aim(g []float64) {
	d := make([]float64, o.size)
	addScaled(d, -1, g)
	if o.lastGrad != nil {
		change, step := make([]float64, o.size), make([]float64, o.size)
		copy(change, g)
		addScaled(change, -1, o.lastGrad)
		addScaled(step, o.length, o.dir)
		if curvature := dot(change, step); curvature > 1e-10 {
			if len(o.changes) == o.cfg.HistorySize {
				o.changes, o.steps = o.changes[1:], o.steps[1:]
			}
			o.changes, o.steps = append(o.changes, change), append(o.steps, step)
			o.scale = curvature / dot(change, change)
		}
		n := len(o.changes)
		alpha, rho := make([]float64, n), make([]float64, n)
		for i := n - 1; i >= 0; i-- {
			rho[i] = 1 / dot(o.changes[i], o.steps[i])
			alpha[i] = dot(o.steps[i], d) * rho[i]
			addScaled(d, -alpha[i], o.changes[i])
		}
		for i := range d {
			d[i] *= o.scale
		}
		for i := range n {
			addScaled(d, alpha[i]-dot(o.changes[i], d)*rho[i], o.steps[i])
		}
	}
	o.dir = d
}

// evaluate returns the loss and the gradient at the present parameters.
func (o *LBFGS) evaluate(loss func() *tensor.Tensor) (float64, []float64) {
	for _, p := range o.params {
		if v := p.Value(); v != nil {
			v.ZeroGrad()
		}
	}
	l := loss()
	l.Backward()
	flat := make([]float64, 0, o.size)
	for _, p := range o.params {
		if g := p.LendGrad(); g != nil && !p.IsFrozen() {
			flat = append(flat, tensor.ToSlice[float64](g)...)
			p.Value().ZeroGrad()
		} else {
			flat = append(flat, make([]float64, p.NumEl())...)
		}
	}
	return l.Item(), flat
}

// position returns the parameters.
func (o *LBFGS) position() []float64 {
	flat := make([]float64, 0, o.size)
	for _, p := range o.params {
		flat = append(flat, tensor.ToSlice[float64](p.Value())...)
	}
	return flat
}

// moveTo sets the parameters to x + t·direction.
func (o *LBFGS) moveTo(x []float64, t float64) {
	to := make([]float64, o.size)
	copy(to, x)
	addScaled(to, t, o.dir)
	for _, p := range o.params {
		n := p.NumEl()
		p.Value().CopyFrom(tensor.FromSlice(to[:n], p.Shape()...).Reshape(p.Shape()...))
		to = to[n:]
	}
}

// Reset forgets everything that was carried from step to step.
func (o *LBFGS) Reset() {
	*o = LBFGS{cfg: o.cfg, params: o.params, size: o.size, scale: 1}
}

// State returns everything that is carried from step to step: the scalars "iterations", "length" and "scale", and over the elements
// of all parameters (P) "direction", "gradient", "changes" (history, P) and "steps" (history, P).
func (o *LBFGS) State() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{
		"iterations": tensor.Scalar(tensor.Int64, float64(o.iterations)),
		"length":     tensor.Scalar(tensor.Float64, o.length),
		"scale":      tensor.Scalar(tensor.Float64, o.scale),
	}
	if o.lastGrad == nil {
		return out
	}
	table := func(rows [][]float64) *tensor.Tensor {
		var flat []float64
		for _, r := range rows {
			flat = append(flat, r...)
		}
		return tensor.FromSlice(flat, len(rows), o.size)
	}
	out["direction"] = tensor.FromSlice(o.dir, o.size)
	out["gradient"] = tensor.FromSlice(o.lastGrad, o.size)
	out["changes"], out["steps"] = table(o.changes), table(o.steps)
	return out
}

// LoadState continues from what [LBFGS.State] returned. If it doesn't fit, nothing changes.
func (o *LBFGS) LoadState(saved map[string]*tensor.Tensor) error {
	next := *o
	next.Reset()
	for _, name := range []string{"iterations", "length", "scale"} {
		if t := saved[name]; t == nil || t.NumEl() != 1 {
			return fmt.Errorf("optim: the state doesn't fit L-BFGS: the scalar %s is missing", name)
		}
	}
	next.iterations, next.length, next.scale = int(saved["iterations"].Item()), saved["length"].Item(), saved["scale"].Item()
	if next.iterations > 0 {
		rows := 0
		if t := saved["changes"]; t != nil && t.NDim() == 2 {
			rows = t.Size(0)
		}
		for name, shape := range map[string][]int{"direction": {o.size}, "gradient": {o.size}, "changes": {rows, o.size}, "steps": {rows, o.size}} {
			t := saved[name]
			if t == nil || fmt.Sprint(t.Shape()) != fmt.Sprint(shape) {
				return fmt.Errorf("optim: the state doesn't fit L-BFGS over %d elements: expected %s of shape %s", o.size, name, tensor.ShapeString(shape))
			}
		}
		next.dir, next.lastGrad = tensor.ToSlice[float64](saved["direction"]), tensor.ToSlice[float64](saved["gradient"])
		for i := range rows {
			next.changes = append(next.changes, tensor.ToSlice[float64](saved["changes"].Select(0, i)))
			next.steps = append(next.steps, tensor.ToSlice[float64](saved["steps"].Select(0, i)))
		}
	}
	*o = next
	return nil
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// addScaled adds k·x to y.
func addScaled(y []float64, k float64, x []float64) {
	for i := range y {
		y[i] += k * x[i]
	}
}

func sumAbs(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += math.Abs(v)
	}
	return s
}

// largest returns the largest absolute value.
func largest(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = math.Max(m, math.Abs(v))
	}
	return m
}
