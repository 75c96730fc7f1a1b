package optim_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// A training step: gradients, clipping, the optimiser.
func ExampleNewSGD() {
	net := nn.NewLinear(1, 1)
	nn.Init(net, 1)
	opt := optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1, Momentum: 0.9})
	x := tensor.FromSlice([]float32{0, 1, 2, 3}, 4, 1)
	y := tensor.FromSlice([]float32{1, 3, 5, 7}, 4, 1) // 2x + 1
	for range 300 {
		nn.MSE(net.Forward(nn.Train(nil), x), y).Backward()
		optim.ClipNorm(opt, 10)
		opt.Step()
	}
	fmt.Printf("%.2f %.2f\n", net.Weight.Value().Item(), net.Bias.Value().Item())
	// Output: 2.00 1.00
}

// Weights are decayed, biases and norms aren't.
func ExampleDecayGroups() {
	net := nn.Seq(nn.NewLinear(4, 8), nn.ReLU(), nn.NewLinear(8, 2))
	opt := optim.NewAdamWGroups(optim.DecayGroups(net, 1e-3, 0.01), optim.AdamConfig{})
	for _, g := range opt.Groups() {
		fmt.Println(len(g.Params), g.WeightDecay)
	}
	// Output:
	// 2 0.01
	// 2 0
}

// L-BFGS evaluates the loss as often as it needs.
func ExampleLBFGS() {
	net := nn.NewLinear(1, 1)
	nn.Init(net, 1)
	x := tensor.FromSlice([]float32{0, 1, 2, 3}, 4, 1)
	y := tensor.FromSlice([]float32{1, 3, 5, 7}, 4, 1)
	opt := optim.NewLBFGS(nn.Params(net), optim.LBFGSConfig{StrongWolfe: true})
	opt.Step(func() *tensor.Tensor { return nn.MSE(net.Forward(nn.Train(nil), x), y) })
	fmt.Printf("%.3f %.3f\n", net.Weight.Value().Item(), net.Bias.Value().Item())
	// Output: 2.000 1.000
}

// Rates rise over the first ten steps and then fall along half a cosine.
func ExampleCosine() {
	net := nn.NewLinear(1, 1)
	opt := optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 0.01})
	schedule := optim.Cosine(opt, 100, 10, 0)
	for _, step := range []int{0, 9, 55, 100} {
		schedule.StepBegin(opt, step, 0)
		fmt.Printf("%.4f ", opt.Groups()[0].LR)
	}
	// Output: 0.0010 0.0100 0.0050 0.0000
}
