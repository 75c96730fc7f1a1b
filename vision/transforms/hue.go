package transforms

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// AdjustHue returns the image x (C, H, W) with its hues turned by shift, from −0.5 to 0.5 of the circle. An image of 1 channel stays
// as it is. Colours should lie in 0..1; unlike torchvision's, those that don't aren't clamped.
func AdjustHue(x *tensor.Tensor, shift float64) *tensor.Tensor {
	if !(shift >= -0.5 && shift <= 0.5) {
		tensor.Fail("transforms.AdjustHue", "", "expected a shift from −0.5 to 0.5, got %g", shift)
	}
	p := own("AdjustHue", x, true)
	p.hue(float32(shift))
	return p.x
}

// hueTile is how many pixels hue works on at a time: all that it computes stays in the first-level cache.
const hueTile = 512

// hue turns hues in place. It goes from colour to hue and back without a branch, as a chain of operations on whole vectors.
func (p pixels) hue(shift float32) {
	if p.c == 1 {
		return
	}
	red, green, blue := p.plane(0), p.plane(1), p.plane(2)
	room := tensor.MutableData[float32](p.x.NewEmpty(6, hueTile))
	for i := 0; i < len(red); i += hueTile {
		n := min(hueTile, len(red)-i)
		turnHues(red[i:i+n], green[i:i+n], blue[i:i+n], shift, room)
	}
}

func turnHues(r, g, b []float32, shift float32, room []float32) {
	vector := func(k int) []float32 { return room[k*hueTile:][:len(r)] }
	hi, span, h, is, not, t := vector(0), vector(1), vector(2), vector(3), vector(4), vector(5)
	cpu.Maximum(hi, r, g)
	cpu.Maximum(hi, hi, b)
	cpu.Minimum(span, r, g)
	cpu.Minimum(span, span, b)
	cpu.Sub(span, hi, span)

	// The hue in sixths of the circle: (g − b)/span where red is greatest, else 2 + (b − r)/span where green is, else 4 + (r − g)/span.
	greatest := func(x []float32) { // is = 1 where x = hi, else 0
		cpu.Sub(is, hi, x)
		cpu.MulScalar(is, is, 1e38)
		cpu.Clamp(is, is, 0, 1)
		cpu.Affine(is, is, -1, 1)
	}
	add := func(x, y []float32, base float32) { // h += is·(x − y + base·span)
		cpu.Sub(t, x, y)
		cpu.Axpy(t, span, base)
		cpu.MulAdd(h, t, is, h)
	}
	clear(h)
	greatest(r)
	add(g, b, 0)
	cpu.Affine(not, is, -1, 1)
	greatest(g)
	cpu.Mul(is, is, not)
	add(b, r, 2)
	cpu.Sub(is, not, is)
	add(r, g, 4)
	cpu.Clamp(t, span, 1e-30, math.MaxFloat32) // greys: h = 0
	cpu.Div(h, h, t)

	// Channel n = 5, 3, 1 is hi − span·clamp(min(k, 4 − k), 0, 1) with k = n + h modulo 6.
	for c, v := range [][]float32{r, g, b} {
		cpu.AddScalar(t, h, float32(5-2*c)+6*shift)
		cpu.MulScalar(is, t, 1.0/6)
		cpu.Floor(is, is)
		cpu.Axpy(t, is, -6)
		cpu.Affine(is, t, -1, 4)
		cpu.Minimum(t, t, is)
		cpu.Clamp(t, t, 0, 1)
		cpu.Mul(t, t, span)
		cpu.Sub(v, hi, t)
	}
}
