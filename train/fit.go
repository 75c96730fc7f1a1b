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
	"maps"
	"math"
	"slices"
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
	Train     data.Source // one with an EpochFrom method, as data.Loader has, can be resumed in mid-epoch
	Valid     data.Source // measured after each epoch, if set
	Epochs    int

	// Loss returns the mean loss, a scalar, of predictions against targets. One of your own should make sure that both have one shape:
	// predictions (N, 1) less targets (N) are (N, N), whose mean trains towards something else without an error. Those of package nn do.
	Loss func(pred, target *tensor.Tensor) *tensor.Tensor
	// Step replaces the usual model.Forward and Loss for tasks that don't fit them, such as an autoencoder, whose target is its input.
	Step StepFunc

	Metrics  []metrics.Metric // measured on training batches as they come and on Valid
	Schedule optim.Schedule   // of the learning rates, if set
	// Accumulate is how many batches make one step of the optimiser, by the gradient of the mean over all of their examples; default 1.
	Accumulate int
	ClipNorm   float64 // limit of the norm of all gradients together; 0: none
	// Average, if set, is updated after each step. It takes the place of the weights for Valid, for the callbacks at an epoch's end, and
	// when training has ended.
	Average   *optim.EMA
	Seed      uint64 // of dropout and other randomness in the model
	Callbacks []Callback

	Checkpoints *Checkpoints // where and how often to save everything; nil: nowhere
	Resume      bool         // continue from the newest valid checkpoint, if there is one
}

// StepFunc computes the mean loss of a batch, a scalar, and the predictions and targets for metrics (nil for none). It runs the model by
// c.Run(model, x). The batch and what is computed from it live until the step is over; Keep what must last.
type StepFunc func(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor)

// Result tells how a run went.
type Result struct {
	History []Epoch // one entry for each finished epoch, those before a resume included
	Steps   int     // steps of the optimiser
	Stopped string  // why training ended before the last epoch, or ""
}

// Epoch holds the figures of one epoch: "loss", the metrics, the same with "val_" in front for the validation set, and "lr", the
// learning rate of the last step (of the optimiser's first group).
type Epoch struct {
	Number  int // from 0
	Values  map[string]float64
	Seconds float64 // of a resumed epoch, the part after the resume
}

// Fit trains. It returns when all epochs are done, a callback stops it, something fails, or ctx ends: then it finishes the running batch,
// writes a checkpoint, if there is a place for one, and returns ctx's error. The result is valid in every case.
//
// What comes out is a function of the configuration, seeds included: not of the number of threads or loader workers,
// nor of how often the run was killed and resumed (with Resume set, and the configuration the same but for Epochs).
// Metrics, schedules and callbacks that carry something from step to step take part in that if they are [Stateful],
// as those of this module are.
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
	cfg     Config
	state   State
	scope   *tensor.Scope
	sum     running            // training loss of the epoch
	group   group              // batches that wait for a step
	figures map[string]float64 // of the epoch's training part, once that is over
	closing bool               // the epoch's end is half done: no state to resume from
}

// running is a mean weighted by examples.
type running struct{ Total, Weight float64 }

func (r *running) add(v, w float64) { r.Total += v * w; r.Weight += w }
func (r running) mean() float64     { return r.Total / r.Weight }

// group counts the batches whose gradients wait for a step of the optimiser. A gradient counts in proportion to its
// batch's examples; they are measured in those of the group's first batch, so that nothing needs to be scaled where
// all batches are of one size.
type group struct {
	Batches         int
	Examples, First float64 // in all batches, and in the first
}

// checked returns step, or, if that is nil, the usual step with a loss function, with a look at whether the loss is one.
func checked(step StepFunc, loss func(pred, target *tensor.Tensor) *tensor.Tensor) StepFunc {
	name := "Step"
	if step == nil {
		name, step = "Loss", usual(loss)
	}
	return func(c *nn.Ctx, model nn.Layer, b data.Batch) (l, pred, target *tensor.Tensor) {
		l, pred, target = step(c, model, b)
		if l == nil {
			tensor.Fail("train", "return the mean loss, a scalar", "%s returned nil instead of a loss", name)
		}
		if l.NumEl() != 1 {
			tensor.Fail("train", "reduce the loss with Mean", "the loss must be a scalar, got shape %s", tensor.ShapeString(l.Shape()))
		}
		return l, pred, target
	}
}

// usual is the step of models that map a batch's X to something that is compared with its Y.
func usual(loss func(pred, target *tensor.Tensor) *tensor.Tensor) StepFunc {
	return func(c *nn.Ctx, model nn.Layer, b data.Batch) (_, pred, target *tensor.Tensor) {
		if b.Y == nil {
			tensor.Fail("train", "take data that have targets, or a Step that does without",
				"the batch has no targets (Y is nil), and the loss needs them; test sets of competitions come without")
		}
		if pred = c.Run(model, b.X); pred == nil {
			tensor.Fail("train", "return the output from the model's Forward", "the model returned nil")
		}
		return loss(pred, b.Y), pred, b.Y
	}
}

// strangers reports whether the optimiser holds none of the parameters, though there are some.
func strangers(o *optim.Optimizer, params []*nn.Param) bool {
	held := map[*nn.Param]bool{}
	for _, g := range o.Groups() {
		for _, p := range g.Params {
			held[p] = true
		}
	}
	return len(params) > 0 && !slices.ContainsFunc(params, func(p *nn.Param) bool { return held[p] })
}

func newRun(cfg Config) (*run, error) {
	switch {
	case cfg.Model == nil || cfg.Optimizer == nil || cfg.Train == nil:
		return nil, errors.New("train: Config needs Model, Optimizer and Train")
	case cfg.Loss == nil && cfg.Step == nil:
		return nil, errors.New("train: Config needs Loss or Step")
	case cfg.Epochs <= 0:
		return nil, fmt.Errorf("train: Epochs must be positive, got %d", cfg.Epochs)
	case cfg.Accumulate < 0 || !(cfg.ClipNorm >= 0):
		return nil, fmt.Errorf("train: Accumulate and ClipNorm must not be negative, got %d and %g", cfg.Accumulate, cfg.ClipNorm)
	case cfg.Resume && cfg.Checkpoints == nil:
		return nil, errors.New("train: Resume needs Checkpoints, which says where they are")
	case strangers(cfg.Optimizer, nn.Params(cfg.Model)):
		return nil, errors.New("train: the optimiser holds other parameters than the model's; build it from nn.Params(model)")
	}
	cfg.Accumulate = max(cfg.Accumulate, 1)
	cfg.Step = checked(cfg.Step, cfg.Loss)
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
	r.cfg.Optimizer.ZeroGrad()
	if err := r.restore(); err != nil {
		return err
	}
	if err := r.each(Callback.TrainBegin); err != nil {
		return err
	}
	for s := &r.state; s.Epoch < s.Epochs && s.stop == ""; {
		if err := r.epoch(ctx); err != nil {
			return r.leave(ctx, err)
		}
	}
	if r.cfg.Average != nil {
		r.cfg.Average.Apply()
	}
	return r.each(Callback.TrainEnd)
}

// leave writes a last checkpoint if the run was interrupted from outside.
func (r *run) leave(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) || r.cfg.Checkpoints == nil || r.closing {
		return err
	}
	if saveErr := r.save(); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return err
}

// epoch runs an epoch, or the rest of one.
func (r *run) epoch(ctx context.Context) error {
	s, start := &r.state, time.Now()
	if r.figures == nil { // else a checkpoint has the training part behind it
		if err := r.train(ctx); err != nil {
			return err
		}
	}
	if err := r.endEpoch(ctx, start); err != nil {
		return err
	}
	r.closing = false
	s.Epoch++
	s.Batch, r.sum, r.figures = 0, running{}, nil
	for _, m := range r.cfg.Metrics {
		m.Reset()
	}
	return r.checkpointEpoch()
}

// train takes the epoch's batches through the model.
func (r *run) train(ctx context.Context) error {
	s := &r.state
	if s.Batch == 0 {
		for _, m := range r.cfg.Metrics {
			m.Reset()
		}
	}
	batches := r.cfg.Train.Epoch(ctx, s.Epoch)
	if s.Batch > 0 {
		batches = r.cfg.Train.(resumable).EpochFrom(ctx, s.Epoch, s.Batch)
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		if s.stop != "" {
			break
		}
		if err := r.batch(b); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if s.Batch == 0 {
		return errors.New("train: the epoch had no batches; is the data set empty, or smaller than one batch with DropLast?")
	}
	if r.group.Batches > 0 {
		r.update() // the last, smaller group of batches
	}
	r.figures = map[string]float64{"loss": r.sum.mean(), "lr": r.cfg.Optimizer.Groups()[0].LR}
	for _, m := range r.cfg.Metrics {
		r.figures[m.Name()] = m.Value()
	}
	return nil
}

// endEpoch measures the validation set and tells schedule and callbacks.
func (r *run) endEpoch(ctx context.Context, start time.Time) error {
	s := &r.state
	if r.cfg.Average != nil {
		r.cfg.Average.Apply()
		defer r.cfg.Average.Restore()
	}
	e := Epoch{Number: s.Epoch, Values: maps.Clone(r.figures)}
	if r.cfg.Valid != nil {
		measured, err := Evaluate(ctx, EvalConfig{Model: r.cfg.Model, Data: r.cfg.Valid, Step: r.cfg.Step, Metrics: r.cfg.Metrics})
		if err != nil {
			return err
		}
		for k, v := range measured {
			e.Values["val_"+k] = v
		}
	}
	e.Seconds = time.Since(start).Seconds()
	r.closing = true
	s.History = append(s.History, e)
	if r.cfg.Schedule != nil {
		r.cfg.Schedule.EpochEnd(r.cfg.Optimizer, s.Epoch+1, e.Values)
	}
	return r.each(Callback.EpochEnd)
}

// batch takes one batch through the model and, if enough were gathered, steps the optimiser.
func (r *run) batch(b data.Batch) error {
	s := &r.state
	defer b.Release()
	defer r.scope.Release()
	if r.group.Batches == 0 && r.cfg.Schedule != nil {
		r.cfg.Schedule.StepBegin(r.cfg.Optimizer, s.Step, s.Epoch)
	}
	b.X = b.X.In(r.scope)
	loss, pred, target := r.cfg.Step(r.ctx(), r.cfg.Model, b)
	s.Loss = loss.Item()
	if math.IsNaN(s.Loss) || math.IsInf(s.Loss, 0) {
		return r.blame("loss", b)
	}
	n := float64(b.Len())
	if r.group.Batches == 0 {
		r.group.First = n
	}
	if n != r.group.First {
		loss = loss.MulScalar(n / r.group.First)
	}
	loss.Backward()
	if bad := r.badGradient(); bad != "" {
		return r.blame("gradient of "+bad, b)
	}
	r.sum.add(s.Loss, n)
	if pred != nil {
		measure(r.cfg.Metrics, pred.Detach(), target)
	}
	s.Batch++
	r.group.Batches++
	r.group.Examples += n
	if r.group.Batches == r.cfg.Accumulate {
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
	if r.group.Batches > 1 {
		optim.ScaleGrad(r.cfg.Optimizer, r.group.First/r.group.Examples)
	}
	if r.cfg.ClipNorm > 0 {
		optim.ClipNorm(r.cfg.Optimizer, r.cfg.ClipNorm)
	}
	r.cfg.Optimizer.Step()
	r.state.Step++
	r.group = group{}
	if r.cfg.Average != nil {
		r.cfg.Average.Update()
	}
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
