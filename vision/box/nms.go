package box

import (
	"fmt"
	"math"
	"slices"
)

// NMS suppresses repeated finds of the same thing, in each class apart: from the highest score down, an object is kept unless its IoU
// with one already kept of its class is above threshold. The result is in the order of falling scores, equal ones in the order in
// which they came, as torchvision's batched_nms gives it. Objects whose score is not a number go last.
func NMS(objects []Object, threshold float64) []Object {
	return suppress(objects, threshold, func(a, b int) bool { return a == b })
}

// AgnosticNMS is [NMS] over all classes together: what overlaps counts as the same thing whatever it is called.
func AgnosticNMS(objects []Object, threshold float64) []Object {
	return suppress(objects, threshold, func(a, b int) bool { return true })
}

func suppress(objects []Object, threshold float64, rivals func(a, b int) bool) []Object {
	var kept []Object
next:
	for _, o := range sorted(objects) {
		for i := range kept {
			if rivals(kept[i].Class, o.Class) && IoU(kept[i].Box, o.Box) > threshold {
				continue next
			}
		}
		kept = append(kept, o)
	}
	return kept
}

// sorted returns a copy in the order of falling scores.
func sorted(objects []Object) []Object {
	out := slices.Clone(objects)
	slices.SortStableFunc(out, func(a, b Object) int { return falling(a.Score, b.Score) })
	return out
}

func falling(a, b float64) int {
	switch {
	case a > b || b != b && a == a:
		return -1
	case a < b || a != a && b == b:
		return 1
	}
	return 0
}

// Decay says how [SoftNMS] lowers the score of an object that overlaps a better one.
type Decay uint8

const (
	// Gaussian multiplies it by exp(−IoU²/σ).
	Gaussian Decay = iota
	// Linear multiplies it by 1 − IoU where IoU is above the threshold.
	Linear
)

// SoftNMSConfig says how [SoftNMS] works. Zero values stand for the paper's.
type SoftNMSConfig struct {
	Decay     Decay
	Sigma     float64 // Gaussian: σ, 0.5 if 0
	Threshold float64 // Linear: the IoU from which on scores fall, 0.3 if 0
	MinScore  float64 // objects that end below it are left out; 0.001 if 0
}

// SoftNMS lowers the scores of objects that overlap a better one of their class instead of dropping them, so that things which truly
// overlap survive (Bodla and others, "Soft-NMS", 2017). It returns those that keep MinScore, with their new scores, the highest first.
func SoftNMS(objects []Object, cfg SoftNMSConfig) []Object {
	for _, f := range []struct {
		value    *float64
		fallback float64
	}{{&cfg.Sigma, 0.5}, {&cfg.Threshold, 0.3}, {&cfg.MinScore, 0.001}} {
		if *f.value == 0 {
			*f.value = f.fallback
		}
		if !(*f.value > 0) {
			panic(fmt.Sprintf("box: SoftNMS wants a Sigma, Threshold and MinScore above 0, got %+v", cfg))
		}
	}
	left, kept := slices.Clone(objects), []Object(nil)
	for len(left) > 0 {
		best := 0
		for i := range left {
			if falling(left[i].Score, left[best].Score) < 0 {
				best = i
			}
		}
		top := left[best]
		left = slices.Delete(left, best, best+1)
		if !(top.Score >= cfg.MinScore) {
			break // the rest is no better
		}
		kept = append(kept, top)
		for i := range left {
			if left[i].Class == top.Class {
				left[i].Score *= cfg.factor(IoU(top.Box, left[i].Box))
			}
		}
	}
	return kept
}

// factor returns what an overlap multiplies a score by.
func (cfg *SoftNMSConfig) factor(iou float64) float64 {
	switch {
	case cfg.Decay == Gaussian:
		return math.Exp(-iou * iou / cfg.Sigma)
	case iou > cfg.Threshold:
		return 1 - iou
	}
	return 1
}
