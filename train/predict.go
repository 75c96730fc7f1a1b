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
	return eachBatch(ctx, source, func(b data.Batch) error {
		return each(b, nn.Eval().Run(model, b.X))
	})
}
