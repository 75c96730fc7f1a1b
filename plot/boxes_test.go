package plot

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"
)

func ground(w, h int, col color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(5, 5, 5+w, 5+h)) // bounds need not begin at 0
	draw.Draw(img, img.Bounds(), image.NewUniform(col), image.Point{}, draw.Src)
	return img
}

// The outline lies inside the box; the rest of the picture stays as it is.
func TestBoxesOutline(t *testing.T) {
	grey := color.RGBA{0x80, 0x80, 0x80, 0xff}
	img := Boxes{Image: ground(600, 500, grey), Boxes: []Labelled{{X1: 100, Y1: 50, X2: 300, Y2: 200, Color: Green}}, Scale: 1}.Draw().(*image.RGBA)
	if img.Bounds() != image.Rect(0, 0, 600, 500) {
		t.Fatal(img.Bounds())
	}
	low, high := image.Pt(600, 500), image.Point{}
	for y := range 500 {
		for x := range 600 {
			if img.RGBAAt(x, y) == Green {
				low, high = image.Pt(min(low.X, x), min(low.Y, y)), image.Pt(max(high.X, x), max(high.Y, y))
			}
			if in := x >= 100 && x < 300 && y >= 50 && y < 200; !in && img.RGBAAt(x, y) != grey {
				t.Fatalf("(%d, %d) outside the box was painted", x, y)
			}
		}
	}
	if low != image.Pt(101, 51) || high != image.Pt(298, 198) || img.RGBAAt(200, 120) != grey {
		t.Errorf("the line reaches from %v to %v", low, high)
	}
}

func TestBoxesSizes(t *testing.T) {
	for _, c := range []struct {
		w, h  int
		scale float64
		want  image.Point
	}{{640, 480, 0, image.Pt(640, 480)}, {100, 60, 0, image.Pt(500, 300)}, {100, 60, 1.5, image.Pt(150, 90)}, {3, 1, 0.1, image.Pt(1, 1)}, {1001, 1, 0, image.Pt(1001, 1)}} {
		if got := (Boxes{Image: ground(c.w, c.h, color.White), Scale: c.scale}).Draw().Bounds().Size(); got != c.want {
			t.Errorf("%d×%d at %g: %v, want %v", c.w, c.h, c.scale, got, c.want)
		}
	}
	if (Boxes{}).Draw() != nil {
		t.Error("a picture of nothing")
	}
}

// Strange boxes neither panic nor paint.
func TestBoxesOutsideAreCut(t *testing.T) {
	nan := math.NaN()
	clean := Boxes{Image: ground(500, 500, color.White)}.Draw().(*image.RGBA)
	img := Boxes{Image: ground(500, 500, color.White), Boxes: []Labelled{
		{X1: 600, Y1: 600, X2: 700, Y2: 700, Text: "outside"}, {X1: 10, Y1: 10, X2: 10, Y2: 20, Text: "empty"}, {X1: 30, Y1: 30, X2: 20, Y2: 20, Text: "inside out"},
		{X1: nan, Y1: nan, X2: nan, Y2: nan, Text: "not a number"}, {X1: 0, Y1: nan, X2: 100, Y2: 100},
	}}.Draw().(*image.RGBA)
	if string(img.Pix) != string(clean.Pix) {
		t.Error("painted")
	}
	wide := Boxes{Image: ground(500, 500, color.White), Boxes: []Labelled{{X1: math.Inf(-1), Y1: -9, X2: math.Inf(1), Y2: 900, Color: Blue}}}.Draw().(*image.RGBA)
	if wide.RGBAAt(1, 250) != Blue || wide.RGBAAt(498, 250) != Blue || wide.RGBAAt(250, 498) != Blue {
		t.Error("a box around the picture isn't cut at its border")
	}
	Boxes{Image: ground(4, 4, color.White), Boxes: []Labelled{{X1: 0, Y1: 0, X2: 4, Y2: 4, Text: "far too long for such a picture"}}, Scale: 1}.Draw()
}

// One colour for each first word; labels don't hide each other, and keep inside.
func TestBoxesLabels(t *testing.T) {
	colours := map[string]color.Color{}
	first := pick(colours, Labelled{Text: "RBC 0.9"})
	if pick(colours, Labelled{Text: "WBC 0.9"}) == first || pick(colours, Labelled{Text: "RBC 0.4"}) != first || pick(colours, Labelled{Text: "RBC", Color: Black}) != Black {
		t.Error(colours)
	}
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, 400, 400)), w: 200, h: 200}
	l := labels{canvas: c, style: textStyle{size: 7}, width: 1}
	for range 6 { // six things at one place
		l.draw(box{50, 50, 80, 60}, "RBC 0.93", Orange)
	}
	for i, a := range l.placed {
		for _, b := range l.placed[:i] {
			if shared(a, b) > 0 {
				t.Errorf("labels at %v and %v overlap", a, b)
			}
		}
	}
	l = labels{canvas: c, style: textStyle{size: 7}, width: 1}
	for _, b := range []box{{0, 0, 200, 200}, {195, 0, 5, 5}, {0, 195, 5, 5}, {195, 195, 5, 5}} {
		l.draw(b, "RBC 0.93", Orange)
	}
	for _, p := range l.placed {
		if p.x < 0 || p.y < 0 || p.x+p.w > 200 || p.y+p.h > 200 {
			t.Errorf("label at %v leaves the picture", p)
		}
	}
}
