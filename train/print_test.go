package train_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// A line for each epoch: w = 1 approaches 0 as the loss w² tells it to, by a tenth of 2w in each.
func ExampleLog() {
	var out strings.Builder // os.Stderr, mostly
	net := nn.LinearConfig{In: 1, Out: 1, NoBias: true, Init: nn.Ones}.New()
	nn.Init(net, 1)
	_, err := train.Fit(context.Background(), train.Config{
		Model: net, Loss: nn.MSE, Epochs: 3,
		Optimizer: optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1}),
		Train:     data.NewLoader(data.Tensors(tensor.Ones(tensor.Float32, 4, 1), tensor.Zeros(tensor.Float32, 4, 1)), data.LoaderConfig{Batch: 4}),
		Callbacks: []train.Callback{train.Log(&out)},
	})
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		fmt.Println(line[:strings.LastIndex(line, "  ")]) // without the seconds
	}
	// Output:
	// epoch 1/3  loss 1
	// epoch 2/3  loss 0.64
	// epoch 3/3  loss 0.4096
}

func TestLogOrdersFigures(t *testing.T) {
	var out strings.Builder
	s := &train.State{Epochs: 10, History: []train.Epoch{{Number: 2, Seconds: 1.24, Values: map[string]float64{
		"loss": 0.12345, "val_loss": 1234.56, "accuracy": 0.97123, "val_accuracy": 1, "lr": 0.1, "aa": 2}}}}
	if err := train.Log(&out).EpochEnd(s); err != nil {
		t.Fatal(err)
	}
	if want := "epoch  3/10  loss 0.1235  aa 2  accuracy 97.12 %  val_loss 1235  val_accuracy 100.00 %  1.2 s\n"; out.String() != want {
		t.Errorf("got %q, expected %q", out.String(), want)
	}
	if got := train.FigureNames(map[string]float64{"loss": 1, "val_accuracy": 1, "val_loss": 1}, "accuracy"); !slices.Equal(got, []string{"loss", "val_accuracy", "val_loss"}) {
		t.Errorf("got %v", got)
	}
	if err := train.Log(full{}).EpochEnd(s); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
