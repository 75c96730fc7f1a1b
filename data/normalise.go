package data

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Standardize returns a function for [Map] that subtracts mean[c] from channel c of the inputs and divides it by
// std[c]. Channels lie along axis 1: inputs have shape (N, C) or (N, C, …). One number stands for all channels. A std
// of 0 counts as 1. Inputs become Float32 if they are no floats.
func Standardize(mean, std []float64) func(Draw, Batch) (Batch, error) {
	const op = "data.Standardize"
	if len(mean) != len(std) || len(mean) == 0 {
		tensor.Fail(op, "", "expected as many standard deviations as means, at least one, got %d and %d", len(std), len(mean))
	}
	scale := make([]float64, len(std))
	for c, s := range std {
		if !(s >= 0) || math.IsInf(s+mean[c], 0) || math.IsNaN(mean[c]) {
			tensor.Fail(op, "", "mean and standard deviation must be finite, and the latter not negative, got %g and %g for channel %d", mean[c], s, c)
		}
		if scale[c] = 1 / s; s == 0 {
			scale[c] = 1
		}
	}
	return func(_ Draw, b Batch) (Batch, error) {
		channels := 1
		if len(mean) > 1 {
			if channels = len(mean); b.X.NDim() < 2 || b.X.Size(1) != channels {
				tensor.Fail(op, "give one mean for each channel, or one for all", "expected inputs with %d channels along axis 1, got shape %s", channels, tensor.ShapeString(b.X.Shape()))
			}
		}
		b.X = eachRun(b.X, b.Len()*channels, func(run int) (shift, factor float64) {
			return mean[run%channels], scale[run%channels]
		})
		return b, nil
	}
}

// eachRun returns x with (x − shift)·factor in each of n runs of equal length.
func eachRun(x *tensor.Tensor, n int, f func(run int) (shift, factor float64)) *tensor.Tensor {
	x = ownFloats(x)
	each := x.NumEl() / max(n, 1)
	if x.DType() == tensor.Float64 {
		shiftRuns(tensor.MutableData[float64](x), n, each, f)
	} else {
		shiftRuns(tensor.MutableData[float32](x), n, each, f)
	}
	return x
}

// ownFloats returns the values of x as contiguous floats that no other tensor holds.
func ownFloats(x *tensor.Tensor) *tensor.Tensor {
	y := x.Detach()
	if x.DType() != tensor.Float64 {
		y = y.To(tensor.Float32)
	}
	if x.DType() == y.DType() {
		return y.Clone()
	}
	return y.Contiguous()
}

func shiftRuns[T float32 | float64](v []T, n, each int, f func(run int) (shift, factor float64)) {
	for run := range n {
		shift, factor := f(run)
		s, k := T(shift), T(factor)
		row := v[run*each : (run+1)*each]
		for i, x := range row {
			row[i] = (x - s) * k
		}
	}
}

// StandardizeEach returns a function for [Map] that gives every example mean 0 and standard deviation 1 by itself.
// Deviations below 1/√n, n being the numbers in an example, count as 1/√n, so that flat images don't blow up (as
// TensorFlow's per_image_standardization).
func StandardizeEach() func(Draw, Batch) (Batch, error) {
	return func(_ Draw, b Batch) (Batch, error) {
		n := b.Len()
		wide := tensor.ToSlice[float64](b.X)
		each := len(wide) / max(n, 1)
		b.X = eachRun(b.X, n, func(run int) (shift, factor float64) {
			mean, std := moments(wide[run*each : (run+1)*each])
			return mean, 1 / math.Max(std, 1/math.Sqrt(float64(each)))
		})
		return b, nil
	}
}

// moments returns mean and standard deviation (of the population) of v.
func moments(v []float64) (mean, std float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		std += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(std / float64(len(v)))
}

// MeanStd returns mean and standard deviation (of the population) of each channel of the inputs of ds, for
// [Standardize]: axis 1 of (N, C) or (N, C, …); one channel for (N). Measure the training set only.
func MeanStd(ds Dataset) (mean, std []float64, err error) {
	var count float64
	var squares []float64 // sums of squared distances from the mean
	for index := range slices.Chunk(upTo(ds.Len()), 256) {
		b, err := ds.Batch(Draw{Index: index})
		if err != nil {
			return nil, nil, err
		}
		channels := 1
		if b.X.NDim() > 1 {
			channels = b.X.Size(1)
		}
		if mean == nil {
			mean, squares = make([]float64, channels), make([]float64, channels)
		}
		if channels != len(mean) {
			tensor.Fail("data.MeanStd", "", "a batch has %d channels, others have %d", channels, len(mean))
		}
		v := tensor.ToSlice[float64](b.X)
		each := len(v) / (len(index) * channels)
		n := float64(len(index) * each)
		for c := range channels {
			var sum, sum2 float64
			for i := range index {
				for _, x := range v[(i*channels+c)*each:][:each] {
					d := x - mean[c] // about the mean so far, lest digits cancel
					sum += d
					sum2 += d * d
				}
			}
			squares[c] += sum2 - sum*sum/(count+n)
			mean[c] += sum / (count + n)
		}
		count += n
	}
	std = make([]float64, len(squares))
	for c, s := range squares {
		std[c] = math.Sqrt(math.Max(s, 0) / count)
	}
	return mean, std, nil
}
