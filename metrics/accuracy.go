package metrics

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Accuracy is the part of examples whose class is predicted right. It implements [Metric].
type Accuracy struct {
	k              int
	threshold      float64
	correct, count int64
	read           classed
}

// NewAccuracy returns the part of examples whose class is predicted right, named "accuracy". Predictions are scores,
// such as logits, of shape (N, C) or (N, C, …), and targets class indices (N) or (N, …): the class with the greatest
// score, the first of equal ones, counts. Targets may also be probabilities of the predictions' shape, such as after
// mixing examples: the likeliest class counts. Or both have shape (N) or (N, 1): then there are two classes, and a
// logit above 0 means class 1; see [NewBinaryAccuracy] for probabilities. Targets of −100 are left out. A NaN among
// the scores counts as wrong.
func NewAccuracy() *Accuracy { return &Accuracy{k: 1} }

// NewBinaryAccuracy returns the accuracy for two classes told apart by one number, class 1 if it is above threshold:
// 0 for logits, ½ for probabilities.
func NewBinaryAccuracy(threshold float64) *Accuracy { return &Accuracy{k: 1, threshold: threshold} }

// NewTopK returns the part of examples whose class is among the k with the greatest scores, named "topk_accuracy"
// with the number for k. Of classes with equal scores those with smaller numbers come first. Shapes are those of
// [NewAccuracy] with at least two scores for each example.
func NewTopK(k int) *Accuracy {
	if k < 1 {
		tensor.Fail("metrics.NewTopK", "", "k must be at least 1, got %d", k)
	}
	return &Accuracy{k: k}
}

// Name returns "accuracy" or, for instance, "top5_accuracy".
func (m *Accuracy) Name() string {
	if m.k == 1 {
		return "accuracy"
	}
	return fmt.Sprintf("top%d_accuracy", m.k)
}

// Update takes in a batch.
func (m *Accuracy) Update(pred, target *tensor.Tensor) {
	m.read.each(m.Name(), pred, target, func(scores []float64, label int) {
		m.count++
		if m.right(scores, label) {
			m.correct++
		}
	})
}

func (m *Accuracy) right(scores []float64, label int) bool {
	if len(scores) == 1 {
		return scores[0] == scores[0] && (scores[0] > m.threshold) == (label == 1)
	}
	if m.k == 1 {
		return argMax(scores) == label
	}
	better := 0
	for c, v := range scores {
		if v != v {
			return false
		}
		if v > scores[label] || v == scores[label] && c < label {
			better++
		}
	}
	return better < m.k
}

// Value returns the part of right predictions, from 0 to 1.
func (m *Accuracy) Value() float64 { return ratio(float64(m.correct), float64(m.count)) }

// ratio returns a/b, NaN for 0/0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// Reset starts anew.
func (m *Accuracy) Reset() { m.correct, m.count = 0, 0 }

// SaveState returns the counts.
func (m *Accuracy) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"counts": vector([]int64{m.correct, m.count})}
}

// LoadState continues from what SaveState returned.
func (m *Accuracy) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[int64](m, state, "counts", 2)
	if err != nil {
		return err
	}
	m.correct, m.count = v[0], v[1]
	return nil
}
