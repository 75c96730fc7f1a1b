package data_test

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

func closeTo(t *testing.T, what string, got []float64, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= 1e-6*math.Max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}
}

// channels returns 600 images of 2 channels and 1×2 pixels: channel 0 holds 1e6 ± 1, channel 1 holds n and n+2 for image n.
func channels() data.Dataset {
	x := make([]float64, 0, 2400)
	for n := range 600 {
		x = append(x, 1e6+1, 1e6-1, float64(n), float64(n+2))
	}
	return data.Tensors(tensor.FromSlice(x, 600, 2, 1, 2), nil)
}

func TestMeanStd(t *testing.T) {
	mean, std, err := data.MeanStd(channels())
	if err != nil {
		t.Fatal(err)
	}
	// Channel 1 is a uniform distribution on 0 … 599, variance (600² − 1)/12, about 1 from its mean.
	closeTo(t, "mean", mean, 1e6, 300.5)
	closeTo(t, "std", std, 1, math.Sqrt((600.0*600-1)/12+1))
}

func TestStandardize(t *testing.T) {
	mean, std, err := data.MeanStd(channels())
	if err != nil {
		t.Fatal(err)
	}
	ds := data.Map(channels(), data.Standardize(mean, std))
	gotMean, gotStd, err := data.MeanStd(ds)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "mean", gotMean, 0, 0)
	closeTo(t, "std", gotStd, 1, 1)
	// One number for all channels; integers become floats; a deviation of 0 counts as 1; the source isn't changed.
	x := tensor.FromSlice([]uint8{10, 20, 30}, 3, 1)
	b, err := data.All(data.Map(data.Tensors(x, nil), data.Standardize([]float64{10}, []float64{5})))
	if err != nil || b.X.DType() != tensor.Float32 {
		t.Fatal(b.X, err)
	}
	closeTo(t, "bytes", tensor.ToSlice[float64](b.X), 0, 2, 4)
	f := tensor.FromSlice([]float32{1, 2}, 1, 2)
	b, err = data.Standardize([]float64{1, 0}, []float64{0, 4})(data.Draw{}, data.Batch{X: f})
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "no deviation", tensor.ToSlice[float64](b.X), 0, 0.5)
	closeTo(t, "source", tensor.ToSlice[float64](f), 1, 2)
}

func TestStandardizeEach(t *testing.T) {
	x := tensor.FromSlice([]float32{1, 2, 3, 6, 7, 7, 7, 7, 5, 5, 5, 5.4}, 3, 1, 2, 2)
	b, err := data.StandardizeEach()(data.Draw{}, data.Batch{X: x})
	if err != nil {
		t.Fatal(err)
	}
	s := math.Sqrt(3.5) // of 1 2 3 6 about 3
	// The last image deviates by 0.1732 only, which counts as 1/√4.
	closeTo(t, "images", tensor.ToSlice[float64](b.X), -2/s, -1/s, 0, 3/s, 0, 0, 0, 0, -0.2, -0.2, -0.2, 0.6)
}
