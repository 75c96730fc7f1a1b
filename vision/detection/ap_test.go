package detection

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// apCase is an entry of testdata/ap.json, which gen_ap.py writes. Rows of Truth end in class, difficult and crowd, rows of Found in class
// and score.
type apCase struct {
	Name   string
	Images []struct{ Truth, Found [][]float64 }
	COCO   *struct {
		Stats   []float64
		Classes [][]float64 // AP, AP50, AP75, AR100
	}
	VOC [][]float64 // area, eleven points
}

func apCases(t *testing.T) []apCase {
	t.Helper()
	text, err := os.ReadFile("testdata/ap.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []apCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 15 {
		t.Fatal(err, len(cases))
	}
	return cases
}

func (c apCase) measure() *Result {
	ap := NewAP([]string{"a", "b", "c"}[:len(c.VOC)])
	for _, im := range c.Images {
		var truth, found []box.Object
		for _, r := range im.Truth {
			truth = append(truth, box.Object{Box: box.Box{X1: r[0], Y1: r[1], X2: r[2], Y2: r[3]}, Class: int(r[4]), Score: 1, Difficult: r[5] == 1, Crowd: r[6] == 1})
		}
		for _, r := range im.Found {
			found = append(found, box.Object{Box: box.Box{X1: r[0], Y1: r[1], X2: r[2], Y2: r[3]}, Class: int(r[4]), Score: r[5]})
		}
		ap.Add(truth, found)
	}
	return ap.Result()
}

func close(got, want []float64) bool {
	return slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-12 })
}

func TestAPAsPycocotools(t *testing.T) {
	for _, c := range apCases(t) {
		if c.COCO == nil {
			continue
		}
		r := c.measure()
		got := []float64{r.MAP, r.MAP50, r.MAP75, r.MAPSmall, r.MAPMedium, r.MAPLarge, r.AR1, r.AR10, r.AR100, r.ARSmall, r.ARMedium, r.ARLarge}
		if !close(got, c.COCO.Stats) {
			t.Errorf("%s: %.6f\nwant %.6f", c.Name, got, c.COCO.Stats)
		}
		for i, of := range r.Classes {
			if got := []float64{of.AP, of.AP50, of.AP75, of.AR100}; !close(got, c.COCO.Classes[i]) {
				t.Errorf("%s: class %d: %.6f, want %.6f", c.Name, i, got, c.COCO.Classes[i])
			}
		}
	}
}

func TestAPAsPascalVOC(t *testing.T) {
	for _, c := range apCases(t) {
		r := c.measure()
		var area, eleven []float64
		for i, of := range r.Classes {
			if got := []float64{of.VOC, of.VOC11}; !close(got, c.VOC[i]) {
				t.Errorf("%s: class %d: %.6f, want %.6f", c.Name, i, got, c.VOC[i])
			}
			if of.VOC >= 0 {
				area, eleven = append(area, of.VOC), append(eleven, of.VOC11)
			}
		}
		if !close([]float64{r.VOC, r.VOC11}, []float64{mean(area), mean(eleven)}) {
			t.Error(c.Name, r.VOC, r.VOC11)
		}
	}
}

// Two things, three finds: right, wrong, right. By hand: recalls ½, ½, 1; precisions 1, ½, ⅔.
func TestAPCurve(t *testing.T) {
	ap := NewAP([]string{"cat"})
	a, b := box.Box{X1: 0, Y1: 0, X2: 10, Y2: 10}, box.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}
	ap.Add([]box.Object{{Box: a}, {Box: b}}, []box.Object{{Box: b, Score: 0.3}, {Box: a.Translate(30, 0), Score: 0.5}, {Box: a, Score: 0.9}})
	r := ap.Result()
	c := r.Classes[0]
	if !close(c.Recall, []float64{0.5, 0.5, 1}) || !close(c.Precision, []float64{1, 0.5, 2.0 / 3}) || !close(c.Score, []float64{0.9, 0.5, 0.3}) || c.Things != 2 || c.Finds != 3 {
		t.Errorf("%+v", c)
	}
	// 51 recalls up to ½ have precision 1, the 50 above ⅔.
	if want := (51 + 50*2.0/3) / 101; !close([]float64{r.MAP50, r.VOC}, []float64{want, 0.5 + 0.5*2/3}) {
		t.Error(r.MAP50, r.VOC)
	}
	figures := r.Figures()
	if figures["mAP50"] != r.MAP50 || figures["AP50_cat"] != c.AP50 {
		t.Error(figures)
	}
	if _, ok := figures["mAP_large"]; ok || len(figures) != 14-4+1 { // medium and large things: none
		t.Error(figures)
	}
	if s := r.String(); !strings.Contains(s, "cat         2       3   0.835   0.835   0.835   1.000   0.833") || !strings.HasPrefix(s, "class  things") {
		t.Error("\n" + s)
	}
	if l := r.Curves(); len(l.Panels[0].Series) != 1 || l.Panels[0].Series[0].Name != "cat (AP50 0.835)" || l.Draw().Bounds().Empty() {
		t.Error(l)
	}
}

// The order in which a picture's objects come doesn't matter; the input isn't changed.
func TestAPIgnoresOrder(t *testing.T) {
	c := apCases(t)[0]
	want := c.measure()
	for _, im := range c.Images {
		slices.Reverse(im.Truth)
		slices.Reverse(im.Found)
	}
	if got := c.measure(); math.Abs(got.MAP-want.MAP) > 1e-12 || math.Abs(got.VOC-want.VOC) > 1e-12 {
		t.Error(got, want)
	}
	found := []box.Object{{Score: 0.1}, {Score: math.NaN()}, {Score: 0.2}}
	NewAP([]string{"x"}).Add(nil, found)
	if found[0].Score != 0.1 || found[2].Score != 0.2 {
		t.Error(found)
	}
	if err := tensor.Try(func() error { NewAP([]string{"x"}).Add(nil, []box.Object{{Class: 1}}); return nil }); err == nil || !strings.Contains(err.Error(), "class 1, of 1") {
		t.Error(err)
	}
}
