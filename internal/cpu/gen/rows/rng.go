package main

import (
	"fmt"
	"math"
)

func rngKernels(f *file) {
	fillBits(f)
	fillUniform(f)
	dropout(f)
	boxMuller(f)
}

// philox emits ten rounds of Philox 4x32 for two sets of blocks at once and
// leaves their words, in the order of the stream, in the four registers that it
// returns. Each 64-bit lane works on one block: words in the lower halves,
// rubbish in the upper ones, which VPMULUDQ ignores. The lanes hold the blocks
// in an order (0 4 1 5 2 6 3 7, or 0 2 1 3) that unpacking at the end undoes.
//
// AX points to the table: twenty round keys, then the lanes' block offsets for
// both sets, each a uint64. R13 is the first block, R8 the counter, R9 its upper
// half. Registers 0 to 12 are overwritten; 13 and 14 hold the multipliers.
func philox(f *file) []int {
	const tmp = 12
	lanes := f.width / 2
	var sets [2][4]int
	free := []int{8, 9, 10, 11}
	for s := range sets {
		c := [4]int{4 * s, 4*s + 1, 4*s + 2, 4*s + 3}
		fill := func(reg string, i int) {
			f.op("VMOVQ", reg, fmt.Sprint("X", tmp))
			f.op("VPBROADCASTQ", fmt.Sprint("X", tmp), f.v(i))
		}
		fill("R13", c[0])
		f.op("VMOVDQU"+f.suffix(), fmt.Sprintf("%d(AX)", 160+8*lanes*s), f.v(tmp))
		f.op("VPADDQ", f.v(tmp), f.v(c[0]), f.v(c[0]))
		f.op("VPSRLQ", "$32", f.v(c[0]), f.v(c[1]))
		fill("R8", c[2])
		fill("R9", c[3])
		sets[s] = c
	}
	for round := range 10 {
		for s := range sets {
			c := sets[s]
			t0, t1 := free[2*s], free[2*s+1]
			f.op("VPMULUDQ", f.v(13), f.v(c[0]), f.v(t0))
			f.op("VPMULUDQ", f.v(14), f.v(c[2]), f.v(t1))
			f.op("VPSRLQ", "$32", f.v(t1), f.v(c[0]))
			f.op("VPSRLQ", "$32", f.v(t0), f.v(c[2]))
			for k, pair := range [][2]int{{c[0], c[1]}, {c[2], c[3]}} {
				key := fmt.Sprintf("%d(AX)", 16*round+8*k)
				if f.wide() {
					f.op("VPTERNLOGQ.BCST", "$0x96", key, f.v(pair[1]), f.v(pair[0]))
				} else {
					f.op("VPXOR", f.v(pair[1]), f.v(pair[0]), f.v(pair[0]))
					f.op("VPBROADCASTQ", key, f.v(tmp))
					f.op("VPXOR", f.v(tmp), f.v(pair[0]), f.v(pair[0]))
				}
			}
			free[2*s], free[2*s+1] = c[1], c[3]
			sets[s] = [4]int{c[0], t1, c[2], t0}
		}
	}
	var out []int
	for s := range sets {
		c := sets[s]
		for _, pair := range [][2]int{{c[0], c[1]}, {c[2], c[3]}} {
			if f.wide() {
				f.op("VMOVSLDUP", f.v(pair[1]), "K2", f.v(pair[0]))
			} else {
				f.op("VPSLLQ", "$32", f.v(pair[1]), f.v(pair[1]))
				f.op("VPBLENDD", "$0xaa", f.v(pair[1]), f.v(pair[0]), f.v(pair[0]))
			}
		}
		f.op("VPUNPCKLQDQ", f.v(c[2]), f.v(c[0]), f.v(c[1]))
		f.op("VPUNPCKHQDQ", f.v(c[2]), f.v(c[0]), f.v(c[3]))
		out = append(out, c[1], c[3])
	}
	return out
}

func (f *file) suffix() string {
	if f.wide() {
		return "64"
	}
	return ""
}

// stream emits a loop that hands body four vectors of words at a time; n, in
// CX, is a multiple of as many elements.
func stream(f *file, a args, body func(words []int)) {
	f.load(a, "dst", "DI", "n", "CX", "table", "AX", "counter", "R8", "block", "R13")
	f.op("MOVQ", "R8", "R9")
	f.op("SHRQ", "$32", "R9")
	for i, m := range []uint32{0xD2511F53, 0xCD9E8D57} {
		f.op("MOVL", fmt.Sprintf("$0x%x", m), "DX")
		f.op("VMOVQ", "DX", fmt.Sprint("X", 13+i))
		f.op("VPBROADCASTQ", fmt.Sprint("X", 13+i), f.v(13+i))
	}
	if f.wide() {
		f.op("MOVL", "$0xaaaa", "DX")
		f.op("KMOVW", "DX", "K2")
	}
	top, done := f.newLabel(), f.newLabel()
	f.op("TESTQ", "CX", "CX")
	f.op("JLE", done)
	f.put(top)
	body(philox(f))
	f.op("ADDQ", fmt.Sprint("$", f.width), "R13")
	f.op("ADDQ", fmt.Sprint("$", 16*f.width), "DI")
	f.op("SUBQ", fmt.Sprint("$", 4*f.width), "CX")
	f.op("JNZ", top)
	f.put(done)
	f.end()
}

func fillBits(f *file) {
	a := f.begin("fillBits", "dst *uint32, n int, table *uint64, counter, block uint64", "", "fills n elements, a multiple of 64 (AVX2: 32), with words from block on.")
	stream(f, a, func(words []int) {
		for k, w := range words {
			f.op("VMOVUPS", f.v(w), fmt.Sprintf("%d(DI)", 4*f.width*k))
		}
	})
}

func fillUniform(f *file) {
	a := f.begin("fillUniform", "dst *float32, n int, table *uint64, counter, block uint64", "", "fills n elements, a multiple of 64 (AVX2: 32), with uniform numbers from block on.")
	unit := f.constant(math.Float32bits(1.0 / (1 << 24)))
	stream(f, a, func(words []int) {
		for k, w := range words {
			f.op("VPSRLD", "$8", f.v(w), f.v(w))
			f.op("VCVTDQ2PS", f.v(w), f.v(w))
			f.op("VMULPS", unit, f.v(w), f.v(w))
			f.op("VMOVUPS", f.v(w), fmt.Sprintf("%d(DI)", 4*f.width*k))
		}
	})
}

func dropout(f *file) {
	a := f.begin("dropout", "dst, x *float32, n int, table *uint64, counter, block uint64, scale float32, threshold uint32", "", "computes x·scale where the word is threshold or more, else 0, for n elements, a multiple of 64 (AVX2: 32).")
	f.op("MOVQ", a["x"], "SI")
	if f.wide() {
		f.broadcast(a["scale"], 15)
		f.broadcast(a["threshold"], 16)
	}
	stream(f, a, func(words []int) {
		if !f.wide() { // too few registers to keep them
			f.broadcast(a["scale"], 12)
			f.broadcast(a["threshold"], 15)
		}
		for k, w := range words {
			at := fmt.Sprintf("%d(SI)", 4*f.width*k)
			if f.wide() {
				f.op("VPCMPUD", "$5", f.v(16), f.v(w), "K1")
				f.op("VMULPS.Z", at, f.v(15), "K1", f.v(w))
			} else {
				tmp := []int{}
				for i := range 12 {
					if i != words[0] && i != words[1] && i != words[2] && i != words[3] {
						tmp = append(tmp, i)
					}
				}
				t := tmp[k]
				f.op("VPMAXUD", f.v(15), f.v(w), f.v(t))
				f.op("VPCMPEQD", f.v(w), f.v(t), f.v(t))
				f.op("VMULPS", at, f.v(12), f.v(w))
				f.op("VANDPS", f.v(t), f.v(w), f.v(w))
			}
			f.op("VMOVUPS", f.v(w), fmt.Sprintf("%d(DI)", 4*f.width*k))
		}
		f.op("ADDQ", fmt.Sprint("$", 16*f.width), "SI")
	})
}

// horner leaves the polynomial in register x, coefficients from the highest
// power down, in register p.
func (f *file) horner(p, x int, coefficients ...float32) {
	f.constantInto(math.Float32bits(coefficients[0]), p)
	for _, c := range coefficients[1:] {
		f.op("VFMADD213PS", f.constant(math.Float32bits(c)), f.v(x), f.v(p))
	}
}

// boxMuller emits the step from pairs of words to pairs of normal numbers:
// radius sqrt(-2 ln u), u from the first word, angle a turn times the second.
// Polynomials are those of Moshier's Cephes library, logf, sinf and cosf.
func boxMuller(f *file) {
	a := f.begin("boxMuller", "x *float32, n int", "", "turns n random words, a multiple of 32, into normal numbers.")
	f.load(a, "x", "DI", "n", "CX")
	one := f.constant(0x3f800000)
	bits := f.constant
	if f.wide() { // into registers, before the loop, what there is room for
		for _, c := range []float32{1.0 / (1 << 32), 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
			2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -1.9515295891e-4, 2.443315711809948e-5, math.Pi / (1 << 31), -2, -0.5} {
			bits(math.Float32bits(c))
		}
	}
	top, done := f.newLabel(), f.newLabel()
	f.op("TESTQ", "CX", "CX")
	f.op("JLE", done)
	f.put(top)
	next := fmt.Sprintf("%d(DI)", 4*f.width)
	v := f.v
	f.op("VMOVUPS", "(DI)", v(0))
	f.op("VMOVUPS", next, v(1))
	f.op("VSHUFPS", "$0x88", v(1), v(0), v(2)) // first words
	f.op("VSHUFPS", "$0xdd", v(1), v(0), v(3)) // second words

	// u = word/2^32 in (0, 1], rounded once.
	f.op("VPMAXUD", bits(1), v(2), v(2))
	if f.wide() {
		f.op("VCVTUDQ2PS", v(2), v(2))
	} else {
		f.op("VPSRLD", "$16", v(2), v(4))
		f.op("VANDPS", bits(0xffff), v(2), v(2))
		f.op("VCVTDQ2PS", v(2), v(2))
		f.op("VCVTDQ2PS", v(4), v(4))
		f.op("VFMADD231PS", bits(math.Float32bits(1<<16)), v(4), v(2))
	}
	f.op("VMULPS", bits(math.Float32bits(1.0/(1<<32))), v(2), v(2))

	// u = 2^e (1+x), 1+x in [sqrt(1/2), sqrt(2)).
	f.op("VPSUBD", bits(0x3f3504f3), v(2), v(4))
	f.op("VPSRAD", "$23", v(4), v(4))
	f.op("VPSLLD", "$23", v(4), v(5))
	f.op("VPSUBD", v(5), v(2), v(2))
	f.op("VSUBPS", one, v(2), v(2))
	f.op("VCVTDQ2PS", v(4), v(4))
	f.op("VMULPS", v(2), v(2), v(5))
	f.horner(6, 2, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	f.op("VMULPS", v(2), v(6), v(6))
	f.op("VMULPS", v(5), v(6), v(6))
	f.op("VFMADD231PS", bits(math.Float32bits(-2.12194440e-4)), v(4), v(6))
	f.op("VFMADD231PS", bits(math.Float32bits(-0.5)), v(5), v(6))
	f.op("VADDPS", v(6), v(2), v(2))
	f.op("VFMADD231PS", bits(math.Float32bits(0.693359375)), v(4), v(2))
	f.op("VMULPS", bits(math.Float32bits(-2)), v(2), v(2))
	f.op("VSQRTPS", v(2), v(2))

	// The angle is q quarter turns and t in [-π/4, π/4].
	f.op("VPADDD", bits(1<<29), v(3), v(4))
	f.op("VPSRLD", "$30", v(4), v(4))
	f.op("VPSLLD", "$30", v(4), v(5))
	f.op("VPSUBD", v(5), v(3), v(3))
	f.op("VCVTDQ2PS", v(3), v(3))
	f.op("VMULPS", bits(math.Float32bits(math.Pi/(1<<31))), v(3), v(3))
	f.op("VMULPS", v(3), v(3), v(5))
	f.horner(6, 5, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
	f.op("VMULPS", v(5), v(6), v(6))
	f.op("VFMADD213PS", v(3), v(3), v(6))                                                      // sin t
	f.horner(7, 5, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2, -0.5, 1) // cos t

	// Odd quarter turns exchange sine and cosine; signs follow from q.
	f.op("VPSLLD", "$31", v(4), v(8))
	f.op("VPSRAD", "$31", v(8), v(8))
	f.op("VXORPS", v(6), v(7), v(9))
	f.op("VANDPS", v(8), v(9), v(9))
	f.op("VXORPS", v(9), v(6), v(6))
	f.op("VXORPS", v(9), v(7), v(7))
	f.op("VPSLLD", "$30", v(4), v(8))
	f.op("VANDPS", bits(0x80000000), v(8), v(8))
	f.op("VXORPS", v(8), v(6), v(6))
	f.op("VPADDD", bits(1), v(4), v(4))
	f.op("VPSLLD", "$30", v(4), v(4))
	f.op("VANDPS", bits(0x80000000), v(4), v(4))
	f.op("VXORPS", v(4), v(7), v(7))
	f.op("VMULPS", v(2), v(6), v(6))
	f.op("VMULPS", v(2), v(7), v(7))
	f.op("VUNPCKLPS", v(6), v(7), v(0))
	f.op("VUNPCKHPS", v(6), v(7), v(1))
	f.op("VMOVUPS", v(0), "(DI)")
	f.op("VMOVUPS", v(1), next)
	f.op("ADDQ", fmt.Sprint("$", 8*f.width), "DI")
	f.op("SUBQ", fmt.Sprint("$", 2*f.width), "CX")
	f.op("JNZ", top)
	f.put(done)
	f.end()
}
