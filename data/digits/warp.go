package digits

import (
	"math"
	"math/rand/v2"
)

// knots is the number of control points of the warp along each axis. A uniform
// cubic B-spline over knots points covers knots-3 spans.
const knots = 7

// basis holds, for each pixel along an axis, its first control point and the
// weights of that one and the three after it.
var basis = func() (b [Size]struct {
	first   int
	weights [4]float32
}) {
	for p := range b {
		at := (float64(p) + 0.5) / Size * (knots - 3)
		b[p].first = int(at)
		t := at - math.Floor(at)
		b[p].weights = [4]float32{
			float32((1 - t) * (1 - t) * (1 - t) / 6),
			float32((3*t*t*t - 6*t*t + 4) / 6),
			float32((-3*t*t*t + 3*t*t + 3*t + 1) / 6),
			float32(t * t * t / 6),
		}
	}
	return b
}()

// A warp is everything random about how one sample is drawn. It maps a pixel to
// a place of the glyph: an affine map of the pixel's position, moved by a
// smooth random displacement.
type warp struct {
	a, b, c, d float32 // pixels relative to (midX, midY) → glyph units
	midX, midY float32
	bend       [2][knots * knots]float32 // displacements in glyph units, x and y
	height     float32                   // of the glyph, in pixels
	thicken    float32                   // of each edge, in pixels
	soft       float32                   // width of the edge's ramp, in pixels
	ink, noise float32                   // peak brightness, standard deviation; of 255
}

// randomise draws a new warp from r. The figures set the data set's difficulty.
func (w *warp) randomise(r *rand.Rand) {
	normal := func(sd float64) float64 { return sd * max(-2.5, min(2.5, r.NormFloat64())) }
	between := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

	height := between(16, 21)
	width := height * between(0.85, 1.25)
	angle := normal(0.13)
	slant := normal(0.16)
	w.height = float32(height)
	w.midX = float32(Size/2 + normal(1))
	w.midY = float32(Size/2 + normal(1))

	// Glyph → pixels is rotate · slant · scale; the inverse is wanted.
	sin, cos := math.Sincos(angle)
	w.a = float32((cos + slant*sin) / width)
	w.b = float32((sin - slant*cos) / width)
	w.c = float32(-sin / height)
	w.d = float32(cos / height)

	strength := between(0.02, 0.14)
	for axis := range w.bend {
		for k := range w.bend[axis] {
			w.bend[axis][k] = float32(normal(strength))
		}
	}
	w.thicken = float32(between(-0.035, 0.05) * height)
	w.soft = float32(between(1, 2.2))
	w.ink = float32(between(150, 265))
	w.noise = float32(max(0, between(-10, 30)))
}

// draw renders the glyph into the Size×Size pixels of dst.
func (w *warp) draw(dst []uint8, g *glyph, r *rand.Rand) {
	var rows [2][knots]float32 // the displacement's control points at one line
	for py := range Size {
		by := &basis[py]
		for axis := range rows {
			for k := range knots {
				var sum float32
				for m, weight := range by.weights {
					sum += weight * w.bend[axis][(by.first+m)*knots+k]
				}
				rows[axis][k] = sum
			}
		}
		y := float32(py) + 0.5 - w.midY
		for px := range Size {
			bx := &basis[px]
			x := float32(px) + 0.5 - w.midX
			u, v := w.a*x+w.b*y, w.c*x+w.d*y
			for m, weight := range bx.weights {
				u += weight * rows[0][bx.first+m]
				v += weight * rows[1][bx.first+m]
			}
			edge := g.at(u, v)*w.height + w.thicken
			value := w.ink * min(1, max(0, 0.5+edge/w.soft))
			if w.noise > 0 {
				value += w.noise * float32(r.NormFloat64())
			}
			dst[py*Size+px] = uint8(min(255, max(0, value+0.5)))
		}
	}
}
