package recipes

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

const folds = 5

// Kaggle's house prices (D2L 4.10): 79 columns, numeric ones standardised, categories one-hot, missing values known as such. Five-fold
// cross-validation tells how good a linear model of the logarithm of the price is; then it is trained on everything, and its predictions
// for Kaggle's test set are written to submission.csv. Kaggle's measure is the root mean square error of the logarithms.
var housePrices = Recipe{
	Name:       "house-prices",
	Summary:    "linear regression on a real table, with K-fold cross-validation",
	Source:     "D2L 4.10; De Cock 2011",
	Data:       []string{"house-prices"},
	Options:    Options{Epochs: 100, Batch: 64, LR: 0.005},
	Metric:     "log_rmse",
	DataConfig: sets.Config{LogTarget: true},
	Model: func(set *sets.Set) nn.Layer {
		return nn.LinearConfig{In: set.Shape[0], Out: 1, Init: nn.Normal(0, 0.01)}.New()
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		r.summary(r.Recipe.Model(r.Set))
		lines := plot.Lines{Title: "House prices: loss of each fold"}
		sum := 0.0
		for i, fold := range data.KFold(r.Set.Train, folds, r.Options.Seed) {
			_, history, err := r.fitPrices(ctx, fmt.Sprintf("fold-%d", i+1), fold.Train, fold.Valid)
			if err != nil {
				return nil, err
			}
			rmse := math.Sqrt(history[len(history)-1].Values["val_loss"])
			fmt.Fprintf(r.Out, "fold %d: log RMSE %.4f\n", i+1, rmse)
			sum += rmse
			lines.Panels = append(lines.Panels, plot.Panel{Title: fmt.Sprintf("fold %d", i+1), X: "epoch", Y: "loss", LogY: true, Series: lossSeries(history)})
		}
		if err := plot.SavePNG(filepath.Join(r.Dir, "curves.png"), lines.Draw()); err != nil {
			return nil, err
		}
		model, _, err := r.fitPrices(ctx, "", r.Set.Train, nil)
		if err != nil {
			return nil, err
		}
		if err := r.submission(model); err != nil {
			return nil, err
		}
		return map[string]float64{"log_rmse": sum / folds}, nil
	},
}

// fitPrices trains a model on one part of the houses and measures it on another, if there is one.
func (r *Run) fitPrices(ctx context.Context, part string, training, valid data.Dataset) (nn.Layer, []train.Epoch, error) {
	model := r.Recipe.Model(r.Set).(*nn.Linear)
	nn.Init(model, r.Options.Seed)
	// The bias starts at the mean of what it has to predict; otherwise most of training would be spent on getting there.
	all, err := data.All(training)
	if err != nil {
		return nil, nil, err
	}
	model.Bias.Value().Fill(all.Y.Mean().Item())
	cfg := train.Config{
		Model: model, Loss: nn.MSE, Train: r.loader(training),
		Optimizer: optim.NewAdamWGroups([]optim.Group{
			{Params: []*nn.Param{model.Weight}, LR: r.Options.LR, WeightDecay: 1},
			{Params: []*nn.Param{model.Bias}, LR: r.Options.LR},
		}, optim.AdamConfig{}),
	}
	cfg.Schedule = optim.Cosine(cfg.Optimizer, r.Options.Epochs*r.loader(training).Batches(), 0, 0.01)
	if valid != nil {
		cfg.Valid = data.NewLoader(valid, data.LoaderConfig{Batch: 500})
	}
	result, err := r.FitPart(ctx, part, cfg)
	r.Result = result
	return model, result.History, err
}

// submission writes the predicted prices of Kaggle's test set.
func (r *Run) submission(model nn.Layer) error {
	all, err := data.All(r.Set.Test)
	if err != nil {
		return err
	}
	ids, err := r.Set.TestTable.Floats("Id")
	if err != nil {
		return err
	}
	id, logs := tensor.ToSlice[int64](ids), tensor.ToSlice[float64](model.Forward(nn.Eval(), all.X))
	return r.write("submission.csv", func(w io.Writer) error {
		c := csv.NewWriter(w)
		_ = c.Write([]string{"Id", "SalePrice"}) // Error below tells
		for i := range id {
			_ = c.Write([]string{strconv.FormatInt(id[i], 10), strconv.FormatFloat(math.Exp(logs[i]), 'f', 2, 64)})
		}
		c.Flush()
		return c.Error()
	})
}
