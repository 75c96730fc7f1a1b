package models

import "github.com/gradus-ml/gradus/nn"

// AlexNet returns the network of Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, which is
// torchvision's, for images of 63×63 and more, 224×224 as a rule; 61,100,840 parameters for 1000 classes.
func AlexNet(classes int) nn.Layer {
	conv := func(in, out, kernel, pad int) *nn.Conv2D {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Pad: pad}.New()
	}
	return nn.NewNamed().
		Add("features", nn.Seq(
			nn.Conv2DConfig{In: 3, Out: 64, Kernel: 11, Stride: 4, Pad: 2}.New(), nn.ReLU(), overlapping(),
			conv(64, 192, 5, 2), nn.ReLU(), overlapping(),
			conv(192, 384, 3, 1), nn.ReLU(),
			conv(384, 256, 3, 1), nn.ReLU(),
			conv(256, 256, 3, 1), nn.ReLU(), overlapping())).
		Add("avgpool", nn.AdaptiveAvgPool2D(6, 6)).
		Add("flatten", nn.Flatten()).
		Add("classifier", nn.Seq(
			nn.NewDropout(0.5), nn.NewLinear(256*6*6, 4096), nn.ReLU(),
			nn.NewDropout(0.5), nn.NewLinear(4096, 4096), nn.ReLU(),
			nn.NewLinear(4096, classes)))
}

// overlapping is AlexNet's pooling: windows of three at steps of two.
func overlapping() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2}.Max() }
