package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// AutoencoderConfig describes an [Autoencoder] or a [VAE] for images whose sides divide by 4.
type AutoencoderConfig struct {
	In     int // channels, default 1
	Side   int // height and width in pixels, default 28
	Width  int // filters of the first convolution, default 32; the second has twice as many
	Latent int // numbers that an image is squeezed into, default 16
}

func (cfg AutoencoderConfig) withDefaults(op string) AutoencoderConfig {
	cfg.In = orDefault(cfg.In, 1)
	cfg.Side = orDefault(cfg.Side, 28)
	cfg.Width = orDefault(cfg.Width, 32)
	cfg.Latent = orDefault(cfg.Latent, 16)
	if min(cfg.In, cfg.Side, cfg.Width, cfg.Latent) < 1 || cfg.Side%4 != 0 {
		tensor.Fail(op, "", "all sizes must be positive and the side divide by 4, got %+v", cfg)
	}
	return cfg
}

// encoder takes images (N, In, Side, Side) to (N, out) numbers by two convolutions of stride 2.
func (cfg AutoencoderConfig) encoder(out int) nn.Layer {
	quarter := cfg.Side / 4
	return nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: cfg.In, Out: cfg.Width, Kernel: 4, Stride: 2, Pad: 1, Init: heFanIn}.New()).
		Add("relu1", nn.ReLU()).
		Add("conv2", nn.Conv2DConfig{In: cfg.Width, Out: 2 * cfg.Width, Kernel: 4, Stride: 2, Pad: 1, Init: heFanIn}.New()).
		Add("relu2", nn.ReLU()).
		Add("flatten", nn.Flatten()).
		Add("fc", nn.NewLinear(2*cfg.Width*quarter*quarter, out))
}

// decoder takes (N, Latent) numbers back to the logits of images by two transposed convolutions.
func (cfg AutoencoderConfig) decoder() nn.Layer {
	quarter := cfg.Side / 4
	return nn.NewNamed().
		Add("fc", nn.LinearConfig{In: cfg.Latent, Out: 2 * cfg.Width * quarter * quarter, Init: heFanIn}.New()).
		Add("relu1", nn.ReLU()).
		Add("unflatten", nn.Unflatten(2*cfg.Width, quarter, quarter)).
		Add("conv1", nn.ConvTranspose2DConfig{In: 2 * cfg.Width, Out: cfg.Width, Kernel: 4, Stride: 2, Pad: 1, Init: heFanIn}.New()).
		Add("relu2", nn.ReLU()).
		Add("conv2", nn.ConvTranspose2DConfig{In: cfg.Width, Out: cfg.In, Kernel: 4, Stride: 2, Pad: 1}.New())
}

// Autoencoder squeezes images (N, In, Side, Side) through Latent numbers and makes images of them again (Hinton and Salakhutdinov, "Reducing the
// dimensionality of data with neural networks", 2006). Forward returns logits; their sigmoid is the image, from 0 to 1.
type Autoencoder struct{ Encoder, Decoder nn.Layer }

// NewAutoencoder returns a convolutional autoencoder.
func NewAutoencoder(cfg AutoencoderConfig) *Autoencoder {
	cfg = cfg.withDefaults("models.NewAutoencoder")
	return &Autoencoder{cfg.encoder(cfg.Latent), cfg.decoder()}
}

// Encode returns the numbers (N, Latent) for images.
func (a *Autoencoder) Encode(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return c.Call("encoder", a.Encoder, x)
}

// Decode returns the logits of images for numbers (N, Latent).
func (a *Autoencoder) Decode(c *nn.Ctx, z *tensor.Tensor) *tensor.Tensor {
	return c.Call("decoder", a.Decoder, z)
}

// Forward returns the logits of the images that come out for x.
func (a *Autoencoder) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return a.Decode(c, a.Encode(c, x))
}

// Visit names the two halves.
func (a *Autoencoder) Visit(v *nn.Visitor) {
	v.Child("encoder", a.Encoder)
	v.Child("decoder", a.Decoder)
}

// VAE is the variational autoencoder of Kingma and Welling, "Auto-encoding variational Bayes", 2013: the encoder gives a normal distribution for each image, and all of
// them together are kept close to the standard one, so that images can be drawn from it.
type VAE struct {
	Encoder, Decoder nn.Layer
	latent           int
}

// NewVAE returns a convolutional variational autoencoder.
func NewVAE(cfg AutoencoderConfig) *VAE {
	cfg = cfg.withDefaults("models.NewVAE")
	return &VAE{cfg.encoder(2 * cfg.Latent), cfg.decoder(), cfg.Latent}
}

// Encode returns mean and logarithm of the variance of the distribution of z for images x, (N, Latent) each.
func (m *VAE) Encode(c *nn.Ctx, x *tensor.Tensor) (mean, logVar *tensor.Tensor) {
	h := c.Call("encoder", m.Encoder, x)
	return h.Slice(1, 0, m.latent, 1), h.Slice(1, m.latent, 2*m.latent, 1)
}

// Decode returns the logits of images for z (N, Latent).
func (m *VAE) Decode(c *nn.Ctx, z *tensor.Tensor) *tensor.Tensor {
	return c.Call("decoder", m.Decoder, z)
}

// Latent returns how many numbers stand for an image.
func (m *VAE) Latent() int { return m.latent }

// Forward returns the logits of the images for the means of z, without chance.
func (m *VAE) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	mean, _ := m.Encode(c, x)
	return m.Decode(c, mean)
}

// Visit names the two halves.
func (m *VAE) Visit(v *nn.Visitor) {
	v.Child("encoder", m.Encoder)
	v.Child("decoder", m.Decoder)
}

// Loss returns the two parts of the negative evidence lower bound of images x with values from 0 to 1, in nats for each image, averaged over the batch: the cross
// entropy of the pixels, for one z drawn from the encoder's distribution by rng (mean + σ·ε, "the reparametrisation trick", equations 7 and 10), and the
// Kullback–Leibler divergence of that distribution from the standard normal, ½·Σ(mean² + σ² − 1 − log σ²).
func (m *VAE) Loss(c *nn.Ctx, x *tensor.Tensor, rng *tensor.RNG) (reconstruction, divergence *tensor.Tensor) {
	mean, logVar := m.Encode(c, x)
	noise := rng.Normal(x.DType(), 0, 1, mean.Shape()...)
	z := mean.Add(logVar.MulScalar(0.5).Exp().Mul(noise))
	n := 1 / float64(x.Size(0))
	logits := m.Decode(c, z)
	reconstruction = nn.BCEWithLogits(logits, x).MulScalar(float64(x.NumEl()) * n)
	divergence = mean.Square().Add(logVar.Exp()).Sub(logVar).AddScalar(-1).Sum().MulScalar(0.5 * n)
	return reconstruction, divergence
}
