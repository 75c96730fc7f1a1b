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
	"github.com/gradus-ml/gradus/train"
)

// The line that linear regression has to find: y = 2·x₁ − 3.4·x₂ + 4.2, seen through noise of 0.01.
var (
	trueWeights = []float64{2, -3.4}
	trueBias    = 4.2
)

// Linear regression on D2L's synthetic data: 1,000 points, minibatches of 10, stochastic gradient descent. It recovers
// the weights and the bias that the data were made with.
var linearRegression = Recipe{
	Name:     "linear-regression",
	Summary:  "finds the weights that synthetic data were made with",
	Source:   "D2L 3.2–3.5",
	Data:     []string{"synthetic"},
	Options:  Options{Epochs: 3, Batch: 10, LR: 0.03},
	Metric:   "val_loss",
	Generate: func(seed uint64) *sets.Set { return linearSet(seed, trueWeights, trueBias, 0.01, 1000, 200) },
	Model:    func(set *sets.Set) nn.Layer { return nn.NewLinear(set.Shape[0], 1) },
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		model := r.Recipe.Model(r.Set).(*nn.Linear)
		nn.Init(model, r.Options.Seed)
		r.summary(model)
		err := r.Fit(ctx, train.Config{
			Model: model, Loss: nn.MSE,
			Optimizer: optim.NewSGD(nn.Params(model), optim.SGDConfig{LR: r.Options.LR}),
			Train:     r.loader(r.Set.Train),
			Valid:     data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 200}),
		})
		if err != nil {
			return nil, err
		}
		found := append(tensor.ToSlice[float64](model.Weight.Value()), model.Bias.Value().Item())
		truth := append(append([]float64(nil), trueWeights...), trueBias)
		worst := 0.0
		for i, name := range []string{"w₁", "w₂", "b"} {
			fmt.Fprintf(r.Out, "%s  found %8.4f  true %5.2f  error %.4f\n", name, found[i], truth[i], math.Abs(found[i]-truth[i]))
			worst = math.Max(worst, math.Abs(found[i]-truth[i]))
		}
		figures, err := train.Evaluate(ctx, train.EvalConfig{Model: model, Loss: nn.MSE, Data: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 200})})
		if err != nil {
			return nil, err
		}
		return map[string]float64{"val_loss": figures["loss"], "largest_error": worst}, r.drawPlane(model)
	},
}

// drawPlane shows targets beside predictions on the test points.
func (r *Run) drawPlane(model nn.Layer) error {
	all, err := data.All(r.Set.Test)
	if err != nil {
		return err
	}
	y := tensor.ToSlice[float64](all.Y)
	x2 := tensor.ToSlice[float64](all.X.Select(1, 1))
	predicted := tensor.ToSlice[float64](model.Forward(nn.Eval(), all.X))
	lines := plot.Lines{Title: "Linear regression on the test points", Panels: []plot.Panel{
		{Title: "data against the second feature", X: "x₂", Y: "y", Series: []plot.Series{
			{Name: "data", X: x2, Y: y, Style: plot.Points}, {Name: "prediction", X: x2, Y: predicted, Style: plot.Points}}},
		{Title: "prediction against truth", X: "true y", Y: "predicted y", Series: []plot.Series{{X: y, Y: predicted, Style: plot.Points}}},
	}}
	return plot.SavePNG(filepath.Join(r.Dir, "fit.png"), lines.Draw())
}

// linearSet makes y = x·w + b + noise with x from the standard normal distribution, as D2L does.
func linearSet(seed uint64, w []float64, b, noise float64, train, test int) *sets.Set {
	rng := tensor.NewRNG(seed).Split("linear data")
	weights := tensor.FromSlice(w, len(w), 1).To(tensor.Float32)
	generate := func(n int) data.Dataset {
		x := rng.Normal(tensor.Float32, 0, 1, n, len(w))
		y := x.MatMul(weights).AddScalar(b).Add(rng.Normal(tensor.Float32, 0, noise, n, 1))
		return data.Tensors(x, y)
	}
	return synthetic(generate(train), generate(test), len(w))
}

// synthetic returns a generated set for regression on n features.
func synthetic(train, test data.Dataset, n int) *sets.Set {
	return &sets.Set{Info: sets.Info{Name: "synthetic", Shape: []int{n}, TrainSize: train.Len(), TestSize: test.Len()}, Train: train, Test: test}
}

// loader returns the shuffled training batches that the options ask for.
func (r *Run) loader(ds data.Dataset) *data.Loader {
	if r.Options.Limit > 0 {
		ds = data.Take(ds, r.Options.Limit, r.Options.Seed)
	}
	return data.NewLoader(ds, data.LoaderConfig{
		Batch: r.Options.Batch, Shuffle: true, Seed: r.Options.Seed,
		DropLast: ds.Len()%r.Options.Batch == 1 && ds.Len() > 1, // one example is no batch: it has no variance to normalise by
	})
}
