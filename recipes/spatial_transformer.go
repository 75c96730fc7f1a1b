package recipes

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// Digits turned, scaled and shifted on a larger canvas are hard to read for a small network, until one that decides how to look at them
// stands in front (Jaderberg et al., Spatial Transformer Networks, 2015, §4.1). Both are trained on the same examples; only the answers of the
// classifier are compared with labels, and yet the transformer learns to straighten digits.
var spatialTransformer = Recipe{
	Name:    "spatial-transformer",
	Summary: "distorted digits, straightened by what learns to look at them",
	Source:  "Jaderberg et al. 2015, §4.1",
	Data:    []string{"digits", "mnist", "fashion-mnist"},
	Options: Options{Epochs: 10, Batch: 128, LR: 0.002},
	Metric:  "accuracy",
	Prepare: func(set *sets.Set) {
		set.Shape = []int{1, canvas, canvas}
		set.Train, set.Test = data.Map(set.Train, distort), data.Map(set.Test, distort)
	},
	Model: func(set *sets.Set) nn.Layer {
		return nn.NewNamed().Add("transformer", lookAgain()).Add("classifier", reader(len(set.Classes)))
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		cfg, err := r.classifier(reader(len(r.Set.Classes)), adam)
		if err != nil {
			return nil, err
		}
		without, err := r.FitPart(ctx, "without", cfg)
		if err != nil {
			return nil, err
		}
		model := r.Recipe.Model(r.Set)
		if cfg, err = r.classifier(model, adam); err != nil {
			return nil, err
		}
		if err := r.Fit(ctx, cfg); err != nil {
			return nil, err
		}
		figures, err := r.judge(ctx, model, cfg.Valid)
		if err != nil {
			return nil, err
		}
		figures["accuracy_without"] = without.History[len(without.History)-1].Values["val_accuracy"]
		fmt.Fprintf(r.Out, "accuracy %.4f with the transformer, %.4f without\n", figures["accuracy"], figures["accuracy_without"])
		lines := plot.Lines{Title: "Test error of the classifier with the transformer and without", Panels: []plot.Panel{{X: "epoch", Y: "error, %",
			Series: []plot.Series{errorSeries("with", "val_accuracy", r.Result), errorSeries("without", "val_accuracy", without)}}}}
		if err := plot.SavePNG(filepath.Join(r.Dir, "comparison.png"), lines.Draw()); err != nil {
			return nil, err
		}
		return figures, r.drawStraightened(model)
	},
}

// canvas is the side of the distorted images, 28 pixels wide before.
const canvas = 42

// distort draws each image of a batch on a larger canvas, turned by up to 60°, at 0.7 to 1.2 times its size, and shifted by up to 7 pixels.
func distort(d data.Draw, b data.Batch) (data.Batch, error) {
	n := b.Len()
	theta := make([]float32, 0, 6*n) // of each image: where in it a point of the canvas comes from, both from −1 to 1
	for i := range n {
		rng := d.RNG(i)
		between := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
		angle := between(-math.Pi/3, math.Pi/3)
		zoom := float64(canvas) / float64(b.X.Size(3)) / between(0.7, 1.2)
		x, y := between(-7, 7)*2/canvas, between(-7, 7)*2/canvas
		sin, cos := math.Sin(angle)*zoom, math.Cos(angle)*zoom
		for _, v := range []float64{cos, -sin, -cos*x + sin*y, sin, cos, -sin*x - cos*y} {
			theta = append(theta, float32(v))
		}
	}
	grid := tensor.AffineGrid(tensor.FromSlice(theta, n, 2, 3).In(d.Scope), n, 1, canvas, canvas, false)
	b.X = tensor.GridSample(b.X, grid, tensor.GridSampleConfig{})
	return b, nil
}

// reader is the classifier: a LeNet with ReLU.
func reader(classes int) nn.Layer {
	return nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: 1, Out: 16, Kernel: 5, Init: he}.New()).
		Add("relu1", nn.ReLU()).
		Add("pool1", nn.MaxPool2D(2)).
		Add("conv2", nn.Conv2DConfig{In: 16, Out: 16, Kernel: 5, Init: he}.New()).
		Add("relu2", nn.ReLU()).
		Add("pool2", nn.MaxPool2D(2)).
		Add("flatten", nn.Flatten()).
		Add("fc1", nn.LinearConfig{In: 16 * 7 * 7, Out: 64, Init: he}.New()).
		Add("relu3", nn.ReLU()).
		Add("fc2", nn.NewLinear(64, classes))
}

// lookAgain is the transformer: a small network that looks at half the resolution, and the map that follows from what it sees.
func lookAgain() *nn.SpatialTransformer {
	return nn.SpatialTransformerConfig{
		Localisation: nn.Seq(
			nn.AvgPool2D(2),
			nn.Conv2DConfig{In: 1, Out: 16, Kernel: 5, Init: he}.New(), nn.ReLU(), nn.MaxPool2D(2),
			nn.Conv2DConfig{In: 16, Out: 16, Kernel: 3, Init: he}.New(), nn.ReLU(), nn.MaxPool2D(2),
			nn.Flatten(),
			nn.LinearConfig{In: 16 * 3 * 3, Out: 32, Init: he}.New(), nn.ReLU(),
		),
		Features: 32,
	}.New()
}

func adam(params []*nn.Param, lr float64) *optim.Optimizer {
	return optim.NewAdam(params, optim.AdamConfig{LR: lr})
}

// drawStraightened draws examples of each class as they come, and as the transformer hands them to the classifier.
func (r *Run) drawStraightened(model nn.Layer) error {
	const columns = 10
	draw := data.Draw{}
	for i := range min(2*columns, r.Set.Test.Len()) {
		draw.Index = append(draw.Index, i)
	}
	b, err := r.Set.Test.Batch(draw)
	if err != nil {
		return err
	}
	var straight *tensor.Tensor
	nn.Walk(model, func(_ string, l nn.Layer) {
		if t, ok := l.(*nn.SpatialTransformer); ok {
			straight = t.Forward(nn.Eval(), b.X)
		}
	})
	var cells []plot.Cell
	for first := 0; first < b.Len(); first += columns {
		for k, x := range []*tensor.Tensor{b.X, straight} {
			for i := first; i < min(first+columns, b.Len()); i++ {
				cells = append(cells, plot.Cell{Image: r.photo(x.Select(0, i)), Caption: []string{"input", "straightened"}[k]})
			}
		}
	}
	grid := plot.Grid{Title: "Distorted images, and how the spatial transformer hands them on", Cells: cells, Columns: columns, Size: 84}
	return plot.SavePNG(filepath.Join(r.Dir, "straightened.png"), grid.Draw())
}
