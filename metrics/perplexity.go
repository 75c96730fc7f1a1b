package metrics

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Perplexity is e to the mean negative log-likelihood in nats: among how many equally likely classes a model seems to
// choose. It implements [Metric].
type Perplexity struct{ sum, count float64 }

// NewPerplexity returns the perplexity, named "perplexity". Predictions are logits of shape (N, C) or (N, C, …) and
// targets class indices of shape (N) or (N, …); for sequences (N, T, C) reshape to (N·T, C). Targets of −100 are left
// out.
func NewPerplexity() *Perplexity { return &Perplexity{} }

// Name returns "perplexity".
func (m *Perplexity) Name() string { return "perplexity" }

// Update takes in a batch.
func (m *Perplexity) Update(pred, target *tensor.Tensor) {
	sizes("perplexity", pred, target)
	if target.DType().IsFloat() {
		tensor.Fail("perplexity", "", "expected class indices for logits (N, C), got %s of shape %s", target.DType(), tensor.ShapeString(target.Shape()))
	}
	losses := tensor.CrossEntropy(pred.Detach(), target, tensor.CrossEntropyConfig{Reduction: tensor.ReductionNone})
	pairs("perplexity", losses, target, func(_ int, loss, label float64) {
		if label != ignored {
			m.sum += loss
			m.count++
		}
	})
}

// Value returns the perplexity, at least 1.
func (m *Perplexity) Value() float64 { return math.Exp(ratio(m.sum, m.count)) }

// Reset starts anew.
func (m *Perplexity) Reset() { m.sum, m.count = 0, 0 }

// SaveState returns sum and count.
func (m *Perplexity) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"sum": vector([]float64{m.sum, m.count})}
}

// LoadState continues from what SaveState returned.
func (m *Perplexity) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[float64](m, state, "sum", 2)
	if err != nil {
		return err
	}
	m.sum, m.count = v[0], v[1]
	return nil
}
