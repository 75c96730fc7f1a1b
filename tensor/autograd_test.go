package tensor_test

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/internal/mem"
	. "github.com/gradus-ml/gradus/tensor"
)

func wantSlice(t *testing.T, what string, got *Tensor, want ...float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is nil, want %v", what, want)
		return
	}
	g := ToSlice[float64](got)
	if len(g) != len(want) {
		t.Errorf("%s is %v, want %v", what, g, want)
		return
	}
	for i, v := range want {
		if math.Abs(g[i]-v) > 1e-12*math.Max(1, math.Abs(v)) {
			t.Errorf("%s is %v, want %v", what, g, want)
			return
		}
	}
}

func TestBackwardAccumulates(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	x.Square().Sum().Backward()
	wantSlice(t, "first gradient", x.Grad(), 2, 4)
	x.MulScalar(10).Sum().Backward()
	wantSlice(t, "sum of two", x.Grad(), 12, 14)
	x.ZeroGrad()
	if x.Grad() != nil {
		t.Errorf("after ZeroGrad there is a gradient %v", x.Grad())
	}
	x.Sum().Backward()
	wantSlice(t, "after ZeroGrad", x.Grad(), 1, 1)
	x.SetGrad(nil)
	if x.Grad() != nil {
		t.Error("SetGrad(nil) leaves a gradient")
	}
}

func TestGradientsMeetOnBothWays(t *testing.T) {
	x := FromSlice([]float64{3}, 1).RequireGrad()
	y := x.Mul(x) // both inputs are one tensor
	z := y.Add(y.Mul(x)).Add(x)
	z.Sum().Backward() // x² + x³ + x
	wantSlice(t, "gradient", x.Grad(), 2*3+3*9+1)
}

func TestRetainAndRetainGrad(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	h := x.Exp().RetainGrad()
	y := h.Square().Sum()
	BackwardWith(BackwardConfig{Retain: true}, y)
	wantSlice(t, "gradient of the computed tensor", h.Grad(), 2*math.E, 2*math.E*math.E)
	x.ZeroGrad()
	y.Backward()
	wantSlice(t, "second time", x.Grad(), 2*math.Exp(2), 2*math.Exp(4))
	checkRejected(t, rejected{"the record behind the result was freed by an earlier backward pass; compute the result again, or set Retain", y.Backward})
}

func TestGradientOfSeveralResults(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	BackwardWith(BackwardConfig{}, x.Square().Sum(), x.Sum())
	wantSlice(t, "gradient", x.Grad(), 3, 5)
	x.ZeroGrad()
	BackwardWith(BackwardConfig{Gradient: FromSlice([]float64{10, 100})}, x.Square())
	wantSlice(t, "gradient of a vector", x.Grad(), 20, 400)
}

func TestMistakesWithGradients(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	y := x.Exp()
	for _, bad := range []rejected{
		{"expected a scalar, got shape (2); reduce it with Sum or Mean, or set Gradient", func() { x.Exp().Backward() }},
		{"doesn't depend on any tensor that requires gradients", func() { Ones(Float32).Backward() }},
		{"only float tensors have gradients, this one is int64", func() { Ones(Int64, 2).RequireGrad() }},
		{"the tensor was computed from tracked ones", func() { y.RequireGrad() }},
		{"y doesn't depend on x number 1 (3)", func() { Grad(x.Sum(), []*Tensor{x, f32(3).RequireGrad()}, GradConfig{}) }},
		{"Gradient must have the result's shape (2), got (3)", func() { BackwardWith(BackwardConfig{Gradient: f32(3)}, x.Exp()) }},
		{"the gradient of a tensor (2) must have its shape, got (3)", func() { x.SetGrad(f32(3)) }},
		{"can't write into a tensor that gradients flow through", func() { y.Fill(0) }},
	} {
		checkRejected(t, bad)
	}
}

func TestWritingInPlaceIsNoticed(t *testing.T) {
	x := FromSlice([]float64{1, 2}).RequireGrad()
	c := FromSlice([]float64{3, 4})
	y := x.Mul(c).Sum()
	c.SetAt(100, 0)
	checkRejected(t, rejected{"input 1 (2) of mul was written in place after it was used, so its gradient can't be computed; clone the tensor", y.Backward})
	y = x.Mul(c).Sum()
	Data[float64](c)
	y.Backward()
	y = x.Mul(c).Sum()
	MutableData[float64](c)[0] = 1
	checkRejected(t, rejected{"written in place", y.Backward})
}

func TestCreateGraph(t *testing.T) {
	x := FromSlice([]float64{2}, 1).RequireGrad()
	y := x.PowScalar(4).Sum()
	for order, want := range []float64{32, 48, 48, 24} { // 4x³, 12x², 24x, 24
		g := Grad(y, []*Tensor{x}, GradConfig{BackwardConfig: BackwardConfig{CreateGraph: true}})[0]
		wantSlice(t, "derivative", g, want)
		_ = order
		y = g.Sum()
	}
	x.ZeroGrad()
	BackwardWith(BackwardConfig{CreateGraph: true}, x.PowScalar(3).Sum())
	x.Grad().Sum().Backward() // adds 6x to what is there
	if g := x.Grad().Item(); g != 12+12 {
		t.Errorf("gradient after differentiating the gradient is %g, want 24", g)
	}
}

func TestJacobianHessianHVP(t *testing.T) {
	x := FromSlice([]float64{1, 2, 3})
	wantSlice(t, "Jacobian of squares", Jacobian((*Tensor).Square, x), 2, 0, 0, 0, 4, 0, 0, 0, 6)
	// f = x₀²x₁ + exp(x₂): Hessian [[2x₁, 2x₀, 0], [2x₀, 0, 0], [0, 0, exp x₂]]
	f := func(x *Tensor) *Tensor {
		return x.Select(0, 0).Square().Mul(x.Select(0, 1)).Add(x.Select(0, 2).Exp())
	}
	e3 := math.Exp(3)
	wantSlice(t, "Hessian", Hessian(f, x), 4, 2, 0, 2, 0, 0, 0, 0, e3)
	wantSlice(t, "Hessian times (1, 10, 100)", HVP(f, x, FromSlice([]float64{1, 10, 100})), 24, 2, 100*e3)
	if s := Jacobian(func(x *Tensor) *Tensor { return x.Unsqueeze(0).Expand(2, 3) }, x).Shape(); !slices.Equal(s, []int{2, 3, 3}) {
		t.Errorf("Jacobian of a (2, 3) result by a (3) input has shape %v", s)
	}
	wantSlice(t, "Hessian of a linear function", Hessian((*Tensor).Sum, x), make([]float64, 9)...)
	wantSlice(t, "Jacobian of a constant", Jacobian(func(*Tensor) *Tensor { return Ones(Float64, 1) }, x), 0, 0, 0)
}

func TestCheckpointIsTheDirectWay(t *testing.T) {
	runs := 0
	f := func(xs []*Tensor) *Tensor {
		runs++
		return xs[0].Mul(xs[1]).Tanh().Mul(xs[0])
	}
	a, b := uniform(random(), -1, 1, 40, 30).RequireGrad(), uniform(random(), -1, 1, 30).RequireGrad()
	y := f([]*Tensor{a, b})
	y.Sum().Backward()
	wantA, wantB := ToSlice[float64](a.Grad()), ToSlice[float64](b.Grad())
	a.ZeroGrad()
	b.ZeroGrad()
	runs = 0
	z := Checkpoint(f, a, b)
	if !slices.Equal(ToSlice[float64](y), ToSlice[float64](z)) {
		t.Error("values differ")
	}
	if used := UsedOps(z); used["tanh"] || !used["checkpoint"] {
		t.Errorf("recorded %v", used)
	}
	z.Sum().Backward()
	if runs != 2 {
		t.Errorf("f ran %d times, want 2", runs)
	}
	if !slices.Equal(ToSlice[float64](a.Grad()), wantA) || !slices.Equal(ToSlice[float64](b.Grad()), wantB) {
		t.Error("gradients differ")
	}
}

func TestGradInSeveralGoroutines(t *testing.T) {
	w := uniform(random(), -1, 1, 50, 40).RequireGrad()
	grad := func(k int) []float64 {
		x := Full(Float64, float64(k), 40)
		return ToSlice[float64](Grad(w.Mul(x).Tanh().Sum(), []*Tensor{w}, GradConfig{})[0])
	}
	want := make([][]float64, 8)
	for k := range want {
		want[k] = grad(k)
	}
	var wg sync.WaitGroup
	for k := range want {
		wg.Go(func() {
			for range 20 {
				if !slices.Equal(grad(k), want[k]) {
					t.Errorf("goroutine %d: gradient differs", k)
					return
				}
			}
		})
	}
	wg.Wait()
	if w.Grad() != nil {
		t.Error("Grad has left a gradient in the leaf")
	}
}

func TestGradientOfBroadcasts(t *testing.T) {
	b := FromSlice([]float64{1, 2, 3}).RequireGrad()
	Ones(Float64, 4, 3).Mul(b).Sum().Backward()
	wantSlice(t, "of a row", b.Grad(), 4, 4, 4)
	s := Scalar(Float64, 2).RequireGrad()
	Ones(Float64, 2, 3).Add(s).Sum().Backward()
	wantSlice(t, "of a scalar", s.Grad(), 6)
	c := FromSlice([]float64{1, 2}, 2, 1).RequireGrad()
	c.Expand(3, 2, 5).Sum().Backward()
	wantSlice(t, "of a column", c.Grad(), 15, 15)
	if !slices.Equal(c.Grad().Shape(), []int{2, 1}) {
		t.Errorf("gradient has shape %v", c.Grad().Shape())
	}
}

// Each operation on a half type is done in float32 and rounded once, as PyTorch does on a CPU.
func TestHalfTypesThroughOperations(t *testing.T) {
	for _, d := range []DType{BFloat16, Float16} {
		a, b := FromSlice([]float64{0.1, 1.3, -2.7}).To(d), FromSlice([]float64{3.3, 0.7, 1.1}).To(d)
		wide := func(x *Tensor) *Tensor { return x.To(Float32) }
		for name, c := range map[string]struct{ got, want *Tensor }{
			"add":     {a.Add(b), wide(a).Add(wide(b))},
			"exp":     {a.Exp(), wide(a).Exp()},
			"sum":     {a.Sum(), wide(a).Sum()},
			"max":     {a.Max(), wide(a).Max()},
			"gelu":    {a.GELU(), wide(a).GELU()},
			"cumsum":  {a.CumSum(0), wide(a).CumSum(0)},
			"reshape": {a.Reshape(3, 1), wide(a).Reshape(3, 1)},
		} {
			if c.got.DType() != d {
				t.Errorf("%s of %s is %s", name, d, c.got.DType())
			}
			if !slices.Equal(ToSlice[float64](c.got), ToSlice[float64](c.want.To(d))) {
				t.Errorf("%s of %s is %v, want %v", name, d, c.got, c.want.To(d))
			}
		}
		x := a.Detach().RequireGrad()
		x.Square().Sum().Backward()
		if x.Grad().DType() != d || !slices.Equal(ToSlice[float64](x.Grad()), ToSlice[float64](a.MulScalar(2))) {
			t.Errorf("gradient of the square of %s %v is %v", d, a, x.Grad())
		}
		if y := a.Greater(b); y.DType() != Bool {
			t.Errorf("comparison of %s is %s", d, y.DType())
		}
	}
}

func TestScopes(t *testing.T) {
	s := NewScope()
	x := Ones(Float32, 100, 100)
	w := Ones(Float32, 100).RequireGrad()
	y := x.In(s).Mul(w)
	kept := y.Keep()
	loss := y.Sum()
	loss.Backward()
	s.Release()
	checkRejected(t, rejected{"exp: the memory of a tensor (100, 100) was released with its scope; copy what must live longer with Keep", func() { y.Exp() }})
	if kept.At(0, 0) != 1 || w.Grad().At(0) != 100 || x.At(0, 0) != 1 {
		t.Error("what must outlive the scope has changed")
	}
}

// Activations of a step without a scope are garbage to be found: memory must stay bounded, not grow with the steps.
func TestMemoryStaysFlatWithoutScope(t *testing.T) {
	w := Ones(Float32, 300, 300).RequireGrad()
	x := Ones(Float32, 300, 300)
	step := func() {
		w.ZeroGrad()
		x.Mul(w).ReLU().AddScalar(1).Mean().Backward()
	}
	for range 3 {
		step()
	}
	most := int64(0)
	for range 1000 {
		step()
		most = max(most, mem.Read().InUse)
	}
	runtime.GC()
	// A step takes about 2 MB; a thousand would be 2 GB.
	if most > 600<<20 {
		t.Errorf("%d MB in use after 1000 steps", most>>20)
	}
}
