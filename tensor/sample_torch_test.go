package tensor_test

import (
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// testdata/gen_sample.py says what the inputs are.
func TestSamplingAgreesWithPyTorch(t *testing.T) {
	compareWithPyTorch(t, "testdata/sample.json", func(k torchCase, t *testing.T, x []*Tensor) *Tensor {
		switch k.Op {
		case "interpolate":
			return Interpolate(x[0], args[InterpolateConfig](t, k))
		case "grid_sample":
			return GridSample(x[0], x[1].MulScalar(1.4), args[GridSampleConfig](t, k))
		case "affine_grid":
			return AffineGrid(x[0], 2, 1, 3, 4, args[GridSampleConfig](t, k).AlignCorners)
		case "roi_align":
			return RoIAlign(x[0], regions(t, k).To(x[0].DType()), args[RoIAlignConfig](t, k))
		case "roi_pool":
			return RoIPool(x[0], regions(t, k).To(x[0].DType()), args[RoIPoolConfig](t, k))
		}
		t.Fatalf("no operation %s", k.Op)
		return nil
	})
}

func regions(t *testing.T, k torchCase) *Tensor {
	var rows []float64
	for _, r := range args[struct{ Regions [][]float64 }](t, k).Regions {
		rows = append(rows, r...)
	}
	return FromSlice(rows, len(rows)/5, 5)
}
