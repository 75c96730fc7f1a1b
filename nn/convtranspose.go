package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// ConvTranspose2D spreads each element of (N, In, H, W) over a filter's area, the gradient of a convolution with respect to its
// input, giving (N, Out, H', W') with H' = (H − 1)·stride − 2·pad + dilation·(kernel − 1) + output pad + 1
// (Zeiler et al., "Deconvolutional Networks", 2010).
type ConvTranspose2D struct {
	Weight *Param // (In, Out/Groups, KH, KW)
	Bias   *Param // (Out), nil without
	cfg    ConvTranspose2DConfig
}

// ConvTranspose2DConfig describes a [ConvTranspose2D] layer. In, Out and Kernel are required. Sides are the same for height and width.
type ConvTranspose2DConfig struct {
	In, Out   int
	Kernel    int
	Stride    int // default 1
	Pad       int // cut off each side of the output
	OutputPad int // rows and columns added at the bottom and right, less than the stride
	Dilation  int // default 1
	Groups    int // default 1
	NoBias    bool
	Init      Initializer // of the weight; default PyTorch's, uniform in ±1/√(Out/Groups·KH·KW)
}

// New returns the layer.
func (cfg ConvTranspose2DConfig) New() *ConvTranspose2D {
	cfg.Stride, cfg.Dilation, cfg.Groups = max(cfg.Stride, 1), max(cfg.Dilation, 1), max(cfg.Groups, 1)
	checkConv("nn.ConvTranspose2D", cfg.In, cfg.Out, cfg.Groups, cfg.Kernel)
	fan := cfg.Out / cfg.Groups * cfg.Kernel * cfg.Kernel
	l := &ConvTranspose2D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.In, cfg.Out/cfg.Groups, cfg.Kernel, cfg.Kernel)}
	if !cfg.NoBias {
		l.Bias = NewParam(fanInUniform(fan), cfg.Out)
	}
	return l
}

// NewConvTranspose2D returns the layer with square filters, stride 1, nothing cut off and a bias.
func NewConvTranspose2D(in, out, kernel int) *ConvTranspose2D {
	return ConvTranspose2DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Forward spreads x: (N, In, H, W) becomes (N, Out, H′, W′).
func (l *ConvTranspose2D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() != 4 || x.Size(1) != l.cfg.In {
		tensor.Fail("conv_transpose2d", "", "expected an input of shape (N, %d, H, W), got %s", l.cfg.In, tensor.ShapeString(x.Shape()))
	}
	both := func(n int) [2]int { return [2]int{n, n} }
	w, b := affine(c, l.Weight, l.Bias)
	return tensor.ConvTranspose2D(x, w, b, tensor.ConvTranspose2DConfig{
		Stride:        both(l.cfg.Stride),
		Padding:       [4]int{l.cfg.Pad, l.cfg.Pad, l.cfg.Pad, l.cfg.Pad},
		OutputPadding: both(l.cfg.OutputPad),
		Dilation:      both(l.cfg.Dilation),
		Groups:        l.cfg.Groups,
	})
}

// Visit names weight and bias.
func (l *ConvTranspose2D) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *ConvTranspose2D) String() string {
	s := fmt.Sprintf("ConvTranspose2D(%d, %d, %d×%d", l.cfg.In, l.cfg.Out, l.cfg.Kernel, l.cfg.Kernel)
	if l.cfg.Stride > 1 {
		s += fmt.Sprintf(", stride %d", l.cfg.Stride)
	}
	return s + ")"
}

// MultAdds returns one for each weight and input position.
func (l *ConvTranspose2D) MultAdds(x, _ []int) int {
	return x[0] * x[2] * x[3] * product(l.Weight.shape)
}
