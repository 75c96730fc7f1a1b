package nn_test

import (
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func transformer(size [2]int) *nn.SpatialTransformer {
	return nn.SpatialTransformerConfig{
		Localisation: nn.Seq(nn.NewConv2D(2, 3, 3), nn.ReLU(), nn.Flatten()), Features: 3 * 4 * 5, Size: size,
	}.New()
}

func TestSpatialTransformerBeginsAsTheIdentity(t *testing.T) {
	net := transformer([2]int{})
	nn.Init(net, 3)
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 4, 2, 6, 7)
	if far := net.Forward(nn.Eval(), x).Sub(x).Abs().Max().Item(); far > 1e-5 {
		t.Errorf("a new transformer changes pixels by up to %g", far)
	}
	var names []string
	for _, p := range nn.Params(net) {
		names = append(names, p.Name())
	}
	if got := strings.Join(names, " "); got != "localisation.0.weight localisation.0.bias theta.weight theta.bias" {
		t.Errorf("parameters are %s", got)
	}
}

// Half a turn is x and y negated: flipping both axes.
func TestSpatialTransformerTurns(t *testing.T) {
	net := transformer([2]int{})
	nn.Init(net, 3)
	net.Theta.Bias.Value().Detach().CopyFrom(tensor.FromSlice([]float32{-1, 0, 0, 0, -1, 0}))
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 2, 2, 6, 7)
	if far := net.Forward(nn.Eval(), x).Sub(x.Flip(2, 3)).Abs().Max().Item(); far > 1e-5 {
		t.Errorf("half a turn differs from both axes flipped by %g", far)
	}
}

// A transformer learns where to look: the loss wants the bright spot, which lies to the left, in the right half.
func TestSpatialTransformerLearnsToShift(t *testing.T) {
	net := transformer([2]int{3, 4})
	nn.Init(net, 3)
	x := tensor.Zeros(tensor.Float32, 1, 2, 6, 7)
	for _, at := range [][2]int{{2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}, {3, 3}} {
		x.SetAt(1, 0, 0, at[0], at[1])
	}
	loss := func() *tensor.Tensor {
		y := net.Forward(nn.Train(tensor.NewRNG(1)), x)
		if y.Size(2) != 3 || y.Size(3) != 4 {
			t.Fatalf("the output is %s, want 3×4", tensor.ShapeString(y.Shape()))
		}
		return y.Slice(3, 2, 4, 1).Sum().Neg()
	}
	before := loss().Item()
	for range 40 {
		loss().Backward()
		for _, p := range nn.Params(net) {
			p.Value().Detach().CopyFrom(p.Value().Detach().Sub(p.Value().Grad().MulScalar(0.02)))
			p.Value().ZeroGrad()
		}
	}
	if after := loss().Item(); after > before-0.75 {
		t.Errorf("brightness in the right half went from %.2f to %.2f, want 0.75 more at least", -before, -after)
	}
}
