package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// GlobalAvgPool2D returns a layer with the mean of each channel: (N, C, H, W) becomes (N, C, 1, 1) (Lin et al., 2014).
func GlobalAvgPool2D() *Lambda {
	return NewLambda("GlobalAvgPool2D", func(x *tensor.Tensor) *tensor.Tensor { return x.MeanAxes(true, 2, 3) })
}

// GlobalMaxPool2D returns a layer with the largest value of each channel: (N, C, H, W) becomes (N, C, 1, 1).
func GlobalMaxPool2D() *Lambda {
	return NewLambda("GlobalMaxPool2D", func(x *tensor.Tensor) *tensor.Tensor { return x.MaxAxes(true, 2, 3) })
}

// AdaptiveAvgPool2D returns a layer whose output is h×w for any input: windows of nearly equal size, as in PyTorch.
func AdaptiveAvgPool2D(h, w int) *Lambda {
	return adaptive("AdaptiveAvgPool2D", func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveAvgPool2D(x, h, w) }, h, w)
}

// AdaptiveMaxPool2D is [AdaptiveAvgPool2D] with the largest value of each window.
func AdaptiveMaxPool2D(h, w int) *Lambda {
	return adaptive("AdaptiveMaxPool2D", func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveMaxPool2D(x, h, w) }, h, w)
}

// AdaptiveAvgPool1D returns a layer that brings (N, C, L) to (N, C, n): means of windows of nearly equal size, as in PyTorch.
func AdaptiveAvgPool1D(n int) *Lambda {
	return adaptive("AdaptiveAvgPool1D", func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveAvgPool1D(x, n) }, n)
}

// AdaptiveMaxPool1D is [AdaptiveAvgPool1D] with the largest value of each window.
func AdaptiveMaxPool1D(n int) *Lambda {
	return adaptive("AdaptiveMaxPool1D", func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveMaxPool1D(x, n) }, n)
}

// adaptive returns f as a layer with outputs of the given size.
func adaptive(name string, f func(x *tensor.Tensor) *tensor.Tensor, out ...int) *Lambda {
	shape := tensor.ShapeString(out)
	l := NewLambda(name+shape, f)
	l.sees = func(axis, in, first, last int) (from, to int) {
		n := out[axis]
		return first * in / n, ((last+1)*in+n-1)/n - 1
	}
	return l
}

// SpatialPyramidPool returns a layer that divides images (N, C, H, W) of any size into n×n parts for each of the levels, takes the
// largest value of each channel in each part, and joins them all: (N, C·Σn²), coarsest level first if it stands first (He et al., "Spatial
// Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", 2014). The paper's levels are 6, 3, 2, 1. Parts are those of
// [AdaptiveMaxPool2D]; within a level the order is that of (C, n, n).
func SpatialPyramidPool(levels ...int) *Lambda {
	if len(levels) == 0 {
		tensor.Fail("nn.SpatialPyramidPool", "say 4, 2, 1", "there must be levels")
	}
	return NewLambda(fmt.Sprintf("SpatialPyramidPool%s", tensor.ShapeString(levels)), func(x *tensor.Tensor) *tensor.Tensor {
		parts := make([]*tensor.Tensor, len(levels))
		for i, n := range levels {
			parts[i] = tensor.AdaptiveMaxPool2D(x, n, n).Flatten(1, -1)
		}
		return tensor.Cat(1, parts...)
	})
}
