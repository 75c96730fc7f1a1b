package recipes

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
)

// shots is how many examples of each class the new task has.
const shots = 10

// sourceOf names the set that the network has seen before it meets a new one.
var sourceOf = map[string]string{"fashion-mnist": "mnist", "mnist": "digits"}

// Transfer (D2L 14.2): a network that has learnt one task is given a new head and learns another from ten examples of each class. Three ways are
// compared: from scratch; the new head alone, the rest frozen; and all layers, the earlier the more slowly. From drawn digits to handwritten ones it helps
// much; from digits to clothes it hurts: what was learnt are strokes, and clothes have none.
var fineTune = Recipe{
	Name:       "fine-tune",
	Summary:    "a network trained on generated digits learns handwritten ones from ten examples of each",
	Source:     "Yosinski et al. 2014; Howard and Ruder 2018 (discriminative rates); D2L 14.2",
	Data:       []string{"mnist", "fashion-mnist"},
	Options:    Options{Epochs: 40, Batch: 20, LR: 0.02},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model:      leNetBN.Model,
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		learnt, err := r.pretrain(ctx)
		if err != nil {
			return nil, err
		}
		few := data.Subset(r.Set.Train, someOfEach(labels(r.Set.Train), shots, r.Options.Seed))
		figures := map[string]float64{}
		panel := plot.Panel{X: "epoch", Y: "accuracy"}
		for _, way := range []struct {
			name  string
			start func(model nn.Layer) (*optim.Optimizer, error)
		}{
			{"scratch", func(model nn.Layer) (*optim.Optimizer, error) {
				nn.Init(model, r.Options.Seed)
				return momentum(nn.Params(model), r.Options.LR), nil
			}},
			{"frozen", func(model nn.Layer) (*optim.Optimizer, error) {
				head, err := r.withNewHead(model, learnt)
				if err != nil {
					return nil, err
				}
				nn.Freeze(model)
				nn.Unfreeze(head)
				return momentum(nn.Params(model), r.Options.LR), nil
			}},
			{"", func(model nn.Layer) (*optim.Optimizer, error) { // all layers: the run's own model
				_, err := r.withNewHead(model, learnt)
				return optim.NewSGDGroups(discriminative(model, r.Options.LR), optim.SGDConfig{Momentum: 0.9}), err
			}},
		} {
			model := r.Recipe.Model(r.Set)
			opt, err := way.start(model)
			if err != nil {
				return nil, err
			}
			loader := r.loader(few)
			result, err := r.FitPart(ctx, way.name, train.Config{
				Model: model, Optimizer: opt, Loss: nn.CrossEntropy, Train: loader, Valid: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 500}),
				Metrics: []metrics.Metric{metrics.NewAccuracy()}, Schedule: optim.Cosine(opt, r.Options.Epochs*loader.Batches(), 0, 0.01),
			})
			r.Result = result
			if err != nil {
				return nil, err
			}
			series := plot.Series{Name: way.name}
			for _, e := range result.History {
				series.Y = append(series.Y, e.Values["val_accuracy"])
			}
			last := series.Y[len(series.Y)-1]
			if way.name == "" {
				series.Name = "all layers"
				figures["accuracy"] = last
			} else {
				figures["accuracy_"+way.name] = last
			}
			panel.Series = append(panel.Series, series)
			fmt.Fprintf(r.Out, "%-10s accuracy %.4f on %d test pictures\n", series.Name, last, r.Set.TestSize)
		}
		title := fmt.Sprintf("%s from %d examples a class, after %s", r.Options.Data, shots, sourceOf[r.Options.Data])
		return figures, plot.SavePNG(filepath.Join(r.Dir, "curves.png"), plot.Lines{Title: title, Panels: []plot.Panel{panel}}.Draw())
	},
}

// pretrain trains the network on the other set for 2 epochs and returns its weights.
func (r *Run) pretrain(ctx context.Context) (map[string]*tensor.Tensor, error) {
	name := sourceOf[r.Options.Data]
	if err := sets.Fetch(ctx, name, r.Fetching); err != nil {
		return nil, err
	}
	source, err := sets.Open(name, r.Recipe.DataConfig)
	if err != nil {
		return nil, err
	}
	model := r.Recipe.Model(source)
	nn.Init(model, r.Options.Seed)
	r.summary(model)
	const epochs, batch, rate = 2, 128, 0.1
	loader := data.NewLoader(source.Train, data.LoaderConfig{Batch: batch, Shuffle: true, Seed: r.Options.Seed})
	opt := momentum(nn.Params(model), rate)
	_, err = r.FitPart(ctx, "pretrain", train.Config{
		Model: model, Optimizer: opt, Loss: nn.CrossEntropy, Train: loader, Valid: data.NewLoader(source.Test, data.LoaderConfig{Batch: 500}), Epochs: epochs,
		Metrics: []metrics.Metric{metrics.NewAccuracy()}, Schedule: optim.Cosine(opt, epochs*loader.Batches(), 50, 0.01),
	})
	return nn.State(model), err
}

// withNewHead loads what was learnt into model and gives it a new last layer, which it returns.
func (r *Run) withNewHead(model nn.Layer, learnt map[string]*tensor.Tensor) (head nn.Layer, err error) {
	if err := nn.LoadState(model, learnt, nn.LoadConfig{}); err != nil {
		return nil, err
	}
	return models.ReplaceHead(model, len(r.Set.Classes), r.Options.Seed), nil
}

// discriminative returns a group of parameters for each layer: the last with the rate lr, each one before it with 0.8 times its successor's, since what the first layers
// have learnt (edges, corners) is of use for any pictures.
func discriminative(model nn.Layer, lr float64) []optim.Group {
	var groups []optim.Group
	nn.Walk(model, func(path string, l nn.Layer) {
		if p := nn.Params(l); len(p) > 0 && path != "" && !strings.Contains(path, ".") {
			groups = append(groups, optim.Group{Params: p, WeightDecay: 5e-4})
		}
	})
	for i := range groups {
		groups[i].LR = lr * math.Pow(0.8, float64(len(groups)-1-i))
	}
	return groups
}

// labels returns the classes of a data set's examples.
func labels(ds data.Dataset) []int { return ds.(interface{ Labels() []int }).Labels() }

// someOfEach returns the numbers of n examples of each class, drawn by seed.
func someOfEach(classes []int, n int, seed uint64) []int {
	var out []int
	count := map[int]int{}
	for _, i := range tensor.NewRNG(seed).Split("few").Perm(len(classes)) {
		if c := classes[i]; count[c] < n {
			count[c]++
			out = append(out, i)
		}
	}
	return out
}
