package metrics

import "github.com/gradus-ml/gradus/tensor"

// Column is the mean of one column of what a training step returns as predictions: for losses with several parts, each of which deserves a
// curve of its own. It implements [Metric].
type Column struct {
	name       string
	column     int
	sum, count float64
}

// NewColumn returns the mean of column i of predictions (N, K), called name. Targets aren't looked at.
func NewColumn(name string, i int) *Column { return &Column{name: name, column: i} }

// Name returns the name.
func (m *Column) Name() string { return m.name }

// Update takes in a batch.
func (m *Column) Update(pred, _ *tensor.Tensor) {
	if pred.NDim() != 2 || m.column < 0 || m.column >= pred.Size(1) {
		tensor.Fail("metrics.Column", "", "%s is column %d of predictions (N, K), got shape %s", m.name, m.column, tensor.ShapeString(pred.Shape()))
	}
	for _, v := range tensor.ToSlice[float64](pred.Detach().Select(1, m.column)) {
		m.sum += v
		m.count++
	}
}

// Value returns the mean.
func (m *Column) Value() float64 { return ratio(m.sum, m.count) }

// Reset starts anew.
func (m *Column) Reset() { m.sum, m.count = 0, 0 }

// SaveState returns sum and count.
func (m *Column) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"sum": vector([]float64{m.sum, m.count})}
}

// LoadState continues from what SaveState returned.
func (m *Column) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[float64](m, state, "sum", 2)
	if err != nil {
		return err
	}
	m.sum, m.count = v[0], v[1]
	return nil
}
