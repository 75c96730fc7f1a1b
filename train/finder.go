package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
)

// FinderConfig describes [FindLR]. The zero value of a field stands for its default.
type FinderConfig struct {
	Low, High float64 // first and last rate, default 1e-6 and 10
	Steps     int     // default 100
	Smooth    float64 // weight of the past in the smoothed loss, default 0.9
	Diverge   float64 // stop when the smoothed loss has grown to this many times the best, default 4
}

// FinderResult holds the losses at growing learning rates.
type FinderResult struct {
	LR, Loss  []float64 // smoothed
	Suggested float64   // where the loss falls most steeply, before its lowest point
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
	cfg.Schedule, cfg.Callbacks, cfg.Checkpoints, cfg.Valid, cfg.Metrics, cfg.Average, cfg.Resume = growing{f}, []Callback{f}, nil, nil, nil, nil, false
	cfg.Epochs = find.Steps // more than enough: the finder stops
	_, err := Fit(ctx, cfg)
	if err != nil && !errors.Is(err, ErrNotFinite) {
		return nil, err
	}
	if f.result.Suggested = f.steepest(); f.result.Suggested == 0 {
		return nil, fmt.Errorf("train: FindLR: the loss fell at none of %d learning rates from %g to %g; is the model frozen, or Low too high?", len(f.result.LR), find.Low, f.rate(max(len(f.result.LR)-1, 0)))
	}
	return &f.result, nil
}

// remember returns what puts model and optimiser back as they are now.
func remember(model nn.Layer, o *optim.Optimizer) func() {
	weights, state := copies(nil, nn.State(model)), copies(nil, o.State())
	return func() {
		_ = nn.LoadState(model, weights, nn.LoadConfig{}) // its own
		o.ZeroGrad()
		o.Reset()
		_ = o.LoadState(state) // its own
	}
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

// finder is the callback that watches the loss.
type finder struct {
	Quiet
	FinderConfig
	average optim.Average
	best    float64
	step    int     // steps seen
	group   running // losses of the batches of one step
	result  FinderResult
}

func (f *finder) rate(step int) float64 {
	return f.Low * math.Pow(f.High/f.Low, float64(step)/float64(f.Steps-1))
}

// StepEnd notes the loss of a step's batches, measured before the step.
func (f *finder) StepEnd(s *State) error {
	f.group.add(s.Loss, 1)
	if s.Step == f.step { // the step waits for more batches
		return nil
	}
	f.step = s.Step
	f.average.Add(f.group.mean())
	f.group = running{}
	v := f.average.Value()
	f.result.LR = append(f.result.LR, f.rate(s.Step-1))
	f.result.Loss = append(f.result.Loss, v)
	f.best = math.Min(f.best, v)
	if v-f.best > (f.Diverge-1)*math.Abs(f.best) || s.Step >= f.Steps {
		s.Stop("learning rates tried")
	}
	return nil
}

// steepest returns the rate at which the smoothed loss falls fastest per factor of the rate, 0 if it falls nowhere. Slopes are taken over a
// tenth of all steps, so that they tell more than the noise of single batches; the first tenth doesn't count, since there
// the average is still one of few losses; neither does what comes after the lowest loss.
func (f *finder) steepest() float64 {
	best, slope := 0.0, 0.0
	loss, reach := f.result.Loss, max(1, f.Steps/20)
	lowest := 0
	for i, v := range loss {
		if v < loss[lowest] {
			lowest = i
		}
	}
	for i := max(reach, f.Steps/10); i <= lowest && i+reach < len(loss); i++ {
		if d := loss[i+reach] - loss[i-reach]; d < slope {
			best, slope = f.result.LR[i], d
		}
	}
	return best
}
