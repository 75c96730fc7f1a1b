package explain

import (
	"fmt"
	goimage "image"
	"image/color"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// Picture draws an image (C, H, W) of any range: three channels as colours, else the mean of the channels in grey. Black is the least value of
// all, white the greatest.
func Picture(x *tensor.Tensor) goimage.Image {
	image("explain.Picture", x)
	x = x.Detach()
	h, w := x.Size(1), x.Size(2)
	if x.Size(0) == 3 {
		lo, hi := float32(x.Min().Item()), float32(x.Max().Item())
		return plot.RGB(tensor.ToSlice[float32](x), h, w, lo, hi)
	}
	return plot.Gray(tensor.ToSlice[float32](x.MeanAxes(false, 0)), h, w, 0, 0)
}

// Heat draws a map (H, W) of values of both signs, orange above 0 and blue below; Overlay lays it over a picture.
func Heat(heat *tensor.Tensor) goimage.Image {
	plane("explain.Heat", heat)
	return plot.Diverging(tensor.ToSlice[float32](heat.Detach()), heat.Size(0), heat.Size(1))
}

func plane(op string, x *tensor.Tensor) {
	if x.NDim() != 2 || !x.DType().IsFloat() || x.NumEl() == 0 {
		tensor.Fail(op, "", "expected a map of floats (H, W), got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
}

// Overlay lays a map (H, W) over a picture of the same size, which shows grey through it: the redder a pixel, the greater its value, up to the 99.5th percentile; values of 0 and less
// leave the picture as it is.
func Overlay(picture goimage.Image, heat *tensor.Tensor) goimage.Image {
	plane("explain.Overlay", heat)
	h, w := heat.Size(0), heat.Size(1)
	b := picture.Bounds()
	if b.Dx() != w || b.Dy() != h {
		tensor.Fail("explain.Overlay", "", "a map of %d×%d doesn't fit a picture of %d×%d", h, w, b.Dy(), b.Dx())
	}
	values := tensor.ToSlice[float64](heat.Detach())
	sorted := slices.Sorted(slices.Values(values))
	most := sorted[(len(sorted)-1)*199/200] // a few pixels far above the others shouldn't hide them
	if most <= 0 {
		most = sorted[len(sorted)-1]
	}
	out := goimage.NewRGBA(goimage.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			grey := color.GrayModel.Convert(picture.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y
			strength := 0.0
			if v := values[y*w+x]; v > 0 {
				strength = min(v/most, 1)
			}
			out.SetRGBA(x, y, tinted(grey, strength))
		}
	}
	return out
}

// tinted mixes a grey with a colour that goes from yellow to red; strength is from 0 to 1.
func tinted(grey uint8, strength float64) color.RGBA {
	alpha := 0.85 * strength
	mix := func(c float64) uint8 { return uint8(math.Round((1-alpha)*float64(grey) + alpha*c)) }
	return color.RGBA{mix(255), mix(220 * (1 - strength)), mix(30), 255}
}

// Filters draws the weights of a convolution, one picture a filter: in colour if it sees three channels, grey meaning 0, else the mean over the channels, orange
// above 0 and blue below. At most 64 are drawn.
func Filters(c *nn.Conv2D) goimage.Image {
	w := c.Weight.Value()
	if w == nil {
		tensor.Fail("explain.Filters", "call nn.Init(model, seed) or load weights", "the convolution has no values yet")
	}
	w = w.Detach()
	h, width := w.Size(2), w.Size(3)
	var cells []plot.Cell
	for i := range min(64, w.Size(0)) {
		f := w.Select(0, i)
		cell := plot.Cell{Caption: fmt.Sprint(i)}
		if f.Size(0) == 3 {
			most := float32(f.Abs().Max().Item())
			cell.Image = plot.RGB(tensor.ToSlice[float32](f), h, width, -most, most)
		} else {
			cell.Image = plot.Diverging(tensor.ToSlice[float32](f.MeanAxes(false, 0)), h, width)
		}
		cells = append(cells, cell)
	}
	return plot.Grid{Title: fmt.Sprintf("%d filters, %d×%d", w.Size(0), h, width), Cells: cells, Columns: 8, Size: 72}.Draw()
}

// Channels draws the channels of an activation whose value is pictures (1, channels, H, W), at most the given number, those with the greatest
// mean first.
func Channels(a Activation, most int) goimage.Image {
	if a.Value.NDim() != 4 {
		tensor.Fail("explain.Channels", "", "the output of layer %q has shape %s; it must be pictures (1, channels, H, W)", a.Path, tensor.ShapeString(a.Value.Shape()))
	}
	v := a.Value.Detach().Select(0, 0)
	order := tensor.ToSlice[int64](v.MeanAxes(false, 1, 2).ArgSort(0, true))
	var cells []plot.Cell
	for _, c := range order[:min(most, len(order))] {
		p := v.Select(0, int(c))
		cells = append(cells, plot.Cell{Image: plot.Gray(tensor.ToSlice[float32](p), p.Size(0), p.Size(1), 0, 0), Caption: fmt.Sprint(c)})
	}
	return plot.Grid{Title: fmt.Sprintf("%s: %d channels of %d×%d", a.Path, v.Size(0), v.Size(1), v.Size(2)), Cells: cells, Columns: 8, Size: 72}.Draw()
}

// enlarge brings maps (1, 1, h, w) to height × width by bilinear interpolation and drops the axes of size 1.
func enlarge(x *tensor.Tensor, height, width int) *tensor.Tensor {
	return imagefolder.Resize(x.Select(0, 0).To(tensor.Float32), height, width).Select(0, 0)
}
