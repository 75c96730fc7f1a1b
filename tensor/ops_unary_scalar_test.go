package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// join makes one list of several functions' samples.
func join(lists ...func(r *rand.Rand) []sample) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, f := range lists {
			out = append(out, f(r)...)
		}
		return out
	}
}

func init() {
	times := func(x *Tensor) *Tensor { return x.MulScalar(-2.5) }
	twice := func(x *Tensor) *Tensor { return x.MulScalar(2) }
	addRow("mul_scalar", row{
		samples: integersToo(join(
			elementwise(times, func(x float64) float64 { return -2.5 * x }, -3, 3),
			elementwise(twice, func(x float64) float64 { return x + x }, -3, 3),
		), twice, func(x float64) float64 { return 2 * x }),
		rejected: []rejected{
			{"expected numbers, got bool", func() { Apply("mul_scalar", 2.0, Zeros(Bool, 3)) }},
			{"expected numbers, got bool", func() { Apply("mul_scalar", 2.0, Zeros(Bool)) }},
			{"a tensor is nil", func() { twice(nil) }},
		},
	})
	plus := func(x *Tensor) *Tensor { return x.AddScalar(3) }
	addRow("add_scalar", row{
		samples: integersToo(elementwise(plus, func(x float64) float64 { return x + 3 }, -3, 3), plus, func(x float64) float64 { return x + 3 }),
		rejected: []rejected{
			{"expected numbers, got bool", func() { Apply("add_scalar", 2.0, Zeros(Bool, 3)) }},
			{"expected numbers, got bool", func() { Apply("add_scalar", 2.0, Zeros(Bool)) }},
			{"a tensor is nil", func() { plus(nil) }},
		},
	})

	var powers []func(r *rand.Rand) []sample
	for _, p := range []float64{-1, -0.5, 0, 0.5, 1, 2, 3, 2.3} {
		powers = append(powers, elementwise(func(x *Tensor) *Tensor { return x.PowScalar(p) }, func(x float64) float64 { return math.Pow(x, p) }, 0.2, 3))
	}
	cube := func(x *Tensor) *Tensor { return x.PowScalar(3) }
	powers = append(powers, elementwise(cube, func(x float64) float64 { return x * x * x }, -3, 3))
	addRow("pow_scalar", row{samples: join(powers...), rejected: wrongFloats(cube)})

	clamp := func(x *Tensor) *Tensor { return x.Clamp(-1, 1.5) }
	clamped := func(x float64) float64 { return math.Min(math.Max(x, -1), 1.5) }
	low := func(x *Tensor) *Tensor { return x.Clamp(0, math.Inf(1)) }
	addRow("clamp", row{
		samples: integersToo(join(
			elementwise(clamp, clamped, -3, 3),
			elementwise(low, func(x float64) float64 { return math.Max(x, 0) }, -3, 3),
			elementwise(func(x *Tensor) *Tensor { return x.Clamp(math.Inf(-1), 1) }, func(x float64) float64 { return math.Min(x, 1) }, -3, 3),
		), low, func(x float64) float64 { return math.Max(x, 0) }),
		rejected: append(wrongNumbers(clamp),
			rejected{"the interval from 2 to 1 is empty", func() { Zeros(Float32, 3).Clamp(2, 1) }},
			rejected{"the interval from NaN to 1 is empty", func() { Zeros(Float32, 3).Clamp(math.NaN(), 1) }}),
	})
	clampGrad := func(in []*Tensor) []*Tensor {
		// The row's own attributes are unexported: the gradient of Clamp is the operation.
		x := in[1].Detach().RequireGrad()
		return Grad(x.Clamp(-1, 1.5), []*Tensor{x}, GradConfig{BackwardConfig: BackwardConfig{Gradient: in[0], CreateGraph: true}})
	}
	addRow("clamp_grad", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, shape := range [][]int{{}, {0}, {5}, {2, 3}, {3, 7001}} {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -2, 2, shape...), uniform(r, -2, 2, shape...)},
					call: clampGrad,
					want: func(in []nd) []nd {
						y := mapped(in[0], func(g float64) float64 { return g })
						for i, x := range in[1].data {
							if x < -1 || x > 1.5 {
								y.data[i] = 0
							}
						}
						return []nd{y}
					},
					noGrad: true, // the samples of clamp check second gradients
				})
			}
			return out
		},
		rejected: []rejected{
			{"one shape and data type", func() { Apply("clamp_grad", nil, Zeros(Float32, 2), Zeros(Float32, 3)) }},
			{"one shape and data type", func() { Apply("clamp_grad", nil, Zeros(Float32, 2), Zeros(Float64, 2)) }},
			{"expected a float tensor", func() { Apply("clamp_grad", nil, Zeros(Int64, 2), Zeros(Int64, 2)) }},
		},
	})
}

// PyTorch: (torch.tensor([1, 2]) * 2).dtype is int64, with 2.5 float32; (torch.tensor([True]) + 1).dtype is int64.
func TestScalarsKeepIntegers(t *testing.T) {
	for _, c := range []struct {
		x    DType
		s    float64
		want DType
	}{
		{Int64, 2, Int64}, {Int32, -3, Int32}, {Uint8, 1, Uint8}, {Bool, 1, Int64},
		{Int64, 2.5, Float32}, {Uint8, 0.5, Float32}, {Bool, 0.5, Float32},
		{Float64, 2.5, Float64}, {Float16, 2.5, Float16}, {BFloat16, 2, BFloat16},
	} {
		x := Ones(c.x, 3)
		for name, y := range map[string]*Tensor{"mul": x.MulScalar(c.s), "add": x.AddScalar(c.s)} {
			if y.DType() != c.want {
				t.Errorf("%s of %s and %g is %s, want %s", name, c.x, c.s, y.DType(), c.want)
			}
		}
	}
}
