package detection

import (
	"math"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Letterbox brings images of any size to the size of a detector's input without distorting them: scaled to fit, centred, and grey around.
type Letterbox struct {
	Scale float64 // pixels of the input for each pixel of the image
	X, Y  float64 // where the image's upper left corner comes to lie

	height, width     int // of the input
	inHeight, inWidth int // of the image within it
}

// NewLetterbox returns what brings an image of h×w pixels to height×width.
func NewLetterbox(h, w, height, width int) Letterbox {
	if h < 1 || w < 1 || height < 1 || width < 1 {
		tensor.Fail("detection.Letterbox", "", "can't bring %d×%d pixels to %d×%d", h, w, height, width)
	}
	l := Letterbox{Scale: math.Min(float64(height)/float64(h), float64(width)/float64(w)), height: height, width: width}
	l.inHeight = max(1, int(math.Round(float64(h)*l.Scale)))
	l.inWidth = max(1, int(math.Round(float64(w)*l.Scale)))
	l.X, l.Y = float64((width-l.inWidth)/2), float64((height-l.inHeight)/2)
	return l
}

// grey is what surrounds a letterboxed image.
const grey = 0.447 // the mean of ImageNet

// Image returns x, (C, h, w) from 0 to 1, as (C, height, width).
func (l Letterbox) Image(x *tensor.Tensor) *tensor.Tensor {
	x = imagefolder.Resize(x, l.inHeight, l.inWidth)
	if l.inHeight == l.height && l.inWidth == l.width {
		return x
	}
	top, left := int(l.Y), int(l.X)
	return x.Pad(tensor.PadConstant, grey, []int{0, top, left}, []int{0, l.height - l.inHeight - top, l.width - l.inWidth - left})
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
