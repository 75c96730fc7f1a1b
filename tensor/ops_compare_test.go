package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func bools(r *rand.Rand, shape ...int) *Tensor {
	return uniform(r, -1, 1, shape...).GreaterScalar(0)
}

func init() {
	for _, f := range []struct {
		name   string
		call   func(x, y *Tensor) *Tensor
		scalar func(x *Tensor, v float64) *Tensor
		f      func(a, b float64) bool
	}{
		{"equal", (*Tensor).Equal, (*Tensor).EqualScalar, func(a, b float64) bool { return a == b }},
		{"not_equal", (*Tensor).NotEqual, (*Tensor).NotEqualScalar, func(a, b float64) bool { return a != b }},
		{"less", (*Tensor).Less, (*Tensor).LessScalar, func(a, b float64) bool { return a < b }},
		{"less_equal", (*Tensor).LessEqual, (*Tensor).LessEqualScalar, func(a, b float64) bool { return a <= b }},
		{"greater", (*Tensor).Greater, (*Tensor).GreaterScalar, func(a, b float64) bool { return a > b }},
		{"greater_equal", (*Tensor).GreaterEqual, (*Tensor).GreaterEqualScalar, func(a, b float64) bool { return a >= b }},
	} {
		number := func(a, b float64) float64 { return truth(f.f(a, b)) }
		special := func(r *rand.Rand) []sample {
			v := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1}
			out := []sample{{
				name: "special",
				in:   []*Tensor{FromSlice(v, 6, 1), FromSlice(v, 6)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{f.call(in[0], in[1])} },
				want: func(in []nd) []nd { return []nd{pairwise(in[0], in[1], number)} },
			}}
			for _, x := range []*Tensor{FromSlice([]float64{1, 2, 3}), FromSlice([]int64{1, 2, 3}), FromSlice([]uint8{1, 2, 3}), FromSlice([]bool{true, false})} {
				for _, s := range []float64{2, 1.5, -1, 300, 0} {
					out = append(out, sample{
						name: x.DType().String() + " and a number",
						in:   []*Tensor{x},
						call: func(in []*Tensor) []*Tensor { return []*Tensor{f.scalar(in[0], s)} },
						want: func(in []nd) []nd { return []nd{mapped(in[0], func(a float64) float64 { return number(a, s) })} },
					})
				}
			}
			return out
		}
		addRow(f.name, row{
			samples:  join(pairs(f.call, number, -3, 3, -3, 3), integerPairs(f.call, number), special),
			rejected: wrongPairs(f.call),
		})
	}

	for _, f := range []struct {
		name string
		call func(x, y *Tensor) *Tensor
		f    func(a, b bool) bool
	}{
		{"and", (*Tensor).And, func(a, b bool) bool { return a && b }},
		{"or", (*Tensor).Or, func(a, b bool) bool { return a || b }},
		{"xor", (*Tensor).Xor, func(a, b bool) bool { return a != b }},
	} {
		addRow(f.name, row{
			samples: func(r *rand.Rand) []sample {
				var out []sample
				for _, p := range append(broadcastPairs, [2][]int{{40, 500}, {500}}) {
					out = append(out, sample{
						in:   []*Tensor{bools(r, p[0]...), bools(r, p[1]...)},
						call: func(in []*Tensor) []*Tensor { return []*Tensor{f.call(in[0], in[1])} },
						want: func(in []nd) []nd {
							return []nd{pairwise(in[0], in[1], func(a, b float64) float64 { return truth(f.f(a != 0, b != 0)) })}
						},
					})
				}
				return out
			},
			rejected: []rejected{
				{"expected a bool tensor, got float32 (2)", func() { f.call(Zeros(Float32, 2), Zeros(Bool, 2)) }},
				{"expected a bool tensor, got int64 (2)", func() { f.call(Zeros(Bool, 2), Zeros(Int64, 2)) }},
				{"don't broadcast", func() { f.call(Zeros(Bool, 2), Zeros(Bool, 3)) }},
			},
		})
	}
	addRow("not", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, shape := range [][]int{{}, {0}, {5}, {2, 3}, {70, 300}} {
				out = append(out, sample{
					in:   []*Tensor{bools(r, shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].Not()} },
					want: func(in []nd) []nd { return []nd{mapped(in[0], func(v float64) float64 { return 1 - v })} },
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a bool tensor, got float32", func() { Zeros(Float32, 2).Not() }},
			{"expected a bool tensor, got uint8", func() { Zeros(Uint8, 2).Not() }},
			{"compare first", func() { Zeros(Int64).Not() }},
		},
	})

	for _, f := range []struct {
		name string
		call func(x *Tensor) *Tensor
		f    func(v float64) bool
	}{
		{"is_nan", (*Tensor).IsNaN, math.IsNaN},
		{"is_inf", (*Tensor).IsInf, func(v float64) bool { return math.IsInf(v, 0) }},
		{"is_finite", (*Tensor).IsFinite, func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }},
	} {
		number := func(v float64) float64 { return truth(f.f(v)) }
		special := func(r *rand.Rand) []sample {
			return []sample{{
				name: "special",
				in:   []*Tensor{FromSlice([]float64{1, math.NaN(), math.Inf(1), math.Inf(-1), 0, -math.MaxFloat64}, 2, 3)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{f.call(in[0])} },
				want: func(in []nd) []nd { return []nd{mapped(in[0], number)} },
			}}
		}
		addRow(f.name, row{samples: join(elementwise(f.call, number, -3, 3), special), rejected: wrongFloats(f.call)})
	}
}

func TestComparingIntegersIsExact(t *testing.T) {
	x := FromSlice([]int64{1<<53 + 1}, 1)
	if x.EqualScalar(1<<53).At(0) != 0 {
		t.Error("2⁵³+1 equals 2⁵³")
	}
}
