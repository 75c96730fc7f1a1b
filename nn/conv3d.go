package nn

import "github.com/gradus-ml/gradus/tensor"

// Conv3D is three-dimensional cross-correlation of volumes or videos (N, In, D, H, W) with In/Groups × kernel filters, giving
// (N, Out, D', H', W') (Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks", 2015).
type Conv3D struct {
	Weight *Param // (Out, In/Groups, KD, KH, KW)
	Bias   *Param // (Out), nil without
	cfg    Conv3DConfig
	axes   []Window
}

// Conv3DConfig describes a [Conv3D] layer. In, Out and Kernel are required. Where a field exists for all
// axes and for each, the one for each (D, H, W) wins if it isn't zero.
type Conv3DConfig struct {
	In, Out     int
	Kernel      int    // side of a cube
	KernelDHW   [3]int // or depth, height and width
	Stride      int    // default 1
	StrideDHW   [3]int
	Pad         int // positions added on each side
	PadDHW      [3]int
	Same        bool           // pad so that with stride 1 the output has the input's size (one more behind than before if needed)
	PadMode     tensor.PadMode // what is added: zeros (default), or the volume reflected, replicated or continued
	Dilation    int            // default 1
	DilationDHW [3]int
	Groups      int // default 1
	NoBias      bool
	Init        Initializer // of the weight; default PyTorch's, uniform in ±1/√(In/Groups·KD·KH·KW)
}

// New returns the layer.
func (cfg Conv3DConfig) New() *Conv3D {
	fill(cfg.KernelDHW[:], cfg.Kernel, 0)
	fill(cfg.StrideDHW[:], cfg.Stride, 1)
	fill(cfg.PadDHW[:], cfg.Pad, 0)
	fill(cfg.DilationDHW[:], cfg.Dilation, 1)
	cfg.Groups = max(cfg.Groups, 1)
	k := cfg.KernelDHW
	checkConv("nn.Conv3D", cfg.In, cfg.Out, cfg.Groups, k[:]...)
	fan := cfg.In / cfg.Groups * product(k[:])
	l := &Conv3D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.Out, cfg.In/cfg.Groups, k[0], k[1], k[2])}
	if !cfg.NoBias {
		l.Bias = NewParam(fanInUniform(fan), cfg.Out)
	}
	l.axes = windows(k[:], cfg.StrideDHW[:], cfg.DilationDHW[:], cfg.PadDHW[:], cfg.Same)
	return l
}

// NewConv3D returns a convolution with cubic filters, stride 1, no padding and a bias.
func NewConv3D(in, out, kernel int) *Conv3D {
	return Conv3DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// Config returns the settings, with the values for each axis filled in.
func (l *Conv3D) Config() Conv3DConfig { return l.cfg }

// Windows returns how the filters move along depth, height and width.
func (l *Conv3D) Windows() []Window { return l.axes }

// Forward convolves x: (N, In, D, H, W) becomes (N, Out, D′, H′, W′).
func (l *Conv3D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	w, b := affine(c, l.Weight, l.Bias)
	x, pads := surround(x, l.cfg.PadMode, l.axes)
	return tensor.Conv3D(x, w, b, tensor.Conv3DConfig{
		Stride: l.cfg.StrideDHW, Padding: [6]int(pads), Dilation: l.cfg.DilationDHW, Groups: l.cfg.Groups})
}

// Visit names weight and bias.
func (l *Conv3D) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *Conv3D) String() string {
	return describeConv("Conv3D", l.cfg.In, l.cfg.Out, l.cfg.Groups, l.cfg.PadMode, l.axes)
}

// MultAdds returns one for each weight and output position.
func (l *Conv3D) MultAdds(_, y []int) int { return product(y) * product(l.Weight.shape[1:]) }
