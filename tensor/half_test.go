package tensor_test

import (
	"math"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// In the half formats operations give what they give in float32, rounded, and gradients arrive in the format of the input.
func TestNetworkOpsInHalfFormats(t *testing.T) {
	r := NewRNG(1)
	labels := FromSlice([]int32{2, 0, 1})
	seen := func(x *Tensor) *Tensor { return x.Reshape(3, 2, 2, 3) }
	channel := r.Uniform(Float32, 0.5, 1, 2)
	for name, f := range map[string]func(x *Tensor) *Tensor{
		"matmul":        func(x *Tensor) *Tensor { return x.MatMul(x.T()) },
		"linear":        func(x *Tensor) *Tensor { return x.LinearReLU(x, nil) },
		"softmax":       func(x *Tensor) *Tensor { return x.Softmax(0) },
		"cross entropy": func(x *Tensor) *Tensor { return CrossEntropy(x, labels, CrossEntropyConfig{}) },
		"bce":           func(x *Tensor) *Tensor { return BCEWithLogits(x, Ones(Bool, 3, 12), BCEWithLogitsConfig{}) },
		"conv":          func(x *Tensor) *Tensor { return Conv2D(seen(x), seen(x), nil, Conv2DConfig{}) },
		"max pool":      func(x *Tensor) *Tensor { return MaxPool2D(seen(x), MaxPool2DConfig{Kernel: [2]int{2, 2}}) },
		"adaptive":      func(x *Tensor) *Tensor { return AdaptiveAvgPool2D(seen(x), 2, 2) },
		"layer norm":    func(x *Tensor) *Tensor { return LayerNorm(x, nil, nil, 1e-5) },
		"batch norm": func(x *Tensor) *Tensor {
			c := channel.To(x.DType())
			y, _, _ := BatchNorm(seen(x), c, c, 1e-5)
			return y
		},
		"dropout": func(x *Tensor) *Tensor { return Dropout(x, 0.5, NewRNG(2)) },
		"einsum":  func(x *Tensor) *Tensor { return Einsum("ij,kj->ik", x, x) },
	} {
		for _, d := range []DType{BFloat16, Float16} {
			half := r.Split(name).Normal(d, 0, 1, 3, 12).RequireGrad()
			full := half.Detach().To(Float32).RequireGrad()
			y, want := f(half), f(full)
			if y.DType() != d {
				t.Errorf("%s of %s is %s", name, d, y.DType())
			}
			near(t, name, y, want)
			y.Sum().Backward()
			want.Sum().Backward()
			if half.Grad().DType() != d {
				t.Errorf("gradient of %s of %s is %s", name, d, half.Grad().DType())
			}
			near(t, name+" gradient", half.Grad(), full.Grad())
		}
	}
}

// near compares with what eight bits can tell.
func near(t *testing.T, what string, got, want *Tensor) {
	t.Helper()
	w := ToSlice[float64](want)
	top := 0.0
	for _, v := range w {
		top = math.Max(top, math.Abs(v))
	}
	for i, g := range ToSlice[float64](got) {
		if !(math.Abs(g-w[i]) <= 0.02*math.Max(top, 0.05)) {
			t.Errorf("%s %s: element %d is %v, in float32 %v", what, got.DType(), i, g, w[i])
			return
		}
	}
}

// The mean of many numbers is a number of their size, even where their sum or count isn't one of the type.
func TestMeansAndNormsOfManyHalves(t *testing.T) {
	x := Ones(Float16, 70000)
	if m := x.Mean(); m.DType() != Float16 || m.Item() != 1 {
		t.Errorf("mean of 70,000 ones is %v", m)
	}
	if n := x.Norm(2, false); n.DType() != Float16 || n.Item() != 264.5 { // √70000 = 264.58
		t.Errorf("norm of 70,000 ones is %v", n)
	}
	w := Ones(Float16, 70000).RequireGrad()
	w.Mean().MulScalar(7000).Backward()
	if g := w.Grad().At(0); math.Abs(g-0.1) > 1e-3 {
		t.Errorf("gradient of 7000 times the mean is %g, want 0.1", g)
	}
}
