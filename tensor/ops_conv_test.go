package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// convCase is one convolution.
type convCase struct {
	x, w []int
	bias bool
	cfg  Conv2DConfig
}

var convCases = []convCase{
	{[]int{2, 1, 4, 3}, []int{2, 1, 2, 2}, true, Conv2DConfig{}},
	{[]int{1, 2, 3, 3}, []int{1, 2, 3, 3}, false, Conv2DConfig{Padding: [4]int{1, 1, 1, 1}}},
	{[]int{1, 1, 5, 4}, []int{2, 1, 2, 3}, true, Conv2DConfig{Stride: [2]int{2, 1}, Padding: [4]int{1, 0, 0, 2}}},
	{[]int{1, 2, 5, 3}, []int{2, 1, 2, 2}, true, Conv2DConfig{Groups: 2, Dilation: [2]int{3, 1}, Stride: [2]int{1, 2}}},
	{[]int{2, 4, 2, 2}, []int{2, 2, 1, 1}, false, Conv2DConfig{Groups: 2}},
	{[]int{0, 1, 3, 3}, []int{2, 1, 2, 2}, true, Conv2DConfig{}},
	{[]int{1, 1, 1, 1}, []int{1, 1, 1, 1}, true, Conv2DConfig{Padding: [4]int{0, 1, 1, 0}}},
}

// outputs returns the rows and columns of the result.
func (k convCase) outputs() (n [2]int) {
	for i := range 2 {
		n[i] = (k.x[2+i]+k.cfg.Padding[2*i]+k.cfg.Padding[2*i+1]-max(k.cfg.Dilation[i], 1)*(k.w[2+i]-1)-1)/max(k.cfg.Stride[i], 1) + 1
	}
	return n
}

func (k convCase) outShape() []int {
	n := k.outputs()
	return []int{k.x[0], k.w[0], n[0], n[1]}
}

// terms calls f with the flat positions of every product x·w and of the y that it is part of.
func (k convCase) terms(f func(y, x, w int)) {
	groups := max(k.cfg.Groups, 1)
	n := k.outputs()
	kg, cg := k.w[0]/groups, k.w[1]
	each(k.outShape(), func(o []int) {
		each(k.w[1:], func(at []int) {
			row := o[2]*max(k.cfg.Stride[0], 1) - k.cfg.Padding[0] + at[1]*max(k.cfg.Dilation[0], 1)
			col := o[3]*max(k.cfg.Stride[1], 1) - k.cfg.Padding[2] + at[2]*max(k.cfg.Dilation[1], 1)
			if row < 0 || row >= k.x[2] || col < 0 || col >= k.x[3] {
				return
			}
			channel := o[1]/kg*cg + at[0]
			f(((o[0]*k.w[0]+o[1])*n[0]+o[2])*n[1]+o[3],
				((o[0]*k.x[1]+channel)*k.x[2]+row)*k.x[3]+col,
				((o[1]*cg+at[0])*k.w[2]+at[1])*k.w[3]+at[2])
		})
	})
}

func (k convCase) forward(in []nd) nd {
	y := zerosOf(k.outShape())
	k.terms(func(yi, xi, wi int) { y.data[yi] += in[0].data[xi] * in[1].data[wi] })
	if len(in) > 2 {
		n := k.outputs()
		for i := range y.data {
			y.data[i] += in[2].data[i/(n[0]*n[1])%k.w[0]]
		}
	}
	return y
}

func (k convCase) gradInput(dy, w nd) nd {
	dx := zerosOf(k.x)
	k.terms(func(yi, xi, wi int) { dx.data[xi] += dy.data[yi] * w.data[wi] })
	return dx
}

func (k convCase) gradWeight(x, dy nd) nd {
	dw := zerosOf(k.w)
	k.terms(func(yi, xi, wi int) { dw.data[wi] += dy.data[yi] * x.data[xi] })
	return dw
}

func zerosOf(shape []int) nd {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return nd{shape, make([]float64, n)}
}

func (k convCase) inputs(r *rand.Rand) []*Tensor {
	in := []*Tensor{uniform(r, -1, 1, k.x...), uniform(r, -1, 1, k.w...)}
	if k.bias {
		in = append(in, uniform(r, -1, 1, k.w[0]))
	}
	return in
}

func init() {
	const noScalar = "images have four axes"
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	conv := func(x, w, b *Tensor, cfg Conv2DConfig) func() { return func() { Conv2D(x, w, b, cfg) } }
	one := Conv2DConfig{}
	addRow("conv2d", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range convCases {
				s := sample{
					in:   k.inputs(r),
					call: func(in []*Tensor) []*Tensor { return []*Tensor{Conv2D(in[0], in[1], third(in), k.cfg)} },
					want: func(in []nd) []nd { return []nd{k.forward(in)} },
				}
				out = append(out, s)
				s.name = "relu"
				for near := true; near; { // not at the kink
					s.in, near = k.inputs(r), false
					for _, v := range ToSlice[float64](s.call(s.in)[0]) {
						near = near || math.Abs(v) < 0.02
					}
				}
				s.call = func(in []*Tensor) []*Tensor { return []*Tensor{Conv2DReLU(in[0], in[1], third(in), k.cfg)} }
				s.want = func(in []nd) []nd {
					return []nd{mapped(k.forward(in), func(v float64) float64 { return max(v, 0) })}
				}
				out = append(out, s)
				out = append(out, sample{
					name: "add",
					in:   append(k.inputs(r), uniform(r, -1, 1, k.outShape()...)),
					call: func(in []*Tensor) []*Tensor {
						last := len(in) - 1
						return []*Tensor{Conv2DAdd(in[0], in[1], third(in[:last]), in[last], false, k.cfg)}
					},
					want: func(in []nd) []nd {
						last := len(in) - 1
						y := k.forward(in[:last])
						for i, v := range in[last].data {
							y.data[i] += v
						}
						return []nd{y}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"conv2d: expected an input of shape (N, C, H, W), got (32, 784); Unflatten/Reshape to (32, 1, 28, 28)?", conv(x(32, 784), x(6, 1, 5, 5), nil, one)},
			{"got (32, 3072); Unflatten/Reshape to (32, 3, 32, 32)?", conv(x(32, 3072), x(6, 3, 5, 5), nil, one)},
			{"got (3, 32, 32); one image? Reshape to (1, 3, 32, 32)", conv(x(3, 32, 32), x(6, 3, 5, 5), nil, one)},
			{"got (8, 28, 28); Reshape to (8, 1, 28, 28)?", conv(x(8, 28, 28), x(6, 1, 5, 5), nil, one)},
			{"input (8, 3, 28, 28) has 3 channels, the weight (6, 1, 5, 5) with 1 group(s) wants 1; make the layer's number of input channels 3", conv(x(8, 3, 28, 28), x(6, 1, 5, 5), nil, one)},
			{"are the channels last? Permute(0, 3, 1, 2)", conv(x(8, 28, 28, 3), x(6, 3, 5, 5), nil, one)},
			{"the kernel reaches over 5×5, more than the padded input 4×6 (input (8, 1, 2, 6), kernel 5×5); take a smaller kernel, more padding, or less pooling before",
				conv(x(8, 1, 2, 6), x(6, 1, 5, 5), nil, Conv2DConfig{Padding: [4]int{1, 1, 0, 0}})},
			{"3 output channels can't be split into 2 groups", conv(x(8, 2, 2, 6), x(3, 1, 1, 1), nil, Conv2DConfig{Groups: 2})},
			{"expected a bias of shape (3), one number for each output channel of the weight (3, 2, 1, 1), got (1)", conv(x(8, 2, 2, 6), x(3, 2, 1, 1), x(1), one)},
			{"expected a weight of shape (out, in/groups, rows, columns), got (3, 2)", conv(x(8, 2, 2, 6), x(3, 2), nil, one)},
			{"the result has shape (8, 3, 2, 6), what is to be added has (8, 3, 2, 1); bring it to that shape, by a convolution of 1×1 for instance",
				func() { Conv2DAdd(x(8, 2, 2, 6), x(3, 2, 1, 1), nil, x(8, 3, 2, 1), true, one) }},
			{"must be at least 1 and paddings at least 0, got stride [-1 1]", conv(x(8, 2, 2, 6), x(3, 2, 1, 1), nil, Conv2DConfig{Stride: [2]int{-1, 0}})},
			{"expected a float tensor, got uint8 (8, 1, 28, 28)", conv(Zeros(Uint8, 8, 1, 28, 28), x(6, 1, 5, 5), nil, one)},
			{"expected tensors of one data type, got float64 (8, 1, 28, 28) and float32 (6, 1, 5, 5)", conv(Zeros(Float64, 8, 1, 28, 28), x(6, 1, 5, 5), nil, one)},
			{"expected an input of shape (N, C, L) and a weight of shape (out, in/groups, size), got (2, 3) and (1, 3, 1)", func() { Conv1D(x(2, 3), x(1, 3, 1), nil, Conv1DConfig{}) }},
		},
	})
	addRow("conv2d_grad_input", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range convCases {
				out = append(out, sample{
					in: []*Tensor{uniform(r, -1, 1, k.outShape()...), uniform(r, -1, 1, k.w...)},
					call: func(in []*Tensor) []*Tensor {
						return Apply("conv2d_grad_input", ConvAttrs(k.cfg, k.x[2], k.x[3]), in...)
					},
					want: func(in []nd) []nd { return []nd{k.gradInput(in[0], in[1])} },
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a gradient of the output's shape (2, 3, 4, 4), got (2, 3, 4, 5)", func() { Apply("conv2d_grad_input", ConvAttrs(one, 5, 5), x(2, 3, 4, 5), x(3, 1, 2, 2)) }},
			{"more than the padded input 1×1", func() { Apply("conv2d_grad_input", ConvAttrs(one, 1, 1), x(2, 3, 4, 5), x(3, 1, 2, 2)) }},
			{"expected a weight of shape (out, in/groups, rows, columns), got (3)", func() { Apply("conv2d_grad_input", ConvAttrs(one, 5, 5), x(2, 3, 4, 5), x(3)) }},
			{"conv_transpose2d: expected an input of shape (N, in, H, W) and a weight of shape (in, out/groups, rows, columns), got (2, 3, 4, 5) and (2, 3, 1, 1)",
				func() { ConvTranspose2D(x(2, 3, 4, 5), x(2, 3, 1, 1), nil, ConvTranspose2DConfig{}) }},
			{"output padding must be at least 0 and less than the stride [1 1], got [1 0]",
				func() {
					ConvTranspose2D(x(2, 2, 4, 5), x(2, 3, 1, 1), nil, ConvTranspose2DConfig{OutputPadding: [2]int{1, 0}})
				}},
			{"padding [4 0 0 0] leaves nothing of the output", func() { ConvTranspose2D(x(2, 2, 4, 5), x(2, 3, 1, 1), nil, ConvTranspose2DConfig{Padding: [4]int{4}}) }},
			{"expected a bias of shape (3), one number for each output channel, got (2)", func() { ConvTranspose2D(x(2, 2, 4, 5), x(2, 3, 1, 1), x(2), ConvTranspose2DConfig{}) }},
		},
	})
	addRow("conv2d_grad_weight", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range convCases {
				out = append(out, sample{
					in: []*Tensor{uniform(r, -1, 1, k.x...), uniform(r, -1, 1, k.outShape()...)},
					call: func(in []*Tensor) []*Tensor {
						return Apply("conv2d_grad_weight", ConvAttrs(k.cfg, k.w[2], k.w[3]), in...)
					},
					want: func(in []nd) []nd { return []nd{k.gradWeight(in[0], in[1])} },
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a gradient of the output's shape (2, 3, 3, 3), got (2, 3, 4, 4)", func() { Apply("conv2d_grad_weight", ConvAttrs(one, 2, 2), x(2, 1, 4, 4), x(2, 3, 4, 4)) }},
			{"expected an input of shape (N, C, H, W), got (2, 16)", func() { Apply("conv2d_grad_weight", ConvAttrs(one, 2, 2), x(2, 16), x(2, 3, 4, 4)) }},
			{"expected tensors of one data type, got float64 (2, 3, 3, 3) and float32 (3, 1, 2, 2)",
				func() { Apply("conv2d_grad_weight", ConvAttrs(one, 2, 2), x(2, 1, 4, 4), Zeros(Float64, 2, 3, 3, 3)) }},
		},
	})
}

func TestConv1DIsConv2DOfOneRow(t *testing.T) {
	x, w, b := uniform(random(), -1, 1, 2, 2, 7), uniform(random(), -1, 1, 4, 1, 3), uniform(random(), -1, 1, 4)
	cfg := Conv1DConfig{Stride: 2, Padding: [2]int{2, 1}, Dilation: 2, Groups: 2}
	k := convCase{[]int{2, 2, 1, 7}, []int{4, 1, 1, 3}, true, Conv2DConfig{Stride: [2]int{1, 2}, Padding: [4]int{0, 0, 2, 1}, Dilation: [2]int{1, 2}, Groups: 2}}
	want := k.forward([]nd{{k.x, ToSlice[float64](x)}, {k.w, ToSlice[float64](w)}, {nil, ToSlice[float64](b)}})
	want.shape = []int{2, 4, want.shape[3]}
	compareAll(t, "conv1d", []*Tensor{Conv1D(x, w, b, cfg)}, []nd{want}, 1e-13, 1e-13)
}
