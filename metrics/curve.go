package metrics

import (
	"cmp"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Curve is a curve over all thresholds: X[i] and Y[i] hold if exactly the examples with scores of at least
// Threshold[i] are taken for positive.
type Curve struct{ X, Y, Threshold []float64 }

// Area returns the area under the curve by trapezoids.
func (c Curve) Area() float64 {
	sum := 0.0
	for i := 1; i < len(c.X); i++ {
		sum += (c.X[i] - c.X[i-1]) * (c.Y[i] + c.Y[i-1]) / 2
	}
	return sum
}

// step is what holds down to one threshold.
type step struct {
	threshold    float64
	hits, alarms int // positives and negatives with scores of at least the threshold
}

// steps returns the counts at each distinct score, from the highest.
func steps(op string, scores []float64, positive []bool) (out []step, positives, negatives int) {
	if len(scores) != len(positive) {
		tensor.Fail(op, "", "there must be a score for each example, got %d scores of %d examples", len(scores), len(positive))
	}
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			tensor.Fail(op, diverged, "the score of example %d is NaN", i)
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	for i, n := range order {
		if positive[n] {
			positives++
		} else {
			negatives++
		}
		if i+1 == len(order) || scores[order[i+1]] != scores[n] {
			out = append(out, step{scores[n], positives, negatives})
		}
	}
	return out, positives, negatives
}

// ROC returns the receiver operating characteristic of scores, higher for positive examples: the part of negatives
// taken for positive (X) against the part of positives found (Y), from (0, 0) at threshold +Inf to (1, 1), one point
// for each distinct score. Values are NaN if there are no negatives or no positives. It panics if a score is NaN.
func ROC(scores []float64, positive []bool) Curve {
	points, positives, negatives := steps("metrics.ROC", scores, positive)
	c := Curve{X: []float64{ratio(0, float64(negatives))}, Y: []float64{ratio(0, float64(positives))}, Threshold: []float64{math.Inf(1)}}
	for _, p := range points {
		c.X = append(c.X, ratio(float64(p.alarms), float64(negatives)))
		c.Y = append(c.Y, ratio(float64(p.hits), float64(positives)))
		c.Threshold = append(c.Threshold, p.threshold)
	}
	return c
}

// PrecisionRecall returns precision (Y) against recall (X) of scores, higher for positive examples, from recall 0
// (with precision 1, at threshold +Inf) to recall 1, one point for each distinct score. Recall is NaN if there are no
// positives. It panics if a score is NaN.
func PrecisionRecall(scores []float64, positive []bool) Curve {
	points, positives, _ := steps("metrics.PrecisionRecall", scores, positive)
	c := Curve{X: []float64{ratio(0, float64(positives))}, Y: []float64{1}, Threshold: []float64{math.Inf(1)}}
	for _, p := range points {
		c.X = append(c.X, ratio(float64(p.hits), float64(positives)))
		c.Y = append(c.Y, float64(p.hits)/float64(p.hits+p.alarms))
		c.Threshold = append(c.Threshold, p.threshold)
	}
	return c
}

// areaUnderROC returns the chance that a positive example has a higher score than a negative one, ties counted as half. Up to the
// division it is computed in integers.
func areaUnderROC(scores []float64, positive []bool) float64 {
	points, positives, negatives := steps("auc", scores, positive)
	twice, last := uint64(0), step{}
	for _, p := range points {
		// The negatives of this step stand below the positives before it, and tie with those in it.
		twice += uint64(p.alarms-last.alarms) * uint64(p.hits+last.hits)
		last = p
	}
	return ratio(float64(twice), 2*float64(positives)*float64(negatives))
}

// averagePrecision returns Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over the thresholds, scikit-learn's definition.
func averagePrecision(scores []float64, positive []bool) float64 {
	c := PrecisionRecall(scores, positive)
	sum := 0.0
	for i := 1; i < len(c.X); i++ {
		sum += (c.X[i] - c.X[i-1]) * c.Y[i]
	}
	if len(c.X) == 1 {
		return math.NaN()
	}
	return sum
}

// Ranking is a figure that depends on the order of all scores, such as the area under the ROC curve; it keeps them
// all, 8 bytes for each example and class. It implements [Metric].
type Ranking struct {
	name    string
	of      func(scores []float64, positive []bool) float64
	classes int // scores kept for each example, 0 if none was seen yet
	scores  []float64
	labels  []int64
	read    classed
}

// NewAUC returns the area under the ROC curve, named "auc", with ties counted exactly. Predictions are logits: of
// shape (N) or (N, 1) against targets 0 and 1, or (N, C) against class indices (N). Two logits are compared by their
// difference. For three and more, each class's log-probability is measured against all other classes, and the value
// is the mean over the classes that have both positive and negative examples (one against the rest, macro). NaN if
// there are none.
func NewAUC() *Ranking { return &Ranking{name: "auc", of: areaUnderROC} }

// NewAveragePrecision returns the average precision Σ (Rᵢ − Rᵢ₋₁)·Pᵢ, the area under the precision-recall curve as a step function, named
// "average_precision". Predictions and the mean over classes are those of [NewAUC].
func NewAveragePrecision() *Ranking {
	return &Ranking{name: "average_precision", of: averagePrecision}
}

// Name returns "auc" or "average_precision".
func (m *Ranking) Name() string { return m.name }

// Update takes in a batch. It panics if a score is NaN.
func (m *Ranking) Update(pred, target *tensor.Tensor) {
	m.read.each(m.name, pred, target, func(scores []float64, label int) {
		first := len(m.scores)
		switch len(scores) {
		case 1:
			m.scores = append(m.scores, scores[0])
		case 2:
			m.scores = append(m.scores, scores[1]-scores[0])
		default:
			m.scores = append(m.scores, scores...)
			logSoftmax(m.scores[first:])
		}
		kept := len(m.scores) - first
		if m.classes != 0 && kept != m.classes {
			tensor.Fail(m.name, "call Reset between different outputs", "expected %d scores for each example as before, got %d", m.classes, kept)
		}
		for _, s := range m.scores[first:] {
			if math.IsNaN(s) {
				tensor.Fail(m.name, diverged, "a prediction is NaN, for an example of class %d", label)
			}
		}
		m.classes = kept
		m.labels = append(m.labels, int64(label))
	})
}

// logSoftmax turns logits into log-probabilities in place.
func logSoftmax(x []float64) {
	top, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	for i := range x {
		x[i] -= top + math.Log(sum)
	}
}

// Class returns the scores kept for one class and which examples belong to it, such as for [ROC]. With two classes
// class 1 has the scores and class 0 their negatives.
func (m *Ranking) Class(class int) (scores []float64, positive []bool) {
	if class < 0 || class >= max(m.classes, 2) {
		tensor.Fail(m.name, "", "there is no class %d among %d", class, max(m.classes, 2))
	}
	scores, positive = make([]float64, len(m.labels)), make([]bool, len(m.labels))
	for i, l := range m.labels {
		positive[i] = l == int64(class)
		switch {
		case m.classes > 1:
			scores[i] = m.scores[i*m.classes+class]
		case class == 1:
			scores[i] = m.scores[i]
		default:
			scores[i] = -m.scores[i]
		}
	}
	return scores, positive
}

// Value returns the figure, from 0 to 1.
func (m *Ranking) Value() float64 {
	if m.classes <= 1 {
		return m.of(m.Class(1))
	}
	sum, n := 0.0, 0.0
	for c := range m.classes {
		scores, positive := m.Class(c)
		if slices.Contains(positive, true) && slices.Contains(positive, false) {
			sum += m.of(scores, positive)
			n++
		}
	}
	return ratio(sum, n)
}

// Reset starts anew.
func (m *Ranking) Reset() { m.classes, m.scores, m.labels = 0, m.scores[:0], m.labels[:0] }

// SaveState returns scores and labels.
func (m *Ranking) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"scores": vector(m.scores), "labels": vector(m.labels)}
}

// LoadState continues from what SaveState returned.
func (m *Ranking) LoadState(state map[string]*tensor.Tensor) error {
	labels, err := restore[int64](m, state, "labels", -1)
	if err != nil {
		return err
	}
	perExample := 0
	if t := state["scores"]; t != nil && len(labels) > 0 {
		perExample = t.NumEl() / len(labels)
	}
	scores, err := restore[float64](m, state, "scores", perExample*len(labels))
	if err != nil {
		return err
	}
	m.classes, m.scores, m.labels = perExample, scores, labels
	return nil
}
