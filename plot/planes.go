package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// Gray makes an image of h×w values, row by row: lo and below is black, hi and
// above white. If lo equals hi, the least and the greatest value are taken
// instead. NaN is black. It panics if values doesn't hold h·w numbers.
func Gray(values []float32, h, w int, lo, hi float32) image.Image {
	checkPlanes("Gray", len(values), 1, h, w)
	to := level(values, lo, hi)
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range values {
		img.Pix[i] = to(v)
	}
	return img
}

// RGB makes an image of 3×h×w values: a plane of red, one of green, one of blue.
// lo and hi are as for Gray, the same for the three planes. It panics if planes
// doesn't hold 3·h·w numbers.
func RGB(planes []float32, h, w int, lo, hi float32) image.Image {
	checkPlanes("RGB", len(planes), 3, h, w)
	to := level(planes, lo, hi)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	n := h * w
	for i := range n {
		img.SetRGBA(i%w, i/w, color.RGBA{to(planes[i]), to(planes[n+i]), to(planes[2*n+i]), 0xff})
	}
	return img
}

// Diverging makes an image of h×w values of both signs, such as a filter's
// weights: blue below 0, white at 0, orange above, darkest at the greatest
// magnitude. NaN is grey. It panics if values doesn't hold h·w numbers.
func Diverging(values []float32, h, w int) image.Image {
	checkPlanes("Diverging", len(values), 1, h, w)
	largest := 0.0
	for _, v := range values {
		if m := math.Abs(float64(v)); !math.IsInf(m, 0) && !math.IsNaN(m) {
			largest = max(largest, m)
		}
	}
	if largest == 0 {
		largest = 1
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, v := range values {
		img.SetRGBA(i%w, i/w, diverging(float64(v)/largest))
	}
	return img
}

func checkPlanes(name string, got, planes, h, w int) {
	if h < 0 || w < 0 || got != planes*h*w {
		panic(fmt.Sprintf("plot.%s: got %d values, expected %d for %d plane(s) of %d×%d", name, got, planes*h*w, planes, h, w))
	}
}

// level returns the map from values to brightness, 0 to 255.
func level(values []float32, lo, hi float32) func(float32) uint8 {
	if lo == hi {
		lo, hi = float32(math.Inf(1)), float32(math.Inf(-1))
		for _, v := range values {
			if !math.IsInf(float64(v), 0) && v == v {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	span := float64(hi) - float64(lo)
	return func(v float32) uint8 {
		t := (float64(v) - float64(lo)) / span
		switch {
		case !(t > 0): // NaN and a span of 0 too
			return 0
		case t >= 1:
			return 255
		}
		return uint8(t*255 + 0.5)
	}
}
