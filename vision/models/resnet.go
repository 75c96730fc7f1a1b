package models

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
)

// resNet is a row of table 1 of He et al., "Deep residual learning for image recognition", 2015.
type resNet struct {
	units      [4]int // of the stages at 1/4, 1/8, 1/16 and 1/32 of the image's size
	bottleneck bool   // units of 1×1, 3×3 and 1×1 filters in place of two 3×3
	groups     int    // of the 3×3 convolutions (Xie et al., "Aggregated residual transformations", 2017); default 1
	width      int    // filters of each group for every 64 of the stage; default 64 (Zagoruyko and Komodakis, 2016)
}

// ResNet18 returns the residual network of 18 layers (He et al., 2015, table 1) for classes classes; 11,689,512 parameters for 1000.
// This and the others have torchvision's keys and initial values.
func ResNet18(classes int) nn.Layer { return resNet{units: [4]int{2, 2, 2, 2}}.New(classes) }

// ResNet34 is [ResNet18] with 34 layers; 21,797,672 parameters.
func ResNet34(classes int) nn.Layer { return resNet{units: [4]int{3, 4, 6, 3}}.New(classes) }

// ResNet50 returns the residual network of 50 layers in bottleneck units, which halve the image in their 3×3 convolution, as
// torchvision's do; 25,557,032 parameters.
func ResNet50(classes int) nn.Layer {
	return resNet{units: [4]int{3, 4, 6, 3}, bottleneck: true}.New(classes)
}

// ResNet101 is [ResNet50] with 101 layers; 44,549,160 parameters.
func ResNet101(classes int) nn.Layer {
	return resNet{units: [4]int{3, 4, 23, 3}, bottleneck: true}.New(classes)
}

// ResNet152 is [ResNet50] with 152 layers; 60,192,808 parameters.
func ResNet152(classes int) nn.Layer {
	return resNet{units: [4]int{3, 8, 36, 3}, bottleneck: true}.New(classes)
}

// ResNeXt50 is [ResNet50] with 3×3 convolutions in 32 groups of 4 filters (Xie et al., 2017), torchvision's resnext50_32x4d;
// 25,028,904 parameters.
func ResNeXt50(classes int) nn.Layer {
	return resNet{units: [4]int{3, 4, 6, 3}, bottleneck: true, groups: 32, width: 4}.New(classes)
}

// WideResNet50 is [ResNet50] with 3×3 convolutions of twice the width (Zagoruyko and Komodakis, 2016), torchvision's wide_resnet50_2;
// 68,883,240 parameters.
func WideResNet50(classes int) nn.Layer {
	return resNet{units: [4]int{3, 4, 6, 3}, bottleneck: true, width: 128}.New(classes)
}

// New returns the network.
func (cfg resNet) New(classes int) nn.Layer {
	cfg.groups, cfg.width = orDefault(cfg.groups, 1), orDefault(cfg.width, 64)
	net := nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: 3, Out: 64, Kernel: 7, Stride: 2, Pad: 3, NoBias: true, Init: heFanOut}.New()).
		Add("bn1", nn.NewBatchNorm(64)).
		Add("relu", nn.ReLU()).
		Add("maxpool", nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Max())
	in := 64
	for stage, units := range cfg.units {
		s := nn.Seq()
		for i := range units {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			var u *residual
			u, in = cfg.unit(in, 64<<stage, stride)
			s.Layers = append(s.Layers, u)
		}
		net.Add(fmt.Sprintf("layer%d", stage+1), s)
	}
	return net.Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(in, classes))
}

// unit returns a residual unit of a stage with the given number of filters, and how many channels come out.
func (cfg resNet) unit(in, filters, stride int) (*residual, int) {
	conv := func(in, out, kernel, stride, groups int) *nn.Conv2D {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, Groups: groups, NoBias: true, Init: heFanOut}.New()
	}
	out := filters
	r := &residual{}
	if cfg.bottleneck {
		out = 4 * filters
		width := filters * cfg.width / 64 * cfg.groups
		r.body = nn.NewNamed().
			Add("conv1", conv(in, width, 1, 1, 1)).Add("bn1", nn.NewBatchNorm(width)).Add("relu1", nn.ReLU()).
			Add("conv2", conv(width, width, 3, stride, cfg.groups)).Add("bn2", nn.NewBatchNorm(width)).Add("relu2", nn.ReLU()).
			Add("conv3", conv(width, out, 1, 1, 1)).Add("bn3", nn.NewBatchNorm(out))
	} else {
		r.body = nn.NewNamed().
			Add("conv1", conv(in, out, 3, stride, 1)).Add("bn1", nn.NewBatchNorm(out)).Add("relu1", nn.ReLU()).
			Add("conv2", conv(out, out, 3, 1, 1)).Add("bn2", nn.NewBatchNorm(out))
	}
	if stride > 1 || in != out {
		r.downsample = nn.Seq(conv(in, out, 1, stride, 1), nn.NewBatchNorm(out))
	}
	return r, out
}

// heFanOut keeps the variance of gradients through layers with ReLU, and is what torchvision's ResNets, VGGs and MobileNets start
// from (He et al., "Delving deep into rectifiers", 2015, eq. 14).
var heFanOut = nn.HeNormalFanOut(math.Sqrt2)
