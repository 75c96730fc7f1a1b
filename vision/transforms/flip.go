package transforms

import (
	"runtime"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// FlipHorizontal returns the sample mirrored, left for right.
func (s Sample) FlipHorizontal() Sample {
	_, h, w := s.size("FlipHorizontal")
	out := Sample{Image: mirrorRows[float32](s.Image, w)}
	out.Objects = moved(s.Objects, h, w, 0, func(b box.Box) box.Box {
		return box.Box{X1: float64(w) - b.X2, Y1: b.Y1, X2: float64(w) - b.X1, Y2: b.Y2}
	})
	if s.Mask != nil {
		out.Mask = mirrorRows[int64](s.Mask, w)
	}
	return out
}

// FlipVertical returns the sample mirrored, top for bottom.
func (s Sample) FlipVertical() Sample {
	c, h, w := s.size("FlipVertical")
	out := Sample{Image: mirrorColumns[float32](s.Image, c, h, w)}
	out.Objects = moved(s.Objects, h, w, 0, func(b box.Box) box.Box {
		return box.Box{X1: b.X1, Y1: float64(h) - b.Y2, X2: b.X2, Y2: float64(h) - b.Y1}
	})
	if s.Mask != nil {
		out.Mask = mirrorColumns[int64](s.Mask, 1, h, w)
	}
	return out
}

// like returns room for as much as x holds, an image or a mask.
func like(x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() == 2 {
		return x.NewEmpty(x.Size(0), x.Size(1))
	}
	return x.NewEmpty(x.Size(0), x.Size(1), x.Size(2))
}

func mirrorRows[T float32 | int64](x *tensor.Tensor, w int) *tensor.Tensor {
	x, from := elements[T](x)
	out := like(x)
	to := tensor.MutableData[T](out)
	for start := 0; start < len(from); start += w {
		row, line := from[start:start+w], to[start:start+w]
		for len(row) >= 4 && len(line) >= 4 { // no bounds to check within
			end := line[len(line)-4:]
			end[0], end[1], end[2], end[3] = row[3], row[2], row[1], row[0]
			row, line = row[4:], line[:len(line)-4]
		}
		for i, v := range row {
			line[len(line)-1-i] = v
		}
	}
	runtime.KeepAlive(x)
	return out
}

func mirrorColumns[T float32 | int64](x *tensor.Tensor, c, h, w int) *tensor.Tensor {
	x, from := elements[T](x)
	out := like(x)
	to := tensor.MutableData[T](out)
	for k := range c {
		for y := range h {
			copy(to[(k*h+y)*w:][:w], from[(k*h+h-1-y)*w:])
		}
	}
	runtime.KeepAlive(x)
	return out
}

// RandomHorizontalFlip mirrors left for right with probability P.
type RandomHorizontalFlip struct {
	P float64 // 0 means 0.5
}

// Apply implements [Transform].
func (t RandomHorizontalFlip) Apply(rng *tensor.RNG, s Sample) Sample {
	if chance(rng, "RandomHorizontalFlip", t.P) {
		return s.FlipHorizontal()
	}
	return s
}

// RandomVerticalFlip mirrors top for bottom with probability P.
type RandomVerticalFlip struct {
	P float64 // 0 means 0.5
}

// Apply implements [Transform].
func (t RandomVerticalFlip) Apply(rng *tensor.RNG, s Sample) Sample {
	if chance(rng, "RandomVerticalFlip", t.P) {
		return s.FlipVertical()
	}
	return s
}
