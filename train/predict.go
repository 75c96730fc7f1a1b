package train

import (
	"context"
	"errors"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Predict runs the model over all of the data in evaluation mode and calls each with every batch and the model's output
// for it, examples along axis 0. Targets aren't needed. The tensors are valid during the call only; Keep what must last.
func Predict(ctx context.Context, model nn.Layer, source data.Source, each func(b data.Batch, output *tensor.Tensor) error) error {
	if model == nil || source == nil || each == nil {
		return errors.New("train: Predict needs a model, data, and a function for the outputs")
	}
	defer par.Hold()()
	scope := tensor.NewScope()
	one := func(b data.Batch) error {
		defer b.Release()
		defer scope.Release()
		return each(b, nn.Eval().Run(model, b.X.In(scope)))
	}
	return tensor.Try(func() error {
		for b, err := range source.Epoch(ctx, 0) {
			if err != nil {
				return err
			}
			if err := one(b); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}
