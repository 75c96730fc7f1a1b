package data

import (
	"fmt"
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
)

// MixUp returns a function for [Map] that replaces each example by a mean of it and another one of its batch, λ·x +
// (1 − λ)·x′, inputs and targets alike, with λ drawn from the beta distribution (alpha, alpha) for each example
// (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018). Targets, class indices of shape (N), become
// probabilities, Float32 of shape (N, classes), which the cross entropy takes. The draws depend on the loader's seed,
// the epoch and the batch's examples.
func MixUp(classes int, alpha float64) func(Draw, Batch) (Batch, error) {
	checkMix("data.MixUp", classes, alpha)
	return func(d Draw, b Batch) (Batch, error) {
		n := b.Len()
		x := ownFloats(b.X)
		old := b.X.Detach().To(x.DType()).Contiguous()
		rng, partner := partners("mixup", d, n)
		own := make([]float64, n)
		for i := range own {
			own[i] = beta(rng, alpha)
		}
		if x.DType() == tensor.Float64 {
			blend(tensor.MutableData[float64](x), tensor.Data[float64](old), partner, own)
		} else {
			blend(tensor.MutableData[float32](x), tensor.Data[float32](old), partner, own)
		}
		runtime.KeepAlive(old)
		y, err := blendTargets(b, classes, partner, own)
		b.X, b.Y = x, y
		return b, err
	}
}

// CutMix returns a function for [Map] that replaces a rectangle of each image by the same one of another image of its
// batch, and mixes the targets by the areas. Inputs have shape (N, C, H, W). The rectangle has the image's aspect and
// the part 1 − λ of its area, with λ drawn from the beta distribution (alpha, alpha), about a random point, and is
// cut off at the image's edges (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers", 2019).
// Targets are those of [MixUp].
func CutMix(classes int, alpha float64) func(Draw, Batch) (Batch, error) {
	checkMix("data.CutMix", classes, alpha)
	return func(d Draw, b Batch) (Batch, error) {
		if b.X.NDim() != 4 {
			tensor.Fail("data.CutMix", "", "expected images of shape (N, C, H, W), got %s", tensor.ShapeString(b.X.Shape()))
		}
		n, height, width := b.Len(), b.X.Size(2), b.X.Size(3)
		x := b.X.Detach().Clone()
		src := b.X.Detach().Contiguous()
		rng, partner := partners("cutmix", d, n)
		own := make([]float64, n)
		size := b.X.DType().Size()
		rows := b.X.Size(1) * height * width * size
		tensor.WithBytes(src, false, func(from []byte) {
			tensor.WithBytes(x, true, func(to []byte) {
				for i := range n {
					side := math.Sqrt(1 - beta(rng, alpha))
					top, bottom := span(rng, height, side)
					left, right := span(rng, width, side)
					own[i] = 1 - float64((bottom-top)*(right-left))/float64(height*width)
					for line := range b.X.Size(1) * height {
						if r := line % height; r >= top && r < bottom {
							at := (line*width + left) * size
							end := (line*width + right) * size
							copy(to[i*rows+at:i*rows+end], from[partner[i]*rows+at:partner[i]*rows+end])
						}
					}
				}
			})
		})
		y, err := blendTargets(b, classes, partner, own)
		b.X, b.Y = x, y
		return b, err
	}
}

func checkMix(op string, classes int, alpha float64) {
	if classes < 2 || !(alpha > 0) || math.IsInf(alpha, 1) {
		tensor.Fail(op, "", "expected at least 2 classes and a positive, finite alpha, got %d and %g", classes, alpha)
	}
}

// partners returns the randomness of a batch, and with whom each example is mixed.
func partners(what string, d Draw, n int) (*tensor.RNG, []int) {
	rng := tensor.NewRNG(d.Seed).Split(fmt.Sprintf("%s/%d/%v", what, d.Epoch, d.Index))
	return rng, rng.Perm(n)
}

// span returns a piece of [0, size) whose length is the given part of it, about a random point.
func span(rng *tensor.RNG, size int, part float64) (lo, hi int) {
	middle, half := rng.IntN(size), int(part*float64(size)/2)
	return max(middle-half, 0), min(middle+half, size)
}

// blend makes example i the mean of its old self, with weight own[i], and its partner's.
func blend[T float32 | float64](v, old []T, partner []int, own []float64) {
	each := len(v) / max(len(own), 1)
	for i, w := range own {
		other := old[partner[i]*each:][:each]
		for k, x := range old[i*each:][:each] {
			v[i*each+k] = T(w)*x + T(1-w)*other[k]
		}
	}
}

// blendTargets returns the classes' probabilities.
func blendTargets(b Batch, classes int, partner []int, own []float64) (*tensor.Tensor, error) {
	labels := classIndices(b.Y)
	v := make([]float32, len(labels)*classes)
	for i, w := range own {
		for _, l := range []int{labels[i], labels[partner[i]]} {
			if l < 0 || l >= classes {
				return nil, fmt.Errorf("data: label %d in a batch of examples %s is not one of the classes 0 to %d", l, few(b.Index), classes-1)
			}
		}
		v[i*classes+labels[i]] += float32(w)
		v[i*classes+labels[partner[i]]] += float32(1 - w)
	}
	return tensor.FromSlice(v, len(labels), classes), nil
}

// beta draws from the beta distribution (a, a), as the share of one of two gamma variates.
func beta(rng *tensor.RNG, a float64) float64 {
	x, y := logGamma(rng, a), logGamma(rng, a)
	return 1 / (1 + math.Exp(y-x))
}

// logGamma draws the logarithm of a gamma variate of shape a (Marsaglia and Tsang, "A simple method for generating
// gamma variables", 2000). Logarithms keep tiny shapes, whose variates underflow.
func logGamma(rng *tensor.RNG, a float64) float64 {
	boost := 0.0
	if a < 1 {
		boost = math.Log1p(-rng.Float64()) / a
		a++
	}
	d := a - 1.0/3
	for {
		// A normal number, of two uniform ones (Box and Muller).
		z := math.Sqrt(-2*math.Log1p(-rng.Float64())) * math.Cos(2*math.Pi*rng.Float64())
		v := 1 + z/math.Sqrt(9*d)
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log1p(-rng.Float64()) < z*z/2+d-d*v+d*math.Log(v) {
			return boost + math.Log(d*v)
		}
	}
}
