package recipes

import (
	"context"
	"fmt"
	"image/color"
	"path/filepath"
	"sync"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/digits"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/detection"
)

// Classification with localisation: whether there is a digit among the scraps, where, and which. The network is a classifier whose
// last layer gives four more numbers for the box and one for whether there is an object at all; they count only if there is.
var localize = Recipe{
	Name:     "localize",
	Summary:  "finds one digit among scraps: is there one, where, which",
	Source:   "Ng, Convolutional networks, week 3; the pictures after Mnih et al. 2014",
	Data:     []string{"cluttered-digits"},
	Options:  Options{Epochs: 12, Batch: 32, LR: 2e-3},
	Metric:   "localized",
	Generate: clutteredDigits,
	Model: func(set *sets.Set) nn.Layer {
		conv := func(in, out, kernel, stride int) nn.Layer {
			return nn.Seq(nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: true, Init: he}.New(), nn.NewBatchNorm(out), nn.ReLU())
		}
		return nn.NewNamed().
			Add("conv1", conv(1, 16, 5, 2)). // 24×24
			Add("conv2", conv(16, 32, 3, 2)).
			Add("conv3", conv(32, 64, 3, 2)).
			Add("conv4", conv(64, 64, 3, 1)). // 6×6
			Add("flatten", nn.Flatten()).
			Add("fc1", nn.LinearConfig{In: 64 * 6 * 6, Out: 128, Init: he}.New()).
			Add("relu", nn.ReLU()).
			Add("fc2", nn.NewLinear(128, 5+len(set.Classes)))
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		model := r.Recipe.Model(r.Set)
		nn.Init(model, r.Options.Seed)
		r.summary(model)
		loader := r.loader(r.Set.Train)
		opt := optim.NewAdam(nn.Params(model), optim.AdamConfig{LR: r.Options.LR})
		steps := r.Options.Epochs * loader.Batches()
		err := r.Fit(ctx, train.Config{
			Model: model, Optimizer: opt, Loss: oneDigit.Loss,
			Train: loader, Valid: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 200}),
			Metrics:  []metrics.Metric{detection.NewLocalized(oneDigit)},
			Schedule: optim.Cosine(opt, steps, steps/20, 0.01),
		})
		if err != nil {
			return nil, err
		}
		return judgeLocalizer(ctx, r, model)
	},
	Evaluate: judgeLocalizer,
	Predict: func(_ context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error) {
		return r.detectIn(func(x *tensor.Tensor, _ float64) []box.Object {
			grey := x.MeanAxes(true, 0)
			fit := detection.NewLetterbox(x.Size(1), x.Size(2), canvasSide, canvasSide)
			if o := oneDigit.Decode(nn.Eval().Run(model, fit.Image(grey).Unsqueeze(0)), 0.5)[0]; o != nil {
				return fit.From([]box.Object{*o})
			}
			return nil
		}, file, dir)
	},
}

// canvasSide is the side of the pictures.
const canvasSide = 48

var oneDigit = detection.Localization{Classes: digits.Classes, Height: canvasSide, Width: canvasSide}

// judgeLocalizer measures the model on the test pictures and draws some of them with the true box and the one that it gives.
func judgeLocalizer(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	var cells []plot.Cell
	figures, err := train.Evaluate(ctx, train.EvalConfig{
		Model: model, Data: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 200}), Loss: oneDigit.Loss,
		Metrics: []metrics.Metric{detection.NewLocalized(oneDigit)},
		Each: func(b data.Batch, pred *tensor.Tensor) {
			for i, truth := range oneDigit.Read(b.Y, 0.5) {
				if len(cells) == 24 {
					return
				}
				cells = append(cells, r.localized(b.X.Select(0, i), truth, oneDigit.Decode(pred.Slice(0, i, i+1, 1), 0.5)[0]))
			}
		},
	})
	if err != nil {
		return nil, err
	}
	grid := plot.Grid{Title: "Test pictures: the digit's box (white), what was found (blue), their overlap (IoU)", Cells: cells, Columns: 6, Size: 96}
	return figures, plot.SavePNG(filepath.Join(r.Dir, "localized.png"), grid.Draw())
}

// localized draws a picture with the box that is there and the one that was found, if any. What doesn't count as localised is marked: another class,
// or an IoU below 0.5.
func (r *Run) localized(x *tensor.Tensor, truth, found *box.Object) plot.Cell {
	p := plot.Boxes{Image: r.photo(x), Scale: 4}
	add := func(o *box.Object, col color.Color) string {
		if o == nil {
			return "nothing"
		}
		p.Boxes = append(p.Boxes, plot.Labelled{X1: o.Box.X1, Y1: o.Box.Y1, X2: o.Box.X2, Y2: o.Box.Y2, Color: col})
		return r.Set.Classes[o.Class]
	}
	is, said := add(truth, color.White), add(found, plot.Sky)
	cell := plot.Cell{Image: p.Draw(), Caption: is}
	if is != said {
		cell.Caption, cell.Colour = is+" → "+said, plot.Vermillion
	}
	if truth != nil && found != nil {
		overlap := box.IoU(truth.Box, found.Box)
		if cell.Caption += fmt.Sprintf(", %.2f", overlap); overlap < 0.5 {
			cell.Colour = plot.Vermillion
		}
	}
	return cell
}

// clutteredDigits are generated digits, each on a black canvas of 48×48 at a random place among scraps of others; on a fifth of the canvases there is
// none.
func clutteredDigits(seed uint64) *sets.Set {
	set := &sets.Set{Info: sets.Info{Name: "cluttered-digits", Shape: []int{1, canvasSide, canvasSide}, TrainSize: 8000, TestSize: 1000}}
	for c := range digits.Classes {
		set.Classes = append(set.Classes, fmt.Sprint(c))
	}
	set.Train, set.Test = canvases(seed, 0, set.TrainSize, true), canvases(seed, digits.TestFrom, set.TestSize, false)
	return set
}

// canvases returns n pictures of the digits from number from on: the same ones always, or anew in each epoch.
func canvases(seed uint64, from, n int, anew bool) data.Dataset {
	draw := sync.OnceValues(func() (pixels, labels []uint8) { return digits.Generate(seed, from, n) })
	return data.Examples(n, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		pixels, labels := draw()
		number := d.Index[i]
		rng := d.RNG(i)
		if !anew {
			rng = tensor.NewRNG(seed).Split(fmt.Sprintf("canvas/%d", number))
		}
		x = tensor.Zeros(tensor.Float32, 1, canvasSide, canvasSide)
		c := digitCanvas(tensor.MutableData[float32](x))
		digit := func(k int) []uint8 { return pixels[k*digits.Size*digits.Size:][:digits.Size*digits.Size] }
		const scrap = 8
		for range 4 {
			c.paste(digit(rng.IntN(n)), rng.IntN(digits.Size-scrap), rng.IntN(digits.Size-scrap), scrap, rng.IntN(canvasSide-scrap), rng.IntN(canvasSide-scrap))
		}
		if rng.IntN(5) == 0 {
			return x, oneDigit.Encode(nil).Select(0, 0), nil
		}
		left, top := rng.IntN(canvasSide-digits.Size+1), rng.IntN(canvasSide-digits.Size+1)
		o := box.Object{Class: int(labels[number]), Score: 1, Box: c.paste(digit(number), 0, 0, digits.Size, left, top)}
		return x, oneDigit.Encode(&o).Select(0, 0), nil
	})
}

// digitCanvas is a picture of 48×48.
type digitCanvas []float32

// paste lays the square of the given side at (x, y) of a digit over the canvas at (left, top), and returns the box around its ink.
func (c digitCanvas) paste(digit []uint8, x, y, side, left, top int) box.Box {
	b := box.Box{X1: canvasSide, Y1: canvasSide}
	for row := range side {
		for col := range side {
			ink := float32(digit[(y+row)*digits.Size+x+col]) / 255
			at := (top+row)*canvasSide + left + col
			c[at] = max(c[at], ink)
			if ink > 0.3 {
				b = b.Enclose(box.FromXYWH(float64(left+col), float64(top+row), 1, 1))
			}
		}
	}
	return b
}
