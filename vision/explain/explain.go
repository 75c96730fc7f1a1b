// Package explain shows what a network sees in an image: which pixels a decision hangs on (saliency, integrated gradients, occlusion,
// Grad-CAM), what its layers make of the image (activations, feature inversion), and what its units look for (filters, activation maximisation).
//
//	heat := explain.GradCAM(model, x, class, "")         // (H, W), from 0 to 1
//	picture := explain.Overlay(explain.Picture(x), heat)
//
// Models are classifiers: they map images (N, C, H, W) to logits (N, classes), and are run in evaluation mode. Images are single ones, (C, H, W),
// scaled as the model wants them. Nothing here changes the model.
package explain

import (
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Activation is what one layer made of an image.
type Activation struct {
	Path  string // of the layer in its model, such as "layer1.0.conv1"
	Layer nn.Layer
	Value *tensor.Tensor // the layer's output for the one image, with its axis for examples: (1, channels, H, W) or (1, features)
}

// Activations runs the image x (C, H, W) through the model and returns the output of every layer in it, in the order in which they finished.
func Activations(model nn.Layer, x *tensor.Tensor) []Activation {
	image("explain.Activations", x)
	c, all := recording()
	c.Run(model, x.Unsqueeze(0))
	return *all
}

// recording returns the context of an evaluation, and where it notes what each layer returns.
func recording() (*nn.Ctx, *[]Activation) {
	var all []Activation
	return nn.Eval().Hook(func(path string, l nn.Layer, _, y *tensor.Tensor) {
		if path != "" {
			all = append(all, Activation{path, l, y})
		}
	}), &all
}

// IsPictures reports whether the value is pictures (1, channels, H, W) of more than one pixel.
func (a Activation) IsPictures() bool {
	return a.Value.NDim() == 4 && a.Value.Size(2)*a.Value.Size(3) > 1
}

// image rejects what isn't a single image of floats.
func image(op string, x *tensor.Tensor) {
	if x.NDim() != 3 || !x.DType().IsFloat() || x.NumEl() == 0 {
		tensor.Fail(op, "take one image of a batch by Select(0, i)", "expected an image of floats (C, H, W), got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
}

// classify runs images (N, C, H, W) and returns their logits (N, classes), among which there is the class.
func classify(op string, c *nn.Ctx, model nn.Layer, x *tensor.Tensor, class int) *tensor.Tensor {
	logits := c.Run(model, x)
	if logits.NDim() != 2 || class < 0 || class >= logits.Size(1) {
		tensor.Fail(op, "", "expected logits (N, classes) with a class %d among them, the model returned %s", class, tensor.ShapeString(logits.Shape()))
	}
	return logits
}

// at returns the outputs of the layer at path, or, for "", of the last layer whose outputs are still pictures.
func at(op string, all []Activation, path string) Activation {
	var paths []string
	for _, a := range slices.Backward(all) {
		if a.Path == path || path == "" && a.IsPictures() {
			return a
		}
		paths = append(paths, a.Path)
	}
	slices.Reverse(paths)
	if path == "" {
		tensor.Fail(op, "", "no layer of the model has pictures (N, C, H, W) of more than one pixel as output")
	}
	tensor.Fail(op, "", "the model has no layer %q; it has %s", path, strings.Join(paths, ", "))
	return Activation{}
}
