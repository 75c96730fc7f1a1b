package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// Blur returns the image x (C, H, W) blurred by a Gaussian of standard deviation sigma in pixels, cut off at a window of kernel × kernel, an
// odd number. Beyond the edges the image is mirrored; unlike torchvision, that may be more than once.
func Blur(x *tensor.Tensor, kernel int, sigma float64) *tensor.Tensor {
	if kernel < 1 || kernel%2 == 0 || !(sigma > 0) {
		tensor.Fail("transforms.Blur", "", "expected an odd window of at least 1 and a positive sigma, got %d and %g", kernel, sigma)
	}
	p := own("Blur", x, false)
	weights := gaussian(kernel, sigma)
	for k := range p.c {
		blur(p.plane(k), p.h, p.w, weights)
	}
	return p.x
}

// gaussian returns the weights of a window as torchvision spaces them: its samples lie 1/√2 apart in units in which the exponent is
// −(x/σ)², so that σ is the standard deviation in pixels.
func gaussian(kernel int, sigma float64) []float32 {
	w, sum := make([]float64, kernel), 0.0
	for i := range w {
		d := (float64(i) - float64(kernel-1)/2) / sigma
		w[i] = math.Exp(-d * d / 2)
		sum += w[i]
	}
	out := make([]float32, kernel)
	for i := range w {
		out[i] = float32(w[i] / sum)
	}
	return out
}

// blur convolves a plane with weights along both axes in place, mirrored beyond its edges.
func blur(v []float32, h, w int, weights []float32) {
	half := len(weights) / 2
	line := make([]float32, w+2*half)
	rows := make([]float32, h*w)
	for y := range h {
		row := v[y*w:][:w]
		copy(line[half:], row)
		for i := range half {
			line[i], line[half+w+i] = row[Reflect.at(i-half, w)], row[Reflect.at(w+i, w)]
		}
		out := rows[y*w:][:w]
		cpu.MulScalar(out, line[:w], weights[0])
		for j, k := range weights[1:] {
			cpu.Axpy(out, line[j+1:][:w], k)
		}
	}
	for y := range h {
		out := v[y*w:][:w]
		for j, k := range weights {
			row := rows[Reflect.at(y+j-half, h)*w:][:w]
			if j == 0 {
				cpu.MulScalar(out, row, k)
			} else {
				cpu.Axpy(out, row, k)
			}
		}
	}
}

// GaussianBlur blurs by a Gaussian of random width; see [Blur].
type GaussianBlur struct {
	Kernel int        // the window's height and width in pixels, an odd number
	Sigma  [2]float64 // range of the standard deviation in pixels; zeros mean 0.1 to 2
}

// Apply implements [Transform].
func (t GaussianBlur) Apply(rng *tensor.RNG, s Sample) Sample {
	s.size("GaussianBlur")
	sigma := orRange("GaussianBlur", t.Sigma, 0.1, 2)
	s.Image = Blur(s.Image, t.Kernel, between(rng, sigma[0], sigma[1]))
	return s
}
