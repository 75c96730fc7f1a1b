// Package digits generates a data set of handwritten-like digits, so that a
// first training run needs neither a download nor a file.
//
// Every sample is a digit of one of the Go fonts, drawn at a random size,
// position, rotation, slant and stroke thickness, bent by a smooth random
// warp, then blurred, dimmed and covered with noise. In shape (28×28 grey,
// light ink on black, classes 0 to 9) and in difficulty it stands close to
// MNIST: a linear model errs on about a tenth of it, a LeNet on one or two in a
// hundred.
//
//	train, trainLabels := digits.Generate(1, 0, 12000)
//	test, testLabels := digits.Generate(1, digits.TestFrom, 2000)
package digits

import (
	"fmt"
	"math/rand/v2"

	"github.com/gradus-ml/gradus/internal/par"
)

const (
	// Size is the width and the height of a sample in pixels.
	Size = 28
	// Classes is the number of classes: the digits 0 to 9.
	Classes = 10
	// TestFrom is the index at which test samples begin by convention: train on
	// indices below it and no sample is in both sets.
	TestFrom = 1 << 30
)

// Generate draws the samples from, from+1, …, from+n-1 of the endless sequence
// that seed names. Sample i lies at pixels[(i-from)*28*28:], row by row, with
// ink 255 on 0; its class is labels[i-from].
//
// A sample depends on its index and the seed only, not on from, n or the number
// of threads. (Processors that round a multiplication and an addition at once,
// such as arm64's, may differ by one grey level in a few pixels.) Each ten samples whose indices begin at a multiple of ten hold
// each class once, in random order.
//
// It panics when from or n is negative.
func Generate(seed uint64, from, n int) (pixels, labels []uint8) {
	if from < 0 || n < 0 {
		panic(fmt.Sprintf("digits.Generate: from and n must not be negative, got from=%d n=%d", from, n))
	}
	pixels = make([]uint8, n*Size*Size)
	labels = make([]uint8, n)
	shapes := glyphs()
	par.For(n, 64, func(lo, hi int) {
		var w warp
		for k := lo; k < hi; k++ {
			i := uint64(from + k)
			label := classOf(seed, i)
			labels[k] = uint8(label)
			r := stream(seed, i)
			style := r.IntN(len(shapes) / Classes)
			w.randomise(r)
			w.draw(pixels[k*Size*Size:][:Size*Size], shapes[style*Classes+label], r)
		}
	})
	return pixels, labels
}

// classOf returns the class of sample i: its place in the random permutation
// that belongs to its block of ten.
func classOf(seed, i uint64) int {
	var order [Classes]int
	for c := range order {
		order[c] = c
	}
	r := stream(^seed, i/Classes)
	r.Shuffle(Classes, func(a, b int) { order[a], order[b] = order[b], order[a] })
	return order[i%Classes]
}

// stream returns the random numbers of sample i. Neighbouring (seed, i) would
// make neighbouring PCG states, whose outputs are related; mixing parts them.
func stream(seed, i uint64) *rand.Rand {
	a := mix(seed + 0x9e3779b97f4a7c15)
	b := mix(a ^ (i + 0x9e3779b97f4a7c15))
	return rand.New(rand.NewPCG(a, b))
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
