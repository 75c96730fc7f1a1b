// Package metrics measures predictions: accuracy, confusion, precision and recall, areas under curves, errors of regression, perplexity.
//
// A [Metric] adds up over batches, so that a whole data set need not be in memory at once.
package metrics

import "github.com/gradus-ml/gradus/tensor"

// Metric adds up a figure over batches. Predictions and targets have the examples along axis 0.
type Metric interface {
	// Name is the figure's name in logs and tables, such as "accuracy".
	Name() string
	// Update takes in a batch.
	Update(pred, target *tensor.Tensor)
	// Value returns the figure over all batches since Reset, NaN if there were none.
	Value() float64
	// Reset starts anew.
	Reset()
}
