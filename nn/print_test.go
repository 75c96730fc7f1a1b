package nn_test

import (
	"fmt"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func ExampleSequential_String() {
	net := nn.Seq(
		nn.NewNamed().Add("conv", nn.NewConv2D(1, 6, 5)).Add("relu", nn.ReLU()),
		nn.NewResidual(nn.Seq(nn.NewDropout(0.5))),
		nn.NewParallel(1, nn.Flatten(), nn.Identity()),
		nn.NewCheckpoint(nn.NewLinear(84, 10)),
	)
	fmt.Println(net)
	// Output:
	// Sequential(
	//   (0): Named(
	//     (conv): Conv2D(1, 6, 5×5)
	//     (relu): ReLU
	//   )
	//   (1): Residual(
	//     (body): Sequential(
	//       (0): Dropout(0.5)
	//     )
	//   )
	//   (2): Parallel(
	//     (branch0): Flatten
	//     (branch1): Identity
	//   )
	//   (3): Checkpoint(Linear(84, 10))
	// )
}

// pairOfOwn is a layer without a description.
type pairOfOwn struct{ fc1, fc2 *nn.Linear }

func (p pairOfOwn) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return c.Call("fc2", p.fc2, c.Call("fc1", p.fc1, x))
}

func (p pairOfOwn) Visit(v *nn.Visitor) {
	v.Child("fc1", p.fc1)
	v.Child("fc2", p.fc2)
}

func TestPrinting(t *testing.T) {
	own := nn.Seq(pairOfOwn{nn.NewLinear(1, 2), nn.NewLinear(2, 3)})
	w := own.Layers[0].(pairOfOwn).fc2.Weight
	for want, v := range map[string]fmt.Stringer{
		"Sequential": nn.Seq(),
		"Sequential(\n  (0): pairOfOwn(\n    (fc1): Linear(1, 2)\n    (fc2): Linear(2, 3)\n  )\n)": own,
		"(3, 2) float32":  nn.NewLinear(2, 3).Weight,
		"() int64":        nn.NewBuffer(tensor.Int64, nn.Zeros),
		"<nil parameter>": (*nn.Param)(nil),
		"Residual(\n  (body): ReLU\n  (shortcut): Tanh\n)": &nn.Residual{Body: nn.ReLU(), Shortcut: nn.Tanh()},
	} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("got %s\nexpected %s", got, want)
		}
	}
	nn.Init(own, 1)
	if got := fmt.Sprint(w); got != "0.fc2.weight (3, 2) float32" {
		t.Errorf("got %s", got)
	}
}
