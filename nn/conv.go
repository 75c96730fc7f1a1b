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
	BiasInit   Initializer // default the same as PyTorch's for the weight
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
	checkConv("nn.Conv2D", cfg.In, cfg.Out, cfg.Groups, k[:]...)
	fan := cfg.In / cfg.Groups * k[0] * k[1]
	l := &Conv2D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.Out, cfg.In/cfg.Groups, k[0], k[1])}
	if !cfg.NoBias {
		l.Bias = NewParam(orInit(cfg.BiasInit, fanInUniform(fan)), cfg.Out)
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

// Forward convolves x: (N, In, H, W) becomes (N, Out, H′, W′).
func (l *Conv2D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, tensor.Conv2D)
}

// apply applies f, a convolution or one with an activation, to x.
func (l *Conv2D) apply(c *Ctx, x *tensor.Tensor, f func(x, w, b *tensor.Tensor, cfg tensor.Conv2DConfig) *tensor.Tensor) *tensor.Tensor {
	before, after := l.cfg.padding()
	w, b := affine(c, l.Weight, l.Bias)
	return f(x, w, b, tensor.Conv2DConfig{
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
