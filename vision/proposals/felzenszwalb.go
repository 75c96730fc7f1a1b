package proposals

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// FelzenszwalbConfig says how [Felzenszwalb] cuts a picture up. Zero values stand for Scale 100, Sigma 0.8, MinSize 20.
type FelzenszwalbConfig struct {
	Scale   float64 // the larger, the larger the segments; k of the paper for colours from 0 to 255
	Sigma   float64 // of the Gaussian that smooths the picture first, in pixels; below 0 for none
	MinSize int     // in pixels: smaller segments are joined to a neighbour
}

// Segments is a picture cut up: Label[y*Width+x] is the segment of a pixel, from 0 to Count−1, numbered in the order of their first pixels.
type Segments struct {
	Height, Width, Count int
	Label                []int32
}

// Felzenszwalb cuts a picture, float32 (channels, height, width) from 0 to 1, into segments of similar colour: two are joined where the
// least difference between them is not above the largest within each, plus Scale over the number of its pixels (Felzenszwalb and Huttenlocher,
// "Efficient graph-based image segmentation", 2004). Pixels have eight neighbours, as in scikit-image.
func Felzenszwalb(x *tensor.Tensor, cfg FelzenszwalbConfig) Segments {
	return planesOf("felzenszwalb", x).segments(cfg)
}

// planes is a picture as separate channels.
type planes struct {
	h, w int
	c    [][]float64
}

func planesOf(op string, x *tensor.Tensor) planes {
	if x.NDim() != 3 || x.DType() != tensor.Float32 || x.NumEl() == 0 {
		tensor.Fail(op, "", "needs float32 (channels, height, width), got %s %s", x.DType(), tensor.ShapeString(x.Shape()))
	}
	p := planes{h: x.Size(1), w: x.Size(2)}
	values := tensor.Data[float32](x.Detach().Contiguous())
	for c := range x.Size(0) {
		plane := make([]float64, p.h*p.w)
		for i := range plane {
			plane[i] = float64(values[c*len(plane)+i])
		}
		p.c = append(p.c, plane)
	}
	return p
}

func (p planes) segments(cfg FelzenszwalbConfig) Segments {
	if cfg.Scale == 0 {
		cfg.Scale = 100
	}
	if cfg.Sigma == 0 {
		cfg.Sigma = 0.8
	}
	if cfg.MinSize == 0 {
		cfg.MinSize = 20
	}
	if cfg.Sigma > 0 {
		smooth := planes{h: p.h, w: p.w}
		for _, c := range p.c {
			smooth.c = append(smooth.c, gaussian(c, p.h, p.w, cfg.Sigma))
		}
		p = smooth
	}
	edges := p.edges()
	f := newForest(p.h * p.w)
	scale := cfg.Scale / 255
	for _, e := range edges {
		a, b := f.find(e.a), f.find(e.b)
		if a == b {
			continue
		}
		if cost := float64(e.cost); cost < min(f.inner[a]+scale/float64(f.size[a]), f.inner[b]+scale/float64(f.size[b])) {
			f.inner[f.join(a, b)] = cost
		}
	}
	for _, e := range edges {
		a, b := f.find(e.a), f.find(e.b)
		if a != b && min(f.size[a], f.size[b]) < int32(cfg.MinSize) {
			f.join(a, b)
		}
	}
	return f.segments(p.h, p.w)
}

// edge joins neighbouring pixels a and b; cost is the distance of their colours.
type edge struct {
	cost float32
	a, b int32
}

// edges returns all of them, those of equal cost in the order right, down, down right, up right, row by row.
func (p planes) edges() []edge {
	edges := make([]edge, 0, 4*p.h*p.w)
	add := func(y, x, dy, dx int) {
		for ; y < min(p.h, p.h-dy); y++ {
			for i := x; i < p.w-dx; i++ {
				a, b := y*p.w+i, (y+dy)*p.w+i+dx
				sum := 0.0
				for _, c := range p.c {
					d := c[a] - c[b]
					sum += d * d
				}
				edges = append(edges, edge{float32(math.Sqrt(sum)), int32(a), int32(b)})
			}
		}
	}
	add(0, 0, 0, 1)
	add(0, 0, 1, 0)
	add(0, 0, 1, 1)
	add(1, 0, -1, 1)
	// Costs aren't negative, so their bits are in the same order; the index in the lower half keeps the order of equal ones.
	keys := make([]uint64, len(edges))
	for i, e := range edges {
		keys[i] = uint64(math.Float32bits(e.cost))<<32 | uint64(i)
	}
	slices.Sort(keys)
	sorted := make([]edge, len(edges))
	for i, k := range keys {
		sorted[i] = edges[uint32(k)]
	}
	return sorted
}

// forest keeps which pixels are joined: parent of each, and for roots the number of pixels and the largest difference inside.
type forest struct {
	parent, size []int32
	inner        []float64
}

func newForest(n int) *forest {
	f := &forest{make([]int32, n), make([]int32, n), make([]float64, n)}
	for i := range n {
		f.parent[i], f.size[i] = int32(i), 1
	}
	return f
}

func (f *forest) find(i int32) int32 {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

// join joins two roots and returns the new one.
func (f *forest) join(a, b int32) int32 {
	if f.size[a] < f.size[b] {
		a, b = b, a
	}
	f.parent[b] = a
	f.size[a] += f.size[b]
	return a
}

func (f *forest) segments(h, w int) Segments {
	s := Segments{Height: h, Width: w, Label: make([]int32, h*w)}
	number := make([]int32, h*w) // of roots, from 1
	for i := range s.Label {
		root := f.find(int32(i))
		if number[root] == 0 {
			s.Count++
			number[root] = int32(s.Count)
		}
		s.Label[i] = number[root] - 1
	}
	return s
}

// gaussian returns a plane smoothed, cut off at four sigma and mirrored at the borders, the outermost pixel twice.
func gaussian(plane []float64, h, w int, sigma float64) []float64 {
	radius := int(4*sigma + 0.5)
	kernel, sum := make([]float64, 2*radius+1), 0.0
	for i := range kernel {
		d := float64(i-radius) / sigma
		kernel[i] = math.Exp(-d * d / 2)
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	across := make([]float64, h*w)
	for y := range h {
		row := plane[y*w : (y+1)*w]
		for x := range w {
			sum := 0.0
			for k, v := range kernel {
				sum += v * row[mirror(x+k-radius, w)]
			}
			across[y*w+x] = sum
		}
	}
	out := make([]float64, h*w)
	for y := range h {
		to := out[y*w : (y+1)*w]
		for k, v := range kernel {
			for x, p := range across[mirror(y+k-radius, h)*w:][:w] {
				to[x] += v * p
			}
		}
	}
	return out
}

// mirror brings i into 0 … n−1.
func mirror(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -1 - i
		} else {
			i = 2*n - 1 - i
		}
	}
	return i
}
