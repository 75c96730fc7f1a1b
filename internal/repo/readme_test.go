package repo

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// The README's code, run as it stands there.

func readmeFit(ctx context.Context) error {
	net := nn.Seq(
		nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.NewConv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.NewLinear(400, 120), nn.ReLU(), nn.NewLinear(120, 84), nn.ReLU(), nn.NewLinear(84, 10))
	nn.Init(net, 42)

	set, err := sets.Open("digits", sets.Config{Standardize: true})
	if err != nil {
		return err
	}
	opt := optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.05, Momentum: 0.9})
	result, err := train.Fit(ctx, train.Config{
		Model: net, Loss: nn.CrossEntropy, Optimizer: opt, Epochs: 5,
		Train:     data.NewLoader(set.Train, data.LoaderConfig{Batch: 128, Shuffle: true}),
		Valid:     data.NewLoader(set.Test, data.LoaderConfig{Batch: 500}),
		Metrics:   []metrics.Metric{metrics.NewAccuracy()},
		Callbacks: []train.Callback{train.Log(os.Stdout)}, // a line for each epoch
	})
	_ = result
	return err
}

func readmeByHand(ctx context.Context, net nn.Layer, opt *optim.Optimizer, loader *data.Loader, epoch int) error {
	rng := tensor.NewRNG(1)
	for batch, err := range loader.Epoch(ctx, epoch) {
		if err != nil {
			return err
		}
		loss := nn.CrossEntropy(net.Forward(nn.Train(rng), batch.X), batch.Y)
		loss.Backward()
		opt.Step()
	}
	return nil
}

func readmeVision(path string, set *sets.Set) error {
	net := models.ResNet18(1000)
	weights, err := safetensors.Load(path) // torchvision's state dictionary
	if err != nil {
		return err
	}
	if err := models.LoadWeights(net, weights); err != nil {
		return err
	}
	nn.Freeze(net)
	head := models.ReplaceHead(net, 10, 42) // the only part that training will change
	opt := optim.NewSGD(nn.Params(head), optim.SGDConfig{LR: 0.01, Momentum: 0.9})

	examples := transforms.Dataset(set.Train, transforms.Compose(
		transforms.RandomResizedCrop{Height: 64, Width: 64},
		transforms.RandomHorizontalFlip{},
		transforms.ColorJitter{Brightness: 0.3, Saturation: 0.3},
	))
	_, err = train.Fit(context.Background(), train.Config{Model: net, Loss: nn.CrossEntropy, Optimizer: opt, Epochs: 1,
		Train: data.NewLoader(examples, data.LoaderConfig{Batch: 4})})
	return err
}

func readmeChinese(ctx context.Context, loader *data.Loader, epoch int) error {
	net := nn.Seq(
		nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.NewConv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.NewLinear(400, 120), nn.ReLU(), nn.NewLinear(120, 84), nn.ReLU(), nn.NewLinear(84, 10))
	nn.Init(net, 42)
	opt := optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.05, Momentum: 0.9})

	rng := tensor.NewRNG(1)
	for batch, err := range loader.Epoch(ctx, epoch) {
		if err != nil {
			return err
		}
		loss := nn.CrossEntropy(net.Forward(nn.Train(rng), batch.X), batch.Y)
		loss.Backward()
		opt.Step()
	}
	return nil
}

func TestReadmeCodeRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds; not with -short")
	}
	if err := readmeFit(t.Context()); err != nil {
		t.Error(err)
	}
	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 10))
	nn.Init(net, 1)
	set, err := sets.Open("digits", sets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	loader := data.NewLoader(data.Take(set.Train, 1280, 1), data.LoaderConfig{Batch: 128})
	if err := readmeByHand(t.Context(), net, optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1}), loader, 0); err != nil {
		t.Error(err)
	}
	if err := readmeChinese(t.Context(), loader, 0); err != nil {
		t.Error(err)
	}
	// Any weights of the right shapes will do in place of torchvision's.
	resnet := models.ResNet18(1000)
	nn.Init(resnet, 1)
	path := filepath.Join(t.TempDir(), "resnet18.safetensors")
	if err := safetensors.Save(path, nn.State(resnet), nil); err != nil {
		t.Fatal(err)
	}
	rng := tensor.NewRNG(1)
	pictures := &sets.Set{Train: data.Tensors(rng.Uniform(tensor.Float32, 0, 1, 8, 3, 80, 90), tensor.FromSlice([]int64{0, 1, 2, 3, 4, 5, 6, 7}, 8))}
	if err := readmeVision(path, pictures); err != nil {
		t.Error(err)
	}
}
