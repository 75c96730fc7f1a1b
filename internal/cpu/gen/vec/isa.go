package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a vector register; mask a predicate: an opmask register for AVX-512,
// a vector of all-ones and zeros for AVX2.
type (
	vec  = reg.VecVirtual
	mask = reg.Register
)

// isa writes instructions for AVX-512 (wide) or AVX2. Operations that end in
// To overwrite their first argument; the others write a new register.
type isa struct {
	ctx  *build.Context
	wide bool
	data *data

	want   []uint32       // constants seen in the rehearsal
	hoist  map[uint32]vec // constants held in registers over the loop
	wantT  [][]uint32     // tables likewise
	hoistT map[*uint32]vec
	s, t   vec // the scalar arguments

	labels int // that label has given
}

func (g *isa) suffix() string {
	if g.wide {
		return "AVX512"
	}
	return "AVX2"
}

// width is the number of float32 in a vector.
func (g *isa) width() int {
	if g.wide {
		return 16
	}
	return 8
}

func (g *isa) reg() vec {
	if g.wide {
		return g.ctx.ZMM()
	}
	return g.ctx.YMM()
}

// c returns a register with the constant in every lane, which must not be
// overwritten.
func (g *isa) c(v float64) vec { return g.bits(math.Float32bits(float32(v))) }

func (g *isa) bits(u uint32) vec {
	if r, ok := g.hoist[u]; ok {
		return r
	}
	g.want = append(g.want, u)
	return g.load32(u)
}

func (g *isa) load32(u uint32) vec {
	d := g.reg()
	g.ctx.VBROADCASTSS(g.data.mem(u), d)
	return d
}

func (g *isa) copy(a vec) vec {
	d := g.reg()
	g.ctx.VMOVAPS(a, d)
	return d
}

func (g *isa) op(f func(...operand.Op), a, b vec) vec {
	d := g.reg()
	f(b, a, d)
	return d
}

func (g *isa) add(a, b vec) vec { return g.op(g.ctx.VADDPS, a, b) }
func (g *isa) sub(a, b vec) vec { return g.op(g.ctx.VSUBPS, a, b) }
func (g *isa) mul(a, b vec) vec { return g.op(g.ctx.VMULPS, a, b) }
func (g *isa) div(a, b vec) vec { return g.op(g.ctx.VDIVPS, a, b) }

// min and max return b where a or b is NaN.
func (g *isa) min(a, b vec) vec { return g.op(g.ctx.VMINPS, a, b) }
func (g *isa) max(a, b vec) vec { return g.op(g.ctx.VMAXPS, a, b) }

func (g *isa) and(a, b vec) vec    { return g.op(g.ctx.VANDPS, a, b) }
func (g *isa) andNot(a, b vec) vec { return g.op(g.ctx.VANDNPS, a, b) } // ^a & b
func (g *isa) or(a, b vec) vec     { return g.op(g.ctx.VORPS, a, b) }
func (g *isa) xor(a, b vec) vec    { return g.op(g.ctx.VXORPS, a, b) }

func (g *isa) iadd(a, b vec) vec { return g.op(g.ctx.VPADDD, a, b) }
func (g *isa) isub(a, b vec) vec { return g.op(g.ctx.VPSUBD, a, b) }

func (g *isa) shl(a vec, n uint8) vec { d := g.reg(); g.ctx.VPSLLD(operand.U8(n), a, d); return d }
func (g *isa) shr(a vec, n uint8) vec { d := g.reg(); g.ctx.VPSRLD(operand.U8(n), a, d); return d }
func (g *isa) sar(a vec, n uint8) vec { d := g.reg(); g.ctx.VPSRAD(operand.U8(n), a, d); return d }

func (g *isa) sqrt(a vec) vec { d := g.reg(); g.ctx.VSQRTPS(a, d); return d }

// fma returns a·b + c.
func (g *isa) fma(a, b, c vec) vec { d := g.copy(c); g.ctx.VFMADD231PS(b, a, d); return d }

// fnma returns c − a·b.
func (g *isa) fnma(a, b, c vec) vec { d := g.copy(c); g.ctx.VFNMADD231PS(b, a, d); return d }

// fms returns a·b − c.
func (g *isa) fms(a, b, c vec) vec { d := g.copy(c); g.ctx.VFMSUB231PS(b, a, d); return d }

// fmaTo sets p = p·x + c; addMulTo p += a·b; subMulTo p −= a·b.
func (g *isa) fmaTo(p, x, c vec)    { g.ctx.VFMADD213PS(c, x, p) }
func (g *isa) addMulTo(p, a, b vec) { g.ctx.VFMADD231PS(b, a, p) }
func (g *isa) subMulTo(p, a, b vec) { g.ctx.VFNMADD231PS(b, a, p) }

func (g *isa) abs(a vec) vec { return g.and(a, g.bits(0x7fffffff)) }
func (g *isa) neg(a vec) vec { return g.xor(a, g.bits(0x80000000)) }

// Predicates of VCMPPS.
const (
	eqOQ  = 0
	ltOQ  = 17
	leOQ  = 18
	unord = 3
	gtOQ  = 30
	nleUQ = 22
	nltUQ = 21
	geOQ  = 29
)

// cmp compares a with b.
func (g *isa) cmp(pred uint8, a, b vec) mask {
	if g.wide {
		k := g.ctx.K()
		g.ctx.VCMPPS(operand.U8(pred), b, a, k)
		return k
	}
	d := g.reg()
	g.ctx.VCMPPS(operand.U8(pred), b, a, d)
	return d
}

// sel returns m ? a : b.
func (g *isa) sel(m mask, a, b vec) vec {
	d := g.reg()
	if g.wide {
		g.ctx.VBLENDMPS(a, b, m, d)
	} else {
		g.ctx.VBLENDVPS(m, a, b, d)
	}
	return d
}

// zero returns m ? a : 0.
func (g *isa) keep(m mask, a vec) vec {
	d := g.reg()
	if g.wide {
		g.ctx.VMOVAPS_Z(a, m, d)
	} else {
		g.ctx.VANDPS(a, m, d)
	}
	return d
}

// round rounds to an integer: mode 0 nearest even, 1 down, 2 up, 3 to zero.
func (g *isa) round(a vec, mode uint8) vec {
	d := g.reg()
	if g.wide {
		g.ctx.VRNDSCALEPS(operand.U8(mode|8), a, d)
	} else {
		g.ctx.VROUNDPS(operand.U8(mode|8), a, d)
	}
	return d
}

// lookup returns table[i] for each lane, i from the lowest bits of index. A
// table has 8 entries for AVX2, 16 or 32 for AVX-512.
func (g *isa) lookup(table []uint32, index vec) vec {
	low, high := table[:min(len(table), g.width())], table[min(len(table), g.width()):]
	if len(high) > 0 {
		d := g.copy(index)
		g.ctx.VPERMI2PS(g.table(high), g.table(low), d)
		return d
	}
	d := g.reg()
	g.ctx.VPERMPS(g.table(low), index, d)
	return d
}

// table returns the register or the place that holds one vector of a table.
func (g *isa) table(words []uint32) operand.Op {
	if r, ok := g.hoistT[&words[0]]; ok {
		return r
	}
	g.wantT = append(g.wantT, words)
	if !g.wide {
		return g.data.mem(words...)
	}
	d := g.reg() // where VPERMI2PS needs a register
	g.ctx.VMOVUPS(g.data.mem(words...), d)
	return d
}

// rehearse runs body on a scratch function to learn its constants, and then
// loads as many of them into registers as are free.
func (g *isa) rehearse(body func()) {
	real := g.ctx
	g.ctx = build.NewContext()
	g.ctx.Function("rehearsal")
	g.want, g.wantT = nil, nil
	body()
	g.ctx = real
	free := choose(g.wide, 22, 6)
	for _, t := range g.wantT {
		if _, ok := g.hoistT[&t[0]]; !ok && free > 0 && g.wide {
			r := g.reg()
			g.ctx.VMOVUPS(g.data.mem(t...), r)
			g.hoistT[&t[0]] = r
			free--
		}
	}
	for _, u := range g.want {
		if _, ok := g.hoist[u]; !ok && free > 0 {
			g.hoist[u] = g.load32(u)
			free--
		}
	}
}

// label returns a label that the function doesn't have yet.
func (g *isa) label(prefix string) string {
	g.labels++
	return fmt.Sprint(prefix, g.labels)
}

// begin starts a function.
func (g *isa) begin(name, signature, doc string) {
	g.ctx.Function(name + g.suffix())
	g.ctx.Attributes(4) // NOSPLIT
	g.ctx.Pragma("noescape")
	g.ctx.SignatureExpr(signature)
	g.ctx.Doc(name + g.suffix() + " " + doc)
	g.labels = 0
	g.hoist, g.hoistT = map[uint32]vec{}, map[*uint32]vec{}
}

func (g *isa) end() {
	g.ctx.VZEROUPPER()
	g.ctx.RET()
}

// tailMask returns the mask of the first n < width lanes; n is overwritten.
func (g *isa) tailMask(n reg.GPVirtual) mask {
	if g.wide {
		all, k := g.ctx.GP32(), g.ctx.K()
		g.ctx.MOVL(operand.U32(0xffff), all)
		g.ctx.BZHIL(n.As32(), all, all)
		g.ctx.KMOVW(all, k)
		return k
	}
	words := make([]uint32, 16)
	for i := range 8 {
		words[i] = math.MaxUint32
	}
	p, m := g.ctx.GP64(), g.ctx.YMM()
	g.ctx.LEAQ(g.data.mem(words...).Offset(32), p)
	g.ctx.SHLQ(operand.U8(2), n)
	g.ctx.SUBQ(n, p)
	g.ctx.VMOVUPS(operand.Mem{Base: p}, m)
	return m
}

// load reads the masked lanes, the others are 0; m may be nil for all lanes.
func (g *isa) load(p operand.Mem, m mask) vec {
	d := g.reg()
	switch {
	case m == nil:
		g.ctx.VMOVUPS(p, d)
	case g.wide:
		g.ctx.VMOVUPS_Z(p, m, d)
	default:
		g.ctx.VMASKMOVPS(p, m, d)
	}
	return d
}

func (g *isa) store(p operand.Mem, m mask, v vec) {
	switch {
	case m == nil:
		g.ctx.VMOVUPS(v, p)
	case g.wide:
		g.ctx.VMOVUPS(v, m, p)
	default:
		g.ctx.VMASKMOVPS(v, m, p)
	}
}
