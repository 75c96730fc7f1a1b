package train

import (
	"context"
	"errors"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// EvalConfig describes a measurement. Model, Data and one of Loss and Step are required.
type EvalConfig struct {
	Model   nn.Layer
	Data    data.Source
	Loss    func(pred, target *tensor.Tensor) *tensor.Tensor
	Step    StepFunc
	Metrics []metrics.Metric // reset first
	// Each, if set, sees every batch with the model's output, such as for collecting wrong predictions. The tensors
	// are valid during the call only; Keep what must last.
	Each func(b data.Batch, pred *tensor.Tensor)
}

// Evaluate runs the model over all of the data in evaluation mode and returns the mean "loss" over the examples and the metrics by name.
func Evaluate(ctx context.Context, cfg EvalConfig) (map[string]float64, error) {
	if cfg.Model == nil || cfg.Data == nil || cfg.Step == nil && cfg.Loss == nil {
		return nil, errors.New("train: EvalConfig needs Model, Data, and Loss or Step")
	}
	cfg.Step = checked(cfg.Step, cfg.Loss)
	defer par.Hold()()
	for _, m := range cfg.Metrics {
		m.Reset()
	}
	var sum running
	err := eachBatch(ctx, cfg.Data, func(b data.Batch) error {
		loss, pred, target := cfg.Step(nn.Eval(), cfg.Model, b)
		sum.add(loss.Item(), float64(b.Len()))
		if pred == nil {
			return nil
		}
		measure(cfg.Metrics, pred, target)
		if cfg.Each != nil {
			cfg.Each(b, pred)
		}
		return nil
	})
	if err == nil && sum.Weight == 0 {
		err = errors.New("train: there are no examples to measure; is the data set empty, or smaller than one batch with DropLast?")
	}
	if err != nil {
		return nil, err
	}
	out := map[string]float64{"loss": sum.mean()}
	for _, m := range cfg.Metrics {
		out[m.Name()] = m.Value()
	}
	return out, nil
}

// eachBatch calls f for every batch of source until one fails. What f computes from the batch's inputs lives until f returns.
func eachBatch(ctx context.Context, source data.Source, f func(b data.Batch) error) error {
	scope := tensor.NewScope()
	scoped := func(b data.Batch) error {
		defer b.Release()
		defer scope.Release()
		b.X = b.X.In(scope)
		return f(b)
	}
	return tensor.Try(func() error {
		for b, err := range source.Epoch(ctx, 0) {
			if err != nil {
				return err
			}
			if err := scoped(b); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// measure shows a batch to all metrics.
func measure(all []metrics.Metric, pred, target *tensor.Tensor) {
	if target == nil && len(all) > 0 {
		tensor.Fail("train", "return the targets too, or nil predictions", "Step returned predictions without targets, which the metrics need")
	}
	for _, m := range all {
		m.Update(pred, target)
	}
}
