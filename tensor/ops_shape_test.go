package tensor_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// build makes an array whose element at each index is f of the index.
func build(shape []int, f func(at []int) float64) nd {
	out := nd{shape: shape}
	n := 1
	for _, s := range shape {
		n *= s
	}
	at := make([]int, len(shape))
	for range n {
		out.data = append(out.data, f(at))
		for a := len(at) - 1; a >= 0; a-- {
			if at[a]++; at[a] < shape[a] {
				break
			}
			at[a] = 0
		}
	}
	return out
}

// get returns the element at an index.
func (x nd) get(at ...int) float64 {
	p := 0
	for a, i := range at {
		p = p*x.shape[a] + i
	}
	return x.data[p]
}

// with returns at with index i in place a.
func with(at []int, a, i int) []int {
	at = slices.Clone(at)
	at[a] = i
	return at
}

// use is one sample of an operation that moves elements: a shape, a call, and where each element comes from.
type use struct {
	name  string
	shape []int
	call  func(x *Tensor) *Tensor
	out   []int // shape of the result
	from  func(x nd, at []int) float64
}

func moves(uses []use) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for i, u := range uses {
			x := uniform(r, -3, 3, u.shape...)
			out = append(out, sample{
				name:   fmt.Sprint(u.name, i, u.shape),
				in:     []*Tensor{x},
				call:   func(in []*Tensor) []*Tensor { return []*Tensor{u.call(in[0])} },
				want:   func(in []nd) []nd { return []nd{build(u.out, func(at []int) float64 { return u.from(in[0], at) })} },
				noGrad: x.NumEl() > 300 || u.call(x).NumEl() > 300,
			})
		}
		return out
	}
}

func same(x nd, at []int) float64 { return x.get(at...) }

func f32(shape ...int) *Tensor { return Zeros(Float32, shape...) }

// isNil is rejected by every method.
func isNil(call func(x *Tensor)) rejected {
	return rejected{"a tensor is nil", func() { call(nil) }}
}

// gone is rejected by every method: a tensor whose scope was released.
func gone(call func(x *Tensor)) rejected {
	return rejected{"was released with its scope", func() {
		s := NewScope()
		x := Zeros(Float32, 2, 2000).In(s).AddScalar(1)
		s.Release()
		call(x)
	}}
}

func init() {
	shapes := [][]int{{}, {0, 2}, {5}, {2, 3}, {2, 1, 3}, {30, 700}}
	copies := func(call func(x *Tensor) *Tensor) []use {
		var out []use
		for _, s := range shapes {
			out = append(out, use{"copy", s, call, s, same})
		}
		return out
	}
	apply1 := func(name string, attrs any) func(x *Tensor) *Tensor {
		return func(x *Tensor) *Tensor { return Apply(name, attrs, x)[0] }
	}
	addRow("alias", row{samples: moves(copies(apply1("alias", nil))), rejected: []rejected{
		isNil(func(x *Tensor) { Apply("alias", nil, x) }),
		gone(func(x *Tensor) { Apply("alias", nil, x) }),
		gone(func(x *Tensor) { x.In(NewScope()) }),
	}})
	addRow("clone", row{samples: moves(copies((*Tensor).Clone)), rejected: []rejected{
		isNil(func(x *Tensor) { x.Clone() }),
		gone(func(x *Tensor) { x.Clone() }),
		gone(func(x *Tensor) { x.Permute(1, 0).Contiguous() }),
	}})

	reshape := func(to ...int) func(x *Tensor) *Tensor { return func(x *Tensor) *Tensor { return x.Reshape(to...) } }
	inOrder := func(to []int) func(x nd, at []int) float64 {
		return func(x nd, at []int) float64 { return nd{to, x.data}.get(at...) }
	}
	addRow("reshape", row{
		samples: moves([]use{
			{"", []int{}, reshape(1, 1), []int{1, 1}, inOrder([]int{1, 1})},
			{"", []int{1}, reshape(), nil, inOrder(nil)},
			{"", []int{2, 3}, reshape(3, -1), []int{3, 2}, inOrder([]int{3, 2})},
			{"", []int{2, 3}, reshape(6), []int{6}, inOrder([]int{6})},
			{"", []int{0, 2}, reshape(4, 0, 5), []int{4, 0, 5}, inOrder([]int{4, 0, 5})},
			{"flatten", []int{2, 3, 2, 2}, func(x *Tensor) *Tensor { return x.Flatten(1, -2) }, []int{2, 6, 2}, inOrder([]int{2, 6, 2})},
			{"flatten", []int{}, func(x *Tensor) *Tensor { return x.Flatten(0, -1) }, []int{1}, inOrder([]int{1})},
		}),
		rejected: []rejected{
			{"can't reshape (2, 3) (6 elements) to (4) (4 elements)", func() { f32(2, 3).Reshape(4) }},
			{"4 doesn't divide 6", func() { f32(2, 3).Reshape(4, -1) }},
			{"at most one size may be -1", func() { f32(2, 3).Reshape(-1, -1) }},
			{"axis 2 lies behind axis 1", func() { f32(2, 3, 4).Flatten(2, 1) }},
			{"axis 3 is out of range", func() { f32(2, 3, 4).Flatten(0, 3) }},
		},
	})
	addRow("permute", row{
		samples: moves([]use{
			{"", []int{}, func(x *Tensor) *Tensor { return x.Permute() }, nil, same},
			{"", []int{2, 0}, func(x *Tensor) *Tensor { return x.Permute(1, 0) }, []int{0, 2}, same},
			{"", []int{2, 3, 4}, func(x *Tensor) *Tensor { return x.Permute(2, 0, 1) }, []int{4, 2, 3}, func(x nd, at []int) float64 { return x.get(at[1], at[2], at[0]) }},
			{"", []int{2, 3, 4}, func(x *Tensor) *Tensor { return x.Permute(-1, 1, 0) }, []int{4, 3, 2}, func(x nd, at []int) float64 { return x.get(at[2], at[1], at[0]) }},
			{"transpose", []int{2, 3, 4}, func(x *Tensor) *Tensor { return x.Transpose(0, -1) }, []int{4, 3, 2}, func(x nd, at []int) float64 { return x.get(at[2], at[1], at[0]) }},
			{"t", []int{2, 3}, (*Tensor).T, []int{3, 2}, func(x nd, at []int) float64 { return x.get(at[1], at[0]) }},
			{"large", []int{150, 200}, func(x *Tensor) *Tensor { return x.T().Clone() }, []int{200, 150}, func(x nd, at []int) float64 { return x.get(at[1], at[0]) }},
		}),
		rejected: []rejected{
			{"expected an order of all 2 axes of (2, 3), got [0]", func() { f32(2, 3).Permute(0) }},
			{"axis 0 is named twice", func() { f32(2, 3).Permute(0, 0) }},
			{"axis 2 is out of range for a tensor of 2 axes", func() { f32(2, 3).Permute(0, 2) }},
			{"expected a matrix, got shape (2)", func() { f32(2).T() }},
			{"axis 2 is out of range", func() { f32(2, 3).Transpose(0, 2) }},
		},
	})
	addRow("expand", row{
		samples: moves([]use{
			{"", []int{}, func(x *Tensor) *Tensor { return x.Expand(2, 3) }, []int{2, 3}, func(x nd, at []int) float64 { return x.data[0] }},
			{"", []int{3}, func(x *Tensor) *Tensor { return x.Expand(2, 3) }, []int{2, 3}, func(x nd, at []int) float64 { return x.get(at[1]) }},
			{"", []int{3, 1}, func(x *Tensor) *Tensor { return x.Expand(3, 4) }, []int{3, 4}, func(x nd, at []int) float64 { return x.get(at[0], 0) }},
			{"", []int{1, 2}, func(x *Tensor) *Tensor { return x.Expand(0, 2) }, []int{0, 2}, same},
			{"", []int{0}, func(x *Tensor) *Tensor { return x.Expand(3, 0) }, []int{3, 0}, same},
			{"", []int{2, 1, 3}, func(x *Tensor) *Tensor { return x.Expand(2, 2, 2, 3) }, []int{2, 2, 2, 3}, func(x nd, at []int) float64 { return x.get(at[1], 0, at[3]) }},
			{"repeat", []int{2, 3}, func(x *Tensor) *Tensor { return x.Repeat(2, 3) }, []int{4, 9}, func(x nd, at []int) float64 { return x.get(at[0]%2, at[1]%3) }},
			{"repeat", []int{2}, func(x *Tensor) *Tensor { return x.Repeat(2, 2) }, []int{2, 4}, func(x nd, at []int) float64 { return x.get(at[1] % 2) }},
			{"large", []int{3, 1, 50}, func(x *Tensor) *Tensor { return x.Expand(3, 200, 50).Clone() }, []int{3, 200, 50}, func(x nd, at []int) float64 { return x.get(at[0], 0, at[2]) }},
		}),
		rejected: []rejected{
			{"shape (3) doesn't broadcast to (2)", func() { f32(3).Expand(2) }},
			{"shape (2, 3) doesn't broadcast to (3)", func() { f32(2, 3).Expand(3) }},
			{"sizes must not be negative", func() { f32(3).Expand(-1, 3) }},
			{"expected 2 counts or more", func() { f32(2, 3).Repeat(2) }},
			{"counts must not be negative", func() { f32(2, 3).Repeat(2, -1) }},
		},
	})
	addRow("squeeze", row{
		samples: moves([]use{
			{"", []int{}, func(x *Tensor) *Tensor { return x.Squeeze() }, nil, same},
			{"", []int{1, 2, 1, 3}, func(x *Tensor) *Tensor { return x.Squeeze() }, []int{2, 3}, func(x nd, at []int) float64 { return x.get(0, at[0], 0, at[1]) }},
			{"", []int{1, 2, 1, 3}, func(x *Tensor) *Tensor { return x.Squeeze(-2) }, []int{1, 2, 3}, func(x nd, at []int) float64 { return x.get(0, at[1], 0, at[2]) }},
			{"", []int{1, 2, 1}, func(x *Tensor) *Tensor { return x.Squeeze(0, 2) }, []int{2}, func(x nd, at []int) float64 { return x.get(0, at[0], 0) }},
			{"", []int{1, 0}, func(x *Tensor) *Tensor { return x.Squeeze(0) }, []int{0}, same},
		}),
		rejected: []rejected{
			{"axis 1 of (1, 2) has size 2", func() { f32(1, 2).Squeeze(1) }},
			{"axis 2 is out of range", func() { f32(1, 2).Squeeze(2) }},
			{"axis -3 is out of range", func() { f32(1, 2).Squeeze(-3) }},
		},
	})
	addRow("unsqueeze", row{
		samples: moves([]use{
			{"", []int{}, func(x *Tensor) *Tensor { return x.Unsqueeze(0) }, []int{1}, func(x nd, at []int) float64 { return x.data[0] }},
			{"", []int{2, 3}, func(x *Tensor) *Tensor { return x.Unsqueeze(0) }, []int{1, 2, 3}, func(x nd, at []int) float64 { return x.get(at[1], at[2]) }},
			{"", []int{2, 3}, func(x *Tensor) *Tensor { return x.Unsqueeze(1) }, []int{2, 1, 3}, func(x nd, at []int) float64 { return x.get(at[0], at[2]) }},
			{"", []int{2, 3}, func(x *Tensor) *Tensor { return x.Unsqueeze(-1) }, []int{2, 3, 1}, func(x nd, at []int) float64 { return x.get(at[0], at[1]) }},
			{"", []int{0}, func(x *Tensor) *Tensor { return x.Unsqueeze(1) }, []int{0, 1}, same},
		}),
		rejected: []rejected{
			{"axis 3 is out of range for a tensor of 3 axes", func() { f32(2, 3).Unsqueeze(3) }},
			{"axis -4 is out of range", func() { f32(2, 3).Unsqueeze(-4) }},
			isNil(func(x *Tensor) { x.Unsqueeze(0) }),
		},
	})
	addRow("flip", row{
		samples: moves([]use{
			{"", []int{}, func(x *Tensor) *Tensor { return x.Flip() }, nil, same},
			{"", []int{4}, func(x *Tensor) *Tensor { return x.Flip(0) }, []int{4}, func(x nd, at []int) float64 { return x.get(3 - at[0]) }},
			{"", []int{2, 3}, func(x *Tensor) *Tensor { return x.Flip(-1) }, []int{2, 3}, func(x nd, at []int) float64 { return x.get(at[0], 2-at[1]) }},
			{"", []int{2, 3, 2}, func(x *Tensor) *Tensor { return x.Flip(0, 2) }, []int{2, 3, 2}, func(x nd, at []int) float64 { return x.get(1-at[0], at[1], 1-at[2]) }},
			{"", []int{2, 0}, func(x *Tensor) *Tensor { return x.Flip(0, 1) }, []int{2, 0}, same},
			{"large", []int{60, 400}, func(x *Tensor) *Tensor { return x.Flip(0, 1).Clone() }, []int{60, 400}, func(x nd, at []int) float64 { return x.get(59-at[0], 399-at[1]) }},
		}),
		rejected: []rejected{
			{"axis 2 is out of range", func() { f32(2, 3).Flip(2) }},
			{"axis -2 is named twice", func() { f32(2, 3).Flip(0, -2) }},
			isNil(func(x *Tensor) { x.Flip(0) }),
		},
	})
	addRow("diagonal", row{
		noScalar: "needs two axes",
		samples: moves([]use{
			{"", []int{3, 3}, (*Tensor).Diagonal, []int{3}, func(x nd, at []int) float64 { return x.get(at[0], at[0]) }},
			{"", []int{2, 4}, (*Tensor).Diagonal, []int{2}, func(x nd, at []int) float64 { return x.get(at[0], at[0]) }},
			{"", []int{4, 2}, (*Tensor).Diagonal, []int{2}, func(x nd, at []int) float64 { return x.get(at[0], at[0]) }},
			{"", []int{2, 3, 2}, (*Tensor).Diagonal, []int{2, 2}, func(x nd, at []int) float64 { return x.get(at[0], at[1], at[1]) }},
			{"", []int{0, 3}, (*Tensor).Diagonal, []int{0}, same},
		}),
		rejected: []rejected{
			{"expected matrices, got shape (3)", func() { f32(3).Diagonal() }},
			{"expected matrices, got shape ()", func() { f32().Diagonal() }},
			isNil(func(x *Tensor) { x.Diagonal() }),
		},
	})
	for _, tri := range []struct {
		name string
		call func(x *Tensor, k int) *Tensor
		keep func(d, k int) bool // d is column − row
	}{
		{"tril", (*Tensor).Tril, func(d, k int) bool { return d <= k }},
		{"triu", (*Tensor).Triu, func(d, k int) bool { return d >= k }},
	} {
		var uses []use
		for _, k := range []int{0, 1, -1, 5, -5} {
			for _, s := range [][]int{{3, 3}, {2, 4}, {2, 3, 2}, {0, 3}, {60, 700}} {
				uses = append(uses, use{fmt.Sprint(k), s, func(x *Tensor) *Tensor { return tri.call(x, k) }, s, func(x nd, at []int) float64 {
					if n := len(at); !tri.keep(at[n-1]-at[n-2], k) {
						return 0
					}
					return x.get(at...)
				}})
			}
		}
		addRow(tri.name, row{
			noScalar: "needs two axes",
			samples:  moves(uses),
			rejected: []rejected{
				{"expected matrices, got shape (3)", func() { tri.call(f32(3), 0) }},
				{"expected matrices, got shape ()", func() { tri.call(f32(), 0) }},
				isNil(func(x *Tensor) { tri.call(x, 0) }),
			},
		})
	}
}

func TestViewsShareMemory(t *testing.T) {
	x := Arange(Float32, 0, 12, 1).Reshape(3, 4)
	for name, v := range map[string]*Tensor{
		"T": x.T(), "Slice": x.Slice(1, 0, 3, 2), "Select": x.Select(0, -1), "Unsqueeze": x.Unsqueeze(1), "Flip": x.Flip(0, 1),
		"Split": x.Split(1, 1, 3)[1], "Diagonal": x.Diagonal(), "Expand": x.Expand(2, 3, 4),
	} {
		was := v.Sum().Item()
		x.Fill(100)
		if got := v.Sum().Item(); got != float64(100*v.NumEl()) {
			t.Errorf("%s: sum %g after the memory under it was filled with 100 (before: %g)", name, got, was)
		}
	}
}

// The storage types must come through unchanged, not by way of float32.
func TestMovingKeepsTheDataType(t *testing.T) {
	for _, d := range []DType{Float32, Float64, BFloat16, Float16, Int64, Int32, Uint8, Bool} {
		x := FromSlice([]int64{0, 1, 1, 0, 1, 0}, 2, 3).To(d)
		index := FromSlice([]int64{1, 0})
		for name, y := range map[string]*Tensor{
			"T": x.T(), "Slice": x.Slice(1, 1, End, 1), "Cat": Cat(0, x, x), "Stack": Stack(0, x, x), "Pad": x.Pad(PadConstant, 1, []int{1}, []int{0}),
			"Roll": x.Roll(0, 1), "Repeat": x.Repeat(2, 2), "Tril": x.Tril(0), "IndexSelect": x.IndexSelect(0, index), "Flip": x.Flip(0), "Diagonal": x.Diagonal(),
			"Gather": x.Gather(1, index.Unsqueeze(1)), "Scatter": x.Scatter(1, index.Unsqueeze(1), x.Slice(1, 0, 1, 1)),
		} {
			if y.DType() != d {
				t.Errorf("%s of %s is %s", name, d, y.DType())
			}
		}
		if y := x.Roll(1, 1); !slices.Equal(ToSlice[int64](y), []int64{1, 0, 1, 0, 0, 1}) {
			t.Errorf("%s: Roll gives %v", d, ToSlice[int64](y))
		}
	}
}
