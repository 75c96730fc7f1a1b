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
	"github.com/gradus-ml/gradus/vision/models"
)

// An autoencoder squeezes pictures through 16 numbers; between the numbers of two pictures there may be nothing that looks like one.
var autoencoder = Recipe{
	Name:    "autoencoder",
	Summary: "pictures squeezed through 16 numbers and drawn again",
	Source:  "Hinton and Salakhutdinov 2006; Lee, unsupervised learning",
	Data:    greyImages,
	Options: Options{Epochs: 5, Batch: 128, LR: 2e-3},
	Metric:  "val_loss",
	Model: func(set *sets.Set) nn.Layer {
		channels, side, _ := imageShape(set)
		return models.NewAutoencoder(models.AutoencoderConfig{In: channels, Side: side})
	},
	Train:    func(ctx context.Context, r *Run) (map[string]float64, error) { return r.squeeze(ctx, autoencoderStep) },
	Evaluate: evaluateStep(autoencoderStep),
	Predict:  reconstruct,
}

// A variational autoencoder (Kingma and Welling, 2013) keeps the numbers close to a standard normal distribution: there are pictures
// everywhere, and new ones can be drawn.
var vae = Recipe{
	Name:    "vae",
	Summary: "variational autoencoder: new pictures from noise, and ways between pictures",
	Source:  "Kingma and Welling 2013; Lee, deep generative models",
	Data:    greyImages,
	Options: Options{Epochs: 8, Batch: 128, LR: 2e-3},
	Metric:  "val_loss",
	Model: func(set *sets.Set) nn.Layer {
		channels, side, _ := imageShape(set)
		return models.NewVAE(models.AutoencoderConfig{In: channels, Side: side})
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		return r.squeeze(ctx, vaeStep, metrics.NewColumn("reconstruction", 0), metrics.NewColumn("divergence", 1))
	},
	Evaluate: evaluateStep(vaeStep, metrics.NewColumn("reconstruction", 0), metrics.NewColumn("divergence", 1)),
	Predict:  reconstruct,
}

// greyImages are the sets whose pictures are taken as probabilities of white.
var greyImages = []string{"fashion-mnist", "mnist", "digits"}

// autoencoderStep is the cross entropy of all pixels of a picture, in nats.
func autoencoderStep(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
	pixels := float64(b.X.NumEl() / b.Len())
	return nn.BCEWithLogits(c.Run(model, b.X), b.X).MulScalar(pixels), nil, nil
}

// vaeStep is the negative evidence lower bound; its parts are the columns of the predictions.
func vaeStep(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
	rng := tensor.NewRNG(1) // the same noise each time a set is measured
	if c.Training() {
		rng = c.RNG()
	}
	reconstruction, divergence := model.(*models.VAE).Loss(c, b.X, rng)
	row := []float64{reconstruction.Item(), divergence.Item()}
	return reconstruction.Add(divergence), tensor.FromSlice(row, 1, 2).Expand(b.Len(), 2), b.Y
}

// evaluateStep returns what measures a model on the test set by a training step.
func evaluateStep(step train.StepFunc, parts ...metrics.Metric) func(context.Context, *Run, nn.Layer) (map[string]float64, error) {
	return func(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
		figures, err := train.Evaluate(ctx, train.EvalConfig{Model: model, Data: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 500}), Step: step, Metrics: parts})
		if err != nil {
			return nil, err
		}
		out := map[string]float64{}
		for k, v := range figures {
			out["val_"+k] = v
		}
		return out, nil
	}
}

// squeeze trains either autoencoder and draws what it makes of pictures, of noise, and of the ways between pictures.
func (r *Run) squeeze(ctx context.Context, step train.StepFunc, parts ...metrics.Metric) (map[string]float64, error) {
	model := r.Recipe.Model(r.Set)
	nn.Init(model, r.Options.Seed)
	r.summary(model)
	loader := r.loader(r.Set.Train)
	opt := optim.NewAdam(nn.Params(model), optim.AdamConfig{LR: r.Options.LR})
	err := r.Fit(ctx, train.Config{
		Model: model, Optimizer: opt, Step: step, Metrics: parts,
		Train: loader, Valid: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 500}),
		Schedule: optim.Cosine(opt, r.Options.Epochs*loader.Batches(), 0, 0.02),
	})
	if err != nil {
		return nil, err
	}
	if err := r.drawSqueezed(model); err != nil {
		return nil, err
	}
	return r.Recipe.Evaluate(ctx, r, model)
}

// coder is what both autoencoders can do.
type coder interface {
	nn.Layer
	Decode(c *nn.Ctx, z *tensor.Tensor) *tensor.Tensor
}

// means returns the numbers that stand for pictures.
func means(model nn.Layer, x *tensor.Tensor) *tensor.Tensor {
	if m, ok := model.(*models.VAE); ok {
		mean, _ := m.Encode(nn.Eval(), x)
		return mean
	}
	return model.(*models.Autoencoder).Encode(nn.Eval(), x)
}

// drawSqueezed draws test pictures and what comes out for them, the ways between pairs of them, and pictures from noise that is distributed as
// the numbers of the test pictures should be or, for the plain autoencoder, are.
func (r *Run) drawSqueezed(model nn.Layer) error {
	const n = 10
	b, err := data.All(data.Subset(r.Set.Test, first(500, r.Set.Test.Len())))
	if err != nil {
		return err
	}
	draw := func(z *tensor.Tensor) *tensor.Tensor { return model.(coder).Decode(nn.Eval(), z).Sigmoid() }
	x := b.X.Slice(0, 0, min(n, b.Len()), 1)
	z := means(model, b.X)

	var cells []plot.Cell
	for _, row := range []*tensor.Tensor{x, draw(z.Slice(0, 0, x.Size(0), 1))} {
		cells = append(cells, r.cells(row)...)
	}
	if err := r.grid("reconstructions.png", "Test pictures, and what comes out for them", cells, x.Size(0)); err != nil {
		return err
	}

	cells = nil
	for pair := range min(6, b.Len()/2) {
		cells = append(cells, r.cells(draw(between(z, 2*pair, 2*pair+1, n)))...)
	}
	if err := r.grid("interpolation.png", "From one test picture to another", cells, n); err != nil {
		return err
	}

	noise := tensor.NewRNG(r.Options.Seed).Split("samples").Normal(tensor.Float32, 0, 1, n*6, z.Size(1))
	if _, plain := model.(*models.Autoencoder); plain {
		noise = noise.Mul(z.Std(0, true, 0)).Add(z.MeanAxes(true, 0))
	}
	return r.grid("samples.png", "Pictures from noise", r.cells(draw(noise)), n)
}

// between returns n points on the straight way from row i of z to row j, (n, features).
func between(z *tensor.Tensor, i, j, n int) *tensor.Tensor {
	t := make([]float64, n)
	for k := range t {
		t[k] = float64(k) / float64(n-1)
	}
	part := tensor.FromSlice(t, n, 1).To(z.DType())
	return z.Select(0, i).Mul(tensor.Scalar(z.DType(), 1).Sub(part)).Add(z.Select(0, j).Mul(part))
}

// first returns the numbers below n, but no more than there are examples.
func first(n, examples int) []int {
	out := make([]int, min(n, examples))
	for i := range out {
		out[i] = i
	}
	return out
}

// cells returns the pictures of a batch of images.
func (r *Run) cells(x *tensor.Tensor) []plot.Cell {
	var out []plot.Cell
	for i := range x.Size(0) {
		out = append(out, plot.Cell{Image: r.photo(x.Select(0, i))})
	}
	return out
}

// grid draws cells into a file of the run folder.
func (r *Run) grid(name, title string, cells []plot.Cell, columns int) error {
	return plot.SavePNG(filepath.Join(r.Dir, name), plot.Grid{Title: title, Cells: cells, Columns: columns}.Draw())
}

// Reconstruction is what an autoencoder makes of a picture.
type Reconstruction struct {
	File    string    `json:"file"`
	Picture string    `json:"picture"` // where it and the picture are drawn
	Latent  []float64 `json:"latent"`  // the numbers that stand for it
	Error   float64   `json:"error"`   // root mean squared error of the pixels, from 0 to 1
}

// String tells where the picture is and how far it is from the original.
func (f Reconstruction) String() string {
	return fmt.Sprintf("%s: drawn again from %d numbers with an error of %.3f: %s", f.File, len(f.Latent), f.Error, f.Picture)
}

// reconstruct draws a picture beside what comes out for it.
func reconstruct(_ context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error) {
	x, err := r.readPicture(file)
	if err != nil {
		return nil, err
	}
	x = x.Unsqueeze(0)
	y := model.Forward(nn.Eval(), x).Sigmoid()
	f := Reconstruction{File: file, Picture: filepath.Join(dir, stem(file)+".again.png"), Latent: tensor.ToSlice[float64](means(model, x)),
		Error: y.Sub(x).Square().Mean().Sqrt().Item()}
	cells := append(r.cells(x), r.cells(y)...)
	cells[0].Caption, cells[1].Caption = "before", "after"
	return f, plot.SavePNG(f.Picture, plot.Grid{Cells: cells, Columns: 2, Size: 160}.Draw())
}
