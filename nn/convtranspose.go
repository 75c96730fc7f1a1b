package nn

import "github.com/gradus-ml/gradus/tensor"

// convTranspose is what transposed convolutions of one, two and three axes share.
type convTranspose struct {
	Weight *Param // (In, Out/Groups, kernel)
	Bias   *Param // (Out), nil without

	name            string
	in, out, groups int
	axes            []Window
	extra           []int // output padding of each axis
}

func newConvTranspose(name string, in, out, groups int, axes []Window, extra []int, noBias bool, init Initializer) convTranspose {
	groups = max(groups, 1)
	shape, fan := []int{in, out / groups}, out/groups
	for _, w := range axes {
		checkConv("nn."+name, in, out, groups, w.Kernel)
		shape, fan = append(shape, w.Kernel), fan*w.Kernel
	}
	l := convTranspose{name: name, in: in, out: out, groups: groups, axes: axes, extra: extra, Weight: NewParam(orInit(init, fanInUniform(fan)), shape...)}
	if !noBias {
		l.Bias = NewParam(fanInUniform(fan), out)
	}
	return l
}

// operands checks x and returns weight, bias, and stride, padding (in front and behind) and dilation of each axis.
func (l *convTranspose) operands(c *Ctx, op, shape string, x *tensor.Tensor) (w, b *tensor.Tensor, stride, pads, dilation []int) {
	if x.NDim() != 2+len(l.axes) || x.Size(1) != l.in {
		tensor.Fail(op, "", "expected an input of shape (N, %d, %s), got %s", l.in, shape, tensor.ShapeString(x.Shape()))
	}
	for _, a := range l.axes {
		stride, pads, dilation = append(stride, a.Stride), append(pads, a.Pad[:]...), append(dilation, a.Dilation)
	}
	w, b = affine(c, l.Weight, l.Bias)
	return w, b, stride, pads, dilation
}

// Windows returns how the filters move over the output, one step for each position of the input.
func (l *convTranspose) Windows() []Window { return l.axes }

// Visit names weight and bias.
func (l *convTranspose) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *convTranspose) String() string {
	return describeConv(l.name, l.in, l.out, l.groups, tensor.PadConstant, l.axes)
}

// MultAdds returns one for each weight and input position.
func (l *convTranspose) MultAdds(x, _ []int) int {
	return x[0] * product(x[2:]) * product(l.Weight.shape)
}

// Sees returns the input positions that reach the outputs from first to last of an axis.
func (l *convTranspose) Sees(axis, _, first, last int) (from, to int) {
	return l.axes[axis].TransposedSees(first, last)
}

// ConvTranspose2D spreads each element of (N, In, H, W) over a filter's area, the gradient of a convolution with respect to its
// input, giving (N, Out, H', W') with H' = (H − 1)·stride − 2·pad + dilation·(kernel − 1) + output pad + 1
// (Zeiler et al., "Deconvolutional Networks", 2010).
type ConvTranspose2D struct{ convTranspose }

// ConvTranspose2DConfig describes a [ConvTranspose2D] layer. In, Out and Kernel are required. Where a field exists for both
// axes and for each, the one for each (H, W) wins if it isn't zero.
type ConvTranspose2DConfig struct {
	In, Out     int
	Kernel      int
	KernelHW    [2]int
	Stride      int // default 1
	StrideHW    [2]int
	Pad         int // cut off each side of the output
	PadHW       [2]int
	OutputPad   int // rows and columns added at the bottom and right, less than the stride
	OutputPadHW [2]int
	Dilation    int // default 1
	DilationHW  [2]int
	Groups      int // default 1
	NoBias      bool
	Init        Initializer // of the weight; default PyTorch's, uniform in ±1/√(Out/Groups·KH·KW)
}

// New returns the layer.
func (cfg ConvTranspose2DConfig) New() *ConvTranspose2D {
	fill(cfg.KernelHW[:], cfg.Kernel, 0)
	fill(cfg.StrideHW[:], cfg.Stride, 1)
	fill(cfg.PadHW[:], cfg.Pad, 0)
	fill(cfg.OutputPadHW[:], cfg.OutputPad, 0)
	fill(cfg.DilationHW[:], cfg.Dilation, 1)
	axes := windows(cfg.KernelHW[:], cfg.StrideHW[:], cfg.DilationHW[:], cfg.PadHW[:], false)
	return &ConvTranspose2D{newConvTranspose("ConvTranspose2D", cfg.In, cfg.Out, cfg.Groups, axes, cfg.OutputPadHW[:], cfg.NoBias, cfg.Init)}
}

// NewConvTranspose2D returns the layer with square filters, stride 1, nothing cut off and a bias.
func NewConvTranspose2D(in, out, kernel int) *ConvTranspose2D {
	return ConvTranspose2DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Forward spreads x: (N, In, H, W) becomes (N, Out, H′, W′).
func (l *ConvTranspose2D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	w, b, stride, pads, dilation := l.operands(c, "conv_transpose2d", "H, W", x)
	return tensor.ConvTranspose2D(x, w, b, tensor.ConvTranspose2DConfig{
		Stride: [2]int(stride), Padding: [4]int(pads), OutputPadding: [2]int(l.extra), Dilation: [2]int(dilation), Groups: l.groups})
}

// ConvTranspose1D is [ConvTranspose2D] for sequences (N, In, L), giving (N, Out, L').
type ConvTranspose1D struct{ convTranspose }

// ConvTranspose1DConfig describes a [ConvTranspose1D] layer. In, Out and Kernel are required.
type ConvTranspose1DConfig struct {
	In, Out   int
	Kernel    int
	Stride    int // default 1
	Pad       int // cut off each end of the output
	OutputPad int // added at the end, less than the stride
	Dilation  int // default 1
	Groups    int // default 1
	NoBias    bool
	Init      Initializer // of the weight; default PyTorch's, uniform in ±1/√(Out/Groups·K)
}

// New returns the layer.
func (cfg ConvTranspose1DConfig) New() *ConvTranspose1D {
	axes := windows([]int{cfg.Kernel}, []int{max(cfg.Stride, 1)}, []int{max(cfg.Dilation, 1)}, []int{cfg.Pad}, false)
	return &ConvTranspose1D{newConvTranspose("ConvTranspose1D", cfg.In, cfg.Out, cfg.Groups, axes, []int{cfg.OutputPad}, cfg.NoBias, cfg.Init)}
}

// NewConvTranspose1D returns the layer with stride 1, nothing cut off and a bias.
func NewConvTranspose1D(in, out, kernel int) *ConvTranspose1D {
	return ConvTranspose1DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Forward spreads x: (N, In, L) becomes (N, Out, L′).
func (l *ConvTranspose1D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	w, b, stride, pads, dilation := l.operands(c, "conv_transpose1d", "L", x)
	return tensor.ConvTranspose1D(x, w, b, tensor.ConvTranspose1DConfig{
		Stride: stride[0], Padding: [2]int(pads), OutputPadding: l.extra[0], Dilation: dilation[0], Groups: l.groups})
}

// ConvTranspose3D is [ConvTranspose2D] for volumes and videos (N, In, D, H, W), giving (N, Out, D', H', W').
type ConvTranspose3D struct{ convTranspose }

// ConvTranspose3DConfig describes a [ConvTranspose3D] layer. In, Out and Kernel are required. Where a field exists for all
// axes and for each, the one for each (D, H, W) wins if it isn't zero.
type ConvTranspose3DConfig struct {
	In, Out      int
	Kernel       int
	KernelDHW    [3]int
	Stride       int // default 1
	StrideDHW    [3]int
	Pad          int // cut off each side of the output
	PadDHW       [3]int
	OutputPad    int // added at the back, bottom and right, less than the stride
	OutputPadDHW [3]int
	Dilation     int // default 1
	DilationDHW  [3]int
	Groups       int // default 1
	NoBias       bool
	Init         Initializer // of the weight; default PyTorch's, uniform in ±1/√(Out/Groups·KD·KH·KW)
}

// New returns the layer.
func (cfg ConvTranspose3DConfig) New() *ConvTranspose3D {
	fill(cfg.KernelDHW[:], cfg.Kernel, 0)
	fill(cfg.StrideDHW[:], cfg.Stride, 1)
	fill(cfg.PadDHW[:], cfg.Pad, 0)
	fill(cfg.OutputPadDHW[:], cfg.OutputPad, 0)
	fill(cfg.DilationDHW[:], cfg.Dilation, 1)
	axes := windows(cfg.KernelDHW[:], cfg.StrideDHW[:], cfg.DilationDHW[:], cfg.PadDHW[:], false)
	return &ConvTranspose3D{newConvTranspose("ConvTranspose3D", cfg.In, cfg.Out, cfg.Groups, axes, cfg.OutputPadDHW[:], cfg.NoBias, cfg.Init)}
}

// NewConvTranspose3D returns the layer with cubic filters, stride 1, nothing cut off and a bias.
func NewConvTranspose3D(in, out, kernel int) *ConvTranspose3D {
	return ConvTranspose3DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Forward spreads x: (N, In, D, H, W) becomes (N, Out, D′, H′, W′).
func (l *ConvTranspose3D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	w, b, stride, pads, dilation := l.operands(c, "conv_transpose3d", "D, H, W", x)
	return tensor.ConvTranspose3D(x, w, b, tensor.ConvTranspose3DConfig{
		Stride: [3]int(stride), Padding: [6]int(pads), OutputPadding: [3]int(l.extra), Dilation: [3]int(dilation), Groups: l.groups})
}
