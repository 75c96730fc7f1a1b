package tensor

import (
	"fmt"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
)

// Convolution y = x ⋆ w is linear in x and in w, and so are its two gradients. Each of the three
// operations here has the other two as its gradients, hence derivatives of every order exist.

// Conv2DConfig says how a kernel moves over the input. The zero value moves it one by one, without padding.
type Conv2DConfig struct {
	Stride   [2]int // rows and columns from one position to the next; 0 means 1
	Padding  [4]int // zeros around the input: top, bottom, left, right
	Dilation [2]int // rows and columns between the kernel's elements; 0 means 1
	Groups   int    // channels are split into so many groups that don't mix; 0 means 1
}

// normal returns the config with zeros replaced by what they mean.
func (cfg Conv2DConfig) normal() Conv2DConfig {
	for i := range 2 {
		cfg.Stride[i] = orOne(cfg.Stride[i])
		cfg.Dilation[i] = orOne(cfg.Dilation[i])
	}
	cfg.Groups = orOne(cfg.Groups)
	return cfg
}

func orOne(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

// check rejects numbers that make no sense.
func (cfg *Conv2DConfig) check() error {
	if min(cfg.Stride[0], cfg.Stride[1], cfg.Dilation[0], cfg.Dilation[1], cfg.Groups) < 1 || slices.Min(cfg.Padding[:]) < 0 {
		return reject("", "strides, dilations and groups must be at least 1 and paddings at least 0, got stride %v, dilation %v, %d groups, padding %v",
			cfg.Stride, cfg.Dilation, cfg.Groups, cfg.Padding)
	}
	return nil
}

// convolution is the Attrs of the three operations, its config normal.
type convolution struct {
	Conv2DConfig
	size [2]int // rows and columns of what can't be told from the operands: the input, or the kernel
	relu bool
	add  bool // the last input is added to the result before the ReLU
}

// shape returns the numbers that the kernels want, for an input of n×c×h×w and weights of k×…×kh×kw.
func (a *convolution) shape(n, c, h, w, k, kh, kw int) cpu.ConvShape {
	return cpu.ConvShape{N: n, C: c, H: h, W: w, K: k, KH: kh, KW: kw, StrideH: a.Stride[0], StrideW: a.Stride[1],
		PadTop: a.Padding[0], PadBottom: a.Padding[1], PadLeft: a.Padding[2], PadRight: a.Padding[3],
		DilH: a.Dilation[0], DilW: a.Dilation[1], Groups: a.Groups}
}

var opConv2D, opConv2DGradInput, opConv2DGradWeight *Op

func init() {
	opConv2D = define(Op{
		Name:  "conv2d",
		Infer: inferConv2D,
		Kernel: func(c *Call) {
			a, x, w := c.Attrs.(convolution), c.In[0].shape, c.In[1].shape
			s := a.shape(x[0], x[1], x[2], x[3], w[0], w[2], w[3])
			if c.Out[0].dtype == Float64 {
				convKernel[float64](c, s)
			} else {
				convKernel[float32](c, s)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, x, w, dy := c.Attrs.(convolution), c.In[0], c.In[1], g[0]
			if a.relu {
				dy = apply(opReLUGrad, nil, dy, c.Out[0])
				a.relu = false
			}
			grads := make([]*Tensor, len(c.In))
			if a.add {
				grads[len(c.In)-1] = dy
				a.add = false
			}
			if c.Needs(0) {
				grads[0] = gradInput(a, dy, w, x.shape)
			}
			if c.Needs(1) {
				grads[1] = gradWeight(a, x, dy, w.shape)
			}
			if c.bias() != nil && c.Needs(2) {
				grads[2] = dy.SumAxes(false, 0, 2, 3)
			}
			return grads
		},
	})
	opConv2DGradInput = define(Op{
		Name: "conv2d_grad_input",
		Infer: func(c *Call) ([]Spec, error) {
			a, dy, w := c.Attrs.(convolution), c.In[0], c.In[1]
			s, err := a.check(w, dy, []int{sizeOr(dy, 0), sizeOr(w, 1) * a.Groups, a.size[0], a.size[1]})
			if err != nil {
				return nil, err
			}
			return one(dy.dtype, []int{s.N, s.C, s.H, s.W})
		},
		Kernel: func(c *Call) {
			a, x, w := c.Attrs.(convolution), c.Out[0].shape, c.In[1].shape
			s := a.shape(x[0], x[1], x[2], x[3], w[0], w[2], w[3])
			if c.Out[0].dtype == Float64 {
				convGradKernel(c, s, cpu.ConvGradInput[float64])
			} else {
				convGradKernel(c, s, cpu.ConvGradInput[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, dy, w := c.Attrs.(convolution), c.In[0], c.In[1]
			grads := make([]*Tensor, 2)
			if c.Needs(0) {
				grads[0] = apply(opConv2D, a, g[0], w)
			}
			if c.Needs(1) {
				grads[1] = gradWeight(a, g[0], dy, w.shape)
			}
			return grads
		},
	})
	opConv2DGradWeight = define(Op{
		Name: "conv2d_grad_weight",
		Infer: func(c *Call) ([]Spec, error) {
			a, x, dy := c.Attrs.(convolution), c.In[0], c.In[1]
			w := &Tensor{dtype: x.dtype}
			w.setShape([]int{sizeOr(dy, 1), sizeOr(x, 1) / a.Groups, a.size[0], a.size[1]})
			if _, err := a.check(w, dy, x.shape); err != nil {
				return nil, err
			}
			return one(x.dtype, w.shape)
		},
		Kernel: func(c *Call) {
			a, x, w := c.Attrs.(convolution), c.In[0].shape, c.Out[0].shape
			s := a.shape(x[0], x[1], x[2], x[3], w[0], w[2], w[3])
			if c.Out[0].dtype == Float64 {
				convGradKernel(c, s, cpu.ConvGradWeight[float64])
			} else {
				convGradKernel(c, s, cpu.ConvGradWeight[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, x, dy := c.Attrs.(convolution), c.In[0], c.In[1]
			grads := make([]*Tensor, 2)
			if c.Needs(0) {
				grads[0] = gradInput(a, dy, g[0], x.shape)
			}
			if c.Needs(1) {
				grads[1] = apply(opConv2D, a, x, g[0])
			}
			return grads
		},
	})
}

// sizeOr returns the size of t along axis, 0 if there is no such axis.
func sizeOr(t *Tensor, axis int) int {
	if axis < len(t.shape) {
		return t.shape[axis]
	}
	return 0
}

func gradInput(a convolution, dy, w *Tensor, x []int) *Tensor {
	a.size = [2]int{x[2], x[3]}
	return apply(opConv2DGradInput, a, dy, w)
}

func gradWeight(a convolution, x, dy *Tensor, w []int) *Tensor {
	a.size = [2]int{w[2], w[3]}
	return apply(opConv2DGradWeight, a, x, dy)
}

// check rejects a gradient dy that doesn't belong to a convolution of an input of shape x with w.
func (a *convolution) check(w, dy *Tensor, x []int) (cpu.ConvShape, error) {
	if err := sameFloats(dy, w); err != nil {
		return cpu.ConvShape{}, err
	}
	if err := a.Conv2DConfig.check(); err != nil {
		return cpu.ConvShape{}, err
	}
	if err := a.checkShapes(x, w.shape); err != nil {
		return cpu.ConvShape{}, err
	}
	s := a.shape(x[0], x[1], x[2], x[3], w.shape[0], w.shape[2], w.shape[3])
	if want := []int{s.N, s.K, s.OutH(), s.OutW()}; !slices.Equal(dy.shape, want) {
		return s, reject("", "expected a gradient of the output's shape %s, got %s", ShapeString(want), dy.shapeText())
	}
	return s, nil
}

func inferConv2D(c *Call) ([]Spec, error) {
	a, x, w := c.Attrs.(convolution), c.In[0], c.In[1]
	if err := sameFloats(x, c.In[1:]...); err != nil {
		return nil, err
	}
	if err := a.Conv2DConfig.check(); err != nil {
		return nil, err
	}
	if err := a.checkShapes(x.shape, w.shape); err != nil {
		return nil, err
	}
	if b := c.bias(); b != nil && !slices.Equal(b.shape, w.shape[:1]) {
		return nil, reject("", "expected a bias of shape (%d), one number for each output channel of the weight %s, got %s", w.shape[0], w.shapeText(), b.shapeText())
	}
	s := a.shape(x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], w.shape[2], w.shape[3])
	out := []int{s.N, s.K, s.OutH(), s.OutW()}
	if a.add {
		if t := c.In[len(c.In)-1]; !slices.Equal(t.shape, out) {
			return nil, reject("bring it to that shape, by a convolution of 1×1 for instance", "the result has shape %s, what is to be added has %s", ShapeString(out), t.shapeText())
		}
	}
	return one(x.dtype, out)
}

// bias returns the bias of a convolution, nil if it has none.
func (c *Call) bias() *Tensor {
	n := len(c.In)
	if c.Attrs.(convolution).add {
		n--
	}
	if n > 2 {
		return c.In[2]
	}
	return nil
}

// checkShapes rejects an input and weights that don't fit together.
func (a *convolution) checkShapes(x, w []int) error {
	if len(w) != 4 || numel(w) == 0 {
		return reject("", "expected a weight of shape (out, in/groups, rows, columns), got %s", ShapeString(w))
	}
	in := w[1] * a.Groups
	if len(x) != 4 {
		return reject(imageHint(x, in), "expected an input of shape (N, C, H, W), got %s", ShapeString(x))
	}
	if x[1] != in {
		hint := fmt.Sprintf("make the layer's number of input channels %d", x[1])
		if x[3] == in {
			hint = "are the channels last? Permute(0, 3, 1, 2)"
		}
		return reject(hint, "input %s has %d channels, the weight %s with %d group(s) wants %d", ShapeString(x), x[1], ShapeString(w), a.Groups, in)
	}
	if w[0]%a.Groups != 0 {
		return reject("", "%d output channels can't be split into %d groups", w[0], a.Groups)
	}
	h, wd := x[2]+a.Padding[0]+a.Padding[1], x[3]+a.Padding[2]+a.Padding[3]
	kh, kw := (w[2]-1)*a.Dilation[0]+1, (w[3]-1)*a.Dilation[1]+1
	if kh > h || kw > wd || x[2] == 0 || x[3] == 0 {
		return reject("take a smaller kernel, more padding, or less pooling before", "the kernel reaches over %d×%d, more than the padded input %d×%d (input %s, kernel %d×%d)",
			kh, kw, h, wd, ShapeString(x), w[2], w[3])
	}
	return nil
}

// imageHint guesses how an array of shape x becomes images of the given number of channels.
func imageHint(x []int, channels int) string {
	switch {
	case len(x) == 2 && channels > 0:
		side := int(math.Round(math.Sqrt(float64(x[1]) / float64(channels))))
		if side > 0 && side*side*channels == x[1] {
			return fmt.Sprintf("Unflatten/Reshape to (%d, %d, %d, %d)?", x[0], channels, side, side)
		}
	case len(x) == 3 && x[0] == channels:
		return fmt.Sprintf("one image? Reshape to (1, %d, %d, %d)", x[0], x[1], x[2])
	case len(x) == 3 && channels == 1:
		return fmt.Sprintf("Reshape to (%d, 1, %d, %d)?", x[0], x[1], x[2])
	}
	return "Reshape it to images first"
}

func convKernel[T cpu.Float](c *Call, s cpu.ConvShape) {
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	w, wBlock := packed[T](c.In[1])
	defer wBlock.Free()
	e := cpu.ConvEnd[T]{Keep: keeper[T](c.In[1])}
	if t := c.bias(); t != nil {
		var block mem.Block
		e.Bias, block = packed[T](t)
		defer block.Free()
	}
	a := c.Attrs.(convolution)
	if a.add {
		var block mem.Block
		e.Add, block = packed[T](c.In[len(c.In)-1])
		defer block.Free()
	}
	if a.relu {
		e.Act = cpu.ActReLU
	}
	cpu.ConvForwardEnd(s, flat[T](c.Out[0]), x, w, e)
}

// filters are what a kernel has made of a tensor of filters.
type filters struct {
	kind, offset int
	shape        [4]int
	version      uint32
	data         any // a slice of the tensor's elements' type
}

// keeper returns a function that keeps what the kernel makes of the filters w for the next call: w's memory has it until somebody writes
// to it. Filters that are being trained, or that end with a scope, aren't worth it: then it returns nil.
func keeper[T cpu.Float](w *Tensor) func(kind, n int, fill func(u []T)) []T {
	if w.tracked() || w.buf.scope != nil || !w.IsContiguous() {
		return nil
	}
	return func(kind, n int, fill func(u []T)) []T {
		is := filters{kind: kind, offset: w.offset, shape: [4]int(w.shape), version: w.buf.version}
		if f := w.buf.filters.Load(); f != nil {
			if f.same(is) {
				return f.data.([]T)
			}
		}
		u := make([]T, n)
		fill(u)
		is.data = u
		if w.buf.version == is.version {
			w.buf.filters.Store(&is)
		}
		return u
	}
}

func (f *filters) same(g filters) bool {
	return f.kind == g.kind && f.offset == g.offset && f.shape == g.shape && f.version == g.version
}

func convGradKernel[T cpu.Float](c *Call, s cpu.ConvShape, f func(s cpu.ConvShape, dst, a, b []T)) {
	a, aBlock := packed[T](c.In[0])
	defer aBlock.Free()
	b, bBlock := packed[T](c.In[1])
	defer bBlock.Free()
	dst := flat[T](c.Out[0])
	if s.N == 0 {
		clear(dst)
		return
	}
	f(s, dst, a, b)
}

// Conv2D returns the two-dimensional cross-correlation of images x (N, C, H, W) with kernels w (out, C/groups, rows, columns), plus
// a bias b (out), nil for none: what every framework calls convolution (Goodfellow et al., Deep Learning, equation 9.6). The result has
// shape (N, out, H', W') with H' = ⌊(H + top + bottom − dilation·(rows−1) − 1)/stride⌋ + 1.
func Conv2D(x, w, b *Tensor, cfg Conv2DConfig) *Tensor {
	return conv2D(x, w, b, convolution{Conv2DConfig: cfg.normal()})
}

// Conv2DReLU returns the same as Conv2D(x, w, b, cfg).ReLU(), in one pass.
func Conv2DReLU(x, w, b *Tensor, cfg Conv2DConfig) *Tensor {
	return conv2D(x, w, b, convolution{Conv2DConfig: cfg.normal(), relu: true})
}

// Conv2DAdd returns the same as Conv2D(x, w, b, cfg).Add(add), and ReLU() of that if relu is set, in one pass. add has the result's
// shape; b or add may be nil for none.
func Conv2DAdd(x, w, b, add *Tensor, relu bool, cfg Conv2DConfig) *Tensor {
	a := convolution{Conv2DConfig: cfg.normal(), relu: relu, add: add != nil}
	return apply(opConv2D, a, present(x, w, b, add)...)
}

func conv2D(x, w, b *Tensor, a convolution) *Tensor {
	if b == nil {
		return apply(opConv2D, a, x, w)
	}
	return apply(opConv2D, a, x, w, b)
}

// Conv1DConfig is [Conv2DConfig] for sequences.
type Conv1DConfig struct {
	Stride   int    // 0 means 1
	Padding  [2]int // zeros in front and behind
	Dilation int    // 0 means 1
	Groups   int    // 0 means 1
}

// Conv1D is [Conv2D] for sequences x (N, C, L), kernels w (out, C/groups, size) and a bias b (out) or nil. The result is (N, out, L').
func Conv1D(x, w, b *Tensor, cfg Conv1DConfig) *Tensor {
	x.alive("conv1d")
	w.alive("conv1d")
	if len(x.shape) != 3 || len(w.shape) != 3 {
		Fail("conv1d", "", "expected an input of shape (N, C, L) and a weight of shape (out, in/groups, size), got %s and %s", x.shapeText(), w.shapeText())
	}
	y := Conv2D(x.Reshape(x.shape[0], x.shape[1], 1, x.shape[2]), w.Reshape(w.shape[0], w.shape[1], 1, w.shape[2]), b, Conv2DConfig{
		Stride: [2]int{1, cfg.Stride}, Padding: [4]int{0, 0, cfg.Padding[0], cfg.Padding[1]}, Dilation: [2]int{1, cfg.Dilation}, Groups: cfg.Groups})
	return y.Reshape(y.shape[0], y.shape[1], y.shape[3])
}

// ConvTranspose2DConfig says how [ConvTranspose2D] spreads its input. The zero value spreads it one by one and cuts nothing off.
type ConvTranspose2DConfig struct {
	Stride        [2]int // rows and columns of the output from one element of the input to the next; 0 means 1
	Padding       [4]int // cut off the output: top, bottom, left, right
	OutputPadding [2]int // rows and columns added at the bottom and right of the output, less than the stride
	Dilation      [2]int // 0 means 1
	Groups        int    // 0 means 1
}

// ConvTranspose2D returns the transposed convolution of x (N, in, H, W) with w (in, out/groups, rows, columns), plus a bias
// b (out) or nil: the map that takes gradients back through [Conv2D], used to enlarge images (Dumoulin and Visin, "A guide to convolution
// arithmetic for deep learning", 2016). The result has shape (N, out, H', W') with
// H' = (H−1)·stride − top − bottom + dilation·(rows−1) + output padding + 1.
func ConvTranspose2D(x, w, b *Tensor, cfg ConvTranspose2DConfig) *Tensor {
	const op = "conv_transpose2d"
	x.alive(op)
	w.alive(op)
	a := convolution{Conv2DConfig: Conv2DConfig{cfg.Stride, cfg.Padding, cfg.Dilation, cfg.Groups}.normal()}
	if err := a.Conv2DConfig.check(); err != nil {
		fail(op, err)
	}
	if len(w.shape) != 4 || len(x.shape) != 4 || x.shape[1] != w.shape[0] {
		Fail(op, "", "expected an input of shape (N, in, H, W) and a weight of shape (in, out/groups, rows, columns), got %s and %s", x.shapeText(), w.shapeText())
	}
	for i := range 2 {
		if extra := cfg.OutputPadding[i]; extra < 0 || extra >= a.Stride[i] {
			Fail(op, "", "output padding must be at least 0 and less than the stride %v, got %v", a.Stride, cfg.OutputPadding)
		}
		a.size[i] = (x.shape[2+i]-1)*a.Stride[i] - a.Padding[2*i] - a.Padding[2*i+1] + a.Dilation[i]*(w.shape[2+i]-1) + cfg.OutputPadding[i] + 1
		if a.size[i] < 1 {
			Fail(op, "", "padding %v leaves nothing of the output", a.Padding)
		}
	}
	y := apply(opConv2DGradInput, a, x, w)
	if b == nil {
		return y
	}
	b.alive(op)
	if !slices.Equal(b.shape, y.shape[1:2]) {
		Fail(op, "", "expected a bias of shape (%d), one number for each output channel, got %s", y.shape[1], b.shapeText())
	}
	return y.Add(b.Reshape(b.shape[0], 1, 1))
}
