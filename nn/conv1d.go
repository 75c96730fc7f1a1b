package nn

import "github.com/gradus-ml/gradus/tensor"

// Conv1D is cross-correlation along the last axis of (N, In, L) with filters (In/Groups, K), giving (N, Out, L').
type Conv1D struct {
	Weight *Param // (Out, In/Groups, K)
	Bias   *Param // (Out), nil without
	cfg    Conv1DConfig
	axes   []Window
}

// Conv1DConfig describes a [Conv1D] layer. In, Out and Kernel are required.
type Conv1DConfig struct {
	In, Out  int
	Kernel   int
	Stride   int            // default 1
	Pad      int            // positions added at each end
	Same     bool           // pad so that with stride 1 the output has the input's length (one more behind than before if needed)
	Causal   bool           // pad in front only, so that no output depends on later inputs
	PadMode  tensor.PadMode // what is added: zeros (default), or the sequence reflected, replicated or continued
	Dilation int            // default 1
	Groups   int            // default 1
	NoBias   bool
	Init     Initializer // of the weight; default PyTorch's, uniform in ±1/√(In/Groups·K)
}

// New returns the layer.
func (cfg Conv1DConfig) New() *Conv1D {
	cfg.Stride, cfg.Dilation, cfg.Groups = max(cfg.Stride, 1), max(cfg.Dilation, 1), max(cfg.Groups, 1)
	checkConv("nn.Conv1D", cfg.In, cfg.Out, cfg.Groups, cfg.Kernel)
	fan := cfg.In / cfg.Groups * cfg.Kernel
	l := &Conv1D{cfg: cfg, Weight: NewParam(orInit(cfg.Init, fanInUniform(fan)), cfg.Out, cfg.In/cfg.Groups, cfg.Kernel)}
	if !cfg.NoBias {
		l.Bias = NewParam(fanInUniform(fan), cfg.Out)
	}
	l.axes = windows([]int{cfg.Kernel}, []int{cfg.Stride}, []int{cfg.Dilation}, []int{cfg.Pad}, cfg.Same)
	if cfg.Causal {
		l.axes[0].Pad = [2]int{l.axes[0].Reach() - 1, 0}
	}
	return l
}

// NewConv1D returns a convolution with stride 1, no padding and a bias.
func NewConv1D(in, out, kernel int) *Conv1D {
	return Conv1DConfig{In: in, Out: out, Kernel: kernel}.New()
}

// checkConv panics unless sizes fit a convolution.
func checkConv(op string, in, out, groups int, kernel ...int) {
	for _, k := range kernel {
		if k <= 0 {
			tensor.Fail(op, "set Kernel", "the kernel's sides must be positive, got %v", kernel)
		}
	}
	switch {
	case in <= 0 || out <= 0:
		tensor.Fail(op, "", "In and Out must be positive, got %d and %d", in, out)
	case in%groups != 0 || out%groups != 0:
		tensor.Fail(op, "", "Groups %d must divide In %d and Out %d", groups, in, out)
	}
}

// Forward convolves x: (N, In, L) becomes (N, Out, L′).
func (l *Conv1D) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() != 3 || x.Size(1) != l.cfg.In {
		tensor.Fail("conv1d", "channels come before positions: Permute(0, 2, 1) if they are last", "expected an input of shape (N, %d, L), got %s", l.cfg.In, tensor.ShapeString(x.Shape()))
	}
	w, b := affine(c, l.Weight, l.Bias)
	x, pads := surround(x, l.cfg.PadMode, l.axes)
	return tensor.Conv1D(x, w, b, tensor.Conv1DConfig{Stride: l.cfg.Stride, Padding: [2]int(pads), Dilation: l.cfg.Dilation, Groups: l.cfg.Groups})
}

// Config returns the settings, defaults filled in.
func (l *Conv1D) Config() Conv1DConfig { return l.cfg }

// Windows returns how the filters move.
func (l *Conv1D) Windows() []Window { return l.axes }

// Visit names weight and bias.
func (l *Conv1D) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *Conv1D) String() string {
	return describeConv("Conv1D", l.cfg.In, l.cfg.Out, l.cfg.Groups, l.cfg.PadMode, l.axes)
}

// MultAdds returns one for each weight and output position.
func (l *Conv1D) MultAdds(_, y []int) int { return product(y) * product(l.Weight.shape[1:]) }
