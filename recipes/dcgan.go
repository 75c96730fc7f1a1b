package recipes

import (
	"context"
	"fmt"
	"os"
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

// Two networks against each other (Radford et al., 2015): one draws pictures from noise, the other tells them from real ones. There is no loss that falls; what to
// look at are the pictures, and that the judge is neither sure (1 and 0) nor at a loss (both ½) and the pictures vary as much as real ones do.
var dcgan = Recipe{
	Name:    "dcgan",
	Summary: "a network that draws pictures, and one that judges them",
	Source:  "Radford et al. 2015; Goodfellow et al. 2014; D2L 20",
	Data:    greyImages,
	Options: Options{Epochs: 6, Batch: 64, LR: 4e-4},
	Input:   []int{64},
	Metric:  "variety",
	Model: func(set *sets.Set) nn.Layer {
		channels, side, _ := imageShape(set)
		return models.NewDCGAN(models.DCGANConfig{In: channels, Side: side})
	},
	Train: func(ctx context.Context, r *Run) (map[string]float64, error) {
		model := r.Recipe.Model(r.Set).(*models.DCGAN)
		nn.Init(model, r.Options.Seed)
		r.summary(model.Generator)
		r.summary(model.Discriminator, r.Set.Shape...)
		opt := optim.NewAdam(nn.Params(model), optim.AdamConfig{LR: r.Options.LR, Beta1: 0.5})
		err := r.Fit(ctx, train.Config{
			Model: model, Optimizer: opt, Step: ganStep, Train: r.loader(r.Set.Train),
			Metrics: []metrics.Metric{metrics.NewColumn("discriminator_loss", 0), metrics.NewColumn("generator_loss", 1),
				metrics.NewColumn("real_score", 2), metrics.NewColumn("fake_score", 3)},
			Callbacks: []train.Callback{&sampler{run: r, model: model}},
		})
		if err != nil {
			return nil, err
		}
		if err := r.drawContest(); err != nil {
			return nil, err
		}
		if err := r.drawGenerated(model); err != nil {
			return nil, err
		}
		return r.Recipe.Evaluate(ctx, r, model)
	},
	Evaluate: func(_ context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
		g := model.(*models.DCGAN)
		b, err := data.All(data.Subset(r.Set.Test, first(500, r.Set.Test.Len())))
		if err != nil {
			return nil, err
		}
		real, fake := signed(b.X), g.Forward(nn.Eval(), g.Noise(tensor.NewRNG(r.Options.Seed).Split("evaluation"), b.Len()))
		score := func(x *tensor.Tensor) float64 { return nn.Eval().Run(g.Discriminator, x).Sigmoid().Mean().Item() }
		return map[string]float64{"variety": variety(fake) / variety(real), "real_score": score(real), "fake_score": score(fake)}, nil
	},
}

// drawContest draws who is winning, by epoch: both losses, whose sum says little, and how real the discriminator takes pictures to be.
func (r *Run) drawContest() error {
	losses := plot.Panel{Title: "losses", X: "epoch", Y: "loss"}
	scores := plot.Panel{Title: "taken for real", X: "epoch", Y: "score", YRange: [2]float64{0, 1}}
	for _, line := range []struct {
		panel     *plot.Panel
		name, key string
	}{{&losses, "discriminator", "discriminator_loss"}, {&losses, "generator", "generator_loss"}, {&scores, "real pictures", "real_score"}, {&scores, "drawn pictures", "fake_score"}} {
		s := plot.Series{Name: line.name, Style: plot.Marked}
		for _, e := range r.Result.History {
			s.X, s.Y = append(s.X, float64(e.Number+1)), append(s.Y, e.Values[line.key])
		}
		line.panel.Series = append(line.panel.Series, s)
	}
	lines := plot.Lines{Title: fmt.Sprintf("%s on %s", r.Recipe.Name, r.Options.Data), Panels: []plot.Panel{losses, scores}}
	return plot.SavePNG(filepath.Join(r.Dir, "curves.png"), lines.Draw())
}

// ganStep trains both networks at once. The columns of the predictions are both losses and the judge's scores.
func ganStep(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
	g := model.(*models.DCGAN)
	discriminator, generator, score := g.Loss(c, signed(b.X), g.Noise(c.RNG(), b.Len()))
	row := []float64{discriminator.Item(), generator.Item(), score[0], score[1]}
	return discriminator.Add(generator), tensor.FromSlice(row, 1, 4).Expand(b.Len(), 4), b.Y
}

// signed brings pictures from 0…1 to the generator's range, −1…1.
func signed(x *tensor.Tensor) *tensor.Tensor { return x.MulScalar(2).AddScalar(-1) }

// variety is how far pictures (N, C, H, W) lie apart, on average over the first 200: the root of the mean squared difference of pixels. A generator that
// draws the same again and again ("mode collapse") has little of it.
func variety(x *tensor.Tensor) float64 {
	n := min(200, x.Size(0))
	flat := x.Detach().Slice(0, 0, n, 1).Reshape(n, -1)
	// The mean over pairs of the squared distance is twice the variance.
	return flat.Sub(flat.MeanAxes(true, 0)).Square().Mean().MulScalar(2).Sqrt().Item()
}

// sampler draws, after each epoch, what the generator makes of the same noise.
type sampler struct {
	train.Quiet
	run   *Run
	model *models.DCGAN
}

// EpochEnd draws samples/epoch-N.png.
func (s *sampler) EpochEnd(state *train.State) error {
	if err := os.MkdirAll(filepath.Join(s.run.Dir, "samples"), 0o777); err != nil {
		return err
	}
	n := state.Epoch + 1
	return s.run.grid(filepath.Join("samples", fmt.Sprintf("epoch-%d.png", n)), fmt.Sprintf("Pictures from noise after epoch %d", n), s.run.generated(s.model, s.run.sameNoise(s.model, 40)), 10)
}

// sameNoise draws noise for n pictures, always the same.
func (r *Run) sameNoise(g *models.DCGAN, n int) *tensor.Tensor {
	return g.Noise(tensor.NewRNG(r.Options.Seed).Split("samples"), n)
}

// generated returns the pictures that are made of noise.
func (r *Run) generated(g *models.DCGAN, noise *tensor.Tensor) []plot.Cell {
	return r.cells(g.Forward(nn.Eval(), noise).AddScalar(1).MulScalar(0.5))
}

// drawGenerated draws pictures of noise, and of the ways from one noise to another.
func (r *Run) drawGenerated(g *models.DCGAN) error {
	if err := r.grid("samples.png", "Pictures from noise", r.generated(g, r.sameNoise(g, 80)), 10); err != nil {
		return err
	}
	const steps = 10
	ends := g.Noise(tensor.NewRNG(r.Options.Seed).Split("ways"), 12)
	var cells []plot.Cell
	for i := range 6 {
		cells = append(cells, r.generated(g, between(ends, 2*i, 2*i+1, steps))...)
	}
	return r.grid("interpolation.png", "From one noise to another", cells, steps)
}
