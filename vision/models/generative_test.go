package models

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// The divergence against the integral of q·log(q/p) over a grid, for each of the numbers.
func TestVAEDivergenceIsTheIntegral(t *testing.T) {
	m := NewVAE(AutoencoderConfig{Side: 8, Width: 2, Latent: 3})
	nn.Init(m, 1)
	x := tensor.NewRNG(2).Uniform(tensor.Float32, 0, 1, 4, 1, 8, 8)
	_, got := m.Loss(nn.Eval(), x, tensor.NewRNG(3))
	mean, logVar := m.Encode(nn.Eval(), x)
	want := 0.0
	for i := range 4 {
		for j := range 3 {
			mu, sigma := mean.At(i, j), math.Exp(logVar.At(i, j)/2)
			const step = 1e-3
			for z := mu - 12*sigma; z < mu+12*sigma; z += step {
				logQ := -0.5*math.Pow((z-mu)/sigma, 2) - math.Log(sigma)
				want += step * math.Exp(logQ) / math.Sqrt(2*math.Pi) * (logQ + 0.5*z*z) / 4
			}
		}
	}
	if math.Abs(got.Item()-want) > 1e-3*math.Abs(want) {
		t.Errorf("divergence is %g, the integral %g", got.Item(), want)
	}
}

// With noise of its own for each try, the mean of the bound doesn't depend on how it was drawn; with a decoder that ignores z the reconstruction is plain cross entropy.
func TestVAEReconstructionIsPerImage(t *testing.T) {
	m := NewVAE(AutoencoderConfig{Side: 8, Width: 2, Latent: 3})
	nn.Init(m, 1)
	for _, p := range nn.Params(m.Decoder) {
		p.Value().Fill(0)
	}
	x := tensor.NewRNG(2).Uniform(tensor.Float32, 0, 1, 4, 1, 8, 8)
	got, _ := m.Loss(nn.Eval(), x, tensor.NewRNG(3))
	if want := 64 * math.Ln2; math.Abs(got.Item()-want) > 1e-3 { // logits of 0: ln 2 a pixel
		t.Errorf("reconstruction is %g, want %g", got.Item(), want)
	}
}

// Each loss trains its own network only, and their sum gives the gradients that two passes would.
func TestGANLossesTrainTheirOwnNetworks(t *testing.T) {
	g := NewDCGAN(DCGANConfig{Side: 8, Width: 2, Latent: 3})
	nn.Init(g, 1)
	real := tensor.NewRNG(2).Uniform(tensor.Float32, -1, 1, 6, 1, 8, 8)
	noise := g.Noise(tensor.NewRNG(3), 6)
	gradients := func(choose func(d, g *tensor.Tensor) *tensor.Tensor) (ofD, ofG []*tensor.Tensor) {
		d, gen, _ := g.Loss(nn.Train(tensor.NewRNG(4)), real, noise)
		for _, p := range nn.Params(g) {
			p.Value().ZeroGrad()
		}
		choose(d, gen).Backward()
		for _, p := range nn.Params(g.Discriminator) {
			ofD = append(ofD, p.Grad())
		}
		for _, p := range nn.Params(g.Generator) {
			ofG = append(ofG, p.Grad())
		}
		return ofD, ofG
	}
	dOfD, gOfD := gradients(func(d, _ *tensor.Tensor) *tensor.Tensor { return d })
	dOfG, gOfG := gradients(func(_, g *tensor.Tensor) *tensor.Tensor { return g })
	dOfSum, gOfSum := gradients(func(d, g *tensor.Tensor) *tensor.Tensor { return d.Add(g) })
	for i := range dOfD {
		if dOfG[i] != nil {
			t.Errorf("the generator's loss has a gradient for parameter %d of the discriminator", i)
		}
		if far := dOfD[i].Sub(dOfSum[i]).Abs().Max().Item(); far > 1e-6 || dOfD[i].Abs().Max().Item() == 0 {
			t.Errorf("gradient %d of the discriminator differs by %g in the sum, or is 0", i, far)
		}
	}
	for i := range gOfG {
		if gOfD[i] != nil {
			t.Errorf("the discriminator's loss has a gradient for parameter %d of the generator", i)
		}
		if far := gOfG[i].Sub(gOfSum[i]).Abs().Max().Item(); far > 1e-6 || gOfG[i].Abs().Max().Item() == 0 {
			t.Errorf("gradient %d of the generator differs by %g in the sum, or is 0", i, far)
		}
	}
}

func TestGenerativeModelsPassTheCheck(t *testing.T) {
	for name, m := range map[string]nn.Layer{"autoencoder": NewAutoencoder(AutoencoderConfig{}), "VAE": NewVAE(AutoencoderConfig{In: 3, Side: 32}), "DCGAN": NewDCGAN(DCGANConfig{})} {
		if err := nn.Check(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tensor.Try(func() error { NewVAE(AutoencoderConfig{Side: 30}); return nil }); err == nil {
		t.Error("a side of 30 was accepted")
	}
}
