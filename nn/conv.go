package nn

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gradus-ml/gradus/tensor"
)

// Conv2D is two-dimensional cross-correlation of (N, In, H, W) with In/Groups × kernel filters, giving (N, Out, H', W').
type Conv2D struct {
	Weight *Param // (Out, In/Groups, KH, KW)
	Bias   *Param // (Out), nil without
	cfg    Conv2DConfig
	axes   []Window
	folded atomic.Pointer[foldedFilters] // see folded
}

// Conv2DConfig describes a [Conv2D] layer. In, Out and Kernel are required. Where a field exists for both
// axes and for each, the one for each (H, W) wins if it isn't zero.
type Conv2DConfig struct {
	In, Out    int
	Kernel     int    // side of a square filter
	KernelHW   [2]int // or height and width
	Stride     int    // default 1
	StrideHW   [2]int
	Pad        int // positions added on each side
	PadHW      [2]int
	PadEach    [4]int         // or on each side by itself: top, bottom, left, right
	Same       bool           // pad so that with stride 1 the output has the input's size (one more behind than before if needed)
	PadMode    tensor.PadMode // what is added: zeros (default), or the image reflected, replicated or continued
	Dilation   int            // default 1
	DilationHW [2]int
	Groups     int // default 1
	NoBias     bool
	Init       Initializer // of the weight; default PyTorch's, uniform in ±1/√(In/Groups·KH·KW)
	BiasInit   Initializer // default the same as PyTorch's for the weight
}

// New returns the layer.
func (cfg Conv2DConfig) New() *Conv2D {
	fill(cfg.KernelHW[:], cfg.Kernel, 0)
	fill(cfg.StrideHW[:], cfg.Stride, 1)
	fill(cfg.PadHW[:], cfg.Pad, 0)
	fill(cfg.DilationHW[:], cfg.Dilation, 1)
	cfg.Groups = max(cfg.Groups, 1)
	k := cfg.KernelHW
	checkConv("nn.Conv2D", cfg.In, cfg.Out, cfg.Groups, k[:]...)
	fan := cfg.In / cfg.Groups * k[0] * k[1]
	l := &Conv2D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.Out, cfg.In/cfg.Groups, k[0], k[1])}
	if !cfg.NoBias {
		l.Bias = NewParam(orInit(cfg.BiasInit, fanInUniform(fan)), cfg.Out)
	}
	l.axes = windows(k[:], cfg.StrideHW[:], cfg.DilationHW[:], cfg.PadHW[:], cfg.Same)
	if cfg.PadEach != [4]int{} {
		l.axes[0].Pad, l.axes[1].Pad = [2]int(cfg.PadEach[:2]), [2]int(cfg.PadEach[2:])
	}
	return l
}

// NewConv2D returns a convolution with square filters, stride 1, no padding and a bias.
func NewConv2D(in, out, kernel int) *Conv2D {
	return Conv2DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Config returns the settings, with the values for each axis filled in.
func (l *Conv2D) Config() Conv2DConfig { return l.cfg }

// Windows returns how the filters move along height and width.
func (l *Conv2D) Windows() []Window { return l.axes }

// Forward convolves x: (N, In, H, W) becomes (N, Out, H′, W′).
func (l *Conv2D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, tensor.Conv2D)
}

// apply applies f, a convolution or one with an activation, to x.
func (l *Conv2D) apply(c *Ctx, x *tensor.Tensor, f func(x, w, b *tensor.Tensor, cfg tensor.Conv2DConfig) *tensor.Tensor) *tensor.Tensor {
	w, b := affine(c, l.Weight, l.Bias)
	return l.with(x, w, b, f)
}

// with is apply with given filters and bias.
func (l *Conv2D) with(x, w, b *tensor.Tensor, f func(x, w, b *tensor.Tensor, cfg tensor.Conv2DConfig) *tensor.Tensor) *tensor.Tensor {
	x, pads := surround(x, l.cfg.PadMode, l.axes)
	return f(x, w, b, tensor.Conv2DConfig{
		Stride:   l.cfg.StrideHW,
		Padding:  [4]int(pads),
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
	return describeConv("Conv2D", l.cfg.In, l.cfg.Out, l.cfg.Groups, l.cfg.PadMode, l.axes)
}

// describeConv writes the name of a convolution, its channels, and what isn't the default: stride, padding in front, dilation, groups.
func describeConv(name string, in, out, groups int, mode tensor.PadMode, axes []Window) string {
	var kernel []string
	var before []int
	for _, w := range axes {
		kernel, before = append(kernel, strconv.Itoa(w.Kernel)), append(before, w.Pad[0])
	}
	_, stride, _, dilation := numbers(axes)
	s := fmt.Sprintf("%s(%d, %d, %s", name, in, out, strings.Join(kernel, "×"))
	for _, part := range []struct {
		name   string
		n      []int
		normal int
	}{{"stride", stride, 1}, {"pad", before, 0}, {"dilation", dilation, 1}, {"groups", []int{groups}, 1}} {
		if slices.ContainsFunc(part.n, func(n int) bool { return n != part.normal }) {
			s += ", " + part.name + " " + sides(part.n)
		}
	}
	if mode != tensor.PadConstant {
		s += ", " + mode.String()
	}
	return s + ")"
}
