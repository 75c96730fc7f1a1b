package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Affine is a chain of shear, scale and rotation about the image's middle, and a translation, done as one warp. Its parameters are those
// of torchvision's affine. The zero value changes nothing.
type Affine struct {
	Angle     float64    // degrees, clockwise
	Translate [2]float64 // pixels to the right and down, after everything else
	Scale     float64    // 0 means 1
	Shear     [2]float64 // degrees, along x and along y
	Nearest   bool       // take the nearest pixel rather than mix four
}

// matrix is an affine map: (x, y) ↦ (m[0]·x + m[1]·y + m[2], m[3]·x + m[4]·y + m[5]).
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[1]*y + m[2], m[3]*x + m[4]*y + m[5]
}

// inverse returns the map back.
func (m matrix) inverse() matrix {
	d := m[0]*m[4] - m[1]*m[3]
	a, b, c, e := m[4]/d, -m[1]/d, -m[3]/d, m[0]/d
	return matrix{a, b, -a*m[2] - b*m[5], c, e, -c*m[2] - e*m[5]}
}

// matrix returns the map of places in an image of h × w pixels, whose upper left corner is (0, 0), to places in the result.
func (a Affine) matrix(h, w int) matrix {
	scale := a.Scale
	if scale == 0 {
		scale = 1
	}
	rad := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	turn, sy := rad(a.Angle), rad(a.Shear[1])
	sin, cos := math.Sincos(turn)
	tanX, cosY := math.Tan(rad(a.Shear[0])), math.Cos(sy)
	p, r := math.Cos(turn-sy)/cosY, math.Sin(turn-sy)/cosY
	m := matrix{scale * p, scale * -(p*tanX + sin), 0, scale * r, scale * (cos - r*tanX), 0}
	cx, cy := float64(w)/2, float64(h)/2
	x, y := m.apply(cx, cy)
	m[2], m[5] = cx+a.Translate[0]-x, cy+a.Translate[1]-y
	return m
}

// Affine returns the sample, of the same size, with all places mapped by a. Beyond the image lies what p says.
func (s Sample) Affine(a Affine, p Padding) Sample { return s.affine("Affine", a, p, 0) }

func (s Sample) affine(op string, a Affine, p Padding, visible float64) Sample {
	_, h, w := s.size(op)
	m := a.matrix(h, w)
	back := m.inverse()
	for _, v := range back {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			tensor.Fail("transforms."+op, "", "%+v can't be undone: it flattens the image, or isn't finite", a)
		}
	}
	out := s.warped(op, h, w, a.Nearest, p, func(row int, x, y []float64) {
		for i := range x {
			u, v := back.apply(float64(i)+0.5, float64(row)+0.5)
			x[i], y[i] = u-0.5, v-0.5
		}
	})
	out.Objects = moved(s.Objects, h, w, visible, hull(m.apply))
	return out
}

// hull returns the upright rectangle around a box's mapped corners.
func hull(f func(x, y float64) (float64, float64)) func(box.Box) box.Box {
	return func(b box.Box) box.Box {
		x1, y1 := f(b.X1, b.Y1)
		x2, y2 := f(b.X2, b.Y1)
		x3, y3 := f(b.X2, b.Y2)
		x4, y4 := f(b.X1, b.Y2)
		return box.Box{X1: min(x1, x2, x3, x4), Y1: min(y1, y2, y3, y4), X2: max(x1, x2, x3, x4), Y2: max(y1, y2, y3, y4)}
	}
}

// RandomAffine shears, scales, turns and moves an image at random, in one warp; see [Sample.Affine]. A field that is zero leaves its part
// alone. Unlike torchvision's it mixes four pixels unless Nearest is set.
type RandomAffine struct {
	Degrees   float64    // turns by −Degrees to Degrees
	Translate [2]float64 // by at most these parts of width and height, whole pixels
	Scale     [2]float64 // range of the factor
	Shear     [2]float64 // by −Shear to Shear degrees along x and along y
	Padding
	Nearest bool
	// MinVisible drops objects of which less than this part of their area is left.
	MinVisible float64
}

// Apply implements [Transform].
func (t RandomAffine) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "RandomAffine"
	_, h, w := s.size(op)
	scale := orRange(op, t.Scale, 1, 1)
	whole := func(limit float64) float64 { return math.RoundToEven(between(rng, -limit, limit)) }
	a := Affine{Nearest: t.Nearest}
	a.Angle = between(rng, -t.Degrees, t.Degrees)
	a.Translate = [2]float64{whole(t.Translate[0] * float64(w)), whole(t.Translate[1] * float64(h))}
	a.Scale = between(rng, scale[0], scale[1])
	a.Shear = [2]float64{between(rng, -t.Shear[0], t.Shear[0]), between(rng, -t.Shear[1], t.Shear[1])}
	return s.affine(op, a, t.Padding, t.MinVisible)
}
