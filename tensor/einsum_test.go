package tensor_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	. "github.com/gradus-ml/gradus/tensor"
)

// einsumOf sums over all combinations of indices; specs without "...".
func einsumOf(terms []string, result string, xs []nd) nd {
	size, letters := map[rune]int{}, []rune{}
	for i, term := range terms {
		for axis, l := range term {
			if _, seen := size[l]; !seen {
				letters = append(letters, l)
			}
			size[l] = max(size[l], xs[i].shape[axis])
		}
	}
	var ranges, out []int
	for _, l := range letters {
		ranges = append(ranges, size[l])
	}
	for _, l := range result {
		out = append(out, size[l])
	}
	y := zerosOf(out)
	each(ranges, func(at []int) {
		value := map[rune]int{}
		for i, l := range letters {
			value[l] = at[i]
		}
		index := func(term string) (ix []int) {
			for _, l := range term {
				ix = append(ix, value[l])
			}
			return ix
		}
		p := 1.0
		for i, x := range xs {
			p *= x.data[place(x.shape, index(terms[i]))]
		}
		y.data[place(out, index(result))] += p
	})
	return y
}

func TestEinsumByDefinition(t *testing.T) {
	r := random()
	for _, k := range []struct {
		spec   string
		shapes [][]int
		terms  []string // the same without ... and blanks
		result string
	}{
		{"ij,jk->ik", [][]int{{2, 3}, {3, 4}}, []string{"ij", "jk"}, "ik"},
		{"ij,jk", [][]int{{2, 3}, {3, 4}}, []string{"ij", "jk"}, "ik"},
		{"ba", [][]int{{2, 3}}, []string{"ba"}, "ab"},
		{"ji, jk -> ki", [][]int{{3, 2}, {3, 4}}, []string{"ji", "jk"}, "ki"},
		{"bhqd,bhkd->bhqk", [][]int{{2, 2, 3, 2}, {2, 2, 2, 2}}, []string{"bhqd", "bhkd"}, "bhqk"},
		{"bqhd,bkhd->bhqk", [][]int{{2, 3, 2, 2}, {2, 2, 2, 2}}, []string{"bqhd", "bkhd"}, "bhqk"},
		{"i,i", [][]int{{3}, {3}}, []string{"i", "i"}, ""},
		{"i,j->ij", [][]int{{3}, {2}}, []string{"i", "j"}, "ij"},
		{"ij->", [][]int{{3, 2}}, []string{"ij"}, ""},
		{"ij->j", [][]int{{3, 2}}, []string{"ij"}, "j"},
		{"ii->i", [][]int{{3, 3}}, []string{"ii"}, "i"},
		{"ii", [][]int{{3, 3}}, []string{"ii"}, ""},
		{"iji->ji", [][]int{{2, 3, 2}}, []string{"iji"}, "ji"},
		{"jiii->ij", [][]int{{3, 2, 2, 2}}, []string{"jiii"}, "ij"},
		{"bii,bij->bj", [][]int{{2, 3, 3}, {2, 3, 2}}, []string{"bii", "bij"}, "bj"},
		{"ij,jk,kl->il", [][]int{{2, 3}, {3, 2}, {2, 4}}, []string{"ij", "jk", "kl"}, "il"},
		{"ijk,ijl,k->lj", [][]int{{2, 3, 2}, {2, 3, 2}, {2}}, []string{"ijk", "ijl", "k"}, "lj"},
		{"ij,kl->ik", [][]int{{2, 3}, {2, 2}}, []string{"ij", "kl"}, "ik"},
		{"ijkl,klm->ijm", [][]int{{2, 2, 3, 2}, {3, 2, 2}}, []string{"ijkl", "klm"}, "ijm"},
		{"...ij,...jk->...ik", [][]int{{2, 2, 3}, {1, 3, 2}}, []string{"aij", "ajk"}, "aik"},
		{"...ij->...ji", [][]int{{2, 3, 2}}, []string{"aij"}, "aji"},
		{"i...,i...", [][]int{{2, 3}, {2, 3}}, []string{"ia", "ia"}, "a"},
		{"...i,...i->i", [][]int{{3, 2}, {2}}, []string{"ai", "i"}, "i"},
		{"ij,jk->ik", [][]int{{2, 1}, {3, 4}}, []string{"ij", "jk"}, "ik"},
		{"ij,ij->ij", [][]int{{2, 1}, {1, 3}}, []string{"ij", "ij"}, "ij"},
		{"ij,jk->ik", [][]int{{0, 3}, {3, 4}}, []string{"ij", "jk"}, "ik"},
	} {
		var xs []*Tensor
		var plain []nd
		for _, s := range k.shapes {
			xs = append(xs, uniform(r, -1, 1, s...))
			plain = append(plain, nd{s, ToSlice[float64](xs[len(xs)-1])})
		}
		want := einsumOf(k.terms, k.result, plain)
		t.Run(k.spec, func(t *testing.T) {
			compareAll(t, k.spec, []*Tensor{Einsum(k.spec, xs...)}, []nd{want}, 1e-12, 1e-13)
			f := func(xs []*Tensor) *Tensor { return Einsum(k.spec, xs...) }
			if err := gradcheck.Check(f, gradcheck.Config{Order: 2}, xs...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEinsumDiagonalIgnoresTheRest(t *testing.T) {
	x := FromSlice([]float64{1, math.NaN(), math.Inf(1), 2}, 2, 2)
	if got := Einsum("ii", x).Item(); got != 3 {
		t.Errorf("trace is %v, want 3", got)
	}
}

func TestEinsumRejects(t *testing.T) {
	x := Zeros(Float32, 2, 3)
	for _, bad := range []rejected{
		{`einsum: "ij,jk->ik": names 2 operands, got 1`, func() { Einsum("ij,jk->ik", x) }},
		{"letter j is 3 in operand 0 (2, 3) and 2 in operand 1 (2, 3)", func() { Einsum("ij,jk", x, x) }},
		{"axis -1 of ... is 3 in operand 0 (2, 3) and 2 in operand 1 (2)", func() { Einsum("...,...", x, Zeros(Float32, 2)) }},
		{`operand 0 (2, 3) has 2 axes, "ijk" names 3; use ... for further axes`, func() { Einsum("ijk", x) }},
		{`operand 0 (2, 3) has 2 axes, "i" names 1`, func() { Einsum("i->i", x) }},
		{"unexpected '*' in operand 0; axes are named by letters", func() { Einsum("i*", x) }},
		{"unexpected '.' in the result", func() { Einsum("ij->i.", x) }},
		{"the result's letter k is in no operand", func() { Einsum("ij->k", x) }},
		{"the result names letter i twice", func() { Einsum("ij->ii", x) }},
		{"letter i is 2 in operand 0 (2, 3) and 3 in operand 0 (2, 3)", func() { Einsum("ii", x) }},
		{"letter i is 3 and 1 in one operand (3, 1)", func() { Einsum("ii", Zeros(Float32, 3, 1)) }},
		{"unexpected '.' in operand 0", func() { Einsum("...i...", x) }},
		{"a tensor is nil", func() { Einsum("ij", nil) }},
	} {
		checkRejected(t, bad)
	}
}
