package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// PoolConfig describes a pooling layer. Kernel is required; Stride defaults to Kernel.
type PoolConfig struct {
	Kernel, Stride, Pad int
	Ceil                bool // let the last window reach over the edge
}

func (p PoolConfig) stride() int {
	if p.Stride == 0 {
		return p.Kernel
	}
	return p.Stride
}

func (p PoolConfig) sides() (kernel, stride [2]int, padding [4]int) {
	return [2]int{p.Kernel, p.Kernel}, [2]int{p.stride(), p.stride()}, [4]int{p.Pad, p.Pad, p.Pad, p.Pad}
}

// MaxPool2D returns a layer with the largest value of each k×k window, at stride k.
func MaxPool2D(k int) *Lambda { return PoolConfig{Kernel: k}.Max() }

// AvgPool2D returns a layer with the mean of each k×k window, at stride k.
func AvgPool2D(k int) *Lambda { return PoolConfig{Kernel: k}.Avg() }

// Max returns a max-pooling layer over (N, C, H, W).
func (p PoolConfig) Max() *Lambda {
	cfg := tensor.MaxPool2DConfig{Ceil: p.Ceil}
	cfg.Kernel, cfg.Stride, cfg.Padding = p.sides()
	return NewLambda(fmt.Sprintf("MaxPool2D(%d, stride %d)", p.Kernel, p.stride()),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.MaxPool2D(x, cfg) })
}

// Avg returns an average-pooling layer over (N, C, H, W); padding counts, as in PyTorch.
func (p PoolConfig) Avg() *Lambda {
	cfg := tensor.AvgPool2DConfig{Ceil: p.Ceil}
	cfg.Kernel, cfg.Stride, cfg.Padding = p.sides()
	return NewLambda(fmt.Sprintf("AvgPool2D(%d, stride %d)", p.Kernel, p.stride()),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool2D(x, cfg) })
}

// GlobalAvgPool2D returns a layer with the mean of each channel: (N, C, H, W) becomes (N, C, 1, 1) (Lin et al., 2014).
func GlobalAvgPool2D() *Lambda {
	return NewLambda("GlobalAvgPool2D", func(x *tensor.Tensor) *tensor.Tensor { return x.MeanAxes(true, 2, 3) })
}

// GlobalMaxPool2D returns a layer with the largest value of each channel.
func GlobalMaxPool2D() *Lambda {
	return NewLambda("GlobalMaxPool2D", func(x *tensor.Tensor) *tensor.Tensor { return x.MaxAxes(true, 2, 3) })
}

// MaxPool1D returns a layer with the largest value of each k neighbours in (N, C, L), at stride k.
func MaxPool1D(k int) *Lambda { return PoolConfig{Kernel: k}.Max1D() }

// AvgPool1D returns a layer with the mean of each k neighbours in (N, C, L), at stride k.
func AvgPool1D(k int) *Lambda { return PoolConfig{Kernel: k}.Avg1D() }

// Max1D returns a max-pooling layer over (N, C, L).
func (p PoolConfig) Max1D() *Lambda {
	cfg := tensor.MaxPool1DConfig{Kernel: p.Kernel, Stride: p.stride(), Padding: [2]int{p.Pad, p.Pad}, Ceil: p.Ceil}
	return NewLambda(fmt.Sprintf("MaxPool1D(%d, stride %d)", p.Kernel, p.stride()),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.MaxPool1D(x, cfg) })
}

// Avg1D returns an average-pooling layer over (N, C, L); padding counts, as in PyTorch.
func (p PoolConfig) Avg1D() *Lambda {
	cfg := tensor.AvgPool1DConfig{Kernel: p.Kernel, Stride: p.stride(), Padding: [2]int{p.Pad, p.Pad}, Ceil: p.Ceil}
	return NewLambda(fmt.Sprintf("AvgPool1D(%d, stride %d)", p.Kernel, p.stride()),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool1D(x, cfg) })
}

// AdaptiveAvgPool2D returns a layer whose output is h×w for any input: windows of nearly equal size, as in PyTorch.
func AdaptiveAvgPool2D(h, w int) *Lambda {
	return NewLambda(fmt.Sprintf("AdaptiveAvgPool2D(%d, %d)", h, w),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveAvgPool2D(x, h, w) })
}

// AdaptiveMaxPool2D is [AdaptiveAvgPool2D] with the largest value of each window.
func AdaptiveMaxPool2D(h, w int) *Lambda {
	return NewLambda(fmt.Sprintf("AdaptiveMaxPool2D(%d, %d)", h, w), func(x *tensor.Tensor) *tensor.Tensor {
		if x.NDim() != 4 || h < 1 || w < 1 {
			tensor.Fail("adaptive max pool", "", "expected (N, C, H, W) and an output of 1×1 or more, got %s and %d×%d", tensor.ShapeString(x.Shape()), h, w)
		}
		return adaptiveMax(adaptiveMax(x, 2, h), 3, w)
	})
}

// adaptiveMax brings axis to size n: element i is the largest of those from ⌊i·size/n⌋ to ⌈(i+1)·size/n⌉, the latter left out.
func adaptiveMax(x *tensor.Tensor, axis, n int) *tensor.Tensor {
	size := x.Size(axis)
	parts := make([]*tensor.Tensor, n)
	for i := range parts {
		parts[i] = x.Slice(axis, i*size/n, ((i+1)*size+n-1)/n, 1).MaxAxes(true, axis)
	}
	return tensor.Cat(axis, parts...)
}
