package recipes

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
)

// Deeper plain networks get worse, on the training examples too, so it isn't overfitting; residual ones don't (He et al., 2015, figure 6). The four networks
// are trained alike, and their errors drawn side by side.
var degradation = Recipe{
	Name:       "degradation",
	Summary:    "20 and 56 layers, plain and residual: depth hurts without shortcuts",
	Source:     "He et al. 2015, §4.2 and figure 6",
	Data:       photos,
	Options:    Options{Epochs: 20, Batch: 64, LR: 0.1},
	Augment:    augmentNames,
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		channels, _, classes := imageShape(r.Set)
		figures := map[string]float64{}
		var panels []plot.Panel
		for _, kind := range []string{"plain", "resnet"} {
			panel := plot.Panel{Title: kind, X: "epoch", Y: "error, %", YRange: [2]float64{0, 100}}
			for _, depth := range []int{20, 56} {
				name := fmt.Sprintf("%s%d", kind, depth)
				model := models.CIFARResNet(depth, models.CIFARConfig{In: channels, Classes: classes, Plain: kind == "plain"})
				cfg, err := r.classifier(model, momentum)
				if err != nil {
					return nil, err
				}
				result, err := r.FitPart(ctx, name, cfg)
				r.Result = result
				if err != nil {
					return nil, err
				}
				last := result.History[len(result.History)-1].Values
				figures["accuracy_"+name], figures["train_accuracy_"+name] = last["val_accuracy"], last["accuracy"]
				panel.Series = append(panel.Series, errorSeries(name+" train", "accuracy", result), errorSeries(name+" test", "val_accuracy", result))
			}
			panels = append(panels, panel)
		}
		figures["accuracy"] = figures["accuracy_resnet56"]
		lines := plot.Lines{Title: "Degradation: what depth does without shortcuts and with them", Panels: panels}
		return figures, plot.SavePNG(filepath.Join(r.Dir, "degradation.png"), lines.Draw())
	},
}

// errorSeries returns the share of wrong answers by epoch, in per cent.
func errorSeries(name, accuracy string, result *train.Result) plot.Series {
	s := plot.Series{Name: name}
	for _, e := range result.History {
		s.X, s.Y = append(s.X, float64(e.Number+1)), append(s.Y, 100*(1-e.Values[accuracy]))
	}
	return s
}
