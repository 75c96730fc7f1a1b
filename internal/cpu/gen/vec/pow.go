package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// pow returns aᵇ = 2^(b·log₂ a) for finite a > 0 and finite b, in float64 by
// halves, so that the result is right to ½ ULP. AVX-512 only.
func (g *isa) pow(a, b vec) vec {
	y := g.ctx.ZMM()
	g.ctx.VMOVAPS(g.powHalf(a, b).AsZ(), y)
	upper := func(v vec) vec {
		d := g.ctx.YMM()
		g.ctx.VEXTRACTF64X4(operand.U8(1), v, d)
		return d
	}
	h := g.powHalf(upper(a), upper(b))
	g.ctx.VINSERTF64X4(operand.U8(1), h, y, y)
	return y
}

// c64 loads a float64 into every lane.
func (g *isa) c64(v float64) vec {
	u := math.Float64bits(v)
	d := g.reg()
	g.ctx.VBROADCASTSD(g.data.mem(uint32(u), uint32(u>>32)), d)
	return d
}

// table64 loads eight float64.
func (g *isa) table64(v []float64) vec {
	var words []uint32
	for _, f := range v {
		u := math.Float64bits(f)
		words = append(words, uint32(u), uint32(u>>32))
	}
	d := g.reg()
	g.ctx.VMOVUPD(g.data.mem(words...), d)
	return d
}

// horner64 evaluates a polynomial, lowest degree first.
func (g *isa) horner64(x vec, c []float64) vec {
	p := g.c64(c[len(c)-1])
	for d := len(c) - 2; d >= 0; d-- {
		g.ctx.VFMADD213PD(g.c64(c[d]), x, p)
	}
	return p
}

// powLog holds c ≈ 1/m and −log₂ c by the four leading bits of m in [¾, 1½), as
// in newLogTables.
var powLog = func() (t [2][16]float64) {
	for i, c := range newLogTables(4)[0] {
		t[0][i] = float64(math.Float32frombits(c))
		t[1][i] = -math.Log2(t[0][i])
	}
	return t
}()

var (
	// powLogFit is (log(1+r) − r)/r²·log₂ e for r from −1/32 to 1/16.
	powLogFit = series(-2.1/64, 4.1/64, 6, func(k int) float64 {
		return -alternate(k) / float64(k+2) * math.Log2E
	})
	// powExpFit is 2ᶠ on ±½.
	powExpFit = series(-0.5, 0.5, 7, func(k int) float64 {
		return math.Pow(math.Ln2, float64(k)) / factorial(k)
	})
)

// powHalf is pow for eight lanes in lower halves.
func (g *isa) powHalf(a, b vec) vec {
	ctx := g.ctx
	x, m, e, em, index := g.reg(), g.reg(), g.reg(), g.reg(), g.reg()
	ctx.VCVTPS2PD(a.AsY(), x)
	ctx.VGETMANTPD(operand.U8(3), x, m)
	ctx.VGETEXPPD(x, e)
	ctx.VGETEXPPD(m, em)
	ctx.VSUBPD(em, e, e)
	ctx.VPSRLQ(operand.U8(48), m, index)
	lookup := func(t [16]float64) vec {
		d := g.copy(index)
		ctx.VPERMI2PD(g.table64(t[8:]), g.table64(t[:8]), d)
		return d
	}
	r := g.c64(1)
	ctx.VFMSUB231PD(lookup(powLog[0]), m, r)
	p := g.horner64(r, powLogFit) // log₂(1+r) = r·(log₂ e + r·p)
	ctx.VFMADD213PD(g.c64(math.Log2E), r, p)
	high := lookup(powLog[1])
	ctx.VADDPD(e, high, high)
	ctx.VFMADD213PD(high, r, p)

	y, n := g.reg(), g.reg()
	ctx.VCVTPS2PD(b.AsY(), y)
	ctx.VMULPD(p, y, y)
	ctx.VMINPD(g.c64(300), y, y)
	ctx.VMAXPD(g.c64(-300), y, y)
	ctx.VRNDSCALEPD(operand.U8(8), y, n)
	ctx.VSUBPD(n, y, y)
	q := g.horner64(y, powExpFit)
	ctx.VSCALEFPD(n, q, q)
	d := ctx.YMM()
	ctx.VCVTPD2PS(q, d)
	return d
}
