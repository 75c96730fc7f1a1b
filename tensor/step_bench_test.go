package tensor_test

import (
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// One step of XOR: forward, backward; the update is left out, since package optim does it in one pass.
func BenchmarkStepXOR(b *testing.B) {
	r := NewRNG(1)
	x := FromSlice([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
	y := FromSlice([]float32{0, 1, 1, 0}, 4, 1)
	w1, b1 := r.Normal(Float32, 0, 1, 4, 2).RequireGrad(), Zeros(Float32, 4).RequireGrad()
	w2, b2 := r.Normal(Float32, 0, 1, 1, 4).RequireGrad(), Zeros(Float32, 1).RequireGrad()
	b.ReportAllocs()
	for b.Loop() {
		BCEWithLogits(x.Linear(w1, b1).Tanh().Linear(w2, b2), y, BCEWithLogitsConfig{}).Backward()
		for _, p := range []*Tensor{w1, b1, w2, b2} {
			p.ZeroGrad()
		}
	}
}

func BenchmarkStepMLP(b *testing.B) {
	r := NewRNG(1)
	x := r.Normal(Float32, 0, 1, 128, 784)
	y := FromSlice(make([]int64, 128))
	var ps []*Tensor
	for _, s := range [][2]int{{256, 784}, {256, 256}, {10, 256}} {
		ps = append(ps, r.Normal(Float32, 0, 0.05, s[0], s[1]).RequireGrad(), Zeros(Float32, s[0]).RequireGrad())
	}
	scope := NewScope()
	b.ReportAllocs()
	for b.Loop() {
		h := Dropout(x.In(scope).LinearReLU(ps[0], ps[1]), 0.2, r)
		h = Dropout(h.LinearReLU(ps[2], ps[3]), 0.5, r)
		CrossEntropy(h.Linear(ps[4], ps[5]), y, CrossEntropyConfig{}).Backward()
		for _, p := range ps {
			p.ZeroGrad()
		}
		scope.Release()
	}
	b.ReportMetric(128*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func BenchmarkStepLeNet(b *testing.B) {
	r := NewRNG(1)
	x := r.Normal(Float32, 0, 1, 128, 1, 28, 28)
	y := FromSlice(make([]int64, 128))
	var ps []*Tensor
	for _, s := range [][]int{{6, 1, 5, 5}, {16, 6, 5, 5}, {120, 400}, {84, 120}, {10, 84}} {
		ps = append(ps, r.Normal(Float32, 0, 0.05, s...).RequireGrad(), Zeros(Float32, s[0]).RequireGrad())
	}
	scope := NewScope()
	two := MaxPool2DConfig{Kernel: [2]int{2, 2}}
	b.ReportAllocs()
	for b.Loop() {
		h := MaxPool2D(Conv2DReLU(x.In(scope), ps[0], ps[1], Conv2DConfig{Padding: [4]int{2, 2, 2, 2}}), two)
		h = MaxPool2D(Conv2DReLU(h, ps[2], ps[3], Conv2DConfig{}), two)
		h = h.Reshape(128, 400).LinearReLU(ps[4], ps[5]).LinearReLU(ps[6], ps[7]).Linear(ps[8], ps[9])
		CrossEntropy(h, y, CrossEntropyConfig{}).Backward()
		for _, p := range ps {
			p.ZeroGrad()
		}
		scope.Release()
	}
	b.ReportMetric(128*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
