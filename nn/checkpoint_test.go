package nn_test

import (
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// A checkpointed layer gives the same output, gradients and running statistics, bit for bit, with the same dropout
// masks, and hooks see each layer once.
func TestCheckpointChangesNothing(t *testing.T) {
	build := func(wrap func(l nn.Layer) nn.Layer) nn.Layer {
		return nn.Seq(
			nn.NewLinear(4, 6),
			wrap(nn.Seq(nn.NewBatchNorm(6), nn.Tanh(), nn.NewDropout(0.4), nn.NewLinear(6, 5), nn.NewDropout(0.3))),
			nn.NewDropout(0.2), nn.NewLinear(5, 2))
	}
	plain := build(func(l nn.Layer) nn.Layer { return l })
	saving := build(func(l nn.Layer) nn.Layer { return nn.NewCheckpoint(l) })
	if err := nn.Check(saving); err != nil {
		t.Fatal(err)
	}
	nn.Init(plain, 1)
	nn.Init(saving, 1)
	for step := range 3 {
		x := tensor.NewRNG(uint64(step)).Normal(tensor.Float32, 0, 1, 8, 4)
		var results [2][]float32
		var hooks [2]int
		for i, net := range []nn.Layer{plain, saving} {
			leaf := x.Clone().RequireGrad()
			c := nn.Train(tensor.NewRNG(9)).Hook(func(path string, _ nn.Layer, _, _ *tensor.Tensor) {
				if path == "1.3" {
					hooks[i]++
				}
			})
			y := c.Run(net, leaf)
			y.Square().Sum().Backward()
			results[i] = append(tensor.ToSlice[float32](y), tensor.ToSlice[float32](leaf.Grad())...)
			for _, p := range nn.Params(net) {
				if p.Grad() == nil {
					t.Fatalf("%s has no gradient", p.Name())
				}
				results[i] = append(results[i], tensor.ToSlice[float32](p.Grad())...)
				p.Value().ZeroGrad()
			}
			state := nn.State(net)
			for _, k := range sortedKeys(state) {
				results[i] = append(results[i], tensor.ToSlice[float32](state[k])...)
			}
		}
		if !slices.Equal(results[0], results[1]) {
			t.Fatalf("step %d: the checkpointed net differs", step)
		}
		if hooks != [2]int{1, 1} {
			t.Errorf("hooks saw layer 1.3 %v times", hooks)
		}
	}
	x := tensor.Ones(tensor.Float32, 2, 4)
	if plain.Forward(nn.Eval(), x).Sub(saving.Forward(nn.Eval(), x)).Abs().Max().Item() != 0 {
		t.Error("evaluation differs")
	}
}

// With a frozen part and no gradient of the input, what is left still gets its gradients.
func TestCheckpointWithFrozenParts(t *testing.T) {
	inner := nn.Seq(nn.NewLinear(3, 3), nn.Tanh(), nn.NewLinear(3, 2))
	net := nn.NewCheckpoint(inner)
	nn.Init(net, 1)
	nn.Freeze(inner.Layers[0])
	net.Forward(nn.Train(nil), tensor.Ones(tensor.Float32, 2, 3)).Sum().Backward()
	if inner.Layers[0].(*nn.Linear).Weight.Grad() != nil || inner.Layers[2].(*nn.Linear).Weight.Grad() == nil {
		t.Error("the frozen layer should have no gradient, the last one should")
	}
}
