package imagefolder

import "github.com/gradus-ml/gradus/tensor"

// Resize returns x, float32 [channels, height, width], at another size: the
// triangle filter of bilinear interpolation, widened when shrinking so that
// every pixel counts (anti-aliasing). It is what Pillow's BILINEAR and
// PyTorch's interpolate(mode="bilinear", antialias=True) compute, in floats.
// It isn't recorded for gradients.
func Resize(x *tensor.Tensor, height, width int) *tensor.Tensor {
	if x.NDim() != 3 || x.DType() != tensor.Float32 || x.NumEl() == 0 {
		tensor.Fail("resize", "", "needs float32 (channels, height, width), got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
	if height < 1 || width < 1 {
		tensor.Fail("resize", "", "height %d and width %d must be at least 1", height, width)
	}
	x = x.Detach()
	if x.Size(1) == height && x.Size(2) == width {
		return x
	}
	return tensor.Interpolate(x, tensor.InterpolateConfig{Size: [2]int{height, width}, Antialias: true})
}
