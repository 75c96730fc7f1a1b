package detection

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// MeanAP is the mean average precision at an IoU of 0.5 as a metric, "mAP50", of a [Head]'s outputs against targets (N, M, 5). It implements
// [metrics.Metric]. For the other figures use [AP].
type MeanAP struct {
	head         *Head
	classes      []string
	truth, found [][]box.Object
}

// NewMeanAP returns the metric for the outputs of head, for classes of these names.
func NewMeanAP(head *Head, classes []string) *MeanAP { return &MeanAP{head: head, classes: classes} }

// MeasureScore is the least score of the finds that average precision is measured with: the curve should reach far to the right.
const MeasureScore = 0.02

// Name returns "mAP50".
func (m *MeanAP) Name() string { return "mAP50" }

// Update takes in a batch: pred (N, anchors, H, W, 5+C) and target (N, M, 5).
func (m *MeanAP) Update(pred, target *tensor.Tensor) {
	m.truth = append(m.truth, truths(target)...)
	m.found = append(m.found, m.head.Boxes(pred, DetectConfig{Score: MeasureScore})...)
}

// Value returns the figure over all batches since Reset, NaN if there were no objects.
func (m *MeanAP) Value() float64 {
	ap := NewAP(m.classes)
	for i, t := range m.truth {
		ap.Add(t, m.found[i])
	}
	if v := ap.Result().MAP50; v >= 0 {
		return v
	}
	return math.NaN()
}

// Reset starts anew.
func (m *MeanAP) Reset() { m.truth, m.found = nil, nil }

// SaveState returns all objects seen, as rows of image, class, score and corners.
func (m *MeanAP) SaveState() map[string]*tensor.Tensor {
	rows := func(all [][]box.Object) *tensor.Tensor {
		v := []float64{}
		for i, objects := range all {
			for _, o := range objects {
				v = append(v, float64(i), float64(o.Class), o.Score, o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2)
			}
		}
		return tensor.FromSlice(v, len(v)/7, 7)
	}
	return map[string]*tensor.Tensor{"truth": rows(m.truth), "found": rows(m.found), "images": tensor.FromSlice([]int64{int64(len(m.truth))}, 1)}
}

// LoadState continues from what SaveState returned.
func (m *MeanAP) LoadState(state map[string]*tensor.Tensor) error {
	if state["images"] == nil || state["images"].NumEl() != 1 {
		return fmt.Errorf("detection: mAP50: the saved state has no number of images; was it saved by another metric?")
	}
	images := int(state["images"].Item())
	read := func(name string) ([][]box.Object, error) {
		t := state[name]
		if t == nil || t.NDim() != 2 || t.Size(1) != 7 {
			return nil, fmt.Errorf("detection: mAP50: the saved state has no rows %q; was it saved by another metric?", name)
		}
		out, v := make([][]box.Object, images), tensor.ToSlice[float64](t)
		for ; len(v) > 0; v = v[7:] {
			image, class := int(v[0]), int(v[1])
			if image < 0 || image >= images || class < 0 || class >= len(m.classes) {
				return nil, fmt.Errorf("detection: mAP50: the saved state has class %d in image %d, of %d and %d; was it saved for other data?", class, image, len(m.classes), images)
			}
			out[image] = append(out[image], box.Object{Class: class, Score: v[2], Box: box.Box{X1: v[3], Y1: v[4], X2: v[5], Y2: v[6]}})
		}
		return out, nil
	}
	truth, err := read("truth")
	if err != nil {
		return err
	}
	found, err := read("found")
	if err != nil {
		return err
	}
	m.truth, m.found = truth, found
	return nil
}
