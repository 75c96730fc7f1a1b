package transforms

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// Elastic returns the sample, of the same size, with the pixel at (x, y) read at (x + dx, y + dy): displacement (2, H, W) float32 holds dx,
// then dy, in pixels. Beyond the image lies what p says. The corner of a box moves by the displacement of the pixel that it lies
// in, the other way, which is close for smooth fields; torchvision does so after rounding the corner up to a pixel, and moves it by a
// further half.
func (s Sample) Elastic(displacement *tensor.Tensor, p Padding) Sample {
	return s.elastic("Elastic", displacement, p, 0)
}

func (s Sample) elastic(op string, displacement *tensor.Tensor, p Padding, visible float64) Sample {
	_, h, w := s.size(op)
	if d := displacement; d == nil || d.DType() != tensor.Float32 || d.NDim() != 3 || d.Size(0) != 2 || d.Size(1) != h || d.Size(2) != w {
		tensor.Fail("transforms."+op, "", "expected displacements float32 (2, %d, %d)", h, w)
	}
	field, v := elements[float32](displacement)
	dx, dy := v[:h*w], v[h*w:]
	out := s.warped(op, h, w, false, p, func(row int, x, y []float64) {
		for i := range x {
			x[i], y[i] = float64(i)+float64(dx[row*w+i]), float64(row)+float64(dy[row*w+i])
		}
	})
	out.Objects = moved(s.Objects, h, w, visible, hull(func(x, y float64) (float64, float64) {
		at := int(within(math.Floor(y), h-1))*w + int(within(math.Floor(x), w-1))
		return x - float64(dx[at]), y - float64(dy[at])
	}))
	runtime.KeepAlive(field)
	return out
}

// ElasticTransform moves each pixel by a smooth random field: uniform noise in −1..1, blurred by a Gaussian of Sigma pixels, times
// Alpha/2 pixels (Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003; the units are
// torchvision's, whose Alpha counts in halves of a pixel).
type ElasticTransform struct {
	Alpha float64 // 0 means 50
	Sigma float64 // 0 means 5
	Padding
	// MinVisible drops objects of which less than this part of their area is left.
	MinVisible float64
}

// Apply implements [Transform].
func (t ElasticTransform) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "ElasticTransform"
	_, h, w := s.size(op)
	alpha, sigma := t.Alpha, t.Sigma
	if alpha == 0 {
		alpha = 50
	}
	if sigma == 0 {
		sigma = 5
	}
	checkFactor(op, alpha)
	checkFactor(op, sigma)
	field := rng.Uniform(tensor.Float32, -1, 1, 2, h, w)
	v := tensor.MutableData[float32](field)
	weights := gaussian(int(8*sigma+1)|1, sigma)
	blur(v[:h*w], h, w, weights)
	blur(v[h*w:], h, w, weights)
	cpu.MulScalar(v, v, float32(alpha/2))
	return s.elastic(op, field, t.Padding, t.MinVisible)
}
