package digits

import (
	"math"
	"sync"

	"github.com/gradus-ml/gradus/internal/par"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const (
	cells = 56  // points of a glyph's distance field along each axis
	reach = 0.8 // the field covers [-reach, reach]² around the glyph's middle
	step  = 2 * reach / (cells - 1)
	far   = -10 // the distance reported outside of the field: never ink
)

// A glyph is a shape as a field of signed distances to its outline, positive
// inside, in units of the glyph's height. A distance field can be sampled
// under any warp, and adding a constant thickens or thins the stroke, so each
// outline is traced once however many samples are drawn from it.
type glyph [cells * cells]float32

// at returns the signed distance at (x, y), between the field's points by
// linear interpolation.
func (g *glyph) at(x, y float32) float32 {
	fx, fy := (x+reach)*(1/float32(step)), (y+reach)*(1/float32(step))
	if !(fx >= 0 && fy >= 0 && fx < cells-1 && fy < cells-1) {
		return far
	}
	i, j := int(fx), int(fy)
	fx -= float32(i)
	fy -= float32(j)
	p := g[j*cells+i:][:cells+2]
	top := p[0] + fx*(p[1]-p[0])
	bottom := p[cells] + fx*(p[cells+1]-p[cells])
	return top + fy*(bottom-top)
}

// glyphs returns the ten digits of every font, font by font. They are traced
// at the first call, some tens of milliseconds.
var glyphs = sync.OnceValue(func() []*glyph {
	fonts := [][]byte{
		goregular.TTF, goitalic.TTF, gomedium.TTF, gobold.TTF, gobolditalic.TTF,
		gomono.TTF, gomonobold.TTF, gosmallcaps.TTF,
	}
	shapes := make([]*glyph, len(fonts)*Classes)
	par.Run(len(fonts), func(f int) {
		parsed, err := sfnt.Parse(fonts[f])
		if err != nil {
			panic("digits: built-in font: " + err.Error()) // part of the binary: can't fail
		}
		for c := range Classes {
			shapes[f*Classes+c] = trace(outline(parsed, '0'+rune(c)))
		}
	})
	return shapes
})

type point struct{ x, y float64 }

// outline returns r's contours in the font as line segments (start, end),
// centred at the origin, one unit high, y downwards.
func outline(f *sfnt.Font, r rune) [][2]point {
	var buf sfnt.Buffer
	index, err := f.GlyphIndex(&buf, r)
	if err != nil {
		panic("digits: built-in font: " + err.Error())
	}
	segments, err := f.LoadGlyph(&buf, index, fixed.I(1000), nil)
	if err != nil {
		panic("digits: built-in font: " + err.Error())
	}
	box := segments.Bounds()
	height := float64(box.Max.Y - box.Min.Y)
	midX, midY := float64(box.Max.X+box.Min.X)/2, float64(box.Max.Y+box.Min.Y)/2
	norm := func(p fixed.Point26_6) point {
		return point{(float64(p.X) - midX) / height, (float64(p.Y) - midY) / height}
	}
	const pieces = 5 // chords per curve
	var lines [][2]point
	var pen point
	for _, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			pen = norm(s.Args[0])
		case sfnt.SegmentOpLineTo:
			to := norm(s.Args[0])
			lines = append(lines, [2]point{pen, to})
			pen = to
		case sfnt.SegmentOpQuadTo: // TrueType outlines have no other curves
			from, control, to := pen, norm(s.Args[0]), norm(s.Args[1])
			for k := 1; k <= pieces; k++ {
				t := float64(k) / pieces
				a, b, c := (1-t)*(1-t), 2*t*(1-t), t*t
				next := point{a*from.x + b*control.x + c*to.x, a*from.y + b*control.y + c*to.y}
				lines = append(lines, [2]point{pen, next})
				pen = next
			}
		}
	}
	return lines
}

// trace returns the distance field of the shape that the segments enclose
// under the non-zero winding rule.
func trace(lines [][2]point) *glyph {
	g := new(glyph)
	for j := range cells {
		for i := range cells {
			x, y := float64(i)*step-reach, float64(j)*step-reach
			nearest, winding := math.Inf(1), 0
			for _, l := range lines {
				ax, ay := l[0].x, l[0].y
				dx, dy := l[1].x-ax, l[1].y-ay
				px, py := x-ax, y-ay
				t := 0.0
				if length := dx*dx + dy*dy; length > 0 {
					t = min(1, max(0, (px*dx+py*dy)/length))
				}
				ex, ey := px-t*dx, py-t*dy
				nearest = min(nearest, ex*ex+ey*ey)
				// A ray to the right crosses the segment upwards or downwards.
				if (l[0].y <= y) != (l[1].y <= y) && ax+dx*(y-ay)/dy > x {
					if dy > 0 {
						winding++
					} else {
						winding--
					}
				}
			}
			d := math.Sqrt(nearest)
			if winding == 0 {
				d = -d
			}
			g[j*cells+i] = float32(d)
		}
	}
	return g
}
