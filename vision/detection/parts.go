package detection

import (
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

// Metrics returns the parts of the loss as metrics, to be logged beside it: "box_loss", "object_loss" and "class_loss", means over
// examples.
func (cfg *YOLO) Metrics() []metrics.Metric {
	// The three see each batch one after the other: the parts are computed once for all of them.
	var seen *tensor.Tensor
	var parts [3]float64
	var out []metrics.Metric
	for i, name := range []string{"box_loss", "object_loss", "class_loss"} {
		out = append(out, metrics.NewMean(name, func(pred, target *tensor.Tensor) float64 {
			if seen != pred {
				b, o, c := cfg.Parts(pred, target)
				seen, parts = pred, [3]float64{b.Item(), o.Item(), c.Item()}
			}
			return parts[i]
		}))
	}
	return out
}
