package metrics

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Deviation is a mean over the deviations of predictions from targets. It implements [Metric].
type Deviation struct {
	name       string
	term       func(pred, target float64) float64
	finish     func(mean float64) float64
	sum, count float64
}

func same(v float64) float64 { return v }

// NewMSE returns the mean of (pred − target)², named "mse". Predictions and targets have the same shape, examples
// along axis 0; (N) and (N, 1) go together.
func NewMSE() *Deviation {
	return &Deviation{name: "mse", term: func(p, t float64) float64 { return (p - t) * (p - t) }, finish: same}
}

// NewRMSE returns the square root of the mean of (pred − target)², named "rmse". Shapes are those of [NewMSE].
func NewRMSE() *Deviation {
	m := NewMSE()
	m.name, m.finish = "rmse", math.Sqrt
	return m
}

// NewMAE returns the mean of |pred − target|, named "mae". Shapes are those of [NewMSE].
func NewMAE() *Deviation {
	return &Deviation{name: "mae", term: func(p, t float64) float64 { return math.Abs(p - t) }, finish: same}
}

// NewLogRMSE returns √mean (log pred − log target)², named "log_rmse": the measure of Kaggle's house prices, which
// counts relative errors. Predictions below 1 count as 1, so that an early guess below 0 is a number still (Zhang et
// al., "Dive into Deep Learning", §5.7). Shapes are those of [NewMSE].
func NewLogRMSE() *Deviation {
	term := func(p, t float64) float64 {
		d := math.Log(math.Max(p, 1)) - math.Log(t)
		return d * d
	}
	return &Deviation{name: "log_rmse", term: term, finish: math.Sqrt}
}

// Name returns "mse", "rmse", "mae" or "log_rmse".
func (m *Deviation) Name() string { return m.name }

// Update takes in a batch.
func (m *Deviation) Update(pred, target *tensor.Tensor) {
	pairs(m.name, pred, target, func(_ int, p, t float64) {
		m.sum += m.term(p, t)
		m.count++
	})
}

// Value returns the figure, at least 0.
func (m *Deviation) Value() float64 { return m.finish(ratio(m.sum, m.count)) }

// Reset starts anew.
func (m *Deviation) Reset() { m.sum, m.count = 0, 0 }

// SaveState returns sum and count.
func (m *Deviation) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"sum": vector([]float64{m.sum, m.count})}
}

// LoadState continues from what SaveState returned.
func (m *Deviation) LoadState(state map[string]*tensor.Tensor) error {
	v, err := restore[float64](m, state, "sum", 2)
	if err != nil {
		return err
	}
	m.sum, m.count = v[0], v[1]
	return nil
}

// R2 is the coefficient of determination. It implements [Metric].
type R2 struct{ columns []spread }

// spread gathers one column of targets: the number, mean and sum of squared distances from the mean (Welford, 1962), and the
// predictions' squared errors.
type spread struct{ count, mean, total, residual float64 }

// NewR2 returns the coefficient of determination 1 − Σ(target − pred)² / Σ(target − mean)², named "r2": 1 for a
// perfect fit, 0 for the mean of the targets. Of several numbers for each example it is the mean of their
// coefficients. Constant targets give 1 if they are met exactly and else 0, as in scikit-learn. Shapes are those of
// [NewMSE].
func NewR2() *R2 { return &R2{} }

// Name returns "r2".
func (m *R2) Name() string { return "r2" }

// Update takes in a batch.
func (m *R2) Update(pred, target *tensor.Tensor) {
	pairs("r2", pred, target, func(column int, p, t float64) {
		for column >= len(m.columns) {
			m.columns = append(m.columns, spread{})
		}
		c := &m.columns[column]
		c.count++
		d := t - c.mean
		c.mean += d / c.count
		c.total += d * (t - c.mean)
		c.residual += (t - p) * (t - p)
	})
}

// Value returns the coefficient, at most 1; NaN for fewer than two examples.
func (m *R2) Value() float64 {
	sum := 0.0
	for _, c := range m.columns {
		switch {
		case c.count < 2:
			return math.NaN()
		case c.total > 0 || math.IsNaN(c.total+c.residual):
			sum += 1 - c.residual/c.total
		case c.residual == 0:
			sum++
		}
	}
	return ratio(sum, float64(len(m.columns)))
}

// Reset starts anew.
func (m *R2) Reset() { m.columns = m.columns[:0] }

// SaveState returns what was gathered of each column.
func (m *R2) SaveState() map[string]*tensor.Tensor {
	var v []float64
	for _, c := range m.columns {
		v = append(v, c.count, c.mean, c.total, c.residual)
	}
	return map[string]*tensor.Tensor{"columns": vector(v)}
}

// LoadState continues from what SaveState returned.
func (m *R2) LoadState(state map[string]*tensor.Tensor) error {
	n := -1
	if t := state["columns"]; t != nil {
		n = t.NumEl() / 4 * 4
	}
	v, err := restore[float64](m, state, "columns", n)
	if err != nil {
		return err
	}
	m.columns = m.columns[:0]
	for c := range slices.Chunk(v, 4) {
		m.columns = append(m.columns, spread{c[0], c[1], c[2], c[3]})
	}
	return nil
}
