package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

func init() {
	addRow("where", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, p := range append(broadcastPairs, [2][]int{{7, 3000}, {3000}}) {
				for _, cond := range [][]int{p[0], p[1], {1}} {
					x, y := uniform(r, -3, 3, p[0]...), uniform(r, -3, 3, p[1]...)
					out = append(out, sample{
						in:   []*Tensor{bools(r, cond...), x, y},
						call: func(in []*Tensor) []*Tensor { return []*Tensor{Where(in[0], in[1], in[2])} },
						want: func(in []nd) []nd {
							first := pairwise(in[1], in[2], func(a, _ float64) float64 { return a })
							second := pairwise(in[1], in[2], func(_, b float64) float64 { return b })
							pick := pairwise(in[0], first, func(c, _ float64) float64 { return c })
							first = pairwise(in[0], first, func(_, v float64) float64 { return v })
							second = pairwise(in[0], second, func(_, v float64) float64 { return v })
							for i, c := range pick.data {
								if c == 0 {
									first.data[i] = second.data[i]
								}
							}
							return []nd{first}
						},
						noGrad: x.NumEl() > 1000,
					})
				}
			}
			return out
		},
		rejected: []rejected{
			{"expected a bool tensor, got float32", func() { Where(Zeros(Float32, 2), Zeros(Float32, 2), Zeros(Float32, 2)) }},
			{"shapes (2) and (3) don't broadcast", func() { Where(Zeros(Bool, 2), Zeros(Float32, 2), Zeros(Float32, 3)) }},
			{"shapes (4) and (2) don't broadcast", func() { Where(Zeros(Bool, 4), Zeros(Float32, 2), Zeros(Float32, 2)) }},
			{"a tensor is nil", func() { Where(Zeros(Bool, 4), nil, Zeros(Float32, 2)) }},
		},
	})
	addRow("masked_fill", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, p := range [][2][]int{{{}, {}}, {{0}, {1}}, {{5}, {5}}, {{2, 3}, {3}}, {{2, 3}, {2, 1}}, {{2, 2}, {}}, {{7, 3000}, {3000}}} {
				x := uniform(r, -3, 3, p[0]...)
				out = append(out, sample{
					in:   []*Tensor{x, bools(r, p[1]...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].MaskedFill(in[1], -7.5)} },
					want: func(in []nd) []nd {
						return []nd{pairwise(in[0], in[1], func(v, m float64) float64 {
							if m != 0 {
								return -7.5
							}
							return v
						})}
					},
					noGrad: x.NumEl() > 1000,
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a bool tensor, got float32", func() { Zeros(Float32, 2).MaskedFill(Zeros(Float32, 2), 1) }},
			{"the mask's shape (3) doesn't broadcast to (2)", func() { Zeros(Float32, 2).MaskedFill(Zeros(Bool, 3), 1) }},
			{"the mask's shape (2, 2) doesn't broadcast to (2)", func() { Zeros(Float32, 2).MaskedFill(Zeros(Bool, 2, 2), 1) }},
		},
	})
}

// The usual way around a pole must give a finite gradient: nothing of what isn't chosen comes through.
func TestWhereStopsInfiniteGradients(t *testing.T) {
	x := FromSlice([]float64{0, 4}).RequireGrad()
	positive := x.GreaterScalar(0)
	safe := Where(positive, x, Scalar(Float64, 1))
	Where(positive, safe.Log(), Scalar(Float64, math.Inf(1))).Sum().Backward()
	if g := ToSlice[float64](x.Grad()); g[0] != 0 || g[1] != 0.25 {
		t.Errorf("gradient is %v, want [0 0.25]", g)
	}
}

func TestMasksWorkOnEveryDataType(t *testing.T) {
	mask := FromSlice([]bool{true, false, true})
	for _, d := range []DType{Float32, Float64, BFloat16, Float16, Int64, Int32, Uint8, Bool} {
		x := FromSlice([]float64{0, 0, 0}).To(d)
		if y := x.MaskedFill(mask, 1); y.DType() != d || y.At(0) != 1 || y.At(1) != 0 || y.At(2) != 1 {
			t.Errorf("%s: MaskedFill gives %s %v", d, y.DType(), ToSlice[float64](y))
		}
		if y := Where(mask, Ones(d), x); y.DType() != d || y.At(0) != 1 || y.At(1) != 0 || y.At(2) != 1 {
			t.Errorf("%s: Where gives %s %v", d, y.DType(), ToSlice[float64](y))
		}
	}
}
