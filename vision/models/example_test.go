package models_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/models"
)

// A network for 1000 classes becomes one for 10, of which only the new layer is trained.
func ExampleReplaceHead() {
	net := models.ResNet18(1000)
	nn.Init(net, 1) // or models.LoadWeights
	nn.Freeze(net)
	models.ReplaceHead(net, 10, 2)
	for _, p := range nn.Params(net) {
		fmt.Println(p)
	}
	// Output:
	// fc.weight (10, 512) float32
	// fc.bias (10) float32
}

// A classifier of pieces of 14×14 pixels looks at all of a larger picture at once.
func ExampleFullyConvolutional() {
	net := nn.Seq(nn.NewConv2D(3, 16, 5), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.NewLinear(16*5*5, 400), nn.ReLU(), nn.NewLinear(400, 4))
	nn.Init(net, 1)
	sliding := models.FullyConvolutional(net, 3, 14, 14)
	y := sliding.Forward(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 3, 28, 28))
	fmt.Println(y.Shape()) // four classes at 8 by 8 places, 2 pixels apart
	// Output:
	// [1 4 8 8]
}

// The small network of residual units that CIFAR-10 made known.
func ExampleCIFARResNet() {
	s := nn.Summary(models.CIFARResNet(20, models.CIFARConfig{ZeroPad: true}), 1, 3, 32, 32)
	fmt.Println(s.Params, "parameters,", s.MultAdds/1e6, "million multiply-adds")
	// Output:
	// 269722 parameters, 40 million multiply-adds
}
