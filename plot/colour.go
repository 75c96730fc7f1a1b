package plot

import (
	"image/color"
	"math"
)

var (
	inkColour  = color.RGBA{0x22, 0x22, 0x22, 0xff} // titles, labels
	paleColour = color.RGBA{0x55, 0x55, 0x55, 0xff} // tick labels
	gridColour = color.RGBA{0xe6, 0xe6, 0xe6, 0xff}
	axisColour = color.RGBA{0x99, 0x99, 0x99, 0xff}
	gapColour  = color.RGBA{0xd0, 0xd0, 0xd0, 0xff} // heat map cells without a value
)

// Colours that people with any common colour blindness tell apart (Okabe and
// Ito, "Color Universal Design", 2008), in the order in which series use them:
// dark and distant ones first, yellow, faint on white, last.
var (
	Blue       = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	Vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	Green      = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	Purple     = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	Orange     = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	Sky        = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	Black      = color.RGBA{0x00, 0x00, 0x00, 0xff}
	Yellow     = color.RGBA{0xf0, 0xe4, 0x42, 0xff}
)

// palette returns the colour of the i-th series, and whether the palette began
// anew before it.
func palette(i int) (col color.RGBA, again bool) {
	all := [...]color.RGBA{Blue, Vermillion, Green, Purple, Orange, Sky, Black, Yellow}
	return all[i%len(all)], i >= len(all)
}

// sequential maps 0 to 1 to white, light blue, blue, near black: lightness falls
// evenly, so the order shows without colour too.
func sequential(t float64) color.RGBA {
	return ramp(t, []color.RGBA{{0xff, 0xff, 0xff, 0xff}, {0x9c, 0xcf, 0xee, 0xff}, {0x35, 0x93, 0xcc, 0xff}, {0x00, 0x5a, 0x94, 0xff}, {0x00, 0x24, 0x45, 0xff}})
}

// diverging maps -1 to 1 to blue, white at 0, orange-red.
func diverging(t float64) color.RGBA {
	return ramp((t+1)/2, []color.RGBA{{0x00, 0x34, 0x62, 0xff}, {0x1f, 0x84, 0xc0, 0xff}, {0xff, 0xff, 0xff, 0xff}, {0xe0, 0x70, 0x1c, 0xff}, {0x7a, 0x2d, 0x00, 0xff}})
}

// ramp returns the colour at t in [0, 1] on the line through evenly spaced stops.
func ramp(t float64, stops []color.RGBA) color.RGBA {
	if math.IsNaN(t) {
		return gapColour
	}
	t = max(0, min(1, t)) * float64(len(stops)-1)
	i := min(int(t), len(stops)-2)
	t -= float64(i)
	a, b := stops[i], stops[i+1]
	mix := func(p, q uint8) uint8 { return uint8(float64(p) + t*(float64(q)-float64(p)) + 0.5) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

// readable returns black or white, whichever stands out on col more: by the
// contrast ratio of WCAG 2.1.
func readable(col color.RGBA) color.RGBA {
	linear := func(v uint8) float64 {
		if s := float64(v) / 255; s > 0.04045 {
			return math.Pow((s+0.055)/1.055, 2.4)
		} else {
			return s / 12.92
		}
	}
	luminance := 0.2126*linear(col.R) + 0.7152*linear(col.G) + 0.0722*linear(col.B)
	if (luminance+0.05)*(luminance+0.05) > 0.05*1.05 {
		return Black
	}
	return color.RGBA{0xff, 0xff, 0xff, 0xff}
}
