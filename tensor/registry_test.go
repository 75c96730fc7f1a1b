package tensor_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	. "github.com/gradus-ml/gradus/tensor"
)

// This file holds every operation to the same facts. An operation's row in the
// table says what to feed it and what must come out, by an oracle that shares no code with it.

// nd is a plain array, what oracles work on.
type nd struct {
	shape []int
	data  []float64
}

// sample is one use of an operation.
type sample struct {
	name string
	in   []*Tensor // float64, or integers for indices; contiguous
	call func(in []*Tensor) []*Tensor
	want func(in []nd) []nd

	rtol32, atol32 float64 // float32 against the oracle; defaults 1.3e-6 and 1e-5, torch.testing's
	noGrad         bool    // at a kink: values are compared, gradients aren't
}

// rejected is a use that must panic with an *Error whose text contains want.
type rejected struct {
	want string
	call func()
}

// row is the test of one operation.
type row struct {
	samples  func(r *rand.Rand) []sample
	rejected []rejected
	noScalar string // why there is no zero-dim sample
	noEmpty  string // why there is no empty sample
}

// rows is filled by the init functions of the files beside the operations.
var rows = map[string]row{}

func addRow(name string, r row) {
	if _, dup := rows[name]; dup {
		panic("two test rows for " + name)
	}
	rows[name] = r
}

func TestEveryOpHasARow(t *testing.T) {
	for _, name := range Ops() {
		r, ok := rows[name]
		if !ok {
			t.Errorf("%s has no test row", name)
			continue
		}
		if n := len(r.samples(random())); n < 5 {
			t.Errorf("%s has %d samples, want 5 or more", name, n)
		}
		if n := len(r.rejected); n < 3 {
			t.Errorf("%s has %d rejected inputs, want 3 or more", name, n)
		}
		scalar, empty := r.noScalar != "", r.noEmpty != ""
		for _, s := range r.samples(random()) {
			for _, x := range s.in {
				scalar = scalar || x.NDim() == 0
				empty = empty || x.NumEl() == 0
			}
		}
		if !scalar {
			t.Errorf("%s has no zero-dim sample and no reason why not", name)
		}
		if !empty {
			t.Errorf("%s has no empty sample and no reason why not", name)
		}
	}
	for name := range rows {
		if !slices.Contains(Ops(), name) {
			t.Errorf("test row for %s, which is no operation", name)
		}
	}
}

func TestOps(t *testing.T) {
	for _, name := range Ops() {
		r, ok := rows[name]
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, s := range r.samples(random()) {
				label := fmt.Sprintf("%d", i)
				if s.name != "" {
					label = s.name
				}
				t.Run(label, func(t *testing.T) { checkSample(t, name, s) })
			}
			for _, bad := range r.rejected {
				checkRejected(t, bad)
			}
		})
	}
}

func checkSample(t *testing.T, op string, s sample) {
	plain := make([]nd, len(s.in))
	for i, x := range s.in {
		plain[i] = nd{x.Shape(), ToSlice[float64](x)}
	}
	want := s.want(plain)
	got := s.call(s.in)
	compareAll(t, "float64", got, want, 1e-11, 1e-12)

	rtol, atol := s.rtol32, s.atol32
	if rtol == 0 {
		rtol = 1.3e-6
	}
	if atol == 0 {
		atol = 1e-5
	}
	in32 := make([]*Tensor, len(s.in))
	for i, x := range s.in {
		in32[i] = x
		if x.DType() == Float64 {
			in32[i] = x.To(Float32)
			plain[i].data = ToSlice[float64](in32[i])
		}
	}
	compareAll(t, "float32", s.call(in32), s.want(plain), rtol, atol)
	checkLayouts(t, s, s.in, 1e-12)
	checkLayouts(t, s, in32, rtol+atol)
	if !IsSmooth(op) || s.noGrad {
		return
	}
	for o := range got {
		if !got[o].DType().IsFloat() {
			continue
		}
		f := func(in []*Tensor) *Tensor { return s.call(in)[o] }
		if err := gradcheck.Check(f, gradcheck.Config{Order: 2}, s.in...); err != nil {
			t.Errorf("output %d: %v", o, err)
		}
	}
}

// checkLayouts feeds values that lie differently in memory, and the same ones in a row: axes transposed, every second
// element of a larger array, and the first slice of the longest axis repeated with stride 0.
func checkLayouts(t *testing.T, s sample, inputs []*Tensor, tol float64) {
	for i, x := range inputs {
		for _, l := range layouts(x) {
			in := slices.Clone(inputs)
			in[i] = l.x
			got := s.call(in)
			in[i] = l.x.Clone()
			want := s.call(in)
			for o := range got {
				g, w := ToSlice[float64](got[o]), ToSlice[float64](want[o])
				for e := range w {
					if math.Abs(g[e]-w[e]) > tol*math.Max(1, math.Abs(w[e])) || math.IsNaN(g[e]) != math.IsNaN(w[e]) {
						t.Fatalf("%s input %d %s: element %d is %v, contiguous %v", x.DType(), i, l.name, e, g[e], w[e])
					}
				}
			}
		}
	}
}

type laid struct {
	name string
	x    *Tensor
}

func layouts(x *Tensor) []laid {
	n := x.NDim()
	if n == 0 || x.NumEl() == 0 {
		return nil
	}
	shape := x.Shape()
	// Transposed memory: store with the axes reversed, view with them in order.
	rev := make([]int, n)
	for i := range rev {
		rev[i] = n - 1 - i
	}
	out := []laid{{"transposed", x.Permute(rev...).Clone().Permute(rev...)}}
	// Gaps: one more axis at the end, of which only the first place is looked at.
	wide := Zeros(x.DType(), append(slices.Clone(shape), 2)...)
	order := append([]int{n}, rangeTo(n)...)
	first := FirstOf(wide.Permute(order...))
	first.CopyFrom(x)
	out = append(out, laid{"strided", first})
	longest := 0
	for i, size := range shape {
		if size > shape[longest] {
			longest = i
		}
	}
	return append(out, laid{"broadcast", x.Slice(longest, 0, 1, 1).Expand(shape...)})
}

func rangeTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func checkRejected(t *testing.T, bad rejected) {
	t.Helper()
	err := Try(func() error { bad.call(); return nil })
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("expected a panic with *Error saying %q, got %v", bad.want, err)
		return
	}
	if !strings.Contains(err.Error(), bad.want) {
		t.Errorf("error %q doesn't contain %q", err, bad.want)
	}
	if !strings.Contains(e.Caller, "_test.go:") {
		t.Errorf("error %q doesn't name the caller's line but %q", err, e.Caller)
	}
}

func compareAll(t *testing.T, what string, got []*Tensor, want []nd, rtol, atol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d outputs, want %d", what, len(got), len(want))
	}
	for o, w := range want {
		if !slices.Equal(got[o].Shape(), w.shape) && len(got[o].Shape())+len(w.shape) > 0 {
			t.Fatalf("%s: output %d has shape %v, want %v", what, o, got[o].Shape(), w.shape)
		}
		for e, g := range ToSlice[float64](got[o]) {
			v := w.data[e]
			if g == v || math.IsNaN(g) && math.IsNaN(v) {
				continue
			}
			if !(math.Abs(g-v) <= atol+rtol*math.Abs(v)) {
				t.Fatalf("%s: output %d element %d of shape %v is %.10g, want %.10g", what, o, e, w.shape, g, v)
			}
		}
	}
}

func random() *rand.Rand { return rand.New(rand.NewPCG(7, 11)) }

// uniform returns float64 numbers between lo and hi.
func uniform(r *rand.Rand, lo, hi float64, shape ...int) *Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = lo + (hi-lo)*r.Float64()
	}
	return FromSlice(v, n).Reshape(shape...)
}
