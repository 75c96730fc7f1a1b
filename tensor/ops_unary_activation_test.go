package tensor_test

import (
	"math"
	"math/rand/v2"

	. "github.com/gradus-ml/gradus/tensor"
)

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func normalCDF(x float64) float64     { return (1 + math.Erf(x/math.Sqrt2)) / 2 }
func normalDensity(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

func geluTanh(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func leakyReLU(slope float64) func(x float64) float64 {
	return func(x float64) float64 {
		if x > 0 {
			return x
		}
		return slope * x
	}
}

func elu(alpha float64) func(x float64) float64 {
	return func(x float64) float64 {
		if x > 0 {
			return x
		}
		return alpha * (math.Exp(x) - 1)
	}
}

func init() {
	for _, f := range []struct {
		name string
		call func(x *Tensor) *Tensor
		f    func(x float64) float64
	}{
		{"sigmoid", (*Tensor).Sigmoid, logistic},
		{"relu", (*Tensor).ReLU, func(x float64) float64 { return math.Max(x, 0) }},
		{"gelu", (*Tensor).GELU, func(x float64) float64 { return x * normalCDF(x) }},
		{"gelu_tanh", (*Tensor).GELUTanh, geluTanh},
		{"silu", (*Tensor).SiLU, func(x float64) float64 { return x * logistic(x) }},
		{"softplus", (*Tensor).Softplus, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }},
		{"log_sigmoid", (*Tensor).LogSigmoid, func(x float64) float64 { return math.Log(logistic(x)) }},
		{"leaky_relu", func(x *Tensor) *Tensor { return x.LeakyReLU(0.1) }, leakyReLU(0.1)},
		{"elu", func(x *Tensor) *Tensor { return x.ELU(1.5) }, elu(1.5)},
	} {
		addRow(f.name, row{samples: elementwise(f.call, f.f, -3, 3), rejected: wrongFloats(f.call)})
	}
	gelu := func(x float64) float64 { return normalCDF(x) + x*normalDensity(x) }
	gradRow("tanh_grad", nil, func(y float64) float64 { return 1 - y*y })
	gradRow("sigmoid_grad", nil, func(y float64) float64 { return y * (1 - y) })
	gradRow("relu_grad", nil, func(y float64) float64 {
		if y > 0 {
			return 1
		}
		return 0
	})
	gradRow("gelu_grad", nil, gelu)
	gradRow("gelu_tanh_grad", nil, func(x float64) float64 {
		// By complex-step-free differences of eighth order, since the formula is what is tested.
		const h = 0.02
		return 4.0/5*(geluTanh(x+h)-geluTanh(x-h))/h - 1.0/5*(geluTanh(x+2*h)-geluTanh(x-2*h))/h +
			4.0/105*(geluTanh(x+3*h)-geluTanh(x-3*h))/h - 1.0/280*(geluTanh(x+4*h)-geluTanh(x-4*h))/h
	})
	gradRow("silu_grad", nil, func(x float64) float64 { s := logistic(x); return s + x*s*(1-s) })
	gradRow("softplus_grad", nil, logistic)
	gradRow("leaky_relu_grad", 0.1, func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return 0.1
	})
	gradRow("elu_grad", 1.5, func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return 1.5 * math.Exp(x)
	})
}

// gradRow adds the row of a fused gradient g·slope(v). Its own gradients take the way over Decompose.
func gradRow(name string, attrs any, slope func(v float64) float64) {
	call := func(in []*Tensor) []*Tensor { return Apply(name, attrs, in...) }
	addRow(name, row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, shape := range [][]int{{}, {0}, {5}, {2, 3}, {2, 1, 2}, {3, 7001}} {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -2, 2, shape...), uniform(r, -2, 2, shape...)},
					call: call,
					want: func(in []nd) []nd {
						y := mapped(in[1], slope)
						for i, g := range in[0].data {
							y.data[i] *= g
						}
						return []nd{y}
					},
					noGrad: len(shape) == 2 && shape[1] > 7000,
				})
			}
			return out
		},
		rejected: []rejected{
			{"one shape and data type", func() { call([]*Tensor{Zeros(Float32, 2), Zeros(Float32, 3)}) }},
			{"one shape and data type", func() { call([]*Tensor{Zeros(Float32, 2), Zeros(Float64, 2)}) }},
			{"expected a float tensor", func() { call([]*Tensor{Zeros(Int64, 2), Zeros(Int64, 2)}) }},
		},
	})
}
