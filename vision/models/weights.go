package models

import (
	"regexp"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// LoadWeights copies a state dictionary of torchvision into one of its networks, as nn.LoadState does, and copes with what torchvision's
// files have that its networks don't: DenseNet's old names ("denselayer1.norm.1.weight" for "denselayer1.norm1.weight"), and the
// auxiliary heads in the file for a GoogLeNet without them. Weights for 1000 classes want a network for as many; see [ReplaceHead].
// If anything doesn't fit, nothing is changed and the error, a *nn.StateError, lists all of it.
func LoadWeights(model nn.Layer, state map[string]*tensor.Tensor) error {
	g, isInception := model.(*Inception)
	renamed := map[string]*tensor.Tensor{}
	for key, v := range state {
		if isInception && g.aux1 == nil && auxiliaryKey.MatchString(key) {
			continue
		}
		renamed[oldDenseKey.ReplaceAllString(key, "$1$2")] = v
	}
	return nn.LoadState(model, renamed, nn.LoadConfig{})
}

var (
	oldDenseKey  = regexp.MustCompile(`^(.*denselayer\d+\.(?:norm|conv))\.([12]\.)`)
	auxiliaryKey = regexp.MustCompile(`^aux[12]\.`)
)
