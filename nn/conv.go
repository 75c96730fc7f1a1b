package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Conv2D is two-dimensional cross-correlation of (N, In, H, W) with In/Groups × kernel filters, giving (N, Out, H', W').
type Conv2D struct {
	Weight *Param // (Out, In/Groups, KH, KW)
	Bias   *Param // (Out), nil without
	cfg    Conv2DConfig
}

// Conv2DConfig describes a [Conv2D] layer. In, Out and Kernel are required. Where a field exists for both
// axes and for each, the one for each (H, W) wins if it isn't zero.
type Conv2DConfig struct {
	In, Out    int
	Kernel     int    // side of a square filter
	KernelHW   [2]int // or height and width
	Stride     int    // default 1
	StrideHW   [2]int
	Pad        int // zeros on each side
	PadHW      [2]int
	Same       bool // pad so that with stride 1 the output has the input's size (one more behind than before if needed)
	Dilation   int  // default 1
	DilationHW [2]int
	Groups     int // default 1
	NoBias     bool
	Init       Initializer // of the weight; default PyTorch's, uniform in ±1/√(In/Groups·KH·KW)
}

func pair(each [2]int, both, fallback int) [2]int {
	if both == 0 {
		both = fallback
	}
	for i := range each {
		if each[i] == 0 {
			each[i] = both
		}
	}
	return each
}

// New returns the layer.
func (cfg Conv2DConfig) New() *Conv2D {
	cfg.KernelHW = pair(cfg.KernelHW, cfg.Kernel, 0)
	cfg.StrideHW = pair(cfg.StrideHW, cfg.Stride, 1)
	cfg.PadHW = pair(cfg.PadHW, cfg.Pad, 0)
	cfg.DilationHW = pair(cfg.DilationHW, cfg.Dilation, 1)
	cfg.Groups = max(cfg.Groups, 1)
	k := cfg.KernelHW
	switch {
	case cfg.In <= 0 || cfg.Out <= 0:
		tensor.Fail("nn.Conv2D", "", "In and Out must be positive, got %d and %d", cfg.In, cfg.Out)
	case k[0] <= 0 || k[1] <= 0:
		tensor.Fail("nn.Conv2D", "set Kernel", "the kernel's sides must be positive, got %d×%d", k[0], k[1])
	case cfg.In%cfg.Groups != 0 || cfg.Out%cfg.Groups != 0:
		tensor.Fail("nn.Conv2D", "", "Groups %d must divide In %d and Out %d", cfg.Groups, cfg.In, cfg.Out)
	}
	fan := cfg.In / cfg.Groups * k[0] * k[1]
	l := &Conv2D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.Out, cfg.In/cfg.Groups, k[0], k[1])}
	if !cfg.NoBias {
		l.Bias = NewParam(fanInUniform(fan), cfg.Out)
	}
	return l
}

// NewConv2D returns a convolution with square filters, stride 1, no padding and a bias.
func NewConv2D(in, out, kernel int) *Conv2D {
	return Conv2DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Config returns the settings, with the values for each axis filled in.
func (l *Conv2D) Config() Conv2DConfig { return l.cfg }

// padding returns the zeros before and after, for height and width.
func (cfg Conv2DConfig) padding() (before, after [2]int) {
	if !cfg.Same {
		return cfg.PadHW, cfg.PadHW
	}
	for i := range before {
		total := (cfg.KernelHW[i] - 1) * cfg.DilationHW[i]
		before[i], after[i] = total/2, total-total/2
	}
	return before, after
}

// Forward convolves x.
func (l *Conv2D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	before, after := l.cfg.padding()
	var b *tensor.Tensor
	if l.Bias != nil {
		b = c.Use(l.Bias)
	}
	return tensor.Conv2D(x, c.Use(l.Weight), b, tensor.Conv2DConfig{
		Stride:   l.cfg.StrideHW,
		Padding:  [4]int{before[0], after[0], before[1], after[1]},
		Dilation: l.cfg.DilationHW,
		Groups:   l.cfg.Groups,
	})
}

// Visit names weight and bias.
func (l *Conv2D) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *Conv2D) String() string {
	s := fmt.Sprintf("Conv2D(%d, %d, %d×%d", l.cfg.In, l.cfg.Out, l.cfg.KernelHW[0], l.cfg.KernelHW[1])
	if l.cfg.StrideHW != [2]int{1, 1} {
		s += fmt.Sprintf(", stride %d", l.cfg.StrideHW[0])
	}
	if before, _ := l.cfg.padding(); before != [2]int{} {
		s += fmt.Sprintf(", pad %d", before[0])
	}
	if l.cfg.Groups > 1 {
		s += fmt.Sprintf(", groups %d", l.cfg.Groups)
	}
	return s + ")"
}

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

// AdaptiveAvgPool2D returns a layer whose output is h×w for any input: windows of nearly equal size, as in PyTorch.
func AdaptiveAvgPool2D(h, w int) *Lambda {
	return NewLambda(fmt.Sprintf("AdaptiveAvgPool2D(%d, %d)", h, w),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.AdaptiveAvgPool2D(x, h, w) })
}
