package metrics

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Of returns the figure for one set of predictions and targets. m is reset first.
func Of(m Metric, pred, target *tensor.Tensor) float64 {
	m.Reset()
	m.Update(pred, target)
	return m.Value()
}

// restore returns the numbers of one entry of a saved state; n is how many there must be, −1 for any number.
func restore[T int64 | float64](m Metric, state map[string]*tensor.Tensor, name string, n int) ([]T, error) {
	t := state[name]
	if t == nil {
		return nil, fmt.Errorf("metrics: %s: the saved state has no %q; was it saved by another metric?", m.Name(), name)
	}
	if t.DType() != tensor.DTypeOf[T]() || t.NDim() != 1 || n >= 0 && t.NumEl() != n {
		return nil, fmt.Errorf("metrics: %s: saved %q is %s of shape %s, expected %s of shape (%s); was it saved with other settings?",
			m.Name(), name, t.DType(), tensor.ShapeString(t.Shape()), tensor.DTypeOf[T](), map[bool]string{true: "N", false: fmt.Sprint(n)}[n < 0])
	}
	return tensor.ToSlice[T](t), nil
}

// vector returns v as a tensor of one axis, also if it has one element or none.
func vector[T int64 | float64](v []T) *tensor.Tensor { return tensor.FromSlice(v, len(v)) }
