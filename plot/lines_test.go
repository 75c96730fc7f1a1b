package plot

import (
	"fmt"
	"image"
	"math"
	"slices"
	"testing"
)

func ExampleLines() {
	train := []float64{0.61, 0.24, 0.17, 0.13}
	test := []float64{0.29, 0.21, 0.18, 0.16}
	accuracy := []float64{0.91, 0.94, 0.95, 0.96}
	img := Lines{Title: "LeNet", Panels: []Panel{
		{Title: "Loss", X: "epoch", Y: "loss", Series: []Series{{Name: "train", Y: train}, {Name: "test", Y: test}}},
		{Title: "Accuracy", X: "epoch", Y: "accuracy", Series: []Series{{Name: "test", Y: accuracy, Style: Marked}}},
	}}.Draw()
	fmt.Println(img.Bounds().Size())
	// Output: (1760,708)
}

func ExampleLines_scatter() {
	x := []float64{0, 1, 2, 3}
	img := Lines{Panels: []Panel{{X: "x", Y: "y", Series: []Series{
		{Name: "data", X: x, Y: []float64{0.1, 0.9, 2.2, 2.8}, Style: Points},
		{Name: "fit", X: []float64{0, 3}, Y: []float64{0.05, 2.95}},
	}}}}.Draw()
	fmt.Println(img.Bounds().Size())
	// Output: (880,656)
}

func ExampleHistogram() {
	h := Histogram([]float64{0, 0.1, 0.2, 0.9, 1}, 2)
	fmt.Println(h.X, h.Y)
	img := Lines{Panels: []Panel{{X: "weight", Y: "count", Series: []Series{h}}}}.Draw()
	fmt.Println(img.Bounds().Size())
	// Output:
	// [0.25 0.75] [3 2]
	// (880,656)
}

// at returns the pixel where the panel's area shows a value.
func at(area box, x, y axis, vx, vy float64) image.Rectangle {
	px := int((area.x + area.w*x.at(vx)) * density)
	py := int((area.y + area.h*(1-y.at(vy))) * density)
	return image.Rect(px, py, px+1, py+1)
}

func TestSeriesPassThroughTheirPoints(t *testing.T) {
	area := box{10, 20, 300, 200}
	linear := axis{lo: -1, hi: 5}
	logarithmic := axis{lo: 0.01, hi: 100, log: true}
	xs, ys := []float64{0, 1, 2.5, 4}, []float64{0.02, 3, 0.5, 80}
	for _, style := range []Style{Line, Marked, Points} {
		for _, y := range []axis{{lo: -10, hi: 100}, logarithmic} {
			c := newCanvas(320, 240)
			Series{X: xs, Y: ys, Style: style, Colour: Blue}.draw(c, area, linear, y)
			for i := range xs {
				if count(c.img, at(area, linear, y, xs[i], ys[i]), nil) != 1 {
					t.Errorf("style %d, log %v: nothing at point %d", style, y.log, i)
				}
			}
			middle := 0.0 // half-way between points 2 and 3 on the picture
			if middle = (ys[2] + ys[3]) / 2; y.log {
				middle = math.Sqrt(ys[2] * ys[3])
			}
			joined := count(c.img, at(area, linear, y, 3.25, middle), Blue) == 1
			if joined != (style != Points) {
				t.Errorf("style %d, log %v: joined is %v", style, y.log, joined)
			}
		}
	}
}

func TestValuesThatCannotBeShownLeaveGaps(t *testing.T) {
	area, unit := box{10, 10, 300, 200}, axis{lo: 0, hi: 6}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		c := newCanvas(320, 220)
		Series{X: []float64{1, 2, 3, 4, 5}, Y: []float64{3, 3, bad, 3, 3}, Colour: Blue}.draw(c, area, unit, unit)
		for x, want := range map[float64]int{1.5: 1, 2.5: 0, 3: 0, 3.5: 0, 4.5: 1} {
			if got := count(c.img, at(area, unit, unit, x, 3), Blue); got != want {
				t.Errorf("with %v at x=3: at x=%v %d pixels, want %d", bad, x, got, want)
			}
		}
	}
	c := newCanvas(320, 220) // a point between two gaps is a dot
	nan := math.NaN()
	Series{Y: []float64{nan, 3, nan}, X: []float64{1, 2, 3}, Colour: Blue}.draw(c, area, unit, unit)
	if n := count(c.img, c.img.Bounds(), Blue); n < 40 || n > 120 {
		t.Errorf("a point alone has %d pixels", n)
	}
}

func TestNothingIsDrawnOutsideTheArea(t *testing.T) {
	area, unit := box{50, 50, 200, 100}, axis{lo: 0, hi: 1}
	var xs, ys []float64
	for i := range 400 {
		xs = append(xs, float64(i%37)/10-1)
		ys = append(ys, 5*math.Sin(float64(i)))
	}
	xs[3], ys[7] = 1e300, -1e300
	for _, style := range []Style{Line, Marked, Dashed, Points, Bars} {
		c := newCanvas(300, 200)
		Series{X: xs, Y: ys, Style: style, Colour: Blue}.draw(c, area, unit, unit)
		inside := box{area.x - 4, area.y - 4, area.w + 8, area.h + 8}.pixels() // half a dot may reach over
		if all, in := count(c.img, c.img.Bounds(), nil), count(c.img, inside, nil); all != in || in == 0 {
			t.Errorf("style %d: %d of %d pixels lie outside", style, all-in, all)
		}
	}
}

func TestBarsStandOnZero(t *testing.T) {
	area, x, y := box{10, 10, 300, 200}, axis{lo: 0, hi: 4}, axis{lo: -2, hi: 4}
	c := newCanvas(320, 220)
	Series{X: []float64{1, 2, 3}, Y: []float64{3, -1, 0}, Style: Bars, Colour: Blue}.draw(c, area, x, y)
	for p, want := range map[[2]float64]int{{1, 2.9}: 1, {1, 0.1}: 1, {1, -0.1}: 0, {1, 3.1}: 0, {2, -0.9}: 1, {2, 0.1}: 0, {3, 0.1}: 0, {1.4, 1}: 1, {0.4, 1}: 0} {
		if got := count(c.img, at(area, x, y, p[0], p[1]), Blue); got != want {
			t.Errorf("at %v: %d, want %d", p, got, want)
		}
	}
}

// Every odd input that training can produce draws a picture of the usual size.
func TestOddInputDraws(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	inputs := map[string][]Series{
		"nothing":      nil,
		"no points":    {{Name: "a"}},
		"one point":    {{Y: []float64{2}}},
		"zero":         {{Y: []float64{0, 0}}},
		"equal":        {{Y: []float64{7, 7, 7}}},
		"all NaN":      {{Y: []float64{nan, nan}}},
		"infinite":     {{Y: []float64{inf, -inf, 1, 2}}},
		"largest":      {{Y: []float64{math.MaxFloat64, -math.MaxFloat64, 1e300, -1e300}}},
		"smallest":     {{Y: []float64{5e-324, 1e-310, 0}}},
		"neighbours":   {{Y: []float64{1, math.Nextafter(1, 2)}}},
		"same x":       {{X: []float64{3, 3, 3}, Y: []float64{1, 2, 3}}},
		"backwards":    {{X: []float64{3, 1, 2}, Y: []float64{1, 2, 3}}},
		"NaN x":        {{X: []float64{nan, 1, inf}, Y: []float64{1, 2, 3}}},
		"negative":     {{Y: []float64{-1, -100}}},
		"long names":   {{Name: string(make([]rune, 300)), Y: []float64{1}}, {Name: "名前", Y: []float64{2}}},
		"thirty":       slices.Repeat([]Series{{Name: "series", Y: []float64{1, 2}}}, 30),
		"many, noisy":  {{Y: slices.Repeat([]float64{1, 5, -2, 8, 1e3}, 1500)}},
		"histogram":    {Histogram([]float64{1, 2, 2, nan, inf, 5}, 0)},
		"histogram, 0": {Histogram(nil, 0)},
		"histogram, 1": {Histogram([]float64{4, 4, 4}, 0)},
	}
	for name, series := range inputs {
		for style := Line; style <= Bars; style++ {
			for _, log := range []bool{false, true} {
				set := slices.Clone(series)
				for i := range set {
					set[i].Style = style
				}
				img := Lines{Title: name, Panels: []Panel{{X: "x", Y: "y", Series: set, LogX: log, LogY: log}}}.Draw()
				if img.Bounds().Size() != image.Pt(880, 708) {
					t.Errorf("%s, style %d: size %v", name, style, img.Bounds().Size())
				}
			}
		}
	}
	for n, want := range []image.Point{{880, 68}, {880, 708}, {1760, 708}, {2640, 708}, {1760, 1348}, {2640, 1348}} {
		if got := (Lines{Title: "panels", Panels: make([]Panel, n)}).Draw().Bounds().Size(); got != want {
			t.Errorf("%d panels: size %v, want %v", n, got, want)
		}
	}
}

func TestLabelsAreWritten(t *testing.T) {
	bare := Lines{Panels: []Panel{{Series: []Series{{Y: []float64{1, 2}}}}}}
	ink := func(l Lines) int {
		img := l.Draw()
		return count(img, img.Bounds(), inkColour)
	}
	plain := ink(bare)
	for name, change := range map[string]func(*Lines){
		"title":       func(l *Lines) { l.Title = "Title" },
		"panel title": func(l *Lines) { l.Panels[0].Title = "Title" },
		"x label":     func(l *Lines) { l.Panels[0].X = "epoch" },
		"y label":     func(l *Lines) { l.Panels[0].Y = "loss" },
		"legend":      func(l *Lines) { l.Panels[0].Series[0].Name = "train" },
	} {
		l := Lines{Panels: []Panel{{Series: []Series{{Y: []float64{1, 2}}}}}}
		change(&l)
		if n := ink(l); n < plain+20 {
			t.Errorf("%s: %d dark pixels, %d without", name, n, plain)
		}
	}
}

func TestDrawingTwiceGivesTheSamePicture(t *testing.T) {
	l := Lines{Title: "T", Panels: []Panel{{X: "x", Y: "y", Series: []Series{{Name: "a", Y: []float64{1, 3, 2}}}}}}
	if p := different(l.Draw(), l.Draw()); p != nil {
		t.Errorf("pixel %v differs", *p)
	}
	if l.Panels[0].Series[0].X != nil || l.Panels[0].Series[0].Colour != nil {
		t.Error("Draw changed its input")
	}
}

func TestUnequalCoordinatesPanic(t *testing.T) {
	mustPanic(t, `plot.Lines: series "train" has 3 x values and 4 y values; give one x for each y, or none`, func() {
		Lines{Panels: []Panel{{Series: []Series{{Name: "train", X: make([]float64, 3), Y: make([]float64, 4)}}}}}.Draw()
	})
}

func TestThinningKeepsExtremes(t *testing.T) {
	var points []vec
	for i := range 10000 {
		points = append(points, vec{float64(i) / 1000, math.Sin(float64(i))})
	}
	points[5000].y, points[7777].y = 40, -40
	kept := thin(points)
	if len(kept) > 4*21 {
		t.Errorf("%d points are left for 20 columns", len(kept))
	}
	for _, i := range []int{0, 5000, 7777, 9999} {
		if !slices.Contains(kept, points[i]) {
			t.Errorf("point %d, %v, was dropped", i, points[i])
		}
	}
	back := []vec{{0, 0}, {2, 1}, {1, 2}}
	if got := thin(back); !slices.Equal(got, back) {
		t.Errorf("a line that turns back became %v", got)
	}
}

func TestClippedSegments(t *testing.T) {
	area := box{0, 0, 10, 10}
	for _, c := range []struct {
		a, b, from, to vec
		ok             bool
	}{
		{vec{1, 1}, vec{9, 9}, vec{1, 1}, vec{9, 9}, true},
		{vec{-5, 5}, vec{15, 5}, vec{0, 5}, vec{10, 5}, true},
		{vec{5, -10}, vec{5, 5}, vec{5, 0}, vec{5, 5}, true},
		{vec{-1, 5}, vec{-1, 9}, vec{}, vec{}, false},
		{vec{-4, 8}, vec{5, 17}, vec{}, vec{}, false},
	} {
		from, to, ok := clipSegment(c.a, c.b, area)
		if ok != c.ok || ok && (from != c.from || to != c.to) {
			t.Errorf("%v to %v: %v to %v, %v", c.a, c.b, from, to, ok)
		}
	}
	if parts := clip([]vec{{1, 1}, {20, 1}, {20, 5}, {1, 5}}, area); len(parts) != 2 {
		t.Errorf("a line that leaves and comes back has %d parts: %v", len(parts), parts)
	}
}

func TestHistogramCountsEveryValue(t *testing.T) {
	values := []float64{0, 1, 1, 2, 4, math.NaN(), math.Inf(1), 4}
	h := Histogram(values, 4)
	if !slices.Equal(h.X, []float64{0.5, 1.5, 2.5, 3.5}) || !slices.Equal(h.Y, []float64{1, 2, 1, 2}) {
		t.Errorf("bins at %v hold %v", h.X, h.Y)
	}
	for n, want := range map[int]int{2: 5, 100: 10, 100000: 60} {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i)
		}
		h := Histogram(values, 0)
		sum := 0.0
		for _, y := range h.Y {
			sum += y
		}
		if len(h.Y) != want || int(sum) != n {
			t.Errorf("%d values: %d bins, %v counted; want %d bins", n, len(h.Y), sum, want)
		}
	}
}
