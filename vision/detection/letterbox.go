package detection

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// Letterbox brings images of any size to the size of a detector's input without distorting them, as [transforms.Letterbox] does, and boxes there
// and back.
type Letterbox struct {
	Scale float64 // pixels of the input for each pixel of the image
	X, Y  float64 // where the image's upper left corner comes to lie

	to transforms.Letterbox
}

// grey is what surrounds a letterboxed image.
const grey = 0.447 // the mean of ImageNet

// NewLetterbox returns what brings an image of h×w pixels to height×width.
func NewLetterbox(h, w, height, width int) Letterbox {
	if h < 1 || w < 1 || height < 1 || width < 1 {
		tensor.Fail("detection.Letterbox", "", "can't bring %d×%d pixels to %d×%d", h, w, height, width)
	}
	l := Letterbox{to: transforms.Letterbox{Height: height, Width: width, Fill: []float64{grey}}}
	_, _, top, left := l.to.Place(h, w)
	l.Scale = math.Min(float64(height)/float64(h), float64(width)/float64(w))
	l.X, l.Y = float64(left), float64(top)
	return l
}

// Image returns x, (C, h, w) from 0 to 1, as (C, height, width).
func (l Letterbox) Image(x *tensor.Tensor) *tensor.Tensor {
	return l.to.Apply(nil, transforms.Sample{Image: x}).Image
}

// To returns objects of the image with their boxes as they lie in the input.
func (l Letterbox) To(objects []box.Object) []box.Object {
	return mapBoxes(objects, func(x, y float64) (float64, float64) { return x*l.Scale + l.X, y*l.Scale + l.Y })
}

// From is the inverse of [Letterbox.To]: it returns objects found in the input with their boxes as they lie in the image.
func (l Letterbox) From(objects []box.Object) []box.Object {
	return mapBoxes(objects, func(x, y float64) (float64, float64) { return (x - l.X) / l.Scale, (y - l.Y) / l.Scale })
}

// mapBoxes returns objects with both corners moved by f.
func mapBoxes(objects []box.Object, f func(x, y float64) (float64, float64)) []box.Object {
	out := make([]box.Object, len(objects))
	for i, o := range objects {
		o.Box.X1, o.Box.Y1 = f(o.Box.X1, o.Box.Y1)
		o.Box.X2, o.Box.Y2 = f(o.Box.X2, o.Box.Y2)
		out[i] = o
	}
	return out
}
