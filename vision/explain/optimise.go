package explain

import (
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/filters"
)

// MaximiseConfig describes [Maximise].
type MaximiseConfig struct {
	Steps int     // default 128
	LR    float64 // root mean square of the change in one step, default 0.1 (images are standardised)
	Decay float64 // the part that pixels lose in each step, so that what doesn't matter fades; default 0.02
	Shift int     // the image is shifted at random by up to so many pixels before each step, default 2; −1: not
	Seed  uint64
}

// Maximise returns an image of shape (C, H, W) that excites one channel or unit of the layer at path the most (of the last layer, the logit of a class): gradient
// ascent from noise, held back by decay, shifts and blur, without which the image would be noise that only the network understands (Erhan et al.,
// 2009; Olah et al., "Feature visualization", 2017).
func Maximise(model nn.Layer, path string, channel int, shape [3]int, cfg MaximiseConfig) *tensor.Tensor {
	const op = "explain.Maximise"
	if cfg.Steps == 0 {
		cfg.Steps = 128
	}
	if cfg.LR == 0 {
		cfg.LR = 0.1
	}
	if cfg.Decay == 0 {
		cfg.Decay = 0.02
	}
	if cfg.Shift == 0 {
		cfg.Shift = 2
	}
	if cfg.Steps < 1 || !(cfg.LR > 0) || !(cfg.Decay >= 0 && cfg.Decay < 1) {
		tensor.Fail(op, "", "steps and rate must be positive and the decay below 1, got %d, %g and %g", cfg.Steps, cfg.LR, cfg.Decay)
	}
	rng := tensor.NewRNG(cfg.Seed).Split("maximise")
	x := rng.Normal(tensor.Float32, 0, 0.2, shape[:]...)
	for step := range cfg.Steps {
		if cfg.Shift > 0 {
			x = x.Roll(1, rng.IntN(2*cfg.Shift+1)-cfg.Shift).Roll(2, rng.IntN(2*cfg.Shift+1)-cfg.Shift)
		}
		leaf := x.Clone().RequireGrad()
		g := tensor.Grad(excitation(op, model, leaf, path, channel), []*tensor.Tensor{leaf}, tensor.GradConfig{})[0].Detach()
		if size := math.Sqrt(g.Square().Mean().Item()); size > 0 {
			x = x.Add(g.MulScalar(cfg.LR / size))
		}
		x = x.MulScalar(1 - cfg.Decay)
		if step%4 == 3 && min(shape[1], shape[2]) >= 5 {
			x = x.MulScalar(0.5).Add(filters.GaussianBlur.Apply(x).MulScalar(0.5))
		}
	}
	return x
}

// excitation returns the mean output of a channel of the layer at path for the image x.
func excitation(op string, model nn.Layer, x *tensor.Tensor, path string, channel int) *tensor.Tensor {
	a := at(op, Activations(model, x), path)
	if a.Value.NDim() < 2 || channel < 0 || channel >= a.Value.Size(1) {
		tensor.Fail(op, "", "the output of layer %q has shape %s, without a channel %d", a.Path, tensor.ShapeString(a.Value.Shape()), channel)
	}
	return a.Value.Select(1, channel).Mean()
}

// InvertConfig describes [Invert].
type InvertConfig struct {
	Steps  int     // of Adam, default 300
	LR     float64 // default 0.05, in units of standardised images
	Smooth float64 // weight of the total variation, default 0.05
	Seed   uint64
}

// Invert returns an image, (C, H, W), that the layer at path can hardly tell from x, and how far apart the two are for it: squared distance of the activations
// over the squared length of x's. What differs from x is what the network has thrown away by then (Mahendran and Vedaldi, "Understanding deep image
// representations by inverting them", 2015).
func Invert(model nn.Layer, x *tensor.Tensor, path string, cfg InvertConfig) (inverse *tensor.Tensor, distance float64) {
	const op = "explain.Invert"
	image(op, x)
	if cfg.Steps == 0 {
		cfg.Steps = 300
	}
	if cfg.LR == 0 {
		cfg.LR = 0.05
	}
	if cfg.Smooth == 0 {
		cfg.Smooth = 0.05
	}
	if cfg.Steps < 1 || !(cfg.LR > 0) || !(cfg.Smooth >= 0) {
		tensor.Fail(op, "", "steps and rate must be positive, the weight not negative, got %d, %g and %g", cfg.Steps, cfg.LR, cfg.Smooth)
	}
	x = x.Detach()
	aim := at(op, Activations(model, x), path).Value.Detach()
	length := max(aim.Square().Sum().Item(), 1e-12)
	far := func(y *tensor.Tensor) *tensor.Tensor {
		return at(op, Activations(model, y), path).Value.Sub(aim).Square().Sum().MulScalar(1 / length)
	}
	y := &canvas{nn.NewParam(nil, x.Shape()...)}
	nn.Convert(y, x.DType())
	if err := y.pixels.Set(tensor.NewRNG(cfg.Seed).Split("invert").Normal(x.DType(), 0, 0.1, x.Shape()...)); err != nil {
		tensor.Fail(op, "", "%v", err) // its shape is its own
	}
	opt := optim.NewAdam(nn.Params(y), optim.AdamConfig{LR: cfg.LR, Beta2: 0.99, Eps: 1e-12})
	schedule := optim.Cosine(opt, cfg.Steps, 0, 0)
	for step := range cfg.Steps {
		schedule.StepBegin(opt, step, 0)
		leaf := y.pixels.Value()
		far(leaf).Add(variation(leaf).MulScalar(cfg.Smooth)).Backward()
		opt.Step()
	}
	inverse = y.pixels.Value().Detach()
	return inverse, far(inverse).Item()
}

// canvas is an image that an optimiser changes.
type canvas struct{ pixels *nn.Param }

// Forward returns the image, whatever x is.
func (y *canvas) Forward(c *nn.Ctx, _ *tensor.Tensor) *tensor.Tensor { return c.Use(y.pixels) }

// Visit names the pixels.
func (y *canvas) Visit(v *nn.Visitor) { v.Param("pixels", y.pixels) }

// variation returns the mean squared difference of neighbouring pixels.
func variation(x *tensor.Tensor) *tensor.Tensor {
	diff := func(axis int) *tensor.Tensor {
		if x.Size(axis) < 2 {
			return x.Sum().MulScalar(0)
		}
		return x.Slice(axis, 1, tensor.End, 1).Sub(x.Slice(axis, 0, -1, 1)).Square().Mean()
	}
	return diff(1).Add(diff(2))
}
