package detection

import (
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Localization is classification with a box: an image holds one object or none, and the target says so, where it is and what it is, as in Ng's
// course:
//
//	y = (p_c, b_x, b_y, b_h, b_w, c₁, …, c_C)
//
// Centre, height and width are parts of the image's height and width. If there is no object, p_c is 0, and nothing else in y counts.
type Localization struct {
	Classes       int
	Height, Width float64 // of the image, in pixels
}

// Encode returns the targets for images with one object each, or none (nil): Float32 (N, 5+Classes). It panics if a class isn't one of
// those.
func (l Localization) Encode(objects ...*box.Object) *tensor.Tensor {
	width := 5 + l.Classes
	v := make([]float32, len(objects)*width)
	for i, o := range objects {
		if o == nil {
			continue
		}
		if o.Class < 0 || o.Class >= l.Classes {
			tensor.Fail("detection.Localization", "", "class %d isn't one of %d", o.Class, l.Classes)
		}
		x, y := o.Box.Center()
		at := v[i*width:][:width]
		at[0], at[5+o.Class] = 1, 1
		at[1], at[2] = float32(x/l.Width), float32(y/l.Height)
		at[3], at[4] = float32(o.Box.Height()/l.Height), float32(o.Box.Width()/l.Width)
	}
	return tensor.FromSlice(v, len(objects), width)
}

// Decode returns what predictions (N, 5+Classes), as [Localization.Loss] trains them, say: the object in each image, or nil where its
// probability σ(ŷ₁) is below threshold. The score is that probability times the class's.
func (l Localization) Decode(pred *tensor.Tensor, threshold float64) []*box.Object {
	l.check(pred)
	out, width := make([]*box.Object, pred.Size(0)), 5+l.Classes
	v := tensor.ToSlice[float64](pred.Detach())
	classes := tensor.ToSlice[float64](pred.Detach().Slice(1, 5, width, 1).Softmax(1))
	for i := range out {
		p := v[i*width:][:width]
		there := sigmoid(p[0])
		if !(there >= threshold) {
			continue
		}
		of := classes[i*l.Classes:][:l.Classes]
		class := largest(of)
		out[i] = &box.Object{Class: class, Score: there * of[class],
			Box: box.FromCenter(p[1]*l.Width, p[2]*l.Height, math.Abs(p[4])*l.Width, math.Abs(p[3])*l.Height)}
	}
	return out
}

// check panics unless y has the shape of predictions.
func (l Localization) check(y *tensor.Tensor) {
	if y.NDim() != 2 || y.Size(1) != 5+l.Classes {
		tensor.Fail("detection.Localization", "", "expected shape (N, %d), got %s", 5+l.Classes, tensor.ShapeString(y.Shape()))
	}
}

// SquaredLoss is the loss as the course writes it first, the mean over the batch of
//
//	(ŷ₁ − y₁)² + … + (ŷ₈ − y₈)²   if y₁ = 1
//	(ŷ₁ − y₁)²                    if y₁ = 0
//
// for predictions and targets of shape (N, 5+Classes).
func (l Localization) SquaredLoss(pred, target *tensor.Tensor) *tensor.Tensor {
	l.check(pred)
	d := nn.MSEReduced(pred, target, nn.None)
	there, width := target.Select(1, 0), 5+l.Classes
	return d.Select(1, 0).Add(there.Mul(d.Slice(1, 1, width, 1).SumAxes(false, 1))).Mean()
}

// Loss is the one that the course recommends, with the same condition: cross entropy for p_c, of which pred holds the logit, squared error
// for the box, and, of the logits of the classes, cross entropy after softmax.
func (l Localization) Loss(pred, target *tensor.Tensor) *tensor.Tensor {
	l.check(pred)
	target = target.To(pred.DType())
	d := nn.MSEReduced(pred, target, nn.None)
	there, width := target.Select(1, 0), 5+l.Classes
	object := tensor.BCEWithLogits(pred.Select(1, 0), there, tensor.BCEWithLogitsConfig{Reduction: nn.None})
	boxes := d.Slice(1, 1, 5, 1).SumAxes(false, 1)
	classes := pred.Slice(1, 5, width, 1).LogSoftmax(1).Mul(target.Slice(1, 5, width, 1)).SumAxes(false, 1).Neg()
	return object.Add(there.Mul(boxes.Add(classes))).Mean()
}
