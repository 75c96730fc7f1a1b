package detection

import (
	"cmp"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// AP measures a detector: average precision and recall as COCO's evaluation defines them (pycocotools' COCOeval for boxes), and average
// precision in the two forms of Pascal VOC.
//
//	ap := detection.NewAP(set.Classes)
//	for _, s := range set.TestScenes {
//		ap.Add(s.Objects, detect(s))
//	}
//	fmt.Println(ap.Result())
//
// In each picture and class, finds are matched to things from the highest score down. One that overlaps a thing not matched yet by at
// least a threshold of IoU is right, any other wrong. Over all finds of the set in the order of their scores this gives a curve of
// precision (the share of right finds) over recall (the share of things found), and its mean height is the average precision.
type AP struct {
	classes []string
	images  [][]observed // by class, one for each picture
}

// observed is what is known and what was found of one class in one picture.
type observed struct{ truth, found []box.Object }

// NewAP returns an AP for classes of these names, without pictures.
func NewAP(classes []string) *AP {
	return &AP{classes: slices.Clone(classes), images: make([][]observed, len(classes))}
}

// Add takes a picture: what is in it and what a detector found. Of truth, objects marked as crowds and difficult ones count neither for
// nor against; COCO's crowds swallow any number of finds inside them. The order of found doesn't matter but among equal scores. Add
// panics if a class is not one of NewAP's.
func (a *AP) Add(truth, found []box.Object) {
	image := make([]observed, len(a.classes))
	check := func(o box.Object) *observed {
		if o.Class < 0 || o.Class >= len(a.classes) {
			tensor.Fail("AP.Add", "", "an object has class %d, of %d", o.Class, len(a.classes))
		}
		return &image[o.Class]
	}
	for _, o := range truth {
		of := check(o)
		of.truth = append(of.truth, o)
	}
	for _, o := range found {
		of := check(o)
		of.found = append(of.found, o)
	}
	for c := range image {
		slices.SortStableFunc(image[c].found, byScore)
		a.images[c] = append(a.images[c], image[c])
	}
}

// byScore orders objects by falling score, those whose score is not a number last.
func byScore(a, b box.Object) int { return cmp.Compare(b.Score, a.Score) }

// The evaluation's constants, as pycocotools has them: it makes these numbers with numpy.linspace, and IoUs that equal a threshold are
// common enough for the last bit to matter.
var (
	thresholds = linspace(0.5, 0.95, 10)
	recalls    = linspace(0, 1, 101)
)

const mostFinds = 100 // in a picture and class that count for COCO's figures

func linspace(from, to float64, n int) []float64 {
	out := make([]float64, n)
	step := (to - from) / float64(n-1)
	for i := range out {
		out[i] = float64(float64(i)*step) + from
	}
	out[n-1] = to
	return out
}

// areas are the ranges of sizes in square pixels: all, small, medium, large.
var areas = [][2]float64{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}

// judged is what became of the finds of one class in one picture, for one range of areas. Finds are in the order of their scores.
type judged struct {
	scores  []float64
	matched [][]bool // by threshold, then by find: it lies on a thing
	ignored [][]bool // it counts neither as right nor as wrong
	things  int      // that count
}

// judge matches the finds of a picture to things whose area lies in a range. Things outside it, crowds and difficult ones are ignored, as
// are finds that match one, and finds outside the range that match nothing.
func judge(o observed, area [2]float64) judged {
	found := o.found[:min(len(o.found), mostFinds)]
	outside := func(b box.Box) bool { a := b.Area(); return a < area[0] || a > area[1] }
	ignorable := func(t box.Object) bool { return t.Crowd || t.Difficult || outside(t.Box) }
	truth := slices.Clone(o.truth)
	slices.SortStableFunc(truth, func(a, b box.Object) int { return order(ignorable(a)) - order(ignorable(b)) })

	j := judged{}
	ignore := make([]bool, len(truth))
	for g, t := range truth {
		ignore[g] = ignorable(t)
		j.things += 1 - order(ignore[g])
	}
	overlap := make([][]float64, len(found))
	for d, f := range found {
		j.scores = append(j.scores, f.Score)
		overlap[d] = make([]float64, len(truth))
		for g, t := range truth {
			overlap[d][g] = box.IoU(f.Box, t.Box)
			if t.Crowd && !f.Box.Empty() {
				overlap[d][g] = f.Box.Intersect(t.Box).Area() / f.Box.Area()
			}
		}
	}
	for _, threshold := range thresholds {
		taken := make([]bool, len(truth))
		matched, ignored := make([]bool, len(found)), make([]bool, len(found))
		for d := range found {
			best, at := min(threshold, 1-1e-10), -1
			for g, t := range truth {
				if taken[g] && !t.Crowd {
					continue
				}
				if at >= 0 && !ignore[at] && ignore[g] {
					break // a thing that counts goes before those that don't, which come last
				}
				if overlap[d][g] >= best {
					best, at = overlap[d][g], g
				}
			}
			if at >= 0 {
				matched[d], ignored[d], taken[at] = true, ignore[at], true
			} else {
				ignored[d] = outside(found[d].Box)
			}
		}
		j.matched, j.ignored = append(j.matched, matched), append(j.ignored, ignored)
	}
	return j
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// figures are average precision at each threshold and the recall reached, or ok = false if there is nothing to find.
type figures struct {
	precision, recall []float64
	ok                bool
}

// accumulate joins the pictures of a class, of each at most most finds.
func accumulate(images []judged, most int) figures {
	type find struct {
		image, at int
		score     float64
	}
	var finds []find
	things := 0
	for i, j := range images {
		things += j.things
		for d, s := range j.scores[:min(len(j.scores), most)] {
			finds = append(finds, find{i, d, s})
		}
	}
	if things == 0 {
		return figures{}
	}
	slices.SortStableFunc(finds, func(a, b find) int { return cmp.Compare(b.score, a.score) })
	f := figures{ok: true}
	for t := range thresholds {
		var c curve
		for _, d := range finds {
			if j := images[d.image]; !j.ignored[t][d.at] {
				c.add(j.matched[t][d.at], things, d.score)
			}
		}
		c.envelope()
		sum := 0.0
		for _, r := range recalls {
			if at, _ := slices.BinarySearch(c.recall, r); at < len(c.recall) {
				sum += c.precision[at]
			}
		}
		f.precision = append(f.precision, sum/float64(len(recalls)))
		reached := 0.0
		if len(c.recall) > 0 {
			reached = c.recall[len(c.recall)-1]
		}
		f.recall = append(f.recall, reached)
	}
	return f
}

// curve is precision and recall over finds in the order of their scores.
type curve struct {
	recall, precision, scores []float64
	right, all                int
}

func (c *curve) add(right bool, things int, score float64) {
	c.all++
	c.right += order(right)
	c.recall = append(c.recall, float64(c.right)/float64(things))
	c.precision = append(c.precision, float64(c.right)/float64(c.all))
	c.scores = append(c.scores, score)
}

// envelope raises each precision to the highest at the same or a higher recall.
func (c *curve) envelope() {
	for i := len(c.precision) - 2; i >= 0; i-- {
		c.precision[i] = max(c.precision[i], c.precision[i+1])
	}
}
