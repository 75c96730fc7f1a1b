package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// RandAugment applies N operations drawn from a list of fourteen, turns and shears, shifts, colours, all of one strength (Cubuk et
// al., "RandAugment: Practical automated data augmentation with a reduced search space", 2020, with torchvision's list and ranges). Unlike
// torchvision's it takes boxes and masks along, mixes four pixels when warping, shears about the image's middle, and wants colours in 0..1.
type RandAugment struct {
	N         int // operations for an image; 0 means 2
	Magnitude int // of 30; 0 means 9
	Padding       // what lies beyond the edges of a warped image
}

// Apply implements [Transform].
func (t RandAugment) Apply(rng *tensor.RNG, s Sample) Sample {
	n, magnitude := t.N, t.Magnitude
	if n == 0 {
		n = 2
	}
	if magnitude == 0 {
		magnitude = 9
	}
	if n < 0 || magnitude < 0 || magnitude > 30 {
		tensor.Fail("transforms.RandAugment", "", "expected a number of operations and a magnitude of at most 30, got %d and %d", n, magnitude)
	}
	_, h, w := s.size("RandAugment")
	ranges := strengths{shear: 0.3, right: 150.0 / 331 * float64(w), down: 150.0 / 331 * float64(h), turn: 30, color: 0.9, bits: 4}
	for range n {
		s = ranges.apply(rng, s, rng.IntN(operations), float64(magnitude)/30, t.Padding)
	}
	return s
}

// TrivialAugment applies one operation of RandAugment's list, of random strength in a wide range (Müller and Hutter, "TrivialAugment:
// Tuning-free Yet State-of-the-Art Data Augmentation", 2021). Boxes and masks follow; colours should lie in 0..1.
type TrivialAugment struct {
	Padding // what lies beyond the edges of a warped image
}

// Apply implements [Transform].
func (t TrivialAugment) Apply(rng *tensor.RNG, s Sample) Sample {
	s.size("TrivialAugment")
	ranges := strengths{shear: 0.99, right: 32, down: 32, turn: 135, color: 0.99, bits: 6}
	op := rng.IntN(operations)
	return ranges.apply(rng, s, op, float64(rng.IntN(31))/30, t.Padding)
}

// strengths are the greatest strengths of operations.
type strengths struct {
	shear       float64 // tangent of the angle
	right, down float64 // pixels
	turn        float64 // degrees
	color       float64 // distance of the factor from 1
	bits        float64 // fewer than 8
}

const operations = 14

// apply applies operation number op at a part of its greatest strength, in one direction or the other.
func (t strengths) apply(rng *tensor.RNG, s Sample, op int, part float64, p Padding) Sample {
	sign := 1.0
	if op < 9 && rng.IntN(2) == 0 {
		sign = -1
	}
	degrees := math.Atan(sign*part*t.shear) * 180 / math.Pi
	factor := 1 + sign*part*t.color
	switch op {
	case 0:
		return s.Affine(Affine{Shear: [2]float64{degrees, 0}}, p)
	case 1:
		return s.Affine(Affine{Shear: [2]float64{0, degrees}}, p)
	case 2:
		return s.Affine(Affine{Translate: [2]float64{math.Trunc(sign * part * t.right), 0}}, p)
	case 3:
		return s.Affine(Affine{Translate: [2]float64{0, math.Trunc(sign * part * t.down)}}, p)
	case 4:
		return s.Affine(Affine{Angle: sign * part * t.turn}, p)
	case 5:
		s.Image = AdjustBrightness(s.Image, factor)
	case 6:
		s.Image = AdjustSaturation(s.Image, factor)
	case 7:
		s.Image = AdjustContrast(s.Image, factor)
	case 8:
		s.Image = AdjustSharpness(s.Image, factor)
	case 9:
		s.Image = Posterize(s.Image, int(math.RoundToEven(8-part*t.bits)))
	case 10:
		s.Image = Solarize(s.Image, 1-part)
	case 11:
		s.Image = Autocontrast(s.Image)
	case 12:
		s.Image = Equalize(s.Image)
	}
	return s // 13 changes nothing
}
