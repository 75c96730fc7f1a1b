package proposals

import "math"

// Space is a way to write colours.
type Space uint8

const (
	// HSV is hue, saturation and value, each from 0 to 1.
	HSV Space = iota
	// Lab is CIE L*a*b* for white D65, in which equal distances look equally large: L*/100, (a*+128)/255, (b*+128)/255.
	Lab
	// RGB leaves colours as they are.
	RGB
)

func (s Space) convert(rgb planes) planes {
	f := map[Space]func(r, g, b float64) [3]float64{HSV: hsv, Lab: lab}[s]
	if f == nil {
		return rgb
	}
	out := planes{h: rgb.h, w: rgb.w, c: [][]float64{make([]float64, rgb.h*rgb.w), make([]float64, rgb.h*rgb.w), make([]float64, rgb.h*rgb.w)}}
	for i := range out.c[0] {
		v := f(rgb.c[0][i], rgb.c[1][i], rgb.c[2][i])
		out.c[0][i], out.c[1][i], out.c[2][i] = v[0], v[1], v[2]
	}
	return out
}

func hsv(r, g, b float64) [3]float64 {
	high, low := max(r, g, b), min(r, g, b)
	d := high - low
	if d == 0 {
		return [3]float64{0, 0, high}
	}
	var h float64
	switch high {
	case r:
		h = (g - b) / d
	case g:
		h = 2 + (b-r)/d
	default:
		h = 4 + (r-g)/d
	}
	h /= 6
	return [3]float64{h - math.Floor(h), d / high, high}
}

func lab(r, g, b float64) [3]float64 {
	linear := func(v float64) float64 {
		if v > 0.04045 {
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return v / 12.92
	}
	r, g, b = linear(r), linear(g), linear(b)
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.412453*r + 0.357580*g + 0.180423*b) / 0.95047)
	y := f(0.212671*r + 0.715160*g + 0.072169*b)
	z := f((0.019334*r + 0.119193*g + 0.950227*b) / 1.08883)
	return [3]float64{(116*y - 16) / 100, (500*(x-y) + 128) / 255, (200*(y-z) + 128) / 255}
}
