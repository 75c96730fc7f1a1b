package recipes

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/train"
)

// Weight decay on D2L's case made for overfitting: 200 features, 20 examples. Without it the training loss vanishes while the loss
// on new data stays; with it the two meet.
var weightDecay = Recipe{
	Name:    "weight-decay",
	Summary: "20 examples, 200 features: overfitting, and the cure",
	Source:  "D2L 3.7",
	Data:    []string{"synthetic"},
	Options: Options{Epochs: 100, Batch: 5, LR: 0.003},
	Metric:  "val_loss",
	Generate: func(seed uint64) *sets.Set {
		w := make([]float64, 200)
		for i := range w {
			w[i] = 0.01
		}
		return linearSet(seed, w, 0.05, 0.01, 20, 100)
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		figures := map[string]float64{}
		lines := plot.Lines{Title: "Weight decay: 200 features, 20 examples"}
		for _, lambda := range []float64{0, 3} {
			model := nn.LinearConfig{In: 200, Out: 1, Init: nn.Normal(0, 1)}.New() // large weights, as in the book
			nn.Init(model, r.Options.Seed)
			if lambda == 0 { // the other model is the same
				r.summary(model)
			}
			// The bias isn't decayed.
			opt := optim.NewSGDGroups([]optim.Group{
				{Params: []*nn.Param{model.Weight}, LR: r.Options.LR, WeightDecay: lambda},
				{Params: []*nn.Param{model.Bias}, LR: r.Options.LR},
			}, optim.SGDConfig{})
			result, err := r.FitPart(ctx, fmt.Sprintf("decay-%g", lambda), train.Config{
				Model: model, Loss: nn.MSE, Optimizer: opt,
				Train: r.loader(r.Set.Train),
				Valid: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 100}),
			})
			r.Result = result
			if err != nil {
				return nil, err
			}
			norm := model.Weight.Value().Detach().Norm(2, false).Item()
			last := result.History[len(result.History)-1].Values
			fmt.Fprintf(r.Out, "decay %g: training loss %.4g, test loss %.4g, norm of the weights %.3f\n", lambda, last["loss"], last["val_loss"], norm)
			lines.Panels = append(lines.Panels, plot.Panel{Title: fmt.Sprintf("decay λ = %g", lambda), X: "epoch", Y: "loss", LogY: true,
				Series: lossSeries(result.History)})
			figures[map[float64]string{0: "val_loss_without", 3: "val_loss"}[lambda]] = last["val_loss"]
			figures[map[float64]string{0: "norm_without", 3: "norm"}[lambda]] = norm
		}
		return figures, plot.SavePNG(filepath.Join(r.Dir, "curves.png"), lines.Draw())
	},
}

// lossSeries returns the training and test loss by epoch.
func lossSeries(history []train.Epoch) []plot.Series {
	series := []plot.Series{{Name: "train"}, {Name: "test"}}
	for _, e := range history {
		for i, key := range []string{"loss", "val_loss"} {
			series[i].X = append(series[i].X, float64(e.Number+1))
			series[i].Y = append(series[i].Y, e.Values[key])
		}
	}
	return series
}
