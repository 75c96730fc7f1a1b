package train_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// A net of two layers learns XOR of real numbers: whether both coordinates of a point have one sign.
func ExampleFit() {
	points := tensor.NewRNG(1).Uniform(tensor.Float32, -1, 1, 1000, 2)
	product := points.Select(1, 0).Mul(points.Select(1, 1))
	classes := product.GreaterScalar(0).To(tensor.Int64) // 1 where both have one sign
	learn, test := data.Split(data.Tensors(points, classes), 0.8, 1)

	net := nn.Seq(nn.NewLinear(2, 16), nn.ReLU(), nn.NewLinear(16, 2))
	nn.Init(net, 42)
	result, err := train.Fit(context.Background(), train.Config{
		Model:     net,
		Optimizer: optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 0.01}),
		Loss:      nn.CrossEntropy,
		Train:     data.NewLoader(learn, data.LoaderConfig{Batch: 32, Shuffle: true}),
		Valid:     data.NewLoader(test, data.LoaderConfig{Batch: 200}),
		Epochs:    100,
		Metrics:   []metrics.Metric{metrics.NewAccuracy()},
		Callbacks: []train.Callback{&train.EarlyStopping{Monitor: "val_loss", Patience: 10}},
	})
	if err != nil {
		log.Fatal(err)
	}
	last := result.History[len(result.History)-1].Values
	fmt.Println("figures:", len(last))
	fmt.Println("more than 97 % right:", last["val_accuracy"] > 0.97)
	// Output:
	// figures: 5
	// more than 97 % right: true
}

// The learning rate at which the loss falls fastest.
func ExampleFindLR() {
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 256, 4)
	y := x.SumAxes(true, 1)
	net := nn.NewLinear(4, 1)
	nn.Init(net, 1)
	found, err := train.FindLR(context.Background(), train.Config{
		Model:     net,
		Optimizer: optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 1}), // any will do
		Loss:      nn.MSE,
		Train:     data.NewLoader(data.Tensors(x, y), data.LoaderConfig{Batch: 32, Shuffle: true}),
	}, train.FinderConfig{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("between 0.01 and 1:", found.Suggested > 0.01 && found.Suggested < 1)
	// Output: between 0.01 and 1: true
}
