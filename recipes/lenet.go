package recipes

import (
	"math"

	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
)

// LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998; D2L 7.6), with ReLU and
// max-pooling in place of the sigmoids and averages of 1998.
var leNet = Recipe{
	Name:       "lenet",
	Summary:    "convolutional network for small images",
	Source:     "LeCun et al. 1998; D2L 7.6",
	Data:       images,
	Options:    Options{Epochs: 5, Batch: 128, LR: 0.05},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model: func(set *sets.Set) nn.Layer {
		channels, side, classes := imageShape(set)
		flat := 16 * ((side/2 - 4) / 2) * ((side/2 - 4) / 2) // 400 for 28×28
		return nn.NewNamed().
			Add("conv1", nn.Conv2DConfig{In: channels, Out: 6, Kernel: 5, Pad: 2, Init: he}.New()).
			Add("relu1", nn.ReLU()).
			Add("pool1", nn.MaxPool2D(2)).
			Add("conv2", nn.Conv2DConfig{In: 6, Out: 16, Kernel: 5, Init: he}.New()).
			Add("relu2", nn.ReLU()).
			Add("pool2", nn.MaxPool2D(2)).
			Add("flatten", nn.Flatten()).
			Add("fc1", nn.LinearConfig{In: flat, Out: 120, Init: he}.New()).
			Add("relu3", nn.ReLU()).
			Add("fc2", nn.LinearConfig{In: 120, Out: 84, Init: he}.New()).
			Add("relu4", nn.ReLU()).
			Add("fc3", nn.NewLinear(84, classes))
	},
	Train: classify(momentum),
}

// The same with batch normalisation after each convolution and linear layer (Ioffe and Szegedy, 2015; D2L 8.5): it
// trains faster and takes larger learning rates. The layers in front of it need no bias.
var leNetBN = Recipe{
	Name:       "lenet-bn",
	Summary:    "LeNet with batch normalisation",
	Source:     "Ioffe and Szegedy 2015; D2L 8.5",
	Data:       images,
	Options:    Options{Epochs: 5, Batch: 128, LR: 0.1},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model: func(set *sets.Set) nn.Layer {
		channels, side, classes := imageShape(set)
		flat := 16 * ((side/2 - 4) / 2) * ((side/2 - 4) / 2)
		return nn.NewNamed().
			Add("conv1", nn.Conv2DConfig{In: channels, Out: 6, Kernel: 5, Pad: 2, NoBias: true}.New()).
			Add("bn1", nn.NewBatchNorm(6)).
			Add("relu1", nn.ReLU()).
			Add("pool1", nn.MaxPool2D(2)).
			Add("conv2", nn.Conv2DConfig{In: 6, Out: 16, Kernel: 5, NoBias: true}.New()).
			Add("bn2", nn.NewBatchNorm(16)).
			Add("relu2", nn.ReLU()).
			Add("pool2", nn.MaxPool2D(2)).
			Add("flatten", nn.Flatten()).
			Add("fc1", nn.LinearConfig{In: flat, Out: 120, NoBias: true}.New()).
			Add("bn3", nn.NewBatchNorm(120)).
			Add("relu3", nn.ReLU()).
			Add("fc2", nn.LinearConfig{In: 120, Out: 84, NoBias: true}.New()).
			Add("bn4", nn.NewBatchNorm(84)).
			Add("relu4", nn.ReLU()).
			Add("fc3", nn.NewLinear(84, classes))
	},
	Train: classify(momentum),
}

// he keeps the variance of activations through layers with ReLU (He et al., 2015). With PyTorch's default, which is smaller, nets
// as deep as LeNet spend their first epochs on a plateau.
var he = nn.HeNormal(math.Sqrt2)

// momentum is the optimiser of both: stochastic gradient descent with momentum 0.9.
func momentum(params []*nn.Param, lr float64) *optim.Optimizer {
	return optim.NewSGD(params, optim.SGDConfig{LR: lr, Momentum: 0.9, WeightDecay: 5e-4})
}
