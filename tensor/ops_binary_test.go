package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// broadcastPairs are shapes that stretch to each other in every way.
var broadcastPairs = [][2][]int{
	{{}, {}}, {{3}, {3}}, {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 3}, {2, 1}}, {{2, 1}, {1, 3}},
	{{}, {2, 2}}, {{2, 2}, {}}, {{0}, {1}}, {{2, 0, 3}, {3}}, {{2, 3, 1, 2}, {3, 1, 1}},
}

// pairwise applies f to a and b stretched to a common shape, by counting indices.
func pairwise(a, b nd, f func(a, b float64) float64) nd {
	n := max(len(a.shape), len(b.shape))
	size := func(shape []int, i int) int {
		if i -= n - len(shape); i >= 0 {
			return shape[i]
		}
		return 1
	}
	out := nd{shape: make([]int, n)}
	total := 1
	for i := range n {
		out.shape[i] = size(a.shape, i)
		if out.shape[i] == 1 {
			out.shape[i] = size(b.shape, i)
		}
		total *= out.shape[i]
	}
	pick := func(x nd, e int) float64 {
		p, step := 0, 1
		for i := n - 1; i >= 0; i-- {
			at := e % out.shape[i]
			e /= out.shape[i]
			if s := size(x.shape, i); s > 1 {
				p += at * step
				step *= s
			}
		}
		return x.data[p]
	}
	for e := range total {
		out.data = append(out.data, f(pick(a, e), pick(b, e)))
	}
	return out
}

// pairs makes the samples of a function of two tensors, the first between lo and hi, the second between lo2 and hi2.
func pairs(call func(x, y *Tensor) *Tensor, f func(a, b float64) float64, lo, hi, lo2, hi2 float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, p := range append(broadcastPairs, [2][]int{{5, 1, 4099}, {3, 4099}}, [2][]int{{20001}, {20001}}, [2][]int{{20001}, {1}}) {
			x, y := uniform(r, lo, hi, p[0]...), uniform(r, lo2, hi2, p[1]...)
			out = append(out, sample{
				in:     []*Tensor{x, y},
				call:   func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0], in[1])} },
				want:   func(in []nd) []nd { return []nd{pairwise(in[0], in[1], f)} },
				noGrad: x.NumEl() > 1000,
			})
		}
		return out
	}
}

// integerPairs makes samples of integer data types.
func integerPairs(call func(x, y *Tensor) *Tensor, f func(a, b float64) float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, d := range []DType{Int64, Int32, Uint8} {
			out = append(out, sample{
				name:   d.String(),
				in:     []*Tensor{FromSlice([]int64{7, 5, 5, 9, 8, 6}, 2, 3).To(d), FromSlice([]int64{3, 5, 5}, 3).To(d)},
				call:   func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0], in[1])} },
				want:   func(in []nd) []nd { return []nd{pairwise(in[0], in[1], f)} },
				noGrad: true,
			})
		}
		return out
	}
}

// wrongPairs are inputs that functions of two tensors reject.
func wrongPairs(call func(x, y *Tensor) *Tensor) []rejected {
	return []rejected{
		{"shapes (2, 3) and (4) don't broadcast: sizes 3 and 4 differ on axis -1", func() { call(Zeros(Float32, 2, 3), Zeros(Float32, 4)) }},
		{"shapes (2, 3) and (3, 3) don't broadcast: sizes 2 and 3 differ on axis -2", func() { call(Zeros(Float32, 2, 3), Zeros(Float32, 3, 3)) }},
		{"a tensor is nil", func() { call(Zeros(Float32, 2, 3), nil) }},
	}
}

func init() {
	noBool := func(call func(x, y *Tensor) *Tensor) []rejected {
		return append(wrongPairs(call), rejected{"not defined for bool", func() { call(Zeros(Bool, 2), Zeros(Bool, 2)) }})
	}
	for _, f := range []struct {
		name             string
		call             func(x, y *Tensor) *Tensor
		f                func(a, b float64) float64
		lo, hi, lo2, hi2 float64
		integers         bool
	}{
		{"add", (*Tensor).Add, func(a, b float64) float64 { return a + b }, -3, 3, -3, 3, true},
		{"sub", (*Tensor).Sub, func(a, b float64) float64 { return a - b }, -3, 3, -3, 3, true},
		{"mul", (*Tensor).Mul, func(a, b float64) float64 { return a * b }, -3, 3, -3, 3, true},
		{"maximum", (*Tensor).Maximum, math.Max, -3, 3, -3, 3, true},
		{"minimum", (*Tensor).Minimum, math.Min, -3, 3, -3, 3, true},
		{"div", (*Tensor).Div, func(a, b float64) float64 { return a / b }, -3, 3, 0.3, 3, false},
		{"pow", (*Tensor).Pow, math.Pow, 0.2, 3, -2, 2, false},
		{"atan2", (*Tensor).Atan2, math.Atan2, -3, 3, 0.5, 3, false},
		{"fmod", (*Tensor).Fmod, func(a, b float64) float64 { return a - math.Trunc(a/b)*b }, -3, 3, 0.7, 1.3, false},
	} {
		samples := pairs(f.call, f.f, f.lo, f.hi, f.lo2, f.hi2)
		bad := wrongPairs(f.call)
		switch {
		case f.integers:
			samples = join(samples, integerPairs(f.call, func(a, b float64) float64 {
				return f.f(a, b)
			}))
			bad = noBool(f.call)
		case f.name != "div":
			bad = append(bad, rejected{"not defined for int64", func() { f.call(Zeros(Int64, 2), Zeros(Int64, 2)) }})
		}
		addRow(f.name, row{samples: samples, rejected: bad})
	}
}

func TestDivOfIntegersIsFloat32(t *testing.T) {
	y := FromSlice([]int64{1, 2, 7}).Div(FromSlice([]int64{2, 2, 2}))
	if y.DType() != Float32 || y.At(0) != 0.5 || y.At(2) != 3.5 {
		t.Errorf("1/2, 2/2, 7/2 is %s %v", y.DType(), ToSlice[float64](y))
	}
}

func TestIntegersWrapAround(t *testing.T) {
	y := FromSlice([]uint8{250, 3}).Add(FromSlice([]uint8{10, 4}))
	if y.DType() != Uint8 || y.At(0) != 4 || y.At(1) != 7 {
		t.Errorf("250+10, 3+4 as uint8 is %s %v, want 4 7", y.DType(), ToSlice[uint8](y))
	}
}
