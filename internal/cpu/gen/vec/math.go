package main

import (
	"math"
	"sync"

	"github.com/mmcloughlin/avo/operand"
)

const (
	ln2Hi     = 0x1.62ep-1 // ln 2 to 12 bits, so that n·ln2Hi is exact
	magic     = 0x1.8p23   // adding it leaves round(x) in the low mantissa bits
	geluScale = 0.79788456080286535588
	geluCubic = 0.044715
)

// fit is a function on [0, limit] in pieces of width step, centred on multiples
// of step: coefficient d of piece i, lowest degree first, is coef[d][i].
type fit struct {
	step, limit float64
	coef        [][]uint32
}

// newFit interpolates f on each piece in the Chebyshev points.
func newFit(pieces int, step float64, degree int, f func(float64) float64) *fit {
	step = float64(float32(step))
	r := &fit{step: step, limit: float64(float32((float64(pieces) - 0.51) * step)), coef: make([][]uint32, degree+1)}
	for d := range r.coef {
		r.coef[d] = make([]uint32, pieces)
	}
	for i := range pieces {
		centre := step * float64(i)
		for d, c := range interpolate(func(x float64) float64 { return f(centre + x) }, step/2, degree) {
			r.coef[d][i] = math.Float32bits(float32(c))
		}
	}
	return r
}

// interpolate returns the polynomial through f at the degree+1 Chebyshev points
// of [−a, a].
func interpolate(f func(float64) float64, a float64, degree int) []float64 {
	n := degree + 1
	x, c := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = a * math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		c[i] = f(x[i])
	}
	for k := 1; k < n; k++ { // divided differences
		for i := n - 1; i >= k; i-- {
			c[i] = (c[i] - c[i-1]) / (x[i] - x[i-k])
		}
	}
	p := []float64{c[n-1]}
	for i := n - 2; i >= 0; i-- { // p = p·(X − x[i]) + c[i]
		q := append([]float64{0}, p...)
		for k := range p {
			q[k] -= x[i] * p[k]
		}
		q[0] += c[i]
		p = q
	}
	return p
}

// eval is what the assembly computes.
func (f *fit) eval(x float32) float32 {
	n := math.RoundToEven(float64(x) / f.step)
	r := float32(float64(x) - n*f.step)
	i := int(n) & (len(f.coef[0]) - 1)
	p := math.Float32frombits(f.coef[len(f.coef)-1][i])
	for d := len(f.coef) - 2; d >= 0; d-- {
		p = float32(float64(p)*float64(r) + float64(math.Float32frombits(f.coef[d][i])))
	}
	return p
}

// saturate moves limit to where limit·f(limit) is exactly want, at which the
// clamped function then stays for ever.
func (f *fit) saturate(want float32) *fit {
	for range 1 << 16 {
		l := float32(f.limit)
		if l*f.eval(l) == want {
			return f
		}
		f.limit = float64(math.Nextafter32(l, 0))
	}
	panic("no point of saturation")
}

// perISA makes both forms of a fit, once: tables are told apart by address.
func perISA(f func(wide bool) *fit) func(wide bool) *fit {
	a := sync.OnceValue(func() *fit { return f(false) })
	b := sync.OnceValue(func() *fit { return f(true) })
	return func(wide bool) *fit {
		if wide {
			return b()
		}
		return a()
	}
}

// choose is wide ? a : b.
func choose[T any](wide bool, a, b T) T {
	if wide {
		return a
	}
	return b
}

// over returns f(u)/u, with its value at 0.
func over(f func(float64) float64, at0 float64) func(float64) float64 {
	return func(u float64) float64 {
		if math.Abs(u) < 1e-9 {
			return at0
		}
		return f(u) / u
	}
}

// tanhFit is tanh(u)/u up to where tanh is 1.
var tanhFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 37./128, 79./64), choose(wide, 5, 11), over(math.Tanh, 1)).saturate(1)
})

// erfFit is erf(u)/u up to where erf is 1.
var erfFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 17./128, 35./64), choose(wide, 4, 8), over(math.Erf, 2/math.Sqrt(math.Pi))).saturate(1)
})

// geluFit is Φ(−u), 0 on the last piece.
var geluFit = perISA(func(wide bool) *fit {
	f := newFit(choose(wide, 16, 8), choose(wide, 7./16, 0.90625), choose(wide, 5, 9), func(u float64) float64 {
		return 0.5 * math.Erfc(u/math.Sqrt2)
	})
	for _, c := range f.coef {
		c[len(c)-1] = 0
	}
	return f
})

// geluGradFit is (E(u) − ½)/u where E(u) = Φ(u) + u·φ(u) is GELU's derivative.
var geluGradFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 13./64, 27./32), choose(wide, 5, 10), over(func(u float64) float64 {
		return 0.5*math.Erf(u/math.Sqrt2) + u*math.Exp(-0.5*u*u)/math.Sqrt(2*math.Pi)
	}, 2/math.Sqrt(2*math.Pi))).saturate(0.5)
})

// geluTanhFit is the gate ½(1 + tanh(√(2/π)(x + 0.044715x³))) at −u, 0 on the
// last piece.
var geluTanhFit = perISA(func(wide bool) *fit {
	f := newFit(choose(wide, 32, 8), choose(wide, 7./32, 0.875), choose(wide, 5, 11), func(u float64) float64 {
		return 1 / (1 + math.Exp(2*geluScale*u*(1+geluCubic*u*u)))
	})
	for _, c := range f.coef {
		c[len(c)-1] = 0
	}
	return f
})

// geluTanhGradFit is (E(u) − ½)/u, E the derivative of x times the gate.
var geluTanhGradFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 3./16, 13./16), choose(wide, 6, 13), over(func(u float64) float64 {
		t := math.Tanh(geluScale * u * (1 + geluCubic*u*u))
		return 0.5*t + 0.5*u*geluScale*(1+3*geluCubic*u*u)*(1-t*t)
	}, geluScale)).saturate(0.5)
})

// log1pFit is log(1+z)/z on [0, 1].
var log1pFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 16, 8), choose(wide, 1./15, 1./7), choose(wide, 4, 5), over(math.Log1p, 1))
})

// piecewise evaluates f at u in [0, limit].
func (g *isa) piecewise(u vec, f *fit) vec {
	index := g.fma(u, g.c(1/f.step), g.c(magic))
	r := g.fnma(g.sub(index, g.c(magic)), g.c(f.step), u)
	p := g.lookup(f.coef[len(f.coef)-1], index)
	for d := len(f.coef) - 2; d >= 0; d-- {
		g.fmaTo(p, r, g.lookup(f.coef[d], index))
	}
	return p
}

// clamp limits x to ±limit; NaN stays NaN.
func (g *isa) clamp(x vec, limit float64) vec {
	return g.max(g.c(-limit), g.min(g.c(limit), x))
}

// odd evaluates the odd function x·f(|x|).
func (g *isa) odd(x vec, fits func(bool) *fit) vec {
	f := fits(g.wide)
	xc := g.clamp(x, f.limit)
	return g.mul(xc, g.piecewise(g.abs(xc), f))
}

// expFit is (eʳ − 1 − r)/r² on ±½ ln 2, to relative error 2⁻²⁸.
var expFit = series(-0.3467, 0.3467, 4, func(k int) float64 { return 1 / factorial(k+2) })

// exp returns eˣ, with gradual underflow.
func (g *isa) exp(x vec) vec {
	return g.expClamped(g.max(g.c(-104.5), g.min(g.c(89), x)))
}

// expClamped is exp for x in [−104.5, 89]: 2ⁿ·eʳ.
func (g *isa) expClamped(x vec) vec {
	n, r := g.expReduce(x)
	p := g.horner(r, expFit)
	g.fmaTo(p, r, g.c(1))
	g.fmaTo(p, r, g.c(1))
	return g.scale(p, n)
}

// expReduce returns n = round(x/ln 2) and r = x − n·ln 2.
func (g *isa) expReduce(x vec) (n, r vec) {
	n = g.sub(g.fma(x, g.c(1/math.Ln2), g.c(magic)), g.c(magic))
	r = g.fnma(n, g.c(ln2Hi), x)
	g.subMulTo(r, n, g.c(math.Ln2-ln2Hi))
	return n, r
}

// expm1 returns eˣ − 1 = 2(2ⁿ⁻¹(eʳ − 1) + 2ⁿ⁻¹ − ½), x itself when tiny.
func (g *isa) expm1(x vec) vec {
	n, r := g.expReduce(g.max(g.c(-30), g.min(g.c(89), x)))
	p := g.horner(r, expFit)
	g.fmaTo(p, g.mul(r, r), r)
	s := g.scale(g.c(0.5), n)
	g.fmaTo(p, s, g.sub(s, g.c(0.5)))
	return g.sel(g.cmp(ltOQ, g.abs(x), g.c(0x1p-26)), x, g.add(p, p))
}

// scale returns p·2ⁿ for integers −151 ≤ n ≤ 129.
func (g *isa) scale(p, n vec) vec {
	if g.wide {
		return g.op(g.ctx.VSCALEFPS, p, n)
	}
	i := g.reg()
	g.ctx.VCVTPS2DQ(n, i)
	half := g.sar(i, 1)
	one := g.bits(0x3f800000)
	p = g.mul(p, g.iadd(g.shl(half, 23), one))
	return g.mul(p, g.iadd(g.shl(g.isub(i, half), 23), one))
}

// sigmoid returns 1/(1+e⁻ˣ).
func (g *isa) sigmoid(x vec) vec {
	negative, r, zr := g.sigmoids(x)
	return g.sel(negative, zr, r)
}

// sigmoids returns the sigmoids of |x| and −|x| by way of z = exp(−|x|), 1/(1+z)
// and z/(1+z), and whether x is negative.
func (g *isa) sigmoids(x vec) (negative mask, r, zr vec) {
	z := g.expClamped(g.max(g.c(-104.5), g.or(x, g.bits(0x80000000))))
	d := g.add(z, g.c(1))
	r = g.reciprocal(d)
	return g.cmp(ltOQ, x, g.c(0)), r, g.mul(z, r)
}

// reciprocal returns 1/d for 1 ≤ d ≤ 2, to 1 ULP.
func (g *isa) reciprocal(d vec) vec {
	if !g.wide {
		return g.div(g.c(1), d)
	}
	r := g.reg()
	g.ctx.VRCP14PS(d, r)
	e := g.fnma(d, r, g.c(1)) // one Newton step on r
	g.fmaTo(e, r, r)
	return e
}

// times returns x·p where p vanishes before x overflows: −Inf counts as finite.
func (g *isa) times(x, p vec) vec {
	return g.mul(g.max(g.c(-math.MaxFloat32), x), p)
}

// gated returns x·gate(x) for a gate whose values at −|x| the fit gives: for
// x > 0 it is x less the same tail, since gate(x) + gate(−x) = 1.
func (g *isa) gated(x vec, f *fit) vec {
	u := g.min(g.c(f.limit), g.abs(x))
	tail := g.piecewise(u, f)
	y := g.max(g.c(0), x)
	g.subMulTo(y, u, tail)
	return y
}

// gatedSlope returns the derivative of such a function, ½ + x·f(|x|).
func (g *isa) gatedSlope(x vec, f *fit) vec {
	x = g.clamp(x, f.limit)
	return g.add(g.mul(g.piecewise(g.abs(x), f), x), g.c(0.5))
}

// softplus returns max(x, 0) + log(1 + exp(−|x|)).
func (g *isa) softplus(x vec) vec {
	z := g.expClamped(g.max(g.c(-104.5), g.or(x, g.bits(0x80000000))))
	l := g.piecewise(z, log1pFit(g.wide))
	g.fmaTo(l, z, g.max(g.c(0), x))
	return l
}

// The logarithm splits x = 2ᵉ·m with m in [¾, 1½), and looks up c ≈ 1/m by m's
// leading bits: log x = e·ln 2 − log c + log(1+r), r = m·c − 1 exactly. c is 1
// around m = 1, so that nothing cancels there.
var logTables = [2]func() [2][]uint32{
	sync.OnceValue(func() [2][]uint32 { return newLogTables(3) }),
	sync.OnceValue(func() [2][]uint32 { return newLogTables(4) }),
}

func newLogTables(bits int) (t [2][]uint32) {
	n := 1 << bits
	t[0], t[1] = make([]uint32, n), make([]uint32, n)
	for i := range n {
		m := 1 + (float64(i)+0.5)/float64(n)
		if i >= n/2 {
			m /= 2
		}
		if i == 0 || i == n-1 {
			m = 1
		}
		c := float32(math.RoundToEven(256/m) / 256) // few bits
		t[0][i] = math.Float32bits(c)
		t[1][i] = math.Float32bits(float32(-math.Log(float64(c))))
	}
	return t
}

// logFit is (log(1+r) − r)/r² for r from −1/16 to 1/8 (AVX2) or half of it.
func logFit(wide bool) []float64 {
	lo, hi := choose(wide, -2.1/64, -2.1/32), choose(wide, 4.1/64, 4.1/32)
	return series(lo, hi, choose(wide, 4, 5), func(k int) float64 {
		if k%2 == 0 {
			return -1 / float64(k+2)
		}
		return 1 / float64(k+2)
	})
}

// series returns the polynomial of a degree in x that interpolates Σ a(k)·xᵏ on
// [lo, hi].
func series(lo, hi float64, degree int, a func(k int) float64) []float64 {
	centre := (lo + hi) / 2
	p := interpolate(func(x float64) float64 {
		sum := 0.0
		for k := 40; k >= 0; k-- {
			sum = sum*(x+centre) + a(k)
		}
		return sum
	}, (hi-lo)/2, degree)
	q := make([]float64, len(p)) // p(x − centre)
	for i := len(p) - 1; i >= 0; i-- {
		for k := len(q) - 1; k > 0; k-- {
			q[k] = q[k-1] - centre*q[k]
		}
		q[0] = -centre*q[0] + p[i]
	}
	return q
}

// factorial returns n!.
func factorial(n int) float64 { return math.Round(math.Gamma(float64(n + 1))) }

// horner evaluates a polynomial, lowest degree first.
func (g *isa) horner(x vec, c []float64) vec {
	p := g.copy(g.c(c[len(c)-1]))
	for d := len(c) - 2; d >= 0; d-- {
		g.fmaTo(p, x, g.c(c[d]))
	}
	return p
}

// logSplit returns the parts of log x = e·ln 2 + high + low.
func (g *isa) logSplit(x vec) (e, high, low vec) {
	t := logTables[choose(g.wide, 1, 0)]()
	var m vec
	if g.wide {
		m, e = g.reg(), g.reg()
		g.ctx.VGETMANTPS(operand.U8(3|8), x, m) // [¾, 1½), NaN for negative x
		g.ctx.VGETEXPPS(x, e)
		em := g.reg()
		g.ctx.VGETEXPPS(m, em)
		e = g.sub(e, em)
	} else {
		small := g.cmp(ltOQ, x, g.c(0x1p-126)) // denormal, zero or negative
		bits := g.isub(g.sel(small, g.mul(x, g.c(0x1p23)), x), g.c(0.75))
		m = g.iadd(g.and(bits, g.bits(0x7fffff)), g.c(0.75))
		e = g.reg()
		g.ctx.VCVTDQ2PS(g.sar(bits, 23), e)
		e = g.sub(e, g.keep(small, g.c(23)))
	}
	index := g.shr(m, uint8(choose(g.wide, 19, 20)))
	r := g.fms(m, g.lookup(t[0], index), g.c(1))
	low = g.horner(r, logFit(g.wide))
	g.fmaTo(low, g.mul(r, r), r)
	return e, g.lookup(t[1], index), low
}

// logEdges puts log's values at 0, +Inf, NaN and negative x in place, which
// come by themselves with AVX-512.
func (g *isa) logEdges(x, y vec) vec {
	if g.wide {
		return y
	}
	y = g.sel(g.cmp(ltOQ, x, g.c(math.Inf(1))), y, x)
	y = g.sel(g.cmp(ltOQ, x, g.c(0)), g.c(math.NaN()), y)
	return g.sel(g.cmp(eqOQ, x, g.c(0)), g.c(math.Inf(-1)), y)
}

func (g *isa) log(x vec) vec {
	e, high, low := g.logSplit(x)
	g.addMulTo(low, e, g.c(math.Ln2-ln2Hi))
	return g.logEdges(x, g.add(g.fma(e, g.c(ln2Hi), high), low))
}

func (g *isa) log2(x vec) vec {
	e, high, low := g.logSplit(x)
	return g.logEdges(x, g.fma(g.add(high, low), g.c(math.Log2E), e))
}

func (g *isa) log10(x vec) vec {
	const hi = 0x1.344p-2 // log₁₀ 2 to 12 bits
	e, high, low := g.logSplit(x)
	y := g.mul(e, g.c(math.Ln2/math.Ln10-hi))
	g.addMulTo(y, g.add(high, low), g.c(math.Log10E))
	g.addMulTo(y, e, g.c(hi))
	return g.logEdges(x, y)
}

// log1p returns log u + (x − (u−1))/u with u = 1 + x rounded.
func (g *isa) log1p(x vec) vec {
	u := g.add(x, g.c(1))
	rest := g.div(g.sub(x, g.sub(u, g.c(1))), u)
	rest = g.keep(g.cmp(ltOQ, g.abs(rest), g.c(1)), rest) // not at u = 0 or ∞
	return g.add(g.log(u), rest)
}

// sinFit is (sin(r)/r − 1)/r² and cosFit (cos(r) − 1 + r²/2)/r⁴, both in r², for
// |r| ≤ π/4.
var (
	sinFit = series(0, 0.62, 2, func(k int) float64 { return alternate(k+1) / factorial(2*k+3) })
	cosFit = series(0, 0.62, 2, func(k int) float64 { return alternate(k) / factorial(2*k+4) })
)

// alternate is (−1)ᵏ.
func alternate(k int) float64 { return float64(1 - 2*(k%2)) }

// sine returns sin(x + quarters·π/2) for |x| ≤ 2²⁰: x less n·π/2 (in three
// parts, Cody and Waite) goes through the series of sine or cosine.
func (g *isa) sine(x vec, quarters float64) vec {
	const (
		p1 = 0x1.921fb6p0 // π/2 in pieces of 24 bits
		p2 = -0x1.777a5cp-25
		p3 = -0x1.ee59dap-50
	)
	index := g.fma(x, g.c(2/math.Pi), g.c(magic))
	n := g.sub(index, g.c(magic))
	r := g.fnma(n, g.c(p1), x)
	g.subMulTo(r, n, g.c(p2))
	g.subMulTo(r, n, g.c(p3))
	if quarters != 0 {
		index = g.iadd(index, g.bits(uint32(quarters)))
	}
	z := g.mul(r, r)
	sin := g.horner(z, sinFit)
	g.fmaTo(sin, g.mul(z, r), r)
	cos := g.horner(z, cosFit)
	g.fmaTo(cos, z, g.c(-0.5))
	g.fmaTo(cos, z, g.c(1))
	odd := g.shl(index, 31) // picks the cosine
	flip := g.and(g.shl(index, 30), g.bits(0x80000000))
	var y vec
	if g.wide {
		k := g.ctx.K()
		g.ctx.VPMOVD2M(odd, k)
		y = g.sel(k, cos, sin)
	} else {
		y = g.sel(odd, cos, sin)
	}
	return g.xor(y, flip)
}
