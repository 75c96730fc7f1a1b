package box

import "fmt"

// What [MaxIoU] gives for anchors without a thing.
const (
	Background = -1 // the anchor shows none
	Ignored    = -2 // the anchor shows half of one: leave it out of the loss
)

// Assign says which thing each anchor stands for: an index into truth, or [Background]. Each thing gets an anchor of its own, pairs of
// the highest IoU first; then every other anchor gets the thing it overlaps most if their IoU is at least threshold (Zhang and others,
// "Dive into Deep Learning", section 14.4; SSD). Of equals the first counts. Things beyond the number of anchors get none.
func Assign(anchors, truth []Box, threshold float64) []int {
	out := make([]int, len(anchors))
	iou := IoUs(anchors, truth)
	for i, row := range iou {
		out[i] = Background
		if j, best := argmax(row); j >= 0 && best >= threshold {
			out[i] = j
		}
	}
	anchorTaken, truthTaken := make([]bool, len(anchors)), make([]bool, len(truth))
	for range min(len(anchors), len(truth)) {
		at, of, best := -1, -1, -1.0
		for i, row := range iou {
			if anchorTaken[i] {
				continue
			}
			for j, v := range row {
				if !truthTaken[j] && v > best {
					at, of, best = i, j, v
				}
			}
		}
		if at < 0 {
			break // only overlaps that are not numbers are left
		}
		out[at] = of
		anchorTaken[at], truthTaken[of] = true, true
	}
	return out
}

// argmax returns the first of the largest elements; −1 of none.
func argmax(row []float64) (at int, value float64) {
	at, value = -1, -1
	for j, v := range row {
		if v > value {
			at, value = j, v
		}
	}
	return at, value
}

// MaxIoUConfig says from which overlap on [MaxIoU] takes an anchor for a thing. Faster R-CNN uses 0.7, 0.3 and Best for its proposals,
// Fast R-CNN 0.5 and 0.5.
type MaxIoUConfig struct {
	Positive float64 // an anchor whose highest IoU is at least this stands for that thing
	Negative float64 // one whose highest IoU is below this stands for background; between the two it is ignored
	Best     bool    // the anchors that overlap a thing most (all equals) are never lost: they stand for what they overlap most
}

// MaxIoU says which thing each anchor stands for: an index into truth, [Background] or [Ignored] (Ren and others, "Faster R-CNN",
// 2015; torchvision's Matcher). It panics unless 0 ≤ Negative ≤ Positive ≤ 1.
func MaxIoU(anchors, truth []Box, cfg MaxIoUConfig) []int {
	if !(0 <= cfg.Negative && cfg.Negative <= cfg.Positive && cfg.Positive <= 1) {
		panic(fmt.Sprintf("box: MaxIoU wants 0 ≤ Negative ≤ Positive ≤ 1, got %g and %g", cfg.Negative, cfg.Positive))
	}
	iou := IoUs(anchors, truth)
	most := make([]float64, len(truth))
	for _, row := range iou {
		for j, v := range row {
			most[j] = max(most[j], v)
		}
	}
	out := make([]int, len(anchors))
	for i, row := range iou {
		j, best := argmax(row)
		keep := false
		for k, v := range row {
			// An IoU of 0 is a thing that no anchor touches: torchvision would give it every anchor.
			keep = keep || cfg.Best && v == most[k] && v > 0
		}
		switch {
		case j < 0:
			out[i] = Background
		case keep || best >= cfg.Positive:
			out[i] = j
		case best < cfg.Negative:
			out[i] = Background
		default:
			out[i] = Ignored
		}
	}
	return out
}
