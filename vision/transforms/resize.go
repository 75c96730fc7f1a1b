package transforms

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Resize returns the sample with height × width pixels, whatever its aspect was: bilinear, and anti-aliased where it shrinks. A mask takes
// the nearest pixel.
func (s Sample) Resize(height, width int) Sample {
	_, h, w := s.size("Resize")
	return s.resized("Resize", 0, 0, h, w, height, width, 0)
}

// resized returns a window of the sample, which lies within it, with height × width pixels.
func (s Sample) resized(op string, top, left, h, w, height, width int, visible float64) Sample {
	_, _, full := s.size(op)
	checkTarget(op, height, width)
	if h == height && w == width {
		return s.window(op, top, left, h, w, Padding{}, visible)
	}
	part := s.Image.Detach().Slice(1, top, top+h, 1).Slice(2, left, left+w, 1)
	out := Sample{Image: tensor.Interpolate(part.Unsqueeze(0), tensor.InterpolateConfig{Size: [2]int{height, width}, Antialias: true}).Select(0, 0)}
	sx, sy := float64(width)/float64(w), float64(height)/float64(h)
	out.Objects = moved(s.Objects, height, width, visible, func(b box.Box) box.Box {
		dx, dy := float64(left), float64(top)
		return box.Box{X1: (b.X1 - dx) * sx, Y1: (b.Y1 - dy) * sy, X2: (b.X2 - dx) * sx, Y2: (b.Y2 - dy) * sy}
	})
	if s.Mask != nil {
		mask, from := elements[int64](s.Mask)
		out.Mask = mask.NewEmpty(height, width)
		to := tensor.MutableData[int64](out.Mask)
		for y := range height {
			row := from[(top+scaled(y, h, height))*full+left:]
			for x := range width {
				to[y*width+x] = row[scaled(x, w, width)]
			}
		}
		runtime.KeepAlive(mask)
	}
	return out
}

// scaled returns which of n pixels pixel i of m takes, as PyTorch's nearest interpolation rounds.
func scaled(i, n, m int) int {
	return min(int(float32(i)*(float32(n)/float32(m))), n-1)
}

// Resize brings images to Height × Width pixels, whatever their aspect; see [Sample.Resize].
type Resize struct {
	Height, Width int
}

// Apply implements [Transform].
func (t Resize) Apply(_ *tensor.RNG, s Sample) Sample { return s.Resize(t.Height, t.Width) }

// ResizeShort brings the shorter side of images to Size pixels and keeps their aspect, rounded down: torchvision's Resize(size).
type ResizeShort struct {
	Size int
	Max  int // the longer side becomes no longer than this; 0 sets no limit
}

// Apply implements [Transform].
func (t ResizeShort) Apply(_ *tensor.RNG, s Sample) Sample {
	_, h, w := s.size("ResizeShort")
	checkTarget("ResizeShort", t.Size, t.Size)
	short, long := min(h, w), max(h, w)
	newShort, newLong := t.Size, int(float64(t.Size)*float64(long)/float64(short))
	if t.Max > 0 && newLong > t.Max {
		newShort, newLong = int(float64(t.Max)*float64(newShort)/float64(newLong)), t.Max
	}
	newShort = max(newShort, 1)
	if h < w {
		return s.Resize(newShort, newLong)
	}
	return s.Resize(newLong, newShort)
}

// Letterbox brings images to Height × Width pixels and keeps their aspect: they become as large as fits, in the middle of a border.
type Letterbox struct {
	Height, Width int
	Fill          []float64 // of the border: none is 0; one number; or one for each channel
	MaskFill      int64     // of the mask's border
}

// Apply implements [Transform].
func (t Letterbox) Apply(_ *tensor.RNG, s Sample) Sample {
	_, h, w := s.size("Letterbox")
	checkTarget("Letterbox", t.Height, t.Width)
	height, width, top, left := t.Place(h, w)
	return s.Resize(height, width).Pad(left, top, t.Width-width-left, t.Height-height-top, Padding{Fill: t.Fill, MaskFill: t.MaskFill})
}

// Place returns the size that an image of h × w pixels gets, and where its upper left corner comes to lie: place x of the image becomes
// left + x·width/w, place y top + y·height/h.
func (t Letterbox) Place(h, w int) (height, width, top, left int) {
	scale := math.Min(float64(t.Height)/float64(h), float64(t.Width)/float64(w))
	height = max(1, min(t.Height, int(math.Round(float64(h)*scale))))
	width = max(1, min(t.Width, int(math.Round(float64(w)*scale))))
	return height, width, (t.Height - height) / 2, (t.Width - width) / 2
}

// RandomResizedCrop cuts out a part of random size and aspect at a random place, and brings it to Height × Width pixels (Szegedy et
// al., "Going Deeper with Convolutions", 2015).
type RandomResizedCrop struct {
	Height, Width int
	Scale         [2]float64 // range of the part of the area; zeros mean 0.08 to 1
	Ratio         [2]float64 // range of width / height, drawn on a logarithmic scale; zeros mean 3/4 to 4/3
	// MinVisible drops objects of which less than this part of their area is left.
	MinVisible float64
}

// Apply implements [Transform].
func (t RandomResizedCrop) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "RandomResizedCrop"
	_, h, w := s.size(op)
	checkTarget(op, t.Height, t.Width)
	top, left, high, wide := t.window(rng, h, w)
	return s.resized(op, top, left, high, wide, t.Height, t.Width, t.MinVisible)
}

// window draws what is cut out of h × w pixels: after ten failures the largest part in the middle whose aspect is in range.
func (t RandomResizedCrop) window(rng *tensor.RNG, h, w int) (top, left, high, wide int) {
	scale, ratio := orRange("RandomResizedCrop", t.Scale, 0.08, 1), orRange("RandomResizedCrop", t.Ratio, 3.0/4, 4.0/3)
	for range 10 {
		area := between(rng, scale[0], scale[1]) * float64(h*w)
		aspect := math.Exp(between(rng, math.Log(ratio[0]), math.Log(ratio[1])))
		wide, high = int(math.RoundToEven(math.Sqrt(area*aspect))), int(math.RoundToEven(math.Sqrt(area/aspect)))
		if wide > 0 && wide <= w && high > 0 && high <= h {
			return rng.IntN(h - high + 1), rng.IntN(w - wide + 1), high, wide
		}
	}
	wide, high = w, h
	if aspect := float64(w) / float64(h); aspect < ratio[0] {
		high = max(1, min(h, int(math.RoundToEven(float64(w)/ratio[0]))))
	} else if aspect > ratio[1] {
		wide = max(1, min(w, int(math.RoundToEven(float64(h)*ratio[1]))))
	}
	return (h - high) / 2, (w - wide) / 2, high, wide
}
