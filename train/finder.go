package train

import (
	"context"
	"errors"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// FinderConfig describes [FindLR]. The zero value of a field stands for its default.
type FinderConfig struct {
	Low, High float64 // first and last rate, default 1e-6 and 10
	Steps     int     // default 100
	Smooth    float64 // weight of the past in the smoothed loss, default 0.9
	Diverge   float64 // stop when the smoothed loss is this many times the best, default 4
}

// FinderResult holds the losses at growing learning rates.
type FinderResult struct {
	LR, Loss  []float64 // smoothed
	Suggested float64   // where the loss falls most steeply
}

// FindLR trains for a few steps while the learning rate grows from step to step by a constant factor, and notes the loss: the rate to
// choose lies where the loss falls fastest, well before it climbs (Smith, "Cyclical learning rates", 2017). Model and
// optimiser end as they began.
func FindLR(ctx context.Context, cfg Config, find FinderConfig) (*FinderResult, error) {
	if find.Low == 0 {
		find.Low = 1e-6
	}
	if find.High == 0 {
		find.High = 10
	}
	if find.Steps == 0 {
		find.Steps = 100
	}
	if find.Smooth == 0 {
		find.Smooth = 0.9
	}
	if find.Diverge == 0 {
		find.Diverge = 4
	}
	if !(find.Low > 0 && find.High > find.Low) || find.Steps < 3 {
		return nil, errors.New("train: FindLR needs 0 < Low < High and at least 3 steps")
	}
	undo := remember(cfg.Model, cfg.Optimizer)
	defer undo()
	f := &finder{FinderConfig: find, average: optim.Average{Beta: find.Smooth}, best: math.Inf(1)}
	cfg.Schedule, cfg.Callbacks, cfg.Checkpoints, cfg.Valid, cfg.Metrics, cfg.Resume = growing{f}, []Callback{f}, nil, nil, nil, false
	cfg.Epochs = find.Steps // more than enough: the finder stops
	_, err := Fit(ctx, cfg)
	if err != nil && !errors.Is(err, ErrNotFinite) {
		return nil, err
	}
	f.result.Suggested = f.steepest()
	return &f.result, nil
}

// remember returns what puts model and optimiser back as they are now.
func remember(model nn.Layer, o *optim.Optimizer) func() {
	copyOf := func(m map[string]*tensor.Tensor) map[string]*tensor.Tensor {
		out := map[string]*tensor.Tensor{}
		for k, t := range m {
			out[k] = t.Clone()
		}
		return out
	}
	weights, state := copyOf(nn.State(model)), copyOf(o.State())
	return func() {
		_ = nn.LoadState(model, weights, nn.LoadConfig{}) // its own
		o.ZeroGrad()
		o.Reset()
		_ = o.LoadState(state) // its own
	}
}

// finder is the callback that watches the loss.
type finder struct {
	Quiet
	FinderConfig
	average optim.Average
	best    float64
	result  FinderResult
}

func (f *finder) rate(step int) float64 {
	return f.Low * math.Pow(f.High/f.Low, float64(step)/float64(f.Steps-1))
}

// growing is the schedule of the rates tried.
type growing struct{ f *finder }

// StepBegin sets the rate.
func (g growing) StepBegin(o *optim.Optimizer, step, _ int) {
	for _, group := range o.Groups() {
		group.LR = g.f.rate(step)
	}
}

// EpochEnd does nothing.
func (growing) EpochEnd(*optim.Optimizer, int, map[string]float64) {}

// StepEnd notes the loss.
func (f *finder) StepEnd(s *State) error {
	f.average.Add(s.Loss)
	v := f.average.Value()
	f.result.LR = append(f.result.LR, f.rate(len(f.result.LR)))
	f.result.Loss = append(f.result.Loss, v)
	f.best = math.Min(f.best, v)
	if v > f.Diverge*f.best || len(f.result.LR) >= f.Steps {
		s.Stop("learning rates tried")
	}
	return nil
}

// steepest returns the rate at which the smoothed loss falls fastest per factor of the rate.
func (f *finder) steepest() float64 {
	best, slope := 0.0, 0.0
	for i := 1; i+1 < len(f.result.Loss); i++ {
		if d := f.result.Loss[i+1] - f.result.Loss[i-1]; d < slope {
			best, slope = f.result.LR[i], d
		}
	}
	return best
}
