package nn_test

import (
	"errors"
	"testing"

	"github.com/gradus-ml/gradus/nn"
)

// torchvision's older files have no num_batches_tracked.
func TestLoadStateDoesWithoutBatchCounts(t *testing.T) {
	from, to := nn.NewBatchNorm(3), nn.Seq(nn.NewBatchNorm(3))
	nn.Init(from, 1)
	state := nn.State(nn.Seq(from))
	delete(state, "0.num_batches_tracked")
	if err := nn.LoadState(to, state, nn.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	if n := nn.State(to)["0.num_batches_tracked"].Item(); n != 0 {
		t.Errorf("%g batches", n)
	}
	delete(state, "0.running_var")
	var bad *nn.StateError
	if err := nn.LoadState(to, state, nn.LoadConfig{}); !errors.As(err, &bad) || len(bad.Missing) != 1 || bad.Missing[0] != "0.running_var" {
		t.Errorf("without a variance: %v", err)
	}
}
