package tensor_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

const testEps = 0.1 // large, so that forgetting it shows

// normalised returns h = (x − mean)·r over the elements at the given positions, and r; with rms the mean isn't subtracted.
func normalised(x []float64, at []int, rms bool) (h []float64, r float64) {
	mean, square := 0.0, 0.0
	for _, i := range at {
		mean += x[i] / float64(len(at))
	}
	if rms {
		mean = 0
	}
	for _, i := range at {
		square += (x[i] - mean) * (x[i] - mean) / float64(len(at))
	}
	r = 1 / math.Sqrt(square+testEps)
	for _, i := range at {
		h = append(h, (x[i]-mean)*r)
	}
	return h, r
}

// normCase says how to normalise: which elements share statistics and which share weights.
type normCase struct {
	x      []int
	params int // of gamma (and beta): 0, 1 or 2
	weight []int
	rms    bool
	group  func(i int) int // of a flat position in x: which statistics
	param  func(i int) int // of a flat position in x: which weight
	call   func(in []*Tensor) *Tensor
}

func (k normCase) inputs(r *rand.Rand) []*Tensor {
	in := []*Tensor{uniform(r, -2, 2, k.x...)}
	for range k.params {
		in = append(in, uniform(r, 0.5, 2, k.weight...))
	}
	return in
}

func (k normCase) groups(n int) map[int][]int {
	groups := map[int][]int{}
	for i := range n {
		groups[k.group(i)] = append(groups[k.group(i)], i)
	}
	return groups
}

func (k normCase) forward(in []nd) []nd {
	y := zerosOf(k.x)
	for _, at := range k.groups(len(y.data)) {
		h, _ := normalised(in[0].data, at, k.rms)
		for j, i := range at {
			y.data[i] = h[j]
			if k.params > 0 {
				y.data[i] *= in[1].data[k.param(i)]
			}
			if k.params > 1 {
				y.data[i] += in[2].data[k.param(i)]
			}
		}
	}
	return []nd{y}
}

// backward sums over the whole Jacobian ∂h[a]/∂x[b] = r·([a=b] − 1/n − h[a]·h[b]/n), without 1/n for RMS.
func (k normCase) backward(in []nd) []nd {
	out := []nd{zerosOf(k.x)}
	for range k.params {
		out = append(out, zerosOf(k.weight))
	}
	g := in[len(in)-1].data
	for _, at := range k.groups(len(g)) {
		h, r := normalised(in[0].data, at, k.rms)
		n := float64(len(at))
		for a, i := range at {
			q := g[i]
			if k.params > 0 {
				q *= in[1].data[k.param(i)]
				out[1].data[k.param(i)] += g[i] * h[a]
			}
			if k.params > 1 {
				out[2].data[k.param(i)] += g[i]
			}
			for b, j := range at {
				d := -h[a] * h[b] / n
				if !k.rms {
					d -= 1 / n
				}
				if a == b {
					d++
				}
				out[0].data[j] += q * r * d
			}
		}
	}
	return out
}

// rowCase normalises the last axes, n elements.
func rowCase(rms bool, params, n int, x, weight []int) normCase {
	return normCase{x, params, weight, rms, func(i int) int { return i / max(n, 1) }, func(i int) int { return i % max(n, 1) }, func(in []*Tensor) *Tensor {
		in = append(in, nil, nil)
		if rms {
			return RMSNorm(in[0], in[1], testEps)
		}
		return LayerNorm(in[0], in[1], in[2], testEps)
	}}
}

// channelCase normalises the channels of x (N, C, …).
func channelCase(params int, x ...int) normCase {
	s := 1
	for _, n := range x[2:] {
		s *= n
	}
	channel := func(i int) int { return i / s % x[1] }
	return normCase{x, params, []int{x[1]}, false, channel, channel, func(in []*Tensor) *Tensor {
		in = append(in, nil, nil)
		y, _, _ := BatchNorm(in[0], in[1], in[2], testEps)
		return y
	}}
}

func normRows(name string, cases []normCase, rejected, gradRejected []rejected, noScalar, noEmpty string) {
	build := func(grad bool) func(r *rand.Rand) []sample {
		return func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range cases {
				s := sample{in: k.inputs(r), call: func(in []*Tensor) []*Tensor { return []*Tensor{k.call(in)} }, want: k.forward}
				if grad {
					s.in = append(s.in, uniform(r, -1, 1, k.x...))
					s.call, s.want = gradsOf(k.call), k.backward
				}
				s.rtol32, s.atol32 = 1e-5, 1e-5
				out = append(out, s)
			}
			return out
		}
	}
	addRow(name, row{samples: build(false), rejected: rejected, noScalar: noScalar, noEmpty: noEmpty})
	addRow(name+"_grad", row{samples: build(true), rejected: gradRejected, noScalar: noScalar, noEmpty: noEmpty})
}

func init() {
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	const noScalar = "it is a statement about an axis"
	gradBad := func(name string, attrs any) []rejected {
		return []rejected{
			{"expected a gradient of the input's shape (2, 3), got (2, 2)", func() { Apply(name, attrs, x(2, 2), x(2, 3), x(2), x(2)) }},
			{"expected tensors of one data type", func() { Apply(name, attrs, x(2, 3), Zeros(Float64, 2, 3), x(2), x(2)) }},
			{"expected a float tensor, got bool", func() { Apply(name, attrs, Zeros(Bool, 2, 3), Zeros(Bool, 2, 3), x(2), x(2)) }},
		}
	}
	normRows("layer_norm", []normCase{
		rowCase(false, 2, 3, []int{2, 3}, []int{3}), rowCase(false, 1, 4, []int{2, 4}, []int{4}), rowCase(false, 0, 3, []int{2, 2, 3}, nil),
		rowCase(false, 2, 4, []int{2, 2, 2}, []int{2, 2}), rowCase(false, 2, 3, []int{3}, []int{3}), rowCase(false, 2, 3, []int{0, 3}, []int{3}), rowCase(false, 2, 0, []int{2, 0}, []int{0}),
	}, []rejected{
		{"the weight (10) doesn't match the last axes of the input (2, 5); the weight's shape says which last axes are normalised", func() { LayerNorm(x(2, 5), x(10), x(10), 1e-5) }},
		{"expected a bias of the weight's shape (5), got (2)", func() { LayerNorm(x(2, 5), x(5), x(2), 1e-5) }},
		{"a bias without a weight; pass ones", func() { LayerNorm(x(2, 5), nil, x(5), 1e-5) }},
		{"expected a tensor with axes, got a scalar", func() { LayerNorm(x(), nil, nil, 1e-5) }},
		{"expected a float tensor, got int64", func() { LayerNorm(Zeros(Int64, 2, 2), nil, nil, 1e-5) }},
	}, gradBad("layer_norm_grad", nil), noScalar, "")
	normRows("rms_norm", []normCase{
		rowCase(true, 1, 3, []int{2, 3}, []int{3}), rowCase(true, 0, 4, []int{2, 4}, nil), rowCase(true, 1, 3, []int{2, 2, 3}, []int{3}),
		rowCase(true, 1, 4, []int{2, 2, 2}, []int{2, 2}), rowCase(true, 1, 3, []int{0, 3}, []int{3}), rowCase(true, 0, 2, []int{2}, nil),
	}, []rejected{
		{"the weight (10) doesn't match the last axes of the input (2, 5)", func() { RMSNorm(x(2, 5), x(10), 1e-5) }},
		{"the weight (2, 2, 5) doesn't match", func() { RMSNorm(x(2, 5), x(2, 2, 5), 1e-5) }},
		{"expected tensors of one data type", func() { RMSNorm(x(2, 5), Zeros(Float64, 5), 1e-5) }},
	}, gradBad("rms_norm_grad", nil), noScalar, "")
	normRows("batch_norm", []normCase{
		channelCase(2, 4, 2), channelCase(0, 3, 2), channelCase(2, 2, 2, 3), channelCase(2, 2, 3, 2, 1), channelCase(0, 1, 2, 4),
	}, []rejected{
		{"training needs more than one value in each channel, got input (1, 5); use larger batches, drop the last incomplete one, or evaluate", func() { BatchNorm(x(1, 5), nil, nil, 1e-5) }},
		{"expected one number for each of the 5 channels of (4, 5), got (4); make the layer's number of channels that of axis 1", func() { BatchNorm(x(4, 5), x(4), x(4), 1e-5) }},
		{"expected an input of shape (N, C) or (N, C, …), got (5)", func() { BatchNorm(x(5), nil, nil, 1e-5) }},
		{"weight and bias must both be given or both be nil", func() { BatchNorm(x(4, 5), x(5), nil, 1e-5) }},
	}, []rejected{
		{"expected a gradient of the input's shape (2, 3), got (2, 2)", func() { Apply("batch_norm_grad", testEps, x(2, 2), x(2, 3), x(3), x(3)) }},
		{"expected one number for each of the 3 channels of (2, 3), got (2)", func() { Apply("batch_norm_grad", testEps, x(2, 3), x(2, 3), x(3), x(2)) }},
		{"expected a float tensor, got bool", func() { Apply("batch_norm_grad", testEps, Zeros(Bool, 2, 3), Zeros(Bool, 2, 3), x(3), x(3)) }},
	}, noScalar, "an empty batch has no statistics and is rejected")
	batchNormReLURows()
	addRow("batch_norm_infer", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range []normCase{channelCase(2, 2, 3), channelCase(0, 3, 2), channelCase(2, 1, 2, 3), channelCase(2, 2, 1, 2, 2), channelCase(2, 0, 3)} {
				in := []*Tensor{uniform(r, -2, 2, k.x...), uniform(r, -1, 1, k.x[1]), uniform(r, 0.5, 2, k.x[1])}
				for range k.params {
					in = append(in, uniform(r, 0.5, 2, k.x[1]))
				}
				out = append(out, sample{
					in: in,
					call: func(in []*Tensor) []*Tensor {
						in = append(in[:len(in):len(in)], nil, nil)
						return []*Tensor{BatchNormInfer(in[0], in[3], in[4], in[1], in[2], testEps)}
					},
					want: func(in []nd) []nd {
						y := zerosOf(k.x)
						for i := range y.data {
							c := k.param(i)
							y.data[i] = (in[0].data[i] - in[1].data[c]) / math.Sqrt(in[2].data[c]+testEps)
							if len(in) > 3 {
								y.data[i] = y.data[i]*in[3].data[c] + in[4].data[c]
							}
						}
						return []nd{y}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected one number for each of the 5 channels of (4, 5), got (4)", func() { BatchNormInfer(x(4, 5), nil, nil, x(5), x(4), 1e-5) }},
			{"expected an input of shape (N, C) or (N, C, …), got (5)", func() { BatchNormInfer(x(5), nil, nil, x(5), x(5), 1e-5) }},
			{"weight and bias must both be given or both be nil", func() { BatchNormInfer(x(4, 5), nil, x(5), x(5), x(5), 1e-5) }},
		},
	})
}

// batchNormReLURows adds the rows of batch norm with a ReLU behind it, with and without something added in between.
func batchNormReLURows() {
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	relu := func(k normCase, in []nd) nd {
		y := k.forward(in[:3])[0]
		for i := range y.data {
			if len(in) > 3 {
				y.data[i] += in[3].data[i]
			}
			y.data[i] = max(y.data[i], 0)
		}
		return y
	}
	samples := func(grad bool) func(r *rand.Rand) []sample {
		return func(r *rand.Rand) []sample {
			var out []sample
			for i, k := range []normCase{channelCase(2, 4, 2), channelCase(2, 2, 2, 3), channelCase(2, 3, 2, 2), channelCase(2, 2, 3, 2, 1), channelCase(2, 1, 2, 4), channelCase(2, 5, 3)} {
				s := sample{in: k.inputs(r), rtol32: 1e-5, atol32: 1e-5}
				if i%2 == 1 {
					s.in = append(s.in, uniform(r, -1, 1, k.x...))
				}
				call := func(in []*Tensor) *Tensor {
					y, _, _ := BatchNormReLU(in[0], in[1], in[2], append(in, nil)[3], testEps)
					return y
				}
				s.call = func(in []*Tensor) []*Tensor { return []*Tensor{call(in[:len(in):len(in)])} }
				s.want = func(in []nd) []nd { return []nd{relu(k, in)} }
				if grad {
					s.in = append(s.in, uniform(r, -1, 1, k.x...))
					s.call = gradsOf(func(in []*Tensor) *Tensor { return call(in[:len(in):len(in)]) })
					s.want = func(in []nd) []nd {
						y := relu(k, in[:len(in)-1])
						g := nd{y.shape, slices.Clone(in[len(in)-1].data)}
						for i, v := range y.data {
							if v <= 0 {
								g.data[i] = 0
							}
						}
						grads := k.backward([]nd{in[0], in[1], in[2], g})
						if len(in) > 4 {
							grads = append(grads, g)
						}
						return grads
					}
				}
				out = append(out, s)
			}
			return out
		}
	}
	const noScalar, noEmpty = "it is a statement about an axis", "an empty batch has no statistics and is rejected"
	addRow("batch_norm_relu", row{samples: samples(false), noScalar: noScalar, noEmpty: noEmpty, rejected: []rejected{
		{"training needs more than one value in each channel, got input (1, 5)", func() { BatchNormReLU(x(1, 5), x(5), x(5), nil, 1e-5) }},
		{"expected a shortcut of the input's shape and data type, float32 (4, 5), got float32 (4, 1)", func() { BatchNormReLU(x(4, 5), x(5), x(5), x(4, 1), 1e-5) }},
		{"expected one number for each of the 5 channels of (4, 5), got (4)", func() { BatchNormReLU(x(4, 5), x(4), x(4), nil, 1e-5) }},
	}})
	bad := func(y, mean, g *Tensor) func() {
		return func() {
			Apply("batch_norm_relu_grad", BatchNormReLUAttrs(testEps, true), g, x(2, 3), mean, x(3), x(3), y)
		}
	}
	addRow("batch_norm_relu_grad", row{samples: samples(true), noScalar: noScalar, noEmpty: noEmpty, rejected: []rejected{
		{"expected a gradient of the input's shape (2, 3), got (2, 2)", bad(x(2, 3), x(3), x(2, 2))},
		{"expected a result of the input's shape (2, 3), got (2, 1)", bad(x(2, 1), x(3), x(2, 3))},
		{"expected one number for each of the 3 channels of (2, 3), got (2)", bad(x(2, 3), x(2), x(2, 3))},
	}})
}

func TestBatchNormReturnsStatistics(t *testing.T) {
	x := FromSlice([]float64{1, 10, 2, 20, 6, 30}, 3, 2).RequireGrad()
	_, mean, variance := BatchNorm(x, nil, nil, 0)
	compareAll(t, "mean", []*Tensor{mean}, []nd{{[]int{2}, []float64{3, 20}}}, 1e-15, 0)
	compareAll(t, "variance", []*Tensor{variance}, []nd{{[]int{2}, []float64{14.0 / 3, 200.0 / 3}}}, 1e-15, 0)
	if mean.RequiresGrad() || variance.RequiresGrad() {
		t.Error("statistics are tracked")
	}
}

func TestGroupAndInstanceNorm(t *testing.T) {
	r := random()
	shape := []int{2, 4, 3}
	x, gamma, beta := uniform(r, -2, 2, shape...), uniform(r, 0.5, 2, 4), uniform(r, -1, 1, 4)
	for groups := 1; groups <= 4; groups *= 2 {
		k := normCase{x: shape, params: 2, group: func(i int) int { return i / (12 / groups) }, param: func(i int) int { return i / 3 % 4 }}
		want := k.forward([]nd{{shape, ToSlice[float64](x)}, {nil, ToSlice[float64](gamma)}, {nil, ToSlice[float64](beta)}})
		compareAll(t, "group norm", []*Tensor{GroupNorm(x, groups, gamma, beta, testEps)}, want, 1e-12, 1e-12)
		if groups == 4 {
			compareAll(t, "instance norm", []*Tensor{InstanceNorm(x, gamma, beta, testEps)}, want, 1e-12, 1e-12)
		}
	}
	checkRejected(t, rejected{"4 channels can't be split into 3 groups", func() { GroupNorm(x, 3, nil, nil, 1e-5) }})
	checkRejected(t, rejected{"expected weight and bias of shape (4), one number for each channel of (2, 4, 3), got (3)", func() { GroupNorm(x, 2, uniform(r, 0, 1, 3), nil, 1e-5) }})
	checkRejected(t, rejected{"instance_norm: expected an input of shape (N, C, …), got (4)", func() { InstanceNorm(gamma, nil, nil, 1e-5) }})
}
