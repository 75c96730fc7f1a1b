package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// Normalize subtracts Mean[c] from channel c and divides it by Std[c]; one number stands for all channels. [data.MeanStd] measures
// them, and [data.Standardize] does the same to whole batches. It belongs behind everything that wants colours in 0..1.
type Normalize struct {
	Mean, Std []float64
}

// Apply implements [Transform].
func (t Normalize) Apply(_ *tensor.RNG, s Sample) Sample {
	const op = "Normalize"
	s.size(op)
	p := own(op, s.Image, false)
	for k := range p.c {
		mean, std := fillOf(op, t.Mean, p.c, k), fillOf(op, t.Std, p.c, k)
		if !(std > 0) || math.IsInf(float64(std), 1) {
			tensor.Fail("transforms."+op, "", "expected a positive standard deviation, got %g for channel %d", std, k)
		}
		cpu.AddScalar(p.plane(k), p.plane(k), -mean)
		cpu.DivScalar(p.plane(k), p.plane(k), std)
	}
	s.Image = p.x
	return s
}

// StandardizeEach gives every image mean 0 and standard deviation 1 by itself, as [data.StandardizeEach] does.
type StandardizeEach struct{}

// Apply implements [Transform].
func (StandardizeEach) Apply(_ *tensor.RNG, s Sample) Sample {
	s.size("StandardizeEach")
	b, _ := data.StandardizeEach()(data.Draw{}, data.Batch{X: s.Image.Unsqueeze(0)}) // never fails
	s.Image = b.X.Select(0, 0)
	return s
}
