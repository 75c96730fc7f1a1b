// Package train runs training: epochs, validation, callbacks, checkpoints, and resuming to the same bits.
//
//	result, err := train.Fit(ctx, train.Config{
//		Model: net, Loss: nn.CrossEntropy, Optimizer: opt,
//		Train: loader, Valid: testLoader, Epochs: 5,
//		Metrics: []metrics.Metric{metrics.NewAccuracy()},
//	})
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// Config describes a training run. Model, Optimizer, Train, Epochs and one of Loss and Step are required.
type Config struct {
	Model     nn.Layer
	Optimizer *optim.Optimizer
	Train     data.Source
	Valid     data.Source // measured after each epoch, if set
	Epochs    int

	// Loss returns the mean loss, a scalar, of predictions against targets.
	Loss func(pred, target *tensor.Tensor) *tensor.Tensor
	// Step replaces the usual model.Forward and Loss for tasks that don't fit them: it returns the loss of a batch, and the
	// predictions and targets for Metrics (nil for none).
	Step func(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor)

	Metrics    []metrics.Metric // measured on training batches as they come and on Valid
	Schedule   optim.Schedule   // of the learning rates, if set
	Accumulate int              // batches whose gradients are added up for one step of the optimiser; default 1
	ClipNorm   float64          // limit of the norm of all gradients together; 0: none
	Seed       uint64           // of dropout and other randomness in the model
	Callbacks  []Callback

	Checkpoints *Checkpoints // where and how often to save everything; nil: nowhere
	Resume      bool         // continue from the newest valid checkpoint, if there is one
}

// Result tells how a run went.
type Result struct {
	History []Epoch // one entry for each finished epoch, those before a resume included
	Steps   int     // steps of the optimiser
	Stopped string  // why training ended before the last epoch, or ""
}

// Epoch holds the figures of one epoch: "loss", the metrics, the same with "val_" in front for the validation set, "lr".
type Epoch struct {
	Number  int
	Values  map[string]float64
	Seconds float64
}

// ErrNotFinite is the error behind a [NotFiniteError].
var ErrNotFinite = errors.New("not finite")

// NotFiniteError says where a NaN or infinity first appeared in training.
type NotFiniteError struct {
	What        string // "loss" or "gradient of conv1.weight"
	Epoch, Step int
	Op          string // first operation with a bad output from good inputs, or "" if its inputs were bad already
	Layer       string
	Batch       []int // numbers of the examples
}

func (e *NotFiniteError) Error() string {
	s := fmt.Sprintf("train: the %s is not finite in epoch %d, step %d", e.What, e.Epoch+1, e.Step)
	if e.Op != "" {
		s += fmt.Sprintf("; first bad operation: %s", e.Op)
		if e.Layer != "" {
			s += " in " + e.Layer
		}
	}
	n := min(len(e.Batch), 8)
	s += fmt.Sprintf("; batch of examples %v", e.Batch[:n])
	if n < len(e.Batch) {
		s += " …"
	}
	return s + "; try a lower learning rate, gradient clipping (ClipNorm), or check the data for NaN"
}

// Unwrap returns ErrNotFinite.
func (e *NotFiniteError) Unwrap() error { return ErrNotFinite }

// Fit trains. It returns when all epochs are done, a callback stops it, something fails, or ctx ends: then it writes a checkpoint, if
// there is a place for one, and returns ctx's error. The result is valid in every case.
func Fit(ctx context.Context, cfg Config) (*Result, error) {
	r, err := newRun(cfg)
	if err != nil {
		return &Result{}, err
	}
	err = tensor.Try(func() error { return r.fit(ctx) })
	return &Result{History: r.state.History, Steps: r.state.Step, Stopped: r.state.stop}, err
}

// run is one Fit.
type run struct {
	cfg   Config
	state State
	scope *tensor.Scope
	sum   running // training loss of the epoch
	first int     // batches of the first epoch that a checkpoint has behind it
}

// running is a mean weighted by examples.
type running struct{ Total, Weight float64 }

func (r *running) add(v, w float64) { r.Total += v * w; r.Weight += w }
func (r running) mean() float64     { return r.Total / r.Weight }

func newRun(cfg Config) (*run, error) {
	switch {
	case cfg.Model == nil || cfg.Optimizer == nil || cfg.Train == nil:
		return nil, errors.New("train: Config needs Model, Optimizer and Train")
	case cfg.Loss == nil && cfg.Step == nil:
		return nil, errors.New("train: Config needs Loss or Step")
	case cfg.Epochs <= 0:
		return nil, fmt.Errorf("train: Epochs must be positive, got %d", cfg.Epochs)
	}
	cfg.Accumulate = max(cfg.Accumulate, 1)
	if cfg.Step == nil {
		cfg.Step = func(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
			pred = c.Run(model, b.X)
			return cfg.Loss(pred, b.Y), pred, b.Y
		}
	}
	r := &run{cfg: cfg, scope: tensor.NewScope()}
	r.state = State{Model: cfg.Model, Optimizer: cfg.Optimizer, Epochs: cfg.Epochs, Batches: -1}
	if l, ok := cfg.Train.(interface{ Batches() int }); ok {
		r.state.Batches = l.Batches()
	}
	return r, nil
}

func (r *run) fit(ctx context.Context) error {
	defer par.Hold()()
	defer r.scope.Release()
	s := &r.state
	if r.cfg.Resume && r.cfg.Checkpoints != nil {
		if err := r.restore(); err != nil {
			return err
		}
	}
	if err := r.each(Callback.TrainBegin); err != nil {
		return err
	}
	for ; s.Epoch < s.Epochs && s.stop == ""; s.Epoch++ {
		if err := r.epoch(ctx); err != nil {
			return r.leave(ctx, err)
		}
	}
	return r.each(Callback.TrainEnd)
}

// leave writes a last checkpoint if the run was interrupted from outside.
func (r *run) leave(ctx context.Context, err error) error {
	if ctx.Err() == nil || r.cfg.Checkpoints == nil {
		return err
	}
	if saveErr := r.save(); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return err
}

func (r *run) epoch(ctx context.Context) error {
	s := &r.state
	start := time.Now()
	if r.first == 0 {
		s.Batch, r.sum = 0, running{}
		for _, m := range r.cfg.Metrics {
			m.Reset()
		}
	}
	batches := r.cfg.Train.Epoch(ctx, s.Epoch)
	if r.first > 0 {
		batches = r.cfg.Train.(resumable).EpochFrom(ctx, s.Epoch, r.first)
		r.first = 0
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		if err := r.batch(b); err != nil {
			return err
		}
		if s.stop != "" {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if s.Batch == 0 {
		return errors.New("train: the epoch had no batches; is the data set empty, or smaller than one batch with DropLast?")
	}
	if s.Batch%r.cfg.Accumulate != 0 {
		r.update() // the last, smaller group of batches
	}
	e := Epoch{Number: s.Epoch, Values: map[string]float64{"loss": r.sum.mean(), "lr": r.cfg.Optimizer.Groups()[0].LR}}
	for _, m := range r.cfg.Metrics {
		e.Values[m.Name()] = m.Value()
	}
	if r.cfg.Valid != nil {
		measured, err := r.validate(ctx)
		if err != nil {
			return err
		}
		for k, v := range measured {
			e.Values["val_"+k] = v
		}
	}
	e.Seconds = time.Since(start).Seconds()
	s.History = append(s.History, e)
	if r.cfg.Schedule != nil {
		r.cfg.Schedule.EpochEnd(r.cfg.Optimizer, s.Epoch+1, e.Values)
	}
	if err := r.each(Callback.EpochEnd); err != nil {
		return err
	}
	return r.checkpointEpoch()
}

// batch takes one batch through the model and, if enough were gathered, steps the optimiser.
func (r *run) batch(b data.Batch) error {
	s := &r.state
	if s.Batch%r.cfg.Accumulate == 0 && r.cfg.Schedule != nil {
		r.cfg.Schedule.StepBegin(r.cfg.Optimizer, s.Step, s.Epoch)
	}
	b.X = b.X.In(r.scope)
	defer r.scope.Release()
	loss, pred, target := r.cfg.Step(r.ctx(), r.cfg.Model, b)
	if loss.NumEl() != 1 {
		tensor.Fail("train", "reduce the loss with Mean", "the loss must be a scalar, got shape %v", loss.Shape())
	}
	s.Loss = loss.Item()
	if math.IsNaN(s.Loss) || math.IsInf(s.Loss, 0) {
		return r.blame("loss", b)
	}
	if r.cfg.Accumulate > 1 {
		loss = loss.MulScalar(1 / float64(r.cfg.Accumulate))
	}
	loss.Backward()
	r.sum.add(s.Loss, float64(b.Len()))
	if pred != nil {
		for _, m := range r.cfg.Metrics {
			m.Update(pred.Detach(), target)
		}
	}
	s.Batch++
	if s.Batch%r.cfg.Accumulate == 0 {
		if err := r.finiteGradients(b); err != nil {
			return err
		}
		r.update()
	}
	if err := r.each(Callback.StepEnd); err != nil {
		return err
	}
	return r.checkpointStep()
}

// ctx returns the context of a training step. Its randomness is a function of seed, epoch and batch, so that a resumed run draws the same.
func (r *run) ctx() *nn.Ctx {
	return nn.Train(tensor.NewRNG(r.cfg.Seed).Split(fmt.Sprintf("step/%d/%d", r.state.Epoch, r.state.Batch)))
}

// update steps the optimiser.
func (r *run) update() {
	if r.cfg.ClipNorm > 0 {
		optim.ClipNorm(r.cfg.Optimizer, r.cfg.ClipNorm)
	}
	r.cfg.Optimizer.Step()
	r.state.Step++
}

// finiteGradients returns an error that names the first parameter whose gradient has a NaN or infinity.
func (r *run) finiteGradients(b data.Batch) error {
	if n := optim.GradNorm(r.cfg.Optimizer); !math.IsNaN(n) && !math.IsInf(n, 0) {
		return nil
	}
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			if d := p.Grad(); d != nil && d.IsFinite().AllAxes(false).Item() == 0 {
				return r.blame("gradient of "+p.Name(), b)
			}
		}
	}
	return nil // the sum of squares overflowed, but no gradient did
}

// blame runs the step again, traced, to find the operation that made the first bad value.
func (r *run) blame(what string, b data.Batch) error {
	e := &NotFiniteError{What: what, Epoch: r.state.Epoch, Step: r.state.Step, Batch: b.Index}
	return e
}

// validate measures loss and metrics on the validation set.
func (r *run) validate(ctx context.Context) (map[string]float64, error) {
	return Evaluate(ctx, EvalConfig{Model: r.cfg.Model, Data: r.cfg.Valid, Step: r.cfg.Step, Metrics: r.cfg.Metrics})
}

// each calls a method of all callbacks.
func (r *run) each(method func(Callback, *State) error) error {
	for _, c := range r.cfg.Callbacks {
		if err := method(c, &r.state); err != nil {
			return err
		}
	}
	return nil
}
