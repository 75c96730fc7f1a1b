package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

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

// AlexNetOf2012 returns the network of Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012, for
// images of 227×227 (the paper's 224 and their borders): local response normalisation, overlapping pooling, and three convolutions in two
// groups, of which each saw one of two graphics cards; 60,965,224 parameters for 1000 classes. It starts from the paper's weights: normal with
// deviation 0.01, biases of 1 where they keep ReLUs alive from the beginning.
func AlexNetOf2012(classes int) nn.Layer {
	conv := func(in, out, kernel, stride, pad, groups int, bias nn.Initializer) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad, Groups: groups, Init: nn.Normal(0, 0.01), BiasInit: bias}.New()
	}
	linear := func(in, out int, bias nn.Initializer) nn.Layer {
		return nn.LinearConfig{In: in, Out: out, Init: nn.Normal(0, 0.01), BiasInit: bias}.New()
	}
	return nn.NewNamed().
		Add("conv1", conv(3, 96, 11, 4, 0, 1, nn.Zeros)).Add("relu1", nn.ReLU()).Add("norm1", responseNorm()).Add("pool1", overlapping()).
		Add("conv2", conv(96, 256, 5, 1, 2, 2, nn.Ones)).Add("relu2", nn.ReLU()).Add("norm2", responseNorm()).Add("pool2", overlapping()).
		Add("conv3", conv(256, 384, 3, 1, 1, 1, nn.Zeros)).Add("relu3", nn.ReLU()).
		Add("conv4", conv(384, 384, 3, 1, 1, 2, nn.Ones)).Add("relu4", nn.ReLU()).
		Add("conv5", conv(384, 256, 3, 1, 1, 2, nn.Ones)).Add("relu5", nn.ReLU()).Add("pool5", overlapping()).
		Add("flatten", nn.Flatten()).
		Add("fc6", linear(256*6*6, 4096, nn.Ones)).Add("relu6", nn.ReLU()).Add("dropout6", nn.NewDropout(0.5)).
		Add("fc7", linear(4096, 4096, nn.Ones)).Add("relu7", nn.ReLU()).Add("dropout7", nn.NewDropout(0.5)).
		Add("fc8", linear(4096, classes, nn.Zeros))
}

// responseNorm divides by (2 + 10⁻⁴·Σ a²)^0.75 over five neighbouring channels (§3.3).
func responseNorm() *nn.Lambda {
	cfg := tensor.LocalResponseNormConfig{Size: 5, Alpha: 5 * 1e-4, Beta: 0.75, K: 2}
	return nn.NewLambda("LocalResponseNorm(5)", func(x *tensor.Tensor) *tensor.Tensor { return tensor.LocalResponseNorm(x, cfg) })
}

// ZFNet returns the network of Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014, figure 3: AlexNet on one
// card, with finer filters in the first two layers, for images of 224×224; 62,357,608 parameters for 1000 classes.
func ZFNet(classes int) nn.Layer {
	conv := func(in, out, kernel, stride, pad int) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad, Init: nn.Normal(0, 0.01), BiasInit: nn.Zeros}.New()
	}
	padded := func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Max() }
	return nn.NewNamed().
		Add("conv1", conv(3, 96, 7, 2, 1)).Add("relu1", nn.ReLU()).Add("pool1", padded()).Add("norm1", responseNorm()).
		Add("conv2", conv(96, 256, 5, 2, 0)).Add("relu2", nn.ReLU()).Add("pool2", padded()).Add("norm2", responseNorm()).
		Add("conv3", conv(256, 384, 3, 1, 1)).Add("relu3", nn.ReLU()).
		Add("conv4", conv(384, 384, 3, 1, 1)).Add("relu4", nn.ReLU()).
		Add("conv5", conv(384, 256, 3, 1, 1)).Add("relu5", nn.ReLU()).Add("pool5", overlapping()).
		Add("flatten", nn.Flatten()).
		Add("fc6", smallLinear(256*6*6, 4096)).Add("relu6", nn.ReLU()).Add("dropout6", nn.NewDropout(0.5)).
		Add("fc7", smallLinear(4096, 4096)).Add("relu7", nn.ReLU()).Add("dropout7", nn.NewDropout(0.5)).
		Add("fc8", smallLinear(4096, classes))
}
