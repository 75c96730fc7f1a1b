package optim

import (
	"maps"
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// EMA keeps an average of a model's parameters and float buffers, which often does better on new data than the parameters themselves
// (Polyak and Juditsky, 1992): exponentially weighted from [NewEMA], average = Decay·average + (1 − Decay)·parameter at each Update,
// or with equal weights from [NewSWA].
type EMA struct {
	Decay float64
	// BiasCorrection divides by 1 − Decayᵗ, so that the first averages aren't pulled towards the start (as in Adam). Without it the
	// average starts at the parameters.
	BiasCorrection bool

	equal    bool // all steps count the same
	model    nn.Layer
	steps    int
	averages map[string]*tensor.Tensor
	saved    map[string]*tensor.Tensor // the model's own values while the averages are in use
}

// NewEMA returns an average of model's parameters and float buffers; decay is usually 0.99 to 0.9999.
func NewEMA(model nn.Layer, decay float64) *EMA {
	if !(decay > 0 && decay < 1) {
		tensor.Fail("optim.NewEMA", "", "the decay must lie between 0 and 1, got %g", decay)
	}
	return &EMA{Decay: decay, model: model}
}

// NewSWA returns the plain mean of model's parameters and float buffers at each Update (stochastic weight averaging; Izmailov et
// al., 2018). Call Update at the end of each epoch of the last part of a training. Batch norm's running statistics are averaged
// too; those of the averaged weights are better found by a pass over the data.
func NewSWA(model nn.Layer) *EMA { return &EMA{equal: true, model: model} }

// decay returns how much of the average stays in the next update, number steps.
func (e *EMA) decay() float64 {
	if e.equal {
		return 1 - 1/float64(e.steps)
	}
	return e.Decay
}

// Update takes in the present parameters. Call it after each step.
func (e *EMA) Update() {
	state := nn.State(e.model)
	if e.averages == nil {
		e.averages = map[string]*tensor.Tensor{}
		for name, t := range state {
			e.averages[name] = t.Clone()
			if e.BiasCorrection && t.DType().IsFloat() {
				e.averages[name].Fill(0)
			}
		}
	}
	e.steps++
	for name, t := range state {
		switch a := e.averages[name]; t.DType() {
		case tensor.Float32:
			blend[float32](a, t, e.decay())
		case tensor.Float64:
			blend[float64](a, t, e.decay())
		default:
			a.CopyFrom(t)
		}
	}
}

// blend moves the average a towards t, both contiguous.
func blend[T float32 | float64](a, t *tensor.Tensor, decay float64) {
	to, from := tensor.MutableData[T](a), tensor.Data[T](t)
	par.For(len(to), 1<<14, func(lo, hi int) { average(to[lo:hi], from[lo:hi], decay) })
	runtime.KeepAlive(a)
	runtime.KeepAlive(t)
}

// Values returns the averages by the parameters' names.
func (e *EMA) Values() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for name, a := range e.averages {
		out[name] = a
		if e.BiasCorrection && a.DType().IsFloat() {
			out[name] = a.MulScalar(1 / (1 - math.Pow(e.Decay, float64(e.steps))))
		}
	}
	return out
}

// Apply puts the averages into the model, for evaluation. [EMA.Restore] brings its own values back.
func (e *EMA) Apply() {
	if e.averages == nil || e.saved != nil {
		return
	}
	e.saved = map[string]*tensor.Tensor{}
	for name, t := range nn.State(e.model) {
		e.saved[name] = t.Clone()
	}
	e.load(e.Values())
}

// Restore undoes Apply.
func (e *EMA) Restore() {
	if e.saved != nil {
		e.load(e.saved)
		e.saved = nil
	}
}

func (e *EMA) load(state map[string]*tensor.Tensor) {
	if err := nn.LoadState(e.model, state, nn.LoadConfig{}); err != nil {
		tensor.Fail("optim.EMA", "the model's layers must stay what they were at the first Update", "%v", err)
	}
}

// SaveState returns what a checkpoint keeps.
func (e *EMA) SaveState() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{"steps": tensor.Scalar(tensor.Int64, float64(e.steps))}
	for name, a := range e.averages {
		out["average/"+name] = a
	}
	return out
}

// LoadState continues from what SaveState returned. If it doesn't fit the model, nothing changes and the error lists
// everything that is wrong.
func (e *EMA) LoadState(saved map[string]*tensor.Tensor) error {
	r := stateReader{left: maps.Clone(saved)}
	steps := r.count("steps", true)
	var averages map[string]*tensor.Tensor
	if steps > 0 {
		averages = map[string]*tensor.Tensor{}
		for name, t := range nn.State(e.model) {
			if a := r.take("average/"+name, t.Shape()); a != nil {
				averages[name] = a.To(t.DType()).Clone()
			} else if saved["average/"+name] == nil {
				r.bad = append(r.bad, "average/"+name+" is missing")
			}
		}
	}
	if err := r.err("this average (another model?)"); err != nil {
		return err
	}
	e.steps, e.averages = steps, averages
	return nil
}

// Average is an exponentially weighted average of numbers: v = β·v + (1 − β)·x.
type Average struct {
	Beta   float64
	raw    float64
	weight float64 // 1 − βᵗ
}

// Add takes in x.
func (a *Average) Add(x float64) {
	a.raw = a.Beta*a.raw + (1-a.Beta)*x
	a.weight = a.Beta*a.weight + (1 - a.Beta)
}

// Value returns the average with bias correction, NaN before the first Add.
func (a *Average) Value() float64 { return a.raw / a.weight }

// Raw returns the average without bias correction, which starts from 0.
func (a *Average) Raw() float64 { return a.raw }
