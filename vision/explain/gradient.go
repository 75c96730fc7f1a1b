package explain

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// inputGradient returns the gradients of the class's logit for each of the images (N, C, H, W).
func inputGradient(op string, model nn.Layer, x *tensor.Tensor, class int) *tensor.Tensor {
	leaf := x.Detach().Clone().RequireGrad()
	y := classify(op, nn.Eval(), model, leaf, class).Select(1, class).Sum()
	return tensor.Grad(y, []*tensor.Tensor{leaf}, tensor.GradConfig{})[0].Detach()
}

// Saliency returns how much the logit of a class changes with each pixel of x: the largest gradient over the channels, without sign, (H, W)
// (Simonyan et al., "Deep inside convolutional networks", 2013).
func Saliency(model nn.Layer, x *tensor.Tensor, class int) *tensor.Tensor {
	image("explain.Saliency", x)
	return inputGradient("explain.Saliency", model, x.Unsqueeze(0), class).Select(0, 0).Abs().MaxAxes(false, 0)
}

// SmoothGradConfig describes [SmoothGrad].
type SmoothGradConfig struct {
	Samples int     // default 32
	Noise   float64 // standard deviation as a part of the range of x's values, default 0.15
	Seed    uint64
}

// SmoothGrad is [Saliency] of gradients averaged over copies of x with noise, which is less speckled (Smilkov et al., 2017).
func SmoothGrad(model nn.Layer, x *tensor.Tensor, class int, cfg SmoothGradConfig) *tensor.Tensor {
	const op = "explain.SmoothGrad"
	image(op, x)
	if cfg.Samples == 0 {
		cfg.Samples = 32
	}
	if cfg.Noise == 0 {
		cfg.Noise = 0.15
	}
	if cfg.Samples < 1 || !(cfg.Noise > 0) {
		tensor.Fail(op, "", "there must be a sample and the noise must be positive, got %d and %g", cfg.Samples, cfg.Noise)
	}
	x = x.Detach()
	deviation := cfg.Noise * (x.Max().Item() - x.Min().Item())
	noise := tensor.NewRNG(cfg.Seed).Split("smoothgrad").Normal(x.DType(), 0, 1, append([]int{cfg.Samples}, x.Shape()...)...)
	return inputGradient(op, model, noise.MulScalar(deviation).Add(x), class).MeanAxes(false, 0).Abs().MaxAxes(false, 0)
}

// IntegratedGradients returns how much each value of x adds to the logit of a class, compared with a baseline of the same shape (nil: zeros, the mean of
// standardised images): x − baseline times the mean gradient on the straight way between them, (C, H, W). The parts add up to the difference of
// the two logits, but for the error of the midpoint rule with the given number of steps (Sundararajan et al., "Axiomatic attribution for deep
// networks", 2017).
func IntegratedGradients(model nn.Layer, x, baseline *tensor.Tensor, class, steps int) *tensor.Tensor {
	const op = "explain.IntegratedGradients"
	image(op, x)
	if steps < 1 {
		tensor.Fail(op, "50 is common", "there must be a step, got %d", steps)
	}
	x = x.Detach()
	if baseline == nil {
		baseline = x.MulScalar(0)
	}
	if !baseline.SameShape(x) {
		tensor.Fail(op, "", "expected a baseline of x's shape %s, got %s", tensor.ShapeString(x.Shape()), tensor.ShapeString(baseline.Shape()))
	}
	way := x.Sub(baseline.Detach())
	sum := way.MulScalar(0)
	const batch = 32
	for from := 0; from < steps; from += batch {
		n := min(batch, steps-from)
		t := make([]float64, n)
		for i := range t {
			t[i] = (float64(from+i) + 0.5) / float64(steps)
		}
		points := tensor.FromSlice(t, n, 1, 1, 1).To(x.DType()).Mul(way).Add(baseline)
		sum = sum.Add(inputGradient(op, model, points, class).SumAxes(false, 0))
	}
	return way.Mul(sum).MulScalar(1 / float64(steps))
}

// GradCAM returns where in x the evidence for a class lies, (H, W) from 0 to 1: the channels of the layer at path, weighted by their mean gradients, added
// and cut off below 0, enlarged to the size of x (Selvaraju et al., "Grad-CAM", 2017, equations 1 and 2). An empty path takes the last layer
// whose outputs are pictures. If nothing in x speaks for the class the result is all zeros.
func GradCAM(model nn.Layer, x *tensor.Tensor, class int, path string) *tensor.Tensor {
	const op = "explain.GradCAM"
	image(op, x)
	c, all := recording()
	leaf := x.Detach().Unsqueeze(0).Clone().RequireGrad() // so that what is computed from it is recorded
	y := classify(op, c, model, leaf, class).Select(1, class).Sum()
	a := at(op, *all, path)
	if a.Value.NDim() != 4 {
		tensor.Fail(op, "", "the output of layer %q has shape %s; it must be pictures (N, C, H, W)", a.Path, tensor.ShapeString(a.Value.Shape()))
	}
	g := tensor.Grad(y, []*tensor.Tensor{a.Value}, tensor.GradConfig{})[0]
	heat := g.MeanAxes(true, 2, 3).Mul(a.Value).SumAxes(true, 1).ReLU().Detach()
	heat = enlarge(heat, x.Size(1), x.Size(2))
	if most := heat.Max().Item(); most > 0 {
		heat = heat.MulScalar(1 / most)
	}
	return heat
}
