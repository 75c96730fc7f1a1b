package main

import "fmt"

// winograd writes the transforms of F(4×4, 3×3) with the points 0, ±√½, ±√2 and
// ∞, whose rounding errors are smaller than those of 0, ±1, ±2 and ∞, each for 16 channels at a
// time: vectors run over channels, which lie together in what they read and
// write. Element (i, j) of a transformed tile lies at e·(6i + j) bytes.
func winograd() {
	winoTranspose("winoLoadAVX512", "// winoLoadAVX512 writes dst[row][col][channel] from 16 channels of rows of src; channel,\n// dstRow and srcRow are distances in bytes. cols > 0.", true)
	winoTranspose("winoStoreAVX512", "// winoStoreAVX512 is the inverse of winoLoadAVX512. It reads whole sixteens of columns.", false)
	winoTransposeAdd("winoStoreAddAVX512", "// winoStoreAddAVX512 writes max(what winoStoreAVX512 would + add, floor), NaN where that is; add lies as dst does.")

	declare("winoInputAVX512", "// winoInputAVX512 writes Bᵀ·d·B for a row of tiles of 6×6 elements, 4 apart; tmp holds 576\n// elements.",
		"dst, src, tmp *float32, tiles, srcRow, tile, e int", 56)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), R8")
	p("MOVQ tmp+16(FP), AX")
	p("MOVQ tiles+24(FP), DX")
	p("MOVQ srcRow+32(FP), CX")
	p("MOVQ tile+40(FP), SI")
	p("MOVQ e+48(FP), BX")
	rows := []string{"R8", "R9", "R10", "R11", "R12", "R13"}
	for i := 1; i < 6; i++ {
		p("LEAQ (%s)(CX*1), %s", rows[i-1], rows[i])
	}
	constant("2", 27)
	constant("1/2", 28)
	constant("5/2", 29)
	constant("a", 30)
	constant("b", 31)
	p("next:")
	for j := range 6 {
		for i := range 6 {
			p("VMOVUPS %d(%s), Z%d", j*64, rows[i], i)
		}
		for i, r := range inputLine() {
			p("VMOVUPS Z%d, %d(AX)", r, (i*6+j)*64)
		}
	}
	p("MOVQ DI, R14")
	for i := range 6 {
		for j := range 6 {
			p("VMOVUPS %d(AX), Z%d", (i*6+j)*64, j)
		}
		for _, r := range inputLine() {
			p("VMOVUPS Z%d, (R14)", r)
			p("ADDQ BX, R14")
		}
	}
	for _, r := range rows {
		p("ADDQ $256, %s", r)
	}
	p("ADDQ SI, DI")
	p("DECQ DX")
	p("JNE next")
	p("VZEROUPPER")
	p("RET")

	declare("winoOutputAVX512", "// winoOutputAVX512 writes max(Aᵀ·m·A + bias, floor), bias of 16 channels, for a row of tiles, which\n// become 4×4 elements each.",
		"dst, src *float32, tiles, dstRow, tile, e int, bias *float32, floor float32", 60)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), SI")
	p("MOVQ tiles+16(FP), DX")
	p("MOVQ dstRow+24(FP), CX")
	p("MOVQ tile+32(FP), R12")
	p("MOVQ e+40(FP), BX")
	p("MOVQ bias+48(FP), R13")
	p("LEAQ (BX)(BX*2), R8")
	p("ADDQ R8, R8") // 6e
	p("next:")
	p("MOVQ SI, R10")
	line := func(in [6]int, out [4]int, s, s2 int) { // overwrites in[1…4]
		p("VADDPS Z%d, Z%d, Z%d", in[2], in[1], s)
		p("VADDPS Z%d, Z%d, Z%d", in[4], in[3], s2)
		p("VSUBPS Z%d, Z%d, Z%d", in[2], in[1], in[1]) // d
		p("VSUBPS Z%d, Z%d, Z%d", in[4], in[3], in[3]) // d2
		p("VADDPS Z%d, Z%d, Z%d", in[0], s, out[0])
		p("VADDPS Z%d, Z%d, Z%d", out[0], s2, out[0])
		p("VMULPS.BCST %s, Z%d, Z%d", winoConst("a"), in[1], out[1])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("b"), in[3], out[1])
		p("VADDPS Z%d, Z%d, Z%d", s2, s2, out[2])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("1/2"), s, out[2])
		p("VMOVAPS Z%d, Z%d", in[5], out[3])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("a³"), in[1], out[3])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("b³"), in[3], out[3])
	}
	for j := range 6 {
		p("MOVQ R10, R9")
		for i := range 6 {
			p("VMOVUPS (R9), Z%d", 24+i)
			if i < 5 {
				p("ADDQ R8, R9")
			}
		}
		p("ADDQ BX, R10")
		line([6]int{24, 25, 26, 27, 28, 29}, [4]int{j, 6 + j, 12 + j, 18 + j}, 30, 31)
	}
	p("MOVQ DI, R9")
	p("VMOVUPS (R13), Z30")
	p("VBROADCASTSS floor+56(FP), Z31")
	for r := range 4 {
		in := [6]int{r * 6, r*6 + 1, r*6 + 2, r*6 + 3, r*6 + 4, r*6 + 5}
		line(in, [4]int{26, 27, 28, 29}, 24, 25)
		for c := range 4 {
			p("VADDPS Z%d, Z30, Z%d", 26+c, 26+c)
			p("VMAXPS Z%d, Z31, Z%d", 26+c, 26+c)
			p("VMOVUPS Z%d, %d(R9)", 26+c, c*64)
		}
		if r < 3 {
			p("ADDQ CX, R9")
		}
	}
	p("ADDQ $256, DI")
	p("ADDQ R12, SI")
	p("DECQ DX")
	p("JNE next")
	p("VZEROUPPER")
	p("RET")

	declare("winoGradAVX512", "// winoGradAVX512 writes A·d·Aᵀ for a row of tiles of 4×4 elements.",
		"dst, src *float32, tiles, srcRow, tile, e int", 48)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), SI")
	p("MOVQ tiles+16(FP), DX")
	p("MOVQ srcRow+24(FP), CX")
	p("MOVQ tile+32(FP), R12")
	p("MOVQ e+40(FP), BX")
	back := func(in, out [4]int, two [2]int) { // out: lines 1…4; lines 0 and 5 are in[0] and in[3]
		for i, c := range [2][3]string{{"1/2", "a", "a³"}, {"2", "b", "b³"}} {
			p("VMOVAPS Z%d, Z%d", in[0], two[0])
			p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst(c[0]), in[2], two[0])
			p("VMULPS.BCST %s, Z%d, Z%d", winoConst(c[1]), in[1], two[1])
			p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst(c[2]), in[3], two[1])
			p("VADDPS Z%d, Z%d, Z%d", two[1], two[0], out[2*i])
			p("VSUBPS Z%d, Z%d, Z%d", two[1], two[0], out[2*i+1])
		}
	}
	p("next:")
	for j := range 4 {
		p("MOVQ SI, R9")
		in := [4]int{j, 24, 25, 20 + j} // lines 0 and 5 need no arithmetic
		for i := range 4 {
			p("VMOVUPS %d(R9), Z%d", j*64, in[i])
			if i < 3 {
				p("ADDQ CX, R9")
			}
		}
		back(in, [4]int{4 + j, 8 + j, 12 + j, 16 + j}, [2]int{26, 27})
	}
	p("MOVQ DI, R9")
	for i := range 6 {
		in := [4]int{i * 4, i*4 + 1, i*4 + 2, i*4 + 3}
		back(in, [4]int{24, 25, 26, 27}, [2]int{28, 29})
		for j, r := range []int{in[0], 24, 25, 26, 27, in[3]} {
			p("VMOVUPS Z%d, (R9)", r)
			if i*6+j < 35 {
				p("ADDQ BX, R9")
			}
		}
	}
	p("ADDQ $256, SI")
	p("ADDQ R12, DI")
	p("DECQ DX")
	p("JNE next")
	p("VZEROUPPER")
	p("RET")

	declare("winoFilterAVX512", "// winoFilterAVX512 writes G·g·Gᵀ for 16 filters of 3×3 taps, step bytes apart, that begin at\n// src[lanes[i]].",
		"dst, src *float32, lanes *int32, step, e int", 40)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), SI")
	p("MOVQ lanes+16(FP), AX")
	p("MOVQ step+24(FP), CX")
	p("MOVQ e+32(FP), BX")
	p("VMOVDQU32 (AX), Z31")
	for t := range 9 {
		p("VPXORD Z%d, Z%d, Z%d", t, t, t)
		p("KXNORW K1, K1, K1")
		p("VGATHERDPS (SI)(Z31*4), K1, Z%d", t)
		if t < 8 {
			p("ADDQ CX, SI")
		}
	}
	filter := func(in [3]int, out [6]int, t int) {
		for i, c := range [2][3]string{{"2/3", "1/3", "b/3"}, {"1/6", "1/3", "b/6"}} {
			p("VMULPS.BCST %s, Z%d, Z%d", winoConst(c[0]), in[0], t)
			p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst(c[1]), in[2], t)
			x, y := out[1+2*i], out[2+2*i]
			if i == 0 { // the signs of the first two are the other way round
				p("VPXORD Z%d, Z%d, Z%d", x, x, x)
				p("VSUBPS Z%d, Z%d, Z%d", t, x, t)
				x, y = y, x
			}
			p("VMOVAPS Z%d, Z%d", t, x)
			p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst(c[2]), in[1], x)
			p("VMOVAPS Z%d, Z%d", t, y)
			p("VFNMADD231PS.BCST %s, Z%d, Z%d", winoConst(c[2]), in[1], y)
		}
		p("VMOVAPS Z%d, Z%d", in[0], out[0])
		p("VMOVAPS Z%d, Z%d", in[2], out[5])
	}
	for c := range 3 {
		filter([3]int{c, 3 + c, 6 + c}, [6]int{9 + c, 12 + c, 15 + c, 18 + c, 21 + c, 24 + c}, 30)
	}
	for i := range 6 {
		filter([3]int{9 + 3*i, 10 + 3*i, 11 + 3*i}, [6]int{0, 1, 2, 3, 4, 5}, 30)
		for j := range 6 {
			p("VMOVUPS Z%d, (DI)", j)
			p("ADDQ BX, DI")
		}
	}
	p("VZEROUPPER")
	p("RET")

	declare("winoFilterGradAVX512", "// winoFilterGradAVX512 writes Gᵀ·u·G to 16 filters of 3×3 taps that begin at dst[lanes[i]].",
		"dst, src *float32, lanes *int32, e int", 32)
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), SI")
	p("MOVQ lanes+16(FP), AX")
	p("MOVQ e+24(FP), BX")
	p("LEAQ (BX)(BX*2), R8")
	p("ADDQ R8, R8")
	filterGrad := func(in [6]int, out [3]int, s, q int) {
		p("VADDPS Z%d, Z%d, Z%d", in[2], in[1], s)
		p("VADDPS Z%d, Z%d, Z%d", in[4], in[3], q)
		p("VMOVAPS Z%d, Z%d", in[0], out[0])
		p("VFNMADD231PS.BCST %s, Z%d, Z%d", winoConst("2/3"), s, out[0])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("1/6"), q, out[0])
		p("VSUBPS Z%d, Z%d, Z%d", in[1], in[2], in[1])
		p("VSUBPS Z%d, Z%d, Z%d", in[4], in[3], in[3])
		p("VMULPS.BCST %s, Z%d, Z%d", winoConst("b/3"), in[1], out[1])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("b/6"), in[3], out[1])
		p("VSUBPS Z%d, Z%d, Z%d", s, q, q)
		p("VMOVAPS Z%d, Z%d", in[5], out[2])
		p("VFMADD231PS.BCST %s, Z%d, Z%d", winoConst("1/3"), q, out[2])
	}
	for j := range 6 {
		p("MOVQ SI, R9")
		for i := range 6 {
			p("VMOVUPS (R9), Z%d", 18+i)
			if i < 5 {
				p("ADDQ R8, R9")
			}
		}
		p("ADDQ BX, SI")
		filterGrad([6]int{18, 19, 20, 21, 22, 23}, [3]int{j, 6 + j, 12 + j}, 24, 25)
	}
	p("VMOVDQU32 (AX), Z31")
	for r := range 3 {
		in := [6]int{}
		for j := range in {
			in[j] = r*6 + j
		}
		filterGrad(in, [3]int{26, 27, 28}, 24, 25)
		for c := range 3 {
			p("KXNORW K1, K1, K1")
			p("VSCATTERDPS Z%d, K1, %d(DI)(Z31*4)", 26+c, (r*3+c)*4)
		}
	}
	p("VZEROUPPER")
	p("RET")

	for i, c := range winoConsts {
		p("DATA winoConsts<>+%d(SB)/4, $(%s)", i*4, c.value)
	}
	p("GLOBL winoConsts<>(SB), RODATA|NOPTR, $%d", len(winoConsts)*4)
}

// winoConsts are the constants of the transforms with their values, a being
// the square root of a half and b that of two.
var winoConsts = []struct{ name, value string }{
	{"2", "2.0"}, {"1/2", "0.5"}, {"5/2", "2.5"},
	{"a", "0.70710678118654752440"}, {"b", "1.41421356237309504880"},
	{"a³", "0.35355339059327376220"}, {"b³", "2.82842712474619009760"},
	{"2/3", "0.66666666666666666667"}, {"1/3", "0.33333333333333333333"}, {"1/6", "0.16666666666666666667"},
	{"b/3", "0.47140452079103168293"}, {"b/6", "0.23570226039551584147"},
}

// winoConst names a constant in memory.
func winoConst(name string) string {
	for i, c := range winoConsts {
		if c.name == name {
			return fmt.Sprintf("winoConsts<>+%d(SB)", i*4)
		}
	}
	panic(name)
}

func constant(name string, reg int) { p("VBROADCASTSS %s, Z%d", winoConst(name), reg) }

// inputLine computes Bᵀ·d for d in Z0…Z5 and returns where the six lie.
func inputLine() [6]int {
	p("VMOVAPS Z4, Z6")
	p("VFNMADD231PS Z27, Z2, Z6") // d4 − 2·d2
	p("VMOVAPS Z3, Z7")
	p("VFNMADD231PS Z27, Z1, Z7") // d3 − 2·d1
	p("VMOVAPS Z4, Z8")
	p("VFNMADD231PS Z28, Z2, Z8") // d4 − d2/2
	p("VMOVAPS Z3, Z9")
	p("VFNMADD231PS Z28, Z1, Z9") // d3 − d1/2
	p("VADDPS Z4, Z0, Z4")
	p("VFNMADD231PS Z29, Z2, Z4")
	p("VADDPS Z5, Z1, Z5")
	p("VFNMADD231PS Z29, Z3, Z5")
	p("VMOVAPS Z6, Z10")
	p("VFMADD231PS Z30, Z7, Z10")
	p("VFNMADD231PS Z30, Z7, Z6")
	p("VMOVAPS Z8, Z12")
	p("VFMADD231PS Z31, Z9, Z12")
	p("VFNMADD231PS Z31, Z9, Z8")
	return [6]int{4, 10, 6, 12, 8, 5}
}

// winoTranspose writes a kernel that transposes rows of 16 channels by up to
// 16 columns at a time.
func winoTranspose(name, doc string, load bool) {
	declare(name, doc, "dst, src *float32, rows, cols, dstRow, srcRow, channel int", 56)
	transpose(0, load, nil)
}

// winoTransposeAdd writes the kernel that adds to what it has transposed.
func winoTransposeAdd(name, doc string) {
	declare(name, doc, "dst, src, add *float32, rows, cols, dstRow, srcRow, channel int, floor float32", 68)
	p("MOVQ add+16(FP), AX")
	p("SUBQ dst+0(FP), AX")
	transpose(8, false, func(i int) {
		if i == 0 {
			p("VBROADCASTSS floor+64(FP), Z31")
		}
		p("VMOVUPS.Z (R11)(AX*1), K1, Z30")
		p("VADDPS Z30, Z%d, Z%d", i, i)
		p("VMAXPS Z%d, Z31, Z%d", i, i)
	})
}

// transpose writes the body of a kernel whose arguments from rows on lie so many bytes further; last works on each register before it is
// stored at R11.
func transpose(at int, load bool, last func(i int)) {
	p("MOVQ dst+0(FP), DI")
	p("MOVQ src+8(FP), SI")
	p("MOVQ rows+%d(FP), DX", at+16)
	p("MOVQ dstRow+%d(FP), R8", at+32)
	p("MOVQ srcRow+%d(FP), R9", at+40)
	p("MOVQ channel+%d(FP), BX", at+48)
	p("row:")
	p("MOVQ DI, R12")
	p("MOVQ SI, R13")
	p("MOVQ cols+%d(FP), CX", at+24)
	p("col:")
	p("MOVQ $0xFFFF, R10")
	p("CMPQ CX, $16")
	p("JGE full")
	p("MOVQ $1, R10")
	p("SHLQ CX, R10")
	p("DECQ R10")
	p("full:")
	p("KMOVW R10, K1")
	if load {
		p("MOVQ R13, R11")
		for i := range 16 {
			p("VMOVUPS.Z (R11), K1, Z%d", i)
			if i < 15 {
				p("ADDQ BX, R11")
			}
		}
	} else {
		for i := range 16 {
			p("VMOVUPS %d(R13), Z%d", i*64, i)
		}
	}
	for i := 0; i < 16; i += 2 {
		p("VUNPCKLPS Z%d, Z%d, Z%d", i+1, i, 16+i)
		p("VUNPCKHPS Z%d, Z%d, Z%d", i+1, i, 17+i)
	}
	for g := 0; g < 16; g += 4 {
		p("VUNPCKLPD Z%d, Z%d, Z%d", 18+g, 16+g, g)
		p("VUNPCKHPD Z%d, Z%d, Z%d", 18+g, 16+g, g+1)
		p("VUNPCKLPD Z%d, Z%d, Z%d", 19+g, 17+g, g+2)
		p("VUNPCKHPD Z%d, Z%d, Z%d", 19+g, 17+g, g+3)
	}
	for c := range 4 {
		p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 4+c, c, 16+c)
		p("VSHUFF32X4 $0xDD, Z%d, Z%d, Z%d", 4+c, c, 20+c)
		p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 12+c, 8+c, 24+c)
		p("VSHUFF32X4 $0xDD, Z%d, Z%d, Z%d", 12+c, 8+c, 28+c)
	}
	for c := range 4 {
		p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 24+c, 16+c, c)
		p("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 28+c, 20+c, 4+c)
		p("VSHUFF32X4 $0xDD, Z%d, Z%d, Z%d", 24+c, 16+c, 8+c)
		p("VSHUFF32X4 $0xDD, Z%d, Z%d, Z%d", 28+c, 20+c, 12+c)
	}
	if load {
		for j := range 16 {
			if j > 0 {
				p("CMPQ CX, $%d", j)
				p("JLE stored")
			}
			p("VMOVUPS Z%d, %d(R12)", j, j*64)
		}
		p("stored:")
		p("ADDQ $1024, R12")
		p("ADDQ $64, R13")
	} else {
		p("MOVQ R12, R11")
		for i := range 16 {
			if last != nil {
				last(i)
			}
			p("VMOVUPS Z%d, K1, (R11)", i)
			if i < 15 {
				p("ADDQ BX, R11")
			}
		}
		p("ADDQ $64, R12")
		p("ADDQ $1024, R13")
	}
	p("SUBQ $16, CX")
	p("JG col")
	p("ADDQ R8, DI")
	p("ADDQ R9, SI")
	p("DECQ DX")
	p("JNE row")
	p("VZEROUPPER")
	p("RET")
}
