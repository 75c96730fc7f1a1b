package tensor_test

import (
	"math/rand/v2"

	. "github.com/gradus-ml/gradus/tensor"
)

// elementwise makes the samples of a function of one tensor whose oracle is f, smooth between lo and hi.
func elementwise(call func(x *Tensor) *Tensor, f func(x float64) float64, lo, hi float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, shape := range [][]int{{}, {0}, {2, 0, 3}, {1}, {5}, {2, 3}, {2, 1, 3}} {
			out = append(out, sample{
				in:   []*Tensor{uniform(r, lo, hi, shape...)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0])} },
				want: func(in []nd) []nd { return []nd{mapped(in[0], f)} },
			})
		}
		// Long enough for more than one piece of parallel work; gradients of that many would take minutes.
		long := out[4]
		long.in = []*Tensor{uniform(r, lo, hi, 3, 7001)}
		long.noGrad = true
		return append(out, long)
	}
}

func mapped(x nd, f func(float64) float64) nd {
	y := nd{x.shape, make([]float64, len(x.data))}
	for i, v := range x.data {
		y.data[i] = f(v)
	}
	return y
}

// wrongFloats are inputs that elementwise functions of a float tensor reject.
func wrongFloats(call func(x *Tensor) *Tensor) []rejected {
	return []rejected{
		{"expected a float tensor, got int64", func() { call(Zeros(Int64, 3)) }},
		{"expected a float tensor, got bool", func() { call(Zeros(Bool, 2, 2)) }},
		{"a tensor is nil", func() { call(nil) }},
	}
}
