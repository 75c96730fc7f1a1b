package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// ReplaceHead exchanges the last layer with weights, linear or convolution, for one with the given number of outputs, and the last
// ones of GoogLeNet's auxiliary classifiers too. The new ones have values, drawn from seed; all else stays as it is, loaded weights
// and frozen layers too. It returns the new head, so that it can be given a learning rate of its own:
//
//	net := models.ResNet18(1000)
//	err := models.LoadWeights(net, weights)
//	nn.Freeze(net)
//	head := models.ReplaceHead(net, 10, 42) // alone is trained
//
// It panics if the model has no such layer.
func ReplaceHead(model nn.Layer, classes int, seed uint64) nn.Layer {
	if g, ok := model.(*Inception); ok && g.aux1 != nil {
		for name, aux := range map[string]nn.Layer{"aux1": g.aux1, "aux2": g.aux2} {
			replaceHead(aux, name+".", classes, seed)
		}
	}
	return replaceHead(model, "", classes, seed)
}

func replaceHead(model nn.Layer, prefix string, classes int, seed uint64) nn.Layer {
	var head nn.Layer
	var at string
	nn.Walk(model, func(path string, l nn.Layer) {
		switch l.(type) {
		case *nn.Linear, *nn.Conv2D:
			head, at = l, path
		}
	})
	switch l := head.(type) {
	case *nn.Linear:
		*l = *nn.LinearConfig{In: l.Weight.Shape()[1], Out: classes, NoBias: l.Bias == nil}.New()
	case *nn.Conv2D:
		cfg := l.Config()
		cfg.Out = classes
		*l = *cfg.New()
	default:
		tensor.Fail("models.ReplaceHead", "", "the model has no linear layer and no convolution")
	}
	nn.Init(nn.NewNamed().Add(prefix+at, head), seed) // under its own path, which names the parameters and chooses the numbers
	return head
}
