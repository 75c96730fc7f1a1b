package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// poolCase is one pooling; only averages use exclude and divisor, only maxima dilation.
type poolCase struct {
	x        []int
	cfg      MaxPool2DConfig
	exclude  bool
	divisor  int
	rows     int // of the result, by PyTorch
	cols     int
	averages bool // no dilation: fit for averages
}

var poolCases = []poolCase{
	{[]int{2, 2, 4, 4}, MaxPool2DConfig{Kernel: [2]int{2, 2}}, false, 0, 2, 2, true},
	{[]int{1, 2, 3, 5}, MaxPool2DConfig{Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Padding: [4]int{1, 1, 0, 1}}, false, 0, 3, 3, true},
	{[]int{1, 2, 3, 5}, MaxPool2DConfig{Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Padding: [4]int{1, 1, 0, 1}}, true, 0, 3, 3, true},
	{[]int{1, 1, 5, 5}, MaxPool2DConfig{Kernel: [2]int{2, 2}, Ceil: true}, false, 0, 3, 3, true},
	{[]int{1, 1, 4, 6}, MaxPool2DConfig{Kernel: [2]int{3, 3}, Stride: [2]int{2, 3}, Padding: [4]int{1, 1, 1, 1}, Ceil: true}, false, 0, 3, 3, true},
	{[]int{1, 1, 4, 3}, MaxPool2DConfig{Kernel: [2]int{2, 1}, Stride: [2]int{1, 1}}, false, 3, 3, 3, true},
	{[]int{2, 1, 5, 4}, MaxPool2DConfig{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{3, 2}}, false, 0, 2, 2, false},
	{[]int{0, 1, 4, 4}, MaxPool2DConfig{Kernel: [2]int{2, 2}}, false, 0, 2, 2, true},
}

func (k poolCase) outShape() []int { return []int{k.x[0], k.x[1], k.rows, k.cols} }

// windows calls f for every window with the flat positions in the input that it holds, and how many positions of input and padding.
func (k poolCase) windows(f func(y int, xs []int, padded int)) {
	stride, y := k.cfg.Stride, 0
	for i := range 2 {
		if stride[i] == 0 {
			stride[i] = k.cfg.Kernel[i]
		}
	}
	each(k.outShape(), func(o []int) {
		var xs []int
		padded := 0
		for a := range k.cfg.Kernel[0] {
			for b := range k.cfg.Kernel[1] {
				row := o[2]*stride[0] - k.cfg.Padding[0] + a*max(k.cfg.Dilation[0], 1)
				col := o[3]*stride[1] - k.cfg.Padding[2] + b*max(k.cfg.Dilation[1], 1)
				if row < k.x[2]+k.cfg.Padding[1] && col < k.x[3]+k.cfg.Padding[3] {
					padded++
				}
				if row >= 0 && row < k.x[2] && col >= 0 && col < k.x[3] {
					xs = append(xs, ((o[0]*k.x[1]+o[1])*k.x[2]+row)*k.x[3]+col)
				}
			}
		}
		f(y, xs, padded)
		y++
	})
}

// winner returns which of xs holds the largest element, the first of equal ones.
func winner(x []float64, xs []int) int {
	best := xs[0]
	for _, i := range xs {
		if x[i] > x[best] {
			best = i
		}
	}
	return best
}

func (k poolCase) average() AvgPool2DConfig {
	return AvgPool2DConfig{Kernel: k.cfg.Kernel, Stride: k.cfg.Stride, Padding: k.cfg.Padding, Ceil: k.cfg.Ceil, ExcludePad: k.exclude, Divisor: k.divisor}
}

// share returns what a window of an average multiplies its elements with.
func (k poolCase) share(xs []int, padded int) float64 {
	switch {
	case k.divisor != 0:
		return 1 / float64(k.divisor)
	case k.exclude:
		return 1 / float64(len(xs))
	}
	return 1 / float64(padded)
}

// distinct returns numbers at least 0.1 apart in random order, so that no step of a difference changes a maximum.
func distinct(r *rand.Rand, shape ...int) *Tensor {
	x := zerosOf(shape)
	for i, p := range r.Perm(len(x.data)) {
		x.data[i] = 0.1 * float64(p)
	}
	return FromSlice(x.data, len(x.data)).Reshape(shape...)
}

// poolSamples makes samples of the cases; in and the rest are functions of the case.
func poolSamples(averages bool, build func(k poolCase, r *rand.Rand) sample) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, k := range poolCases {
			if k.averages || !averages {
				out = append(out, build(k, r))
			}
		}
		return out
	}
}

func init() {
	const noScalar = "images have four axes"
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	two := MaxPool2DConfig{Kernel: [2]int{2, 2}}
	pool := func(x *Tensor, cfg MaxPool2DConfig) func() { return func() { MaxPool2D(x, cfg) } }
	addRow("max_pool2d", row{
		noScalar: noScalar,
		samples: poolSamples(false, func(k poolCase, r *rand.Rand) sample {
			return sample{
				in:   []*Tensor{distinct(r, k.x...)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{MaxPool2D(in[0], k.cfg)} },
				want: func(in []nd) []nd {
					y := zerosOf(k.outShape())
					k.windows(func(i int, xs []int, _ int) { y.data[i] = in[0].data[winner(in[0].data, xs)] })
					return []nd{y}
				},
			}
		}),
		rejected: []rejected{
			{"expected an input of shape (N, C, H, W), got (8, 28); Reshape it to images first", pool(x(8, 28), two)},
			{"the kernel reaches over 3 of rows, more than the 2 of the padded input (1, 1, 2, 8); take a smaller kernel", pool(x(1, 1, 2, 8), MaxPool2DConfig{Kernel: [2]int{3, 3}})},
			{"the kernel reaches over 5 of columns, more than the 3", pool(x(1, 1, 8, 3), MaxPool2DConfig{Kernel: [2]int{3, 3}, Dilation: [2]int{1, 2}})},
			{"padding [2 0 0 0] is more than half of the kernel [2 2]", pool(x(1, 1, 8, 8), MaxPool2DConfig{Kernel: [2]int{2, 2}, Padding: [4]int{2}})},
			{"must be at least 1 and paddings at least 0, got kernel [0 0]", pool(x(1, 1, 8, 8), MaxPool2DConfig{})},
			{"expected a float tensor, got uint8 (1, 1, 8, 8)", pool(Zeros(Uint8, 1, 1, 8, 8), two)},
			{"max_pool1d: expected an input of shape (N, C, L), got (1, 8)", func() { MaxPool1D(x(1, 8), MaxPool1DConfig{Kernel: 2}) }},
		},
	})
	// The gradients take the indices that max_pool2d found for fixed numbers.
	indices := func(k poolCase) *Tensor {
		return Apply("max_pool2d", IndexedMaxPoolAttrs(k.cfg), distinct(random(), k.x...))[1]
	}
	attrs := MaxPoolAttrs(two, x(1, 1, 4, 4))
	addRow("max_pool2d_grad", row{
		noScalar: noScalar,
		samples: poolSamples(false, func(k poolCase, r *rand.Rand) sample {
			return sample{
				in: []*Tensor{uniform(r, -1, 1, k.outShape()...), indices(k)},
				call: func(in []*Tensor) []*Tensor {
					return Apply("max_pool2d_grad", MaxPoolAttrs(k.cfg, Zeros(Float64, k.x...)), in...)
				},
				want: func(in []nd) []nd {
					dx, x := zerosOf(k.x), ToSlice[float64](distinct(random(), k.x...))
					k.windows(func(i int, xs []int, _ int) { dx.data[winner(x, xs)] += in[0].data[i] })
					return []nd{dx}
				},
			}
		}),
		rejected: []rejected{
			{"expected 1 planes of 2×2, got (1, 1, 3, 2)", func() { Apply("max_pool2d_grad", attrs, x(1, 1, 3, 2), Zeros(Int32, 1, 1, 2, 2)) }},
			{"expected 1 planes of 2×2 indices as int32, got int64 (1, 1, 2, 2)", func() { Apply("max_pool2d_grad", attrs, x(1, 1, 2, 2), Zeros(Int64, 1, 1, 2, 2)) }},
			{"expected a float tensor, got int32 (1, 1, 2, 2)", func() { Apply("max_pool2d_grad", attrs, Zeros(Int32, 1, 1, 2, 2), Zeros(Int32, 1, 1, 2, 2)) }},
		},
	})
	addRow("max_pool2d_gather", row{
		noScalar: noScalar,
		samples: poolSamples(false, func(k poolCase, r *rand.Rand) sample {
			return sample{
				in: []*Tensor{uniform(r, -1, 1, k.x...), indices(k)},
				call: func(in []*Tensor) []*Tensor {
					return Apply("max_pool2d_gather", MaxPoolAttrs(k.cfg, Zeros(Float64, k.x...)), in...)
				},
				want: func(in []nd) []nd {
					y, x := zerosOf(k.outShape()), ToSlice[float64](distinct(random(), k.x...))
					k.windows(func(i int, xs []int, _ int) { y.data[i] = in[0].data[winner(x, xs)] })
					return []nd{y}
				},
			}
		}),
		rejected: []rejected{
			{"expected 1 planes of 4×4, got (1, 1, 2, 2)", func() { Apply("max_pool2d_gather", attrs, x(1, 1, 2, 2), Zeros(Int32, 1, 1, 2, 2)) }},
			{"expected 1 planes of 2×2 indices as int32, got int32 (1, 1, 4, 4)", func() { Apply("max_pool2d_gather", attrs, x(1, 1, 4, 4), Zeros(Int32, 1, 1, 4, 4)) }},
			{"expected a float tensor, got bool (1, 1, 4, 4)", func() { Apply("max_pool2d_gather", attrs, Zeros(Bool, 1, 1, 4, 4), Zeros(Int32, 1, 1, 2, 2)) }},
		},
	})
	average := AvgPool2DConfig{Kernel: [2]int{2, 2}}
	addRow("avg_pool2d", row{
		noScalar: noScalar,
		samples: poolSamples(true, func(k poolCase, r *rand.Rand) sample {
			return sample{
				in:   []*Tensor{uniform(r, -1, 1, k.x...)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{AvgPool2D(in[0], k.average())} },
				want: func(in []nd) []nd {
					y := zerosOf(k.outShape())
					k.windows(func(i int, xs []int, padded int) {
						for _, j := range xs {
							y.data[i] += in[0].data[j] * k.share(xs, padded)
						}
					})
					return []nd{y}
				},
			}
		}),
		rejected: []rejected{
			{"expected an input of shape (N, C, H, W), got (28)", func() { AvgPool2D(x(28), average) }},
			{"expected a divisor above 0, got -1", func() { AvgPool2D(x(1, 1, 4, 4), AvgPool2DConfig{Kernel: [2]int{2, 2}, Divisor: -1}) }},
			{"the kernel reaches over 2 of rows, more than the 1", func() { AvgPool2D(x(1, 1, 1, 4), average) }},
			{"adaptive_avg_pool2d: expected an output of at least 1×1, got 0×1", func() { AdaptiveAvgPool2D(x(1, 1, 1, 4), 0, 1) }},
			{"adaptive_avg_pool2d: expected an input of shape (N, C, H, W), got (4)", func() { AdaptiveAvgPool2D(x(4), 1, 1) }},
		},
	})
	addRow("avg_pool2d_grad", row{
		noScalar: noScalar,
		samples: poolSamples(true, func(k poolCase, r *rand.Rand) sample {
			return sample{
				in: []*Tensor{uniform(r, -1, 1, k.outShape()...)},
				call: func(in []*Tensor) []*Tensor {
					return Apply("avg_pool2d_grad", AvgPoolAttrs(k.average(), k.x[2], k.x[3]), in...)
				},
				want: func(in []nd) []nd {
					dx := zerosOf(k.x)
					k.windows(func(i int, xs []int, padded int) {
						for _, j := range xs {
							dx.data[j] += in[0].data[i] * k.share(xs, padded)
						}
					})
					return []nd{dx}
				},
			}
		}),
		rejected: []rejected{
			{"expected 1 planes of 2×2, got (1, 1, 3, 2)", func() { Apply("avg_pool2d_grad", AvgPoolAttrs(average, 4, 4), x(1, 1, 3, 2)) }},
			{"more than the 1 of the padded input", func() { Apply("avg_pool2d_grad", AvgPoolAttrs(average, 1, 4), x(1, 1, 3, 2)) }},
			{"expected a float tensor, got int64", func() { Apply("avg_pool2d_grad", AvgPoolAttrs(average, 4, 4), Zeros(Int64, 1, 1, 2, 2)) }},
		},
	})
}

func TestAdaptiveAvgPool2DByDefinition(t *testing.T) {
	x := uniform(random(), -1, 1, 2, 3, 7, 5)
	for _, size := range [][2]int{{1, 1}, {7, 5}, {3, 2}, {2, 5}, {9, 6}} {
		want := zerosOf([]int{2, 3, size[0], size[1]})
		i := 0
		each(want.shape, func(at []int) {
			r0, r1 := at[2]*7/size[0], int(math.Ceil(float64((at[2]+1)*7)/float64(size[0])))
			c0, c1 := at[3]*5/size[1], int(math.Ceil(float64((at[3]+1)*5)/float64(size[1])))
			for r := r0; r < r1; r++ {
				for c := c0; c < c1; c++ {
					want.data[i] += x.At(at[0], at[1], r, c) / float64((r1-r0)*(c1-c0))
				}
			}
			i++
		})
		compareAll(t, "adaptive", []*Tensor{AdaptiveAvgPool2D(x, size[0], size[1])}, []nd{want}, 1e-12, 1e-14)
	}
}

func TestPool1DIsPool2DOfOneRow(t *testing.T) {
	x := FromSlice([]float64{3, -1, 4, 1, -5, 9, 2}, 1, 1, 7)
	compareAll(t, "max", []*Tensor{MaxPool1D(x, MaxPool1DConfig{Kernel: 3, Stride: 2, Padding: [2]int{1, 0}, Ceil: true})},
		[]nd{{[]int{1, 1, 4}, []float64{3, 4, 9, 9}}}, 0, 0)
	compareAll(t, "average", []*Tensor{AvgPool1D(x, AvgPool1DConfig{Kernel: 2})}, []nd{{[]int{1, 1, 3}, []float64{1, 2.5, 2}}}, 0, 0)
}
