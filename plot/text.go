package plot

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// A style says how text looks.
type textStyle struct {
	size  float64 // in points
	bold  bool
	col   color.Color
	right float64 // share of the width that lies left of the anchor: 0, ½ or 1
}

// Sizes of text, in points.
const (
	titleSize   = 13.0
	headingSize = 11.0
	labelSize   = 10.0
	tickSize    = 9.0
)

var parsed = sync.OnceValue(func() (fonts [2]*opentype.Font) {
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic("plot: built-in font: " + err.Error()) // part of the binary: can't fail
		}
		fonts[i] = f
	}
	return fonts
})

type faceKey struct {
	size float64
	bold bool
}

// faces holds the fonts that one canvas has used. A face is not safe for use by
// several goroutines, so canvases don't share them.
type faces map[faceKey]font.Face

func (f *faces) face(s textStyle) font.Face {
	if *f == nil {
		*f = faces{}
	}
	key := faceKey{s.size, s.bold}
	face, ok := (*f)[key]
	if !ok {
		which := 0
		if s.bold {
			which = 1
		}
		var err error
		face, err = opentype.NewFace(parsed()[which], &opentype.FaceOptions{Size: s.size * density, DPI: 72})
		if err != nil {
			panic("plot: built-in font: " + err.Error())
		}
		(*f)[key] = face
	}
	return face
}

// width returns how wide s is when written on one line, in points.
func (f *faces) width(s string, style textStyle) float64 {
	return float64(font.MeasureString(f.face(style), s)) / 64 / density
}

// widest returns the width of the widest of the texts.
func (f *faces) widest(texts []string, style textStyle) float64 {
	w := 0.0
	for _, s := range texts {
		w = max(w, f.width(s, style))
	}
	return w
}

// fit shortens s, if need be, to end in … within width points.
func (f *faces) fit(s string, width float64, style textStyle) string {
	if f.width(s, style) <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		short := strings.TrimRight(string(runes[:n]), " ") + "…"
		if f.width(short, style) <= width {
			return short
		}
	}
	return "…"
}

// capHeight is the height of capitals and digits as a share of the text's size.
const capHeight = 0.72

// text writes s with its capitals' middle at y, in one line.
func (c *canvas) text(x, y float64, s string, style textStyle) {
	x -= style.right * c.fonts.width(s, style)
	baseline := y + style.size*capHeight/2
	d := font.Drawer{
		Dst:  c.img,
		Src:  image.NewUniform(style.col),
		Face: c.fonts.face(style),
		Dot:  fixed.Point26_6{X: fixed.Int26_6(x * density * 64), Y: fixed.Int26_6(baseline * density * 64)},
	}
	d.DrawString(s)
}

// textUp writes s from bottom to top, its capitals' middle at x; style.right is
// the share of its length that lies below y.
func (c *canvas) textUp(x, y float64, s string, style textStyle) {
	w, h := c.fonts.width(s, style)+2, style.size*1.6
	side := &canvas{img: image.NewRGBA(image.Rect(0, 0, int(w*density)+1, int(h*density)+1)), fonts: c.fonts}
	side.text(1, h/2, s, textStyle{size: style.size, bold: style.bold, col: style.col})
	c.fonts = side.fonts

	b := side.img.Bounds()
	turned := image.NewRGBA(image.Rect(0, 0, b.Dy(), b.Dx()))
	for j := range b.Dy() {
		for i := range b.Dx() {
			turned.SetRGBA(j, b.Dx()-1-i, side.img.RGBAAt(i, j))
		}
	}
	top := y - (w-2)*(1-style.right) - 1
	at := image.Pt(int((x-h/2)*density+0.5), int(top*density+0.5))
	draw.Draw(c.img, turned.Bounds().Add(at), turned, image.Point{}, draw.Over)
}
