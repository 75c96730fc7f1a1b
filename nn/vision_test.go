package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// visionLayers are those of gen_vision.py with the parameters they have there.
var visionLayers = map[string]func() nn.Layer{
	"conv3d": func() nn.Layer { return nn.NewConv3D(2, 3, 2) },
	"conv3d all": func() nn.Layer {
		return nn.Conv3DConfig{In: 2, Out: 4, KernelDHW: [3]int{3, 2, 1}, StrideDHW: [3]int{1, 2, 1}, PadDHW: [3]int{1, 0, 2}, DilationDHW: [3]int{1, 2, 1}, Groups: 2, NoBias: true}.New()
	},
	"conv3d reflect": func() nn.Layer {
		return nn.Conv3DConfig{In: 1, Out: 2, Kernel: 3, Pad: 1, PadMode: tensor.PadReflect}.New()
	},
	"conv3d same": func() nn.Layer {
		return nn.Conv3DConfig{In: 1, Out: 2, KernelDHW: [3]int{2, 3, 4}, Same: true}.New()
	},
	"convtranspose1d": func() nn.Layer {
		return nn.ConvTranspose1DConfig{In: 2, Out: 4, Kernel: 3, Stride: 2, Pad: 1, OutputPad: 1, Groups: 2}.New()
	},
	"convtranspose1d dilation": func() nn.Layer {
		return nn.ConvTranspose1DConfig{In: 2, Out: 3, Kernel: 2, Dilation: 3, NoBias: true}.New()
	},
	"convtranspose2d rectangle": func() nn.Layer {
		return nn.ConvTranspose2DConfig{In: 1, Out: 2, KernelHW: [2]int{2, 3}, StrideHW: [2]int{3, 2}, PadHW: [2]int{0, 1}, OutputPadHW: [2]int{2, 1}, DilationHW: [2]int{1, 2}}.New()
	},
	"convtranspose3d": func() nn.Layer { return nn.NewConvTranspose3D(2, 2, 2) },
	"convtranspose3d all": func() nn.Layer {
		return nn.ConvTranspose3DConfig{In: 2, Out: 2, KernelDHW: [3]int{2, 3, 1}, StrideDHW: [3]int{2, 1, 3}, PadDHW: [3]int{1, 0, 0}, OutputPadDHW: [3]int{1, 0, 2}, Groups: 2}.New()
	},
	"conv2d reflect":   padded2D(tensor.PadReflect),
	"conv2d replicate": padded2D(tensor.PadReplicate),
	"conv2d circular":  padded2D(tensor.PadCircular),
	"conv1d reflect":   padded1D(tensor.PadReflect),
	"conv1d replicate": padded1D(tensor.PadReplicate),
	"conv1d circular":  padded1D(tensor.PadCircular),
	"conv2d replicate same": func() nn.Layer {
		return nn.Conv2DConfig{In: 1, Out: 2, Kernel: 4, Same: true, PadMode: tensor.PadReplicate}.New()
	},
	"conv2d pad each": func() nn.Layer {
		return nn.Seq(nn.Identity(), nn.Conv2DConfig{In: 2, Out: 1, Kernel: 3, Stride: 2, PadEach: [4]int{0, 1, 2, 0}}.New())
	},
	"maxpool2d rectangle": func() nn.Layer {
		return nn.PoolConfig{KernelHW: [2]int{3, 2}, StrideHW: [2]int{1, 2}, PadHW: [2]int{1, 0}}.Max()
	},
	"maxpool2d dilation": func() nn.Layer { return nn.PoolConfig{Kernel: 2, Stride: 1, Dilation: 2}.Max() },
	"avgpool2d exclude": func() nn.Layer {
		return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1, Ceil: true, ExcludePad: true}.Avg()
	},
	"maxpool3d": func() nn.Layer {
		return nn.PoolConfig{KernelDHW: [3]int{2, 3, 2}, Stride: 2, PadDHW: [3]int{1, 1, 0}}.Max3D()
	},
	"avgpool3d":         func() nn.Layer { return nn.PoolConfig{Kernel: 2, Stride: 1, Pad: 1}.Avg3D() },
	"maxpool1d ceil":    func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1, Ceil: true}.Max1D() },
	"adaptiveavgpool1d": func() nn.Layer { return nn.AdaptiveAvgPool1D(3) },
	"adaptivemaxpool1d": func() nn.Layer { return nn.AdaptiveMaxPool1D(3) },
	"lppool2d": func() nn.Layer {
		return nn.Seq(nn.NewLambda("Abs", (*tensor.Tensor).Abs), nn.PoolConfig{Kernel: 2, Stride: 1}.LP(3))
	},
	"spatial pyramid pool": func() nn.Layer { return nn.SpatialPyramidPool(3, 2, 1) },
	"local response norm":  func() nn.Layer { return nn.LocalResponseNorm(5) },
	"local response norm with": func() nn.Layer {
		return nn.LocalResponseNormWith(tensor.LocalResponseNormConfig{Size: 4, Alpha: 1.5, Beta: 0.6, K: 2})
	},
	"netvlad": func() nn.Layer { return nn.NetVLADConfig{Clusters: 3, Channels: 4}.New() },
	"netvlad plain": func() nn.Layer {
		return nn.NetVLADConfig{Clusters: 2, Channels: 3, NoBias: true, NoNormalizeInput: true}.New()
	},
}

func padded2D(mode tensor.PadMode) func() nn.Layer {
	return conv2D(nn.Conv2DConfig{In: 2, Out: 2, Kernel: 3, PadHW: [2]int{2, 1}, PadMode: mode})
}

func padded1D(mode tensor.PadMode) func() nn.Layer {
	return func() nn.Layer { return nn.Conv1DConfig{In: 2, Out: 2, Kernel: 3, Pad: 2, PadMode: mode}.New() }
}

var focalTargets = tensor.FromSlice([]float32{1, 0, 0, 0, 1, 1, 0, 0, 0, 0.3, 1, 0}, 4, 3)

// visionLosses are those of gen_vision.py.
var visionLosses = map[string]func(x *tensor.Tensor) *tensor.Tensor{
	"sigmoid focal":      func(x *tensor.Tensor) *tensor.Tensor { return nn.SigmoidFocalLoss(x, focalTargets) },
	"sigmoid focal with": sigmoidFocal(nn.FocalConfig{Alpha: 0.6, Gamma: 1.5, Reduction: nn.None}),
	"sigmoid focal sum":  sigmoidFocal(nn.FocalConfig{Alpha: -1, Reduction: nn.Sum}),
	"focal": func(x *tensor.Tensor) *tensor.Tensor {
		return nn.FocalLoss(x, tensor.FromSlice([]int64{2, 0, 1, 2}))
	},
	"focal with": func(x *tensor.Tensor) *tensor.Tensor {
		return nn.FocalLossWith(nn.FocalConfig{Gamma: 3, Weight: classWeights, Reduction: nn.None})(x, tensor.FromSlice([]int64{2, 0, 1, 2}))
	},
}

func sigmoidFocal(cfg nn.FocalConfig) func(x *tensor.Tensor) *tensor.Tensor {
	return func(x *tensor.Tensor) *tensor.Tensor { return nn.SigmoidFocalLossWith(cfg)(x, focalTargets) }
}

// Outputs and gradients of inputs and parameters equal PyTorch's and torchvision's.
func TestVisionLayersEqualPyTorch(t *testing.T) {
	cases := loadCases(t, "vision.json")
	if n := len(visionLayers) + len(visionLosses); len(cases) != n {
		t.Errorf("%d layers and losses, %d references", n, len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if loss := visionLosses[c.Name]; loss != nil {
				c.check(t, nil, func(_ *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return loss(xs[0]) })
				return
			}
			l := visionLayers[c.Name]()
			c.check(t, l, func(ctx *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return l.Forward(ctx, xs[0]) })
		})
	}
}

// In evaluation a window gives Σa²/Σa; in training each element as often as its value says, and only the drawn one gets a gradient.
func TestStochasticPool(t *testing.T) {
	pool := nn.PoolConfig{Kernel: 2, Stride: 1}.Stochastic()
	x := tensor.FromSlice([]float64{1, 3, 0, 0, 4, -5, 0, -1}, 1, 1, 2, 4)
	want := []float64{26. / 8, 3, 0}
	for i, v := range tensor.ToSlice[float64](pool.Forward(nn.Eval(), x)) {
		if math.Abs(v-want[i]) > 1e-12 {
			t.Errorf("window %d gives %g in evaluation, expected %g", i, v, want[i])
		}
	}
	const draws = 20000
	many := tensor.FromSlice([]float32{1, 3, 4, -5}, 1, 1, 2, 2).Expand(draws, 1, 2, 2).Contiguous().RequireGrad()
	y := pool.Forward(nn.Train(tensor.NewRNG(3)), many)
	count := map[float64]float64{}
	for _, v := range tensor.ToSlice[float64](y.Detach()) {
		count[v]++
	}
	for v, p := range map[float64]float64{1: 1. / 8, 3: 3. / 8, 4: 4. / 8} {
		if got, sd := count[v]/draws, math.Sqrt(p*(1-p)/draws); math.Abs(got-p) > 4*sd {
			t.Errorf("%g was drawn with frequency %.4f, expected %.4f", v, got, p)
		}
	}
	if len(count) != 3 {
		t.Errorf("drawn were %v", count)
	}
	y.Sum().Backward()
	grad, values := tensor.ToSlice[float64](many.Grad()), tensor.ToSlice[float64](y.Detach())
	for i, v := range values {
		at := slices.Index([]float64{1, 3, 4}, v)
		for k, g := range grad[4*i : 4*i+4] {
			if (g == 1) != (k == at) || g != 0 && g != 1 {
				t.Fatalf("gradients are %v where %g was drawn", grad[4*i:4*i+4], v)
			}
		}
	}
	again := pool.Forward(nn.Train(tensor.NewRNG(3)), many)
	if !slices.Equal(values, tensor.ToSlice[float64](again.Detach())) {
		t.Error("another draw from the same seed")
	}
}

// With a large alpha each descriptor belongs to the nearest centre alone: sums of differences, as VLAD has them.
func TestNetVLADOfSharpClustersIsVLAD(t *testing.T) {
	l := nn.NetVLADConfig{Clusters: 2, Channels: 2, NoNormalizeInput: true}.New()
	nn.Init(l, 1)
	if err := l.SetClusters(tensor.FromSlice([]float32{0, 0, 5, 5}, 2, 2), 100); err != nil {
		t.Fatal(err)
	}
	// Places (1, 0), (0, 2), (5, 4), (9, 8): differences (1, 2) and (4, 2), each brought to length 1/√2.
	y := tensor.ToSlice[float64](l.Forward(nn.Eval(), tensor.FromSlice([]float32{1, 0, 5, 9, 0, 2, 4, 8}, 1, 2, 2, 2)))
	for i, want := range []float64{1 / math.Sqrt(10), 2 / math.Sqrt(10), 4 / math.Sqrt(40), 2 / math.Sqrt(40)} {
		if math.Abs(y[i]-want) > 1e-6 {
			t.Errorf("element %d is %g, expected %g", i, y[i], want)
		}
	}
	if err := l.SetClusters(tensor.Zeros(tensor.Float32, 3, 2), 1); err == nil {
		t.Error("three centres fit two clusters")
	}
}

func TestVisionLayersReject(t *testing.T) {
	x := func(shape ...int) *tensor.Tensor { return tensor.Zeros(tensor.Float32, shape...) }
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"must be positive, got [0 0]", func() { nn.PoolConfig{}.Max() }},
		{"averages have no dilation, got 2", func() { nn.PoolConfig{Kernel: 2, Dilation: 2}.Avg() }},
		{"the power must be positive", func() { nn.PoolConfig{Kernel: 2}.LP(0) }},
		{"neither padding nor dilation", func() { nn.PoolConfig{Kernel: 2, Pad: 1}.Stochastic() }},
		{"expected images (N, C, H, W) of at least 3×3, got (1, 1, 2, 4)", func() { nn.PoolConfig{Kernel: 3}.Stochastic().Forward(nn.Eval(), x(1, 1, 2, 4)) }},
		{"there must be levels", func() { nn.SpatialPyramidPool() }},
		{"Groups 2 must divide In 3 and Out 4", func() { nn.Conv3DConfig{In: 3, Out: 4, Kernel: 1, Groups: 2}.New() }},
		{"expected an input of shape (N, 2, D, H, W), got (1, 2, 3)", func() { nn.NewConvTranspose3D(2, 2, 1).Forward(nn.Eval(), x(1, 2, 3)) }},
		{"expected an input of shape (N, 4, H, W), got (1, 3, 2, 2)", func() {
			nn.NetVLADConfig{Clusters: 3, Channels: 4}.New().Forward(nn.Eval(), x(1, 3, 2, 2))
		}},
		{"gamma must be positive, got -1", func() { nn.FocalLossWith(nn.FocalConfig{Gamma: -1}) }},
		{"alpha must lie between 0 and 1", func() { nn.SigmoidFocalLossWith(nn.FocalConfig{Alpha: 2}) }},
		{"Alpha is for SigmoidFocalLoss", func() { nn.FocalLossWith(nn.FocalConfig{Alpha: 0.25}) }},
		{"predictions have shape (2, 3), targets (2)", func() { nn.SigmoidFocalLoss(x(2, 3), x(2)) }},
	} {
		err := tensor.Try(func() error { c.f(); return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, expected %q", err, c.want)
		}
	}
}
