package box

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// KMeansAnchors returns k typical sizes, smallest area first, to which boxes of the given (width, height) overlap well: k-means with
// 1 − IoU of boxes around the same centre as distance, so that large boxes don't count for more than small ones (Redmon and Farhadi,
// "YOLO9000", 2017). Starts are drawn by k-means++ from seed; of eight, the one with the highest mean IoU wins. If there are fewer
// than k different sizes, some anchors are equal. It panics if k is below 1 or above len(sizes), or a size isn't positive and finite.
func KMeansAnchors(sizes [][2]float64, k int, seed uint64) [][2]float64 {
	if k < 1 || k > len(sizes) {
		panic(fmt.Sprintf("box: KMeansAnchors wants from 1 to %d anchors, as many as there are sizes, got %d", len(sizes), k))
	}
	for i, s := range sizes {
		if !(s[0] > 0 && s[1] > 0) || math.IsInf(s[0]*s[1], 0) {
			panic(fmt.Sprintf("box: KMeansAnchors wants positive sizes, size %d is %g × %g; leave empty boxes out", i, s[0], s[1]))
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	var best [][2]float64
	score := -1.0
	for range 8 {
		anchors := cluster(sizes, plusPlus(sizes, k, rng))
		if s := MeanIoU(sizes, anchors); s > score {
			best, score = anchors, s
		}
	}
	slices.SortFunc(best, func(a, b [2]float64) int {
		return cmp.Or(cmp.Compare(a[0]*a[1], b[0]*b[1]), cmp.Compare(a[0], b[0]))
	})
	return best
}

// MeanIoU returns how well anchors fit: the mean over sizes of the best IoU with an anchor around the same centre, 0 to 1.
func MeanIoU(sizes, anchors [][2]float64) float64 {
	sum := 0.0
	for _, s := range sizes {
		_, iou := nearest(s, anchors)
		sum += iou
	}
	return sum / float64(len(sizes))
}

// SizeIoU returns the IoU of boxes of sizes a and b (width, height) around the same centre.
func SizeIoU(a, b [2]float64) float64 {
	both := math.Min(a[0], b[0]) * math.Min(a[1], b[1])
	return both / (a[0]*a[1] + b[0]*b[1] - both)
}

// nearest returns the anchor of the highest IoU with size s, the first of equals.
func nearest(s [2]float64, anchors [][2]float64) (at int, iou float64) {
	iou = -1
	for i, a := range anchors {
		if v := SizeIoU(s, a); v > iou {
			at, iou = i, v
		}
	}
	return at, iou
}

// plusPlus draws k starting sizes, each with a chance that grows with the square of its distance from those drawn before (Arthur and
// Vassilvitskii, "k-means++", 2007).
func plusPlus(sizes [][2]float64, k int, rng *rand.Rand) [][2]float64 {
	anchors := [][2]float64{sizes[rng.IntN(len(sizes))]}
	weight := make([]float64, len(sizes))
	for len(anchors) < k {
		total := 0.0
		for i, s := range sizes {
			_, iou := nearest(s, anchors)
			total += (1 - iou) * (1 - iou)
			weight[i] = total
		}
		at, _ := slices.BinarySearch(weight, rng.Float64()*total)
		anchors = append(anchors, sizes[min(at, len(sizes)-1)])
	}
	return anchors
}

// cluster moves each anchor to the mean of the sizes nearest to it until nothing changes, or after 300 rounds.
func cluster(sizes, anchors [][2]float64) [][2]float64 {
	of := make([]int, len(sizes))
	for round := range 300 {
		changed := round == 0
		sum, count := make([][2]float64, len(anchors)), make([]float64, len(anchors))
		for i, s := range sizes {
			at, _ := nearest(s, anchors)
			changed = changed || of[i] != at
			of[i] = at
			sum[at][0] += s[0]
			sum[at][1] += s[1]
			count[at]++
		}
		if !changed {
			break
		}
		for i := range anchors {
			if count[i] > 0 {
				anchors[i] = [2]float64{sum[i][0] / count[i], sum[i][1] / count[i]}
			}
		}
	}
	return anchors
}
