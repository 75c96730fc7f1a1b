package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// loop advances the pointers over n elements, lanes vectors at a time and then
// one at a time; step(j, m) handles vector j, masked with m if not nil.
func (g *isa) loop(n reg.GPVirtual, lanes int, p []reg.GPVirtual, step func(j int, m mask)) {
	ctx, w := g.ctx, g.width()
	steps := []int{lanes}
	if lanes > 1 {
		steps = append(steps, 1)
	}
	for _, u := range steps {
		loop, next := fmt.Sprintf("loop%d", u), fmt.Sprintf("below%d", u)
		ctx.Label(loop)
		ctx.CMPQ(n, operand.U32(u*w))
		ctx.JL(operand.LabelRef(next))
		for j := range u {
			step(j, nil)
		}
		for i := range p {
			ctx.ADDQ(operand.U32(4*w*u), p[i])
		}
		ctx.SUBQ(operand.U32(u*w), n)
		ctx.JMP(operand.LabelRef(loop))
		ctx.Label(next)
	}
	ctx.TESTQ(n, n)
	ctx.JE(operand.LabelRef("done"))
	step(0, g.tailMask(n))
	ctx.Label("done")
}

// param loads a pointer or integer argument.
func (g *isa) param(name string) reg.GPVirtual {
	r := g.ctx.GP64()
	g.ctx.Load(g.ctx.Param(name), r)
	return r
}

// broadcast loads a float32 argument into all lanes.
func (g *isa) broadcast(name string, offset int) vec {
	d := g.reg()
	g.ctx.VBROADCASTSS(operand.NewParamAddr(name, offset), d)
	return d
}

// fill returns n registers with the constant v.
func (g *isa) fill(n int, v float64) []vec {
	r := make([]vec, n)
	for i := range r {
		r[i] = g.copy(g.c(v))
	}
	return r
}

// horizontal folds all lanes of the accumulators with an instruction.
func (g *isa) horizontal(f func(...operand.Op), acc []vec) reg.VecVirtual {
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := range n {
			f(acc[i+n], acc[i], acc[i])
		}
	}
	v := acc[0]
	if g.wide {
		h := g.ctx.YMM()
		g.ctx.VEXTRACTF64X4(operand.U8(1), v, h)
		f(h, v.AsY(), h)
		v = h
	}
	x, y := g.ctx.XMM(), g.ctx.XMM()
	g.ctx.VEXTRACTF128(operand.U8(1), v.AsY(), x)
	f(x, v.AsX(), x)
	for _, order := range []uint8{0x4e, 0xb1} {
		g.ctx.VPSHUFD(operand.U8(order), x, y)
		f(y, x, x)
	}
	return x
}

func (g *isa) ret(i int, v reg.VecVirtual) { g.ctx.Store(v, g.ctx.ReturnIndex(i)) }

func (g *isa) reductions() {
	g.sum()
	g.dot()
	g.extreme("vecMax", math.Inf(-1), g.ctx.VMAXPS)
	g.extreme("vecMin", math.Inf(1), g.ctx.VMINPS)
	g.deviations()
	g.sumExp()
	g.sumRows()
}

func (g *isa) at(p reg.GPVirtual, j int) operand.Mem {
	return operand.Mem{Base: p, Disp: 4 * g.width() * j}
}

func (g *isa) sum() {
	g.begin("vecSum", "func(x *float32, n int) float32", "returns the sum of n elements.")
	x, n := g.param("x"), g.param("n")
	acc := g.fill(4, 0)
	g.loop(n, 4, []reg.GPVirtual{x}, func(j int, m mask) {
		g.ctx.VADDPS(g.load(g.at(x, j), m), acc[j], acc[j])
	})
	g.ret(0, g.horizontal(g.ctx.VADDPS, acc))
	g.end()
}

func (g *isa) dot() {
	g.begin("vecDot", "func(x, y *float32, n int) float32", "returns the sum of n products.")
	x, y, n := g.param("x"), g.param("y"), g.param("n")
	acc := g.fill(4, 0)
	g.loop(n, 4, []reg.GPVirtual{x, y}, func(j int, m mask) {
		g.addMulTo(acc[j], g.load(g.at(x, j), m), g.load(g.at(y, j), m))
	})
	g.ret(0, g.horizontal(g.ctx.VADDPS, acc))
	g.end()
}

// extreme writes max or min; a NaN anywhere is collected apart, because the
// instructions drop it.
func (g *isa) extreme(name string, start float64, pick func(...operand.Op)) {
	g.begin(name, "func(x *float32, n int) float32", "returns the extreme of n elements, NaN if there is one.")
	x, n := g.param("x"), g.param("n")
	acc := g.fill(4, start)
	idle := g.copy(acc[0])
	nan := g.fill(1, 0)[0]
	g.loop(n, 4, []reg.GPVirtual{x}, func(j int, m mask) {
		v := g.load(g.at(x, j), m)
		if g.wide {
			g.ctx.VMOVAPS(v, g.cmp(unord, v, v), nan)
		} else {
			g.ctx.VORPS(g.cmp(unord, v, v).(vec), nan, nan)
		}
		if m != nil {
			v = g.sel(m, v, idle)
		}
		pick(acc[j], v, acc[j]) // acc where v is NaN
	})
	r := g.horizontal(pick, acc)
	zero := g.c(0)
	any := g.ctx.GP32()
	if g.wide {
		g.ctx.KMOVW(g.cmp(unord, nan, zero), any)
	} else {
		g.ctx.VMOVMSKPS(nan, any)
	}
	g.ctx.TESTL(any, any)
	g.ctx.JE(operand.LabelRef("number"))
	g.ctx.VBROADCASTSS(g.data.mem(0x7fc00000), r)
	g.ctx.Label("number")
	g.ret(0, r)
	g.end()
}

func (g *isa) deviations() {
	g.begin("vecDeviations", "func(x *float32, n int, c float32) (sum, squares float32)", "returns the sums of x-c and of its square.")
	x, n := g.param("x"), g.param("n")
	c := g.broadcast("c", 16)
	s, q := g.fill(4, 0), g.fill(4, 0)
	g.loop(n, 4, []reg.GPVirtual{x}, func(j int, m mask) {
		d := g.sub(g.load(g.at(x, j), m), c)
		if m != nil {
			d = g.keep(m, d)
		}
		g.ctx.VADDPS(d, s[j], s[j])
		g.addMulTo(q[j], d, d)
	})
	g.ret(0, g.horizontal(g.ctx.VADDPS, s))
	g.ret(1, g.horizontal(g.ctx.VADDPS, q))
	g.end()
}

func (g *isa) sumExp() {
	g.begin("vecSumExp", "func(x *float32, n int, c float32) float32", "returns the sum of exp(x-c), x <= c.")
	x, n := g.param("x"), g.param("n")
	c := g.broadcast("c", 16)
	g.rehearse(func() { g.expFlush(g.reg()) })
	acc := g.fill(4, 0)
	g.loop(n, 4, []reg.GPVirtual{x}, func(j int, m mask) {
		e, _, _, _ := g.expFlush(g.sub(g.load(g.at(x, j), m), c))
		if m != nil {
			e = g.keep(m, e)
		}
		g.ctx.VADDPS(e, acc[j], acc[j])
	})
	g.ret(0, g.horizontal(g.ctx.VADDPS, acc))
	g.end()
}

// sumRows goes down the rows for four vectors of columns at a time.
func (g *isa) sumRows() {
	g.begin("vecSumRows", "func(dst, x *float32, m, n, ldx int)", "sums m >= 1 rows of n columns, ldx apart.")
	dst, x, m, n, ldx := g.param("dst"), g.param("x"), g.param("m"), g.param("n"), g.param("ldx")
	g.ctx.SHLQ(operand.U8(2), ldx)
	columns := func(u int, mk mask) {
		label := fmt.Sprintf("rows%d%t", u, mk != nil)
		acc := g.fill(u, 0)
		p, i := g.ctx.GP64(), g.ctx.GP64()
		g.ctx.MOVQ(x, p)
		g.ctx.MOVQ(m, i)
		g.ctx.Label(label)
		for j := range acc {
			g.ctx.VADDPS(g.load(g.at(p, j), mk), acc[j], acc[j])
		}
		g.ctx.ADDQ(ldx, p)
		g.ctx.DECQ(i)
		g.ctx.JNE(operand.LabelRef(label))
		for j := range acc {
			g.store(g.at(dst, j), mk, acc[j])
		}
	}
	w := g.width()
	for _, u := range []int{4, 1} {
		loop, next := fmt.Sprintf("loop%d", u), fmt.Sprintf("below%d", u)
		g.ctx.Label(loop)
		g.ctx.CMPQ(n, operand.U32(u*w))
		g.ctx.JL(operand.LabelRef(next))
		columns(u, nil)
		g.ctx.ADDQ(operand.U32(4*u*w), x)
		g.ctx.ADDQ(operand.U32(4*u*w), dst)
		g.ctx.SUBQ(operand.U32(u*w), n)
		g.ctx.JMP(operand.LabelRef(loop))
		g.ctx.Label(next)
	}
	g.ctx.TESTQ(n, n)
	g.ctx.JE(operand.LabelRef("done"))
	columns(1, g.tailMask(n))
	g.ctx.Label("done")
	g.end()
}
