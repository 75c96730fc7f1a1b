package tensor_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// pythonSlice lists the indices of range(n)[start:stop:step] by walking, so by another way than the view does.
func pythonSlice(n, start, stop, step int) []int {
	var out []int
	in := func(i int) bool { // whether index i of the axis comes before stop on the way
		s := stop
		if stop == End {
			return true
		}
		if s < 0 {
			s += n
		}
		if step > 0 {
			return i < s
		}
		return i > s || s < 0 && stop < -n
	}
	s := start
	if s < 0 {
		s += n
	}
	if step > 0 && s < 0 {
		s = 0
	}
	if step < 0 && s > n-1 {
		s = n - 1
	}
	for i := s; i >= 0 && i < n && in(i); i += step {
		out = append(out, i)
	}
	return out
}

func init() {
	var slicing []use
	for _, s := range [][3]int{{0, End, 1}, {1, 3, 1}, {-2, End, 1}, {0, -1, 2}, {3, 1, 1}, {-1, End, -1}, {4, 0, -2}, {10, -10, -3}, {-10, 10, 2}, {7, 9, 1}} {
		for _, shape := range [][]int{{5}, {2, 5}, {0}} {
			axis := len(shape) - 1
			index := pythonSlice(shape[axis], s[0], s[1], s[2])
			slicing = append(slicing, use{fmt.Sprint(s), shape, func(x *Tensor) *Tensor { return x.Slice(-1, s[0], s[1], s[2]) }, with(shape, axis, len(index)),
				func(x nd, at []int) float64 { return x.get(with(at, axis, index[at[axis]])...) }})
		}
	}
	slicing = append(slicing,
		use{"select", []int{2, 3, 4}, func(x *Tensor) *Tensor { return x.Select(1, -1) }, []int{2, 4}, func(x nd, at []int) float64 { return x.get(at[0], 2, at[1]) }},
		use{"select", []int{3}, func(x *Tensor) *Tensor { return x.Select(0, 1) }, nil, func(x nd, at []int) float64 { return x.get(1) }},
		use{"large", []int{100, 300}, func(x *Tensor) *Tensor { return x.Slice(1, 1, End, 3).Clone() }, []int{100, 100}, func(x nd, at []int) float64 { return x.get(at[0], 1+3*at[1]) }})
	addRow("slice", row{
		noScalar: "needs an axis",
		samples:  moves(slicing),
		rejected: []rejected{
			{"the step of a slice must not be 0", func() { f32(3).Slice(0, 0, 1, 0) }},
			{"axis 1 is out of range", func() { f32(3).Slice(1, 0, 1, 1) }},
			{"axis 0 is out of range for a tensor of 0 axes", func() { f32().Slice(0, 0, 1, 1) }},
			{"index 3 is outside of axis 0 of shape (3)", func() { f32(3).Select(0, 3) }},
			{"index -4 is outside of axis 0 of shape (3)", func() { f32(3).Select(0, -4) }},
		},
	})
	addRow("split", row{
		noScalar: "needs an axis",
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range []struct {
				shape []int
				axis  int
				sizes []int
				call  func(x *Tensor) []*Tensor
			}{
				{[]int{5}, 0, []int{2, 3}, nil},
				{[]int{2, 5, 2}, 1, []int{1, 0, 4}, nil},
				{[]int{4, 3}, 0, []int{4}, nil},
				{[]int{0, 3}, 1, []int{1, 2}, nil},
				{[]int{7, 2}, 0, []int{3, 3, 1}, func(x *Tensor) []*Tensor { return x.Chunk(0, 3) }},
				{[]int{0, 2}, 0, []int{0}, func(x *Tensor) []*Tensor { return x.Chunk(0, 3) }},
			} {
				if s.call == nil {
					s.call = func(x *Tensor) []*Tensor { return x.Split(s.axis, s.sizes...) }
				}
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, s.shape...)},
					call: func(in []*Tensor) []*Tensor { return s.call(in[0]) },
					want: func(in []nd) []nd {
						var parts []nd
						first := 0
						for _, n := range s.sizes {
							parts = append(parts, build(with(s.shape, s.axis, n), func(at []int) float64 { return in[0].get(with(at, s.axis, at[s.axis]+first)...) }))
							first += n
						}
						return parts
					},
				})
			}
			return append(out, sample{
				name: "unbind",
				in:   []*Tensor{uniform(r, -3, 3, 2, 3)},
				call: func(in []*Tensor) []*Tensor { return in[0].Unbind(1) },
				want: func(in []nd) []nd {
					var parts []nd
					for i := range 3 {
						parts = append(parts, build([]int{2}, func(at []int) float64 { return in[0].get(at[0], i) }))
					}
					return parts
				},
			})
		},
		rejected: []rejected{
			{"parts [2 2] add up to 4, but axis 0 of (5) has size 5", func() { f32(5).Split(0, 2, 2) }},
			{"sizes of parts must not be negative", func() { f32(5).Split(0, 6, -1) }},
			{"axis 1 is out of range", func() { f32(5).Split(1, 5) }},
			{"expected at least one part, got 0", func() { f32(5).Chunk(0, 0) }},
		},
	})
	addRow("cat", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range []struct {
				axis   int
				shapes [][]int
				along  int
			}{
				{0, [][]int{{2}, {3}}, 0},
				{1, [][]int{{2, 3}, {2, 1}, {2, 0}}, 1},
				{-2, [][]int{{2, 3}, {1, 3}}, 0},
				{0, [][]int{{0}, {0}}, 0},
				{1, [][]int{{3, 2, 2}, {3, 1, 2}}, 1},
				{0, [][]int{{4}}, 0},
				{1, [][]int{{70, 200}, {70, 120}}, 1},
			} {
				var in []*Tensor
				shape := slices.Clone(s.shapes[0])
				shape[s.along] = 0
				n := 0
				for _, each := range s.shapes {
					in = append(in, uniform(r, -3, 3, each...))
					shape[s.along] += each[s.along]
					n += in[len(in)-1].NumEl()
				}
				out = append(out, sample{
					in:   in,
					call: func(in []*Tensor) []*Tensor { return []*Tensor{Cat(s.axis, in...)} },
					want: func(in []nd) []nd {
						return []nd{build(shape, func(at []int) float64 {
							i := at[s.along]
							for _, x := range in {
								if i < x.shape[s.along] {
									return x.get(with(at, s.along, i)...)
								}
								i -= x.shape[s.along]
							}
							panic("outside")
						})}
					},
					noGrad: n > 300,
				})
			}
			for _, axis := range []int{0, -1} {
				out = append(out, sample{
					name: "stack of scalars",
					in:   []*Tensor{uniform(r, -3, 3), uniform(r, -3, 3)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{Stack(axis, in...)} },
					want: func(in []nd) []nd { return []nd{{[]int{2}, []float64{in[0].data[0], in[1].data[0]}}} },
				})
			}
			return append(out, sample{
				name: "stack",
				in:   []*Tensor{uniform(r, -3, 3, 2, 3), uniform(r, -3, 3, 2, 3)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{Stack(1, in...)} },
				want: func(in []nd) []nd {
					return []nd{build([]int{2, 2, 3}, func(at []int) float64 { return in[at[1]].get(at[0], at[2]) })}
				},
			}, sample{
				name: "roll",
				in:   []*Tensor{uniform(r, -3, 3, 2, 5)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].Roll(1, 2), in[0].Roll(-1, -7), in[0].Roll(0, 4)} },
				want: func(in []nd) []nd {
					roll := func(shift int) nd {
						return build([]int{2, 5}, func(at []int) float64 { return in[0].get(at[0], ((at[1]-shift)%5+5)%5) })
					}
					return []nd{roll(2), roll(-7), in[0]}
				},
			})
		},
		rejected: []rejected{
			{"expected at least one tensor", func() { Cat(0) }},
			{"tensor 1 has shape (3), tensor 0 (2, 3): the number of axes differs", func() { Cat(0, f32(2, 3), f32(3)) }},
			{"sizes differ on axis 1", func() { Cat(0, f32(2, 3), f32(2, 4)) }},
			{"axis 1 is out of range", func() { Cat(1, f32(2), f32(2)) }},
			{"axis 0 is out of range for a tensor of 0 axes", func() { Cat(0, f32(), f32()) }},
			{"stack: tensor 1 has shape (4), tensor 0 (3)", func() { Stack(0, f32(3), f32(4)) }},
			{"a tensor is nil", func() { Cat(0, f32(3), nil) }},
		},
	})

	pad := func(mode PadMode, before, after []int) func(x *Tensor) *Tensor {
		return func(x *Tensor) *Tensor { return x.Pad(mode, 1.5, before, after) }
	}
	// Where index i of an axis of size n comes from, by the pictures in the documentation: a table per mode.
	picture := func(table []int) func(i int) int { return func(i int) int { return table[i] } }
	reflect, replicate, circular := picture([]int{2, 1, 0, 1, 2, 1}), picture([]int{0, 0, 0, 1, 2, 2}), picture([]int{1, 2, 0, 1, 2, 0})
	lined := func(f func(i int) int) func(x nd, at []int) float64 {
		return func(x nd, at []int) float64 { return x.get(at[0], f(at[1])) }
	}
	addRow("place", row{
		samples: moves([]use{
			{"pad", []int{}, pad(PadConstant, nil, nil), nil, same},
			{"pad", []int{2, 3}, pad(PadConstant, []int{2}, []int{1}), []int{2, 6}, func(x nd, at []int) float64 {
				if at[1] < 2 || at[1] > 4 {
					return 1.5
				}
				return x.get(at[0], at[1]-2)
			}},
			{"pad", []int{1, 2, 2}, pad(PadConstant, []int{1, 0}, []int{0, 2}), []int{1, 3, 4}, func(x nd, at []int) float64 {
				if at[1] < 1 || at[2] > 1 {
					return 1.5
				}
				return x.get(at[0], at[1]-1, at[2])
			}},
			{"pad", []int{0}, pad(PadConstant, []int{1}, []int{1}), []int{2}, func(x nd, at []int) float64 { return 1.5 }},
			{"reflect", []int{2, 3}, pad(PadReflect, []int{2}, []int{1}), []int{2, 6}, lined(reflect)},
			{"replicate", []int{2, 3}, pad(PadReplicate, []int{2}, []int{1}), []int{2, 6}, lined(replicate)},
			{"circular", []int{2, 3}, pad(PadCircular, []int{2}, []int{1}), []int{2, 6}, lined(circular)},
			{"both axes", []int{3, 3}, pad(PadReflect, []int{2, 2}, []int{1, 1}), []int{6, 6}, func(x nd, at []int) float64 { return x.get(reflect(at[0]), reflect(at[1])) }},
			{"large", []int{70, 200}, pad(PadConstant, []int{1, 1}, []int{1, 1}), []int{72, 202}, func(x nd, at []int) float64 {
				if at[0] == 0 || at[0] == 71 || at[1] == 0 || at[1] == 201 {
					return 1.5
				}
				return x.get(at[0]-1, at[1]-1)
			}},
		}),
		rejected: []rejected{
			{"expected as many sizes before as after", func() { f32(3).Pad(PadConstant, 0, []int{1}, nil) }},
			{"1 at most for (3)", func() { f32(3).Pad(PadConstant, 0, []int{1, 1}, []int{1, 1}) }},
			{"sizes must not be negative", func() { f32(3).Pad(PadConstant, 0, []int{-1}, []int{1}) }},
			{"reflected padding 3 must be smaller than axis 0 of (3)", func() { f32(3).Pad(PadReflect, 0, []int{3}, []int{0}) }},
			{"circular padding 4 is too large for axis 0 of (3)", func() { f32(3).Pad(PadCircular, 0, []int{0}, []int{4}) }},
			{"replicate padding 1 is too large for axis 0 of (0)", func() { f32(0).Pad(PadReplicate, 0, []int{1}, []int{0}) }},
		},
	})
}

// numpy.concatenate and torch.cat promote as operators do.
func TestCatPromotes(t *testing.T) {
	if d := Cat(0, Zeros(Int64, 2), Zeros(Float32, 1), Zeros(Bool, 1)).DType(); d != Float32 {
		t.Errorf("Cat of int64, float32 and bool is %s", d)
	}
}

// Gradients of parts that weren't used are zero, and cost no pass over the whole for each part.
func TestUnbindGradient(t *testing.T) {
	x := Arange(Float64, 0, 6, 1).Reshape(3, 2).RequireGrad()
	steps := x.Unbind(0)
	steps[2].Sum().Add(steps[0].MulScalar(3).Sum()).Backward()
	if g := ToSlice[float64](x.Grad()); !slices.Equal(g, []float64{3, 3, 0, 0, 1, 1}) {
		t.Errorf("gradient %v", g)
	}
}
