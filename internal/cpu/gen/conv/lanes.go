package main

import "fmt"

// lanes writes kernels that compute 16 output channels, the lanes of a vector,
// for a few positions in a row: what narrow outputs with wide gaps between
// their rows want.
func lanes(m int) {
	name := fmt.Sprintf("convLanes%dAVX512", m)
	doc := ""
	if m == lanesLeast {
		doc = fmt.Sprintf("// %s and those below write dst[q][c] = max(bias[c] + Σ_k a[k][c]·b[off[k]+q], floor) for so\n// many positions q and 16 channels c.", name)
	}
	declare(name, doc, "dst, b, a *float32, off *int, depth int, bias *float32, floor float32", 52)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ b+8(FP), BX")
	p("MOVQ a+16(FP), SI")
	p("MOVQ off+24(FP), R10")
	p("MOVQ depth+32(FP), CX")
	p("MOVQ bias+40(FP), AX")
	for q := range m {
		p("VMOVUPS (AX), Z%d", q)
	}
	step := func(k int) {
		p("MOVQ %d(R10), R13", k*8)
		p("VMOVUPS %d(SI), Z%d", k*64, 28+k)
		for q := range m {
			p("VFMADD231PS.BCST %d(BX)(R13*4), Z%d, Z%d", q*4, 28+k, q)
		}
	}
	const unroll = 2
	p("SUBQ $%d, CX", unroll)
	p("JL rest")
	p("PCALIGN $32")
	p("loop:")
	for k := range unroll {
		step(k)
	}
	p("ADDQ $%d, R10", unroll*8)
	p("ADDQ $%d, SI", unroll*64)
	p("SUBQ $%d, CX", unroll)
	p("JGE loop")
	p("rest:")
	p("ADDQ $%d, CX", unroll)
	p("JE store")
	step(0)
	p("store:")
	p("VBROADCASTSS floor+48(FP), Z31")
	for q := range m {
		p("VMAXPS Z%d, Z31, Z%d", q, q)
		p("VMOVUPS Z%d, %d(DI)", q, q*64)
	}
	p("VZEROUPPER")
	p("RET")
}

// lanesLeast and lanesMost are the numbers of positions there are kernels for.
const lanesLeast, lanesMost = 8, 12
