package imagefolder

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
)

// Resize returns x, float32 [channels, height, width], at another size: the
// triangle filter of bilinear interpolation, widened when shrinking so that
// every pixel counts (anti-aliasing). It is what Pillow's BILINEAR and
// PyTorch's interpolate(mode="bilinear", antialias=True) compute, in floats.
// It isn't recorded for gradients.
func Resize(x *tensor.Tensor, height, width int) *tensor.Tensor {
	if x.NDim() != 3 || x.DType() != tensor.Float32 || x.NumEl() == 0 {
		tensor.Fail("resize", "", "needs float32 (channels, height, width), got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
	if height < 1 || width < 1 {
		tensor.Fail("resize", "", "height %d and width %d must be at least 1", height, width)
	}
	c, h, w := x.Size(0), x.Size(1), x.Size(2)
	if h == height && w == width {
		return x.Detach()
	}
	x = x.Detach().Contiguous()
	out := tensor.Empty(tensor.Float32, c, height, width)
	in, to := tensor.Data[float32](x), tensor.MutableData[float32](out)
	across, down := taps(w, width), taps(h, height)
	rows := make([]float32, h*width) // a channel after the horizontal pass
	for k := range c {
		for y := range h {
			line := in[(k*h+y)*w:][:w]
			for i, t := range across {
				sum := float32(0)
				for j, weight := range t.weights {
					sum += weight * line[t.from+j]
				}
				rows[y*width+i] = sum
			}
		}
		for y, t := range down {
			line := to[(k*height+y)*width:][:width]
			clear(line)
			for j, weight := range t.weights {
				for i, v := range rows[(t.from+j)*width:][:width] {
					line[i] += weight * v
				}
			}
		}
	}
	runtime.KeepAlive(x)
	return out
}

// tap says which inputs make one output, and how much of each.
type tap struct {
	from    int
	weights []float32
}

func taps(in, out int) []tap {
	scale := float64(in) / float64(out)
	stretch := math.Max(scale, 1)
	list := make([]tap, out)
	for i := range list {
		center := scale * (float64(i) + 0.5)
		from := max(0, int(center-stretch+0.5))
		to := min(in, int(center+stretch+0.5))
		weights, sum := make([]float64, to-from), 0.0
		for j := range weights {
			weights[j] = math.Max(0, 1-math.Abs(float64(from+j)-center+0.5)/stretch)
			sum += weights[j]
		}
		t := tap{from, make([]float32, len(weights))}
		for j, v := range weights {
			t.weights[j] = float32(v / sum)
		}
		list[i] = t
	}
	return list
}
