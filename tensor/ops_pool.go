package tensor

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// MaxPool2DConfig says which windows are pooled.
type MaxPool2DConfig struct {
	Kernel   [2]int // rows and columns of a window
	Stride   [2]int // from one window to the next; 0 means the kernel's size
	Padding  [4]int // positions around the input that windows may reach into: top, bottom, left, right; at most half the kernel
	Dilation [2]int // between the elements of a window; 0 means 1
	Ceil     bool   // round the output's size up, so that the last window may reach past the padding
}

// AvgPool2DConfig says which windows are averaged and how.
type AvgPool2DConfig struct {
	Kernel     [2]int // rows and columns of a window
	Stride     [2]int // from one window to the next; 0 means the kernel's size
	Padding    [4]int // zeros around the input: top, bottom, left, right; at most half the kernel
	Ceil       bool   // round the output's size up, so that the last window may reach past the padding
	ExcludePad bool   // divide by the number of elements of the input in the window, not counting zeros of the padding
	Divisor    int    // divide by this instead, unless it is 0
}

// poolShape checks an input and the windows over it.
func poolShape(x *Tensor, cfg MaxPool2DConfig) (cpu.PoolShape, error) {
	var s cpu.PoolShape
	if !x.dtype.IsFloat() {
		return s, reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	}
	if len(x.shape) != 4 {
		return s, reject(imageHint(x.shape, 0), "expected an input of shape (N, C, H, W), got %s", x.shapeText())
	}
	var out [2]int
	for i, n := range x.shape[2:] {
		k, before, after := cfg.Kernel[i], cfg.Padding[2*i], cfg.Padding[2*i+1]
		if cfg.Stride[i] == 0 {
			cfg.Stride[i] = k
		}
		cfg.Dilation[i] = orOne(cfg.Dilation[i])
		if k < 1 || cfg.Stride[i] < 1 || cfg.Dilation[i] < 1 || before < 0 || after < 0 {
			return s, reject("", "kernels, strides and dilations must be at least 1 and paddings at least 0, got kernel %v, stride %v, dilation %v, padding %v",
				cfg.Kernel, cfg.Stride, cfg.Dilation, cfg.Padding)
		}
		reach := (k-1)*cfg.Dilation[i] + 1
		if max(before, after) > reach/2 {
			return s, reject("", "padding %v is more than half of the kernel %v, so that windows could miss the input", cfg.Padding, cfg.Kernel)
		}
		room := n + before + after - reach
		if cfg.Ceil {
			room += cfg.Stride[i] - 1
		}
		if room >= 0 && n > 0 {
			out[i] = room/cfg.Stride[i] + 1
		}
		if cfg.Ceil && (out[i]-1)*cfg.Stride[i] >= n+before {
			out[i]-- // every window begins inside the input or the padding before it
		}
		if out[i] < 1 {
			return s, reject("take a smaller kernel, more padding, or less pooling before", "the kernel reaches over %d of %s, more than the %d of the padded input %s",
				reach, [2]string{"rows", "columns"}[i], n+before+after, x.shapeText())
		}
	}
	if x.shape[2] > math.MaxInt32/x.shape[3] {
		return s, reject("", "images of %d×%d are too large", x.shape[2], x.shape[3])
	}
	return cpu.PoolShape{N: x.shape[0] * x.shape[1], H: x.shape[2], W: x.shape[3], KH: cfg.Kernel[0], KW: cfg.Kernel[1],
		StrideH: cfg.Stride[0], StrideW: cfg.Stride[1], PadTop: cfg.Padding[0], PadBottom: cfg.Padding[1], PadLeft: cfg.Padding[2], PadRight: cfg.Padding[3],
		DilH: cfg.Dilation[0], DilW: cfg.Dilation[1], OutH: out[0], OutW: out[1]}, nil
}

var opMaxPool, opMaxPoolGrad, opMaxPoolGather, opAvgPool, opAvgPoolGrad *Op

func init() {
	// The second result says where in its plane each maximum was found. It is left out where no gradient will ask for it.
	opMaxPool = define(Op{
		Name: "max_pool2d",
		Infer: func(c *Call) ([]Spec, error) {
			x, a := c.In[0], c.Attrs.(maximum)
			s, err := poolShape(x, a.MaxPool2DConfig)
			shape := []int{sizeOr(x, 0), sizeOr(x, 1), s.OutH, s.OutW}
			specs := []Spec{{x.dtype, shape}, {Int32, shape}}
			if !a.index {
				specs = specs[:1]
			}
			return specs, err
		},
		Kernel: func(c *Call) {
			s, _ := poolShape(c.In[0], c.Attrs.(maximum).MaxPool2DConfig)
			if c.Out[0].dtype == Float64 {
				maxPoolKernel[float64](c, s)
			} else {
				maxPoolKernel[float32](c, s)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			s, _ := poolShape(c.In[0], c.Attrs.(maximum).MaxPool2DConfig)
			return []*Tensor{apply(opMaxPoolGrad, s, g[0], c.Out[1])}
		},
	})
	opMaxPoolGrad = define(Op{
		Name: "max_pool2d_grad",
		Infer: func(c *Call) ([]Spec, error) {
			s := c.Attrs.(cpu.PoolShape)
			if err := checkPooled(s, s.OutH, s.OutW, c.In[0], c.In[1]); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, []int{c.In[0].shape[0], c.In[0].shape[1], s.H, s.W})
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				maxPoolBackKernel(c, cpu.MaxPoolGrad[float64])
			} else {
				maxPoolBackKernel(c, cpu.MaxPoolGrad[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{apply(opMaxPoolGather, c.Attrs, g[0], c.In[1]), nil}
		},
	})
	opMaxPoolGather = define(Op{
		Name: "max_pool2d_gather",
		Infer: func(c *Call) ([]Spec, error) {
			s := c.Attrs.(cpu.PoolShape)
			if err := checkPooled(s, s.H, s.W, c.In[0], c.In[1]); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, c.In[1].shape)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				maxPoolBackKernel(c, cpu.MaxPoolGather[float64])
			} else {
				maxPoolBackKernel(c, cpu.MaxPoolGather[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{apply(opMaxPoolGrad, c.Attrs, g[0], c.In[1]), nil}
		},
	})
	opAvgPool = define(Op{
		Name: "avg_pool2d",
		Infer: func(c *Call) ([]Spec, error) {
			x, a := c.In[0], c.Attrs.(averaging)
			if a.divisor < 0 {
				return nil, reject("0 divides by the size of the window", "expected a divisor above 0, got %d", a.divisor)
			}
			s, err := poolShape(x, a.windows)
			return []Spec{{x.dtype, []int{sizeOr(x, 0), sizeOr(x, 1), s.OutH, s.OutW}}}, err
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(averaging)
			s, _ := poolShape(c.In[0], a.windows)
			if c.Out[0].dtype == Float64 {
				avgPoolKernel(c, s, a, cpu.AvgPool[float64])
			} else {
				avgPoolKernel(c, s, a, cpu.AvgPool[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a := c.Attrs.(averaging)
			a.size = [2]int{c.In[0].shape[2], c.In[0].shape[3]}
			return []*Tensor{apply(opAvgPoolGrad, a, g[0])}
		},
	})
	opAvgPoolGrad = define(Op{
		Name: "avg_pool2d_grad",
		Infer: func(c *Call) ([]Spec, error) {
			dy, a := c.In[0], c.Attrs.(averaging)
			x := a.input(dy)
			s, err := poolShape(x, a.windows)
			if err == nil {
				err = checkPooled(s, s.OutH, s.OutW, dy, nil)
			}
			return []Spec{{dy.dtype, x.shape}}, err
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(averaging)
			s, _ := poolShape(a.input(c.In[0]), a.windows)
			if c.Out[0].dtype == Float64 {
				avgPoolKernel(c, s, a, cpu.AvgPoolGrad[float64])
			} else {
				avgPoolKernel(c, s, a, cpu.AvgPoolGrad[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor { return []*Tensor{apply(opAvgPool, c.Attrs, g[0])} },
	})
}

// maximum is the Attrs of the maximum.
type maximum struct {
	MaxPool2DConfig
	index bool // say where it was found
}

// averaging is the Attrs of the average and its gradient.
type averaging struct {
	windows  MaxPool2DConfig
	countPad bool
	divisor  int
	size     [2]int // rows and columns of the input, for the gradient
}

// input returns a tensor without memory that has the shape of the input that dy is the output's gradient for.
func (a *averaging) input(dy *Tensor) *Tensor {
	x := &Tensor{dtype: dy.dtype}
	x.setShape([]int{sizeOr(dy, 0), sizeOr(dy, 1), a.size[0], a.size[1]})
	return x
}

// checkPooled rejects an array and indices (nil for none) that don't belong to the pooling s; h and w are the array's size.
func checkPooled(s cpu.PoolShape, h, w int, t, index *Tensor) error {
	if err := sameFloats(t); err != nil {
		return err
	}
	if len(t.shape) != 4 || t.shape[0]*t.shape[1] != s.N || t.shape[2] != h || t.shape[3] != w {
		return reject("", "expected %d planes of %d×%d, got %s", s.N, h, w, t.shapeText())
	}
	if index != nil && (index.dtype != Int32 || !slices.Equal(index.shape, []int{t.shape[0], t.shape[1], s.OutH, s.OutW})) {
		return reject("", "expected %d planes of %d×%d indices as int32, got %s %s", s.N, s.OutH, s.OutW, index.dtype, index.shapeText())
	}
	return nil
}

func maxPoolKernel[T cpu.Float](c *Call, s cpu.PoolShape) {
	x, block := packed[T](c.In[0])
	defer block.Free()
	var index []int32
	if len(c.Out) > 1 {
		index = flat[int32](c.Out[1])
	}
	cpu.MaxPool(s, flat[T](c.Out[0]), index, x)
}

func maxPoolBackKernel[T cpu.Float](c *Call, f func(s cpu.PoolShape, dst, src []T, index []int32)) {
	src, sBlock := packed[T](c.In[0])
	defer sBlock.Free()
	index, iBlock := packed[int32](c.In[1])
	defer iBlock.Free()
	f(c.Attrs.(cpu.PoolShape), flat[T](c.Out[0]), src, index)
}

func avgPoolKernel[T cpu.Float](c *Call, s cpu.PoolShape, a averaging, f func(s cpu.PoolShape, dst, src []T, countPad bool, divisor int)) {
	src, block := packed[T](c.In[0])
	defer block.Free()
	f(s, flat[T](c.Out[0]), src, a.countPad, a.divisor)
}

// MaxPool2D returns the largest element of each window of images x (N, C, H, W), of shape (N, C, H', W') with
// H' = ⌊(H + top + bottom − dilation·(rows−1) − 1)/stride⌋ + 1. Padding never wins. The gradient goes to the first of equal ones.
func MaxPool2D(x *Tensor, cfg MaxPool2DConfig) *Tensor {
	return apply(opMaxPool, maximum{cfg, x.tracked()}, x)
}

// AvgPool2D returns the mean of each window of images x (N, C, H, W), of shape (N, C, H', W') with H' as [MaxPool2D] has it.
func AvgPool2D(x *Tensor, cfg AvgPool2DConfig) *Tensor {
	windows := MaxPool2DConfig{Kernel: cfg.Kernel, Stride: cfg.Stride, Padding: cfg.Padding, Ceil: cfg.Ceil}
	return apply(opAvgPool, averaging{windows: windows, countPad: !cfg.ExcludePad, divisor: cfg.Divisor}, x)
}

// AdaptiveAvgPool2D returns the means of h×w windows that cover the images x (N, C, H, W), of shape (N, C, h, w):
// output row i averages the rows from ⌊i·H/h⌋ up to but not including ⌈(i+1)·H/h⌉, as in PyTorch, and columns
// likewise. With 1, 1 it is global average pooling.
func AdaptiveAvgPool2D(x *Tensor, h, w int) *Tensor {
	const op = "adaptive_avg_pool2d"
	x.alive(op)
	if len(x.shape) != 4 || x.shape[2] < 1 || x.shape[3] < 1 {
		Fail(op, imageHint(x.shape, 0), "expected an input of shape (N, C, H, W), got %s", x.shapeText())
	}
	if h < 1 || w < 1 {
		Fail(op, "", "expected an output of at least 1×1, got %d×%d", h, w)
	}
	if x.dtype.isHalf() { // so that 1/3 isn't rounded to 8 bits
		return AdaptiveAvgPool2D(x.To(Float32), h, w).To(x.dtype)
	}
	if x.shape[2]%h == 0 && x.shape[3]%w == 0 {
		return AvgPool2D(x, AvgPool2DConfig{Kernel: [2]int{x.shape[2] / h, x.shape[3] / w}})
	}
	// Windows of several sizes: the mean is a matrix product from the left for rows and from the right for columns.
	rows, cols := averages(x, h, x.shape[2]), averages(x, w, x.shape[3])
	return rows.MatMul(x).MatMul(cols.T())
}

// averages returns the (to, from) matrix that takes from numbers to the means of to windows.
func averages(like *Tensor, to, from int) *Tensor {
	m := make([]float64, to*from)
	for i := range to {
		lo, hi := i*from/to, ((i+1)*from+to-1)/to
		for j := lo; j < hi; j++ {
			m[i*from+j] = 1 / float64(hi-lo)
		}
	}
	return FromSlice(m, to, from).To(like.dtype)
}

// MaxPool1DConfig is [MaxPool2DConfig] for sequences.
type MaxPool1DConfig struct {
	Kernel   int
	Stride   int    // 0 means Kernel
	Padding  [2]int // in front and behind, at most half the kernel
	Dilation int    // 0 means 1
	Ceil     bool
}

// MaxPool1D is [MaxPool2D] for sequences x (N, C, L). The result is (N, C, L').
func MaxPool1D(x *Tensor, cfg MaxPool1DConfig) *Tensor {
	return asImage("max_pool1d", x, func(x *Tensor) *Tensor {
		return MaxPool2D(x, MaxPool2DConfig{Kernel: [2]int{1, cfg.Kernel}, Stride: [2]int{1, cfg.Stride},
			Padding: [4]int{0, 0, cfg.Padding[0], cfg.Padding[1]}, Dilation: [2]int{1, cfg.Dilation}, Ceil: cfg.Ceil})
	})
}

// AvgPool1DConfig is [AvgPool2DConfig] for sequences.
type AvgPool1DConfig struct {
	Kernel     int
	Stride     int    // 0 means Kernel
	Padding    [2]int // in front and behind, at most half the kernel
	Ceil       bool
	ExcludePad bool
}

// AvgPool1D is [AvgPool2D] for sequences x (N, C, L). The result is (N, C, L').
func AvgPool1D(x *Tensor, cfg AvgPool1DConfig) *Tensor {
	return asImage("avg_pool1d", x, func(x *Tensor) *Tensor {
		return AvgPool2D(x, AvgPool2DConfig{Kernel: [2]int{1, cfg.Kernel}, Stride: [2]int{1, cfg.Stride},
			Padding: [4]int{0, 0, cfg.Padding[0], cfg.Padding[1]}, Ceil: cfg.Ceil, ExcludePad: cfg.ExcludePad})
	})
}

// asImage applies f to sequences (N, C, L) as to images of one row.
func asImage(op string, x *Tensor, f func(x *Tensor) *Tensor) *Tensor {
	x.alive(op)
	if len(x.shape) != 3 {
		Fail(op, "", "expected an input of shape (N, C, L), got %s", x.shapeText())
	}
	y := f(x.Reshape(x.shape[0], x.shape[1], 1, x.shape[2]))
	return y.Reshape(y.shape[0], y.shape[1], y.shape[3])
}
