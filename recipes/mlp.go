package recipes

import (
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
)

var images = []string{"digits", "mnist", "fashion-mnist", "cifar10-subset", "cifar10"}

// Softmax regression: one linear layer and cross entropy (D2L 4.1–4.5). Its weights are pictures of what each class looks like.
var softmaxRegression = Recipe{
	Name:       "softmax-regression",
	Summary:    "one linear layer: the simplest image classifier",
	Source:     "D2L 4.1–4.5",
	Data:       images,
	Options:    Options{Epochs: 10, Batch: 128, LR: 0.1},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model: func(set *sets.Set) nn.Layer {
		return nn.NewNamed().Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(pixels(set), len(set.Classes)))
	},
	Train: classify(func(params []*nn.Param, lr float64) *optim.Optimizer {
		return optim.NewSGD(params, optim.SGDConfig{LR: lr})
	}),
}

// A multilayer perceptron with one hidden layer of 256 ReLU units (D2L 5.1–5.3).
var mlp = Recipe{
	Name:       "mlp",
	Summary:    "one hidden layer of 256 units",
	Source:     "D2L 5.1–5.3",
	Data:       images,
	Options:    Options{Epochs: 10, Batch: 128, LR: 0.05},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model: func(set *sets.Set) nn.Layer {
		return nn.NewNamed().
			Add("flatten", nn.Flatten()).
			Add("fc1", nn.NewLinear(pixels(set), 256)).
			Add("relu", nn.ReLU()).
			Add("fc2", nn.NewLinear(256, len(set.Classes)))
	},
	Train: classify(momentum),
}

// Two hidden layers with dropout of 0.2 and 0.5 against overfitting (Srivastava et al., 2014; D2L 5.6).
var mlpDropout = Recipe{
	Name:       "mlp-dropout",
	Summary:    "two hidden layers of 256 units with dropout",
	Source:     "Srivastava et al. 2014; D2L 5.6",
	Data:       images,
	Options:    Options{Epochs: 10, Batch: 128, LR: 1e-3},
	Metric:     "accuracy",
	DataConfig: sets.Config{Standardize: true},
	Model: func(set *sets.Set) nn.Layer {
		return nn.NewNamed().
			Add("flatten", nn.Flatten()).
			Add("fc1", nn.NewLinear(pixels(set), 256)).
			Add("relu1", nn.ReLU()).
			Add("dropout1", nn.NewDropout(0.2)).
			Add("fc2", nn.NewLinear(256, 256)).
			Add("relu2", nn.ReLU()).
			Add("dropout2", nn.NewDropout(0.5)).
			Add("fc3", nn.NewLinear(256, len(set.Classes)))
	},
	Train: classify(func(params []*nn.Param, lr float64) *optim.Optimizer {
		return optim.NewAdam(params, optim.AdamConfig{LR: lr})
	}),
}

// pixels returns the number of inputs of an image.
func pixels(set *sets.Set) int {
	n := 1
	for _, s := range set.Shape {
		n *= s
	}
	return n
}
