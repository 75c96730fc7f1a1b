package optim_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// point is a layer with one parameter, a point in n dimensions.
type point struct{ x *nn.Param }

func (p *point) Forward(_ *nn.Ctx, x *tensor.Tensor) *tensor.Tensor { return x }
func (p *point) Visit(v *nn.Visitor)                                { v.Param("x", p.x) }

func newPoint(x ...float64) *point {
	p := &point{nn.NewParam(nn.Zeros, len(x))}
	nn.Convert(p, tensor.Float64)
	nn.Init(p, 1)
	_ = p.x.Set(tensor.FromSlice(x, len(x)))
	return p
}

// rosenbrock returns Σ 100·(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², which is 0 at (1, …, 1).
func rosenbrock(x *tensor.Tensor) *tensor.Tensor {
	n := x.Size(0)
	a, b := x.Slice(0, 0, n-1, 1), x.Slice(0, 1, n, 1)
	return b.Sub(a.Square()).Square().MulScalar(100).Add(a.Neg().AddScalar(1).Square()).Sum()
}

var lbfgsCases = map[string]optim.LBFGSConfig{
	"plain":             {LR: 0.001, MaxIter: 3},
	"wolfe":             {MaxIter: 4, StrongWolfe: true},
	"wolfe history":     {LR: 0.5, MaxIter: 6, HistorySize: 2, StrongWolfe: true},
	"wolfe evaluations": {MaxIter: 20, MaxEval: 7, StrongWolfe: true},
}

// Ten steps on Rosenbrock's function take PyTorch's way, evaluation by evaluation. Rounding grows along the way, since the
// history divides by small differences.
func TestLBFGSEqualsPyTorch(t *testing.T) {
	for _, c := range load(t).LBFGS {
		p := newPoint(-1.2, 1, 0.5, -0.3)
		opt := optim.NewLBFGS(nn.Params(p), lbfgsCases[c.Name])
		evaluations := 0
		for step := range c.Points {
			loss := opt.Step(func() *tensor.Tensor {
				evaluations++
				return rosenbrock(p.x.Value())
			})
			what := fmt.Sprintf("%s, step %d", c.Name, step)
			near(t, what+", loss", []float64{loss}, []float64{c.Losses[step]}, 1e-6, 1e-12)
			near(t, what, tensor.ToSlice[float64](p.x.Value()), c.Points[step], 1e-7, 1e-10)
			if evaluations != c.Evaluations[step] {
				t.Fatalf("%s: %d evaluations, expected %d", what, evaluations, c.Evaluations[step])
			}
		}
	}
}

func TestLBFGSFindsTheMinimum(t *testing.T) {
	p := newPoint(-1.2, 1, -1.2, 1, -1.2, 1)
	opt := optim.NewLBFGS(nn.Params(p), optim.LBFGSConfig{MaxIter: 200, ToleranceChange: 1e-15, StrongWolfe: true})
	opt.Step(func() *tensor.Tensor { return rosenbrock(p.x.Value()) })
	if f := rosenbrock(p.x.Value()).Item(); f > 1e-12 {
		t.Errorf("the loss is still %g", f)
	}
}

func TestLBFGSContinuesFromItsState(t *testing.T) {
	for name, cfg := range lbfgsCases {
		a := newPoint(-1.2, 1, 0.5, -0.3)
		opt := optim.NewLBFGS(nn.Params(a), cfg)
		for range 3 {
			opt.Step(func() *tensor.Tensor { return rosenbrock(a.x.Value()) })
		}
		b := newPoint(tensor.ToSlice[float64](a.x.Value())...)
		again := optim.NewLBFGS(nn.Params(b), cfg)
		if err := again.LoadState(opt.State()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			opt.Step(func() *tensor.Tensor { return rosenbrock(a.x.Value()) })
			again.Step(func() *tensor.Tensor { return rosenbrock(b.x.Value()) })
		}
		near(t, name, tensor.ToSlice[float64](b.x.Value()), tensor.ToSlice[float64](a.x.Value()), 0, 0)
	}
	other := optim.NewLBFGS(nn.Params(newPoint(1, 2)), optim.LBFGSConfig{})
	p := newPoint(-1.2, 1, 0.5, -0.3)
	opt := optim.NewLBFGS(nn.Params(p), optim.LBFGSConfig{})
	opt.Step(func() *tensor.Tensor { return rosenbrock(p.x.Value()) })
	if err := other.LoadState(opt.State()); err == nil || !strings.Contains(err.Error(), "over 2 elements") {
		t.Errorf("a state of another size: %v", err)
	}
	if err := other.LoadState(nil); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("no state: %v", err)
	}
}

// At a minimum nothing moves, and a loss that isn't smooth or isn't a number ends the step instead of hanging.
func TestLBFGSStops(t *testing.T) {
	p := newPoint(1, 1)
	opt := optim.NewLBFGS(nn.Params(p), optim.LBFGSConfig{StrongWolfe: true})
	if f := opt.Step(func() *tensor.Tensor { return rosenbrock(p.x.Value()) }); f != 0 || p.x.Value().At(0) != 1 {
		t.Errorf("at the minimum: loss %g, x %v", f, p.x.Value())
	}
	for _, f := range []func(x *tensor.Tensor) *tensor.Tensor{
		func(x *tensor.Tensor) *tensor.Tensor { return x.Abs().Sum() },
		func(x *tensor.Tensor) *tensor.Tensor { return x.MulScalar(math.NaN()).Sum() },
		func(x *tensor.Tensor) *tensor.Tensor { return x.Sum() },
	} {
		p := newPoint(0.3, -0.7)
		evaluations := 0
		optim.NewLBFGS(nn.Params(p), optim.LBFGSConfig{StrongWolfe: true}).Step(func() *tensor.Tensor {
			evaluations++
			return f(p.x.Value())
		})
		if evaluations > 30 {
			t.Errorf("%d evaluations in one step, expected at most about 25", evaluations)
		}
	}
}
