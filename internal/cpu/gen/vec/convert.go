package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// convert writes a loop that converts w elements at a time; n is a multiple of
// w, which is at most 16.
func (g *isa) convert(name, dst, src string, w, dstSize, srcSize int, body func(dst, src operand.Mem)) {
	g.begin(name, "func(dst *"+dst+", src *"+src+", n int)", "converts n elements, a multiple of 16.")
	d, s, n := g.param("dst"), g.param("src"), g.param("n")
	g.ctx.Label("loop")
	g.ctx.CMPQ(n, operand.U32(w))
	g.ctx.JL(operand.LabelRef("done"))
	body(operand.Mem{Base: d}, operand.Mem{Base: s})
	g.ctx.ADDQ(operand.U32(w*dstSize), d)
	g.ctx.ADDQ(operand.U32(w*srcSize), s)
	g.ctx.SUBQ(operand.U32(w), n)
	g.ctx.JMP(operand.LabelRef("loop"))
	g.ctx.Label("done")
	g.end()
}

// halfReg is a register half as wide as a vector.
func (g *isa) halfReg() reg.VecVirtual {
	if g.wide {
		return g.ctx.YMM()
	}
	return g.ctx.XMM()
}

func (g *isa) conversions() {
	ctx, w := g.ctx, g.width()
	g.convert("vecWidenFloat64", "float64", "float32", w/2, 8, 4, func(d, s operand.Mem) {
		v := g.reg()
		ctx.VCVTPS2PD(s, v)
		ctx.VMOVUPD(v, d)
	})
	g.convert("vecNarrowFloat64", "float32", "float64", w/2, 4, 8, func(d, s operand.Mem) {
		v := g.halfReg()
		if g.wide {
			ctx.VCVTPD2PS(s, v)
		} else {
			ctx.VCVTPD2PSY(s, v)
		}
		ctx.VMOVUPS(v, d)
	})
	g.convert("vecWidenFloat16", "float32", "uint16", w, 4, 2, func(d, s operand.Mem) {
		v := g.reg()
		ctx.VCVTPH2PS(s, v)
		ctx.VMOVUPS(v, d)
	})
	g.convert("vecNarrowFloat16", "uint16", "float32", w, 2, 4, func(d, s operand.Mem) {
		v := g.reg()
		ctx.VMOVUPS(s, v)
		ctx.VCVTPS2PH(operand.U8(0), v, d) // to nearest even
	})
	g.convert("vecWidenBFloat16", "float32", "uint16", w, 4, 2, func(d, s operand.Mem) {
		v := g.reg()
		ctx.VPMOVZXWD(s, v)
		ctx.VMOVUPS(g.shl(v, 16), d)
	})
	g.convert("vecNarrowBFloat16", "uint16", "float32", w, 2, 4, func(d, s operand.Mem) {
		v := g.load(s, nil)
		odd := g.and(g.shr(v, 16), g.bits(1))
		up := g.iadd(g.iadd(v, g.bits(0x7fff)), odd)
		r := g.shr(g.sel(g.cmp(unord, v, v), g.or(v, g.bits(0x400000)), up), 16)
		if g.wide {
			ctx.VPMOVDW(r, d)
			return
		}
		ctx.VPACKUSDW(r, r, r)
		ctx.VPERMQ(operand.U8(0xd8), r, r)
		ctx.VMOVUPS(r.AsX(), d)
	})
}
