package tensor_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// gridCase is one use of grid_sample: images x, a grid of out places, and which derivative.
type gridCase struct {
	x     []int
	out   [2]int
	cfg   GridSampleConfig
	slope [2]int
}

var gridCases = []gridCase{
	{[]int{2, 2, 3, 4}, [2]int{2, 3}, GridSampleConfig{}, [2]int{}},
	{[]int{1, 1, 4, 3}, [2]int{3, 3}, GridSampleConfig{AlignCorners: true}, [2]int{}},
	{[]int{1, 2, 3, 3}, [2]int{2, 4}, GridSampleConfig{Padding: PaddingBorder}, [2]int{}},
	{[]int{1, 1, 3, 5}, [2]int{3, 2}, GridSampleConfig{Padding: PaddingBorder, AlignCorners: true}, [2]int{}},
	{[]int{1, 1, 3, 4}, [2]int{4, 3}, GridSampleConfig{Padding: PaddingReflection}, [2]int{}},
	{[]int{1, 1, 4, 3}, [2]int{4, 3}, GridSampleConfig{Padding: PaddingReflection, AlignCorners: true}, [2]int{}},
	{[]int{1, 2, 3, 4}, [2]int{2, 3}, GridSampleConfig{Mode: Nearest}, [2]int{}},
	{[]int{1, 1, 3, 4}, [2]int{4, 3}, GridSampleConfig{Mode: Nearest, Padding: PaddingReflection}, [2]int{}},
	{[]int{2, 1, 3, 4}, [2]int{2, 3}, GridSampleConfig{}, [2]int{1, 0}},
	{[]int{1, 2, 3, 4}, [2]int{2, 3}, GridSampleConfig{Padding: PaddingReflection}, [2]int{0, 1}},
	{[]int{1, 1, 3, 4}, [2]int{2, 3}, GridSampleConfig{Padding: PaddingBorder, AlignCorners: true}, [2]int{1, 1}},
	{[]int{1, 1, 3, 4}, [2]int{2, 3}, GridSampleConfig{}, [2]int{2, 0}},
	{[]int{1, 1, 1, 1}, [2]int{2, 2}, GridSampleConfig{Padding: PaddingReflection, AlignCorners: true}, [2]int{}},
	{[]int{0, 2, 3, 4}, [2]int{2, 3}, GridSampleConfig{}, [2]int{}},
}

// grid returns places a good way off the lines at which sampling has kinks: pixels' middles and the edges between them.
func (k gridCase) grid(r *rand.Rand) *Tensor {
	g := zerosOf([]int{k.x[0], k.out[0], k.out[1], 2})
	for i := range g.data {
		n := k.x[3-i%2]
		at := float64(r.IntN(n+4)-2) + []float64{0.15, 0.6}[r.IntN(2)] + 0.25*r.Float64()
		if k.cfg.AlignCorners {
			g.data[i] = 2*at/math.Max(float64(n-1), 1) - 1
		} else {
			g.data[i] = (2*at+1)/float64(n) - 1
		}
	}
	return FromSlice(g.data, len(g.data)).Reshape(g.shape...)
}

// share returns how much of pixel j, along an axis of n, is read at grid coordinate g: the value or a derivative by g.
func (k gridCase) share(g float64, j, n, slope int) float64 {
	size, low := float64(n), -0.5
	at, speed := ((g+1)*size-1)/2, size/2
	if k.cfg.AlignCorners {
		at, speed, low = (g+1)/2*(size-1), (size-1)/2, 0
	}
	high := size - 1 - low
	if k.cfg.Padding == PaddingReflection {
		for high > low && (at < low || at > high) {
			if at < low {
				at, speed = 2*low-at, -speed
			} else {
				at, speed = 2*high-at, -speed
			}
		}
	}
	if inside := math.Min(math.Max(at, 0), size-1); k.cfg.Padding != PaddingZeros && inside != at {
		at, speed = inside, 0
	}
	d := float64(j) - at
	switch {
	case k.cfg.Mode == Nearest && slope == 0 && math.Abs(d) < 0.5:
		return 1
	case k.cfg.Mode == Nearest || slope > 1 || math.Abs(d) >= 1:
		return 0
	case slope == 1:
		return math.Copysign(speed, speed*d)
	}
	return 1 - math.Abs(d)
}

// pairs calls f for every pair of an output and an input pixel with what the one takes of the other.
func (k gridCase) pairs(grid nd, f func(out, in int, share float64)) {
	n, c, h, w := k.x[0], k.x[1], k.x[2], k.x[3]
	each([]int{n, c, k.out[0], k.out[1], h, w}, func(a []int) {
		g := (a[0]*k.out[0]+a[2])*k.out[1] + a[3]
		f(((a[0]*c+a[1])*k.out[0]+a[2])*k.out[1]+a[3], ((a[0]*c+a[1])*h+a[4])*w+a[5],
			k.share(grid.data[2*g], a[5], w, k.slope[0])*k.share(grid.data[2*g+1], a[4], h, k.slope[1]))
	})
}

func (k gridCase) outShape() []int { return []int{k.x[0], k.x[1], k.out[0], k.out[1]} }

func init() {
	const noScalar = "images and grids have four axes"
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	addRow("grid_sample", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range gridCases {
				out = append(out, sample{
					in: []*Tensor{uniform(r, -1, 1, k.x...), k.grid(r)},
					call: func(in []*Tensor) []*Tensor {
						if k.slope == [2]int{} {
							return []*Tensor{GridSample(in[0], in[1], k.cfg)}
						}
						return Apply("grid_sample", SamplingAttrs(k.cfg, k.slope, 0, 0), in...)
					},
					want: func(in []nd) []nd {
						y := zerosOf(k.outShape())
						k.pairs(in[1], func(o, i int, share float64) { y.data[o] += share * in[0].data[i] })
						return []nd{y}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected images of shape (N, C, H, W), got (4, 4)", func() { GridSample(x(4, 4), x(1, 2, 2, 2), GridSampleConfig{}) }},
			{"expected a grid of shape (2, H', W', 2), got (1, 3, 3, 2)", func() { GridSample(x(2, 1, 4, 4), x(1, 3, 3, 2), GridSampleConfig{}) }},
			{"expected a float tensor, got int32 (1, 1, 4, 4)", func() { GridSample(Zeros(Int32, 1, 1, 4, 4), x(1, 3, 3, 2), GridSampleConfig{}) }},
			{"got images float64 and a grid float32", func() { GridSample(Zeros(Float64, 1, 1, 4, 4), x(1, 3, 3, 2), GridSampleConfig{}) }},
			{"expected images of at least one pixel and fewer than 2³¹, got (1, 1, 0, 4)", func() { GridSample(x(1, 1, 0, 4), x(1, 3, 3, 2), GridSampleConfig{}) }},
			{"sampling is bilinear or nearest, not bicubic", func() { GridSample(x(1, 1, 4, 4), x(1, 3, 3, 2), GridSampleConfig{Mode: Bicubic}) }},
			{"there is no padding 7", func() { GridSample(x(1, 1, 4, 4), x(1, 3, 3, 2), GridSampleConfig{Padding: 7}) }},
		},
	})
	attrs := SamplingAttrs(GridSampleConfig{}, [2]int{}, 4, 4)
	addRow("grid_sample_grad", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range gridCases {
				out = append(out, sample{
					in: []*Tensor{uniform(r, -1, 1, k.outShape()...), k.grid(r)},
					call: func(in []*Tensor) []*Tensor {
						return Apply("grid_sample_grad", SamplingAttrs(k.cfg, k.slope, k.x[2], k.x[3]), in...)
					},
					want: func(in []nd) []nd {
						dx := zerosOf(k.x)
						k.pairs(in[1], func(o, i int, share float64) { dx.data[i] += share * in[0].data[o] })
						return []nd{dx}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a gradient of 3×3 for the grid (1, 3, 3, 2), got (1, 1, 3, 4)", func() { Apply("grid_sample_grad", attrs, x(1, 1, 3, 4), x(1, 3, 3, 2)) }},
			{"expected a grid of shape (1, H', W', 2), got (1, 3, 3, 3)", func() { Apply("grid_sample_grad", attrs, x(1, 1, 3, 3), x(1, 3, 3, 3)) }},
			{"expected a float tensor, got bool", func() { Apply("grid_sample_grad", attrs, Zeros(Bool, 1, 1, 3, 3), x(1, 3, 3, 2)) }},
		},
	})
	slope := func(cfg GridSampleConfig, in ...*Tensor) func() {
		return func() { Apply("grid_sample_grad_grid", SamplingAttrs(cfg, [2]int{}, 0, 0), in...) }
	}
	addRow("grid_sample_grad_grid", row{
		noScalar: noScalar,
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range gridCases {
				if k.cfg.Mode == Nearest {
					continue
				}
				out = append(out, sample{
					in: []*Tensor{uniform(r, -1, 1, k.x...), k.grid(r), uniform(r, -1, 1, k.outShape()...)},
					call: func(in []*Tensor) []*Tensor {
						return Apply("grid_sample_grad_grid", SamplingAttrs(k.cfg, k.slope, 0, 0), in...)
					},
					want: func(in []nd) []nd {
						g := zerosOf(in[1].shape)
						places := k.out[0] * k.out[1]
						for axis := range 2 {
							k := k
							k.slope[axis]++
							k.pairs(in[1], func(o, i int, share float64) {
								g.data[2*(o/(k.x[1]*places)*places+o%places)+axis] += share * in[0].data[i] * in[2].data[o]
							})
						}
						return []nd{g}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a gradient of shape (1, 1, 3, 3) float32, got (1, 1, 3, 4) float32", slope(GridSampleConfig{}, x(1, 1, 4, 4), x(1, 3, 3, 2), x(1, 1, 3, 4))},
			{"the grid has a gradient with bilinear sampling only, not nearest", slope(GridSampleConfig{Mode: Nearest}, x(1, 1, 4, 4), x(1, 3, 3, 2), x(1, 1, 3, 3))},
			{"expected a grid of shape (1, H', W', 2), got (2, 3, 3, 2)", slope(GridSampleConfig{}, x(1, 1, 4, 4), x(2, 3, 3, 2), x(1, 1, 3, 3))},
		},
	})
	maps := func(r *rand.Rand, n, h, w int, corners bool) sample {
		return sample{
			in:   []*Tensor{uniform(r, -1, 1, n, 2, 3)},
			call: func(in []*Tensor) []*Tensor { return []*Tensor{AffineGrid(in[0], n, 1, h, w, corners)} },
			want: func(in []nd) []nd {
				place := func(i, n int) float64 {
					if corners && n == 1 {
						return 0
					} else if corners {
						return -1 + 2*float64(i)/float64(n-1)
					}
					return -1 + (2*float64(i)+1)/float64(n)
				}
				return []nd{build([]int{n, h, w, 2}, func(at []int) float64 {
					m := in[0].data[6*at[0]+3*at[3]:]
					return m[0]*place(at[2], w) + m[1]*place(at[1], h) + m[2]
				})}
			},
		}
	}
	addRow("affine_grid", row{
		noScalar: "a map has three axes",
		samples: func(r *rand.Rand) []sample {
			return []sample{maps(r, 2, 3, 4, false), maps(r, 1, 2, 5, true), maps(r, 1, 1, 3, true), maps(r, 3, 1, 1, false), maps(r, 0, 2, 2, false)}
		},
		rejected: []rejected{
			{"expected 2 maps, got theta of shape (1, 2, 3)", func() { AffineGrid(x(1, 2, 3), 2, 1, 4, 4, false) }},
			{"expected float maps of shape (N, 2, 3), got float32 (1, 3, 3)", func() { AffineGrid(x(1, 3, 3), 1, 1, 4, 4, false) }},
			{"expected float maps of shape (N, 2, 3), got int64 (1, 2, 3)", func() { AffineGrid(Zeros(Int64, 1, 2, 3), 1, 1, 4, 4, false) }},
			{"expected a grid of at least 1×1, got 0×4", func() { AffineGrid(x(1, 2, 3), 1, 1, 0, 4, false) }},
		},
	})
}

func TestGridSampleFarOut(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x := FromSlice([]float64{1, 2, 3, 4}, 1, 1, 2, 2)
	grid := FromSlice([]float64{nan, -1, inf, 0, -1e300, 1e300, 0, -inf}, 1, 1, 4, 2)
	for i, want := range [][]float64{{0.25, 0, 0, 0}, {1, 3, 3, 1.5}} {
		got := ToSlice[float64](GridSample(x, grid, GridSampleConfig{Padding: SamplePadding(i)}))
		if !slices.Equal(got, want) {
			t.Errorf("padding %d: %v, want %v", i, got, want)
		}
	}
	for _, v := range ToSlice[float64](GridSample(x, grid, GridSampleConfig{Padding: PaddingReflection})) {
		if !(v >= 1 && v <= 4) {
			t.Errorf("mirrored: %g is no value of the image", v)
		}
	}
}
