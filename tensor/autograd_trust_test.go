package tensor_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/internal/mem"
	. "github.com/gradus-ml/gradus/tensor"
)

// Records of unusual shapes, and what happens to memory in them. Large tensors
// lie in blocks that are used again, so a gradient written to once too often shows.

const large = 4096 // elements: more than fit in a buffer on the Go heap

func numbers(f func(i int) float64) *Tensor {
	v := make([]float64, large)
	for i := range v {
		v[i] = f(i)
	}
	return FromSlice(v)
}

func wantEach(t *testing.T, what string, got *Tensor, want func(i int) float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is nil", what)
		return
	}
	for i, v := range ToSlice[float64](got) {
		if w := want(i); math.Abs(v-w) > 1e-9*math.Max(1, math.Abs(w)) {
			t.Errorf("%s is %g at %d, want %g", what, v, i, w)
			return
		}
	}
}

func ramp(i int) float64 { return float64(i%7) - 3 }

func TestGradOfTheSameTensorTwice(t *testing.T) {
	x, w := FromSlice([]float64{2, 3}).RequireGrad(), FromSlice([]float64{5, 7}).RequireGrad()
	g := Grad(x.Mul(w).Sum(), []*Tensor{x, w, x}, GradConfig{})
	wantSlice(t, "first", g[0], 5, 7)
	wantSlice(t, "between", g[1], 2, 3)
	wantSlice(t, "again", g[2], 5, 7)
}

func TestGradOfATensorAndWhatItWasComputedFrom(t *testing.T) {
	x := numbers(ramp).RequireGrad()
	h := x.Square()
	y := h.Mul(h).Add(h).Sum() // h² + h
	g := Grad(y, []*Tensor{y, h, x}, GradConfig{})
	wantSlice(t, "of itself", g[0], 1)
	wantEach(t, "on the way", g[1], func(i int) float64 { return 2*ramp(i)*ramp(i) + 1 })
	wantEach(t, "of the leaf", g[2], func(i int) float64 { return (2*ramp(i)*ramp(i) + 1) * 2 * ramp(i) })
}

// What was computed from an untracked tensor alone isn't recorded, so its gradient would lack a part.
func TestGradOfAnUntrackedTensorIsRefused(t *testing.T) {
	x, w := FromSlice([]float64{2, 3}), FromSlice([]float64{5, 7}).RequireGrad()
	y := x.Mul(w).Add(x.Square()).Sum()
	checkRejected(t, rejected{"x number 1 (2) isn't tracked; call RequireGrad on it before computing y", func() { Grad(y, []*Tensor{w, x}, GradConfig{AllowUnused: true}) }})
}

func TestWritingIntoAResultIsNoticed(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	y := x.Exp()
	y.Detach().Fill(0) // the gradient of exp is its result
	checkRejected(t, rejected{"the result (2) of exp was written in place, so its gradient can't be computed", y.Sum().Backward})
}

// What Grad returned once stays, whatever comes after.
func TestGradientsLast(t *testing.T) {
	x, w := numbers(ramp).RequireGrad(), FromSlice([]float64{1, 1}).RequireGrad()
	x.Sum().Backward()
	first := x.Grad()
	x.MulScalar(2).Sum().Backward() // added
	second := x.Grad()
	x.ZeroGrad()
	x.MulScalar(10).Sum().Backward() // anew
	third := x.LendGrad()
	x.ZeroGrad()
	x.MulScalar(20).Sum().Backward() // in the same memory
	for _, c := range []struct {
		g    *Tensor
		want float64
	}{{first, 1}, {second, 3}, {third, 20}, {x.Grad(), 20}} {
		wantEach(t, "gradient", c.g, func(int) float64 { return c.want })
	}

	v := FromSlice([]float64{1, 2}).RequireGrad()
	v.Square().Sum().Backward()
	y := w.Mul(v.Grad()).Sum()
	v.Square().Sum().Backward()
	y.Backward()
	wantSlice(t, "of a function of a gradient", w.Grad(), 2, 4)
}

// A gradient that was set, or recorded, may be shared with others: the next one is added elsewhere.
func TestBackwardWritesOnlyIntoGradientsItMade(t *testing.T) {
	for name, set := range map[string]*Tensor{
		"transposed": FromSlice([]float64{1, 2, 3, 4}, 2, 2).T(),
		"repeated":   Scalar(Float64, 5).Expand(2, 2),
		"float32":    FromSlice([]float32{1, 2, 3, 4}, 2, 2),
	} {
		before := ToSlice[float64](set)
		x := Ones(Float64, 2, 2).RequireGrad()
		x.SetGrad(set)
		x.MulScalar(10).Sum().Backward()
		wantSlice(t, name+": sum", x.Grad(), before[0]+10, before[1]+10, before[2]+10, before[3]+10)
		wantSlice(t, name+": what was set", set, before...)
		x.SetGrad(set)
		x.ZeroGrad()
		x.Sum().Backward()
		wantSlice(t, name+": after ZeroGrad", x.Grad(), 1, 1, 1, 1)
		wantSlice(t, name+": what was set", set, before...)
	}

	a, b := FromSlice([]float64{1, 2}).RequireGrad(), FromSlice([]float64{3, 4}).RequireGrad()
	seed := FromSlice([]float64{1, 1})
	BackwardWith(BackwardConfig{CreateGraph: true, Gradient: seed}, a.Add(b))
	a.MulScalar(10).Sum().Backward()
	wantSlice(t, "a", a.Grad(), 11, 11)
	wantSlice(t, "b", b.Grad(), 1, 1)
	wantSlice(t, "seed", seed, 1, 1)

	x := FromSlice([]float64{1, 2}).RequireGrad()
	BackwardWith(BackwardConfig{CreateGraph: true}, x.Sum()) // the gradient is a view that repeats one number
	x.Sum().Backward()
	wantSlice(t, "a repeated number and one more", x.Grad(), 2, 2)
}

// Gradients of several inputs may share memory; one of the inputs may come twice.
func TestSharedGradientsAreNotWrittenTo(t *testing.T) {
	x := numbers(func(i int) float64 { return float64(i) / large }).RequireGrad()
	y := numbers(func(i int) float64 { return 0 }).RequireGrad()
	at := func(i int) float64 { return float64(i) / large }
	h, k := x.MulScalar(1), y.MulScalar(1) // sums of gradients on the way are what may be written to
	Checkpoint(func(xs []*Tensor) *Tensor { return xs[0].Add(xs[1].Flip(0)).Square() }, h, h).Sum().Backward()
	wantEach(t, "x and x backwards", x.Grad(), func(i int) float64 { return 4 * (at(i) + at(large-1-i)) })
	x.ZeroGrad()
	h = x.MulScalar(1)
	Checkpoint(func(xs []*Tensor) *Tensor { return xs[0].Add(xs[2]).Square().Add(xs[1].MulScalar(3)) }, h, h, k).Sum().Backward()
	wantEach(t, "x twice", x.Grad(), func(i int) float64 { return 2*at(i) + 3 })
	wantEach(t, "y, whose gradient is x's first one", y.Grad(), func(i int) float64 { return 2 * at(i) })
}

func TestOneTensorInSeveralPlaces(t *testing.T) {
	for _, retain := range []bool{false, true} {
		for name, c := range map[string]struct {
			f    func(x *Tensor) *Tensor
			want func(x float64) float64
		}{
			"x·x":             {func(x *Tensor) *Tensor { return x.Mul(x) }, func(x float64) float64 { return 2 * x }},
			"x+x":             {func(x *Tensor) *Tensor { return x.Add(x) }, func(x float64) float64 { return 2 }},
			"x−x":             {func(x *Tensor) *Tensor { return x.Sub(x) }, func(x float64) float64 { return 0 }},
			"cat(x, x)²":      {func(x *Tensor) *Tensor { return Cat(0, x, x).Square() }, func(x float64) float64 { return 4 * x }},
			"cat(x, x², x)":   {func(x *Tensor) *Tensor { return Cat(0, x, x.Square(), x) }, func(x float64) float64 { return 2 + 2*x }},
			"where(x, x)":     {func(x *Tensor) *Tensor { return Where(x.GreaterScalar(0), x, x.Neg()) }, func(x float64) float64 { return math.Copysign(1, x) }},
			"a diamond of x²": {func(x *Tensor) *Tensor { h := x.Square(); return h.Exp().Mul(h) }, func(x float64) float64 { return math.Exp(x*x) * 2 * x * (1 + x*x) }},
			"views of x":      {func(x *Tensor) *Tensor { return x.Reshape(64, 64).T().Mul(x.Reshape(64, 64).T()) }, func(x float64) float64 { return 2 * x }},
			"x repeated":      {func(x *Tensor) *Tensor { return x.Expand(3, large).Square() }, func(x float64) float64 { return 6 * x }},
			"a part of a split": {func(x *Tensor) *Tensor {
				p := x.Square().Split(0, 1, large-1)
				return Cat(0, p[0], p[1], p[1].Detach())
			}, func(x float64) float64 { return 2 * x }},
		} {
			leaf := numbers(func(i int) float64 { return ramp(i) + 0.25 }).RequireGrad()
			y := c.f(leaf.In(nil)).Sum()
			for n := 1.0; n <= 2; n++ {
				BackwardWith(BackwardConfig{Retain: retain}, y)
				wantEach(t, fmt.Sprintf("%s, time %g", name, n), leaf.Grad(), func(i int) float64 { return n * c.want(ramp(i)+0.25) })
				if !retain {
					break
				}
			}
		}
	}
}

// A pass that fails gives its memory back.
func TestAFailedPassLeavesNoMemoryInUse(t *testing.T) {
	x := numbers(ramp).RequireGrad()
	c := numbers(ramp)
	before := inUse(0)
	for range 10 {
		func() {
			s := NewScope()
			defer s.Release()
			h := x.In(s).Mul(c)
			y := h.Exp().Tanh().Sum()
			c.SetAt(1, 0)
			for _, f := range []func(){y.Backward, func() { Grad(y, []*Tensor{x}, GradConfig{}) }} {
				if err := Try(func() error { f(); return nil }); err == nil {
					t.Error("no error")
				}
			}
		}()
	}
	if now := inUse(before); now > before {
		t.Errorf("%d bytes in use, %d before", now, before)
	}
}

func TestMemoryOfRepeatedGradients(t *testing.T) {
	x := numbers(ramp)
	before := inUse(0)
	for range 20 {
		HVP(func(x *Tensor) *Tensor { return x.Square().Mul(x).Sum() }, x, x)
		Jacobian(func(x *Tensor) *Tensor { return x.Square().Slice(0, 0, 2, 1) }, x)
	}
	if now := inUse(before); now > before {
		t.Errorf("%d bytes in use, %d before", now, before)
	}
	runtime.KeepAlive(x)
}

func TestCheckpointKeepsNothingInAScope(t *testing.T) {
	w := numbers(func(int) float64 { return 1 }).RequireGrad()
	s := NewScope()
	defer s.Release()
	x := w.In(s)
	before := mem.Read().InUse
	y := Checkpoint(func(xs []*Tensor) *Tensor {
		h := xs[0]
		for range 50 {
			h = h.MulScalar(0.5).AddScalar(0.5)
		}
		return h
	}, x)
	const one = 10 * large // bytes of a tensor, and what its block wastes
	if now := mem.Read().InUse; now > before+one {
		t.Errorf("%d bytes after the forward pass, more than its result", now-before)
	}
	y.Sum().Backward()
	if now := mem.Read().InUse; now > before+2*one {
		t.Errorf("%d bytes after the backward pass, more than the result and the gradient", now-before)
	}
	wantEach(t, "gradient", w.Grad(), func(int) float64 { return math.Pow(0.5, 50) })
}

func TestCheckpointRefusesWhatItCannotDifferentiate(t *testing.T) {
	x, w := FromSlice([]float64{1, 2}).RequireGrad(), FromSlice([]float64{3, 4}).RequireGrad()
	checkRejected(t, rejected{"the function uses tensors that require gradients and aren't its inputs", func() {
		Checkpoint(func(xs []*Tensor) *Tensor { return xs[0].Mul(w) }, x)
	}})
	rng := NewRNG(1)
	y := Checkpoint(func(xs []*Tensor) *Tensor { return Dropout(xs[0], 0.5, rng) }, numbers(func(int) float64 { return 1 }).RequireGrad())
	checkRejected(t, rejected{"the function gave another result", y.Sum().Backward})
	// Its inputs stay what they are, even if f returns one of them.
	c := FromSlice([]float64{5, 6})
	z := Checkpoint(func(xs []*Tensor) *Tensor { return xs[1] }, x, c)
	if c.RequiresGrad() || !z.RequiresGrad() {
		t.Error("the input was made the result")
	}
	wantSlice(t, "of a result that is the input itself", Grad(Checkpoint(func(xs []*Tensor) *Tensor { return xs[0] }, x).Sum(), []*Tensor{x}, GradConfig{})[0], 1, 1)
	var got DType
	Checkpoint(func(xs []*Tensor) *Tensor { got = xs[0].DType(); return xs[0] }, Ones(BFloat16, 2))
	if got != BFloat16 {
		t.Errorf("f got %s for bfloat16", got)
	}
}

func TestCopyBetweenOverlappingViews(t *testing.T) {
	x := numbers(func(i int) float64 { return float64(i) })
	x.CopyFrom(x.Flip(0))
	wantEach(t, "backwards", x, func(i int) float64 { return float64(large - 1 - i) })
	x = numbers(func(i int) float64 { return float64(i) })
	x.Slice(0, 1, End, 1).CopyFrom(x.Slice(0, 0, -1, 1))
	wantEach(t, "moved by one", x, func(i int) float64 { return math.Max(float64(i-1), 0) })
	m := numbers(func(i int) float64 { return float64(i) }).Reshape(64, 64)
	m.CopyFrom(m.T())
	wantEach(t, "transposed", m, func(i int) float64 { return float64(i%64*64 + i/64) })
}

func TestWritesIntoExpandedTensorsAreRefused(t *testing.T) {
	x := Zeros(Float64, 3, 1).Expand(3, 4)
	for _, write := range []func(){func() { x.SetAt(1, 0, 0) }, func() { x.Fill(1) }, func() { x.CopyFrom(Ones(Float64, 3, 4)) }} {
		checkRejected(t, rejected{"elements along axis 1 of the expanded tensor (3, 4) share their memory; Clone it first", write})
	}
}

func TestTooManyElements(t *testing.T) {
	x := Scalar(Float32, 1)
	checkRejected(t, rejected{"too many elements", func() { x.Expand(1<<33, 1).Add(x.Expand(1, 1<<33)) }})
}

// A result put together by copies would get no gradient, without a word.
func TestCopyOfATrackedResultIsRefused(t *testing.T) {
	w := FromSlice([]float64{1, 2}).RequireGrad()
	out := Zeros(Float64, 2, 2)
	checkRejected(t, rejected{"gradients flow through the values, but they don't flow through a copy; build the result with Cat, Stack or Where", func() {
		out.Select(0, 0).CopyFrom(w.Square())
	}})
	out.Select(0, 0).CopyFrom(w.Square().Detach())
	wantSlice(t, "detached", out, 1, 4, 0, 0)
	w.CopyFrom(w.MulScalar(0.5)) // a step of an optimiser
	wantSlice(t, "leaf", w, 0.5, 1)
}

// What is computed from a batch again and again is collected though the batch lives.
func TestLooseScopeKeepsNothingAlive(t *testing.T) {
	s := NewLooseScope()
	x := Ones(Float32, looseSize).In(s).AddScalar(1)
	before := inUse(0)
	for range 300 {
		x.MulScalar(2)
	}
	if now := inUse(before); now > before {
		t.Errorf("%d bytes in use, %d before", now, before)
	}
	y := x.MulScalar(3)
	s.Release()
	released(t, x)
	released(t, y)
}

func TestDeepAndWideRecords(t *testing.T) {
	x := FromSlice([]float64{1}).RequireGrad()
	y := x
	for range 100_000 {
		y = y.AddScalar(1)
	}
	y.Sum().Backward()
	wantSlice(t, "through 100,000 operations", x.Grad(), 1)
	x.ZeroGrad()
	sum := x.MulScalar(1)
	for range 20_000 {
		sum = sum.Add(x)
	}
	sum.Sum().Backward()
	wantSlice(t, "from 20,000 places", x.Grad(), 20_001)
}

func TestDerivativesInMixedTypes(t *testing.T) {
	a, b := FromSlice([]float32{2}).RequireGrad(), FromSlice([]float64{3}).RequireGrad()
	h := FromSlice([]float64{0.5}).To(BFloat16).RequireGrad()
	y := a.Mul(b).Mul(h).Sum()
	y.Backward()
	for _, c := range []struct {
		x    *Tensor
		want float64
	}{{a, 1.5}, {b, 1}, {h, 6}} {
		if g := c.x.Grad(); g.DType() != c.x.DType() || g.Item() != c.want {
			t.Errorf("gradient of %s is %s %v, want %g", c.x.DType(), g.DType(), g, c.want)
		}
	}
	// d³/dx³ x⁴·exp(0) with a float32 in the way
	x := FromSlice([]float64{2}).RequireGrad()
	z := x.To(Float32).To(Float64).PowScalar(4).Sum()
	for range 3 {
		z = Grad(z, []*Tensor{x}, GradConfig{BackwardConfig: BackwardConfig{CreateGraph: true}})[0].Sum()
	}
	wantSlice(t, "third derivative", z, 48)
}

func TestEmptyTensorsInARecord(t *testing.T) {
	x := Zeros(Float64, 0, 3).RequireGrad()
	x.Mul(x).Exp().SumAxes(false, 0).Sum().Backward()
	if g := x.Grad(); g == nil || !slices.Equal(g.Shape(), []int{0, 3}) {
		t.Errorf("gradient is %v", g)
	}
	y := FromSlice([]float64{1, 2}).RequireGrad()
	Cat(0, y, y.Slice(0, 0, 0, 1)).Sum().Backward()
	wantSlice(t, "beside nothing", y.Grad(), 1, 1)
}

// One record, several passes at once.
func TestOneRecordInSeveralGoroutines(t *testing.T) {
	x := numbers(ramp).RequireGrad()
	y := x.Square().Mul(x).Tanh().Reshape(64, 64).Softmax(1).Mul(x.Reshape(64, 64)).Sum()
	want := ToSlice[float64](Grad(y, []*Tensor{x}, GradConfig{BackwardConfig: BackwardConfig{Retain: true}})[0])
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for range 10 {
				g := Grad(y, []*Tensor{x}, GradConfig{BackwardConfig: BackwardConfig{Retain: true, CreateGraph: k%2 == 1}})[0]
				if got := ToSlice[float64](g); !slices.Equal(got, want) {
					t.Error("gradients differ")
					return
				}
				runtime.GC()
			}
		})
	}
	wg.Wait()
}

func TestReleasedGradientSaysSo(t *testing.T) {
	s := NewScope()
	x := numbers(ramp).RequireGrad()
	BackwardWith(BackwardConfig{CreateGraph: true}, x.In(s).Square().Sum())
	s.Release()
	if err := Try(func() error { x.Sum().Backward(); return nil }); err == nil || !strings.Contains(err.Error(), "released with its scope") {
		t.Errorf("adding to a gradient that was released: %v", err)
	}
	x.ZeroGrad()
	x.Sum().Backward()
	wantEach(t, "after ZeroGrad", x.Grad(), func(int) float64 { return 1 })
}
