package box

import (
	"fmt"
	"math"
)

// Coder turns boxes into offsets from an anchor, which networks learn more easily, and back (Girshick and others, "Rich feature
// hierarchies", 2014, appendix C). With centres (x, y), widths w and heights h of truth and anchor (index a):
//
//	t_x = (x − x_a)/w_a / v₀   t_y = (y − y_a)/h_a / v₁   t_w = ln(w/w_a) / v₂   t_h = ln(h/h_a) / v₃
type Coder struct {
	// Variances v are roughly the offsets' standard deviations, so that what the network learns has unit scale: 0.1, 0.1, 0.2, 0.2 in
	// SSD and Fast R-CNN. All 0 means 1, 1, 1, 1.
	Variances [4]float64
}

// maxGrowth keeps a network's wild guesses finite: a decoded box is at most 1000/16 times its anchor, as in Detectron.
var maxGrowth = math.Log(1000.0 / 16)

func (c Coder) variances() [4]float64 {
	if c.Variances == [4]float64{} {
		return [4]float64{1, 1, 1, 1}
	}
	for _, v := range c.Variances {
		if !(v > 0) {
			panic(fmt.Sprintf("box: Coder wants positive variances, got %v", c.Variances))
		}
	}
	return c.Variances
}

// Encode returns the offsets (t_x, t_y, t_w, t_h) of truth from anchor. Empty boxes have none: it panics.
func (c Coder) Encode(anchor, truth Box) [4]float64 {
	if anchor.Empty() || truth.Empty() {
		panic(fmt.Sprintf("box: Encode wants boxes with an area, got anchor %v and truth %v; leave empty ones out", anchor, truth))
	}
	v := c.variances()
	ax, ay := anchor.Center()
	x, y := truth.Center()
	return [4]float64{
		(x - ax) / anchor.Width() / v[0], (y - ay) / anchor.Height() / v[1],
		math.Log(truth.Width()/anchor.Width()) / v[2], math.Log(truth.Height()/anchor.Height()) / v[3],
	}
}

// Decode returns the box at the offsets t from anchor. Widths and heights grow at most 62.5-fold.
func (c Coder) Decode(anchor Box, t [4]float64) Box {
	v := c.variances()
	ax, ay := anchor.Center()
	w, h := anchor.Width(), anchor.Height()
	return FromCenter(ax+t[0]*v[0]*w, ay+t[1]*v[1]*h, w*math.Exp(min(t[2]*v[2], maxGrowth)), h*math.Exp(min(t[3]*v[3], maxGrowth)))
}
