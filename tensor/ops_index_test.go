package tensor_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// indices returns numbers from 0 to n−1.
func indices(r *rand.Rand, n int, shape ...int) *Tensor {
	size := 1
	for _, s := range shape {
		size *= s
	}
	v := make([]int64, size)
	for i := range v {
		v[i] = r.Int64N(int64(n))
	}
	return FromSlice(v, size).Reshape(shape...)
}

// alongUses are uses of operations with one index per element: shape of x, axis, size of the index along it.
var alongUses = []struct {
	shape []int
	axis  int
	n     int
}{
	{[]int{5}, 0, 3}, {[]int{5}, -1, 7}, {[]int{3, 4}, 1, 2}, {[]int{3, 4}, 0, 5}, {[]int{2, 3, 2}, 1, 4},
	{[]int{2, 0}, 0, 3}, {[]int{3}, 0, 0}, {[]int{40, 600}, 0, 30}, {[]int{600, 40}, 1, 30},
}

func init() {
	addRow("gather", row{
		noScalar: "needs an axis",
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, u := range alongUses {
				a := (u.axis + len(u.shape)) % len(u.shape)
				shape := with(u.shape, a, u.n)
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, u.shape...), indices(r, u.shape[a], shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].Gather(u.axis, in[1])} },
					want: func(in []nd) []nd {
						return []nd{build(shape, func(at []int) float64 { return in[0].get(with(at, a, int(in[1].get(at...)))...) })}
					},
					noGrad: u.shape[0] > 30,
				})
			}
			return append(out, sample{
				name: "index shorter on another axis",
				in:   []*Tensor{uniform(r, -3, 3, 3, 4), indices(r, 4, 2, 2)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].Gather(1, in[1])} },
				want: func(in []nd) []nd {
					return []nd{build([]int{2, 2}, func(at []int) float64 { return in[0].get(at[0], int(in[1].get(at...))) })}
				},
			})
		},
		rejected: []rejected{
			{"index 4 at [1 0] is outside of axis 1 of (2, 4) (allowed: 0 to 3)", func() { f32(2, 4).Gather(1, FromSlice([]int64{0, 4}, 2, 1)) }},
			{"index -1 at [0]", func() { f32(2).Gather(0, FromSlice([]int64{-1}, 1)) }},
			{"indices must be integers, got float32", func() { f32(2).Gather(0, f32(2)) }},
			{"indices of shape (2, 2) must match (3) on every axis but 0", func() { f32(3).Gather(0, Zeros(Int64, 2, 2)) }},
			{"axis 1 is out of range", func() { f32(3).Gather(1, Zeros(Int64, 2)) }},
		},
	})
	for _, op := range []struct {
		name string
		call func(x *Tensor, axis int, index, src *Tensor) *Tensor
		add  float64 // 1: what was there stays
	}{
		{"scatter_add", (*Tensor).ScatterAdd, 1},
		{"scatter", (*Tensor).Scatter, 0},
	} {
		addRow(op.name, row{
			noScalar: "needs an axis",
			samples: func(r *rand.Rand) []sample {
				var out []sample
				for _, u := range alongUses {
					a := (u.axis + len(u.shape)) % len(u.shape)
					shape := with(u.shape, a, u.n)
					index := indices(r, u.shape[a], shape...)
					if op.add == 0 && u.n <= u.shape[a] {
						// The gradient is right for indices that differ.
						index = FromSlice(ints(build(shape, func(at []int) float64 { return float64((at[a]*3 + 1) % u.shape[a]) }).data), index.NumEl()).Reshape(shape...)
					}
					out = append(out, sample{
						in:   []*Tensor{uniform(r, -3, 3, u.shape...), index, uniform(r, -3, 3, shape...)},
						call: func(in []*Tensor) []*Tensor { return []*Tensor{op.call(in[0], u.axis, in[1], in[2])} },
						want: func(in []nd) []nd {
							y := nd{in[0].shape, slices.Clone(in[0].data)}
							build(shape, func(at []int) float64 {
								p := 0
								for i, k := range with(at, a, int(in[1].get(at...))) {
									p = p*y.shape[i] + k
								}
								y.data[p] = op.add*y.data[p] + in[2].get(at...)
								return 0
							})
							return []nd{y}
						},
						noGrad: u.shape[0] > 30 || op.add == 0 && u.n > u.shape[a],
					})
				}
				return out
			},
			rejected: []rejected{
				{"index 2 at [0] is outside of axis 0 of (2) (allowed: 0 to 1)", func() { op.call(f32(2), 0, FromSlice([]int64{2}, 1), f32(1)) }},
				{"source (2) and indices (1) must have one shape", func() { op.call(f32(2), 0, FromSlice([]int64{1}, 1), f32(2)) }},
				{"expected one data type, got float32 and float64", func() { op.call(f32(2), 0, FromSlice([]int64{1}, 1), Zeros(Float64, 1)) }},
				{"indices must be integers", func() { op.call(f32(2), 0, f32(1), f32(1)) }},
				{"must match (2, 3) on every axis but 0", func() { op.call(f32(2, 3), 0, Zeros(Int64, 1, 2), f32(1, 2)) }},
			},
		})
	}

	rowsOf := []struct {
		shape []int
		axis  int
		index []int
	}{
		{[]int{4, 3}, 0, []int{5}}, {[]int{4, 3}, 0, []int{2, 2}}, {[]int{4, 3}, 1, []int{2}}, {[]int{2, 3, 2}, -2, []int{4}},
		{[]int{5}, 0, []int{}}, {[]int{5}, 0, []int{0}}, {[]int{3, 0}, 0, []int{2}}, {[]int{300, 70}, 0, []int{400}}, {[]int{50, 700}, 1, []int{30}},
	}
	addRow("index_select", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, u := range rowsOf {
				a := (u.axis + len(u.shape)) % len(u.shape)
				k := len(u.index)
				shape := slices.Concat(u.shape[:a], u.index, u.shape[a+1:])
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, u.shape...), indices(r, u.shape[a], u.index...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].IndexSelect(u.axis, in[1])} },
					want: func(in []nd) []nd {
						return []nd{build(shape, func(at []int) float64 {
							i := int(in[1].get(at[a : a+k]...))
							return in[0].get(slices.Concat(at[:a], []int{i}, at[a+k:])...)
						})}
					},
					noGrad: u.shape[0] > 10,
				})
			}
			return out
		},
		rejected: []rejected{
			{"index 7 at [1 0] is outside of axis 0 of (5, 2) (allowed: 0 to 4)", func() { f32(5, 2).IndexSelect(0, FromSlice([]int64{0, 7}, 2, 1)) }},
			{"indices must be integers, got bool", func() { f32(2).IndexSelect(0, Zeros(Bool, 2)) }},
			{"axis 2 is out of range", func() { f32(5, 2).IndexSelect(2, Zeros(Int64, 2)) }},
		},
	})
	addRow("index_add", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, u := range rowsOf {
				a := (u.axis + len(u.shape)) % len(u.shape)
				k := len(u.index)
				shape := slices.Concat(u.shape[:a], u.index, u.shape[a+1:])
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, u.shape...), indices(r, u.shape[a], u.index...), uniform(r, -3, 3, shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].IndexAdd(u.axis, in[1], in[2])} },
					want: func(in []nd) []nd {
						y := nd{in[0].shape, slices.Clone(in[0].data)}
						build(shape, func(at []int) float64 {
							p := 0
							for j, i := range slices.Concat(at[:a], []int{int(in[1].get(at[a : a+k]...))}, at[a+k:]) {
								p = p*y.shape[j] + i
							}
							y.data[p] += in[2].get(at...)
							return 0
						})
						return []nd{y}
					},
					noGrad: u.shape[0] > 10,
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a source of shape (2, 3) float32, got (2, 2) float32", func() { f32(4, 3).IndexAdd(0, Zeros(Int64, 2), f32(2, 2)) }},
			{"expected a float tensor", func() { Zeros(Int64, 4).IndexAdd(0, Zeros(Int64, 2), Zeros(Int64, 2)) }},
			{"index 4 at [0] is outside of axis 0 of (4)", func() { f32(4).IndexAdd(0, FromSlice([]int64{4}, 1), f32(1)) }},
			{"indices must be integers", func() { f32(4).IndexAdd(0, f32(1), f32(1)) }},
		},
	})
	addRow("one_hot", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, shape := range [][]int{{}, {0}, {4}, {2, 3}, {2, 0, 3}, {500}} {
				out = append(out, sample{
					in:   []*Tensor{indices(r, 5, shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].OneHot(6)} },
					want: func(in []nd) []nd {
						return []nd{build(append(slices.Clone(shape), 6), func(at []int) float64 {
							return truth(int(in[0].get(at[:len(at)-1]...)) == at[len(at)-1])
						})}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"index 6 at [1] is outside of 6 classes (allowed: 0 to 5)", func() { FromSlice([]int64{0, 6}).OneHot(6) }},
			{"indices must be integers, got float32", func() { f32(2).OneHot(6) }},
			{"expected at least one class, got 0", func() { Zeros(Int64, 0).OneHot(0) }},
		},
	})
}

func ints(v []float64) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// The last of several values for one place counts.
func TestScatterTwice(t *testing.T) {
	y := f32(3).Scatter(0, FromSlice([]int64{1, 1}), FromSlice([]float32{5, 7}))
	if got := ToSlice[float32](y); !slices.Equal(got, []float32{0, 7, 0}) {
		t.Errorf("got %v", got)
	}
}

func TestSmallIntegerIndices(t *testing.T) {
	x := FromSlice([]float32{10, 20, 30})
	for _, d := range []DType{Int64, Int32, Uint8} {
		if got := ToSlice[float32](x.IndexSelect(0, FromSlice([]int64{2, 0}).To(d))); !slices.Equal(got, []float32{30, 10}) {
			t.Errorf("%s indices: %v", d, got)
		}
	}
}
