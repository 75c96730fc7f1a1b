package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// comparisons writes a == b and its kin, from float32 to bool, and the choice
// by a bool; n is a multiple of 16.
func (g *isa) comparisons() {
	for _, c := range []struct {
		name string
		pred uint8
	}{{"Equal", eqOQ}, {"NotEqual", 4}, {"Less", ltOQ}, {"LessEqual", leOQ}} {
		g.compare("vec"+c.name, c.pred)
	}
	g.where()
}

// each loops over n elements, 16 at a time, with pointers p to elements of the
// given sizes.
func (g *isa) each(n reg.GPVirtual, p []reg.GPVirtual, sizes []int, body func()) {
	g.ctx.Label("loop")
	g.ctx.CMPQ(n, operand.U32(16))
	g.ctx.JL(operand.LabelRef("done"))
	body()
	for i := range p {
		g.ctx.ADDQ(operand.U32(16*sizes[i]), p[i])
	}
	g.ctx.SUBQ(operand.U32(16), n)
	g.ctx.JMP(operand.LabelRef("loop"))
	g.ctx.Label("done")
	g.end()
}

func (g *isa) compare(name string, pred uint8) {
	ctx := g.ctx
	g.begin(name, "func(dst *bool, a, b *float32, n int)", "compares n elements, a multiple of 16.")
	dst, a, b, n := g.param("dst"), g.param("a"), g.param("b"), g.param("n")
	one := ctx.XMM()
	ctx.VMOVDQU(g.data.mem(0x01010101, 0x01010101, 0x01010101, 0x01010101), one)
	g.each(n, []reg.GPVirtual{dst, a, b}, []int{1, 4, 4}, func() {
		d := ctx.XMM()
		if g.wide {
			ctx.VMOVDQU8_Z(one, g.cmp(pred, g.load(g.at(a, 0), nil), g.load(g.at(b, 0), nil)), d)
		} else {
			var m [2]vec
			for j := range m {
				m[j] = g.cmp(pred, g.load(g.at(a, j), nil), g.load(g.at(b, j), nil)).(vec)
			}
			ctx.VPACKSSDW(m[1], m[0], m[0]) // words of a0-3 b0-3 | a4-7 b4-7
			ctx.VPERMQ(operand.U8(0xd8), m[0], m[0])
			ctx.VEXTRACTI128(operand.U8(1), m[0], d)
			ctx.VPACKSSWB(d, m[0].AsX(), d)
			ctx.VPAND(one, d, d)
		}
		ctx.VMOVDQU(d, operand.Mem{Base: dst})
	})
}

func (g *isa) where() {
	ctx := g.ctx
	g.begin("vecWhere", "func(dst *float32, cond *bool, a, b *float32, n int)", "picks n elements, a multiple of 16.")
	dst, cond, a, b, n := g.param("dst"), g.param("cond"), g.param("a"), g.param("b"), g.param("n")
	zero := g.copy(g.c(0))
	g.each(n, []reg.GPVirtual{dst, cond, a, b}, []int{4, 1, 4, 4}, func() {
		for j := range 16 / g.width() {
			c := g.reg()
			ctx.VPMOVZXBD(operand.Mem{Base: cond, Disp: 8 * j}, c)
			x, y := g.load(g.at(a, j), nil), g.load(g.at(b, j), nil)
			if g.wide {
				k := ctx.K()
				ctx.VPTESTMD(c, c, k)
				x = g.sel(k, x, y)
			} else {
				ctx.VPCMPEQD(zero, c, c)
				x = g.sel(c, y, x)
			}
			g.store(g.at(dst, j), nil, x)
		}
	})
}
