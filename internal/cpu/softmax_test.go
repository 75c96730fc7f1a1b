package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// withEachISA runs body with each instruction set that this processor has.
func withEachISA(t *testing.T, body func(t *testing.T)) {
	best := active
	defer func() { active = best }()
	for i := Portable; i <= best; i++ {
		active = i
		t.Run(i.String(), body)
	}
	active = best
}

// rowSizes are the row lengths at which vector loops begin and end.
var rowSizes = []int{1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 129, 1000, 1023}

const fence = 12345.678

// guarded returns n elements, one past an aligned address, and a check that
// nothing around them was written.
func guarded(t *testing.T, n int) ([]float32, func()) {
	all := make([]float32, n+34)
	for i := range all {
		all[i] = fence
	}
	return all[17 : 17+n : 17+n], func() {
		t.Helper()
		for i, v := range all {
			if (i < 17 || i >= 17+n) && v != fence {
				t.Errorf("element %d of %d written outside the slice", i-17, n)
			}
		}
	}
}

func randoms(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n+1)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x[1:] // not aligned
}

func doubles(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// near checks got against want to within rel of want, plus abs.
func near(t *testing.T, what string, got []float32, want []float64, rel, abs float64) {
	t.Helper()
	for i, w := range want {
		g := float64(got[i])
		switch {
		case math.IsNaN(w) && math.IsNaN(g), float64(float32(w)) == g:
		case math.IsNaN(w) || math.IsNaN(g), math.Abs(g-w) > rel*math.Abs(w)+abs, math.IsInf(g, 0):
			t.Fatalf("%s: element %d is %v, want %v", what, i, g, w)
		}
	}
}

const ulp = 1.0 / (1 << 23)

// The float64 kernels, plain Go, are the reference for float32: they are held
// to PyTorch in TestAgainstPyTorch.
func TestSoftmaxFamily(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range rowSizes {
			m := 3 + 100/n
			x := randoms(r, m*n, 5)
			for i := range x { // masks, a maximum far away, numbers that underflow
				switch r.IntN(20) {
				case 0:
					x[i] = float32(math.Inf(-1))
				case 1:
					x[i] -= 90
				case 2:
					x[i] -= 2000
				}
			}
			if n > 1 {
				x[n-1], x[n-2] = 30, 29 // no row of -Inf first
			}
			for i := range n {
				x[n+i] = float32(math.Inf(-1)) // a masked row becomes NaN
			}
			x[3*n-1] = float32(math.NaN())
			g := randoms(r, m*n, 1)
			want := make([]float64, m*n)
			what := fmt.Sprintf("%d×%d", m, n)

			got, check := guarded(t, m*n)
			SoftmaxRows(want, doubles(x), m, n)
			SoftmaxRows(got, x, m, n)
			for i := range want { // x - max is rounded to float32, as in PyTorch
				rel := 3*ulp - math.Log(max(want[i], 1e-45))*ulp/2
				near(t, fmt.Sprint("SoftmaxRows ", what, " ", i), got[i:i+1], want[i:i+1], rel, 1.2e-38) // no denormal results
			}
			check()

			dx, check2 := guarded(t, m*n)
			SoftmaxGradRows(want, doubles(g), doubles(got), m, n)
			SoftmaxGradRows(dx, g, got, m, n)
			near(t, "SoftmaxGradRows "+what, dx, want, 4*ulp, 2e-6)
			check2()

			LogSoftmaxRows(want, doubles(x), m, n)
			LogSoftmaxRows(got, x, m, n)
			near(t, "LogSoftmaxRows "+what, got, want, 3*ulp, 2e-7)
			check()

			LogSoftmaxGradRows(want, doubles(g), doubles(got), m, n)
			LogSoftmaxGradRows(dx, g, got, m, n)
			near(t, "LogSoftmaxGradRows "+what, dx, want, 4*ulp, 3e-6*math.Sqrt(float64(n)))
			check2()

			lse, check3 := guarded(t, m)
			LogSumExpRows(want, doubles(x), m, n)
			LogSumExpRows(lse, x, m, n)
			near(t, "LogSumExpRows "+what, lse, want[:m], 3*ulp, 2e-7)
			check3()
		}
	})
}

func TestCrossEntropySizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, n := range rowSizes {
			const m = 70 // more than rowBatch
			x, scale, w := randoms(r, m*n, 4), randoms(r, m, 1), randoms(r, n, 1)
			target := make([]int64, m)
			for i := range target {
				if target[i] = int64(r.IntN(n)); i%9 == 4 {
					target[i] = -1
				}
			}
			x[4*n] = float32(math.NaN()) // in an ignored row
			loss, check := guarded(t, m)
			dx, check2 := guarded(t, m*n)
			wl, wd := make([]float64, m), make([]float64, m*n)
			for k, weight := range [][]float32{nil, w} {
				for _, smoothing := range []float32{0, 0.125} {
					what := fmt.Sprint("n ", n, " smoothing ", smoothing, " weights ", k, ": ")
					CrossEntropyRows(loss, x, target, m, n, -1, smoothing, weight)
					CrossEntropyRows(wl, doubles(x), target, m, n, -1, float64(smoothing), doubles(weight))
					near(t, what+"loss", loss, wl, 2e-6, 2e-6)
					CrossEntropyGradRows(dx, x, target, scale, m, n, -1, smoothing, weight)
					CrossEntropyGradRows(wd, doubles(x), target, doubles(scale), m, n, -1, float64(smoothing), doubles(weight))
					near(t, what+"dx", dx, wd, 2e-6, 2e-6)
				}
			}
			check()
			check2()
		}
	})
}

func TestSoftmaxOfUnusualRows(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	withEachISA(t, func(t *testing.T) {
		x := []float32{-inf, -inf, -inf, inf, 0, 1, nan, inf, 0, 88, -inf, 88}
		var lse [4]float32
		LogSumExpRows(lse[:], x, 4, 3)
		if lse[0] != -inf || lse[1] != inf || lse[2] == lse[2] || math.Abs(float64(lse[3])-88-math.Ln2) > 1e-5 {
			t.Errorf("LogSumExpRows = %v, want -Inf +Inf NaN 88.69", lse)
		}
		y := make([]float32, 12)
		SoftmaxRows(y, x, 4, 3)
		for i, v := range y[:9] {
			if v == v {
				t.Errorf("softmax %d = %v, want NaN", i, v)
			}
		}
		if y[9] != 0.5 || y[10] != 0 || y[11] != 0.5 {
			t.Errorf("softmax(88, -Inf, 88) = %v, want 0.5 0 0.5", y[9:])
		}
		LogSumExpRows(lse[:2], nil, 2, 0)
		if lse[0] != -inf || lse[1] != -inf {
			t.Errorf("LogSumExpRows of empty rows = %v, want -Inf", lse[:2])
		}
		SoftmaxRows[float32](nil, nil, 0, 5)
		SoftmaxRows[float32](nil, nil, 5, 0)
	})
}

// sameForAnyThreads checks that body leaves the same bits in what it returns
// for 1, 2 and 4 threads.
func sameForAnyThreads(t *testing.T, what string, body func() []float32) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := body()
	for _, p := range []int{2, 4} {
		runtime.GOMAXPROCS(p)
		for i, v := range body() {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Fatalf("%s: element %d is %v with %d threads and %v with one", what, i, v, p, want[i])
			}
		}
	}
}

func TestSoftmaxSameForAnyThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, n = 300, 257
	x, g := randoms(r, m*n, 3), randoms(r, m*n, 3)
	target := make([]int64, m)
	for i := range target {
		target[i] = int64(i % n)
	}
	sameForAnyThreads(t, "softmax", func() []float32 {
		y := make([]float32, 5*m*n+2*m)
		SoftmaxRows(y, x, m, n)
		LogSoftmaxRows(y[m*n:], x, m, n)
		SoftmaxGradRows(y[2*m*n:], g, y, m, n)
		LogSoftmaxGradRows(y[3*m*n:], g, y[m*n:], m, n)
		LogSumExpRows(y[5*m*n:], x, m, n)
		CrossEntropyRows(y[5*m*n+m:], x, target, m, n, -100, 0.1, nil)
		CrossEntropyGradRows(y[4*m*n:5*m*n], x, target, g[:m], m, n, -100, 0.1, nil)
		return y
	})
}

func BenchmarkSoftmaxRows(b *testing.B) {
	for _, s := range [][2]int{{64, 1024}, {4096, 1024}, {128, 10}, {768, 64}} {
		m, n := s[0], s[1]
		b.Run(fmt.Sprintf("%dx%d", m, n), func(b *testing.B) {
			x, y := randoms(rand.New(rand.NewPCG(1, 1)), m*n, 3), make([]float32, m*n)
			for b.Loop() {
				SoftmaxRows(y, x, m, n)
			}
			perElement(b, m*n)
		})
	}
}

func BenchmarkCrossEntropy(b *testing.B) {
	for _, s := range [][2]int{{128, 10}, {700, 10000}} {
		m, n := s[0], s[1]
		x, y := randoms(rand.New(rand.NewPCG(1, 1)), m*n, 3), make([]float32, m*n)
		target, scale, loss := make([]int64, m), make([]float32, m), make([]float32, m)
		b.Run(fmt.Sprintf("loss%dx%d", m, n), func(b *testing.B) {
			for b.Loop() {
				CrossEntropyRows(loss, x, target, m, n, -100, 0, nil)
			}
			perElement(b, m*n)
		})
		b.Run(fmt.Sprintf("grad%dx%d", m, n), func(b *testing.B) {
			for b.Loop() {
				CrossEntropyGradRows(y, x, target, scale, m, n, -100, 0, nil)
			}
			perElement(b, m*n)
		})
	}
}

func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/elem")
}
