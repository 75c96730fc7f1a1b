package recipes

import (
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// picture turns an image (C, H, W) with C = 1 or 3, of any range, into a picture.
func picture(x *tensor.Tensor) image.Image {
	v, h, w := tensor.ToSlice[float32](x), x.Size(1), x.Size(2)
	if x.Size(0) == 3 {
		return plot.RGB(v, h, w, slices.Min(v), slices.Max(v))
	}
	return plot.Gray(v[:h*w], h, w, 0, 0)
}

// curves draws loss and metric over the epochs.
func (r *Run) curves() error {
	history := r.Result.History
	if len(history) == 0 {
		return nil
	}
	panel := func(name string) plot.Panel {
		p := plot.Panel{Title: strings.ReplaceAll(name, "_", " "), X: "epoch", Y: name}
		for _, s := range []struct{ label, key string }{{"train", name}, {"test", "val_" + name}} {
			var x, y []float64
			for _, e := range history {
				if v, ok := e.Values[s.key]; ok {
					x, y = append(x, float64(e.Number+1)), append(y, v)
				}
			}
			if len(x) > 0 {
				p.Series = append(p.Series, plot.Series{Name: s.label, X: x, Y: y, Style: plot.Marked})
			}
		}
		return p
	}
	panels := []plot.Panel{panel("loss")}
	if _, ok := history[0].Values[r.Recipe.Metric]; ok {
		panels = append(panels, panel(r.Recipe.Metric))
	}
	lines := plot.Lines{Title: fmt.Sprintf("%s on %s", r.Recipe.Name, r.Options.Data), Panels: panels}
	return plot.SavePNG(filepath.Join(r.Dir, "curves.png"), lines.Draw())
}

// input returns the shape of one input of the recipe's model.
func (r *Run) input() []int {
	if r.Recipe.Input != nil {
		return r.Recipe.Input
	}
	return r.Set.Shape
}

// summary prints the table of layers for inputs of the given shape, by default the recipe's.
func (r *Run) summary(model nn.Layer, shape ...int) {
	if len(shape) == 0 {
		shape = r.input()
	}
	fmt.Fprintln(r.Out, nn.Summary(model, append([]int{r.summaryBatch()}, shape...)...))
}

// summaryBatch returns the size of the largest batch that training will see.
func (r *Run) summaryBatch() int {
	n := r.Options.Batch
	if r.Set.TrainSize > 0 {
		n = min(n, r.Set.TrainSize)
	}
	if r.Options.Limit > 0 {
		n = min(n, r.Options.Limit)
	}
	return n
}
