package detection

import (
	"slices"

	"github.com/gradus-ml/gradus/vision/box"
)

// vocCurve returns precision over recall for one class as Pascal VOC's development kit computes it, at an IoU of 0.5. Each find is held
// to the thing that it overlaps most, be that matched already or not; finds of difficult things and crowds are left out.
func vocCurve(images []observed) (c curve, things int) {
	type find struct {
		image int
		box.Object
	}
	var finds []find
	taken := make([][]bool, len(images))
	for i, o := range images {
		taken[i] = make([]bool, len(o.truth))
		for _, t := range o.truth {
			if !t.Difficult && !t.Crowd {
				things++
			}
		}
		for _, f := range o.found {
			finds = append(finds, find{i, f})
		}
	}
	slices.SortStableFunc(finds, func(a, b find) int { return byScore(a.Object, b.Object) })
	for _, f := range finds {
		most, at := 0.0, -1
		for g, t := range images[f.image].truth {
			if v := box.IoU(f.Box, t.Box); v > most {
				most, at = v, g
			}
		}
		right := false
		if most >= 0.5 {
			if t := images[f.image].truth[at]; t.Difficult || t.Crowd {
				continue
			}
			right = !taken[f.image][at]
			taken[f.image][at] = true
		}
		c.add(right, max(1, things), f.Score)
	}
	return c, things
}

// vocArea returns the area under the curve's envelope: VOC's measure since 2010.
func vocArea(c curve) float64 {
	area, from := 0.0, 0.0
	c.precision = slices.Clone(c.precision)
	c.envelope()
	for i, r := range c.recall {
		area += (r - from) * c.precision[i]
		from = r
	}
	return area
}

// vocEleven returns the mean, over the recalls 0, 0.1, …, 1, of the highest precision at that or a higher recall: VOC's measure until 2009.
func vocEleven(c curve) float64 {
	sum := 0.0
	for _, r := range linspace(0, 1, 11) {
		best := 0.0
		for i, v := range c.recall {
			if v >= r {
				best = max(best, c.precision[i])
			}
		}
		sum += best
	}
	return sum / 11
}
