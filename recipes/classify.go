package recipes

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// classify returns the training of an image classifier; then pictures of what it gets wrong.
func classify(newOptimizer func(params []*nn.Param, lr float64) *optim.Optimizer) func(context.Context, *Run) (map[string]float64, error) {
	return func(ctx context.Context, r *Run) (map[string]float64, error) {
		model := r.Recipe.Model(r.Set)
		cfg, err := r.classifier(model, newOptimizer)
		if err != nil {
			return nil, err
		}
		if err := r.Fit(ctx, cfg); err != nil {
			return nil, err
		}
		return r.judge(ctx, model, cfg.Valid)
	}
}

// classifier returns how to train an image classifier: cross entropy, a learning rate that rises for a twentieth of the steps and then falls along
// a cosine, examples varied as the options say, accuracy on the test set after each epoch. It gives the model its initial values and prints it.
func (r *Run) classifier(model nn.Layer, newOptimizer func(params []*nn.Param, lr float64) *optim.Optimizer) (train.Config, error) {
	nn.Init(model, r.Options.Seed)
	r.summary(model)
	examples, err := r.augmented(r.Set.Train)
	if err != nil {
		return train.Config{}, err
	}
	loader := r.loader(examples)
	opt := newOptimizer(nn.Params(model), r.Options.LR)
	steps := r.Options.Epochs * loader.Batches()
	return train.Config{
		Model: model, Optimizer: opt, Loss: nn.CrossEntropy,
		Train: loader, Valid: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 500}),
		Metrics:  []metrics.Metric{metrics.NewAccuracy()},
		Schedule: optim.Cosine(opt, steps, steps/20, 0.01),
	}, nil
}

// judge measures a classifier on the test set and draws the confusion matrix, the wrong predictions and the first filters.
func (r *Run) judge(ctx context.Context, model nn.Layer, test data.Source) (map[string]float64, error) {
	classes := r.Set.Classes
	confusion := metrics.NewConfusion(len(classes))
	var wrong []plot.Cell
	figures, err := train.Evaluate(ctx, train.EvalConfig{
		Model: model, Data: test, Loss: nn.CrossEntropy,
		Metrics: []metrics.Metric{metrics.NewAccuracy(), confusion},
		Each: func(b data.Batch, logits *tensor.Tensor) {
			if len(wrong) < 40 {
				wrong = append(wrong, r.mistakes(b, logits)...)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if err := plot.SavePNG(filepath.Join(r.Dir, "confusion.png"), plot.Confusion(confusion.Counts(), classes)); err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		grid := plot.Grid{Title: "Wrong predictions: true → predicted", Cells: wrong[:min(40, len(wrong))], Columns: 8}
		if err := plot.SavePNG(filepath.Join(r.Dir, "wrong.png"), grid.Draw()); err != nil {
			return nil, err
		}
	}
	if err := r.filters(model); err != nil {
		return nil, err
	}
	return map[string]float64{"accuracy": figures["accuracy"], "loss": figures["loss"]}, nil
}

// mistakes returns a picture of each example of the batch that the model gets wrong.
func (r *Run) mistakes(b data.Batch, logits *tensor.Tensor) []plot.Cell {
	var cells []plot.Cell
	probabilities := tensor.ToSlice[float64](logits.Softmax(1))
	predicted := tensor.ToSlice[int64](logits.ArgMax(1))
	truth := tensor.ToSlice[int64](b.Y)
	for i, p := range predicted {
		if p == truth[i] {
			continue
		}
		confidence := probabilities[i*len(r.Set.Classes)+int(p)]
		cells = append(cells, plot.Cell{
			Image:   picture(b.X.Select(0, i)),
			Caption: fmt.Sprintf("%s → %s\n%.0f %%", r.Set.Classes[truth[i]], r.Set.Classes[p], 100*confidence),
		})
	}
	return cells
}

// filters draws the weights of the first layer if they are pictures: convolution filters.
func (r *Run) filters(model nn.Layer) error {
	var first *nn.Conv2D
	nn.Walk(model, func(_ string, l nn.Layer) {
		if c, ok := l.(*nn.Conv2D); ok && first == nil {
			first = c
		}
	})
	if first == nil {
		return nil
	}
	w := first.Weight.Value().Detach()
	var cells []plot.Cell
	for i := range w.Size(0) {
		f := w.Select(0, i).MeanAxes(false, 0) // over input channels
		cells = append(cells, plot.Cell{Image: plot.Diverging(tensor.ToSlice[float32](f), f.Size(0), f.Size(1)), Caption: fmt.Sprint(i)})
	}
	grid := plot.Grid{Title: "Filters of the first layer (orange: positive, blue: negative)", Cells: cells, Columns: 8, Size: 72}
	return plot.SavePNG(filepath.Join(r.Dir, "filters.png"), grid.Draw())
}

// imageShape returns the channels, the side of the square images, and the number of classes of a set.
func imageShape(set *sets.Set) (channels, side, classes int) {
	return set.Shape[0], set.Shape[1], len(set.Classes)
}
