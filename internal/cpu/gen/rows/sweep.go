package main

import "fmt"

// The registers that sweeps use: a row's length is in CX when prepare is
// called, then R8 and R9 hold the bytes to sweep four vectors and one vector at
// a time, R11 how many elements are left after that, R10 the place in bytes.
// Mask register K1, or Y15 with AVX2, covers what is left. Registers AX, BX,
// DX, SI, DI, R12 and R13 are free for kernels, and CX afterwards.
const unroll = 4

// prepare computes R8, R9, R11 and the mask from the n elements in CX.
func (f *file) prepare() {
	bytes := 4 * f.width
	f.op("MOVQ", "CX", "R11")
	f.op("ANDQ", fmt.Sprint("$", f.width-1), "R11")
	f.op("MOVQ", "CX", "R10")
	f.op("MOVQ", "R11", "CX")
	f.maskFor("CX")
	f.op("MOVQ", "R10", "CX")
	f.op("MOVQ", "CX", "R9")
	f.op("SHLQ", "$2", "R9")
	f.op("MOVQ", "R9", "R8")
	f.op("ANDQ", fmt.Sprint("$-", unroll*bytes), "R8")
	f.op("ANDQ", fmt.Sprint("$-", bytes), "R9")
}

// maskFor makes the mask cover as many elements, up to a whole vector, as
// register n says; R8 and R9 are overwritten. n is CX.
func (f *file) maskFor(n string) {
	if f.wide() {
		f.op("MOVL", "$1", "R8")
		f.op("SHLL", n, "R8")
		f.op("DECL", "R8")
		f.op("KMOVW", "R8", "K1")
		return
	}
	f.op("LEAQ", f.topic+"Mask<>+32(SB)", "R8")
	f.op("MOVQ", n, "R9")
	f.op("SHLQ", "$2", "R9")
	f.op("SUBQ", "R9", "R8")
	f.op("VMOVDQU", "(R8)", "Y15")
}

// step is one vector's worth of a sweep: which of the unrolled ones it is, how
// far in bytes from R10, and whether it is the masked rest of the row.
type step struct {
	k, offset int
	rest      bool
}

// at is the place of the vector in the row that register base points to.
func (s step) at(base string) string { return fmt.Sprintf("%d(%s)(R10*1)", s.offset, base) }

// sweep emits a loop over a row: body four times, once, and once masked.
func (f *file) sweep(body func(s step)) {
	bytes := 4 * f.width
	one, rest, done := f.newLabel(), f.newLabel(), f.newLabel()
	f.op("XORQ", "R10", "R10")
	loop := func(n int, limit, next string) {
		top := f.newLabel()
		f.op("CMPQ", "R10", limit)
		f.op("JGE", next)
		f.put(top)
		for k := range n {
			body(step{k: k, offset: k * bytes})
		}
		f.op("ADDQ", fmt.Sprint("$", n*bytes), "R10")
		f.op("CMPQ", "R10", limit)
		f.op("JLT", top)
		f.put(next)
	}
	loop(unroll, "R8", one)
	loop(1, "R9", rest)
	f.op("TESTQ", "R11", "R11")
	f.op("JZ", done)
	body(step{rest: true})
	f.put(done)
}

// get loads the vector at base into register i, zeros beyond the row.
func (f *file) get(s step, base string, i int) {
	switch {
	case !s.rest:
		f.op("VMOVUPS", s.at(base), f.v(i))
	case f.wide():
		f.op("VMOVUPS.Z", s.at(base), "K1", f.v(i))
	default:
		f.op("VMASKMOVPS", s.at(base), "Y15", f.v(i))
	}
}

// getOr is get with what register neutral holds beyond the row.
func (f *file) getOr(s step, base string, i, neutral int) {
	switch {
	case !s.rest:
		f.op("VMOVUPS", s.at(base), f.v(i))
	case f.wide():
		f.op("VMOVAPS", f.v(neutral), f.v(i))
		f.op("VMOVUPS", s.at(base), "K1", f.v(i))
	default:
		f.op("VMASKMOVPS", s.at(base), "Y15", f.v(i))
		f.op("VBLENDVPS", "Y15", f.v(i), f.v(neutral), f.v(i))
	}
}

// set stores register i at base.
func (f *file) set(s step, i int, base string) {
	switch {
	case !s.rest:
		f.op("VMOVUPS", f.v(i), s.at(base))
	case f.wide():
		f.op("VMOVUPS", f.v(i), "K1", s.at(base))
	default:
		f.op("VMASKMOVPS", f.v(i), "Y15", s.at(base))
	}
}

// zeroBeyond clears what register i holds beyond the row.
func (f *file) zeroBeyond(s step, i int) {
	switch {
	case !s.rest:
	case f.wide():
		f.op("VMOVAPS.Z", f.v(i), "K1", f.v(i))
	default:
		f.op("VANDPS", "Y15", f.v(i), f.v(i))
	}
}

// zero clears registers lo to hi.
func (f *file) zero(lo, hi int) {
	for i := lo; i <= hi; i++ {
		f.op("VXORPS", f.v(i), f.v(i), f.v(i))
	}
}

// fold combines registers at to at+3 into lane 0 of register at with op,
// which is VADDPS or VMAXPS; register tmp is overwritten.
func (f *file) fold(op string, at, tmp int) {
	f.op(op, f.v(at+1), f.v(at), f.v(at))
	f.op(op, f.v(at+3), f.v(at+2), f.v(at+2))
	f.op(op, f.v(at+2), f.v(at), f.v(at))
	f.foldOne(op, at, tmp)
}

// foldOne combines the lanes of register at into its lane 0.
func (f *file) foldOne(op string, at, tmp int) {
	y, t := fmt.Sprint("Y", at), fmt.Sprint("Y", tmp)
	x, u := fmt.Sprint("X", at), fmt.Sprint("X", tmp)
	if f.wide() {
		f.op("VEXTRACTF64X4", "$1", f.v(at), t)
		f.op(op, t, y, y)
	}
	f.op("VEXTRACTF128", "$1", y, u)
	f.op(op, u, x, x)
	f.op("VPERMILPS", "$0x4e", x, u)
	f.op(op, u, x, x)
	f.op("VPERMILPS", "$0xb1", x, u)
	f.op(op, u, x, x)
}

// spread copies lane 0 of register i to all its lanes.
func (f *file) spread(i int) { f.op("VBROADCASTSS", fmt.Sprint("X", i), f.v(i)) }

// rows emits a loop that runs body R12 times, advancing each of ptrs by the
// bytes in CX afterwards, and each of scalars by one float32.
func (f *file) rows(body func(), ptrs, scalars []string) {
	top, done := f.newLabel(), f.newLabel()
	f.op("TESTQ", "R12", "R12")
	f.op("JLE", done)
	f.put(top)
	body()
	for _, p := range ptrs {
		f.op("ADDQ", "CX", p)
	}
	for _, p := range scalars {
		f.op("ADDQ", "$4", p)
	}
	f.op("DECQ", "R12")
	f.op("JNZ", top)
	f.put(done)
}
