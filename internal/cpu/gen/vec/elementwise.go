package main

import "github.com/mmcloughlin/avo/reg"

// kernel is one elementwise function of in vectors.
type kernel struct {
	name   string
	in     int
	unroll int
	body   func(g *isa, x []vec) vec
}

const elementwiseSignature = "func(dst, a, b, c *float32, n int, s, t float32)"

// elementwise writes the loop around a kernel's body.
func (g *isa) elementwise(k kernel) {
	g.begin("vec"+k.name, elementwiseSignature, "is the assembly of "+k.name+".")
	names := []string{"dst", "a", "b", "c"}
	p := make([]reg.GPVirtual, k.in+1)
	for i := range p {
		p[i] = g.param(names[i])
	}
	n := g.param("n")
	g.s, g.t = g.broadcast("s", 40), g.broadcast("t", 44)
	g.rehearse(func() {
		x := make([]vec, k.in)
		for i := range x {
			x[i] = g.reg()
		}
		k.body(g, x)
	})
	one := func(j int, m mask) {
		x := make([]vec, k.in)
		for i := range x {
			x[i] = g.load(g.at(p[i+1], j), m)
		}
		g.store(g.at(p[0], j), m, k.body(g, x))
	}
	g.loop(n, k.unroll, p, one)
	g.end()
}

// wideOnly lists those that need AVX-512.
var wideOnly = []kernel{
	{"Pow", 2, 1, func(g *isa, x []vec) vec { return g.pow(x[0], x[1]) }},
	{"PowScalar", 1, 1, func(g *isa, x []vec) vec { return g.pow(x[0], g.s) }},
}

// elementwise lists the kernels that have assembly.
var elementwise = []kernel{
	{"Add", 2, 4, func(g *isa, x []vec) vec { return g.add(x[0], x[1]) }},
	{"Sub", 2, 4, func(g *isa, x []vec) vec { return g.sub(x[0], x[1]) }},
	{"Mul", 2, 4, func(g *isa, x []vec) vec { return g.mul(x[0], x[1]) }},
	{"Div", 2, 4, func(g *isa, x []vec) vec { return g.div(x[0], x[1]) }},
	{"Maximum", 2, 4, func(g *isa, x []vec) vec {
		return g.sel(g.cmp(unord, x[0], x[0]), x[0], g.max(x[0], x[1]))
	}},
	{"Minimum", 2, 4, func(g *isa, x []vec) vec {
		return g.sel(g.cmp(unord, x[0], x[0]), x[0], g.min(x[0], x[1]))
	}},
	{"AddScalar", 1, 4, func(g *isa, x []vec) vec { return g.add(x[0], g.s) }},
	{"MulScalar", 1, 4, func(g *isa, x []vec) vec { return g.mul(x[0], g.s) }},
	{"DivScalar", 1, 4, func(g *isa, x []vec) vec { return g.div(x[0], g.s) }},
	{"ScalarDiv", 1, 4, func(g *isa, x []vec) vec { return g.div(g.s, x[0]) }},
	{"Affine", 1, 4, func(g *isa, x []vec) vec { return g.fma(x[0], g.s, g.t) }},
	{"Axpy", 2, 4, func(g *isa, x []vec) vec { g.addMulTo(x[1], x[0], g.s); return x[1] }},
	{"Axpby", 2, 4, func(g *isa, x []vec) vec {
		y := g.mul(x[1], g.t)
		g.addMulTo(y, x[0], g.s)
		return y
	}},
	{"MulAdd", 3, 4, func(g *isa, x []vec) vec { g.addMulTo(x[2], x[0], x[1]); return x[2] }},
	{"Clamp", 1, 4, func(g *isa, x []vec) vec { return g.min(g.t, g.max(g.s, x[0])) }},

	{"Neg", 1, 4, func(g *isa, x []vec) vec { return g.neg(x[0]) }},
	{"Abs", 1, 4, func(g *isa, x []vec) vec { return g.abs(x[0]) }},
	{"Sign", 1, 4, func(g *isa, x []vec) vec {
		one := g.or(g.and(x[0], g.bits(0x80000000)), g.c(1))
		return g.sel(g.cmp(12, x[0], g.c(0)), g.sel(g.cmp(unord, x[0], x[0]), x[0], one), x[0])
	}},
	{"Square", 1, 4, func(g *isa, x []vec) vec { return g.mul(x[0], x[0]) }},
	{"Cube", 1, 4, func(g *isa, x []vec) vec { return g.mul(g.mul(x[0], x[0]), x[0]) }},
	{"Sqrt", 1, 4, func(g *isa, x []vec) vec { return g.sqrt(x[0]) }},
	{"Rsqrt", 1, 4, func(g *isa, x []vec) vec { return g.div(g.c(1), g.sqrt(x[0])) }},
	{"Reciprocal", 1, 4, func(g *isa, x []vec) vec { return g.div(g.c(1), x[0]) }},
	{"ReLU", 1, 4, func(g *isa, x []vec) vec { return g.max(g.c(0), x[0]) }},
	{"Floor", 1, 4, func(g *isa, x []vec) vec { return g.round(x[0], 1) }},
	{"Ceil", 1, 4, func(g *isa, x []vec) vec { return g.round(x[0], 2) }},
	{"Round", 1, 4, func(g *isa, x []vec) vec { return g.round(x[0], 0) }},
	{"Trunc", 1, 4, func(g *isa, x []vec) vec { return g.round(x[0], 3) }},

	{"ReLUGrad", 2, 4, func(g *isa, x []vec) vec { return g.keep(g.cmp(nleUQ, x[1], g.c(0)), x[0]) }},
	{"LeakyReLU", 1, 4, func(g *isa, x []vec) vec {
		return g.sel(g.cmp(gtOQ, x[0], g.c(0)), x[0], g.mul(x[0], g.s))
	}},
	{"LeakyReLUGrad", 2, 4, func(g *isa, x []vec) vec {
		return g.sel(g.cmp(gtOQ, x[1], g.c(0)), x[0], g.mul(x[0], g.s))
	}},
	{"TanhGrad", 2, 4, func(g *isa, x []vec) vec { return g.mul(x[0], g.fnma(x[1], x[1], g.c(1))) }},
	{"SigmoidGrad", 2, 4, func(g *isa, x []vec) vec { return g.mul(x[0], g.mul(x[1], g.sub(g.c(1), x[1]))) }},

	{"Exp", 1, 2, func(g *isa, x []vec) vec { return g.exp(x[0]) }},
	{"Tanh", 1, 2, func(g *isa, x []vec) vec { return g.odd(x[0], tanhFit) }},
	{"Erf", 1, 2, func(g *isa, x []vec) vec { return g.odd(x[0], erfFit) }},
	{"GELU", 1, 2, func(g *isa, x []vec) vec { return g.gated(x[0], geluFit(g.wide)) }},
	{"GELUTanh", 1, 2, func(g *isa, x []vec) vec { return g.gated(x[0], geluTanhFit(g.wide)) }},
	{"GELUGrad", 2, 2, func(g *isa, x []vec) vec { return g.mul(x[0], g.gatedSlope(x[1], geluGradFit(g.wide))) }},
	{"GELUTanhGrad", 2, 2, func(g *isa, x []vec) vec {
		return g.mul(x[0], g.gatedSlope(x[1], geluTanhGradFit(g.wide)))
	}},
	{"Sigmoid", 1, 2, func(g *isa, x []vec) vec { return g.sigmoid(x[0]) }},
	{"SiLU", 1, 2, func(g *isa, x []vec) vec { return g.times(x[0], g.sigmoid(x[0])) }},
	{"SoftplusGrad", 2, 2, func(g *isa, x []vec) vec { return g.mul(x[0], g.sigmoid(x[1])) }},
	{"SiLUGrad", 2, 2, func(g *isa, x []vec) vec {
		negative, r, zr := g.sigmoids(x[1])
		s, rest := g.sel(negative, zr, r), g.sel(negative, r, zr)
		d := g.fma(g.clamp(x[1], 120), rest, g.c(1))
		return g.mul(x[0], g.mul(s, d))
	}},
	{"Softplus", 1, 2, func(g *isa, x []vec) vec { return g.softplus(x[0]) }},
	{"LogSigmoid", 1, 2, func(g *isa, x []vec) vec { return g.neg(g.softplus(g.neg(x[0]))) }},
	{"ELUGrad", 2, 2, func(g *isa, x []vec) vec {
		e, _, _, _ := g.expFlush(g.min(g.c(0), x[1]))
		e = g.mul(e, g.s)
		return g.mul(x[0], g.sel(g.cmp(gtOQ, x[1], g.c(0)), g.c(1), e))
	}},
	{"ELU", 1, 2, func(g *isa, x []vec) vec {
		return g.sel(g.cmp(gtOQ, x[0], g.c(0)), x[0], g.mul(g.expm1(x[0]), g.s))
	}},
	{"Expm1", 1, 2, func(g *isa, x []vec) vec { return g.expm1(x[0]) }},
	{"Log", 1, 2, func(g *isa, x []vec) vec { return g.log(x[0]) }},
	{"Log2", 1, 2, func(g *isa, x []vec) vec { return g.log2(x[0]) }},
	{"Log10", 1, 2, func(g *isa, x []vec) vec { return g.log10(x[0]) }},
	{"Log1p", 1, 2, func(g *isa, x []vec) vec { return g.log1p(x[0]) }},
	{"Sin", 1, 2, func(g *isa, x []vec) vec { return g.sine(x[0], 0) }},
	{"Cos", 1, 2, func(g *isa, x []vec) vec { return g.sine(x[0], 1) }},
	{"Tan", 1, 2, func(g *isa, x []vec) vec { return g.tan(x[0]) }},
}
