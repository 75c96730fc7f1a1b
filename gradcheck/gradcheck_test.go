package gradcheck_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func matrix(values ...float64) *tensor.Tensor { return tensor.FromSlice(values, 2, len(values)/2) }

func TestRightGradientsPass(t *testing.T) {
	x, w := matrix(0.3, -0.7, 1.1, 0.4), matrix(-0.2, 0.9, 0.5, -1.3)
	for name, f := range map[string]func(xs []*tensor.Tensor) *tensor.Tensor{
		"a product":            func(xs []*tensor.Tensor) *tensor.Tensor { return xs[0].MatMul(xs[1]).Tanh() },
		"an input without use": func(xs []*tensor.Tensor) *tensor.Tensor { return xs[1].Exp() },
		"a constant":           func(xs []*tensor.Tensor) *tensor.Tensor { return tensor.Ones(tensor.Float64, 3) },
	} {
		if err := gradcheck.Check(f, gradcheck.Config{Order: 2}, x, w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The gradient of x·detach(x) is x to autograd, and 2x in truth.
func TestAWrongGradientIsFound(t *testing.T) {
	half := func(xs []*tensor.Tensor) *tensor.Tensor { return xs[0].Sin().Add(xs[1].Mul(xs[1].Detach())) }
	err := gradcheck.Check(half, gradcheck.Config{}, matrix(1, 2, 3, 4), matrix(0, 0, 0, 5))
	var wrong *gradcheck.Error
	if !errors.As(err, &wrong) {
		t.Fatalf("got %v", err)
	}
	if wrong.Order != 1 || wrong.Input != 1 || fmt.Sprint(wrong.At) != "[1 1]" || wrong.Output != 3 || wrong.Failed != 1 || wrong.Number != 32 {
		t.Errorf("the error is %+v", *wrong)
	}
	if want := "with respect to input 1 at [1 1] is 5, finite difference 10"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
}

// 2·x·detach(x) − detach(x)² is x², and has its gradient 2x; but that gradient counts as constant.
func TestAWrongSecondGradientIsFound(t *testing.T) {
	square := func(xs []*tensor.Tensor) *tensor.Tensor {
		fixed := xs[0].Detach()
		return xs[0].Mul(fixed).MulScalar(2).Sub(fixed.Mul(fixed))
	}
	x := matrix(1, 2, 3, 4)
	if err := gradcheck.Check(square, gradcheck.Config{}, x); err != nil {
		t.Errorf("first order: %v", err)
	}
	err := gradcheck.Check(square, gradcheck.Config{Order: 2}, x)
	var wrong *gradcheck.Error
	if !errors.As(err, &wrong) || wrong.Order != 2 || wrong.Input != 0 || wrong.Failed != 4 {
		t.Errorf("second order: got %v", err)
	}
}

// A gradient that is off by a hundred-thousandth fails with the default tolerances and passes with wider ones.
func TestTolerances(t *testing.T) {
	almost := func(xs []*tensor.Tensor) *tensor.Tensor {
		return xs[0].MulScalar(1 + 1e-5).Sub(xs[0].Detach().MulScalar(1e-5))
	}
	x := matrix(1, 2, 3, 4)
	if err := gradcheck.Check(almost, gradcheck.Config{}, x); err == nil {
		t.Error("accepted at the default tolerances")
	}
	if err := gradcheck.Check(almost, gradcheck.Config{RTol: 1e-4}, x); err != nil {
		t.Error(err)
	}
}

// NaN is no gradient, even where the tolerance is infinite by accident.
func TestNaNFails(t *testing.T) {
	root := func(xs []*tensor.Tensor) *tensor.Tensor { return xs[0].Sqrt() }
	if err := gradcheck.Check(root, gradcheck.Config{}, matrix(-1, 1)); err == nil {
		t.Error("the root of −1 passed")
	}
}

func TestInputs(t *testing.T) {
	sum := func(xs []*tensor.Tensor) *tensor.Tensor { return xs[0].IndexSelect(0, xs[1]).Exp() }
	index := tensor.FromSlice([]int64{1, 1, 0})
	if err := gradcheck.Check(sum, gradcheck.Config{Order: 2}, matrix(0.1, 0.2, 0.3, 0.4), index); err != nil {
		t.Errorf("integers aren't passed through: %v", err)
	}
	err := gradcheck.Check(sum, gradcheck.Config{}, matrix(1, 2).To(tensor.Float32), index)
	if err == nil || !strings.Contains(err.Error(), "input 0 is float32; finite differences need float64") {
		t.Errorf("float32: %v", err)
	}
}

// A layer of one's own: its parameters are inputs like any other.
func ExampleCheck() {
	layer := nn.NewLinear(3, 2)
	nn.Convert(layer, tensor.Float64)
	nn.Init(layer, 1)
	params := nn.Params(layer)

	f := func(xs []*tensor.Tensor) *tensor.Tensor {
		return nn.Train(nil).With(params, xs[1:]).Run(layer, xs[0]).GELU()
	}
	xs := []*tensor.Tensor{tensor.NewRNG(1).Normal(tensor.Float64, 0, 1, 4, 3)}
	for _, p := range params {
		xs = append(xs, p.Value().Detach())
	}
	fmt.Println(gradcheck.Check(f, gradcheck.Config{Order: 2}, xs...))
	// Output: <nil>
}
