package models

import (
	"fmt"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// DenseNet121 returns the densely connected network of Huang et al., 2017, table 1, with 121 layers and growth rate 32; 7,978,856
// parameters for 1000 classes. This and the others have torchvision's keys and initial values.
func DenseNet121(classes int) nn.Layer { return denseNet(32, 64, [4]int{6, 12, 24, 16}, classes) }

// DenseNet161 has 161 layers and growth rate 48; 28,681,000 parameters.
func DenseNet161(classes int) nn.Layer { return denseNet(48, 96, [4]int{6, 12, 36, 24}, classes) }

// DenseNet169 has 169 layers and growth rate 32; 14,149,480 parameters.
func DenseNet169(classes int) nn.Layer { return denseNet(32, 64, [4]int{6, 12, 32, 32}, classes) }

// DenseNet201 has 201 layers and growth rate 32; 20,013,928 parameters.
func DenseNet201(classes int) nn.Layer { return denseNet(32, 64, [4]int{6, 12, 48, 32}, classes) }

func denseNet(growth, first int, blocks [4]int, classes int) nn.Layer {
	features := nn.NewNamed().
		Add("conv0", nn.Conv2DConfig{In: 3, Out: first, Kernel: 7, Stride: 2, Pad: 3, NoBias: true, Init: heFanIn}.New()).
		Add("norm0", nn.NewBatchNorm(first)).
		Add("relu0", nn.ReLU()).
		Add("pool0", nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Max())
	channels := first
	for i, layers := range blocks {
		block := nn.NewNamed()
		for j := range layers {
			block.Add(fmt.Sprintf("denselayer%d", j+1), newDenseLayer(channels, growth))
			channels += growth
		}
		features.Add(fmt.Sprintf("denseblock%d", i+1), block)
		if i < len(blocks)-1 {
			features.Add(fmt.Sprintf("transition%d", i+1), nn.NewNamed().
				Add("norm", nn.NewBatchNorm(channels)).
				Add("relu", nn.ReLU()).
				Add("conv", conv1x1(channels, channels/2, 1)).
				Add("pool", nn.AvgPool2D(2)))
			channels /= 2
		}
	}
	features.Add("norm5", nn.NewBatchNorm(channels))
	return nn.NewNamed().
		Add("features", features).
		Add("relu", nn.ReLU()).
		Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).
		Add("flatten", nn.Flatten()).
		Add("classifier", nn.LinearConfig{In: channels, Out: classes, BiasInit: nn.Zeros}.New())
}

// denseLayer adds growth channels to those it gets, by way of a bottleneck of four times as many.
type denseLayer struct{ body *nn.Named }

func newDenseLayer(in, growth int) *denseLayer {
	return &denseLayer{nn.NewNamed().
		Add("norm1", nn.NewBatchNorm(in)).
		Add("relu1", nn.ReLU()).
		Add("conv1", conv1x1(in, 4*growth, 1)).
		Add("norm2", nn.NewBatchNorm(4*growth)).
		Add("relu2", nn.ReLU()).
		Add("conv2", conv3x3(4*growth, growth, 1))}
}

// Forward takes (N, C, H, W) to (N, C+growth, H, W), the input first.
func (d *denseLayer) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return tensor.Cat(1, x, d.body.Forward(c, x))
}

// Visit names the layers of the body.
func (d *denseLayer) Visit(v *nn.Visitor) { v.Inline(d.body) }
