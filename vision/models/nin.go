package models

import "github.com/gradus-ml/gradus/nn"

// NiN returns Lin et al., "Network in network", 2014, in the form of D2L 8.3, for images (N, in, 224, 224): each convolution is followed by
// two of 1×1, a small perceptron at every pixel, and the mean of the last maps is the classes' logits, without any linear layer. It has
// 1,992,166 parameters for one channel and ten classes.
func NiN(in, classes int) nn.Layer {
	return nn.NewNamed().
		Add("block1", ninBlock(in, 96, 11, 4, 0)).Add("pool1", overlapping()).
		Add("block2", ninBlock(96, 256, 5, 1, 2)).Add("pool2", overlapping()).
		Add("block3", ninBlock(256, 384, 3, 1, 1)).Add("pool3", overlapping()).
		Add("dropout", nn.NewDropout(0.5)).
		Add("block4", ninBlock(384, classes, 3, 1, 1)).
		Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).
		Add("flatten", nn.Flatten())
}

func ninBlock(in, out, kernel, stride, pad int) nn.Layer {
	conv := func(in, kernel, stride, pad int) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad, Init: heFanIn, BiasInit: nn.Zeros}.New()
	}
	return nn.Seq(conv(in, kernel, stride, pad), nn.ReLU(), conv(out, 1, 1, 0), nn.ReLU(), conv(out, 1, 1, 0), nn.ReLU())
}
