package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// crossCase is one use of cross entropy with class indices.
type crossCase struct {
	name      string
	shape     []int // of the logits
	labels    []int64
	smoothing float64
	weight    []float64
	ignore    int64
	reduction Reduction
}

var crossCases = []crossCase{
	{"plain", []int{3, 4}, []int64{0, 3, 1}, 0, nil, -100, ReductionMean},
	{"sum", []int{2, 3}, []int64{2, 0}, 0, nil, -100, ReductionSum},
	{"each", []int{2, 3}, []int64{2, 0}, 0.1, nil, -100, ReductionNone},
	{"smoothed and weighted", []int{3, 3}, []int64{2, 0, 2}, 0.2, []float64{1, 0.5, 2}, -100, ReductionMean},
	{"ignored", []int{3, 2}, []int64{1, 0, 1}, 0.1, []float64{1, 3}, 0, ReductionMean},
	{"ignored each", []int{3, 2}, []int64{1, -7, 1}, 0, []float64{1, 3}, -7, ReductionNone},
	{"positions", []int{2, 3, 2}, []int64{2, 0, 1, 1}, 0.1, nil, 0, ReductionNone},
	{"positions mean", []int{1, 2, 2, 1}, []int64{1, 0}, 0, []float64{2, 3}, -100, ReductionMean},
	{"one example", []int{3}, []int64{1}, 0, nil, -100, ReductionMean},
	{"none at all", []int{0, 3}, nil, 0, nil, -100, ReductionSum},
}

func (k crossCase) labelShape() []int {
	if len(k.shape) == 1 {
		return nil
	}
	return append([]int{k.shape[0]}, k.shape[2:]...)
}

func (k crossCase) call(in []*Tensor) *Tensor {
	cfg := CrossEntropyConfig{Reduction: k.reduction, LabelSmoothing: k.smoothing, IgnoreIndex: &k.ignore}
	if k.weight != nil {
		cfg.Weight = FromSlice(k.weight)
	}
	return CrossEntropy(in[0], in[1], cfg)
}

// q returns the coefficient of −log p[c] in the loss of an example with label t.
func (k crossCase) q(t int64, c, classes int) float64 {
	if t == k.ignore {
		return 0
	}
	w := 1.0
	if k.weight != nil {
		w = k.weight[c]
	}
	q := k.smoothing / float64(classes)
	if int64(c) == t {
		q += 1 - k.smoothing
	}
	return w * q
}

func (k crossCase) denominator(labels []float64) float64 {
	if k.reduction != ReductionMean {
		return 1
	}
	d := 0.0
	for _, t := range labels {
		switch {
		case int64(t) == k.ignore:
		case k.weight != nil:
			d += k.weight[int(t)]
		default:
			d++
		}
	}
	return d
}

// examples calls f with each example: its number, its logits' positions in the array, and its label.
func (k crossCase) examples(labels []float64, f func(i int, at []int, t int64)) {
	if len(k.shape) == 1 {
		f(0, []int{0, 1, 2}, int64(labels[0]))
		return
	}
	n, classes, inner := k.shape[0], k.shape[1], 1
	for _, s := range k.shape[2:] {
		inner *= s
	}
	for b := range n {
		for p := range inner {
			at := make([]int, classes)
			for c := range at {
				at[c] = (b*classes+c)*inner + p
			}
			f(b*inner+p, at, int64(labels[b*inner+p]))
		}
	}
}

func (k crossCase) want(in []nd) []nd {
	x, labels := in[0], in[1].data
	losses := make([]float64, len(labels))
	k.examples(labels, func(i int, at []int, t int64) {
		p := probabilities(x.data, at)
		for c := range p {
			losses[i] -= k.q(t, c, len(p)) * math.Log(p[c])
		}
	})
	if k.reduction == ReductionNone {
		return []nd{{in[1].shape, losses}}
	}
	sum := 0.0
	for _, l := range losses {
		sum += l / k.denominator(labels)
	}
	return []nd{{nil, []float64{sum}}}
}

func (k crossCase) wantGrad(in []nd) []nd {
	x, labels, g := in[0], in[1].data, in[2]
	dx := nd{x.shape, make([]float64, len(x.data))}
	k.examples(labels, func(i int, at []int, t int64) {
		p := probabilities(x.data, at)
		scale := g.data[i%len(g.data)] / k.denominator(labels)
		for j, a := range at {
			for c := range p {
				d := p[j]
				if c == j {
					d--
				}
				dx.data[a] += scale * k.q(t, c, len(p)) * d
			}
		}
	})
	return []nd{dx}
}

func probabilities(x []float64, at []int) []float64 {
	v, p := make([]float64, len(at)), make([]float64, len(at))
	for i, a := range at {
		v[i] = x[a]
	}
	softmaxOf([][]float64{v}, p)
	return p
}

func init() {
	build := func(grad bool) func(r *rand.Rand) []sample {
		return func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range crossCases {
				s := sample{
					name: k.name,
					in:   []*Tensor{uniform(r, -2, 2, k.shape...), FromSlice(k.labels, len(k.labels)).Reshape(k.labelShape()...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{k.call(in)} },
					want: k.want,
				}
				if grad {
					var shape []int
					if k.reduction == ReductionNone {
						shape = k.labelShape()
					}
					s.in = append(s.in, uniform(r, -1, 1, shape...))
					s.call, s.want = gradsOf(k.call), k.wantGrad
				}
				out = append(out, s)
			}
			return out
		}
	}
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	of := func(logits, target *Tensor, cfg CrossEntropyConfig) func() {
		return func() { CrossEntropy(logits, target, cfg) }
	}
	none := CrossEntropyConfig{}
	addRow("cross_entropy", row{
		samples: build(false),
		rejected: []rejected{
			{"cross_entropy: label 10 at position (2) is outside of 0 to 9, the logits have 10 classes; labels count from 0; has the last layer as many outputs as there are classes?",
				of(x(3, 10), FromSlice([]int64{1, 9, 10}), none)},
			{"label -1 at position (0, 1) is outside of 0 to 2", of(x(1, 3, 2), FromSlice([]int64{1, -1}, 1, 2), none)},
			{"labels are float32; cross entropy wants class indices as int64 (convert with To(tensor.Int64)) or probabilities of shape (3, 10)", of(x(3, 10), x(3), none)},
			{"labels are bool; cross entropy wants class indices; convert with To(tensor.Int64), or use BCEWithLogits", of(x(3, 2), Zeros(Bool, 3), none)},
			{"labels are int64 of the logits' shape (3, 2); class indices have shape (3); one-hot labels are probabilities", of(x(3, 2), Zeros(Int64, 3, 2), none)},
			{"logits (3, 2) want labels of shape (3), got (3, 1); Reshape the labels to (3)", of(x(3, 2), Zeros(Int64, 3, 1), none)},
			{"logits (3, 2) want labels of shape (3), got (4); logits have shape (N, C), labels (N)", of(x(3, 2), Zeros(Int64, 4), none)},
			{"expected logits of shape (N, C), got a scalar", of(x(), Zeros(Int64), none)},
			{"expected float logits, got int64; pass the network's output, before Softmax", of(Zeros(Int64, 3, 2), Zeros(Int64, 3), none)},
			{"expected weights of shape (2), got (3); give one weight for each class", of(x(3, 2), Zeros(Int64, 3), CrossEntropyConfig{Weight: x(3)})},
			{"label smoothing must be in [0, 1], got 2", of(x(3, 2), Zeros(Int64, 3), CrossEntropyConfig{LabelSmoothing: 2})},
		},
	})
	bad := func(g, logits, labels *Tensor) func() {
		return func() { Apply("cross_entropy_grad", nil, g, logits, labels) }
	}
	addRow("cross_entropy_grad", row{
		samples: build(true),
		rejected: []rejected{
			{"expected (m, C) logits and m labels as int64, got (2, 3) and int64 (3)", bad(x(), x(2, 3), Zeros(Int64, 3))},
			{"expected (m, C) logits and m labels as int64, got (2, 3) and float32 (2)", bad(x(), x(2, 3), x(2))},
			{"expected a gradient for the sum or for each of 2 losses, got (3)", bad(x(3), x(2, 3), Zeros(Int64, 2))},
		},
	})
}

func TestCrossEntropyWithProbabilities(t *testing.T) {
	x := FromSlice([]float64{1, 2, -1, 0.5, 0.25, -2}, 2, 3)
	q := FromSlice([]float64{0.2, 0.5, 0.3, 1, 0, 0}, 2, 3)
	w := []float64{1, 2, 0.5}
	for _, reduction := range []Reduction{ReductionMean, ReductionSum, ReductionNone} {
		got := CrossEntropy(x, q, CrossEntropyConfig{Reduction: reduction, Weight: FromSlice(w), LabelSmoothing: 0.1})
		want := nd{[]int{2}, make([]float64, 2)}
		for i := range 2 {
			p := probabilities(ToSlice[float64](x), []int{3 * i, 3*i + 1, 3*i + 2})
			for c := range p {
				want.data[i] -= w[c] * (0.9*q.At(i, c) + 0.1/3) * math.Log(p[c])
			}
		}
		switch reduction {
		case ReductionSum:
			want = nd{nil, []float64{want.data[0] + want.data[1]}}
		case ReductionMean:
			want = nd{nil, []float64{(want.data[0] + want.data[1]) / 2}}
		}
		compareAll(t, "probabilities", []*Tensor{got}, []nd{want}, 1e-13, 0)
	}
}

// binaryCase is one use of the binary cross entropy, with p as the weight of positive targets unless it is 0.
type binaryCase struct {
	shape     []int
	p         float64
	reduction Reduction
}

var binaryCases = []binaryCase{
	{nil, 0, ReductionMean}, {[]int{0}, 0, ReductionSum}, {[]int{4, 1}, 0, ReductionMean}, {[]int{5}, 0, ReductionNone}, {[]int{2, 3}, 3, ReductionMean}, {[]int{3}, 0.5, ReductionNone}, {[]int{2, 2}, 2, ReductionSum},
}

func (k binaryCase) call(in []*Tensor) *Tensor {
	cfg := BCEWithLogitsConfig{Reduction: k.reduction}
	if k.p != 0 {
		cfg.PosWeight = Scalar(Float64, k.p)
	}
	return BCEWithLogits(in[0], in[1], cfg)
}

// each returns the losses and their derivatives by logit and by target.
func (k binaryCase) each(x, y nd) (loss, dx, dy []float64) {
	p := k.p
	if p == 0 {
		p = 1
	}
	for i, v := range x.data {
		s, t := 1/(1+math.Exp(-v)), y.data[i]
		loss = append(loss, -p*t*math.Log(s)-(1-t)*math.Log(1-s))
		dx = append(dx, -p*t*(1-s)+(1-t)*s)
		dy = append(dy, -p*math.Log(s)+math.Log(1-s))
	}
	return loss, dx, dy
}

func (k binaryCase) scale() float64 {
	if k.reduction != ReductionMean {
		return 1
	}
	n := 1
	for _, s := range k.shape {
		n *= s
	}
	return 1 / float64(n)
}

func init() {
	addRow("bce_with_logits", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range binaryCases {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, k.shape...), uniform(r, 0, 1, k.shape...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{k.call(in)} },
					want: func(in []nd) []nd {
						loss, _, _ := k.each(in[0], in[1])
						if k.reduction == ReductionNone {
							return []nd{{k.shape, loss}}
						}
						sum := 0.0
						for _, l := range loss {
							sum += l * k.scale()
						}
						return []nd{{nil, []float64{sum}}}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected logits and target of one shape, got (4, 1) and (4); Reshape one of them", func() { BCEWithLogits(Zeros(Float32, 4, 1), Zeros(Float32, 4), BCEWithLogitsConfig{}) }},
			{"got (4) and (3); there must be one target for each logit", func() { BCEWithLogits(Zeros(Float32, 4), Zeros(Float32, 3), BCEWithLogitsConfig{}) }},
			{"expected a float tensor, got int64 (4)", func() { BCEWithLogits(Zeros(Int64, 4), Zeros(Int64, 4), BCEWithLogitsConfig{}) }},
			{"PosWeight of shape (2) doesn't broadcast to the logits' shape (4)", func() {
				BCEWithLogits(Zeros(Float32, 4), Zeros(Float32, 4), BCEWithLogitsConfig{PosWeight: Ones(Float32, 2)})
			}},
		},
	})
	addRow("bce_with_logits_grad", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range binaryCases {
				target := uniform(r, 0, 1, k.shape...).GreaterEqual(Scalar(Float64, 0.5))
				var shape []int
				if k.reduction == ReductionNone {
					shape = k.shape
				}
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -3, 3, k.shape...), target, uniform(r, -1, 1, shape...)},
					call: gradsOf(k.call),
					want: func(in []nd) []nd {
						_, dx, _ := k.each(in[0], in[1])
						for i := range dx {
							dx[i] *= k.scale() * in[2].data[i%len(in[2].data)]
						}
						return []nd{{k.shape, dx}}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected logits, target and gradient of one shape, got (3), (3) and (2)", func() { Apply("bce_with_logits_grad", nil, Zeros(Float32, 2), Zeros(Float32, 3), Zeros(Float32, 3)) }},
			{"expected logits, target and gradient of one shape, got (3), (2) and ()", func() { Apply("bce_with_logits_grad", nil, Zeros(Float32), Zeros(Float32, 3), Zeros(Float32, 2)) }},
			{"expected tensors of one data type", func() { Apply("bce_with_logits_grad", nil, Zeros(Float64), Zeros(Float32, 3), Zeros(Float32, 3)) }},
		},
	})
}

func TestBCEWithLogitsKeepsSmallLosses(t *testing.T) {
	// log(1+exp(−50)) = 1.93e−22, which 50 − 50 would lose, and no exp(2000).
	x, y := FromSlice([]float64{50, -2000}), FromSlice([]float64{1, 0})
	compareAll(t, "loss", []*Tensor{BCEWithLogits(x, y, BCEWithLogitsConfig{Reduction: ReductionNone})},
		[]nd{{[]int{2}, []float64{math.Exp(-50), 0}}}, 1e-12, 0)
	got := BCEWithLogits(x, y, BCEWithLogitsConfig{Weight: FromSlice([]float64{4, 1}), Reduction: ReductionMean})
	compareAll(t, "weighted", []*Tensor{got}, []nd{{nil, []float64{2 * math.Exp(-50)}}}, 1e-12, 0)
}
