package plot

import (
	"image"
	"image/color"
	"math"
	"strings"

	xdraw "golang.org/x/image/draw"
)

// Boxes draws a picture with boxes around the things in it, each with a label: what a detector found, or should find.
type Boxes struct {
	Image image.Image
	Boxes []Labelled
	// Scale is how many pixels wide each pixel of Image becomes, smoothly. 0 takes the smallest whole number that makes the longer side at least
	// 480 pixels.
	Scale float64
}

// Labelled is a box with corners (X1, Y1) and (X2, Y2) in pixels of the picture, continuous: the whole of W×H pixels is 0, 0, W, H.
type Labelled struct {
	X1, Y1, X2, Y2 float64
	Text           string // "" draws no label
	// Color is that of line and label. nil gives boxes whose Text begins with the same word the same one, in the order in which words come.
	Color color.Color
}

// boxColours are bright ones: pictures are darker than paper. The dark edge of lines keeps them apart from bright grounds.
var boxColours = [...]color.RGBA{Orange, Sky, Yellow, Green, Vermillion, Purple, Blue}

var edgeColour = color.RGBA{0, 0, 0, 0xa0}

// Draw returns the picture, of the size of Image times Scale. Boxes are cut at its border; empty ones and such with coordinates that aren't
// finite are left out. Labels keep away from each other where there is room. Without an Image the picture is nil.
func (p Boxes) Draw() image.Image {
	if p.Image == nil || p.Image.Bounds().Empty() {
		return nil
	}
	b := p.Image.Bounds()
	scale := p.Scale
	if !(scale > 0) {
		scale = math.Ceil(480 / float64(max(b.Dx(), b.Dy())))
	}
	w, h := max(1, int(float64(b.Dx())*scale+0.5)), max(1, int(float64(b.Dy())*scale+0.5))
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, w, h)), w: float64(w) / density, h: float64(h) / density}
	if w == b.Dx() && h == b.Dy() {
		xdraw.Draw(c.img, c.img.Bounds(), p.Image, b.Min, xdraw.Src)
	} else {
		xdraw.CatmullRom.Scale(c.img, c.img.Bounds(), p.Image, b, xdraw.Src, nil)
	}

	// A label is as large as a line of 80 letters in the picture, within limits.
	style := textStyle{size: math.Max(6.5, math.Min(18, c.w/45)), bold: true}
	width := math.Max(1, style.size/6.5) // of lines
	l := labels{canvas: c, style: style, width: width}
	colours := map[string]color.Color{}
	var shown []box
	for _, o := range p.Boxes {
		a := clipped(o, scale/density, c.w, c.h)
		if !(a.w > 0 && a.h > 0) {
			shown = append(shown, box{})
			continue
		}
		c.outline(a, width, pick(colours, o))
		shown = append(shown, a)
	}
	for i, o := range p.Boxes { // over all lines
		if o.Text != "" && shown[i].w > 0 {
			l.draw(shown[i], o.Text, pick(colours, o))
		}
	}
	return c.img
}

// pick returns the colour of a box.
func pick(colours map[string]color.Color, o Labelled) color.Color {
	if o.Color != nil {
		return o.Color
	}
	word, _, _ := strings.Cut(o.Text, " ")
	col, ok := colours[word]
	if !ok {
		col = boxColours[len(colours)%len(boxColours)]
		colours[word] = col
	}
	return col
}

// clipped returns the part of o inside the picture, in points.
func clipped(o Labelled, scale, w, h float64) box {
	in := func(v, most float64) float64 { return math.Max(0, math.Min(v*scale, most)) }
	x, y := in(o.X1, w), in(o.Y1, h)
	return box{x, y, in(o.X2, w) - x, in(o.Y2, h) - y}
}

// outline draws the border of b inside it, with a dark edge on both sides.
func (c *canvas) outline(b box, width float64, col color.Color) {
	const edge = 0.5
	frame := func(inset, thick float64, col color.Color) {
		x0, y0, x1, y1 := b.x+inset, b.y+inset, b.x+b.w-inset, b.y+b.h-inset
		thick = math.Min(thick, math.Min(x1-x0, y1-y0)/2)
		if thick <= 0 {
			return
		}
		c.fill(box{x0, y0, x1 - x0, thick}, col)
		c.fill(box{x0, y1 - thick, x1 - x0, thick}, col)
		c.fill(box{x0, y0 + thick, thick, y1 - y0 - 2*thick}, col)
		c.fill(box{x1 - thick, y0 + thick, thick, y1 - y0 - 2*thick}, col)
	}
	frame(0, width+2*edge, edgeColour)
	frame(edge, width, col)
}

// labels places labels.
type labels struct {
	canvas *canvas
	style  textStyle
	width  float64 // of the boxes' lines
	placed []box
}

// draw writes the label of the box at b where it hides the fewest others: above, inside, below, at either side.
func (l *labels) draw(b box, text string, col color.Color) {
	c := l.canvas
	text = c.fonts.fit(text, c.w-4, l.style)
	w, h := c.fonts.width(text, l.style)+l.style.size*0.5, l.style.size*1.35
	best, least := box{}, math.Inf(1)
	for i, at := range []vec{
		{b.x, b.y - h}, {b.x, b.y}, {b.x + b.w - w, b.y - h}, {b.x, b.y + b.h}, {b.x, b.y + b.h - h}, {b.x + b.w - w, b.y}, {b.x + b.w - w, b.y + b.h},
		{b.x + b.w - w, b.y + b.h - h}, {b.x + (b.w-w)/2, b.y + (b.h-h)/2},
	} {
		place := box{math.Max(0, math.Min(at.x, c.w-w)), math.Max(0, math.Min(at.y, c.h-h)), w, h}
		cost := 0.01 * w * h * float64(i) // earlier places are better
		cost += 2 * (math.Abs(place.x-at.x) + math.Abs(place.y-at.y)) * h
		for _, o := range l.placed {
			cost += 3 * shared(place, o)
		}
		if cost < least {
			best, least = place, cost
		}
	}
	l.placed = append(l.placed, best)
	c.fill(box{best.x - 0.5, best.y - 0.5, best.w + 1, best.h + 1}, edgeColour)
	c.fill(best, col)
	style := l.style
	style.col = readable(color.RGBAModel.Convert(col).(color.RGBA))
	c.text(best.x+l.style.size*0.25, best.y+best.h/2, text, style)
}

// shared returns the area that a and b have in common.
func shared(a, b box) float64 {
	w := math.Min(a.x+a.w, b.x+b.w) - math.Max(a.x, b.x)
	h := math.Min(a.y+a.h, b.y+b.h) - math.Max(a.y, b.y)
	return math.Max(0, w) * math.Max(0, h)
}
