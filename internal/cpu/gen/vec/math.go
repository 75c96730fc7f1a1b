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

// Below expNormal, eˣ is no normal number, and below expLeast it rounds to 0.
const (
	expNormal = -87.33
	expLeast  = -104
)

// Instructions whose result is denormal, or rounds to 0, take a hundred times
// as long. So exp masks such lanes out, and where there are any, branches to
// where a denormal is made as the integer that it is in memory, eˣ·2¹⁴⁹.

// exp returns eˣ, with gradual underflow.
func (g *isa) exp(x vec) vec {
	// Just below the logarithm of 2¹²⁸: 2ⁿ·p is finite. Scaling overflows by
	// itself with AVX-512.
	limit := choose(g.wide, 89, 0x1.62e42ep6)
	large := x
	x = g.min(g.c(limit), x)
	y, p, n, normal := g.expFlush(x)
	if !g.wide {
		y = g.sel(g.cmp(gtOQ, large, g.c(limit)), g.c(math.Inf(1)), y)
	}
	all := g.ctx.GP32()
	done := g.label("normal")
	if g.wide {
		g.ctx.KORTESTW(normal, normal)
		g.ctx.JCS(operand.LabelRef(done))
	} else {
		g.ctx.VMOVMSKPS(normal.(vec), all)
		g.ctx.CMPL(all, operand.U32(0xff))
		g.ctx.JE(operand.LabelRef(done))
	}
	g.ctx.VORPS(g.denormal(x, p, n), y, y)
	g.ctx.Label(done)
	return y
}

// denormal returns 2ⁿ·p in lanes where eˣ is denormal, 0 in others.
func (g *isa) denormal(x, p, n vec) vec {
	d := g.reg()
	if g.wide {
		k := g.cmp(geOQ, x, g.load32(math.Float32bits(expLeast)))
		g.ctx.VCMPPS(operand.U8(ltOQ), g.load32(math.Float32bits(expNormal)), x, k, k)
		g.ctx.VSCALEFPS_Z(g.add(n, g.load32(math.Float32bits(149))), p, k, d)
		g.ctx.VCVTPS2DQ(d, d)
		return d
	}
	m := g.and(g.cmp(geOQ, x, g.c(expLeast)).(vec), g.cmp(ltOQ, x, g.c(expNormal)).(vec))
	g.ctx.VCVTPS2DQ(n, d)
	f := g.shl(g.iadd(d, g.bits(127+149)), 23)
	g.ctx.VCVTPS2DQ(g.mul(g.and(p, m), f), d)
	return g.and(d, m)
}

// expFlush returns y = eˣ for x ≤ 89, 0 where that is no normal number; also
// eˣ's parts 2ⁿ·p, and the mask of lanes where it is one or NaN.
func (g *isa) expFlush(x vec) (y, p, n vec, normal mask) {
	n, r := g.expReduce(x)
	p = g.horner(r, expFit)
	g.fmaTo(p, r, g.c(1))
	g.fmaTo(p, r, g.c(1))
	normal = g.cmp(nltUQ, x, g.c(expNormal))
	if g.wide {
		y = g.reg()
		g.ctx.VSCALEFPS_Z(n, p, normal, y)
		return y, p, n, normal
	}
	return g.keep(normal, g.scale(p, n)), p, n, normal
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

// scale returns p·2ⁿ for integers n where that is a normal number; NaN stays.
func (g *isa) scale(p, n vec) vec {
	if g.wide {
		return g.op(g.ctx.VSCALEFPS, p, n)
	}
	i := g.reg()
	g.ctx.VCVTPS2DQ(n, i) // of NaN 0x80000000, shifted 0
	return g.iadd(p, g.shl(i, 23))
}

// sigmoid returns 1/(1+e⁻ˣ).
func (g *isa) sigmoid(x vec) vec {
	negative, r, zr := g.sigmoids(x)
	return g.sel(negative, zr, r)
}

// sigmoids returns the sigmoids of |x| and −|x| by way of z = exp(−|x|), 1/(1+z)
// and z/(1+z), and whether x is negative.
func (g *isa) sigmoids(x vec) (negative mask, r, zr vec) {
	z, _, _, _ := g.expFlush(g.or(x, g.bits(0x80000000)))
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
	z, _, _, _ := g.expFlush(g.or(x, g.bits(0x80000000)))
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

// circular reduces x to r = x − n·π/2 (in three parts, Cody and Waite) for
// |x| ≤ 2²⁰ and returns n in the lowest bits of index, and r's sine and cosine.
func (g *isa) circular(x vec) (index, sin, cos vec) {
	const (
		p1 = 0x1.921fb6p0 // π/2 in pieces of 24 bits
		p2 = -0x1.777a5cp-25
		p3 = -0x1.ee59dap-50
	)
	index = g.fma(x, g.c(2/math.Pi), g.c(magic))
	n := g.sub(index, g.c(magic))
	r := g.fnma(n, g.c(p1), x)
	g.subMulTo(r, n, g.c(p2))
	g.subMulTo(r, n, g.c(p3))
	z := g.mul(r, r)
	sin = g.horner(z, sinFit)
	g.fmaTo(sin, g.mul(z, r), r)
	cos = g.horner(z, cosFit)
	g.fmaTo(cos, z, g.c(-0.5))
	g.fmaTo(cos, z, g.c(1))
	return index, sin, cos
}

// negative is the mask of lanes with the sign bit set.
func (g *isa) negative(x vec) mask {
	if !g.wide {
		return x
	}
	k := g.ctx.K()
	g.ctx.VPMOVD2M(x, k)
	return k
}

// sine returns sin(x + quarters·π/2).
func (g *isa) sine(x vec, quarters uint32) vec {
	index, sin, cos := g.circular(x)
	if quarters != 0 {
		index = g.iadd(index, g.bits(quarters))
	}
	y := g.sel(g.negative(g.shl(index, 31)), cos, sin)
	return g.xor(y, g.and(g.shl(index, 30), g.bits(0x80000000)))
}

// tan returns sin/cos, or −cos/sin in odd quarters.
func (g *isa) tan(x vec) vec {
	index, sin, cos := g.circular(x)
	odd := g.shl(index, 31)
	m := g.negative(odd)
	return g.xor(g.div(g.sel(m, cos, sin), g.sel(m, sin, cos)), odd)
}
