package train_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

func TestPredictGivesTheModelsOutputsInOrder(t *testing.T) {
	net := nn.Seq(nn.NewLinear(3, 2), nn.NewDropout(0.5)) // dropout does nothing in evaluation
	nn.Init(net, 1)
	x := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 10, 3)
	source := data.NewLoader(data.Tensors(x, nil), data.LoaderConfig{Batch: 4})
	var got []float32
	var index []int
	err := train.Predict(t.Context(), net, source, func(b data.Batch, y *tensor.Tensor) error {
		got, index = append(got, tensor.ToSlice[float32](y)...), append(index, b.Index...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := tensor.ToSlice[float32](net.Forward(nn.Eval(), x)); !slices.Equal(got, want) {
		t.Errorf("outputs are %v, want %v", got, want)
	}
	if !slices.Equal(index, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("examples came as %v", index)
	}
}

func TestPredictPassesErrorsOn(t *testing.T) {
	net := nn.NewLinear(3, 2)
	nn.Init(net, 1)
	source := func(width int) *data.Loader {
		return data.NewLoader(data.Tensors(tensor.Zeros(tensor.Float32, 4, width), nil), data.LoaderConfig{Batch: 2})
	}
	stop := errors.New("enough")
	if err := train.Predict(t.Context(), net, source(3), func(data.Batch, *tensor.Tensor) error { return stop }); err != stop {
		t.Errorf("the function's error came back as %v", err)
	}
	ignore := func(data.Batch, *tensor.Tensor) error { return nil }
	if err := train.Predict(t.Context(), net, source(5), ignore); err == nil || !strings.Contains(err.Error(), "expected inputs of 3 features") {
		t.Errorf("inputs of the wrong width: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := train.Predict(ctx, net, source(3), ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
	if err := train.Predict(t.Context(), nil, source(3), ignore); err == nil {
		t.Error("no model, and no error")
	}
}
