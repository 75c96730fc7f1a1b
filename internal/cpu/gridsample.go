package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// Sampling describes reading N images of C planes, H×W, at the places of a
// grid: N times P pairs (x, y), −1 to 1 from the left and upper edge to the
// right and lower.
type Sampling struct {
	N, C, H, W, P int

	Nearest bool // the nearest element, else a mix of four
	Border  bool // beyond the edge lies the edge's value, else zero
	Reflect bool // beyond the edge lies the mirror image
	Corners bool // −1 and 1 are the middles of the outermost elements, else their outer edges
	SlopeX  int  // sample the derivative by the grid's x so many times
	SlopeY  int  // and by its y
}

// sampleBlock is how many places are prepared at once: tables for them stay in
// the first-level cache.
const sampleBlock = 512

func (s *Sampling) taps() int {
	if s.Nearest {
		return 1
	}
	return 4
}

// flat reports that the derivative is zero everywhere.
func (s *Sampling) flat() bool {
	return s.SlopeX > 1 || s.SlopeY > 1 || s.Nearest && s.SlopeX+s.SlopeY > 0
}

// GridSample sets y [N, C, P] to x [N, C, H, W] sampled at grid [N, P, 2]. A
// coordinate that isn't a number counts as −1.
func GridSample[T Float](s Sampling, y, x, grid []T) {
	if s.flat() {
		clear(y)
		return
	}
	blocks, plane := (s.P+sampleBlock-1)/sampleBlock, s.H*s.W
	par.For(s.N*blocks, max(1, (1<<13)/(s.P*(s.C+2)+1)), func(lo, hi int) {
		t := newSampleTable[T](&s)
		defer t.free()
		for b := lo; b < hi; b++ {
			n, first := b/blocks, b%blocks*sampleBlock
			t.fill(grid[2*(n*s.P+first) : 2*(n*s.P+min(s.P, first+sampleBlock))])
			for c := n * s.C; c < (n+1)*s.C; c++ {
				gatherSum(y[c*s.P+first:][:t.n], x[c*plane:(c+1)*plane], t.index, t.weight, s.taps(), sampleBlock)
			}
		}
	})
}

// GridSampleGrad sets dx [N, C, H, W] to the transpose of GridSample applied to
// dy [N, C, P]: each element is added where it was read, in their order.
func GridSampleGrad[T Float](s Sampling, dx, dy, grid []T) {
	clear(dx)
	if s.flat() {
		return
	}
	// One image at a time, or one plane if there are few images: then each prepares the tables again.
	share := s.C
	if s.N < 4 {
		share = 1
	}
	plane, shares := s.H*s.W, s.C/max(share, 1)
	par.For(s.N*shares, max(1, (1<<13)/(s.P*(share+2)+1)), func(lo, hi int) {
		t := newSampleTable[T](&s)
		defer t.free()
		for i := lo; i < hi; i++ {
			n := i / shares
			for first := 0; first < s.P; first += sampleBlock {
				t.fill(grid[2*(n*s.P+first) : 2*(n*s.P+min(s.P, first+sampleBlock))])
				for c := i * share; c < (i+1)*share; c++ {
					scatterSum(dx[c*plane:(c+1)*plane], dy[c*s.P+first:][:t.n], t.index, t.weight, s.taps(), sampleBlock)
				}
			}
		}
	})
}

// GridSampleGradGrid sets dgrid [N, P, 2] to the gradient of ⟨dy, GridSample⟩
// by the grid; dy is [N, C, P].
func GridSampleGradGrid[T Float](s Sampling, dgrid, x, grid, dy []T) {
	blocks, plane := (s.P+sampleBlock-1)/sampleBlock, s.H*s.W
	slopes := [2]Sampling{s, s}
	slopes[0].SlopeX++
	slopes[1].SlopeY++
	par.For(s.N*blocks, max(1, (1<<12)/(s.P*(s.C+2)+1)), func(lo, hi int) {
		t := newSampleTable[T](&s)
		defer t.free()
		sums, block := mem.Scratch[T](2 * sampleBlock)
		defer block.Free()
		for b := lo; b < hi; b++ {
			n, first := b/blocks, b%blocks*sampleBlock
			at := 2 * (n*s.P + first)
			out := dgrid[at:min(at+2*sampleBlock, 2*(n+1)*s.P)]
			for axis := range slopes {
				t.s = &slopes[axis]
				sum, value := sums[:len(out)/2], sums[sampleBlock:][:len(out)/2]
				clear(sum)
				if !t.s.flat() {
					t.fill(grid[at : at+len(out)])
					for c := n * s.C; c < (n+1)*s.C; c++ {
						gatherSum(value, x[c*plane:(c+1)*plane], t.index, t.weight, 4, sampleBlock)
						MulAdd(sum, value, dy[c*s.P+first:], sum)
					}
				}
				for i, v := range sum {
					out[2*i+axis] = v
				}
			}
		}
	})
}

// AffineGrid sets grid [N, h, w, 2] to theta·(x, y, 1) for each map in theta [N,
// 2, 3] and each x of w across and y of h down.
func AffineGrid[T Float](grid, theta []T, down, across []float64) {
	h, w := len(down), len(across)
	xs := make([]T, w)
	for i, x := range across {
		xs[i] = T(x)
	}
	par.For(len(theta)/6*h, max(1, (1<<14)/w), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			m, y := theta[r/h*6:][:6], T(down[r%h])
			a, b := m[1]*y+m[2], m[4]*y+m[5]
			line := grid[r*w*2:][:2*w]
			for i, x := range xs {
				line[2*i], line[2*i+1] = m[0]*x+a, m[3]*x+b
			}
		}
	})
}

// sampleTable holds for up to sampleBlock places which elements they read and
// with what weights, as gatherSum wants them.
type sampleTable[T Float] struct {
	s      *Sampling
	n      int
	index  []int32
	weight []T
	blocks [2]mem.Block
}

func newSampleTable[T Float](s *Sampling) *sampleTable[T] {
	t := &sampleTable[T]{s: s}
	t.index, t.blocks[0] = mem.Scratch[int32](4 * sampleBlock)
	t.weight, t.blocks[1] = mem.Scratch[T](4 * sampleBlock)
	return t
}

func (t *sampleTable[T]) free() {
	t.blocks[0].Free()
	t.blocks[1].Free()
}

// fill prepares the places in grid, at most sampleBlock pairs.
func (t *sampleTable[T]) fill(grid []T) {
	s := t.s
	t.n = len(grid) / 2
	if single[T]() && bilinearTableAsm(s, t.index, singles(t.weight), singles(grid)) {
		return
	}
	for i := range t.n {
		x, slopeX := s.place(float64(grid[2*i]), s.W)
		y, slopeY := s.place(float64(grid[2*i+1]), s.H)
		if s.Nearest {
			t.index[i], t.weight[i] = s.element(int(math.RoundToEven(y)), int(math.RoundToEven(x))), 1
			continue
		}
		left, top := math.Floor(x), math.Floor(y)
		wx, wy := mix(x-left, slopeX, s.SlopeX), mix(y-top, slopeY, s.SlopeY)
		for k := range 4 {
			t.index[k*sampleBlock+i] = s.element(int(top)+k/2, int(left)+k%2)
			t.weight[k*sampleBlock+i] = T(wy[k/2] * wx[k%2])
		}
	}
}

// mix returns the weights of the elements in front and behind for a place at
// f between them, or their derivative by the grid's coordinate.
func mix(f, slope float64, order int) [2]float64 {
	if order > 0 {
		return [2]float64{-slope, slope}
	}
	return [2]float64{1 - f, f}
}

// element returns the position of an element in its plane, −1 if it is outside.
func (s *Sampling) element(row, col int) int32 {
	if row < 0 || row >= s.H || col < 0 || col >= s.W {
		return -1
	}
	return int32(row*s.W + col)
}

// place returns where coordinate g lies on an axis of size elements, and how
// fast that moves with g.
func (s *Sampling) place(g float64, size int) (at, slope float64) {
	if g != g {
		g = -1
	}
	n := float64(size)
	if s.Corners {
		at, slope = (g+1)/2*(n-1), (n-1)/2
	} else {
		at, slope = ((g+1)*n-1)/2, n/2
	}
	if s.Reflect {
		var sign float64
		at, sign = s.mirrored(at, n)
		slope *= sign
	}
	if s.Border || s.Reflect {
		if at <= 0 || at >= n-1 {
			slope = 0
		}
		at = min(max(at, 0), n-1)
	}
	return min(max(at, -2), n+1), slope // so that it fits an int
}

// mirrored folds at into the image, whose ends are the outermost elements'
// middles if corners are aligned, else their outer edges.
func (s *Sampling) mirrored(at, n float64) (folded, sign float64) {
	low, span := -0.5, n
	if s.Corners {
		low, span = 0, n-1
	}
	if span == 0 || math.IsInf(at, 0) {
		return 0, 0
	}
	sign, at = 1, at-low
	if at < 0 {
		sign, at = -1, -at
	}
	flips := math.Floor(at / span)
	rest := math.Mod(at, span)
	if math.Mod(flips, 2) == 0 {
		return rest + low, sign
	}
	return span - rest + low, -sign
}
