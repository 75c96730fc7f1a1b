package detection

import (
	"cmp"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// DetectConfig says which of a detector's boxes count.
type DetectConfig struct {
	Score float64 // the least score; default 0.25, for measuring average precision rather 0.01
	IoU   float64 // boxes of one class that overlap a better one more than this are dropped; default 0.45
	Most  int     // how many boxes an image may have; default 100
	// Width and Height, in pixels, cut boxes off at the image's edge; 0: they are left as they are.
	Width, Height float64
}

// Boxes turns the output of a [Head], (N, anchors, H, W, 5+Classes), into the objects of each image: boxes in pixels of the input, the
// likeliest class, and the score σ(t_o)·σ(t_c), the best first, without those that overlap better ones of their class.
func (h *Head) Boxes(out *tensor.Tensor, cfg DetectConfig) [][]box.Object {
	h.check("detection.Head.Boxes", out)
	if cfg.Score == 0 {
		cfg.Score = 0.25
	}
	if cfg.IoU == 0 {
		cfg.IoU = 0.45
	}
	if cfg.Most == 0 {
		cfg.Most = 100
	}
	anchors, shape, width := h.anchors(), out.Shape(), 5+h.cfg.Classes
	v := tensor.ToSlice[float64](out.Detach())
	least := logit(cfg.Score) // of t_o: the class can only lower the score
	found := make([][]box.Object, shape[0])
	for i := range len(v) / width {
		t := v[i*width:][:width]
		if !(t[4] >= least) {
			continue
		}
		class := largest(t[5:])
		score := sigmoid(t[4]) * sigmoid(t[5+class])
		if score < cfg.Score {
			continue
		}
		r := rowAt(i, shape)
		b := h.box(t, r, anchors[r.anchor])
		if cfg.Width > 0 && cfg.Height > 0 {
			b = b.Clip(cfg.Width, cfg.Height)
		}
		found[r.image] = append(found[r.image], box.Object{Box: b, Class: class, Score: score})
	}
	for i, all := range found {
		// Suppression takes time in proportion to the square; an untrained net would name every cell.
		slices.SortStableFunc(all, func(a, b box.Object) int { return cmp.Compare(b.Score, a.Score) })
		all = box.NMS(all[:min(len(all), 10*cfg.Most)], cfg.IoU)
		found[i] = all[:min(len(all), cfg.Most)]
	}
	return found
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }
