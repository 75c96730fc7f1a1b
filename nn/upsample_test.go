package nn_test

import (
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// torch.nn.Upsample(scale_factor=(2, 1.5), mode="nearest") and (mode="bilinear") of arange(6).reshape(1, 1, 2, 3).
func TestUpsample(t *testing.T) {
	x := tensor.Arange(tensor.Float32, 0, 6, 1).Reshape(1, 1, 2, 3)
	for _, k := range []struct {
		mode tensor.Interpolation
		want []float32
	}{
		{tensor.Nearest, []float32{0, 0, 1, 2, 0, 0, 1, 2, 3, 3, 4, 5, 3, 3, 4, 5}},
		{tensor.Bilinear, []float32{0, 0.5, 1.1666667, 1.8333334, 0.75, 1.25, 1.9166667, 2.5833333, 2.25, 2.75, 3.4166667, 4.0833330, 3, 3.5, 4.1666665, 4.8333330}},
	} {
		layer := nn.Upsample(tensor.InterpolateConfig{Scale: [2]float64{2, 1.5}, Mode: k.mode})
		same(t, layer.String(), layer.Forward(nn.Eval(), x), values{Shape: []int{1, 1, 4, 4}, Data: k.want}, 1)
	}
}
