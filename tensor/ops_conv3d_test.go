package tensor_test

import (
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	. "github.com/gradus-ml/gradus/tensor"
)

// What is made of other operations has no row in the registry: its values and gradients are PyTorch's (TestOpsAgreeWithPyTorch), its
// second gradients are checked here.
func TestSecondGradientsOfComposedOps(t *testing.T) {
	r := random()
	x := func(shape ...int) *Tensor { return uniform(r, -1, 1, shape...) }
	for name, c := range map[string]struct {
		f  func(x []*Tensor) *Tensor
		in []*Tensor
	}{
		"conv3d": {func(x []*Tensor) *Tensor {
			return Conv3D(x[0], x[1], x[2], Conv3DConfig{Stride: [3]int{2, 1, 1}, Padding: [6]int{1, 0, 0, 1, 0, 0}, Groups: 2})
		}, []*Tensor{x(1, 2, 3, 2, 2), x(2, 1, 2, 2, 2), x(2)}},
		"conv_transpose3d": {func(x []*Tensor) *Tensor {
			return ConvTranspose3D(x[0], x[1], x[2], ConvTranspose3DConfig{Stride: [3]int{1, 2, 1}, Padding: [6]int{1}})
		}, []*Tensor{x(1, 2, 2, 1, 2), x(2, 1, 2, 2, 1), x(1)}},
		"conv_transpose1d": {func(x []*Tensor) *Tensor {
			return ConvTranspose1D(x[0], x[1], nil, ConvTranspose1DConfig{Stride: 2})
		}, []*Tensor{x(1, 2, 3), x(2, 1, 2)}},
		"avg_pool3d": {func(x []*Tensor) *Tensor {
			return AvgPool3D(x[0].Square(), AvgPool3DConfig{Kernel: [3]int{2, 1, 2}, Stride: [3]int{1, 1, 1}})
		}, []*Tensor{x(1, 1, 3, 2, 3)}},
		"max_pool3d": {func(x []*Tensor) *Tensor {
			return MaxPool3D(x[0].Square(), MaxPool3DConfig{Kernel: [3]int{2, 1, 2}, Stride: [3]int{1, 1, 1}})
		}, []*Tensor{distinct(r, 1, 1, 3, 2, 3)}},
		"adaptive_max_pool2d": {func(x []*Tensor) *Tensor { return AdaptiveMaxPool2D(x[0].Square(), 2, 3) }, []*Tensor{distinct(r, 1, 1, 3, 4)}},
		"local_response_norm": {func(x []*Tensor) *Tensor {
			return LocalResponseNorm(x[0], LocalResponseNormConfig{Size: 3, Alpha: 2})
		}, []*Tensor{x(1, 4, 2)}},
	} {
		if err := gradcheck.Check(c.f, gradcheck.Config{Order: 2, ATol: 1e-7}, c.in...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The first of equal elements in reading order gets the gradient, as in PyTorch, though boxes are pooled side by side.
func TestTiesOfBoxesGoToTheFirst(t *testing.T) {
	for name, c := range map[string]struct {
		x    *Tensor
		pool func(x *Tensor) *Tensor
		want []float64
	}{
		"volume": {FromSlice([]float64{0, 1, 1, 0, 1, 1, 1, 1}, 1, 1, 2, 2, 2),
			func(x *Tensor) *Tensor { return MaxPool3D(x, MaxPool3DConfig{Kernel: [3]int{2, 2, 2}}) }, []float64{0, 1, 0, 0, 0, 0, 0, 0}},
		"adaptive": {FromSlice([]float64{0, 0, 1, 1, 0, 0, 1, 1, 0}, 1, 1, 3, 3),
			func(x *Tensor) *Tensor { return AdaptiveMaxPool2D(x, 2, 1) }, []float64{0, 0, 1, 1, 0, 0, 0, 0, 0}},
	} {
		got := Grad(c.pool(c.x.RequireGrad()).Sum(), []*Tensor{c.x}, GradConfig{})
		compareAll(t, name, got, []nd{{c.x.Shape(), c.want}}, 0, 0)
	}
}

func TestMaxPoolLeavesIndicesOut(t *testing.T) {
	x := uniform(random(), -1, 1, 2, 3, 7, 9).To(Float32)
	for _, cfg := range []MaxPool2DConfig{{Kernel: [2]int{2, 2}}, {Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [4]int{1, 1, 1, 1}}} {
		if n := len(Apply("max_pool2d", IndexedMaxPoolAttrs(cfg), x)); n != 2 {
			t.Errorf("%d results with indices", n)
		}
		plain := MaxPool2D(x, cfg)
		tracked := MaxPool2D(x.Clone().RequireGrad(), cfg)
		compareAll(t, "without indices", []*Tensor{plain}, []nd{{tracked.Shape(), ToSlice[float64](tracked.Detach())}}, 0, 0)
	}
}

func TestComposedOpsReject(t *testing.T) {
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	for _, bad := range []rejected{
		{"conv3d: expected an input of shape (N, C, D, H, W) and a weight of shape (out, in/groups, frames, rows, columns), got (1, 2, 3, 4) and (2, 2, 1, 1, 1)", func() { Conv3D(x(1, 2, 3, 4), x(2, 2, 1, 1, 1), nil, Conv3DConfig{}) }},
		{"conv3d: input (1, 3, 3, 4, 4) has 3 channels, the weight (2, 2, 1, 1, 1) with 1 group(s) wants 2", func() { Conv3D(x(1, 3, 3, 4, 4), x(2, 2, 1, 1, 1), nil, Conv3DConfig{}) }},
		{"conv3d: the kernel reaches over 4 frames, more than the 3 of the padded input (1, 2, 3, 4, 4)", func() { Conv3D(x(1, 2, 3, 4, 4), x(2, 2, 4, 1, 1), nil, Conv3DConfig{}) }},
		{"conv3d: strides and dilations must be at least 1", func() { Conv3D(x(1, 2, 3, 4, 4), x(2, 2, 1, 1, 1), nil, Conv3DConfig{Stride: [3]int{-1, 1, 1}}) }},
		{"conv2d: the kernel reaches over 5×1, more than the padded input 4×4", func() { Conv3D(x(1, 2, 3, 4, 4), x(2, 2, 1, 5, 1), nil, Conv3DConfig{}) }},
		{"conv_transpose1d: expected an input of shape (N, C, L), got (2, 3)", func() { ConvTranspose1D(x(2, 3), x(3, 1, 1), nil, ConvTranspose1DConfig{}) }},
		{"conv_transpose1d: expected a weight of shape (in, out/groups, size), got (3, 1)", func() { ConvTranspose1D(x(2, 3, 4), x(3, 1), nil, ConvTranspose1DConfig{}) }},
		{"conv_transpose3d: padding [1 1 0 0 0 0] leaves nothing of the output", func() {
			ConvTranspose3D(x(1, 1, 1, 1, 1), x(1, 1, 1, 1, 1), nil, ConvTranspose3DConfig{Padding: [6]int{1, 1}})
		}},
		{"conv_transpose3d: output padding must be at least 0 and less than the stride [2 1 1], got [2 0 0]", func() {
			ConvTranspose3D(x(1, 1, 1, 1, 1), x(1, 1, 1, 1, 1), nil, ConvTranspose3DConfig{Stride: [3]int{2, 1, 1}, OutputPadding: [3]int{2}})
		}},
		{"conv_transpose3d: expected a bias of shape (1), one number for each output channel, got (2)", func() {
			ConvTranspose3D(x(1, 1, 1, 1, 1), x(1, 1, 1, 1, 1), x(2), ConvTranspose3DConfig{})
		}},
		{"max_pool3d: expected an input of shape (N, C, D, H, W), got (1, 2, 3, 4)", func() { MaxPool3D(x(1, 2, 3, 4), MaxPool3DConfig{Kernel: [3]int{1, 1, 1}}) }},
		{"adaptive_max_pool2d: expected an output of at least 1×1, got 0×1", func() { AdaptiveMaxPool2D(x(1, 2, 3, 4), 0, 1) }},
		{"adaptive_max_pool2d: expected an input of shape (N, C, H, W), got (3, 4)", func() { AdaptiveMaxPool2D(x(3, 4), 1, 1) }},
		{"local_response_norm: Size must be at least 1", func() { LocalResponseNorm(x(1, 2), LocalResponseNormConfig{}) }},
		{"local_response_norm: expected a float input of shape (N, C, …), got float32 (2)", func() { LocalResponseNorm(x(2), LocalResponseNormConfig{Size: 1}) }},
	} {
		checkRejected(t, bad)
	}
}

// Empty batches, half precision, and inputs whose elements lie elsewhere.
func TestVolumesOfAllKinds(t *testing.T) {
	r := random()
	cfg := Conv3DConfig{Padding: [6]int{1, 1, 1, 1, 1, 1}}
	if y := Conv3D(Zeros(Float32, 0, 2, 3, 4, 4), Zeros(Float32, 5, 2, 3, 3, 3), nil, cfg); ShapeString(y.Shape()) != "(0, 5, 3, 4, 4)" {
		t.Errorf("an empty batch gives %v", y.Shape())
	}
	if y := ConvTranspose3D(Zeros(Float32, 0, 2, 3, 4, 4), Zeros(Float32, 2, 5, 2, 2, 2), nil, ConvTranspose3DConfig{}); ShapeString(y.Shape()) != "(0, 5, 4, 5, 5)" {
		t.Errorf("an empty batch gives %v", y.Shape())
	}
	if y := MaxPool3D(Zeros(Float32, 0, 2, 4, 4, 4), MaxPool3DConfig{Kernel: [3]int{2, 2, 2}}); ShapeString(y.Shape()) != "(0, 2, 2, 2, 2)" {
		t.Errorf("an empty batch gives %v", y.Shape())
	}
	x, w := uniform(r, -1, 1, 2, 4, 3, 5, 2), uniform(r, -1, 1, 3, 2, 2, 3, 3)
	turned := x.Permute(0, 4, 2, 1, 3) // (2, 2, 3, 4, 5)
	want := Conv3D(turned.Contiguous(), w, nil, cfg)
	compareAll(t, "permuted", []*Tensor{Conv3D(turned, w, nil, cfg)}, []nd{{want.Shape(), ToSlice[float64](want)}}, 0, 0)
	half := Conv3D(turned.To(BFloat16), w.To(BFloat16), nil, cfg)
	if half.DType() != BFloat16 {
		t.Errorf("bfloat16 becomes %s", half.DType())
	}
	compareAll(t, "bfloat16", []*Tensor{half}, []nd{{want.Shape(), ToSlice[float64](want)}}, 0.05, 0.05)
}
