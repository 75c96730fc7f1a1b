package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Corners are four places (x, y) of an image: upper left, upper right, lower right, lower left.
type Corners [4][2]float64

// Perspective returns the sample, of the same size, seen so that the places start come to lie at end. Beyond the image lies what p says.
func (s Sample) Perspective(start, end Corners, p Padding) Sample {
	return s.perspective("Perspective", start, end, p, 0)
}

func (s Sample) perspective(op string, start, end Corners, p Padding, visible float64) Sample {
	_, h, w := s.size(op)
	back, ok := projection(end, start)
	there, ok2 := projection(start, end)
	if !ok || !ok2 {
		tensor.Fail("transforms."+op, "", "three of the corners %v or %v lie on a line", start, end)
	}
	out := s.warped(op, h, w, false, p, func(row int, x, y []float64) {
		for i := range x {
			u, v := back.apply(float64(i)+0.5, float64(row)+0.5)
			x[i], y[i] = u-0.5, v-0.5
		}
	})
	out.Objects = moved(s.Objects, h, w, visible, hull(there.apply))
	return out
}

// homography is a perspective map: (x, y) ↦ (h[0]·x + h[1]·y + h[2], h[3]·x + h[4]·y + h[5]) / (h[6]·x + h[7]·y + 1).
type homography [8]float64

func (h homography) apply(x, y float64) (float64, float64) {
	d := h[6]*x + h[7]*y + 1
	return (h[0]*x + h[1]*y + h[2]) / d, (h[3]*x + h[4]*y + h[5]) / d
}

// projection returns the perspective map that takes from to to. It reports false if there is none.
func projection(from, to Corners) (homography, bool) {
	var a [8][9]float64 // the equations, with the right side as last column
	for i := range 4 {
		x, y, u, v := from[i][0], from[i][1], to[i][0], to[i][1]
		a[2*i] = [9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}
		a[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}
	}
	for c := range 8 { // Gauss–Jordan with row pivots
		best := c
		for r := c; r < 8; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		a[c], a[best] = a[best], a[c]
		if !(math.Abs(a[c][c]) > 1e-12) {
			return homography{}, false
		}
		for r := range 8 {
			if f := a[r][c] / a[c][c]; r != c {
				for k := c; k < 9; k++ {
					a[r][k] -= f * a[c][k]
				}
			}
		}
	}
	var h homography
	for i := range h {
		h[i] = a[i][8] / a[i][i]
	}
	return h, true
}

// RandomPerspective moves the corners of the image inwards at random, with probability P.
type RandomPerspective struct {
	Distortion float64 // how far corners move at most, as a part of half the width and height; 0 means 0.5
	P          float64 // 0 means 0.5
	Padding
	// MinVisible drops objects of which less than this part of their area is left.
	MinVisible float64
}

// Apply implements [Transform].
func (t RandomPerspective) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "RandomPerspective"
	if !chance(rng, op, t.P) {
		return s
	}
	_, h, w := s.size(op)
	amount := t.Distortion
	if amount == 0 {
		amount = 0.5
	}
	checkProbability(op, amount)
	if h < 2 || w < 2 {
		return s // a line has no corners to move
	}
	inX := func() float64 { return float64(rng.IntN(int(amount*float64(w/2)) + 1)) }
	inY := func() float64 { return float64(rng.IntN(int(amount*float64(h/2)) + 1)) }
	right, bottom := float64(w-1), float64(h-1)
	start := Corners{{0, 0}, {right, 0}, {right, bottom}, {0, bottom}}
	end := Corners{{inX(), inY()}, {right - inX(), inY()}, {right - inX(), bottom - inY()}, {inX(), bottom - inY()}}
	if _, ok := projection(start, end); !ok {
		return s // so small or so distorted that corners meet
	}
	return s.perspective(op, start, end, t.Padding, t.MinVisible)
}
