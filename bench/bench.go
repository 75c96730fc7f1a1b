// Package bench measures Gradus on fixed workloads: kernels and whole training steps on random data, float32.
// The same workloads for PyTorch are in bench/peers, which runs both in turn.
package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/models"
)

// Workload is something to measure.
type Workload struct {
	Name string
	Unit string  // of what one step does: "GFLOP/s", "samples/s", …
	What string  // one line for people
	Work float64 // units done in one step, so that value = Work / seconds
	// Make prepares the workload and returns its step.
	Make func() (step func())
}

// Workloads lists all of them.
func Workloads() []Workload {
	list := []Workload{
		{"softmax_rows", "Gelem/s", "softmax of 4096×1024 rows", 4096 * 1024 / 1e9, unary(func(x *tensor.Tensor) { x.Softmax(1) }, 4096, 1024)},
		{"gelu_elem", "Gelem/s", "GELU (exact) of 4 M elements", 4 << 20 / 1e9, unary(func(x *tensor.Tensor) { x.GELU() }, 4<<20)},
		{"conv3x3_64", "samples/s", "convolution 64→64, 3×3, pad 1, 32×32, N 32: forward and both gradients", 32, conv3x3},
		{"xor_tiny", "steps/s", "2-4-1 tanh MLP, batch 4, BCE with logits, SGD", 1, xorTiny},
		{"mlp_dropout", "samples/s", "784-256-256-10, ReLU, dropout 0.2 and 0.5, batch 128, Adam", 128, mlpDropout},
		{"lenet", "samples/s", "LeNet with ReLU and max-pooling, batch 128, SGD with momentum", 128, leNet},
		{"resnet20_train", "samples/s", "CIFAR ResNet-20 (projection shortcuts), batch 64, SGD with momentum and weight decay", 64, resNetTrain},
		{"resnet20_infer1", "samples/s", "the same in evaluation, one image at a time", 1, resNetInfer},
	}
	for _, n := range []int{2048, 1024, 256, 64} {
		list = slices.Insert(list, 0, Workload{fmt.Sprintf("gemm_%d", n), "GFLOP/s", fmt.Sprintf("C = A·B, %d×%d", n, n), 2 * float64(n) * float64(n) * float64(n) / 1e9, gemm(n)})
	}
	return list
}

// Find returns the workload called name.
func Find(name string) (Workload, error) {
	var names []string
	for _, w := range Workloads() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Workload{}, fmt.Errorf("bench: there is no workload %q; choose from %v", name, names)
}

// Round runs step for about the given time and returns units per second.
func (w Workload) Round(step func(), length time.Duration) float64 {
	steps, start := 0, time.Now()
	for batch := 1; ; batch = min(2*batch, 256) { // so that looking at the clock costs nothing
		for range batch {
			step()
		}
		steps += batch
		if elapsed := time.Since(start); elapsed >= length {
			return w.Work * float64(steps) / elapsed.Seconds()
		}
	}
}

// Result holds the best and the median of several rounds.
type Result struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"` // best
	Median float64 `json:"median"`
}

// Measure warms up and runs rounds.
func (w Workload) Measure(rounds int, length time.Duration) Result {
	step := w.Make()
	w.Round(step, length/2)
	values := make([]float64, rounds)
	for i := range values {
		values[i] = w.Round(step, length)
	}
	slices.Sort(values)
	return Result{w.Name, w.Unit, values[rounds-1], (values[(rounds-1)/2] + values[rounds/2]) / 2}
}

func gemm(n int) func() func() {
	return func() func() {
		r := tensor.NewRNG(1)
		a, b := r.Normal(tensor.Float32, 0, 1, n, n), r.Normal(tensor.Float32, 0, 1, n, n)
		return scoped(a, func(a *tensor.Tensor) { a.MatMul(b) })
	}
}

func unary(f func(x *tensor.Tensor), shape ...int) func() func() {
	return func() func() { return scoped(tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, shape...), f) }
}

// scoped returns a step that runs f on x and frees what f made.
func scoped(x *tensor.Tensor, f func(x *tensor.Tensor)) func() {
	scope := tensor.NewScope()
	return func() {
		f(x.In(scope))
		scope.Release()
	}
}

func conv3x3() func() {
	r := tensor.NewRNG(1)
	x := r.Normal(tensor.Float32, 0, 1, 32, 64, 32, 32).RequireGrad()
	w := r.Normal(tensor.Float32, 0, 0.05, 64, 64, 3, 3).RequireGrad()
	g := r.Normal(tensor.Float32, 0, 1, 32, 64, 32, 32)
	return scoped(x, func(x *tensor.Tensor) {
		y := tensor.Conv2D(x, w, nil, tensor.Conv2DConfig{Padding: [4]int{1, 1, 1, 1}})
		tensor.BackwardWith(tensor.BackwardConfig{Gradient: g}, y)
	})
}

// training returns a step of net on random data.
func training(net nn.Layer, opt func(p []*nn.Param) *optim.Optimizer, x *tensor.Tensor, loss func(pred *tensor.Tensor) *tensor.Tensor) func() {
	nn.Init(net, 1)
	o := opt(nn.Params(net))
	ctx := nn.Train(tensor.NewRNG(2))
	return scoped(x, func(x *tensor.Tensor) {
		loss(net.Forward(ctx, x)).Backward()
		o.Step()
	})
}

func xorTiny() func() {
	net := nn.Seq(nn.NewLinear(2, 4), nn.Tanh(), nn.NewLinear(4, 1))
	x := tensor.FromSlice([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
	y := tensor.FromSlice([]float32{0, 1, 1, 0}, 4, 1)
	return training(net, func(p []*nn.Param) *optim.Optimizer { return optim.NewSGD(p, optim.SGDConfig{LR: 0.5}) },
		x, func(pred *tensor.Tensor) *tensor.Tensor { return nn.BCEWithLogits(pred, y) })
}

// classes returns n random labels below 10.
func classes(n int) *tensor.Tensor {
	return tensor.NewRNG(3).Uniform(tensor.Float32, 0, 10, n).To(tensor.Int64)
}

func mlpDropout() func() {
	net := nn.Seq(nn.NewLinear(784, 256), nn.ReLU(), nn.NewDropout(0.2), nn.NewLinear(256, 256), nn.ReLU(), nn.NewDropout(0.5), nn.NewLinear(256, 10))
	y := classes(128)
	return training(net, func(p []*nn.Param) *optim.Optimizer { return optim.NewAdam(p, optim.AdamConfig{}) },
		tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 128, 784), func(pred *tensor.Tensor) *tensor.Tensor { return nn.CrossEntropy(pred, y) })
}

func leNet() func() {
	net := nn.Seq(
		nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.NewConv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.NewLinear(400, 120), nn.ReLU(), nn.NewLinear(120, 84), nn.ReLU(), nn.NewLinear(84, 10))
	y := classes(128)
	return training(net, func(p []*nn.Param) *optim.Optimizer { return optim.NewSGD(p, optim.SGDConfig{LR: 0.01, Momentum: 0.9}) },
		tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 128, 1, 28, 28), func(pred *tensor.Tensor) *tensor.Tensor { return nn.CrossEntropy(pred, y) })
}

func resNetTrain() func() {
	y := classes(64)
	return training(models.CIFARResNet(20, models.CIFARConfig{}), func(p []*nn.Param) *optim.Optimizer {
		return optim.NewSGD(p, optim.SGDConfig{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4})
	}, tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 64, 3, 32, 32), func(pred *tensor.Tensor) *tensor.Tensor { return nn.CrossEntropy(pred, y) })
}

func resNetInfer() func() {
	net := models.CIFARResNet(20, models.CIFARConfig{})
	nn.Init(net, 1)
	ctx := nn.Eval()
	return scoped(tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 1, 3, 32, 32), func(x *tensor.Tensor) { net.Forward(ctx, x) })
}
