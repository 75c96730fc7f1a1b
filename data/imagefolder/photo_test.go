package imagefolder

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
)

// The quick way for what JPEG decoders give agrees with image.At, for every subsampling, odd sizes and origins.
func TestPhotosAgreeWithAt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		for _, rect := range []image.Rectangle{image.Rect(0, 0, 9, 7), image.Rect(0, 0, 1, 1), image.Rect(3, 5, 16, 10)} {
			p := image.NewYCbCr(rect, ratio)
			for _, plane := range [][]uint8{p.Y, p.Cb, p.Cr} {
				for i := range plane {
					plane[i] = uint8(r.Uint32())
				}
			}
			w, h := rect.Dx(), rect.Dy()
			got := convert(p, w, h, Config{})
			for y := range h {
				for x := range w {
					want := color.NRGBAModel.Convert(p.At(rect.Min.X+x, rect.Min.Y+y)).(color.NRGBA)
					i := y*w + x
					if c := (color.NRGBA{got.Pix[i], got.Pix[w*h+i], got.Pix[2*w*h+i], 255}); c != want {
						t.Fatalf("%v %v: pixel %d, %d is %v, want %v", ratio, rect, x, y, c, want)
					}
				}
			}
		}
	}
}
