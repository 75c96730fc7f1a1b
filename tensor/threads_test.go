package tensor_test

import (
	"math"
	"runtime"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// The gradients of a step through every fused operation are the same bits whatever the number of threads.
func TestStepIgnoresThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	step := func() []uint32 {
		r := NewRNG(7)
		var ps []*Tensor
		param := func(shape ...int) *Tensor {
			ps = append(ps, r.Normal(Float32, 0.5, 0.3, shape...).RequireGrad())
			return ps[len(ps)-1]
		}
		x := r.Normal(Float32, 0, 1, 48, 3, 20, 20)
		labels := make([]int64, 48)
		for i := range labels {
			labels[i] = int64(r.IntN(10))
		}
		h := Conv2D(x, param(8, 3, 3, 3), param(8), Conv2DConfig{Padding: [4]int{1, 1, 1, 1}})
		h, _, _ = BatchNorm(h, param(8), param(8), 1e-5)
		h = MaxPool2D(h.ReLU(), MaxPool2DConfig{Kernel: [2]int{2, 2}})
		h = AvgPool2D(Conv2DReLU(h, param(16, 8, 3, 3), param(16), Conv2DConfig{}), AvgPool2DConfig{Kernel: [2]int{2, 2}})
		h = Dropout(LayerNorm(h.Reshape(48, 256), param(256), param(256), 1e-5), 0.3, r)
		h = RMSNorm(h.LinearReLU(param(320, 256), param(320)), param(320), 1e-5)
		CrossEntropy(h.Linear(param(10, 320), param(10)), FromSlice(labels), CrossEntropyConfig{LabelSmoothing: 0.1}).Backward()
		var bits []uint32
		for _, p := range ps {
			for _, v := range ToSlice[float32](p.Grad()) {
				bits = append(bits, math.Float32bits(v))
			}
		}
		return bits
	}
	var want []uint32
	for _, threads := range []int{1, 2, 4, 3} {
		runtime.GOMAXPROCS(threads)
		got := step()
		if want == nil {
			want = got
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("with %d threads gradient %d is %g, with one %g", threads, i, math.Float32frombits(got[i]), math.Float32frombits(want[i]))
			}
		}
	}
}
