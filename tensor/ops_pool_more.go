package tensor

import "math"

// Pooling of volumes, adaptive pooling, and what is made of averages. Maxima and averages over boxes are maxima and averages over their
// sides, one after the other, so nothing here has a kernel of its own.

// MaxPool3DConfig is [MaxPool2DConfig] for volumes and videos: frames (depth), rows and columns.
type MaxPool3DConfig struct {
	Kernel   [3]int
	Stride   [3]int // 0 means the kernel's size
	Padding  [6]int // front, back, top, bottom, left, right; at most half the kernel
	Dilation [3]int // 0 means 1
	Ceil     bool
}

// MaxPool3D is [MaxPool2D] for volumes x (N, C, D, H, W). The result is (N, C, D', H', W').
func MaxPool3D(x *Tensor, cfg MaxPool3DConfig) *Tensor {
	return frameByFrame("max_pool3d", x, func(x *Tensor) *Tensor {
		return MaxPool2D(x, MaxPool2DConfig{Kernel: [2]int(cfg.Kernel[1:]), Stride: [2]int(cfg.Stride[1:]),
			Padding: [4]int(cfg.Padding[2:]), Dilation: [2]int(cfg.Dilation[1:]), Ceil: cfg.Ceil})
	}, func(x *Tensor) *Tensor {
		return MaxPool2D(x, MaxPool2DConfig{Kernel: [2]int{cfg.Kernel[0], 1}, Stride: [2]int{cfg.Stride[0], 1},
			Padding: [4]int{cfg.Padding[0], cfg.Padding[1]}, Dilation: [2]int{cfg.Dilation[0], 1}, Ceil: cfg.Ceil})
	})
}

// AvgPool3DConfig is [AvgPool2DConfig] for volumes and videos: frames (depth), rows and columns.
type AvgPool3DConfig struct {
	Kernel     [3]int
	Stride     [3]int // 0 means the kernel's size
	Padding    [6]int // front, back, top, bottom, left, right; at most half the kernel
	Ceil       bool
	ExcludePad bool
	Divisor    int
}

// AvgPool3D is [AvgPool2D] for volumes x (N, C, D, H, W). The result is (N, C, D', H', W').
func AvgPool3D(x *Tensor, cfg AvgPool3DConfig) *Tensor {
	divisor := min(cfg.Divisor, 1) // of the frames: sums alone, if there is one for all
	return frameByFrame("avg_pool3d", x, func(x *Tensor) *Tensor {
		return AvgPool2D(x, AvgPool2DConfig{Kernel: [2]int(cfg.Kernel[1:]), Stride: [2]int(cfg.Stride[1:]),
			Padding: [4]int(cfg.Padding[2:]), Ceil: cfg.Ceil, ExcludePad: cfg.ExcludePad, Divisor: cfg.Divisor})
	}, func(x *Tensor) *Tensor {
		return AvgPool2D(x, AvgPool2DConfig{Kernel: [2]int{cfg.Kernel[0], 1}, Stride: [2]int{cfg.Stride[0], 1},
			Padding: [4]int{cfg.Padding[0], cfg.Padding[1]}, Ceil: cfg.Ceil, ExcludePad: cfg.ExcludePad, Divisor: divisor})
	})
}

// frameByFrame applies image to the frames of x (N, C, D, H, W), as (N·C, D, H, W), then depth to columns of frames (N·C, 1, D, H'·W').
func frameByFrame(op string, x *Tensor, image, depth func(x *Tensor) *Tensor) *Tensor {
	x.alive(op)
	if len(x.shape) != 5 {
		Fail(op, "", "expected an input of shape (N, C, D, H, W), got %s", x.shapeText())
	}
	n, c := x.shape[0], x.shape[1]
	y := image(x.Reshape(n*c, x.shape[2], x.shape[3], x.shape[4]))
	h, w := y.shape[2], y.shape[3]
	y = depth(y.Reshape(n*c, 1, y.shape[1], h*w))
	return y.Reshape(n, c, y.shape[2], h, w)
}

// AdaptiveAvgPool1D is [AdaptiveAvgPool2D] for sequences x (N, C, L). The result is (N, C, n).
func AdaptiveAvgPool1D(x *Tensor, n int) *Tensor {
	return asImage("adaptive_avg_pool1d", x, func(x *Tensor) *Tensor { return AdaptiveAvgPool2D(x, 1, n) })
}

// AdaptiveMaxPool1D is [AdaptiveMaxPool2D] for sequences x (N, C, L). The result is (N, C, n).
func AdaptiveMaxPool1D(x *Tensor, n int) *Tensor {
	return asImage("adaptive_max_pool1d", x, func(x *Tensor) *Tensor { return AdaptiveMaxPool2D(x, 1, n) })
}

// AdaptiveMaxPool2D is [AdaptiveAvgPool2D] with the largest element of each window. The gradient goes to the first of equal ones.
func AdaptiveMaxPool2D(x *Tensor, h, w int) *Tensor {
	const op = "adaptive_max_pool2d"
	x.alive(op)
	if len(x.shape) != 4 || x.shape[2] < 1 || x.shape[3] < 1 {
		Fail(op, imageHint(x.shape, 0), "expected an input of shape (N, C, H, W), got %s", x.shapeText())
	}
	if h < 1 || w < 1 {
		Fail(op, "", "expected an output of at least 1×1, got %d×%d", h, w)
	}
	if x.shape[2]%h == 0 && x.shape[3]%w == 0 {
		return MaxPool2D(x, MaxPool2DConfig{Kernel: [2]int{x.shape[2] / h, x.shape[3] / w}})
	}
	// Columns first, so that of equal elements the first in reading order wins.
	x = adaptiveMax(x, 3, w, func(k int) [2]int { return [2]int{1, k} })
	return adaptiveMax(x, 2, h, func(k int) [2]int { return [2]int{k, 1} })
}

// adaptiveMax brings axis to n elements; window returns the kernel of k elements along it.
func adaptiveMax(x *Tensor, axis, n int, window func(k int) [2]int) *Tensor {
	size := x.shape[axis]
	if size%n == 0 {
		return MaxPool2D(x, MaxPool2DConfig{Kernel: window(size / n)})
	}
	parts := make([]*Tensor, n)
	for i := range parts {
		lo, hi := i*size/n, ((i+1)*size+n-1)/n
		parts[i] = MaxPool2D(x.Slice(axis, lo, hi, 1), MaxPool2DConfig{Kernel: window(hi - lo)})
	}
	return Cat(axis, parts...)
}

// LocalResponseNormConfig describes a [LocalResponseNorm]. Size is required.
type LocalResponseNormConfig struct {
	Size  int     // number of neighbouring channels, the channel itself among them
	Alpha float64 // default 1e-4; divided by Size, as in PyTorch: for AlexNet's 1e-4 with n = 5 give 5e-4
	Beta  float64 // default 0.75
	K     float64 // default 1
}

// LocalResponseNorm divides each element of x (N, C, …) by (K + Alpha/Size·Σ a²)^Beta, where a are the elements at the same place of
// Size neighbouring channels, ⌊Size/2⌋ of them before its own, and those beyond the ends count as 0 (Krizhevsky et al.,
// "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 3.3).
func LocalResponseNorm(x *Tensor, cfg LocalResponseNormConfig) *Tensor {
	const op = "local_response_norm"
	x.alive(op)
	if len(x.shape) < 2 || !x.dtype.IsFloat() {
		Fail(op, "", "expected a float input of shape (N, C, …), got %s %s", x.dtype, x.shapeText())
	}
	for _, set := range []struct {
		v     *float64
		other float64
	}{{&cfg.Alpha, 1e-4}, {&cfg.Beta, 0.75}, {&cfg.K, 1}} {
		if *set.v == 0 {
			*set.v = set.other
		}
	}
	if cfg.Size < 1 || math.IsNaN(cfg.Alpha+cfg.Beta+cfg.K) {
		Fail(op, "", "Size must be at least 1 and Alpha, Beta and K numbers, got %+v", cfg)
	}
	if x.dtype.isHalf() {
		return LocalResponseNorm(x.To(Float32), cfg).To(x.dtype)
	}
	if numel(x.shape) == 0 {
		return x.Clone()
	}
	squares := x.Square().Reshape(x.shape[0], 1, x.shape[1], numel(x.shape[2:]))
	means := AvgPool2D(squares, AvgPool2DConfig{Kernel: [2]int{cfg.Size, 1}, Stride: [2]int{1, 1}, Padding: [4]int{cfg.Size / 2, (cfg.Size - 1) / 2}})
	return x.Mul(means.MulScalar(cfg.Alpha).AddScalar(cfg.K).PowScalar(-cfg.Beta).Reshape(x.shape...))
}
