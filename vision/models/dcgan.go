package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// DCGANConfig describes a [DCGAN] for images whose sides divide by 4.
type DCGANConfig struct {
	In     int // channels, default 1
	Side   int // height and width in pixels, default 28
	Width  int // filters next to the image, default 32; twice as many in the middle
	Latent int // numbers that an image is made from, default 64
}

// DCGAN is a generator that makes images from noise and a discriminator that tells them from real ones (Goodfellow et al., "Generative adversarial
// networks", 2014), convolutional with batch norm, leaky ReLU in the discriminator, weights from N(0, 0.02²) (Radford et al., "Unsupervised
// representation learning with deep convolutional generative adversarial networks", 2015). Images have values from −1 to 1.
type DCGAN struct {
	Generator     nn.Layer // noise (N, Latent) → images (N, In, Side, Side) by tanh
	Discriminator nn.Layer // images → logits (N, 1) of being real
	latent        int
}

// NewDCGAN returns a generator and a discriminator.
func NewDCGAN(cfg DCGANConfig) *DCGAN {
	cfg.In = orDefault(cfg.In, 1)
	cfg.Side = orDefault(cfg.Side, 28)
	cfg.Width = orDefault(cfg.Width, 32)
	cfg.Latent = orDefault(cfg.Latent, 64)
	if min(cfg.In, cfg.Side, cfg.Width, cfg.Latent) < 1 || cfg.Side%4 != 0 {
		tensor.Fail("models.NewDCGAN", "", "all sizes must be positive and the side divide by 4, got %+v", cfg)
	}
	quarter, w := cfg.Side/4, cfg.Width
	init := nn.Normal(0, 0.02)
	generator := nn.NewNamed().
		Add("fc", nn.LinearConfig{In: cfg.Latent, Out: 2 * w * quarter * quarter, NoBias: true, Init: init}.New()).
		Add("unflatten", nn.Unflatten(2*w, quarter, quarter)).
		Add("bn1", nn.NewBatchNorm(2*w)).
		Add("relu1", nn.ReLU()).
		Add("conv1", nn.ConvTranspose2DConfig{In: 2 * w, Out: w, Kernel: 4, Stride: 2, Pad: 1, NoBias: true, Init: init}.New()).
		Add("bn2", nn.NewBatchNorm(w)).
		Add("relu2", nn.ReLU()).
		Add("conv2", nn.ConvTranspose2DConfig{In: w, Out: cfg.In, Kernel: 4, Stride: 2, Pad: 1, Init: init}.New()).
		Add("tanh", nn.Tanh())
	discriminator := nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: cfg.In, Out: w, Kernel: 4, Stride: 2, Pad: 1, Init: init}.New()).
		Add("relu1", nn.LeakyReLU(0.2)).
		Add("conv2", nn.Conv2DConfig{In: w, Out: 2 * w, Kernel: 4, Stride: 2, Pad: 1, NoBias: true, Init: init}.New()).
		Add("bn2", nn.NewBatchNorm(2*w)).
		Add("relu2", nn.LeakyReLU(0.2)).
		Add("flatten", nn.Flatten()).
		Add("fc", nn.LinearConfig{In: 2 * w * quarter * quarter, Out: 1, Init: init}.New())
	return &DCGAN{generator, discriminator, cfg.Latent}
}

// Noise draws what the generator makes n images of.
func (g *DCGAN) Noise(rng *tensor.RNG, n int) *tensor.Tensor {
	return rng.Normal(tensor.Float32, 0, 1, n, g.latent)
}

// Forward returns the generator's images for noise (N, Latent).
func (g *DCGAN) Forward(c *nn.Ctx, z *tensor.Tensor) *tensor.Tensor {
	return c.Call("generator", g.Generator, z)
}

// Visit names the two networks.
func (g *DCGAN) Visit(v *nn.Visitor) {
	v.Child("generator", g.Generator)
	v.Child("discriminator", g.Discriminator)
}

// Loss returns the losses of one step for real images (N, In, Side, Side): the discriminator's, cross entropy of real and generated images, real ones with the
// target 0.9 (one-sided label smoothing, Salimans et al., 2016); and the generator's in its non-saturating form, −log D(G(z)). Each has gradients for its own network alone, so
// that their sum trains both at once. score holds the probabilities of being real that the discriminator gives to the real images, on average, and to the others.
func (g *DCGAN) Loss(c *nn.Ctx, real, noise *tensor.Tensor) (discriminator, generator *tensor.Tensor, score [2]float64) {
	fake := g.Forward(c, noise)
	judge := func(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor { return c.Call("discriminator", g.Discriminator, x) }
	onReal, onFake := judge(c, real), judge(c, fake.Detach())
	target := func(v float64) *tensor.Tensor { return tensor.Full(real.DType(), v, real.Size(0), 1) }
	discriminator = nn.BCEWithLogits(onReal, target(0.9)).Add(nn.BCEWithLogits(onFake, target(0)))

	params := nn.Params(g.Discriminator)
	fixed := make([]*tensor.Tensor, len(params))
	for i, p := range params {
		fixed[i] = p.Value().Detach()
	}
	generator = nn.BCEWithLogits(judge(c.With(params, fixed), fake), target(1))
	return discriminator, generator, [2]float64{onReal.Detach().Sigmoid().Mean().Item(), onFake.Detach().Sigmoid().Mean().Item()}
}
