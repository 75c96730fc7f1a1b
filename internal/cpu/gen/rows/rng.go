package main

import (
	"fmt"
	"math"
)

func rngKernels(f *file) {
	fillUniform(f)
	dropout(f)
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
