package metrics

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// diverged is what to do about a model whose outputs aren't numbers.
const diverged = "the model has diverged, or its input isn't finite: try a lower learning rate"

// Confusion counts how often each class is taken for each other. Its Value is the accuracy. It implements [Metric].
type Confusion struct {
	classes   int
	threshold float64
	counts    []int64 // true class · classes + predicted class
	read      classed
}

// NewConfusion returns the confusion matrix of the given number of classes, at least 2. Predictions and targets are
// those of [NewAccuracy]. It panics in Update if a score is NaN, since then no class is predicted.
func NewConfusion(classes int) *Confusion {
	if classes < 2 {
		tensor.Fail("metrics.NewConfusion", "", "there must be at least 2 classes, got %d", classes)
	}
	return &Confusion{classes: classes, counts: make([]int64, classes*classes)}
}

// Name returns "accuracy".
func (m *Confusion) Name() string { return "accuracy" }

// Update takes in a batch.
func (m *Confusion) Update(pred, target *tensor.Tensor) {
	const op = "confusion"
	m.read.each(op, pred, target, func(scores []float64, label int) {
		predicted := argMax(scores)
		if predicted < 0 {
			tensor.Fail(op, diverged, "a prediction is NaN, for an example of class %d", label)
		}
		if len(scores) == 1 {
			if scores[0] > m.threshold {
				predicted = 1
			}
		} else if len(scores) != m.classes {
			tensor.Fail(op, "give NewConfusion the number of the model's outputs", "expected scores for %d classes, got %d", m.classes, len(scores))
		}
		m.counts[label*m.classes+predicted]++
	})
}

// Counts returns the matrix: Counts()[t][p] examples of class t were taken for class p.
func (m *Confusion) Counts() [][]int {
	out := make([][]int, m.classes)
	for t := range out {
		out[t] = make([]int, m.classes)
		for p := range out[t] {
			out[t][p] = int(m.counts[t*m.classes+p])
		}
	}
	return out
}

// Value returns the accuracy.
func (m *Confusion) Value() float64 {
	right, all := 0.0, 0.0
	for i, n := range m.counts {
		all += float64(n)
		if i%(m.classes+1) == 0 {
			right += float64(n)
		}
	}
	return ratio(right, all)
}

// Reset starts anew.
func (m *Confusion) Reset() { clear(m.counts) }

// SaveState returns the counts.
func (m *Confusion) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"counts": vector(m.counts)}
}

// LoadState continues from what SaveState returned.
func (m *Confusion) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[int64](m, state, "counts", len(m.counts))
	if err != nil {
		return err
	}
	m.counts = v
	return nil
}

// Class holds the figures of one class, against all others.
type Class struct {
	Precision float64 // part of the examples taken for this class that belong to it; 0 if there are none
	Recall    float64 // part of the examples of this class that are taken for it; 0 if there are none
	F1        float64 // harmonic mean of the two; 0 if both are
	Support   int     // examples of this class
}

// PerClass returns the figures of each class.
func (m *Confusion) PerClass() []Class {
	out := make([]Class, m.classes)
	for c := range out {
		hit, taken, support := m.margins(c)
		out[c] = Class{Precision: part(hit, taken), Recall: part(hit, support), F1: part(2*hit, taken+support), Support: int(support)}
	}
	return out
}

// margins returns how many examples of class c were taken for c, how many of any class were, and how many of class c there are.
func (m *Confusion) margins(c int) (hit, taken, support float64) {
	for k := range m.classes {
		taken += float64(m.counts[k*m.classes+c])
		support += float64(m.counts[c*m.classes+k])
	}
	return float64(m.counts[c*m.classes+c]), taken, support
}

// part returns a/b, 0 for 0/0.
func part(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Average says how the figures of the classes become one. The values are scikit-learn's.
type Average uint8

// The averages.
const (
	Macro    Average = iota // mean over the classes that occur, in targets or predictions
	Micro                   // over all examples together; for classes that exclude one another it equals the accuracy
	Weighted                // mean over the classes, weighted by their numbers of examples
	Binary                  // of class 1 alone, for two classes
)

// Score is the precision, recall or F1 of a classifier. It implements [Metric].
type Score struct {
	*Confusion // what it is computed from
	name       string
	average    Average
	of         func(Class) float64
}

// NewPrecision returns the precision, named "precision".
func NewPrecision(classes int, average Average) *Score {
	return newScore("precision", classes, average, func(c Class) float64 { return c.Precision })
}

// NewRecall returns the recall, also called sensitivity, named "recall".
func NewRecall(classes int, average Average) *Score {
	return newScore("recall", classes, average, func(c Class) float64 { return c.Recall })
}

// NewF1 returns the harmonic mean of precision and recall, named "f1".
func NewF1(classes int, average Average) *Score {
	return newScore("f1", classes, average, func(c Class) float64 { return c.F1 })
}

func newScore(name string, classes int, average Average, of func(Class) float64) *Score {
	if average > Binary || average == Binary && classes != 2 {
		tensor.Fail("metrics: "+name, "use Macro, Micro or Weighted", "average %d doesn't fit %d classes", average, classes)
	}
	return &Score{NewConfusion(classes), name, average, of}
}

// Name returns "precision", "recall" or "f1".
func (m *Score) Name() string { return m.name }

// Value returns the average, from 0 to 1.
func (m *Score) Value() float64 {
	accuracy := m.Confusion.Value()
	if math.IsNaN(accuracy) || m.average == Micro {
		return accuracy
	}
	classes := m.PerClass()
	if m.average == Binary {
		return m.of(classes[1])
	}
	sum, weight := 0.0, 0.0
	for c, figures := range classes {
		w := float64(figures.Support)
		if m.average == Macro {
			_, taken, support := m.margins(c)
			if w = 0; taken+support > 0 {
				w = 1
			}
		}
		sum += w * m.of(figures)
		weight += w
	}
	return sum / weight
}
