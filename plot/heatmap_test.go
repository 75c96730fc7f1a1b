package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"
)

func ExampleConfusion() {
	counts := [][]int{{48, 2}, {5, 45}}
	img := Confusion(counts, []string{"cat", "dog"})
	fmt.Println(img.Bounds().Dx() > 400, img.Bounds().Dy() > 300)
	// Output: true true
}

func TestConfusionStatesSharesCountsAndRecall(t *testing.T) {
	h := confusion([][]int{{8, 2, 0}, {0, 5, 0}, {0, 0, 0}}, nil)
	if h.Title != "Confusion matrix: 86.7 % of 15 right" {
		t.Errorf("title %q", h.Title)
	}
	if !slices.Equal(h.Values[0], []float64{0.8, 0.2, 0}) || !slices.Equal(h.Values[1], []float64{0, 1, 0}) || !math.IsNaN(h.Values[2][0]) {
		t.Errorf("shares %v", h.Values)
	}
	if !slices.Equal(h.Text[0], []string{"8", "2", ""}) {
		t.Errorf("counts %q", h.Text[0])
	}
	if !slices.Equal(h.Side, []string{"80.0 %", "100 %", "–"}) {
		t.Errorf("recall %q", h.Side)
	}
	if !slices.Equal(h.Rows, []string{"0", "1", "2"}) {
		t.Errorf("names %q", h.Rows)
	}
	if got := percent(99999, 100000); got != "99.9 %" {
		t.Errorf("nearly all is written %q", got)
	}
}

func TestConfusionOfAnyNumberOfClasses(t *testing.T) {
	for _, n := range []int{0, 1, 2, 10, 30, 100} {
		counts := make([][]int, n)
		names := make([]string, n)
		for i := range counts {
			counts[i] = make([]int, n)
			counts[i][i] = 90
			counts[i][(i+1)%n] += 10
			names[i] = strings.Repeat("name ", 1+i)
		}
		img := Confusion(counts, names)
		size := img.Bounds().Size()
		if size.X > 2000 || size.Y > 2000 {
			t.Errorf("%d classes: %v", n, size)
		}
		if n > 1 {
			for share, cells := range map[float64]int{0.9: n, 0.1: n} {
				want := sequential(math.Sqrt(share))
				if got := count(img, img.Bounds(), want); got < cells*60 {
					t.Errorf("%d classes: %d pixels in the colour of %v", n, got, share)
				}
			}
		}
	}
}

func TestCellTextFitsOrIsLeftOut(t *testing.T) {
	c := newCanvas(1, 1)
	for _, k := range []struct {
		cell float64
		text string
		want bool
	}{{48, "9999", true}, {16, "100", true}, {16, "100000", false}, {9, "1", false}, {480.0 / 30, "99", true}} {
		size := cellTextSize(c, [][]string{{k.text}}, k.cell)
		if (size > 0) != k.want {
			t.Errorf("%q in a cell of %v: size %v", k.text, k.cell, size)
		}
		if w := c.fonts.width(k.text, textStyle{size: size}); size > 0 && w > k.cell {
			t.Errorf("%q in a cell of %v is %v wide", k.text, k.cell, w)
		}
	}
}

func TestTextContrastsWithEveryCellColour(t *testing.T) {
	luminance := func(c color.RGBA) float64 {
		sum := 0.0
		for i, v := range []uint8{c.R, c.G, c.B} {
			s := float64(v) / 255
			if s <= 0.04045 {
				s /= 12.92
			} else {
				s = math.Pow((s+0.055)/1.055, 2.4)
			}
			sum += s * []float64{0.2126, 0.7152, 0.0722}[i]
		}
		return sum
	}
	for k := range 1001 {
		v := float64(k) / 1000
		for _, col := range []color.RGBA{sequential(v), diverging(v), diverging(-v)} {
			a, b := luminance(col), luminance(readable(col))
			// What WCAG 2.1 asks of body text.
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("text on %v at %v has a contrast of %.2f:1", col, v, ratio)
			}
		}
		if k > 0 && luminance(sequential(v)) > luminance(sequential(v-0.001)) {
			t.Errorf("the scale grows lighter at %v", v)
		}
	}
}

func TestHeatmapColoursFollowValues(t *testing.T) {
	nan := math.NaN()
	img := Heatmap{Values: [][]float64{{-2, 0, 1}, {nan, math.Inf(1), 2}}, Diverging: true, Text: [][]string{{"", "", ""}, {"", "", ""}}}.Draw()
	for v, want := range map[string]color.RGBA{"-2": diverging(-1), "1": diverging(0.5), "NaN": gapColour, "2 and +Inf": diverging(1)} {
		if n := count(img, img.Bounds(), want); n < 50*50 {
			t.Errorf("value %s: %d pixels of %v", v, n, want)
		}
	}
	for _, values := range [][][]float64{nil, {{}}, {{3}}, {{nan}}, {{1e300, -1e300}}, {{math.Inf(1)}}, {{5, 5}, {5, 5}}} {
		if img := (Heatmap{Values: values}).Draw(); img.Bounds().Empty() {
			t.Errorf("%v: no picture", values)
		}
	}
}

func TestMismatchedHeatmapPanics(t *testing.T) {
	mustPanic(t, "plot.Heatmap: row 1 has 1 values, row 0 has 2; make all rows equally long", func() {
		Heatmap{Values: [][]float64{{1, 2}, {3}}}.Draw()
	})
	mustPanic(t, "plot.Heatmap: Columns has 3 entries, expected 2 for a matrix of 1×2", func() {
		Heatmap{Values: [][]float64{{1, 2}}, Columns: []string{"a", "b", "c"}}.Draw()
	})
	mustPanic(t, "plot.Heatmap: row 0 of Text has 1 entries, expected 2", func() {
		Heatmap{Values: [][]float64{{1, 2}}, Text: [][]string{{"a"}}}.Draw()
	})
	mustPanic(t, "plot.Confusion: row 1 of counts has 1 columns, expected 2: one for each class", func() {
		Confusion([][]int{{1, 2}, {3}}, nil)
	})
	mustPanic(t, "plot.Confusion: 1 classes are named, but counts has 2 rows", func() {
		Confusion([][]int{{1, 2}, {3, 4}}, []string{"a"})
	})
}

func TestTextIsShortenedToItsRoom(t *testing.T) {
	var f faces
	style := textStyle{size: 10}
	if got := f.fit("short", 100, style); got != "short" {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("long ", 40)
	if got := f.fit(long, 100, style); !strings.HasSuffix(got, "…") || f.width(got, style) > 100 || f.width(got, style) < 80 {
		t.Errorf("%q is %v wide", got, f.width(got, style))
	}
	if got := f.fit("anything", 0, style); got != "…" {
		t.Errorf("%q", got)
	}
}

func TestUprightTextIsTheSameTextTurned(t *testing.T) {
	flat, up := newCanvas(100, 100), newCanvas(100, 100)
	style := textStyle{size: 12, col: color.Black, right: 0.5}
	flat.text(50, 50, "Turned 7", style)
	up.textUp(50, 50, "Turned 7", style)
	ink := func(c *canvas) (box image.Rectangle) {
		for y := range 200 {
			for x := range 200 {
				if count(c.img, image.Rect(x, y, x+1, y+1), nil) == 1 {
					box = box.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
		return box
	}
	a, b := ink(flat), ink(up)
	if d := a.Dx() - b.Dy(); d < -1 || d > 1 || a.Dx() < 80 {
		t.Errorf("flat %v, upright %v", a, b)
	}
	if middle := (b.Min.Y + b.Max.Y) / 2; middle < 97 || middle > 103 {
		t.Errorf("upright text around y=100 px spans %v", b)
	}
}
