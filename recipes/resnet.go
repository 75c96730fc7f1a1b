package recipes

import (
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/vision/models"
)

// photos are the data sets of small photographs.
var photos = []string{"cifar10-subset", "cifar10"}

// small returns a recipe for a network on small photographs; all of them are trained alike, so that they can be compared.
func small(name, summary, source string, build func(cfg models.CIFARConfig) nn.Layer) Recipe {
	return Recipe{
		Name: name, Summary: summary, Source: source,
		Data:       photos,
		Options:    Options{Epochs: 40, Batch: 64, LR: 0.1},
		Augment:    augmentNames,
		Metric:     "accuracy",
		DataConfig: sets.Config{Standardize: true},
		Model: func(set *sets.Set) nn.Layer {
			channels, _, classes := imageShape(set)
			return build(models.CIFARConfig{In: channels, Classes: classes})
		},
		Train: classify(momentum),
	}
}

func residual(depth int, plain bool) func(cfg models.CIFARConfig) nn.Layer {
	return func(cfg models.CIFARConfig) nn.Layer {
		cfg.Plain = plain
		return models.CIFARResNet(depth, cfg)
	}
}

// Residual networks (He et al., 2015), the same without shortcuts, and a VGG of the same number of parameters.
var (
	resNet20 = small("resnet20", "residual network of 20 layers, 0.27 M parameters", "He et al. 2015, §4.2; D2L 8.6", residual(20, false))
	plain20  = small("plain20", "the 20 layers of resnet20 without shortcuts", "He et al. 2015, §4.2", residual(20, true))
	resNet56 = small("resnet56", "residual network of 56 layers, 0.86 M parameters", "He et al. 2015, §4.2", residual(56, false))
	plain56  = small("plain56", "the 56 layers of resnet56 without shortcuts", "He et al. 2015, §4.2", residual(56, true))
	vggSmall = small("vgg-small", "VGG of as many parameters as resnet20", "Simonyan and Zisserman 2014; D2L 8.2", models.CIFARVGG)
)
