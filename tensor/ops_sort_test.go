package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// eachLine applies f to each line of x along axis, by counting indices.
func eachLine(x nd, axis int, f func(v []float64) []float64) nd {
	axis = (axis + len(x.shape)) % len(x.shape)
	lines := map[string][]float64{}
	key := func(at []int) string { return fmt.Sprint(with(at, axis, 0)) }
	e := 0
	build(x.shape, func(at []int) float64 {
		lines[key(at)] = append(lines[key(at)], x.data[e])
		e++
		return 0
	})
	n := 0
	for k, v := range lines {
		lines[k] = f(v)
		n = len(lines[k])
	}
	return build(with(x.shape, axis, n), func(at []int) float64 { return lines[key(at)][at[axis]] })
}

// lineShapes are shapes and axes for functions along one axis.
var lineShapes = []struct {
	shape []int
	axis  int
}{
	{[]int{5}, 0}, {[]int{2, 4}, 1}, {[]int{4, 2}, -2}, {[]int{2, 3, 2}, 1}, {[]int{1}, 0}, {[]int{30, 40}, 0}, {[]int{20, 150}, 1}, {[]int{0, 3}, 1},
}

func lined(call func(x *Tensor, axis int) []*Tensor, fs ...func(v []float64) []float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, u := range lineShapes {
			for _, ties := range []bool{false, true} {
				x := uniform(r, -2, 2, u.shape...)
				if ties {
					x = x.MulScalar(2).Round()
				}
				out = append(out, sample{
					name: fmt.Sprint(u.shape, u.axis, ties),
					in:   []*Tensor{x},
					call: func(in []*Tensor) []*Tensor { return call(in[0], u.axis) },
					want: func(in []nd) []nd {
						var all []nd
						for _, f := range fs {
							if in[0].shape[0] == 0 {
								all = append(all, nd{shape: call(Zeros(Float64, in[0].shape...), u.axis)[len(all)].Shape()})
								continue
							}
							all = append(all, eachLine(in[0], u.axis, f))
						}
						return all
					},
					noGrad: ties || x.NumEl() > 300,
				})
			}
		}
		return out
	}
}

// ranking sorts indices by insertion, the slow and obvious way.
func ranking(v []float64, descending bool) []int {
	var order []int
	for i := range v {
		p := len(order)
		for p > 0 && (descending && v[i] > v[order[p-1]] || !descending && v[i] < v[order[p-1]]) {
			p--
		}
		order = slices.Insert(order, p, i)
	}
	return order
}

func floats(v []int) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func picked(v []float64, order []int) []float64 {
	out := make([]float64, len(order))
	for i, k := range order {
		out[i] = v[k]
	}
	return out
}

func init() {
	wrongAxis := func(call func(x *Tensor, axis int)) []rejected {
		return []rejected{
			{"axis 2 is out of range for a tensor of 2 axes", func() { call(f32(2, 3), 2) }},
			{"axis 0 is out of range for a tensor of 0 axes", func() { call(f32(), 0) }},
			{"a tensor is nil", func() { call(nil, 0) }},
			gone(func(x *Tensor) { call(x, 0) }),
		}
	}
	sortRow := row{noScalar: "needs an axis", rejected: wrongAxis(func(x *Tensor, axis int) { x.Sort(axis, false) })}
	var sorts []func(r *rand.Rand) []sample
	for _, descending := range []bool{false, true} {
		sorts = append(sorts, lined(func(x *Tensor, axis int) []*Tensor {
			values, indices := x.Sort(axis, descending)
			return []*Tensor{values, indices}
		}, func(v []float64) []float64 { return picked(v, ranking(v, descending)) }, func(v []float64) []float64 { return floats(ranking(v, descending)) }))
	}
	sortRow.samples = join(sorts...)
	addRow("argsort", sortRow)

	var tops []func(r *rand.Rand) []sample
	for _, share := range []int{1, 2} { // k from all to half
		k := func(n int) int { return (n + share - 1) / share }
		tops = append(tops, lined(func(x *Tensor, axis int) []*Tensor {
			values, indices := x.TopK(k(x.Size(axis)), axis)
			return []*Tensor{values, indices}
		}, func(v []float64) []float64 { return picked(v, ranking(v, true)[:k(len(v))]) }, func(v []float64) []float64 { return floats(ranking(v, true)[:k(len(v))]) }))
	}
	addRow("topk", row{noScalar: "needs an axis", samples: join(tops...), rejected: append(wrongAxis(func(x *Tensor, axis int) { x.TopK(1, axis) }),
		rejected{"can't take the 4 greatest of 3 elements", func() { f32(2, 3).TopK(4, 1) }},
		rejected{"can't take the -1 greatest", func() { f32(2, 3).TopK(-1, 1) }})})

	for _, f := range []struct {
		name       string
		call       func(x *Tensor, axis int) *Tensor
		descending bool
	}{{"argmax", (*Tensor).ArgMax, true}, {"argmin", (*Tensor).ArgMin, false}} {
		addRow(f.name, row{
			noScalar: "needs an axis",
			samples: lined(func(x *Tensor, axis int) []*Tensor { return []*Tensor{f.call(x, axis).Unsqueeze(axis)} },
				func(v []float64) []float64 { return floats(ranking(v, f.descending)[:1]) }),
			rejected: append(wrongAxis(func(x *Tensor, axis int) { f.call(x, axis) }),
				rejected{"no elements to choose from along axis 1 of (2, 0)", func() { f.call(f32(2, 0), 1) }}),
		})
	}

	running := func(f func(s, x float64) float64, s float64) func(v []float64) []float64 {
		return func(v []float64) []float64 {
			s := s
			var out []float64
			for _, x := range v {
				s = f(s, x)
				out = append(out, s)
			}
			return out
		}
	}
	one := func(f func(x *Tensor, axis int) *Tensor) func(x *Tensor, axis int) []*Tensor {
		return func(x *Tensor, axis int) []*Tensor { return []*Tensor{f(x, axis)} }
	}
	integers := func(call func(x *Tensor, axis int) *Tensor, f func(v []float64) []float64) func(r *rand.Rand) []sample {
		return func(r *rand.Rand) []sample {
			var out []sample
			for _, d := range []DType{Int64, Int32, Uint8, Bool} {
				out = append(out, sample{
					name: d.String(),
					in:   []*Tensor{FromSlice([]int64{1, 1, 3, 2, 0, 1}, 2, 3).To(d)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0], 1)} },
					want: func(in []nd) []nd { return []nd{eachLine(in[0], 1, f)} },
				})
			}
			return out
		}
	}
	sums, products := running(func(s, x float64) float64 { return s + x }, 0), running(func(s, x float64) float64 { return s * x }, 1)
	addRow("cumsum", row{noScalar: "needs an axis", samples: join(lined(one((*Tensor).CumSum), sums), integers((*Tensor).CumSum, sums)), rejected: wrongAxis(func(x *Tensor, axis int) { x.CumSum(axis) })})
	addRow("cumprod", row{noScalar: "needs an axis", samples: loose(join(lined(one((*Tensor).CumProd), products), integers((*Tensor).CumProd, products)), 1e-4), rejected: wrongAxis(func(x *Tensor, axis int) { x.CumProd(axis) })})

	addRow("linear_scan", row{
		noScalar: "needs an axis",
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, u := range lineShapes {
				a, b := uniform(r, -1, 1, u.shape...), uniform(r, -1, 1, u.shape...)
				out = append(out, sample{
					in:   []*Tensor{a, b},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{LinearScan(u.axis, in[0], in[1])} },
					want: func(in []nd) []nd {
						axis := (u.axis + len(u.shape)) % len(u.shape)
						var h func(at []int) float64
						h = func(at []int) float64 {
							if at[axis] == 0 {
								return in[1].get(at...)
							}
							return in[0].get(at...)*h(with(at, axis, at[axis]-1)) + in[1].get(at...)
						}
						if u.shape[axis] > 100 { // the recursion takes quadratic time
							return []nd{eachLineOfTwo(in[0], in[1])}
						}
						return []nd{build(u.shape, h)}
					},
					noGrad: a.NumEl() > 300,
				})
			}
			return out
		},
		rejected: append(wrongAxis(func(x *Tensor, axis int) { LinearScan(axis, x, x) }),
			rejected{"don't broadcast", func() { LinearScan(0, f32(2), f32(3)) }},
			rejected{"expected a float tensor", func() { LinearScan(0, Zeros(Int64, 2), Zeros(Int64, 2)) }}),
	})
}

// eachLineOfTwo is the recurrence along the last axis of matrices.
func eachLineOfTwo(a, b nd) nd {
	out := nd{a.shape, slices.Clone(b.data)}
	n := a.shape[1]
	for i := range out.data {
		if i%n > 0 {
			out.data[i] += a.data[i] * out.data[i-1]
		}
	}
	return out
}

// torch.sort puts NaN last when ascending, first when descending; torch.topk and argmax find it first.
func TestOrderOfNaN(t *testing.T) {
	x := FromSlice([]float64{2, math.NaN(), 1, 3})
	_, up := x.Sort(0, false)
	_, down := x.Sort(0, true)
	_, top := x.TopK(2, 0)
	for name, c := range map[string]struct {
		got  *Tensor
		want []int64
	}{"ascending": {up, []int64{2, 0, 3, 1}}, "descending": {down, []int64{1, 3, 0, 2}}, "top": {top, []int64{1, 3}}} {
		if got := ToSlice[int64](c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// 100000 terms of float32(0.1) = 0.100000001490116: added up in float32 the result is off by more than 1.
func TestCumSumIsAccurate(t *testing.T) {
	y := Full(Float32, 0.1, 100000).CumSum(0)
	if got := y.At(-1); math.Abs(got-10000.000149) > 1e-3 {
		t.Errorf("sum of 100000 times float32(0.1) is %.6f, want 10000.000149", got)
	}
}
