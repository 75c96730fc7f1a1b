package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// naiveConv calls visit for every product of the definition: output index,
// input index, weight index.
func naiveConv(s ConvShape, visit func(o, i, w int)) {
	oh, ow, cg, kg := s.OutH(), s.OutW(), s.C/s.Groups, s.K/s.Groups
	for n := range s.N {
		for co := range s.K {
			for oy := range oh {
				for ox := range ow {
					o := ((n*s.K+co)*oh+oy)*ow + ox
					for c := range cg {
						for ky := range s.KH {
							for kx := range s.KW {
								iy := oy*s.StrideH + ky*s.DilH - s.PadTop
								ix := ox*s.StrideW + kx*s.DilW - s.PadLeft
								if iy >= 0 && iy < s.H && ix >= 0 && ix < s.W {
									ci := co/kg*cg + c
									visit(o, ((n*s.C+ci)*s.H+iy)*s.W+ix, ((co*cg+c)*s.KH+ky)*s.KW+kx)
								}
							}
						}
					}
				}
			}
		}
	}
}

// guarded returns a slice of n elements between guard regions, its first
// element off any alignment, and a function that checks the guards.
func convGuarded[T Float](t *testing.T, n int) ([]T, func()) {
	t.Helper()
	const g = 67
	all := make([]T, n+2*g)
	for i := range all {
		all[i] = 12345
	}
	return all[g : g+n : g+n], func() {
		t.Helper()
		for i, v := range all {
			if (i < g || i >= g+n) && v != 12345 {
				t.Fatalf("element %d outside the slice of %d was overwritten with %v", i-g, n, v)
			}
		}
	}
}

func convRandom[T Float](r *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(r.NormFloat64())
	}
	return v
}

// convClose compares with a tolerance relative to the largest of scale,
// the sums of the absolute products behind the elements.
func convClose[T Float](t *testing.T, what string, got []T, want, scale []float64) {
	t.Helper()
	eps := 1e-14
	if _, single := any(got).([]float32); single {
		eps = 1e-6
	}
	if len(want) == 0 {
		return
	}
	limit := eps * (slices.Max(scale) + 1)
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= limit) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func randomConvShape(r *rand.Rand) ConvShape {
	n := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	s := ConvShape{N: n(1, 3), H: n(1, 20), W: n(1, 40), KH: n(1, 5), KW: n(1, 5),
		StrideH: n(1, 3), StrideW: n(1, 3), DilH: n(1, 3), DilW: n(1, 3), Groups: 1,
		PadTop: n(0, 4), PadBottom: n(0, 4), PadLeft: n(0, 4), PadRight: n(0, 4)}
	s.C, s.K = n(1, 9), n(1, 21)
	switch r.IntN(4) {
	case 0: // square, as most are
		s.KW, s.StrideW, s.DilH, s.DilW, s.PadBottom, s.PadLeft, s.PadRight = s.KH, s.StrideH, 1, 1, s.PadTop, s.PadTop, s.PadTop
	case 1:
		s.Groups = n(1, 4)
		s.C, s.K = s.Groups*n(1, 3), s.Groups*n(1, 9)
	case 2: // depthwise
		s.Groups = n(1, 5)
		s.C, s.K = s.Groups, s.Groups*n(1, 2)
	}
	return s
}

var convShapes = []ConvShape{
	{N: 2, C: 1, H: 28, W: 28, K: 6, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 2, PadBottom: 2, PadLeft: 2, PadRight: 2, DilH: 1, DilW: 1, Groups: 1},
	{N: 3, C: 6, H: 14, W: 14, K: 16, KH: 5, KW: 5, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
	{N: 2, C: 40, H: 11, W: 13, K: 12, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, DilH: 1, DilW: 1, Groups: 1},
	{N: 1, C: 3, H: 70, W: 64, K: 8, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadBottom: 3, PadLeft: 3, PadRight: 3, DilH: 1, DilW: 1, Groups: 1},
	{N: 2, C: 12, H: 9, W: 9, K: 24, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
	{N: 2, C: 12, H: 9, W: 9, K: 24, KH: 1, KW: 1, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Groups: 1},
	{N: 11, C: 16, H: 8, W: 8, K: 32, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, DilH: 1, DilW: 1, Groups: 1}, // Winograd from here
	{N: 1, C: 32, H: 33, W: 31, K: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 0, PadBottom: 2, PadLeft: 1, PadRight: 2, DilH: 1, DilW: 1, Groups: 1},
	{N: 1, C: 16, H: 39, W: 74, K: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 0, PadLeft: 2, PadRight: 0, DilH: 1, DilW: 1, Groups: 1},   // in bands
	{N: 2, C: 2, H: 3, W: 3, K: 2, KH: 5, KW: 4, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},                                                         // the filter doesn't fit
	{N: 1, C: 20, H: 15, W: 13, K: 48, KH: 5, KW: 5, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},                                                     // channels in lanes
	{N: 3, C: 8, H: 21, W: 23, K: 32, KH: 7, KW: 7, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Groups: 2},                                                      // and by groups
	{N: 2, C: 37, H: 7, W: 7, K: 37, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, DilH: 1, DilW: 1, Groups: 37},    // depthwise, in blocks of channels
	{N: 1, C: 50, H: 14, W: 13, K: 50, KH: 3, KW: 5, StrideH: 2, StrideW: 2, PadTop: 1, PadBottom: 0, PadLeft: 2, PadRight: 3, DilH: 1, DilW: 1, Groups: 50},  // with phases
	{N: 3, C: 18, H: 9, W: 12, K: 18, KH: 2, KW: 3, StrideH: 1, StrideW: 1, PadTop: 3, PadBottom: 1, PadLeft: 0, PadRight: 2, DilH: 3, DilW: 2, Groups: 18},   // with holes
	{N: 2, C: 0, H: 5, W: 5, K: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},                                                         // no channels
	{N: 0, C: 2, H: 5, W: 5, K: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},                                                         // no images
	{N: 1, C: 2, H: 3, W: 2, K: 3, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadTop: 6, PadBottom: 6, PadLeft: 6, PadRight: 6, DilH: 1, DilW: 1, Groups: 1},       // filter larger than the input
	{N: 1, C: 1, H: 2, W: 2, K: 1, KH: 1, KW: 1, StrideH: 3, StrideW: 3, PadTop: 4, PadBottom: 4, PadLeft: 4, PadRight: 4, DilH: 1, DilW: 1, Groups: 1},       // only borders and a corner
	{N: 1, C: 1, H: 1, W: 1, K: 1, KH: 2, KW: 2, StrideH: 5, StrideW: 5, PadTop: 3, PadBottom: 3, PadLeft: 3, PadRight: 3, DilH: 2, DilW: 2, Groups: 1},       // the input is never read
	{N: 1, C: 4, H: 40, W: 300, K: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, DilH: 1, DilW: 1, Groups: 4},    // bands
	{N: 1, C: 12, H: 2, W: 600, K: 9, KH: 1, KW: 31, StrideH: 1, StrideW: 1, PadTop: 0, PadBottom: 0, PadLeft: 15, PadRight: 15, DilH: 1, DilW: 1, Groups: 1}, // one dimension, deep
}

func testConvShape[T Float](t *testing.T, s ConvShape, r *rand.Rand) {
	t.Helper()
	area := s.OutH() * s.OutW()
	x := convRandom[T](r, s.N*s.C*s.H*s.W)
	w := convRandom[T](r, s.K*s.C/s.Groups*s.KH*s.KW)
	dy := convRandom[T](r, s.N*s.K*area)
	bias := convRandom[T](r, s.K)
	wantY, scaleY := make([]float64, len(dy)), make([]float64, len(dy))
	wantX, scaleX := make([]float64, len(x)), make([]float64, len(x))
	wantW, scaleW := make([]float64, len(w)), make([]float64, len(w))
	wantB, scaleB := make([]float64, s.K), make([]float64, s.K)
	add := func(sum, scale []float64, i int, v float64) { sum[i] += v; scale[i] += math.Abs(v) }
	naiveConv(s, func(o, i, k int) {
		add(wantY, scaleY, o, float64(x[i])*float64(w[k]))
		add(wantX, scaleX, i, float64(dy[o])*float64(w[k]))
		add(wantW, scaleW, k, float64(dy[o])*float64(x[i]))
	})
	for o := range dy {
		add(wantB, scaleB, o/area%s.K, float64(dy[o]))
	}

	y, check := convGuarded[T](t, len(dy))
	ConvForward(s, y, x, w, nil, NoAct)
	check()
	convClose(t, fmt.Sprintf("%+v: forward", s), y, wantY, scaleY)
	ConvForward(s, y, x, w, bias, ActReLU)
	check()
	for i := range wantY {
		wantY[i] += float64(bias[i/area%s.K])
	}
	positive := func(y []float64) []float64 {
		y = slices.Clone(y)
		for i, v := range y {
			y[i] = max(0, v)
		}
		return y
	}
	convClose(t, fmt.Sprintf("%+v: forward with bias and ReLU", s), y, positive(wantY), scaleY)
	e := ConvEnd[T]{Bias: bias, Add: dy}
	var kept []T
	e.Keep = func(_, n int, fill func(u []T)) []T {
		if kept == nil {
			kept = make([]T, n)
			fill(kept)
		}
		return kept
	}
	for i, v := range dy {
		wantY[i] += float64(v)
	}
	ConvForwardEnd(s, y, x, w, e)
	check()
	convClose(t, fmt.Sprintf("%+v: forward with an addend", s), y, wantY, scaleY)
	e.Act = ActReLU
	ConvForwardEnd(s, y, x, w, e)
	check()
	convClose(t, fmt.Sprintf("%+v: forward with an addend and ReLU", s), y, positive(wantY), scaleY)

	dx, check := convGuarded[T](t, len(x))
	ConvGradInput(s, dx, dy, w)
	check()
	convClose(t, fmt.Sprintf("%+v: input's gradient", s), dx, wantX, scaleX)
	dw, check := convGuarded[T](t, len(w))
	ConvGradWeight(s, dw, x, dy)
	check()
	convClose(t, fmt.Sprintf("%+v: weight's gradient", s), dw, wantW, scaleW)
	db, check := convGuarded[T](t, s.K)
	ConvGradBias(s, db, dy)
	check()
	convClose(t, fmt.Sprintf("%+v: bias's gradient", s), db, wantB, scaleB)
}

func TestConvAgainstDefinition(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range convShapes {
			testConvShape[float32](t, s, r)
		}
		for range 40 {
			testConvShape[float32](t, randomConvShape(r), r)
		}
		if active != AVX512 {
			return
		}
		for range 25 { // Winograd
			n := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
			testConvShape[float32](t, ConvShape{N: n(1, 5), C: 16 * n(1, 2), H: n(2, 19), W: n(2, 19), K: 16 * n(1, 2),
				KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1,
				PadTop: n(0, 2), PadBottom: n(0, 2), PadLeft: n(0, 2), PadRight: n(0, 2)}, r)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range convShapes {
		testConvShape[float64](t, s, r)
	}
	for range 40 {
		testConvShape[float64](t, randomConvShape(r), r)
	}
}

// forISAs runs a test with every instruction set that this processor has.
func forISAs(t *testing.T, test func(t *testing.T)) {
	best := active
	defer func() { active = best }()
	for isa := Portable; isa <= best; isa++ {
		active = isa
		t.Run(isa.String(), test)
	}
}

func TestConvIgnoresThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range convShapes[:9] {
		s.N *= 7
		x := convRandom[float32](r, s.N*s.C*s.H*s.W)
		w := convRandom[float32](r, s.K*s.C/s.Groups*s.KH*s.KW)
		dy := convRandom[float32](r, s.N*s.K*s.OutH()*s.OutW())
		all := func() []float32 {
			y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
			ConvForward(s, y, x, w, nil, NoAct)
			ConvGradInput(s, dx, dy, w)
			ConvGradWeight(s, dw, x, dy)
			return slices.Concat(y, dx, dw)
		}
		runtime.GOMAXPROCS(1)
		want := all()
		for _, n := range []int{2, 4} {
			runtime.GOMAXPROCS(n)
			if !slices.Equal(all(), want) {
				t.Fatalf("%+v: result with %d threads differs from that with one", s, n)
			}
		}
	}
}

// A NaN reaches the elements computed from it and no others, although the
// kernels also compute columns between the rows and read past them.
func TestConvKeepsNaNInItsPlace(t *testing.T) {
	nan := float32(math.NaN())
	forISAs(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, s := range convShapes[:6] {
			x := convRandom[float32](r, s.N*s.C*s.H*s.W)
			w := convRandom[float32](r, s.K*s.C/s.Groups*s.KH*s.KW)
			dy := convRandom[float32](r, s.N*s.K*s.OutH()*s.OutW())
			xi, yi := r.IntN(len(x)), r.IntN(len(dy))
			x[xi], dy[yi] = nan, nan
			wantY, wantX := make([]bool, len(dy)), make([]bool, len(x))
			naiveConv(s, func(o, i, _ int) {
				wantY[o] = wantY[o] || i == xi
				wantX[i] = wantX[i] || o == yi
			})
			y, dx := make([]float32, len(dy)), make([]float32, len(x))
			ConvForward(s, y, x, w, nil, ActReLU)
			ConvGradInput(s, dx, dy, w)
			for i, v := range y {
				if (v != v) != wantY[i] {
					t.Fatalf("%+v: NaN at input %d: output %d is %v", s, xi, i, v)
				}
			}
			for i, v := range dx {
				if (v != v) != wantX[i] {
					t.Fatalf("%+v: NaN at output gradient %d: input gradient %d is %v", s, yi, i, v)
				}
			}
		}
	})
}
