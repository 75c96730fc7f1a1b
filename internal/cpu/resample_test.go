package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Assembly against the definition, at all lengths where vector loops end; what has no index is not read.
func TestGatherSumSizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		x := randoms(r, 50, 1)
		x[0] = float32(math.NaN()) // where a lane without an index would read
		for _, n := range append(rowSizes, 0) {
			for taps := range 6 {
				index, weight := make([]int32, n*taps), randoms(r, n*taps, 1)
				for i := range index {
					index[i] = int32(r.IntN(50))
					if index[i] == 0 {
						index[i] = -1 - int32(r.IntN(2))
					}
				}
				want := make([]float64, n)
				for i := range n {
					for k := range taps {
						if j := index[k*n+i]; j >= 0 {
							want[i] += float64(weight[k*n+i]) * float64(x[j])
						}
					}
				}
				got, check := guarded(t, n)
				gatherSum(got, x, index, weight, taps, n)
				near(t, fmt.Sprintf("%d of %d taps", n, taps), got, want, 1e-6, 2e-6)
				check()
			}
		}
	})
}

// A transposed matrix has what the matrix has, and transposed again is the same.
func TestTapsTransposed(t *testing.T) {
	dense := func(t *Taps) [][]float64 {
		m := make([][]float64, t.Out())
		for i := range m {
			m[i] = make([]float64, t.In)
			from, weights := t.of(i)
			copy(m[i][from:], weights)
		}
		return m
	}
	for _, taps := range []*Taps{
		NearestTaps(7, 3, 7.0/3, false), NearestTaps(3, 8, 3.0/8, true), AreaTaps(5, 3), LinearTaps(4, 9, 4.0/9, false),
		CubicTaps(6, 11, 6.0/11, true), SmoothTaps(10, 3, 10.0/3, false, true),
	} {
		m, back := dense(taps), dense(taps.Transposed())
		for i := range m {
			for j := range m[i] {
				if m[i][j] != back[j][i] {
					t.Fatalf("%d×%d: element %d, %d is %g, transposed %g", len(m), taps.In, i, j, m[i][j], back[j][i])
				}
			}
		}
		if again := taps.Transposed().Transposed(); !slices.Equal(again.Weight, taps.Weight) {
			t.Errorf("%d×%d: transposed twice it is another", len(m), taps.In)
		}
	}
}

var benchTimes = []struct {
	name string
	h, w int
	rows func(in, out int) *Taps
	out  int
}{
	{"smooth 480x640 to 256", 480, 640, func(in, out int) *Taps { return SmoothTaps(in, out, float64(in)/float64(out), false, false) }, 256},
	{"linear 480x640 to 256", 480, 640, func(in, out int) *Taps { return LinearTaps(in, out, float64(in)/float64(out), false) }, 256},
	{"linear 256 to 512", 256, 256, func(in, out int) *Taps { return LinearTaps(in, out, float64(in)/float64(out), false) }, 512},
	{"cubic 256 to 512", 256, 256, func(in, out int) *Taps { return CubicTaps(in, out, float64(in)/float64(out), false) }, 512},
	{"nearest 256 to 512", 256, 256, func(in, out int) *Taps { return NearestTaps(in, out, float64(in)/float64(out), false) }, 512},
}

func BenchmarkResample(b *testing.B) {
	for _, k := range benchTimes {
		b.Run(k.name, func(b *testing.B) {
			x, y := make([]float32, 3*k.h*k.w), make([]float32, 3*k.out*k.out)
			for b.Loop() {
				Resample(y, x, 3, k.rows(k.h, k.out), k.rows(k.w, k.out))
			}
		})
	}
}

func BenchmarkGridSample(b *testing.B) {
	for _, k := range [][3]int{{1, 3, 32}, {1, 3, 64}, {1, 3, 256}, {64, 1, 42}} {
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			s := Sampling{N: k[0], C: k[1], H: k[2], W: k[2], P: k[2] * k[2]}
			x, y, grid := make([]float32, s.N*s.C*s.P), make([]float32, s.N*s.C*s.P), make([]float32, 2*s.N*s.P)
			for i := range s.N * s.P {
				u, v := float32(i%s.P%k[2])/float32(k[2])*2-1, float32(i%s.P/k[2])/float32(k[2])*2-1
				grid[2*i], grid[2*i+1] = 0.9*u+0.3*v+0.1, -0.3*u+0.9*v+0.05
			}
			for b.Loop() {
				GridSample(s, y, x, grid)
			}
		})
	}
}

// Each instruction set samples what float64 does, at all lengths where blocks and vectors end, inside and outside of the images.
func TestGridSampleSizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, p := range []int{1, 15, 16, 17, 100, sampleBlock - 1, sampleBlock, sampleBlock + 1, 2*sampleBlock + 40} {
			for _, s := range []Sampling{{}, {Corners: true}, {Border: true}, {Reflect: true}, {SlopeX: 1}, {SlopeX: 1, SlopeY: 1, Corners: true}, {Border: true, SlopeY: 1}} {
				s.N, s.C, s.H, s.W, s.P = 2, 3, 5, 7, p
				x, dy, grid := randoms(r, s.N*s.C*s.H*s.W, 1), randoms(r, s.N*s.C*p, 1), randoms(r, 2*s.N*p, 0.8)
				y, check := guarded(t, len(dy))
				want := make([]float64, len(dy))
				GridSample(s, y, x, grid)
				GridSample(s, want, doubles(x), doubles(grid))
				what := fmt.Sprintf("%+v", s)
				near(t, what, y, want, 1e-5, 1e-4)
				check()
				dx, check := guarded(t, len(x))
				want = make([]float64, len(x))
				GridSampleGrad(s, dx, dy, grid)
				GridSampleGrad(s, want, doubles(dy), doubles(grid))
				near(t, what+" transposed", dx, want, 1e-4, 1e-3)
				check()
				dgrid, check := guarded(t, len(grid))
				want = make([]float64, len(grid))
				GridSampleGradGrid(s, dgrid, x, grid, dy)
				GridSampleGradGrid(s, want, doubles(x), doubles(grid), doubles(dy))
				near(t, what+" by the grid", dgrid, want, 1e-4, 1e-3)
				check()
			}
		}
	})
}
