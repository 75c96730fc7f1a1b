package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// PoolConfig describes a pooling layer over one, two or three axes. Kernel is required; Stride defaults to Kernel. A smaller stride makes
// windows overlap.
type PoolConfig struct {
	Kernel, Stride, Pad          int
	KernelHW, StrideHW, PadHW    [2]int // for height and width by themselves, where not 0; images only
	KernelDHW, StrideDHW, PadDHW [3]int // for depth, height and width by themselves, where not 0; volumes only
	Dilation                     int    // between a window's elements, default 1; for maxima only
	Ceil                         bool   // let the last window reach over the edge
	ExcludePad                   bool   // divide averages by the number of a window's elements in the input; by default padding counts
}

// axes returns the windows along one, two or three axes.
func (p PoolConfig) axes(n int) []Window {
	kernel, stride, pad := make([]int, n), make([]int, n), make([]int, n)
	switch n {
	case 2:
		kernel, stride, pad = p.KernelHW[:], p.StrideHW[:], p.PadHW[:]
	case 3:
		kernel, stride, pad = p.KernelDHW[:], p.StrideDHW[:], p.PadDHW[:]
	}
	fill(kernel, p.Kernel, 0)
	fill(stride, p.Stride, 0)
	fill(pad, p.Pad, 0)
	out := make([]Window, n)
	for i := range out {
		if kernel[i] < 1 {
			tensor.Fail("nn.PoolConfig", "set Kernel", "the kernel's sides must be positive, got %v", kernel)
		}
		if stride[i] == 0 {
			stride[i] = kernel[i]
		}
		out[i] = Window{Kernel: kernel[i], Stride: stride[i], Dilation: max(p.Dilation, 1), Pad: [2]int{pad[i], pad[i]}, Ceil: p.Ceil}
	}
	return out
}

// layer returns pooling over axes as a layer.
func (p PoolConfig) layer(name string, axes []Window, f func(x *tensor.Tensor) *tensor.Tensor) *Lambda {
	k, stride, _, _ := numbers(axes)
	return windowed(NewLambda(fmt.Sprintf("%s(%s, stride %s)", name, sides(k), sides(stride)), f), axes)
}

// sides writes one number if all are equal, else all.
func sides(n []int) string {
	text := make([]string, len(n))
	for i, v := range n {
		text[i] = fmt.Sprint(v)
	}
	if slices.Max(n) == slices.Min(n) {
		text = text[:1]
	}
	return strings.Join(text, "×")
}

// windowed notes that l moves windows along the axes.
func windowed(l *Lambda, axes []Window) *Lambda {
	l.sees = func(axis, _, first, last int) (from, to int) { return axes[axis].Sees(first, last) }
	return l
}

// numbers returns the kernels, strides, paddings and dilations of axes as tensor's configs take them.
func numbers(axes []Window) (kernel, stride, pads, dilation []int) {
	for _, a := range axes {
		kernel, stride, pads, dilation = append(kernel, a.Kernel), append(stride, a.Stride), append(pads, a.Pad[:]...), append(dilation, a.Dilation)
	}
	return kernel, stride, pads, dilation
}

// undilated fails where a dilation was asked of an average.
func (p PoolConfig) undilated(op string) {
	if p.Dilation > 1 {
		tensor.Fail(op, "", "averages have no dilation, got %d", p.Dilation)
	}
}

// MaxPool2D returns a layer with the largest value of each k×k window, at stride k.
func MaxPool2D(k int) *Lambda { return PoolConfig{Kernel: k}.Max() }

// AvgPool2D returns a layer with the mean of each k×k window, at stride k.
func AvgPool2D(k int) *Lambda { return PoolConfig{Kernel: k}.Avg() }

// Max returns a max-pooling layer over (N, C, H, W).
func (p PoolConfig) Max() *Lambda {
	axes := p.axes(2)
	k, s, pads, d := numbers(axes)
	cfg := tensor.MaxPool2DConfig{Kernel: [2]int(k), Stride: [2]int(s), Padding: [4]int(pads), Dilation: [2]int(d), Ceil: p.Ceil}
	return p.layer("MaxPool2D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.MaxPool2D(x, cfg) })
}

// Avg returns an average-pooling layer over (N, C, H, W); padding counts, as in PyTorch, unless ExcludePad is set.
func (p PoolConfig) Avg() *Lambda {
	p.undilated("avg_pool2d")
	axes := p.axes(2)
	k, s, pads, _ := numbers(axes)
	cfg := tensor.AvgPool2DConfig{Kernel: [2]int(k), Stride: [2]int(s), Padding: [4]int(pads), Ceil: p.Ceil, ExcludePad: p.ExcludePad}
	return p.layer("AvgPool2D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool2D(x, cfg) })
}

// MaxPool1D returns a layer with the largest value of each k neighbours in (N, C, L), at stride k.
func MaxPool1D(k int) *Lambda { return PoolConfig{Kernel: k}.Max1D() }

// AvgPool1D returns a layer with the mean of each k neighbours in (N, C, L), at stride k.
func AvgPool1D(k int) *Lambda { return PoolConfig{Kernel: k}.Avg1D() }

// Max1D returns a max-pooling layer over (N, C, L).
func (p PoolConfig) Max1D() *Lambda {
	axes := p.axes(1)
	cfg := tensor.MaxPool1DConfig{Kernel: axes[0].Kernel, Stride: axes[0].Stride, Padding: axes[0].Pad, Dilation: axes[0].Dilation, Ceil: p.Ceil}
	return p.layer("MaxPool1D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.MaxPool1D(x, cfg) })
}

// Avg1D returns an average-pooling layer over (N, C, L); padding counts, as in PyTorch, unless ExcludePad is set.
func (p PoolConfig) Avg1D() *Lambda {
	p.undilated("avg_pool1d")
	axes := p.axes(1)
	cfg := tensor.AvgPool1DConfig{Kernel: axes[0].Kernel, Stride: axes[0].Stride, Padding: axes[0].Pad, Ceil: p.Ceil, ExcludePad: p.ExcludePad}
	return p.layer("AvgPool1D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool1D(x, cfg) })
}

// MaxPool3D returns a layer with the largest value of each k×k×k window of (N, C, D, H, W), at stride k.
func MaxPool3D(k int) *Lambda { return PoolConfig{Kernel: k}.Max3D() }

// AvgPool3D returns a layer with the mean of each k×k×k window of (N, C, D, H, W), at stride k.
func AvgPool3D(k int) *Lambda { return PoolConfig{Kernel: k}.Avg3D() }

// Max3D returns a max-pooling layer over (N, C, D, H, W).
func (p PoolConfig) Max3D() *Lambda {
	axes := p.axes(3)
	k, s, pads, d := numbers(axes)
	cfg := tensor.MaxPool3DConfig{Kernel: [3]int(k), Stride: [3]int(s), Padding: [6]int(pads), Dilation: [3]int(d), Ceil: p.Ceil}
	return p.layer("MaxPool3D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.MaxPool3D(x, cfg) })
}

// Avg3D returns an average-pooling layer over (N, C, D, H, W); padding counts, as in PyTorch, unless ExcludePad is set.
func (p PoolConfig) Avg3D() *Lambda {
	p.undilated("avg_pool3d")
	axes := p.axes(3)
	k, s, pads, _ := numbers(axes)
	cfg := tensor.AvgPool3DConfig{Kernel: [3]int(k), Stride: [3]int(s), Padding: [6]int(pads), Ceil: p.Ceil, ExcludePad: p.ExcludePad}
	return p.layer("AvgPool3D", axes, func(x *tensor.Tensor) *tensor.Tensor { return tensor.AvgPool3D(x, cfg) })
}

// LP returns a layer over (N, C, H, W) with the power-average (Σ x^p)^(1/p) of each window, PyTorch's LPPool2d: for p = 1 the sum, for
// large p nearly the maximum. Like PyTorch's, it is for inputs that aren't negative, and has neither padding nor dilation.
func (p PoolConfig) LP(power float64) *Lambda {
	axes := p.axes(2)
	k, s, pads, _ := numbers(axes)
	if !(power > 0) || p.Dilation > 1 || pads[0]+pads[2] > 0 {
		tensor.Fail("nn.PoolConfig.LP", "", "the power must be positive, and there is no padding or dilation, got %g and %+v", power, p)
	}
	cfg := tensor.AvgPool2DConfig{Kernel: [2]int(k), Stride: [2]int(s), Ceil: p.Ceil}
	area := float64(k[0] * k[1])
	return p.layer("LPPool2D", axes, func(x *tensor.Tensor) *tensor.Tensor {
		return tensor.AvgPool2D(x.PowScalar(power), cfg).ReLU().MulScalar(area).PowScalar(1 / power)
	})
}
