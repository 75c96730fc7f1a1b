package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// A ReLU that the layer in front does in the same pass gives the same bits as one that a hook looks at, forwards and backwards, for NaN and
// infinities too.
func TestFusedReLUGivesTheSameBits(t *testing.T) {
	net := nn.Seq(nn.Conv2DConfig{In: 2, Out: 3, Kernel: 3, Pad: 1}.New(), nn.ReLU(), nn.Flatten(),
		nn.NewNamed().Add("fc", nn.NewLinear(48, 7)).Add("relu", nn.ReLU()), nn.LinearConfig{In: 7, Out: 5, NoBias: true}.New(), nn.ReLU())
	nn.Init(net, 1)
	plain := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 3, 2, 4, 4)
	strange := plain.Clone()
	strange.SetAt(math.NaN(), 0, 0, 1, 1)
	strange.SetAt(math.Inf(1), 1, 1, 2, 2)
	for _, x := range []*tensor.Tensor{plain, strange} {
		var results [2][]uint32
		for i, c := range []*nn.Ctx{nn.Train(nil), nn.Train(nil).Hook(func(string, nn.Layer, *tensor.Tensor, *tensor.Tensor) {})} {
			leaf := x.Clone().RequireGrad()
			y := net.Forward(c, leaf)
			y.Sum().Backward()
			parts := []*tensor.Tensor{y, leaf.Grad()}
			for _, p := range nn.Params(net) {
				parts = append(parts, p.Grad())
			}
			for _, part := range parts {
				for _, v := range tensor.ToSlice[float32](part) {
					bits := math.Float32bits(v)
					if v != v {
						bits = math.Float32bits(float32(math.NaN()))
					}
					results[i] = append(results[i], bits)
				}
			}
			for _, p := range nn.Params(net) {
				p.Value().ZeroGrad()
			}
		}
		if !slices.Equal(results[0], results[1]) {
			t.Error("fused and unfused layers differ")
		}
	}
}
