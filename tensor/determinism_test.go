package tensor_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// Results and gradients must have the same bits however many threads share the work.
func TestBitsDontDependOnThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := uniform(r, -1, 1, 37, 5003).To(Float32)
	y := uniform(r, 0.5, 1, 5003).To(Float32)
	column := uniform(r, 0.5, 1, 37, 1).To(Float32)
	index := indices(r, 37, 700)
	along := indices(r, 37, 50, 5003)
	uses := map[string]func(x *Tensor) *Tensor{
		"row":          func(x *Tensor) *Tensor { return x.Mul(y) },
		"column":       func(x *Tensor) *Tensor { return x.Div(column) },
		"transposed":   func(x *Tensor) *Tensor { return x.T().Clone().Mul(x.T()) },
		"sum":          (*Tensor).Sum,
		"sum rows":     func(x *Tensor) *Tensor { return x.SumAxes(false, 0) },
		"sum columns":  func(x *Tensor) *Tensor { return x.SumAxes(false, 1) },
		"var":          func(x *Tensor) *Tensor { return x.Var(1, false, 0) },
		"norm":         func(x *Tensor) *Tensor { return x.Norm(2, false) },
		"lse":          func(x *Tensor) *Tensor { return x.LogSumExp(false, 0) },
		"max":          func(x *Tensor) *Tensor { return x.MaxAxes(false, 1) },
		"cumsum":       func(x *Tensor) *Tensor { return x.CumSum(1) },
		"index_select": func(x *Tensor) *Tensor { return x.IndexSelect(0, index) },
		"gather":       func(x *Tensor) *Tensor { return x.Gather(0, along) },
		"sort":         func(x *Tensor) *Tensor { v, _ := x.Sort(1, true); return v },
		"gelu":         (*Tensor).GELU,
	}
	run := func(threads int) map[string][]float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		out := map[string][]float32{}
		for name, f := range uses {
			leaf := x.Detach().RequireGrad()
			v := f(leaf)
			BackwardWith(BackwardConfig{Gradient: v.Detach()}, v)
			out[name] = append(ToSlice[float32](v), ToSlice[float32](leaf.Grad())...)
		}
		return out
	}
	one := run(1)
	for _, threads := range []int{2, 5} {
		many := run(threads)
		for name := range uses {
			if !slices.Equal(one[name], many[name]) {
				t.Errorf("%s differs between 1 and %d threads", name, threads)
			}
		}
	}
}

// A sum in pieces must still be right, and as accurate as float64 tells.
func TestSumOfManyIsAccurate(t *testing.T) {
	const n = 300_001
	v := make([]float32, n)
	want := 0.0
	r := rand.New(rand.NewPCG(2, 2))
	for i := range v {
		v[i] = r.Float32()
		want += float64(v[i])
	}
	x := FromSlice(v)
	if got := x.Sum().Item(); got < want*(1-1e-6) || got > want*(1+1e-6) {
		t.Errorf("sum of %d numbers is %.3f, want %.3f", n, got, want)
	}
	v[n-1] = 7
	x = FromSlice(v)
	if x.Max().Item() != 7 || x.ArgMax(0).Item() != n-1 {
		t.Errorf("max is %g at %g, want 7 at %d", x.Max().Item(), x.ArgMax(0).Item(), n-1)
	}
	if !slices.Equal(ToSlice[bool](x.GreaterScalar(6).AnyAxes(false)), []bool{true}) {
		t.Error("the 7 at the end is missed")
	}
}
