package nn_test

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// A network that learns exclusive or.
func Example() {
	net := nn.Seq(nn.NewLinear(2, 8), nn.Tanh(), nn.NewLinear(8, 1))
	nn.Init(net, 42)
	opt := optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 0.05})
	x := tensor.FromSlice([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
	y := tensor.FromSlice([]float32{0, 1, 1, 0}, 4, 1)
	for range 300 {
		nn.BCEWithLogits(net.Forward(nn.Train(nil), x), y).Backward()
		opt.Step()
	}
	for _, p := range tensor.ToSlice[float64](net.Forward(nn.Eval(), x).Sigmoid()) {
		fmt.Print(math.Round(p), " ")
	}
	// Output: 0 1 1 0
}

// The layers of a perceptron, their parameters and their work.
func ExampleSummary() {
	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 256), nn.ReLU(), nn.NewLinear(256, 10))
	fmt.Print(nn.Summary(net, 1, 1, 28, 28))
	// Output:
	// input (1, 1, 28, 28)
	// ────────────────────────────────────────────────────────
	// layer                    output    parameters  mult-adds
	// ────────────────────────────────────────────────────────
	// 0      Flatten           (1, 784)           –          –
	// 1      Linear(784, 256)  (1, 256)     200,960    200,704
	// 2      ReLU              (1, 256)           –          –
	// 3      Linear(256, 10)   (1, 10)        2,570      2,560
	// ────────────────────────────────────────────────────────
	// parameters 203,530 (795 KiB); mult-adds 203,264; activations 5 KiB
}

// What the units of each layer see of an image: 16×16 pixels around places 4 apart at the end, and which pixels the last one sees.
func ExampleReceptiveFields() {
	net := nn.Seq(nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.MaxPool2D(2), nn.NewConv2D(6, 16, 5), nn.MaxPool2D(2))
	for _, f := range nn.ReceptiveFields(net, 1, 1, 28, 28) {
		fmt.Printf("%s: %s, unit (4, 4) sees %v\n", f.Path, f, f.Pixels(4, 4))
	}
	// Output:
	// 0: 5×5, unit (4, 4) sees (2,2)-(7,7)
	// 1: 6×6 every 2, unit (4, 4) sees (6,6)-(12,12)
	// 2: 14×14 every 2, unit (4, 4) sees (6,6)-(20,20)
	// 3: 16×16 every 4, unit (4, 4) sees (14,14)-(28,28)
}

// The arithmetic of convolutions: ResNet's first layer halves 224 pixels, and its transposed convolution brings them back.
func ExampleWindow() {
	w := nn.Window{Kernel: 7, Stride: 2, Pad: [2]int{3, 3}}
	fmt.Println(w.Out(224), w.TransposedOut(112, 1))
	fmt.Println(w.Sees(0, 0))
	// Output:
	// 112 224
	// -3 3
}

// A layer of one's own: Forward computes, Visit names what is in it.
func ExampleLayer() {
	l := &scale{nn.NewParam(nn.Constant(2), 3)}
	nn.Init(l, 1)
	fmt.Println(nn.Check(l), len(nn.Params(l)), l.Weight.Name())
	fmt.Println(tensor.ToSlice[float32](l.Forward(nn.Eval(), tensor.FromSlice([]float32{1, 2, 3}))))
	// Output:
	// <nil> 1 weight
	// [2 4 6]
}

// scale multiplies each feature by a learnt number.
type scale struct{ Weight *nn.Param }

func (s *scale) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor { return x.Mul(c.Use(s.Weight)) }
func (s *scale) Visit(v *nn.Visitor)                                { v.Param("weight", s.Weight) }

// Hooks show what passes through a model without changing it.
func ExampleCtx_Hook() {
	net := nn.Seq(nn.NewLinear(4, 3), nn.ReLU())
	nn.Init(net, 1)
	c := nn.Eval().Hook(func(path string, l nn.Layer, x, y *tensor.Tensor) {
		fmt.Printf("%q %v: %v to %v\n", path, l, x.Shape(), y.Shape())
	})
	net.Forward(c, tensor.Zeros(tensor.Float32, 2, 4))
	// Output:
	// "0" Linear(4, 3): [2 4] to [2 3]
	// "1" ReLU: [2 3] to [2 3]
}

// Weights travel between models by name; everything that doesn't fit is listed at once.
func ExampleLoadState() {
	small, large := nn.Seq(nn.NewLinear(2, 3)), nn.Seq(nn.NewLinear(2, 4), nn.NewPReLU(1))
	nn.Init(small, 1)
	fmt.Println(nn.LoadState(large, nn.State(small), nn.LoadConfig{}))
	// Output: nn: the weights don't fit the model; missing: 1.weight; of another shape: 0.weight: model (4, 2), file (3, 2), 0.bias: model (4), file (3)
}

// Class weights, label smoothing and labels to ignore.
func ExampleCrossEntropyWith() {
	loss := nn.CrossEntropyWith(tensor.CrossEntropyConfig{LabelSmoothing: 0.1})
	logits := tensor.FromSlice([]float32{5, 0, 0, 0, 5, 0}, 2, 3)
	labels := tensor.FromSlice([]int64{0, 1})
	fmt.Printf("%.4f\n", loss(logits, labels).Item())
	// Output: 0.3467
}

// A penalty on the absolute values of weights makes most of them 0.
func ExampleL1Penalty() {
	net := nn.NewLinear(3, 1)
	nn.Init(net, 1)
	pred := net.Forward(nn.Train(nil), tensor.Ones(tensor.Float32, 4, 3))
	loss := nn.MSE(pred, tensor.Ones(tensor.Float32, 4, 1)).Add(nn.L1Penalty(net.Weight).MulScalar(1e-3))
	loss.Backward()
	fmt.Println(net.Weight.Grad().Shape())
	// Output: [1 3]
}
