package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// gradsOf returns the function (xs…, g) → gradients of f(xs…)·g with respect to each float x: how the rows of
// gradient operations call them, since those want attributes and intermediate results that only f's own record has.
func gradsOf(f func(in []*Tensor) *Tensor) func(in []*Tensor) []*Tensor {
	return func(in []*Tensor) []*Tensor {
		var all, floats []*Tensor
		last := len(in) - 1
		for _, x := range in[:last] {
			if x.DType().IsFloat() {
				if !x.RequiresGrad() {
					x = x.Detach().RequireGrad()
				}
				floats = append(floats, x)
			}
			all = append(all, x)
		}
		return Grad(f(all), floats, GradConfig{BackwardConfig: BackwardConfig{Gradient: in[last], CreateGraph: true}})
	}
}

// along calls f with every run of elements along axis, of each of xs, and what to fill in the result.
func along(axis int, f func(v [][]float64, out []float64), xs ...nd) nd {
	y := nd{xs[0].shape, make([]float64, len(xs[0].data))}
	n, inner := y.shape[axis], 1
	for _, s := range y.shape[axis+1:] {
		inner *= s
	}
	for start := range y.data {
		if start/inner%n != 0 {
			continue
		}
		v, out := make([][]float64, len(xs)), make([]float64, n)
		for k, x := range xs {
			for i := range n {
				v[k] = append(v[k], x.data[start+i*inner])
			}
		}
		f(v, out)
		for i := range n {
			y.data[start+i*inner] = out[i]
		}
	}
	return y
}

func softmaxOf(x [][]float64, out []float64) {
	sum := 0.0
	for _, x := range x[0] {
		sum += math.Exp(x)
	}
	for i, x := range x[0] {
		out[i] = math.Exp(x) / sum
	}
}

func logSoftmaxOf(x [][]float64, out []float64) {
	softmaxOf(x, out)
	for i := range out {
		out[i] = math.Log(out[i])
	}
}

var softmaxCases = []struct {
	shape []int
	axis  int
}{{[]int{5}, 0}, {[]int{2, 3}, 1}, {[]int{2, 3}, 0}, {[]int{2, 3, 2}, -2}, {[]int{2, 1}, -1}, {[]int{0, 3}, 1}, {[]int{3, 0}, 1}, {[]int{3, 17}, 1}}

// axisRows are the rows of a function along an axis, whose oracle is f of x, and of its gradient, whose oracle is df of g and y.
func axisRows(name string, call func(x *Tensor, axis int) *Tensor, f, df func(v [][]float64, out []float64)) {
	on := func(axis int) func(in []*Tensor) *Tensor {
		return func(in []*Tensor) *Tensor { return call(in[0], axis) }
	}
	addRow(name, row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range softmaxCases {
				axis := (s.axis + len(s.shape)) % len(s.shape)
				out = append(out, sample{
					in:     []*Tensor{uniform(r, -3, 3, s.shape...)},
					call:   func(in []*Tensor) []*Tensor { return []*Tensor{on(s.axis)(in)} },
					want:   func(in []nd) []nd { return []nd{along(axis, f, in[0])} },
					noGrad: len(s.shape) == 2 && s.shape[1] == 17,
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a tensor with axes, got a scalar", func() { call(Scalar(Float32, 1), -1) }},
			{"axis 2 is out of range for a tensor of 2 axes", func() { call(Zeros(Float32, 2, 2), 2) }},
			{"expected a float tensor, got int64 (2, 2)", func() { call(Zeros(Int64, 2, 2), 1) }},
		},
		noScalar: "it needs an axis",
	})
	grad := name + "_grad"
	addRow(grad, row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range softmaxCases {
				axis := (s.axis + len(s.shape)) % len(s.shape)
				out = append(out, sample{
					in:     []*Tensor{uniform(r, -2, 2, s.shape...), uniform(r, -1, 1, s.shape...)},
					call:   gradsOf(on(s.axis)),
					noGrad: len(s.shape) == 2 && s.shape[1] == 17,
					want: func(in []nd) []nd {
						return []nd{along(axis, df, in[1], along(axis, f, in[0]))}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected tensors of one shape, got (2, 2) and (2, 3)", func() { Apply(grad, nil, Zeros(Float32, 2, 2), Zeros(Float32, 2, 3)) }},
			{"expected tensors of one data type, got float32 (2) and float64 (2)", func() { Apply(grad, nil, Zeros(Float32, 2), Zeros(Float64, 2)) }},
			{"expected a tensor with axes, got a scalar", func() { Apply(grad, nil, Scalar(Float32, 2), Scalar(Float32, 2)) }},
		},
		noScalar: "it needs an axis",
	})
}

func init() {
	axisRows("softmax", (*Tensor).Softmax, softmaxOf, func(v [][]float64, out []float64) {
		for i, yi := range v[1] {
			for j, yj := range v[1] {
				d := -yi * yj
				if i == j {
					d += yi
				}
				out[i] += v[0][j] * d
			}
		}
	})
	axisRows("log_softmax", (*Tensor).LogSoftmax, logSoftmaxOf, func(v [][]float64, out []float64) {
		for i, yi := range v[1] {
			for j := range v[1] {
				d := -math.Exp(yi)
				if i == j {
					d++
				}
				out[i] += v[0][j] * d
			}
		}
	})
}

func TestSoftmaxOfLargeAndMasked(t *testing.T) {
	inf := math.Inf(-1)
	x := FromSlice([]float64{1000, 1000, inf, 0, inf, -1e300}, 2, 3)
	compareAll(t, "softmax", []*Tensor{x.Softmax(-1)}, []nd{{[]int{2, 3}, []float64{0.5, 0.5, 0, 1, 0, 0}}}, 1e-15, 0)
	compareAll(t, "log softmax", []*Tensor{x.LogSoftmax(-1)},
		[]nd{{[]int{2, 3}, []float64{-math.Ln2, -math.Ln2, inf, 0, inf, -1e300}}}, 1e-15, 0)
}
