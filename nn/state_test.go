package nn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
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

// PyTorch's DataParallel puts "module." before all names. Nobody wants to read a hundred of them.
func TestStateErrorNamesThePrefixAndNotEverything(t *testing.T) {
	net := nn.NewNamed()
	for i := range 20 {
		net.Add(fmt.Sprintf("fc%d", i), nn.NewLinear(2, 2))
	}
	nn.Init(net, 1)
	state := map[string]*tensor.Tensor{}
	for name, v := range nn.State(net) {
		state["module."+name] = v
	}
	err := nn.LoadState(net, state, nn.LoadConfig{})
	var bad *nn.StateError
	if !errors.As(err, &bad) || len(bad.Missing) != 40 || len(bad.Unexpected) != 40 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"missing: fc0.weight, ", "and 30 more; unexpected: module.fc0.bias", `begin with "module.": cut it off`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	delete(state, "module.fc3.bias")
	if err := nn.LoadState(net, state, nn.LoadConfig{}); strings.Contains(err.Error(), "cut it off") {
		t.Errorf("a name is missing with the prefix too: %v", err)
	}
}
