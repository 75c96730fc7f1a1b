package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// vecSizes are lengths around every loop's and tail's edge.
var vecSizes = []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 1000}

// vecSpecials are the values that formulas get wrong.
var vecSpecials = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-20, -1e-20, 100, -100, 88.5, 89, -87.5, -103,
	-104.5, 1e10, -1e10, math.MaxFloat32, -math.MaxFloat32, 0x1p-126, -0x1p-126, 0x1p-149, -0x1p-149, 0x1.fffffep-127, 1e30, -1e30,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 0.99999994, 1.0000001, 5.3, -5.3, 7.3, -7.3, 8388608.5, -8388609}

// vecSample fills a slice with special and random values of all magnitudes.
func vecSample(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = vecSpecials[r.IntN(len(vecSpecials))]
		case 1:
			x[i] = math.Float32frombits(r.Uint32())
		default:
			x[i] = float32(r.NormFloat64() * 3)
		}
	}
	return x
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// vecGuarded returns n elements that don't start on a vector's boundary, and a
// function that reports whether anything around them was written.
func vecGuarded(n, offset int) (x []float32, intact func() bool) {
	const guard = 40
	whole := make([]float32, n+2*guard+offset)
	mark := func(i int) float32 { return float32(i) + 0.25 }
	for i := range whole {
		whole[i] = mark(i)
	}
	lo := guard + offset
	return whole[lo : lo+n : lo+n], func() bool {
		for i, v := range whole {
			if (i < lo || i >= lo+n) && v != mark(i) {
				return false
			}
		}
		return true
	}
}

// ulps returns the distance of got from the exact value in units of the last
// place of a float32 there.
func ulps(got float32, exact float64) float64 {
	want := float32(exact)
	switch {
	case got == want, got != got && want != want:
		return 0
	case got != got || want != want || math.IsInf(float64(got), 0) || math.IsInf(float64(want), 0):
		if math.Abs(exact) > math.MaxFloat32 && math.Abs(float64(got)) > 0x1.fffff0p127 && (got > 0) == (exact > 0) {
			return 1
		}
		if math.IsInf(float64(got), 0) && math.Abs(exact) > 0x1.fffff0p127 && (got > 0) == (exact > 0) {
			return 1
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(exact)
	return math.Abs(float64(got)-exact) / math.Ldexp(1, max(e-24, -149))
}

// operation is an elementwise function of up to three slices and two scalars in
// both precisions; float64 serves as reference.
type operation struct {
	name string
	in   int
	f32  func(dst, a, b, c []float32)
	f64  func(dst, a, b, c []float64)
	ulp  float64 // bound on the error, in ULP, or
	abs  float64 // times max(1, |inputs|)
}

func unary[A ~func(dst, x []float32), B ~func(dst, x []float64)](name string, f A, g B, ulp, abs float64) operation {
	return operation{name, 1, func(d, a, _, _ []float32) { f(d, a) }, func(d, a, _, _ []float64) { g(d, a) }, ulp, abs}
}

func binary[A ~func(dst, x, y []float32), B ~func(dst, x, y []float64)](name string, f A, g B, ulp, abs float64) operation {
	return operation{name, 2, func(d, a, b, _ []float32) { f(d, a, b) }, func(d, a, b, _ []float64) { g(d, a, b) }, ulp, abs}
}

// gradOfOne makes a backward pass a function of its input alone.
func gradOfOne[T Float](f func(dst, g, x []T)) func(dst, x []T) {
	return func(dst, x []T) {
		g := make([]T, len(x))
		Fill(g, 1)
		f(dst, g, x)
	}
}

// half is the bound of a correctly rounded result.
const half = 0.5

var operations = []operation{
	binary("Add", Add[float32], Add[float64], half, 0),
	binary("Sub", Sub[float32], Sub[float64], half, 0),
	binary("Mul", Mul[float32], Mul[float64], half, 0),
	binary("Div", Div[float32], Div[float64], half, 0),
	binary("Maximum", Maximum[float32], Maximum[float64], 0, 0),
	binary("Minimum", Minimum[float32], Minimum[float64], 0, 0),
	binary("Pow", Pow[float32], Pow[float64], 0.501, 0),
	binary("Atan2", Atan2[float32], Atan2[float64], half, 0),
	binary("Fmod", Fmod[float32], Fmod[float64], half, 0),
	unary("AddScalar", func(d, x []float32) { AddScalar(d, x, 0.75) }, func(d, x []float64) { AddScalar(d, x, 0.75) }, half, 0),
	unary("MulScalar", func(d, x []float32) { MulScalar(d, x, 0.75) }, func(d, x []float64) { MulScalar(d, x, 0.75) }, half, 0),
	unary("PowScalar1.7", func(d, x []float32) { PowScalar(d, x, 1.7) }, func(d, x []float64) { PowScalar(d, x, float64(float32(1.7))) }, 0.501, 0),
	unary("PowScalar-9", func(d, x []float32) { PowScalar(d, x, -9) }, func(d, x []float64) { PowScalar(d, x, -9) }, 0.501, 0),
	unary("PowScalar4", func(d, x []float32) { PowScalar(d, x, 4) }, func(d, x []float64) { PowScalar(d, x, 4) }, 2, 0),
	unary("PowScalar-2", func(d, x []float32) { PowScalar(d, x, -2) }, func(d, x []float64) { PowScalar(d, x, -2) }, 2.1, 0),
	unary("DivScalar", func(d, x []float32) { DivScalar(d, x, 0.7) }, func(d, x []float64) { DivScalar(d, x, float64(float32(0.7))) }, half, 0),
	unary("ScalarDiv", func(d, x []float32) { ScalarDiv(d, x, 0.7) }, func(d, x []float64) { ScalarDiv(d, x, float64(float32(0.7))) }, half, 0),
	unary("Affine", func(d, x []float32) { Affine(d, x, -0.75, 3) }, func(d, x []float64) { Affine(d, x, -0.75, 3) }, 0, 2e-7),
	unary("PowScalar2", func(d, x []float32) { PowScalar(d, x, 2) }, func(d, x []float64) { PowScalar(d, x, 2) }, half, 0),
	unary("PowScalar3", func(d, x []float32) { PowScalar(d, x, 3) }, func(d, x []float64) { PowScalar(d, x, 3) }, 1.5, 0),
	unary("PowScalar0.5", func(d, x []float32) { PowScalar(d, x, 0.5) }, func(d, x []float64) { PowScalar(d, x, 0.5) }, half, 0),
	unary("Clamp", func(d, x []float32) { Clamp(d, x, -0.5, 2) }, func(d, x []float64) { Clamp(d, x, -0.5, 2) }, 0, 0),

	unary("Neg", Neg[float32], Neg[float64], 0, 0),
	unary("Abs", Abs[float32], Abs[float64], 0, 0),
	unary("Sign", Sign[float32], Sign[float64], 0, 0),
	unary("Square", Square[float32], Square[float64], half, 0),
	unary("Sqrt", Sqrt[float32], Sqrt[float64], half, 0),
	unary("Rsqrt", Rsqrt[float32], Rsqrt[float64], 1.5, 0),
	unary("Reciprocal", Reciprocal[float32], Reciprocal[float64], half, 0),
	unary("Exp", Exp[float32], Exp[float64], 1, 0),
	unary("Expm1", Expm1[float32], Expm1[float64], 1.6, 0),
	unary("Log", Log[float32], Log[float64], 1.7, 0),
	unary("Log1p", Log1p[float32], Log1p[float64], 2.2, 0),
	unary("Log2", Log2[float32], Log2[float64], 2.7, 0),
	unary("Log10", Log10[float32], Log10[float64], 2.7, 0),
	unary("Sin", Sin[float32], Sin[float64], 1.5, 0),
	unary("Cos", Cos[float32], Cos[float64], 1.5, 0),
	unary("Tan", Tan[float32], Tan[float64], 3.1, 0),
	unary("Asin", Asin[float32], Asin[float64], half, 0),
	unary("Acos", Acos[float32], Acos[float64], half, 0),
	unary("Atan", Atan[float32], Atan[float64], half, 0),
	unary("Sinh", Sinh[float32], Sinh[float64], half, 0),
	unary("Cosh", Cosh[float32], Cosh[float64], half, 0),
	unary("Asinh", Asinh[float32], Asinh[float64], half, 0),
	unary("Acosh", Acosh[float32], Acosh[float64], half, 0),
	unary("Atanh", Atanh[float32], Atanh[float64], half, 0),
	unary("Tanh", Tanh[float32], Tanh[float64], 2.4, 0),
	unary("Sigmoid", Sigmoid[float32], Sigmoid[float64], 3, 0),
	unary("Erf", Erf[float32], Erf[float64], 2.4, 0),
	unary("ReLU", ReLU[float32], ReLU[float64], 0, 0),
	unary("GELU", GELU[float32], GELU[float64], 0, 1e-7),
	unary("GELUTanh", GELUTanh[float32], GELUTanh[float64], 0, 1e-7),
	unary("SiLU", SiLU[float32], SiLU[float64], 3.5, 0),
	unary("Softplus", Softplus[float32], Softplus[float64], 3, 0),
	unary("LogSigmoid", LogSigmoid[float32], LogSigmoid[float64], 3, 0),
	unary("Floor", Floor[float32], Floor[float64], 0, 0),
	unary("Ceil", Ceil[float32], Ceil[float64], 0, 0),
	unary("Round", Round[float32], Round[float64], 0, 0),
	unary("Trunc", Trunc[float32], Trunc[float64], 0, 0),

	binary("ReLUGrad", ReLUGrad[float32], ReLUGrad[float64], 0, 0),
	unary("LeakyReLU", func(d, x []float32) { LeakyReLU(d, x, 0.25) }, func(d, x []float64) { LeakyReLU(d, x, 0.25) }, half, 0),
	binary("LeakyReLUGrad", func(d, g, x []float32) { LeakyReLUGrad(d, g, x, 0.25) }, func(d, g, x []float64) { LeakyReLUGrad(d, g, x, 0.25) }, half, 0),
	unary("ELU", func(d, x []float32) { ELU(d, x, 1.5) }, func(d, x []float64) { ELU(d, x, 1.5) }, 3, 0),
	binary("ELUGrad", func(d, g, x []float32) { ELUGrad(d, g, x, 1.5) }, func(d, g, x []float64) { ELUGrad(d, g, x, 1.5) }, 0, 4e-7),
	binary("TanhGrad", TanhGrad[float32], TanhGrad[float64], 0, 4e-7),
	binary("SigmoidGrad", SigmoidGrad[float32], SigmoidGrad[float64], 0, 4e-7),
	binary("GELUGrad", GELUGrad[float32], GELUGrad[float64], 0, 4e-7),
	binary("GELUTanhGrad", GELUTanhGrad[float32], GELUTanhGrad[float64], 0, 4e-7),
	binary("SiLUGrad", SiLUGrad[float32], SiLUGrad[float64], 0, 4e-7),
	binary("SoftplusGrad", SoftplusGrad[float32], SoftplusGrad[float64], 3.5, 0),
	unary("GELUGrad of 1", gradOfOne(GELUGrad[float32]), gradOfOne(GELUGrad[float64]), 0, 1.5e-7),
	unary("GELUTanhGrad of 1", gradOfOne(GELUTanhGrad[float32]), gradOfOne(GELUTanhGrad[float64]), 0, 1.5e-7),
	unary("SiLUGrad of 1", gradOfOne(SiLUGrad[float32]), gradOfOne(SiLUGrad[float64]), 0, 2e-7),
	{"MulAdd", 3, MulAdd[float32], MulAdd[float64], 0, 4e-7},
	{"Axpy", 2, func(d, a, b, _ []float32) { copy(d, b); Axpy(d, a, 0.75) },
		func(d, a, b, _ []float64) { copy(d, b); Axpy(d, a, 0.75) }, 0, 2e-7},
	{"Axpby", 2, func(d, a, b, _ []float32) { copy(d, b); Axpby(d, a, 0.75, 0.25) },
		func(d, a, b, _ []float64) { copy(d, b); Axpby(d, a, 0.75, 0.25) }, 0, 2e-7},
}

// check compares results with exact ones and returns the greatest error.
func (o operation) check(t *testing.T, got []float32, exact []float64, in ...[]float32) float64 {
	worst, bad := 0.0, 0
	for i, v := range got {
		e, bound := ulps(v, exact[i]), o.ulp
		if o.abs > 0 && !math.IsInf(e, 1) && !math.IsNaN(exact[i]) && !math.IsInf(float64(v), 0) {
			scale := 1.0
			for _, x := range in {
				if a := math.Abs(float64(x[i])); a > 1 && a <= math.MaxFloat32 {
					scale *= a
				}
			}
			e, bound = math.Abs(float64(v)-exact[i])/scale, o.abs
		}
		if o.ulp >= 3 && e > bound { // a factor below 2⁻¹²⁶ counts as 0
			scale := 0x1.1p-126
			for _, x := range in {
				scale *= max(1, math.Abs(float64(x[i])))
			}
			if math.Abs(float64(v)-exact[i]) <= scale {
				e = 0
			}
		}
		if e > bound*1.0001 && bad < 5 {
			var x []float32
			for _, s := range in {
				x = append(x, s[i])
			}
			t.Errorf("%s(%g) = %g, want %g: error %.3g, bound %g (element %d of %d)", o.name, x, v, exact[i], e, bound, i, len(got))
			bad++
		}
		if !(e <= worst) {
			worst = e
		}
	}
	return worst
}

func TestElementwise(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, o := range operations {
			for _, n := range vecSizes {
				in := [][]float32{vecSample(n, 1), vecSample(n, 2), vecSample(n, 3)}
				if o.in > 1 && o.abs > 0 { // products of anything overflow anywhere
					limit := 1e4
					if o.name == "TanhGrad" || o.name == "SigmoidGrad" {
						limit = 3 // inputs are outputs of tanh and sigmoid
					}
					for _, x := range in {
						for i, v := range x {
							if a := math.Abs(float64(v)); !(a <= limit && a > 1e-9) {
								x[i] = float32(math.Mod(float64(i), 7) - 3)
							}
						}
					}
				}
				exact := make([]float64, n)
				o.f64(exact, widen(in[0]), widen(in[1]), widen(in[2]))
				for offset := range 3 {
					dst, intact := vecGuarded(n, offset)
					o.f32(dst, in[0], in[1], in[2])
					o.check(t, dst, exact, in[:o.in]...)
					if !intact() {
						t.Errorf("%s wrote outside its %d elements", o.name, n)
					}
				}
				same, intact := vecGuarded(n, 1)
				copy(same, in[0])
				if o.in > 1 && (o.name == "Axpy" || o.name == "Axpby") {
					continue
				}
				o.f32(same, same, in[1], in[2])
				o.check(t, same, exact, in[:o.in]...)
				if !intact() {
					t.Errorf("%s in place wrote outside its %d elements", o.name, n)
				}
			}
		}
	})
}

// TestAccuracy goes through every 9973rd float32.
func TestAccuracy(t *testing.T) {
	const stride = 9973
	x := make([]float32, 0, 1<<32/stride+1)
	for u := uint64(0); u < 1<<32; u += stride {
		x = append(x, math.Float32frombits(uint32(u)))
	}
	x64, exact, got := widen(x), make([]float64, len(x)), make([]float32, len(x))
	for _, o := range operations {
		if o.in != 1 || o.name == "Affine" {
			continue
		}
		o.f64(exact, x64, nil, nil)
		eachISA(t, func(t *testing.T) {
			if active == Portable {
				return // float64, rounded
			}
			o.f32(got, x, nil, nil)
			t.Logf("%s: error %.3g", o.name, o.check(t, got, exact, x))
		})
	}
}

// GELU and its derivative at 1, −0.5 and 3 from torch.nn.functional.gelu in
// float64.
func TestGELUValues(t *testing.T) {
	x := []float64{1, -0.5, 3}
	got := make([]float64, 3)
	check := func(name string, want ...float64) {
		t.Helper()
		for i := range got {
			if math.Abs(got[i]-want[i]) > 1e-14 {
				t.Errorf("%s(%g) = %.17g, want %.17g", name, x[i], got[i], want[i])
			}
		}
	}
	GELU(got, x)
	check("GELU", 0.841344746068543, -0.15426876936299344, 2.99595030590511)
	GELUTanh(got, x)
	check("GELUTanh", 0.8411919906082768, -0.15428599017485606, 2.996362607918227)
	GELUGrad(got, []float64{1, 1, 1}, x)
	check("GELUGrad", 1.0833154705876864, 0.13250487534383712, 1.011945647204184)
	GELUTanhGrad(got, []float64{1, 1, 1}, x)
	check("GELUTanhGrad", 1.0829640838457826, 0.13263009646535764, 1.0115841666309695)
}

// Negative bases, zeros and infinities among others; want is C's pow.
func TestPowSpecialCases(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	a := []float32{-1, -2, -8, 0, 0, 0, -inf, inf, nan, nan, 2, 2, 1, 0.5, -1.5}
	b := []float32{3, 3, 1. / 3, 0, -1, 2, 3, -1, 0, 1, inf, -inf, nan, inf, 2}
	want := []float32{-1, -8, nan, 1, inf, 0, -inf, 0, 1, nan, inf, 0, 1, 0, 2.25}
	eachISA(t, func(t *testing.T) {
		got := make([]float32, len(a))
		Pow(got, a, b)
		for i, v := range got {
			if v != want[i] && (v == v || want[i] == want[i]) {
				t.Errorf("Pow(%g, %g) = %g, want %g", a[i], b[i], v, want[i])
			}
		}
		PowScalar(got, a, 5)
		if got[0] != -1 || got[1] != -32 || got[10] != 32 {
			t.Errorf("PowScalar of %g is %g", a, got)
		}
	})
}

// Gradients reach their limits exactly and pass NaN on.
func TestGradientLimits(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{inf, 1e30, 200, -inf, -1e30, -200, float32(math.NaN())}
	g := []float32{3, 3, 3, 3, 3, 3, 3}
	want := []float32{3, 3, 3, 0, 0, 0, float32(math.NaN())}
	eachISA(t, func(t *testing.T) {
		for name, f := range map[string]func(dst, g, x []float32){
			"GELUGrad": GELUGrad[float32], "GELUTanhGrad": GELUTanhGrad[float32],
			"SiLUGrad": SiLUGrad[float32], "SoftplusGrad": SoftplusGrad[float32],
			"ELUGrad": func(dst, g, x []float32) { ELUGrad(dst, g, x, 1.5) },
		} {
			got := make([]float32, len(x))
			f(got, g, x)
			for i, v := range got {
				if v != want[i] && (v == v || want[i] == want[i]) {
					t.Errorf("%s(3, %g) = %g, want %g", name, x[i], v, want[i])
				}
			}
		}
	})
}

func BenchmarkElementwise(b *testing.B) {
	const n = 1 << 14
	r := rand.New(rand.NewPCG(1, 2))
	in := make([][]float32, 3)
	for k := range in {
		in[k] = make([]float32, n)
		for i := range in[k] {
			in[k][i] = float32(r.NormFloat64() * 2)
		}
	}
	dst := make([]float32, n)
	best := active
	defer func() { active = best }()
	for _, o := range operations {
		for isa := best; isa > Portable; isa-- {
			b.Run(fmt.Sprint(o.name, "/", isa), func(b *testing.B) {
				active = isa
				for b.Loop() {
					o.f32(dst, in[0], in[1], in[2])
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
			})
		}
	}
}

// Underflow must not be slow: attention masks make it the common case.
func BenchmarkExpUnderflow(b *testing.B) {
	x, dst := make([]float32, 1<<12), make([]float32, 1<<12)
	for _, v := range []float32{-1, -95, -1e9} {
		Fill(x, v)
		b.Run(fmt.Sprint(v), func(b *testing.B) {
			for b.Loop() {
				Exp(dst, x)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/elem")
		})
	}
}
