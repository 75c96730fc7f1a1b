package models

import (
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// FullyConvolutional returns a classifier of images of one size, (C, H, W), as a network for images of any larger size, which gives
// logits (N, classes, H′, W′): those of every crop of the first size, at steps of the classifier's stride, in one pass that computes
// what neighbouring crops share once (Sermanet et al., "OverFeat", 2014). The first linear layer becomes a convolution over all of
// the last feature map, the others 1×1 convolutions.
//
// The weights are the classifier's own, under the same keys: who trains one trains the other. One pass equals the crops exactly where
// no layer pads; where layers pad, crops see zeros beyond their edges and the one pass sees the image.
//
// The classifier must be a sequence (nn.Sequential, nn.Named) of layers, or of sequences, as those of this package are but for
// [Inception]. Behind Flatten or a global pooling, layers must treat each feature for itself or look along axis 1.
func FullyConvolutional(classifier nn.Layer, input ...int) nn.Layer {
	const op = "models.FullyConvolutional"
	if len(input) != 3 {
		tensor.Fail(op, "", "expected the size of one image, (C, H, W), got %s", tensor.ShapeString(input))
	}
	net := nn.NewNamed()
	shape := append([]int{1}, input...) // of the feature map, until linear layers have read it
	now := shape
	paths, layers := flatten("", classifier)
	for i, l := range layers {
		out := nn.Summary(l, now...).Output
		if c := windowed(op, paths[i], l, shape, out); c != nil {
			net.Add(paths[i], c)
		}
		now = out
		if len(out) == 4 {
			shape = out
		} else if _, ok := l.(*nn.Linear); ok {
			shape = append(slices.Clone(out), 1, 1)
		}
	}
	return net
}

// flatten returns the layers of nested sequences, in order, and their paths.
func flatten(prefix string, l nn.Layer) (paths []string, layers []nn.Layer) {
	switch l.(type) {
	case *nn.Sequential, *nn.Named:
	default:
		return []string{strings.TrimSuffix(prefix, ".")}, []nn.Layer{l}
	}
	last := ""
	nn.Walk(l, func(path string, child nn.Layer) {
		if path != last && !strings.Contains(path, ".") { // the same path again is a layer within one that has no name of its own
			last = path
			p, c := flatten(prefix+path+".", child)
			paths, layers = append(paths, p...), append(layers, c...)
		}
	})
	return paths, layers
}

// windowed returns what does at every place what l does to inputs of shape in, (1, C, H, W); nil if that is nothing.
func windowed(op, path string, l nn.Layer, in, out []int) nn.Layer {
	switch l := l.(type) {
	case *nn.Linear:
		if features := in[1] * in[2] * in[3]; features != l.Weight.Shape()[1] {
			tensor.Fail(op, "", "layer %s takes %d features, but %s come in front of it", path, l.Weight.Shape()[1], tensor.ShapeString(in))
		}
		return &windowLinear{l, [3]int(in[1:])}
	case *nn.Lambda:
		name, _, _ := strings.Cut(l.Name, "(")
		kernel := tensor.AvgPool2DConfig{Kernel: [2]int{in[2], in[3]}, Stride: [2]int{1, 1}}
		switch {
		case name == "Flatten", strings.HasPrefix(name, "Adaptive") && slices.Equal(in, out):
			return nil
		case name == "GlobalAvgPool2D", name == "AdaptiveAvgPool2D" && out[2] == 1 && out[3] == 1:
			return nn.NewLambda("WindowAvgPool2D", func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool2D(x, kernel) })
		case name == "GlobalMaxPool2D", name == "AdaptiveMaxPool2D" && out[2] == 1 && out[3] == 1:
			return nn.NewLambda("WindowMaxPool2D", func(x *tensor.Tensor) *tensor.Tensor {
				return tensor.MaxPool2D(x, tensor.MaxPool2DConfig{Kernel: kernel.Kernel, Stride: kernel.Stride})
			})
		case strings.HasPrefix(name, "Adaptive"):
			tensor.Fail(op, "choose the size of the images so that it has nothing to do", "layer %s pools %s to %s, which differs from place to place",
				path, tensor.ShapeString(in), tensor.ShapeString(out))
		}
	case *Inception:
		tensor.Fail(op, "", "GoogLeNet isn't a plain sequence of layers")
	}
	return l
}

// windowLinear is a linear layer at every place of a feature map: a convolution with filters of the size that the layer was made for.
type windowLinear struct {
	linear *nn.Linear
	window [3]int // channels, height and width
}

// Forward takes (N, C, H, W) to (N, Out, H−h+1, W−w+1).
func (l *windowLinear) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	weight := c.Use(l.linear.Weight)
	filters := weight.Reshape(weight.Size(0), l.window[0], l.window[1], l.window[2])
	var bias *tensor.Tensor
	if l.linear.Bias != nil {
		bias = c.Use(l.linear.Bias)
	}
	return tensor.Conv2D(x, filters, bias, tensor.Conv2DConfig{})
}

// Visit names what the linear layer names.
func (l *windowLinear) Visit(v *nn.Visitor) { v.Inline(l.linear) }
