package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
)

func ExampleGrid() {
	pixels := make([]float32, 28*28) // a sample, 0 to 1
	img := Grid{Title: "Wrong predictions", Columns: 2, Cells: []Cell{
		{Image: Gray(pixels, 28, 28, 0, 1), Caption: "7 → 1  98 %", Colour: Vermillion},
		{Image: Gray(pixels, 28, 28, 0, 1), Caption: "4 → 9  61 %", Colour: Vermillion},
	}}.Draw()
	fmt.Println(img.Bounds().Dx() > 200)
	// Output: true
}

func TestSmallImagesGrowByWholePixels(t *testing.T) {
	board := image.NewRGBA(image.Rect(3, 5, 5, 7)) // bounds needn't begin at 0
	board.SetRGBA(3, 5, Blue)
	board.SetRGBA(4, 5, Orange)
	board.SetRGBA(3, 6, Green)
	board.SetRGBA(4, 6, Purple)
	img := Grid{Cells: []Cell{{Image: board}}, Size: 20}.Draw()
	for _, col := range []color.RGBA{Blue, Orange, Green, Purple} {
		if n := count(img, img.Bounds(), col); n != 20*20 {
			t.Errorf("%v has %d pixels, want %d", col, n, 20*20)
		}
	}
	if p := img.(*image.RGBA).RGBAAt(28+19, 28+19); p != Blue {
		t.Errorf("last pixel of the upper left square is %v", p)
	}
	if p := img.(*image.RGBA).RGBAAt(28+20, 28+20); p != Purple {
		t.Errorf("first pixel of the lower right square is %v", p)
	}
}

func TestLargeImagesShrinkByAveraging(t *testing.T) {
	big := image.NewGray(image.Rect(0, 0, 1000, 500))
	for i := range big.Pix {
		big.Pix[i] = uint8(200 * (i % 2))
	}
	small := shrink(big, 112)
	if got := small.Bounds().Size(); got != image.Pt(111, 55) {
		t.Errorf("size %v", got)
	}
	if g := color.GrayModel.Convert(small.At(50, 20)).(color.Gray); g.Y < 85 || g.Y > 115 {
		t.Errorf("stripes of 0 and 200 became %d", g.Y)
	}
}

func TestGridTakesAnyCells(t *testing.T) {
	img := Gray(make([]float32, 6), 2, 3, 0, 1)
	for name, g := range map[string]Grid{
		"none":             {Title: "nothing"},
		"empty cell":       {Cells: []Cell{{}}},
		"caption only":     {Cells: []Cell{{Caption: "a\nb"}}},
		"empty image":      {Cells: []Cell{{Image: image.NewGray(image.Rectangle{})}}},
		"different sizes":  {Cells: []Cell{{Image: img}, {Image: image.NewGray(image.Rect(0, 0, 300, 2)), Caption: "x"}}},
		"too many columns": {Cells: []Cell{{Image: img}}, Columns: 50},
		"long caption":     {Cells: []Cell{{Image: img, Caption: string(make([]rune, 500))}}, Below: true},
	} {
		if g.Draw().Bounds().Empty() {
			t.Errorf("%s: no picture", name)
		}
	}
}

func TestCaptionsStandAboveOrBelow(t *testing.T) {
	white := image.NewGray(image.Rect(0, 0, 10, 10))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	for _, below := range []bool{false, true} {
		img := Grid{Cells: []Cell{{Image: white, Caption: "8888"}}, Below: below}.Draw()
		b := img.Bounds()
		upper := image.Rect(0, 0, b.Dx(), 27+10)
		lower := image.Rect(0, b.Dy()-50, b.Dx(), b.Dy())
		up, down := count(img, upper, inkColour), count(img, lower, inkColour)
		if (down > up) != below {
			t.Errorf("below=%v: %d pixels at the top, %d at the bottom", below, up, down)
		}
	}
}

func TestPlanesBecomePixels(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	got := Gray([]float32{-1, 0, 0.5, 1, 2, nan, inf, -inf}, 2, 4, 0, 1).(*image.Gray)
	if want := []uint8{0, 0, 128, 255, 255, 0, 255, 0}; !slices.Equal(got.Pix, want) {
		t.Errorf("gray %v, want %v", got.Pix, want)
	}
	got = Gray([]float32{10, 20, nan, 30}, 1, 4, 0, 0).(*image.Gray)
	if want := []uint8{0, 128, 0, 255}; !slices.Equal(got.Pix, want) {
		t.Errorf("gray in its own range %v, want %v", got.Pix, want)
	}
	got = Gray([]float32{5, 5}, 1, 2, 0, 0).(*image.Gray)
	if !slices.Equal(got.Pix, []uint8{0, 0}) {
		t.Errorf("equal values %v", got.Pix)
	}
	rgb := RGB([]float32{0, 1, 0.2, 0.4, 1, 0}, 1, 2, 0, 1).(*image.RGBA)
	if want := []uint8{0, 51, 255, 255, 255, 102, 0, 255}; !slices.Equal(rgb.Pix, want) {
		t.Errorf("rgb %v, want %v", rgb.Pix, want)
	}
	d := Diverging([]float32{-0.5, 0, 0.25, nan}, 2, 2).(*image.RGBA)
	for i, want := range []color.RGBA{diverging(-1), {255, 255, 255, 255}, diverging(0.5), gapColour} {
		if got := d.RGBAAt(i%2, i/2); got != want {
			t.Errorf("diverging pixel %d is %v, want %v", i, got, want)
		}
	}
	if d := Diverging([]float32{0, 0}, 1, 2).(*image.RGBA); d.RGBAAt(0, 0) != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("zeros are %v", d.Pix)
	}
	mustPanic(t, "plot.RGB: got 5 values, expected 12 for 3 plane(s) of 2×2", func() { RGB(make([]float32, 5), 2, 2, 0, 1) })
}
