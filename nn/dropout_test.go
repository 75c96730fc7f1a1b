package nn_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// In training a share p is 0 and the rest is scaled so that the mean stays; in evaluation nothing happens.
func TestDropoutKeepsTheMean(t *testing.T) {
	x := tensor.Ones(tensor.Float32, 200, 100)
	for _, p := range []float64{0, 0.2, 0.5, 0.9} {
		d := nn.NewDropout(p)
		y := tensor.ToSlice[float64](d.Forward(nn.Train(tensor.NewRNG(1)), x))
		zeros := 0
		for _, v := range y {
			switch {
			case v == 0:
				zeros++
			case math.Abs(v-1/(1-p)) > 1e-6:
				t.Fatalf("p = %g: a value is %g", p, v)
			}
		}
		// Four standard deviations of the share.
		if share := float64(zeros) / 20000; math.Abs(share-p) > 4*math.Sqrt(p*(1-p)/20000) {
			t.Errorf("p = %g: a share of %g is 0", p, share)
		}
		if d.Forward(nn.Eval(), x) != x {
			t.Errorf("p = %g: evaluation changes the input", p)
		}
	}
	if all := nn.NewDropout(1).Forward(nn.Train(tensor.NewRNG(1)), x).Abs().Max().Item(); all != 0 {
		t.Errorf("p = 1 leaves %g", all)
	}
}

// Spatial dropout drops whole channels, DropPath whole examples.
func TestWholeChannelsAndExamples(t *testing.T) {
	x := tensor.Ones(tensor.Float32, 30, 10, 2, 3)
	count := func(y *tensor.Tensor, group int) (dropped, mixed int) {
		v := tensor.ToSlice[float32](y)
		for ; len(v) > 0; v = v[group:] {
			for _, e := range v[:group] {
				if e != v[0] {
					mixed++
				}
			}
			if v[0] == 0 {
				dropped++
			}
		}
		return dropped, mixed
	}
	dropped, mixed := count(nn.NewSpatialDropout(0.4).Forward(nn.Train(tensor.NewRNG(1)), x), 6)
	if mixed > 0 || dropped < 80 || dropped > 160 { // of 300 channels, 120 ± 8.5 expected
		t.Errorf("spatial: %d of 300 channels dropped, %d mixed elements", dropped, mixed)
	}
	dropped, mixed = count(nn.DropPath(0.5).Forward(nn.Train(tensor.NewRNG(1)), x), 60)
	if mixed > 0 || dropped < 5 || dropped > 25 { // of 30 examples, 15 ± 2.7 expected
		t.Errorf("drop path: %d of 30 examples dropped, %d mixed elements", dropped, mixed)
	}
}
