// Package transforms changes images at random, so that a network sees each of them in many forms (augmentation), and brings them to the
// size and range that it wants. Boxes and masks follow their image.
//
//	augment := transforms.Compose(
//		transforms.RandomCrop{Height: 32, Width: 32, Pad: 4, Padding: transforms.Padding{Mode: transforms.Reflect}},
//		transforms.RandomHorizontalFlip{},
//		transforms.Cutout{Size: 8},
//	)
//	train := transforms.Dataset(set.Train, augment)
//
// Names, parameters and values are torchvision's (transforms.v2, on float tensors); where something differs, its comment says so. What
// has Random in its name draws anew for each example, from a stream of its own (see [data.Draw.RNG]): a batch is the same whatever
// the number of workers, and after resuming. Everything deterministic is there by itself too: methods of [Sample] change image, boxes and
// mask together, functions such as [AdjustHue] change colours.
//
// Examples are changed one at a time, before they are stacked. What mixes several, [data.MixUp] and [data.CutMix], comes after:
//
//	train = data.Map(transforms.Dataset(set.Train, augment), data.MixUp(10, 0.2))
package transforms

import (
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Sample is an image with what is known of its places. Its methods return a changed copy, and leave the old one as it was.
type Sample struct {
	Image *tensor.Tensor // (C, H, W) float32, colours in 0..1 where they matter
	// Objects lie in pixels of the image. Geometry moves their boxes with the image (the upright rectangle around the moved
	// corners), clips them to it, and drops those of which nothing is left.
	Objects []box.Object
	Mask    *tensor.Tensor // (H, W) int64, the class of each pixel, or nil
}

// Transform changes a sample. What it draws comes from rng alone; a transform that draws nothing takes nil. A sample that it can't
// work on, such as an image of two channels where colours are wanted, is a programmer's mistake and panics. Apply may be called from several
// goroutines.
type Transform interface {
	Apply(rng *tensor.RNG, s Sample) Sample
}

// Func is a function as a [Transform].
type Func func(rng *tensor.RNG, s Sample) Sample

// Apply calls f.
func (f Func) Apply(rng *tensor.RNG, s Sample) Sample { return f(rng, s) }

type compose []Transform

// Compose returns the transform that applies all of ts in turn; none of them changes nothing.
func Compose(ts ...Transform) Transform { return compose(ts) }

func (c compose) Apply(rng *tensor.RNG, s Sample) Sample {
	for _, t := range c {
		s = t.Apply(rng, s)
	}
	return s
}

type randomApply struct {
	p float64
	t Transform
}

// RandomApply returns the transform that applies t with probability p.
func RandomApply(p float64, t Transform) Transform {
	checkProbability("RandomApply", p)
	return randomApply{p, t}
}

func (r randomApply) Apply(rng *tensor.RNG, s Sample) Sample {
	if rng.Float64() < r.p {
		return r.t.Apply(rng, s)
	}
	return s
}

type oneOf []Transform

// OneOf returns the transform that applies one of ts, each equally likely (torchvision's RandomChoice). It panics if there are none.
func OneOf(ts ...Transform) Transform {
	if len(ts) == 0 {
		tensor.Fail("transforms.OneOf", "", "needs at least one transform")
	}
	return oneOf(ts)
}

func (o oneOf) Apply(rng *tensor.RNG, s Sample) Sample { return o[rng.IntN(len(o))].Apply(rng, s) }

func checkProbability(op string, p float64) {
	if !(p >= 0 && p <= 1) {
		tensor.Fail("transforms."+op, "", "expected a probability in [0, 1], got %g", p)
	}
}

// chance draws whether something of probability p happens; 0, a field left out, means one half.
func chance(rng *tensor.RNG, op string, p float64) bool {
	if p == 0 {
		p = 0.5
	}
	checkProbability(op, p)
	return rng.Float64() < p
}

// between draws a number uniform in [lo, hi).
func between(rng *tensor.RNG, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
