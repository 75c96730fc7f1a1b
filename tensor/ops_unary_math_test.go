package tensor_test

import (
	"math"
	"math/rand/v2"

	. "github.com/gradus-ml/gradus/tensor"
)

// integersToo adds samples of integer data types to those of a function of numbers.
func integersToo(samples func(r *rand.Rand) []sample, call func(x *Tensor) *Tensor, f func(x float64) float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		out := samples(r)
		for _, x := range []*Tensor{
			FromSlice([]int64{-3, -1, 0, 2, 7, 1 << 20}, 2, 3),
			FromSlice([]int32{-3, -1, 0, 2}, 4),
			FromSlice([]uint8{0, 1, 2, 5}, 2, 2),
		} {
			out = append(out, sample{
				name: x.DType().String(),
				in:   []*Tensor{x},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0])} },
				want: func(in []nd) []nd {
					y := mapped(in[0], f)
					if x.DType() == Uint8 {
						y = mapped(y, func(v float64) float64 { return float64(uint8(int(v))) })
					}
					return []nd{y}
				},
				noGrad: true,
			})
		}
		return out
	}
}

// wrongNumbers are inputs that elementwise functions of numbers reject.
func wrongNumbers(call func(x *Tensor) *Tensor) []rejected {
	return []rejected{
		{"expected numbers, got bool", func() { call(Zeros(Bool, 3)) }},
		{"expected numbers, got bool (2, 0)", func() { call(Zeros(Bool, 2, 0)) }},
		{"a tensor is nil", func() { call(nil) }},
	}
}

func init() {
	for _, f := range []struct {
		name   string
		call   func(x *Tensor) *Tensor
		f      func(x float64) float64
		lo, hi float64
	}{
		{"exp", (*Tensor).Exp, math.Exp, -3, 3},
		{"expm1", (*Tensor).Expm1, math.Expm1, -1, 1},
		{"log", (*Tensor).Log, math.Log, 0.1, 5},
		{"log1p", (*Tensor).Log1p, math.Log1p, -0.5, 2},
		{"log2", (*Tensor).Log2, math.Log2, 0.1, 5},
		{"log10", (*Tensor).Log10, math.Log10, 0.1, 5},
		{"sqrt", (*Tensor).Sqrt, math.Sqrt, 0.1, 5},
		{"rsqrt", (*Tensor).Rsqrt, func(x float64) float64 { return math.Pow(x, -0.5) }, 0.2, 5},
		{"reciprocal", (*Tensor).Reciprocal, func(x float64) float64 { return 1 / x }, 0.2, 5},
		{"sin", (*Tensor).Sin, math.Sin, -6, 6},
		{"cos", (*Tensor).Cos, math.Cos, -6, 6},
		{"tan", (*Tensor).Tan, func(x float64) float64 { return math.Sin(x) / math.Cos(x) }, -1, 1},
		{"asin", (*Tensor).Asin, math.Asin, -0.9, 0.9},
		{"acos", (*Tensor).Acos, math.Acos, -0.9, 0.9},
		{"atan", (*Tensor).Atan, math.Atan, -3, 3},
		{"sinh", (*Tensor).Sinh, func(x float64) float64 { return (math.Exp(x) - math.Exp(-x)) / 2 }, -3, 3},
		{"cosh", (*Tensor).Cosh, func(x float64) float64 { return (math.Exp(x) + math.Exp(-x)) / 2 }, -3, 3},
		{"asinh", (*Tensor).Asinh, func(x float64) float64 { return math.Log(x + math.Sqrt(x*x+1)) }, -3, 3},
		{"acosh", (*Tensor).Acosh, func(x float64) float64 { return math.Log(x + math.Sqrt(x*x-1)) }, 1.2, 4},
		{"atanh", (*Tensor).Atanh, func(x float64) float64 { return math.Log((1+x)/(1-x)) / 2 }, -0.9, 0.9},
		{"erf", (*Tensor).Erf, func(x float64) float64 { return 1 - math.Erfc(x) }, -3, 3},
		{"floor", (*Tensor).Floor, math.Floor, -3, 3},
		{"ceil", (*Tensor).Ceil, math.Ceil, -3, 3},
		{"round", (*Tensor).Round, math.RoundToEven, -3, 3},
		{"trunc", (*Tensor).Trunc, math.Trunc, -3, 3},
	} {
		addRow(f.name, row{samples: elementwise(f.call, f.f, f.lo, f.hi), rejected: wrongFloats(f.call)})
	}
	for _, f := range []struct {
		name string
		call func(x *Tensor) *Tensor
		f    func(x float64) float64
	}{
		{"abs", (*Tensor).Abs, math.Abs},
		{"neg", (*Tensor).Neg, func(x float64) float64 { return -x }},
		{"square", (*Tensor).Square, func(x float64) float64 { return x * x }},
		{"sign", (*Tensor).Sign, func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x
		}},
	} {
		addRow(f.name, row{samples: integersToo(elementwise(f.call, f.f, -3, 3), f.call, f.f), rejected: wrongNumbers(f.call)})
	}
	addRow("tanh", row{samples: elementwise((*Tensor).Tanh, func(x float64) float64 { return 1 - 2/(math.Exp(2*x)+1) }, -3, 3), rejected: wrongFloats((*Tensor).Tanh)})
}
