package transforms

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
)

// places says for a row of pixels where each of them comes from: x[i] and y[i] of pixel (i, row), in pixels of the source, whole
// numbers being the middles of pixels.
type places func(row int, x, y []float64)

// warped returns the image, and mask, of height × width pixels that from describes; the mask and, if nearest, the image take the pixel that
// is nearest, halves going to the even one. Objects are left to the caller.
func (s Sample) warped(op string, height, width int, nearest bool, p Padding, from places) Sample {
	c, h, w := s.size(op)
	checkTarget(op, height, width)
	cfg := tensor.GridSampleConfig{Mode: tensor.Bilinear, Padding: tensor.PaddingZeros}
	if nearest {
		cfg.Mode = tensor.Nearest
	}
	switch p.Mode {
	case Edge:
		cfg.Padding = tensor.PaddingBorder
	case Reflect:
		cfg.Padding, cfg.AlignCorners = tensor.PaddingReflection, true
	case Symmetric:
		cfg.Padding = tensor.PaddingReflection
	}
	image := s.Image.Detach()
	grid := image.NewEmpty(1, height, width, 2)
	v := tensor.MutableData[float32](grid)
	x, y := make([]float64, width), make([]float64, width)
	var sources []int64
	var marks []int64
	var mask *tensor.Tensor
	out := Sample{}
	if s.Mask != nil {
		mask, sources = elements[int64](s.Mask)
		out.Mask = mask.NewEmpty(height, width)
		marks = tensor.MutableData[int64](out.Mask)
	}
	lack := p.lack(op, image, height, width) // of the fill, where the image doesn't cover a pixel
	ax, bx := toGrid(w, cfg.AlignCorners)
	ay, by := toGrid(h, cfg.AlignCorners)
	for row := range height {
		from(row, x, y)
		line := v[row*width*2:][:2*width]
		for i := range x {
			line[2*i], line[2*i+1] = float32(x[i]*ax+bx), float32(y[i]*ay+by)
		}
		if lack != nil {
			for i := range x {
				lack[row*width+i] = 1 - covered(x[i], w, nearest)*covered(y[i], h, nearest)
			}
		}
		if mask != nil {
			for i := range x {
				c, r := p.Mode.at(nearestTo(x[i]), w), p.Mode.at(nearestTo(y[i]), h)
				if c < 0 || r < 0 {
					marks[row*width+i] = p.MaskFill
				} else {
					marks[row*width+i] = sources[r*w+c]
				}
			}
		}
	}
	runtime.KeepAlive(mask)
	out.Image = tensor.GridSample(image.Unsqueeze(0), grid, cfg).Select(0, 0)
	if lack != nil {
		to := tensor.MutableData[float32](out.Image)
		for k := range c {
			fill := fillOf(op, p.Fill, c, k)
			for i, part := range lack {
				to[k*height*width+i] += fill * part
			}
		}
	}
	return out
}

// toGrid returns a and b so that a·i + b is the grid's coordinate, −1 to 1, of place i on an axis of n pixels.
func toGrid(n int, corners bool) (a, b float64) {
	if !corners {
		return 2 / float64(n), 1/float64(n) - 1
	}
	if n == 1 {
		return 0, 0
	}
	return 2 / float64(n-1), -1
}

// lack returns room for the part of each pixel that must be filled, nil if nothing must.
func (p Padding) lack(op string, image *tensor.Tensor, height, width int) []float32 {
	if p.Mode != Constant {
		return nil
	}
	for k := range image.Size(0) {
		if fillOf(op, p.Fill, image.Size(0), k) != 0 {
			return tensor.MutableData[float32](image.NewEmpty(height, width))
		}
	}
	return nil
}

// covered returns how much of the sample at place at comes from the n pixels of an axis.
func covered(at float64, n int, nearest bool) float32 {
	if nearest {
		if i := math.RoundToEven(at); i < 0 || i > float64(n-1) {
			return 0
		}
		return 1
	}
	return float32(max(0, min(at+1, float64(n)-at, 1)))
}

// nearestTo returns the pixel whose middle is nearest.
func nearestTo(at float64) int { return int(math.RoundToEven(max(-1<<30, min(at, 1<<30)))) }
