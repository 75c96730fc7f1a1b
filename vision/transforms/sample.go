package transforms

import (
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// size returns the image's channels, height and width. It panics if image and mask aren't what they should be.
func (s Sample) size(op string) (c, h, w int) {
	c, h, w = imageSize(op, s.Image)
	if s.Mask != nil && (s.Mask.DType() != tensor.Int64 || s.Mask.NDim() != 2 || s.Mask.Size(0) != h || s.Mask.Size(1) != w) {
		tensor.Fail("transforms."+op, "", "expected a mask int64 (%d, %d) as its image is (%d, %d, %d), got %s %s", h, w, c, h, w, s.Mask.DType(), tensor.ShapeString(s.Mask.Shape()))
	}
	return c, h, w
}

func imageSize(op string, x *tensor.Tensor) (c, h, w int) {
	if x == nil {
		tensor.Fail("transforms."+op, "", "expected an image float32 (C, H, W), got nil")
	}
	if x.DType() != tensor.Float32 || x.NDim() != 3 || x.NumEl() == 0 {
		tensor.Fail("transforms."+op, "give one image at a time, without the axis of the batch, and convert bytes with To(tensor.Float32).DivScalar(255)",
			"expected an image float32 (C, H, W) with at least one pixel, got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
	return x.Size(0), x.Size(1), x.Size(2)
}

// checkTarget panics unless a height and width to make are positive.
func checkTarget(op string, h, w int) {
	if h < 1 || w < 1 {
		tensor.Fail("transforms."+op, "set Height and Width", "the height and width to make must be at least 1, got %d and %d", h, w)
	}
}

// elements returns the elements of x in row-major order, for reading.
func elements[T tensor.Element](x *tensor.Tensor) (*tensor.Tensor, []T) {
	if !x.IsContiguous() {
		x = x.Detach().Contiguous()
	}
	return x, tensor.Data[T](x)
}

// fillOf returns the number that new pixels of channel c get: fill has none, one for all, or one for each channel.
func fillOf(op string, fill []float64, channels, c int) float32 {
	switch len(fill) {
	case 0:
		return 0
	case 1:
		return float32(fill[0])
	case channels:
		return float32(fill[c])
	}
	tensor.Fail("transforms."+op, "", "expected one number or one for each of %d channels, got %d", channels, len(fill))
	return 0
}

// moved returns the objects with their boxes mapped by f, clipped to an image of h × w, without those of which less than the given
// part of the area is left, or nothing.
func moved(objects []box.Object, h, w int, visible float64, f func(box.Box) box.Box) []box.Object {
	if objects == nil {
		return nil
	}
	kept := make([]box.Object, 0, len(objects))
	for _, o := range objects {
		whole := f(o.Box)
		b := box.Box{X1: within(whole.X1, w), Y1: within(whole.Y1, h), X2: within(whole.X2, w), Y2: within(whole.Y2, h)}
		area := (b.X2 - b.X1) * (b.Y2 - b.Y1)
		if !(b.X2 > b.X1 && b.Y2 > b.Y1) || area < visible*(whole.X2-whole.X1)*(whole.Y2-whole.Y1) {
			continue
		}
		o.Box = b
		kept = append(kept, o)
	}
	return kept
}

func within(v float64, limit int) float64 { return max(0, min(v, float64(limit))) }
