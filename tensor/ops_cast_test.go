package tensor_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

var allTypes = []DType{Float32, Float64, BFloat16, Float16, Int64, Int32, Uint8, Bool}

func init() {
	addRow("cast", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, d := range allTypes {
				for _, shape := range [][]int{{}, {0}, {4}, {2, 3}, {40, 500}} {
					x := uniform(r, 0, 3, shape...).MulScalar(4).Floor() // whole numbers are in every type
					out = append(out, sample{
						name: d.String(),
						in:   []*Tensor{x},
						call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].To(d)} },
						want: func(in []nd) []nd {
							return []nd{mapped(in[0], func(v float64) float64 {
								if d == Bool {
									return truth(v != 0)
								}
								return v
							})}
						},
						noGrad: d != Float64 || x.NumEl() > 300, // in other types the differences are rounding
					})
				}
			}
			return out
		},
		rejected: []rejected{
			{"to: a tensor is nil", func() { (*Tensor)(nil).To(Float32) }},
			gone(func(x *Tensor) { x.To(Float64) }),
			gone(func(x *Tensor) { x.To(x.DType()) }),
		},
	})
	f := func(xs []*Tensor) *Tensor { return xs[0].Tanh().Mul(xs[1]).Exp() }
	addRow("checkpoint", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, shape := range [][]int{{}, {0}, {1}, {4}, {2, 3}} {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -1, 1, shape...), uniform(r, -1, 1, shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{Checkpoint(f, in...)} },
					want: func(in []nd) []nd {
						return []nd{pairwise(in[0], in[1], func(a, b float64) float64 { return math.Exp(math.Tanh(a) * b) })}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"checkpoint: a tensor is nil", func() { Checkpoint(f, f32(2), nil) }},
			{"don't broadcast", func() { Checkpoint(f, f32(2), f32(3)) }},
			gone(func(x *Tensor) { Checkpoint(f, x, x) }),
		},
	})
}

// The gradient passes a change of type and comes back in the type of the input.
func TestGradientThroughCast(t *testing.T) {
	for _, from := range []DType{Float32, Float64, BFloat16, Float16} {
		for _, to := range []DType{Float32, Float64, BFloat16, Float16} {
			x := Ones(from, 3).RequireGrad()
			x.To(to).MulScalar(3).Sum().Backward()
			if g := x.Grad(); g.DType() != from || !slices.Equal(ToSlice[float64](g), []float64{3, 3, 3}) {
				t.Errorf("%s to %s: gradient %s %v", from, to, g.DType(), ToSlice[float64](g))
			}
		}
	}
}

// Rounding of the storage types: PyTorch gives 0.1 → 0.10009765625 (bfloat16), 0.0999755859375 (float16), 70000 → 70144 and Inf.
func TestStorageTypesRound(t *testing.T) {
	for _, c := range []struct {
		d       DType
		v, want float64
	}{
		{BFloat16, 0.1, 0.10009765625}, {Float16, 0.1, 0.0999755859375}, {BFloat16, 70000, 70144}, {Float16, 70000, math.Inf(1)},
		{Int64, -1.9, -1}, {Int32, 1.9, 1}, {Uint8, 200.5, 200}, {Bool, 0.1, 1}, {Bool, 0, 0}, {Bool, math.NaN(), 1},
	} {
		for _, from := range []DType{Float32, Float64} {
			if got := Scalar(from, c.v).To(c.d).Item(); got != c.want {
				t.Errorf("%s %g to %s is %.15g, want %g", from, c.v, c.d, got, c.want)
			}
		}
	}
}
