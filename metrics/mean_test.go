package metrics_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

func TestColumnIsTheMeanOfOneColumn(t *testing.T) {
	m := metrics.NewColumn("part", 1)
	m.Update(tensor.FromSlice([]float64{1, 2, 3, 4}, 2, 2), nil)
	m.Update(tensor.FromSlice([]float32{0, 9}, 1, 2), nil)
	if m.Name() != "part" || m.Value() != 5 {
		t.Errorf("%s is %g, want 5", m.Name(), m.Value())
	}
	again := metrics.NewColumn("part", 1)
	if err := again.LoadState(m.SaveState()); err != nil || again.Value() != 5 {
		t.Errorf("restored: %g, %v", again.Value(), err)
	}
	if m.Reset(); !math.IsNaN(m.Value()) {
		t.Errorf("after Reset: %g", m.Value())
	}
	err := tensor.Try(func() error { m.Update(tensor.Zeros(tensor.Float32, 3), nil); return nil })
	if err == nil || !strings.Contains(err.Error(), "column 1") {
		t.Errorf("a vector: %v", err)
	}
}

// A batch of three counts three times as much as one of one.
func TestMeanWeighsBatchesByTheirExamples(t *testing.T) {
	m := metrics.NewMean("figure", func(pred, target *tensor.Tensor) float64 { return pred.Add(target).Max().Item() })
	m.Update(tensor.FromSlice([]float64{1, 2, 3}, 3), tensor.Scalar(tensor.Float64, 1))
	m.Update(tensor.FromSlice([]float64{7}, 1), tensor.Scalar(tensor.Float64, 1))
	m.Update(tensor.Zeros(tensor.Float64, 0), tensor.Scalar(tensor.Float64, 1)) // nothing
	if m.Value() != (3*4+8)/4.0 {
		t.Errorf("%g, want 5", m.Value())
	}
	if err := tensor.Try(func() error { m.Update(tensor.Scalar(tensor.Float64, 1), nil); return nil }); err == nil || !strings.Contains(err.Error(), "figure is a mean over examples") {
		t.Errorf("a scalar: %v", err)
	}
}
