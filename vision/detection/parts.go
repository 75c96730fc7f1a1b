package detection

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

// Metrics returns the parts of the loss as metrics, to be logged beside it: "box_loss", "object_loss" and "class_loss", means over
// examples.
func (cfg *YOLO) Metrics() []metrics.Metric {
	shared := &partsOf{loss: cfg}
	var out []metrics.Metric
	for i, name := range []string{"box_loss", "object_loss", "class_loss"} {
		out = append(out, &lossPart{name: name, part: i, of: shared})
	}
	return out
}

// partsOf computes the parts once for all three metrics, which see each batch one after the other.
type partsOf struct {
	loss   *YOLO
	pred   *tensor.Tensor
	values [3]float64
}

func (p *partsOf) get(pred, target *tensor.Tensor) [3]float64 {
	if p.pred != pred {
		b, o, c := p.loss.Parts(pred, target)
		p.pred, p.values = pred, [3]float64{b.Item(), o.Item(), c.Item()}
	}
	return p.values
}

// lossPart is a mean of one part.
type lossPart struct {
	name        string
	part        int
	of          *partsOf
	sum, weight float64
}

func (m *lossPart) Name() string { return m.name }

func (m *lossPart) Update(pred, target *tensor.Tensor) {
	n := float64(pred.Size(0))
	m.sum += n * m.of.get(pred, target)[m.part]
	m.weight += n
}

func (m *lossPart) Value() float64 {
	if m.weight == 0 {
		return math.NaN()
	}
	return m.sum / m.weight
}

func (m *lossPart) Reset() { m.sum, m.weight = 0, 0 }

// SaveState returns what has added up.
func (m *lossPart) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"sums": tensor.FromSlice([]float64{m.sum, m.weight}, 2)}
}

// LoadState continues from what SaveState returned.
func (m *lossPart) LoadState(state map[string]*tensor.Tensor) error {
	t := state["sums"]
	if t == nil || t.NumEl() != 2 {
		return fmt.Errorf("detection: %s: the saved state has no two sums; was it saved by another metric?", m.name)
	}
	v := tensor.ToSlice[float64](t)
	m.sum, m.weight = v[0], v[1]
	return nil
}
