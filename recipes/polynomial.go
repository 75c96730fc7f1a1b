package recipes

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// The cubic that the data of polynomial regression come from: coefficients of xⁱ/i!.
var cubic = []float64{5, 1.2, -3.4, 5.6}

const maxDegree = 20

// Polynomial regression (D2L 4.4): data from a cubic, fitted with a line (underfitting), a cubic (right), and a polynomial of degree 19
// (overfitting). Features are xⁱ/i!, so that they stay small.
var polynomial = Recipe{
	Name:    "polynomial",
	Summary: "a cubic fitted with too few, enough and too many terms",
	Source:  "D2L 4.4 (model selection, under- and overfitting)",
	Data:    []string{"synthetic"},
	Options: Options{Epochs: 400, Batch: 10, LR: 0.01},
	Metric:  "val_loss",
	Generate: func(seed uint64) *sets.Set {
		rng := tensor.NewRNG(seed).Split("polynomial data")
		generate := func(n int) data.Dataset {
			x := rng.Normal(tensor.Float64, 0, 1, n)
			features := powers(tensor.ToSlice[float64](x))
			w := tensor.FromSlice(append(slices.Clone(cubic), make([]float64, maxDegree-len(cubic))...), maxDegree, 1)
			y := features.MatMul(w).Add(rng.Normal(tensor.Float64, 0, 0.1, n, 1))
			return data.Tensors(features.To(tensor.Float32), y.To(tensor.Float32))
		}
		return synthetic(generate(100), generate(100), maxDegree)
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		figures := map[string]float64{}
		losses := plot.Lines{Title: "Underfitting, fitting, overfitting"}
		fits := plot.Lines{Title: "The fitted polynomials"}
		var errors []plot.Panel
		for _, c := range []struct {
			name  string
			terms int
		}{{"underfit", 2}, {"fit", 4}, {"overfit", maxDegree}} {
			model := nn.LinearConfig{In: c.terms, Out: 1, NoBias: true}.New() // the bias is the term of degree 0
			nn.Init(model, r.Options.Seed)
			r.summary(model, c.terms)
			result, err := r.FitPart(ctx, c.name, train.Config{
				Model: model, Loss: nn.MSE,
				Optimizer: optim.NewSGD(nn.Params(model), optim.SGDConfig{LR: r.Options.LR}),
				Train:     r.loader(firstTerms(r.Set.Train, c.terms)),
				Valid:     data.NewLoader(firstTerms(r.Set.Test, c.terms), data.LoaderConfig{Batch: 100}),
			})
			r.Result = result
			if err != nil {
				return nil, err
			}
			last := result.History[len(result.History)-1].Values
			fmt.Fprintf(r.Out, "%-8s %2d terms: training loss %.4g, test loss %.4g, first weights %.3v\n", c.name, c.terms, last["loss"], last["val_loss"],
				tensor.ToSlice[float64](model.Weight.Value())[:min(4, c.terms)])
			title := fmt.Sprintf("%d terms", c.terms)
			losses.Panels = append(losses.Panels, plot.Panel{Title: title, X: "epoch", Y: "loss", LogY: true, Series: lossSeries(result.History)})
			fit, off, err := fittedCurve(r.Set.Train, model, c.terms)
			if err != nil {
				return nil, err
			}
			fit.Title, off.Title = title, title+": distance from the true cubic"
			fits.Panels, errors = append(fits.Panels, fit), append(errors, off)
			name := "val_loss"
			if c.name != "fit" {
				name += "_" + c.name
			}
			figures[name] = last["val_loss"]
		}
		fits.Panels = append(fits.Panels, errors...)
		if err := plot.SavePNG(filepath.Join(r.Dir, "fits.png"), fits.Draw()); err != nil {
			return nil, err
		}
		return figures, plot.SavePNG(filepath.Join(r.Dir, "curves.png"), losses.Draw())
	},
}

// powers returns xⁱ/i! for i below maxDegree, a row for each x.
func powers(x []float64) *tensor.Tensor {
	v := make([]float64, 0, len(x)*maxDegree)
	for _, x := range x {
		term := 1.0
		for i := range maxDegree {
			v = append(v, term)
			term *= x / float64(i+1)
		}
	}
	return tensor.FromSlice(v, len(x), maxDegree)
}

// firstTerms keeps the first n features.
func firstTerms(ds data.Dataset, n int) data.Dataset {
	return data.Map(ds, func(_ data.Draw, b data.Batch) (data.Batch, error) {
		b.X = b.X.Slice(1, 0, n, 1)
		return b, nil
	})
}

// fittedCurve draws the training points and the model over their range, and beside that how far both are from the cubic that the data come from.
func fittedCurve(ds data.Dataset, model nn.Layer, terms int) (fit, off plot.Panel, err error) {
	all, err := data.All(ds)
	if err != nil {
		return fit, off, err
	}
	px, py := tensor.ToSlice[float64](all.X.Select(1, 1)), tensor.ToSlice[float64](all.Y)
	lo, hi := slices.Min(px), slices.Max(px)
	x := tensor.ToSlice[float64](tensor.Linspace(tensor.Float64, lo, hi, 200))
	y := tensor.ToSlice[float64](model.Forward(nn.Eval(), powers(x).To(tensor.Float32).Slice(1, 0, terms, 1)))
	top := math.Max(math.Abs(slices.Max(py)), math.Abs(slices.Min(py)))
	fit = plot.Panel{X: "x", Y: "y", YRange: [2]float64{-1.1 * top, 1.1 * top}, Series: []plot.Series{
		{Name: "training data", X: px, Y: py, Style: plot.Points}, {Name: "model", X: x, Y: y}}}
	off = plot.Panel{X: "x", Y: "distance", YRange: [2]float64{-1, 1}, Series: []plot.Series{
		{Name: "training data", X: px, Y: lessCubic(px, py), Style: plot.Points}, {Name: "model", X: x, Y: lessCubic(x, y)}}}
	return fit, off, nil
}

// lessCubic returns y minus the cubic's values at x.
func lessCubic(x, y []float64) []float64 {
	out := slices.Clone(y)
	for i, x := range x {
		term := 1.0
		for k, c := range cubic {
			out[i] -= c * term
			term *= x / float64(k+1)
		}
	}
	return out
}
