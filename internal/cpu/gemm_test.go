package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// slower is the number of repetitions when n are right at full speed.
func slower(n int) int {
	if raceDetector {
		return n / 10
	}
	return n
}

// eachISA runs a test on every instruction set that this processor has, or
// only the best under the race detector: the threads do the same on all.
func eachISA(t *testing.T, test func(t *testing.T)) {
	best := active
	defer func() { active = best }()
	first := Portable
	if raceDetector {
		first = best
	}
	for isa := first; isa <= best; isa++ {
		active = isa
		t.Run(isa.String(), test)
	}
}

// A gemmCase is one call of Gemm, its operands inside larger buffers.
type gemmCase struct {
	transA, transB bool
	m, n, k        int
	lda, ldb, ldc  int // beyond the width
	alpha, beta    float64
	bias, rowBias  bool
	act            Act
	offset         int // elements that every operand starts late by
	nonFinite      bool
}

func (c gemmCase) String() string {
	return fmt.Sprintf("%+v", struct {
		TA, TB           bool
		M, N, K, A, B, C int
		Alpha, Beta      float64
		Bias, RowBias    bool
		Act              Act
		Offset           int
	}{c.transA, c.transB, c.m, c.n, c.k, c.lda, c.ldb, c.ldc, c.alpha, c.beta, c.bias, c.rowBias, c.act, c.offset})
}

// guard is what surrounds operands: no kernel may change it, nor let it into
// a result.
const guard = 1e30

// matrix returns a buffer with guards around and between its rows, and the
// slice that begins at the matrix.
func matrix[T Float](r *rand.Rand, rows, cols, ld, offset int, fill func() float64) (whole, m []T) {
	size := max((rows-1)*ld+cols, 0)
	if rows == 0 || cols == 0 {
		size = 0
	}
	whole = make([]T, offset+size+70)
	for i := range whole {
		whole[i] = guard
	}
	m = whole[offset : offset+size : offset+size]
	for i := range rows {
		for j := range cols {
			m[i*ld+j] = T(fill())
		}
	}
	return whole, m
}

// check runs Gemm and compares it with the definition in float64. The sizes
// of the terms bound the error allowed.
func (g gemmCase) check(r *rand.Rand, eps float64) error {
	if eps > 1e-10 {
		return checkCase[float32](g, r, eps)
	}
	return checkCase[float64](g, r, eps)
}

func checkCase[T Float](g gemmCase, r *rand.Rand, eps float64) error {
	fill := func() float64 { return r.Float64()*2 - 1 }
	if g.nonFinite {
		fill = func() float64 {
			switch r.IntN(200) {
			case 0:
				return math.NaN()
			case 1:
				return math.Inf(1)
			case 2:
				return math.Inf(-1)
			case 3:
				return math.Copysign(0, -1)
			case 4:
				return 1e-40
			}
			return r.Float64()*2 - 1
		}
	}
	ar, ac := g.m, g.k
	if g.transA {
		ar, ac = g.k, g.m
	}
	br, bc := g.k, g.n
	if g.transB {
		br, bc = g.n, g.k
	}
	lda, ldb, ldc := ac+g.lda, bc+g.ldb, g.n+g.ldc
	_, a := matrix[T](r, ar, ac, lda, g.offset, fill)
	_, b := matrix[T](r, br, bc, ldb, g.offset, fill)
	fillC := fill
	if g.beta == 0 {
		fillC = math.NaN
	}
	whole, c := matrix[T](r, g.m, g.n, ldc, g.offset, fillC)
	var ep Epilogue[T]
	if g.bias {
		_, ep.Bias = matrix[T](r, 1, g.n, g.n, g.offset, fill)
	}
	if g.rowBias {
		_, ep.RowBias = matrix[T](r, 1, g.m, g.m, g.offset, fill)
	}
	ep.Act = g.act
	before := append([]T(nil), whole...)

	Gemm(g.transA, g.transB, g.m, g.n, g.k, T(g.alpha), a, lda, b, ldb, T(g.beta), c, ldc, ep)

	// Of large products the last row and column are checked and some more.
	sample := g.m * g.n * g.k / slower(2_000_000)
	next := 0 // the first element of whole not yet looked at
	for i := range g.m {
		for j := range g.n {
			at := g.offset + i*ldc + j
			for ; next < at; next++ {
				if whole[next] != before[next] {
					return fmt.Errorf("%v: wrote outside C, %d elements from its start", g, next-g.offset)
				}
			}
			next = at + 1
			if sample > 1 && r.IntN(sample) != 0 && j < g.n-1 && i < g.m-1 {
				if whole[at] != whole[at] && !g.nonFinite {
					return fmt.Errorf("%v: C[%d,%d] is NaN", g, i, j)
				}
				continue
			}
			want, size := 0.0, 0.0
			for p := range g.k {
				if g.alpha == 0 {
					break
				}
				x, y := i*lda+p, p*ldb+j
				if g.transA {
					x = p*lda + i
				}
				if g.transB {
					y = j*ldb + p
				}
				term := float64(a[x]) * float64(b[y])
				want += term
				size += math.Abs(term)
			}
			want *= g.alpha
			size *= math.Abs(g.alpha)
			if g.beta != 0 {
				want += g.beta * float64(before[at])
				size += math.Abs(g.beta * float64(before[at]))
			}
			if g.bias {
				want += float64(ep.Bias[j])
			}
			if g.rowBias {
				want += float64(ep.RowBias[i])
			}
			if g.act == ActReLU && want < 0 {
				want = 0
			}
			got := float64(whole[at])
			if math.IsNaN(want) != math.IsNaN(got) || math.IsInf(want, 0) && want != got ||
				!math.IsInf(want, 0) && math.Abs(got-want) > eps*(size+2)*math.Sqrt(float64(g.k+4)) {
				return fmt.Errorf("%v: C[%d,%d] = %v, want %v", g, i, j, got, want)
			}
		}
	}
	for ; next < len(whole); next++ {
		if whole[next] != before[next] {
			return fmt.Errorf("%v: wrote outside C, %d elements from its start", g, next-g.offset)
		}
	}
	return nil
}

// bothTypes checks a case in float32 and float64.
func bothTypes(t *testing.T, r *rand.Rand, g gemmCase) {
	t.Helper()
	for _, eps := range []float64{1.2e-7, 2.3e-16} {
		if err := g.check(r, eps); err != nil {
			t.Fatal(err)
		}
	}
}

var edges = []int{1, 2, 3, 5, 7, 8, 9, 12, 13, 15, 16, 17, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 97, 100}

func TestGemmSmallSizes(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, m := range []int{1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 17} {
			for _, n := range edges {
				for _, k := range []int{0, 1, 2, 5, 16, 33} {
					trans := r.IntN(4)
					bothTypes(t, r, gemmCase{transA: trans&1 != 0, transB: trans&2 != 0, m: m, n: n, k: k, alpha: 1, beta: float64(r.IntN(2))})
				}
			}
		}
	})
}

// randomCase draws a case of up to about the given number of multiply-adds.
func randomCase(r *rand.Rand, most float64) gemmCase {
	size := func() int {
		if r.IntN(3) == 0 {
			return edges[r.IntN(len(edges))]
		}
		return 1 + int(math.Exp(r.Float64()*math.Log(1200)))
	}
	g := gemmCase{
		transA: r.IntN(2) == 0, transB: r.IntN(2) == 0,
		m: size(), n: size(), k: size(),
		lda: r.IntN(3) * r.IntN(20), ldb: r.IntN(3) * r.IntN(20), ldc: r.IntN(3) * r.IntN(20),
		alpha: []float64{1, 1, 0.5, -2, 0}[r.IntN(5)], beta: []float64{0, 0, 1, 0.5, -1}[r.IntN(5)],
		bias: r.IntN(3) == 0, rowBias: r.IntN(4) == 0, act: Act(r.IntN(2)), offset: r.IntN(20),
		nonFinite: r.IntN(5) == 0,
	}
	if r.IntN(20) == 0 {
		g.k = 0
	}
	for float64(g.m)*float64(g.n)*float64(g.k) > most {
		switch r.IntN(3) {
		case 0:
			g.m = (g.m + 1) / 2
		case 1:
			g.n = (g.n + 1) / 2
		default:
			g.k = (g.k + 1) / 2
		}
	}
	return g
}

func TestGemmRandomCases(t *testing.T) {
	old := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(old)
	eachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range slower(400) {
			bothTypes(t, r, randomCase(r, 50_000))
		}
		for range 12 {
			bothTypes(t, r, randomCase(r, 3_000_000))
		}
	})
}

// TestGemmPaths reaches every way of cutting: parallel or not, packed or not,
// several blocks along k and n.
func TestGemmPaths(t *testing.T) {
	cases := []gemmCase{
		{m: 2, n: 5, k: 33000, alpha: 1, transB: true, bias: true, rowBias: true}, // inner products in three steps
		{m: 600, n: 1, k: 50, alpha: 1, bias: true},                               // one column, as inner products
		{m: 600, n: 1, k: 50, alpha: 1, beta: 1, transA: true, rowBias: true},     // and as a row times a matrix
		{m: 1, n: 500, k: 300, alpha: 1, transA: true, transB: true, lda: 2},      // a gathered row
		{m: 450, n: 90, k: 600, alpha: 1, transB: true, act: ActReLU},             // packed for all pieces
		{m: 33, n: 130, k: 1300, alpha: 1},                                        // three blocks along k, unpacked
		{m: 70, n: 1024, k: 90, alpha: 1, beta: 1},                                // packed for its row distance
		{m: 100, n: 700, k: 1100, alpha: 2, bias: true, act: ActReLU},             // packed, several blocks along both
		{m: 30, n: 600, k: 700, alpha: 1, transB: true, rowBias: true},            // transposed, two blocks along k
		{m: 130, n: 50, k: 650, alpha: 1, transA: true, transB: true},             // both transposed
		{m: 512, n: 130, k: 300, alpha: 1, transA: true, bias: true},              // A spread
		{m: 257, n: 31, k: 129, alpha: 1, transA: true, bias: true, ldc: 3},       // the shape of a weight gradient
	}
	old := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(old)
	eachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, g := range cases {
			bothTypes(t, r, g)
		}
	})
}

func TestGemmDoesNotDependOnThreads(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, s := range [][3]int{{128, 256, 784}, {1, 1000, 900}, {900, 1, 1000}, {16, 27, 20000}, {10, 256, 128}, {200, 300, 1200}} {
			m, n, k := s[0], s[1], s[2]
			if active == Portable {
				m = (m + 3) / 4 // enough to be shared, too
			}
			for trans := range 4 {
				transA, transB := trans&1 != 0, trans&2 != 0
				lda, ldb := k, n
				if transA {
					lda = m
				}
				if transB {
					ldb = k
				}
				r := rand.New(rand.NewPCG(7, 8))
				_, a := matrix[float32](r, 1, m*k, m*k, 3, r.Float64)
				_, b := matrix[float32](r, 1, n*k, n*k, 1, r.Float64)
				var want []float32
				for _, threads := range []int{1, 2, 5} {
					old := runtime.GOMAXPROCS(threads)
					c := make([]float32, m*n)
					Gemm(transA, transB, m, n, k, 1, a, lda, b, ldb, 0, c, n, Epilogue[float32]{})
					runtime.GOMAXPROCS(old)
					if want == nil {
						want = c
					}
					for i := range c {
						if c[i] != want[i] {
							t.Fatalf("%d×%d×%d, trans %v %v: element %d is %v with %d threads, %v with one", m, n, k, transA, transB, i, c[i], threads, want[i])
						}
					}
				}
			}
		}
	})
}

func TestGemmBatchIsSeveralProducts(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for range 60 {
			g := randomCase(r, 20_000)
			count := 1 + r.IntN(9)
			ar, ac, br, bc := g.m, g.k, g.k, g.n
			if g.transA {
				ar, ac = ac, ar
			}
			if g.transB {
				br, bc = bc, br
			}
			lda, ldb, ldc := ac+g.lda, bc+g.ldb, g.n+g.ldc
			sa, sb, sc := (ar*lda+r.IntN(5))*r.IntN(2), (br*ldb)*r.IntN(2), g.m*ldc+r.IntN(2)*r.IntN(5)
			if r.IntN(2) == 0 {
				sa = ar * lda
			}
			fill := func() float64 { return r.Float64()*2 - 1 }
			_, a := matrix[float32](r, 1, (count-1)*sa+ar*lda, 0, 1, fill)
			_, b := matrix[float32](r, 1, (count-1)*sb+br*ldb, 0, 2, fill)
			_, c := matrix[float32](r, 1, (count-1)*sc+g.m*ldc, 0, 3, fill)
			want := append([]float32(nil), c...)
			for i := range count {
				Gemm(g.transA, g.transB, g.m, g.n, g.k, float32(g.alpha), a[min(i*sa, len(a)):], lda, b[min(i*sb, len(b)):], ldb, float32(g.beta), want[i*sc:], ldc, Epilogue[float32]{})
			}
			GemmBatch(count, g.transA, g.transB, g.m, g.n, g.k, float32(g.alpha), a, lda, sa, b, ldb, sb, float32(g.beta), c, ldc, sc)
			for i := range c {
				if math.Abs(float64(c[i]-want[i])) > 1e-4 {
					t.Fatalf("%d × %v (%d, %d, %d): element %d is %v, want %v", count, g, sa, sb, sc, i, c[i], want[i])
				}
			}
		}
	})
}

func TestGemmRefusesShortOperands(t *testing.T) {
	x := make([]float32, 6)
	for name, call := range map[string]func(){
		"A":   func() { Gemm(false, false, 2, 2, 3, 1, x[:5], 3, x, 2, 0, make([]float32, 4), 2, Epilogue[float32]{}) },
		"B":   func() { Gemm(false, false, 2, 2, 3, 1, x, 3, x[:5], 2, 0, make([]float32, 4), 2, Epilogue[float32]{}) },
		"C":   func() { Gemm(false, false, 2, 2, 3, 1, x, 3, x, 2, 0, make([]float32, 3), 2, Epilogue[float32]{}) },
		"ldb": func() { Gemm(false, false, 2, 2, 3, 1, x, 3, x, 1, 0, make([]float32, 4), 2, Epilogue[float32]{}) },
		"bias": func() {
			Gemm(false, false, 2, 2, 3, 1, x, 3, x, 2, 0, make([]float32, 4), 2, Epilogue[float32]{Bias: x[:1]})
		},
		"A batch": func() { GemmBatch(2, false, false, 2, 2, 3, 1, x, 3, 6, x, 2, 0, 0, make([]float32, 8), 2, 4) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s too short: no panic", name)
				}
			}()
			call()
		}()
	}
}

func TestGemmDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("pools lose things under the race detector")
	}
	old := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(old)
	x := make([]float32, 256*256)
	c := make([]float32, 256*256)
	for _, size := range []int{4, 32, 200} {
		for trans := range 4 {
			call := func() {
				Gemm(trans&1 != 0, trans&2 != 0, size, size, size, 1, x, size, x, size, 0, c, size, Epilogue[float32]{Bias: x})
			}
			call()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range 100 {
				call()
			}
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > 30 {
				t.Errorf("%d³: 100 products allocated %d times", size, n)
			}
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{4, 4, 2, false, true}, {4, 4, 2, false, false}, {64, 64, 64, false, false}, {256, 256, 256, false, false},
		{128, 256, 784, false, true}, {128, 784, 256, false, false}, {256, 784, 128, true, false},
		{128, 120, 400, false, true}, {128, 10, 256, false, true}, {1, 256, 784, false, true}, {1, 256, 784, false, false},
		{1024, 1024, 1024, false, false}, {2048, 2048, 2048, false, false},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d,%v,%v", s.m, s.n, s.k, s.transA, s.transB), func(b *testing.B) {
			x, y, z := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
			for i := range x {
				x[i] = float32(i%7) - 3
			}
			for i := range y {
				y[i] = float32(i%5) - 2
			}
			lda, ldb := s.k, s.n
			if s.transA {
				lda = s.m
			}
			if s.transB {
				ldb = s.k
			}
			for b.Loop() {
				Gemm(s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n, Epilogue[float32]{})
			}
			b.ReportMetric(2*float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
