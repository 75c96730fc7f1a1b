package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// reduceSizes adds lengths around the blocks of sums.
var reduceSizes = append([]int{blockAsm - 1, blockAsm, blockAsm + 1, 5*blockAsm + 77, maxCall + 3}, vecSizes...)

// normals returns normal values with an offset, and the same in float64.
func normals(n int, mean float64, seed uint64) ([]float32, []float64) {
	r := rand.New(rand.NewPCG(seed, 9))
	x, y := make([]float32, n), make([]float64, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() + mean)
		y[i] = float64(x[i])
	}
	return x, y
}

// exactSum adds with the rounding errors collected apart (Neumaier, 1974).
func exactSum(x []float64) float64 {
	s, lost := 0.0, 0.0
	for _, v := range x {
		t := s + v
		if math.Abs(s) >= math.Abs(v) {
			lost += (s - t) + v
		} else {
			lost += (v - t) + s
		}
		s = t
	}
	return s + lost
}

// pairwiseBound is the error bound of a blocked pairwise sum with u = 2⁻²⁴ (or
// the given one): the additions that one element goes through, times Σ|x|.
func pairwiseBound(x []float64, u float64) float64 {
	abs := 0.0
	for _, v := range x {
		abs += math.Abs(v)
	}
	depth := 32 + 8 + math.Log2(float64(len(x)+2))
	return depth * u * abs
}

func TestSums(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, n := range reduceSizes {
			for _, mean := range []float64{0, 3} {
				x, x64 := normals(n, mean, 1)
				y, y64 := normals(n, mean, 2)
				products, exps := make([]float64, n), make([]float64, n)
				for i := range products {
					products[i] = x64[i] * y64[i]
					exps[i] = math.Exp(x64[i] - 2)
				}
				near := func(name string, got float32, terms []float64) {
					t.Helper()
					want := exactSum(terms)
					if math.Abs(float64(got)-want) > pairwiseBound(terms, 0x1p-24)+1e-30 {
						t.Errorf("%s of %d, mean %g: %.9g, want %.9g", name, n, mean, got, want)
					}
				}
				near("Sum", Sum(x), x64)
				near("Dot", Dot(x, y), products)
				near("sumExp", sumExp(x, 2), exps)
				if got, want := Sum(x64), exactSum(x64); math.Abs(got-want) > pairwiseBound(x64, 0x1p-53) {
					t.Errorf("Sum of %d in float64: %.17g, want %.17g", n, got, want)
				}
				if n == 0 {
					continue
				}
				if got := Sum(x[1:]); float64(got) != float64(Sum(append([]float32(nil), x[1:]...))) {
					t.Errorf("Sum of %d depends on alignment", n-1)
				}
				mean := exactSum(x64) / float64(n)
				m2 := make([]float64, n)
				for i, v := range x64 {
					m2[i] = (v - mean) * (v - mean)
				}
				m, q := MeanVar(x)
				if math.Abs(float64(m)-mean) > 2e-7*math.Max(1, math.Abs(mean)) {
					t.Errorf("MeanVar of %d: mean %g, want %g", n, m, mean)
				}
				near("MeanVar", q, m2)
			}
		}
	})
}

// A million times 0.1 in float32: added one by one it comes to 100958.34, 1%
// off; pairwise it is right to the last digits.
func TestSumLong(t *testing.T) {
	x := make([]float32, 1e6)
	Fill(x, 0.1)
	eachISA(t, func(t *testing.T) {
		if got := Sum(x); math.Abs(float64(got)-1e5) > 0.05 {
			t.Errorf("Sum = %g, want 100000", got)
		}
		dst := make([]float32, 1)
		SumRows(dst, x, len(x), 1, 1)
		if math.Abs(float64(dst[0])-1e5) > 0.05 {
			t.Errorf("SumRows = %g, want 100000", dst[0])
		}
	})
}

// NIST's NumAcc4 (Statistical Reference Datasets, univariate summary
// statistics): certified mean 10000000.2, standard deviation 0.1.
func TestNumAcc4(t *testing.T) {
	x := []float64{10000000.2}
	for range 500 {
		x = append(x, 10000000.1, 10000000.3)
	}
	mean, m2 := MeanVar(x)
	if math.Abs(mean/10000000.2-1) > 1e-15 {
		t.Errorf("mean %.17g, want 10000000.2", mean)
	}
	if sd := math.Sqrt(m2 / 1000); math.Abs(sd/0.1-1) > 1e-8 {
		t.Errorf("standard deviation %.17g, want 0.1", sd)
	}
}

func TestExtremes(t *testing.T) {
	nan := float32(math.NaN())
	eachISA(t, func(t *testing.T) {
		for _, n := range reduceSizes {
			if n == 0 {
				continue
			}
			x, _ := normals(n, -10, 3)
			for _, at := range []int{0, n / 2, n - 1} {
				y := append([]float32(nil), x...)
				y[at] = 7
				if Max(y) != 7 || ArgMax(y) != at {
					t.Errorf("Max of %d: %g at %d, want 7 at %d", n, Max(y), ArgMax(y), at)
				}
				y[at] = -77
				if Min(y) != -77 || ArgMin(y) != at {
					t.Errorf("Min of %d: %g at %d, want -77 at %d", n, Min(y), ArgMin(y), at)
				}
				y[at] = nan
				if Max(y) == Max(y) || Min(y) == Min(y) || ArgMax(y) != at || ArgMin(y) != at {
					t.Errorf("NaN at %d of %d is lost: max %g at %d, min %g at %d", at, n, Max(y), ArgMax(y), Min(y), ArgMin(y))
				}
			}
		}
		if v := []float32{1, 5, 5, 1}; ArgMax(v) != 1 || ArgMin(v) != 0 {
			t.Errorf("ArgMax, ArgMin of %v are %d, %d", v, ArgMax(v), ArgMin(v))
		}
		if !math.IsInf(float64(Max([]float32{})), -1) || !math.IsInf(float64(Min([]float32{})), 1) || ArgMax([]float32{}) != -1 {
			t.Error("extremes of nothing")
		}
		inf := float32(math.Inf(-1))
		if v := []float32{inf, inf}; Max(v) != inf || ArgMax(v) != 0 || LogSumExp(v) != inf {
			t.Error("extremes of -Inf")
		}
	})
}

func TestProd(t *testing.T) {
	if p := Prod([]float32{1.5, -2, 4}); p != -12 {
		t.Errorf("Prod = %g", p)
	}
	if p := Prod([]float64{}); p != 1 {
		t.Errorf("Prod of nothing = %g", p)
	}
}

func TestLogSumExp(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		// scipy.special.logsumexp([1000, 1001, 999.5])
		if got := LogSumExp([]float32{1000, 1001, 999.5}); math.Abs(float64(got)-1001.46437) > 6e-5 {
			t.Errorf("LogSumExp = %.9g, want 1001.46437", got)
		}
		if got := LogSumExp([]float32{float32(math.Inf(1)), 0}); !math.IsInf(float64(got), 1) {
			t.Errorf("LogSumExp with +Inf = %g", got)
		}
		for _, n := range []int{1, 17, 3000} {
			x, x64 := normals(n, 50, 4)
			if got, want := LogSumExp(x), LogSumExp(x64); math.Abs(float64(got)-want) > 1e-5 {
				t.Errorf("LogSumExp of %d = %g, want %g", n, got, want)
			}
		}
	})
}

func TestRows(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, m := range []int{0, 1, 2, 3, 63, 64, 65, 129, 700} {
			for _, n := range []int{0, 1, 3, 8, 15, 16, 17, 64, 65, 127, 128, 129, 150} {
				ldx := n + 3
				x, x64 := normals(m*ldx, 1, 5)
				x = x[:max(0, len(x)-3)]
				dst, intact := vecGuarded(n, 1)
				SumRows(dst, x, m, n, ldx)
				for j := range n {
					column := make([]float64, m)
					for i := range m {
						column[i] = x64[i*ldx+j]
					}
					if want := exactSum(column); math.Abs(float64(dst[j])-want) > pairwiseBound(column, 0x1p-24) {
						t.Fatalf("SumRows %d×%d: column %d is %g, want %g", m, n, j, dst[j], want)
					}
				}
				if !intact() {
					t.Errorf("SumRows %d×%d wrote outside", m, n)
				}
				if m == 0 {
					continue
				}
				MaxRows(dst, x, m, n, ldx)
				for j := range n {
					want := float32(math.Inf(-1))
					for i := range m {
						want = max(want, x[i*ldx+j])
					}
					if dst[j] != want {
						t.Fatalf("MaxRows %d×%d: column %d is %g, want %g", m, n, j, dst[j], want)
					}
				}
				if !intact() {
					t.Errorf("MaxRows %d×%d wrote outside", m, n)
				}
			}
		}
	})
}

func TestReductionsDontAllocate(t *testing.T) {
	x, _ := normals(10000, 0, 6)
	dst, mask, wide := make([]float32, 100), make([]bool, 100), make([]float64, 100)
	if n := testing.AllocsPerRun(10, func() {
		Sum(x)
		Dot(x, x)
		MeanVar(x)
		ArgMax(x)
		LogSumExp(x)
		SumRows(dst, x, 100, 100, 100)
		Exp(x, x)
		AddScalar(x, x, 1)
		Add(dst, dst, dst)
		PowScalar(x, x, 1.7)
		Sin(x, x)
		Less(mask, dst, dst)
		Where(dst, mask, dst, dst)
		Convert(wide, dst)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkReduce(b *testing.B) {
	const n = 1 << 14
	x, _ := normals(n, 0, 1)
	dst := make([]float32, 512)
	var sink float32
	for name, f := range map[string]func(){
		"Sum":       func() { sink += Sum(x) },
		"Dot":       func() { sink += Dot(x, x) },
		"Max":       func() { sink += Max(x) },
		"ArgMax":    func() { sink += float32(ArgMax(x)) },
		"MeanVar":   func() { m, _ := MeanVar(x); sink += m },
		"LogSumExp": func() { sink += LogSumExp(x) },
		"SumRows":   func() { SumRows(dst, x, n/512, 512, 512) },
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
		})
	}
}
