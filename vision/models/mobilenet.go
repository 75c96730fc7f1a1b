package models

import "github.com/gradus-ml/gradus/nn"

// mobileNetV2 is table 2 of Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018.
var mobileNetV2 = []struct{ expansion, channels, repeats, stride int }{
	{1, 16, 1, 1},
	{6, 24, 2, 2},
	{6, 32, 3, 2},
	{6, 64, 4, 2},
	{6, 96, 3, 1},
	{6, 160, 3, 2},
	{6, 320, 1, 1},
}

// MobileNetV2 returns the network of Sandler et al., 2018, made for phones: convolutions of each channel for itself between 1×1
// convolutions; 3,504,872 parameters for 1000 classes. It has torchvision's keys and initial values.
func MobileNetV2(classes int) nn.Layer {
	features := nn.Seq(convBNReLU6(3, 32, 3, 2, 1))
	in := 32
	for _, row := range mobileNetV2 {
		for i := range row.repeats {
			stride := 1
			if i == 0 {
				stride = row.stride
			}
			features.Layers = append(features.Layers, invertedResidual(in, row.channels, row.expansion, stride))
			in = row.channels
		}
	}
	features.Layers = append(features.Layers, convBNReLU6(in, 1280, 1, 1, 1))
	return nn.NewNamed().
		Add("features", features).
		Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).
		Add("flatten", nn.Flatten()).
		Add("classifier", nn.Seq(nn.NewDropout(0.2), smallLinear(1280, classes)))
}

func convBNReLU6(in, out, kernel, stride, groups int) nn.Layer {
	conv := nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, Groups: groups, NoBias: true, Init: heFanOut}.New()
	return nn.Seq(conv, nn.NewBatchNorm(out), nn.ReLU6())
}

// invertedResidual widens by expansion, filters each channel for itself, and narrows without activation; the input is added where
// it has the output's shape.
func invertedResidual(in, out, expansion, stride int) nn.Layer {
	wide := in * expansion
	body := nn.Seq()
	if expansion > 1 {
		body.Layers = append(body.Layers, convBNReLU6(in, wide, 1, 1, 1))
	}
	body.Layers = append(body.Layers, convBNReLU6(wide, wide, 3, stride, wide),
		nn.Conv2DConfig{In: wide, Out: out, Kernel: 1, NoBias: true, Init: heFanOut}.New(), nn.NewBatchNorm(out))
	unit := nn.NewNamed().Add("conv", body)
	if stride == 1 && in == out {
		return &residual{body: unit, linear: true}
	}
	return unit
}
