package detection

import (
	"fmt"
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
	width := 5 + l.Classes
	pred = pred.Detach()
	return l.Read(tensor.Cat(1, pred.Select(1, 0).Sigmoid().Unsqueeze(1), pred.Slice(1, 1, 5, 1), pred.Slice(1, 5, width, 1).Softmax(1)), threshold)
}

// Read is the inverse of [Localization.Encode]: it returns the object of each row of y (N, 5+Classes), or nil where p_c is below threshold. The score
// is p_c times the class's number.
func (l Localization) Read(y *tensor.Tensor, threshold float64) []*box.Object {
	l.check(y)
	out := make([]*box.Object, y.Size(0))
	v := tensor.ToSlice[float64](y)
	for i := range out {
		p := v[i*(5+l.Classes):][:5+l.Classes]
		if !(p[0] >= threshold) {
			continue
		}
		class := largest(p[5:])
		out[i] = &box.Object{Class: class, Score: p[0] * p[5+class],
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

// Localized is the part of images about which a prediction is right: that there is nothing; or that there is something, of which class, and
// where, with an overlap (IoU) of at least ½. It implements [metrics.Metric] under the name "localized".
type Localized struct {
	of           Localization
	right, count int64
}

// NewLocalized returns the metric for predictions (N, 5+Classes) as [Localization.Loss] trains them.
func NewLocalized(of Localization) *Localized { return &Localized{of: of} }

// Name returns "localized".
func (m *Localized) Name() string { return "localized" }

// Update takes in a batch of predictions and targets (N, 5+Classes).
func (m *Localized) Update(pred, target *tensor.Tensor) {
	truth := m.of.Read(target, 0.5)
	for i, found := range m.of.Decode(pred, 0.5) {
		m.count++
		switch want := truth[i]; {
		case want == nil && found == nil:
			m.right++
		case want != nil && found != nil && want.Class == found.Class && box.IoU(want.Box, found.Box) >= 0.5:
			m.right++
		}
	}
}

// Value returns the part over all batches since Reset, NaN if there were none.
func (m *Localized) Value() float64 { return float64(m.right) / float64(m.count) }

// Reset starts anew.
func (m *Localized) Reset() { m.right, m.count = 0, 0 }

// SaveState returns the counts.
func (m *Localized) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"counts": tensor.FromSlice([]int64{m.right, m.count}, 2)}
}

// LoadState continues from what SaveState returned.
func (m *Localized) LoadState(state map[string]*tensor.Tensor) error {
	t := state["counts"]
	if t == nil || t.NumEl() != 2 {
		return fmt.Errorf("detection: localized: the saved state has no two counts; was it saved by another metric?")
	}
	v := tensor.ToSlice[int64](t)
	m.right, m.count = v[0], v[1]
	return nil
}
