package detection

import (
	"fmt"
	"strings"

	"github.com/gradus-ml/gradus/plot"
)

// Result is what [AP] measured, on the scale 0 to 1. Where there is nothing to find, such as small things, a figure is −1, as in
// pycocotools. The area of things is that of their boxes.
type Result struct {
	// Average precision as in COCO: the mean over classes and over 101 recalls, of at most 100 finds in each picture and class. MAP is the
	// mean over the IoU thresholds 0.50, 0.55, …, 0.95; MAP50 and MAP75 are those at one.
	MAP   float64 `json:"mAP"`
	MAP50 float64 `json:"mAP50"`
	MAP75 float64 `json:"mAP75"`
	// The same for things of an area below 32², from 32² to 96², and above 96² square pixels.
	MAPSmall  float64 `json:"mAP_small"`
	MAPMedium float64 `json:"mAP_medium"`
	MAPLarge  float64 `json:"mAP_large"`
	// Average recall: the part of things found with at most 1, 10 or 100 finds in each picture and class, and by area.
	AR1      float64 `json:"AR1"`
	AR10     float64 `json:"AR10"`
	AR100    float64 `json:"AR100"`
	ARSmall  float64 `json:"AR_small"`
	ARMedium float64 `json:"AR_medium"`
	ARLarge  float64 `json:"AR_large"`
	// Pascal VOC's figures at an IoU of 0.5: the mean over classes of the area under the curve (since 2010) and at 11 recalls (before).
	VOC   float64 `json:"VOC"`
	VOC11 float64 `json:"VOC11"`

	Classes []ClassResult `json:"classes"`
}

// ClassResult is what [AP] measured for one class; the figures are as in [Result].
type ClassResult struct {
	Name   string  `json:"name"`
	Things int     `json:"things"` // that can be found; difficult ones and crowds not counted
	Finds  int     `json:"finds"`
	AP     float64 `json:"AP"`
	AP50   float64 `json:"AP50"`
	AP75   float64 `json:"AP75"`
	AR100  float64 `json:"AR100"`
	VOC    float64 `json:"VOC"`
	VOC11  float64 `json:"VOC11"`
	// The curve at an IoU of 0.5, a point for each find in the order of falling scores: the recall and precision of all finds down to that Score.
	Recall    []float64 `json:"recall,omitempty"`
	Precision []float64 `json:"precision,omitempty"`
	Score     []float64 `json:"score,omitempty"`
}

// Result measures what was added so far.
func (a *AP) Result() *Result {
	r := &Result{}
	var all, small, medium, large, first, ten []figures
	var voc, voc11 []float64
	for c, name := range a.classes {
		byArea := make([]figures, len(areas))
		for i, area := range areas {
			var images []judged
			for _, o := range a.images[c] {
				images = append(images, judge(o, area))
			}
			byArea[i] = accumulate(images, mostFinds)
			if i == 0 {
				first, ten = append(first, accumulate(images, 1)), append(ten, accumulate(images, 10))
			}
		}
		all, small = append(all, byArea[0]), append(small, byArea[1])
		medium, large = append(medium, byArea[2]), append(large, byArea[3])

		pr, things := vocCurve(a.images[c])
		of := ClassResult{Name: name, Things: things, VOC: -1, VOC11: -1, Recall: pr.recall, Precision: pr.precision, Score: pr.scores}
		for _, o := range a.images[c] {
			of.Finds += len(o.found)
		}
		if things > 0 {
			of.VOC, of.VOC11 = vocArea(pr), vocEleven(pr)
			voc, voc11 = append(voc, of.VOC), append(voc11, of.VOC11)
		}
		one := byArea[:1]
		of.AP, of.AP50, of.AP75, of.AR100 = precision(one, -1), precision(one, 0), precision(one, 5), recall(one)
		r.Classes = append(r.Classes, of)
	}
	r.MAP, r.MAP50, r.MAP75 = precision(all, -1), precision(all, 0), precision(all, 5)
	r.MAPSmall, r.MAPMedium, r.MAPLarge = precision(small, -1), precision(medium, -1), precision(large, -1)
	r.AR1, r.AR10, r.AR100 = recall(first), recall(ten), recall(all)
	r.ARSmall, r.ARMedium, r.ARLarge = recall(small), recall(medium), recall(large)
	r.VOC, r.VOC11 = mean(voc), mean(voc11)
	return r
}

// precision returns the mean precision over classes that have things, at one threshold or (−1) at all.
func precision(classes []figures, threshold int) float64 {
	var values []float64
	for _, f := range classes {
		switch {
		case !f.ok:
		case threshold < 0:
			values = append(values, f.precision...)
		default:
			values = append(values, f.precision[threshold])
		}
	}
	return mean(values)
}

// recall returns the mean recall over classes that have things and over thresholds.
func recall(classes []figures) float64 {
	var values []float64
	for _, f := range classes {
		values = append(values, f.recall...)
	}
	return mean(values)
}

// mean returns −1 for nothing.
func mean(values []float64) float64 {
	if len(values) == 0 {
		return -1
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Figures returns the figures of a set by the names of their JSON form, "mAP50", and AP50_NAME for each class. Those without a value are
// left out.
func (r *Result) Figures() map[string]float64 {
	out := map[string]float64{}
	for name, v := range map[string]float64{
		"mAP": r.MAP, "mAP50": r.MAP50, "mAP75": r.MAP75, "mAP_small": r.MAPSmall, "mAP_medium": r.MAPMedium, "mAP_large": r.MAPLarge,
		"AR1": r.AR1, "AR10": r.AR10, "AR100": r.AR100, "AR_small": r.ARSmall, "AR_medium": r.ARMedium, "AR_large": r.ARLarge,
		"VOC": r.VOC, "VOC11": r.VOC11,
	} {
		if v >= 0 {
			out[name] = v
		}
	}
	for _, c := range r.Classes {
		if c.AP50 >= 0 {
			out["AP50_"+c.Name] = c.AP50
		}
	}
	return out
}

// String is a table: the classes' figures, then those of the set.
func (r *Result) String() string {
	var b strings.Builder
	wide := len("class")
	for _, c := range r.Classes {
		wide = max(wide, len([]rune(c.Name)))
	}
	row := func(name string, things, finds any, figures ...any) {
		fmt.Fprintf(&b, "%s%s %7v %7v", name, strings.Repeat(" ", wide-len([]rune(name))), things, finds)
		for _, f := range figures {
			if v, ok := f.(float64); ok {
				f = "–"
				if v >= 0 {
					f = fmt.Sprintf("%.3f", v)
				}
			}
			fmt.Fprintf(&b, " %7v", f)
		}
		b.WriteByte('\n')
	}
	row("class", "things", "finds", "AP", "AP50", "AP75", "AR100", "VOC")
	things, finds := 0, 0
	for _, c := range r.Classes {
		row(c.Name, c.Things, c.Finds, c.AP, c.AP50, c.AP75, c.AR100, c.VOC)
		things, finds = things+c.Things, finds+c.Finds
	}
	row("all", things, finds, r.MAP, r.MAP50, r.MAP75, r.AR100, r.VOC)
	return strings.TrimRight(b.String(), "\n")
}

// Curves shows precision over recall at an IoU of 0.5, a line for each class that has things.
func (r *Result) Curves() plot.Lines {
	p := plot.Panel{X: "recall", Y: "precision", XRange: [2]float64{0, 1}, YRange: [2]float64{0, 1.02}}
	for _, c := range r.Classes {
		if c.Things == 0 {
			continue
		}
		// The first find begins the line at a recall of 0.
		s := plot.Series{Name: fmt.Sprintf("%s (AP50 %.3f)", c.Name, c.AP50)}
		if len(c.Recall) > 0 {
			s.X, s.Y = append([]float64{0}, c.Recall...), append([]float64{c.Precision[0]}, c.Precision...)
		}
		p.Series = append(p.Series, s)
	}
	return plot.Lines{Title: fmt.Sprintf("Precision and recall at IoU 0.5: mAP50 %.3f", r.MAP50), Panels: []plot.Panel{p}}
}
