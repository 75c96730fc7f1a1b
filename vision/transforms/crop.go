package transforms

import (
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// PadMode says what lies beyond the edges of an image.
type PadMode uint8

const (
	// Constant: one number, 0 unless a Fill says otherwise.
	Constant PadMode = iota
	// Edge: the last pixel, again and again.
	Edge
	// Reflect: the image mirrored at its last pixel, which isn't repeated: d c b | a b c d | c b a.
	Reflect
	// Symmetric: the image mirrored with its last pixel repeated: c b a | a b c d | d c b.
	Symmetric
)

// at returns the place in [0, n) whose value stands for place i, or −1 for the constant.
func (m PadMode) at(i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	switch m {
	case Edge:
		return max(0, min(i, n-1))
	case Reflect:
		if n == 1 {
			return 0
		}
		period := 2*n - 2
		if i = (i%period + period) % period; i >= n {
			i = period - i
		}
		return i
	case Symmetric:
		if i = (i%(2*n) + 2*n) % (2 * n); i >= n {
			i = 2*n - 1 - i
		}
		return i
	}
	return -1
}

// Padding says how to go on beyond the edges of an image, its mask, or both. Unlike torchvision, it takes all modes with boxes too,
// which then stay on what they were around, and mirrors more than once where an image is smaller than its border.
type Padding struct {
	Mode     PadMode
	Fill     []float64 // of Constant: none is 0; one number; or one for each channel
	MaskFill int64     // of Constant, in the mask
}

// Crop returns the part of the sample of height × width pixels whose upper left pixel is (top, left). It may reach beyond the
// image, where there are zeros, also in the mask.
func (s Sample) Crop(top, left, height, width int) Sample {
	return s.window("Crop", top, left, height, width, Padding{}, 0)
}

// Pad returns the sample with a border of the given numbers of pixels; negative ones cut off.
func (s Sample) Pad(left, top, right, bottom int, p Padding) Sample {
	_, h, w := s.size("Pad")
	return s.window("Pad", -top, -left, h+top+bottom, w+left+right, p, 0)
}

// window returns height × width pixels from (top, left) on.
func (s Sample) window(op string, top, left, height, width int, p Padding, visible float64) Sample {
	c, h, w := s.size(op)
	checkTarget(op, height, width)
	if top == 0 && left == 0 && height == h && width == w {
		return s
	}
	rows := make([]int, height+width)
	columns := rows[height:]
	rows = rows[:height]
	for y := range rows {
		rows[y] = p.Mode.at(top+y, h)
	}
	for x := range columns {
		columns[x] = p.Mode.at(left+x, w)
	}
	var out Sample
	image, from := elements[float32](s.Image)
	out.Image = image.NewEmpty(c, height, width)
	to := tensor.MutableData[float32](out.Image)
	for k := range c {
		cut(to[k*height*width:][:height*width], from[k*h*w:][:h*w], rows, columns, left, w, fillOf(op, p.Fill, c, k))
	}
	runtime.KeepAlive(image)
	out.Objects = moved(s.Objects, height, width, visible, func(b box.Box) box.Box {
		dx, dy := float64(left), float64(top)
		return box.Box{X1: b.X1 - dx, Y1: b.Y1 - dy, X2: b.X2 - dx, Y2: b.Y2 - dy}
	})
	if s.Mask != nil {
		mask, from := elements[int64](s.Mask)
		out.Mask = mask.NewEmpty(height, width)
		cut(tensor.MutableData[int64](out.Mask), from, rows, columns, left, w, p.MaskFill)
		runtime.KeepAlive(mask)
	}
	return out
}

// cut copies a window of a plane whose rows have w elements: rows and columns say where the window's lie in it.
func cut[T any](to, from []T, rows, columns []int, left, w int, fill T) {
	width := len(columns)
	lo := min(max(0, -left), width)   // first column that lies in the plane
	hi := max(lo, min(width, w-left)) // the one after the last
	for y, r := range rows {
		line := to[y*width:][:width]
		if r < 0 {
			for x := range line {
				line[x] = fill
			}
			continue
		}
		row := from[r*w:][:w]
		if lo < hi {
			copy(line[lo:hi], row[left+lo:])
		}
		edge := func(x int) {
			if i := columns[x]; i >= 0 {
				line[x] = row[i]
			} else {
				line[x] = fill
			}
		}
		for x := range lo {
			edge(x)
		}
		for x := hi; x < width; x++ {
			edge(x)
		}
	}
}

// CenterCrop cuts Height × Width pixels out of the middle; where the image is smaller, zeros go around it.
type CenterCrop struct {
	Height, Width int
}

// Apply implements [Transform].
func (t CenterCrop) Apply(_ *tensor.RNG, s Sample) Sample {
	_, h, w := s.size("CenterCrop")
	return s.window("CenterCrop", center(h, t.Height), center(w, t.Width), t.Height, t.Width, Padding{}, 0)
}

// center returns where the middle n of size begin, as torchvision rounds: halves to the even number in a crop, half of the padding,
// rounded down, before the image.
func center(size, n int) int {
	if n > size {
		return -((n - size) / 2)
	}
	d := size - n
	if d%4 == 3 {
		return d/2 + 1
	}
	return d / 2
}

// RandomCrop cuts Height × Width pixels out at a random place, after Pad pixels were added on each side.
type RandomCrop struct {
	Height, Width int
	Pad           int
	Padding
	// IfNeeded pads images that are still too small; else they are an error. A border as wide as the lack is put on both sides, as in
	// torchvision.
	IfNeeded bool
	// MinVisible drops objects of which less than this part of their area is left.
	MinVisible float64
}

// Apply implements [Transform].
func (t RandomCrop) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "RandomCrop"
	_, h, w := s.size(op)
	checkTarget(op, t.Height, t.Width)
	padH, padW := t.Pad, t.Pad
	if t.IfNeeded {
		padH += max(0, t.Height-h-2*t.Pad)
		padW += max(0, t.Width-w-2*t.Pad)
	}
	freeH, freeW := h+2*padH-t.Height, w+2*padW-t.Width
	if freeH < 0 || freeW < 0 {
		tensor.Fail("transforms."+op, "set IfNeeded, or resize before", "can't cut %d × %d pixels (height × width) out of %d × %d padded by %d", t.Height, t.Width, h, w, t.Pad)
	}
	top, left := rng.IntN(freeH+1)-padH, rng.IntN(freeW+1)-padW
	return s.window(op, top, left, t.Height, t.Width, t.Padding, t.MinVisible)
}
