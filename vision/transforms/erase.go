package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Erase returns the sample with a rectangle of the image, clipped to it, set to value: no number is 0, or one, or one for each channel.
// Objects and mask stay as they were.
func (s Sample) Erase(top, left, height, width int, value []float64) Sample {
	return s.erase("Erase", top, left, height, width, func(c, k int) func() float32 {
		v := fillOf("Erase", value, c, k)
		return func() float32 { return v }
	})
}

func (s Sample) erase(op string, top, left, height, width int, value func(channels, c int) func() float32) Sample {
	c, h, w := s.size(op)
	x0, x1 := max(left, 0), min(left+width, w)
	y0, y1 := max(top, 0), min(top+height, h)
	s.Image = s.Image.Detach().Clone()
	v := tensor.MutableData[float32](s.Image)
	for k := range c {
		next := value(c, k)
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				v[(k*h+y)*w+x] = next()
			}
		}
	}
	return s
}

// RandomErasing sets a random rectangle of the image to a number or to noise, with probability P (Zhong et al., "Random Erasing Data
// Augmentation", 2020).
type RandomErasing struct {
	P     float64    // 0 means 0.5
	Scale [2]float64 // range of the erased part of the area; zeros mean 0.02 to 0.33
	Ratio [2]float64 // range of height / width; zeros mean 0.3 to 3.3
	Value []float64  // none is 0; one number; or one for each channel
	Noise bool       // standard normal noise in place of Value
}

// Apply implements [Transform].
func (t RandomErasing) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "RandomErasing"
	if !chance(rng, op, t.P) {
		return s
	}
	c, h, w := s.size(op)
	scale, ratio := orRange(op, t.Scale, 0.02, 0.33), orRange(op, t.Ratio, 0.3, 3.3)
	for range 10 {
		area := between(rng, scale[0], scale[1]) * float64(h*w)
		aspect := math.Exp(between(rng, math.Log(ratio[0]), math.Log(ratio[1])))
		high, wide := int(math.RoundToEven(math.Sqrt(area*aspect))), int(math.RoundToEven(math.Sqrt(area/aspect)))
		if high >= h || wide >= w {
			continue
		}
		top, left := rng.IntN(h-high+1), rng.IntN(w-wide+1)
		if !t.Noise {
			return s.Erase(top, left, high, wide, t.Value)
		}
		noise := tensor.Data[float32](rng.Normal(tensor.Float32, 0, 1, c*high*wide))
		return s.erase(op, top, left, high, wide, func(int, int) func() float32 {
			return func() float32 {
				v := noise[0]
				noise = noise[1:]
				return v
			}
		})
	}
	return s // no rectangle fits, as in a line of pixels
}

// orRange returns r, or lo to hi if r is zero. It panics unless 0 < r[0] ≤ r[1] and both are finite.
func orRange(op string, r [2]float64, lo, hi float64) [2]float64 {
	if r == [2]float64{} {
		return [2]float64{lo, hi}
	}
	if !(r[0] > 0 && r[0] <= r[1]) || math.IsInf(r[1], 1) {
		tensor.Fail("transforms."+op, "", "expected a range of positive numbers, the smaller one first, got %g to %g", r[0], r[1])
	}
	return r
}

// Cutout sets a square about a random pixel to a number; the part of it beyond the image's edges is cut off (DeVries and Taylor, "Improved
// Regularization of Convolutional Neural Networks with Cutout", 2017).
type Cutout struct {
	Size  int       // side of the square in pixels
	Value []float64 // none is 0; one number; or one for each channel
}

// Apply implements [Transform].
func (t Cutout) Apply(rng *tensor.RNG, s Sample) Sample {
	_, h, w := s.size("Cutout")
	checkTarget("Cutout", t.Size, t.Size)
	y, x := rng.IntN(h), rng.IntN(w)
	return s.Erase(y-t.Size/2, x-t.Size/2, t.Size, t.Size, t.Value)
}
