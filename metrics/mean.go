package metrics

import "github.com/gradus-ml/gradus/tensor"

// Mean is the mean over examples of any figure: for parts of a loss, each of which deserves a curve of its own. It implements [Metric].
type Mean struct {
	name       string
	of         func(pred, target *tensor.Tensor) float64
	sum, count float64
}

// NewMean returns the mean, called name, of what a function says of batches: of returns the mean over a batch's examples, of which there are as many
// as pred is long.
func NewMean(name string, of func(pred, target *tensor.Tensor) float64) *Mean {
	return &Mean{name: name, of: of}
}

// NewColumn returns the mean of column i of predictions (N, K), called name: for training steps that return the parts of their loss as
// predictions. Targets aren't looked at.
func NewColumn(name string, i int) *Mean {
	return NewMean(name, func(pred, _ *tensor.Tensor) float64 {
		if pred.NDim() != 2 || i < 0 || i >= pred.Size(1) {
			tensor.Fail("metrics.NewColumn", "", "%s is column %d of predictions (N, K), got shape %s", name, i, tensor.ShapeString(pred.Shape()))
		}
		return pred.Detach().Select(1, i).To(tensor.Float64).Mean().Item()
	})
}

// Name returns the name.
func (m *Mean) Name() string { return m.name }

// Update takes in a batch.
func (m *Mean) Update(pred, target *tensor.Tensor) {
	if pred.NDim() == 0 {
		tensor.Fail("metrics.Mean", "", "%s is a mean over examples, got predictions without an axis for them", m.name)
	}
	if n := float64(pred.Size(0)); n > 0 {
		m.sum += n * m.of(pred, target)
		m.count += n
	}
}

// Value returns the mean.
func (m *Mean) Value() float64 { return ratio(m.sum, m.count) }

// Reset starts anew.
func (m *Mean) Reset() { m.sum, m.count = 0, 0 }

// SaveState returns sum and count.
func (m *Mean) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"sum": vector([]float64{m.sum, m.count})}
}

// LoadState continues from what SaveState returned.
func (m *Mean) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[float64](m, state, "sum", 2)
	if err != nil {
		return err
	}
	m.sum, m.count = v[0], v[1]
	return nil
}
