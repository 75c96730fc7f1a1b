package metrics

import (
	"github.com/gradus-ml/gradus/tensor"
)

// OneShot is the part of examples whose class the nearest of one known example of each class tells. It implements [Metric].
type OneShot struct {
	distances    func(a, b *tensor.Tensor) *tensor.Tensor
	right, total float64
}

// NewOneShot returns the one-shot accuracy, named "one_shot_accuracy". Predictions are embeddings (N, D), targets classes (N). In each batch
// the first example of a class is the known one, and all others are to be classified: a batch of 20 classes with two examples
// each is a 20-way one-shot task. distances returns the distances (N, M) between two sets of embeddings (N, D) and (M, D).
func NewOneShot(distances func(a, b *tensor.Tensor) *tensor.Tensor) *OneShot {
	return &OneShot{distances: distances}
}

// Name returns "one_shot_accuracy".
func (m *OneShot) Name() string { return "one_shot_accuracy" }

// Update takes in a batch.
func (m *OneShot) Update(pred, target *tensor.Tensor) {
	labels := tensor.ToSlice[int64](target)
	if pred.NDim() != 2 || pred.Size(0) != len(labels) {
		tensor.Fail(m.Name(), "", "expected embeddings (N, D) and classes (N), got %s and %s", tensor.ShapeString(pred.Shape()), tensor.ShapeString(target.Shape()))
	}
	known := map[int64]bool{}
	var support, query, answers []int64
	for i, l := range labels {
		if known[l] {
			query = append(query, int64(i))
			continue
		}
		known[l] = true
		support, answers = append(support, int64(i)), append(answers, l)
	}
	if len(query) == 0 {
		return
	}
	rows := func(at []int64) *tensor.Tensor {
		return pred.Detach().IndexSelect(0, tensor.FromSlice(at, len(at)))
	}
	for i, k := range tensor.ToSlice[int64](m.distances(rows(query), rows(support)).ArgMin(1)) {
		if answers[k] == labels[query[i]] {
			m.right++
		}
	}
	m.total += float64(len(query))
}

// Value returns the part from 0 to 1, NaN if nothing was classified.
func (m *OneShot) Value() float64 { return ratio(m.right, m.total) }

// Reset starts anew.
func (m *OneShot) Reset() { m.right, m.total = 0, 0 }

// SaveState returns the counts.
func (m *OneShot) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"counts": vector([]float64{m.right, m.total})}
}

// LoadState continues from what SaveState returned.
func (m *OneShot) LoadState(state map[string]*tensor.Tensor) error {
	counts, err := restore[float64](m, state, "counts", 2)
	if err == nil {
		m.right, m.total = counts[0], counts[1]
	}
	return err
}
