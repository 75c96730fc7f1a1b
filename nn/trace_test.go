package nn_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// A traced run notes in the record which layer each operation belongs to, and names the layer where a NaN came from.
func TestTrace(t *testing.T) {
	log := nn.NewLambda("Log", (*tensor.Tensor).Log)
	net := nn.NewNamed().Add("fc1", nn.NewLinear(3, 4)).Add("relu", nn.ReLU()).
		Add("block", nn.NewResidual(nn.Seq(nn.NewLinear(4, 4), log)))
	nn.Init(net, 1)
	y := nn.Train(nil).Trace().Run(net, tensor.Ones(tensor.Float32, 2, 3).MulScalar(-1))
	var got []string
	for _, n := range tensor.Graph(y) {
		got = append(got, n.Layer+":"+n.Op)
	}
	want := "[fc1:linear relu:relu block.body.0:linear block.body.1:log block:add]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, expected %s", got, want)
	}
	if bad, ok := tensor.FirstNonFinite(y); !ok || bad.Layer != "block.body.1" {
		t.Errorf("the first bad layer is %q", bad.Layer)
	}
}

// Layers describe themselves as people write them.
func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		l    nn.Layer
		want string
	}{
		{nn.NewLinear(2, 3), "Linear(2, 3)"},
		{nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Stride: 2, Pad: 2}.New(), "Conv2D(1, 6, 5×5, stride 2, pad 2)"},
		{nn.Conv2DConfig{In: 4, Out: 4, Kernel: 3, Groups: 4}.New(), "Conv2D(4, 4, 3×3, groups 4)"},
		{nn.NewConv1D(2, 3, 5), "Conv1D(2, 3, 5)"},
		{nn.ConvTranspose2DConfig{In: 2, Out: 3, Kernel: 4, Stride: 2}.New(), "ConvTranspose2D(2, 3, 4×4, stride 2)"},
		{nn.NewConv3D(2, 3, 5), "Conv3D(2, 3, 5×5×5)"},
		{nn.Conv2DConfig{In: 2, Out: 3, Kernel: 3, DilationHW: [2]int{1, 2}, Pad: 1, PadMode: tensor.PadReflect}.New(), "Conv2D(2, 3, 3×3, pad 1, dilation 1×2, reflect)"},
		{nn.Conv1DConfig{In: 2, Out: 3, Kernel: 3, Dilation: 4, Causal: true}.New(), "Conv1D(2, 3, 3, pad 8, dilation 4)"},
		{nn.NewConvTranspose1D(2, 3, 5), "ConvTranspose1D(2, 3, 5)"},
		{nn.ConvTranspose3DConfig{In: 2, Out: 4, Kernel: 2, Groups: 2}.New(), "ConvTranspose3D(2, 4, 2×2×2, groups 2)"},
		{nn.PoolConfig{KernelDHW: [3]int{1, 2, 2}}.Max3D(), "MaxPool3D(1×2×2, stride 1×2×2)"},
		{nn.PoolConfig{Kernel: 3, Stride: 2}.Stochastic(), "StochasticPool2D(3, stride 2)"},
		{nn.SpatialPyramidPool(6, 3, 2, 1), "SpatialPyramidPool(6, 3, 2, 1)"},
		{nn.AdaptiveAvgPool2D(6, 6), "AdaptiveAvgPool2D(6, 6)"},
		{nn.NetVLADConfig{Clusters: 64, Channels: 512}.New(), "NetVLAD(512, 64 clusters)"},
		{nn.LocalResponseNorm(5), "LocalResponseNorm(5)"},
		{nn.Upsample(tensor.InterpolateConfig{Scale: [2]float64{2, 2}}), "Upsample(×2, bilinear)"},
		{nn.Upsample(tensor.InterpolateConfig{Size: [2]int{32, 48}, Mode: tensor.Nearest}), "Upsample(to 32×48, nearest)"},
		{nn.MaxPool2D(2), "MaxPool2D(2, stride 2)"},
		{nn.AvgPool1D(3), "AvgPool1D(3, stride 3)"},
		{nn.NewBatchNorm(6), "BatchNorm(6)"},
		{nn.NewLayerNorm(2, 3), "LayerNorm(2, 3)"},
		{nn.NewGroupNorm(2, 6), "GroupNorm(2, 6)"},
		{nn.NewRMSNorm(6), "RMSNorm(6)"},
		{nn.NewEmbedding(10, 4), "Embedding(10, 4)"},
		{nn.NewDropout(0.5), "Dropout(0.5)"},
		{nn.NewSpatialDropout(0.1), "SpatialDropout(0.1)"},
		{nn.DropPath(0.1), "DropPath(0.1)"},
		{nn.LeakyReLU(0.1), "LeakyReLU(0.1)"},
		{nn.NewPReLU(3), "PReLU(3)"},
		{nn.NewBilinear(2, 3, 4), "Bilinear(2, 3, 4)"},
		{nn.NewCheckpoint(nn.ReLU()), "Checkpoint(ReLU)"},
		{nn.Flatten(), "Flatten"},
		{nn.Unflatten(1, 28, 28), "Unflatten(1, 28, 28)"},
	} {
		if got := fmt.Sprint(c.l); got != c.want {
			t.Errorf("got %s, expected %s", got, c.want)
		}
	}
}

// One multiply-add for each weight and place where it is used, counted by hand.
func TestMultAddsOfConvolutions(t *testing.T) {
	for _, c := range []struct {
		l      nn.Layer
		input  []int
		output []int
		params int
		want   int
	}{
		{nn.NewConv1D(2, 3, 5), []int{4, 2, 10}, []int{4, 3, 6}, 33, 4 * 6 * 3 * 2 * 5},
		{nn.Conv2DConfig{In: 4, Out: 8, Kernel: 3, Stride: 2, Pad: 1, Groups: 4}.New(), []int{2, 4, 7, 9}, []int{2, 8, 4, 5}, 80, 2 * 4 * 5 * 8 * 1 * 9},
		{nn.Conv3DConfig{In: 2, Out: 3, KernelDHW: [3]int{3, 2, 1}, Groups: 1}.New(), []int{1, 2, 5, 4, 4}, []int{1, 3, 3, 3, 4}, 39, 36 * 3 * 2 * 6},
		{nn.ConvTranspose1DConfig{In: 4, Out: 6, Kernel: 3, Stride: 2, Groups: 2}.New(), []int{2, 4, 5}, []int{2, 6, 11}, 42, 2 * 5 * 4 * 3 * 3},
		{nn.ConvTranspose3DConfig{In: 2, Out: 3, Kernel: 2, Stride: 2}.New(), []int{1, 2, 2, 3, 4}, []int{1, 3, 4, 6, 8}, 51, 24 * 2 * 3 * 8},
		{nn.NetVLADConfig{Clusters: 8, Channels: 5}.New(), []int{3, 5, 2, 4}, []int{3, 40}, 8*5 + 8 + 8*5, 3 * 8 * (8*5 + 8*5)},
	} {
		s := nn.Summary(c.l, c.input...)
		if s.MultAdds != c.want || s.Params != c.params || !slices.Equal(s.Output, c.output) {
			t.Errorf("%v: %d multiply-adds, %d parameters, output %v", c.l, s.MultAdds, s.Params, s.Output)
		}
	}
}
