package main

// pool writes the kernels of 2×2 max pooling with stride 2, on one plane.
func pool() {
	declare("maxPool2AVX512", "// maxPool2AVX512 pools one plane: rows×cols outputs, w input elements to a row, index nil or\n// where to write the positions. cols > 0.",
		"y *float32, index *int32, x *float32, rows, cols, w int", 48)
	p("MOVQ y+0(FP), DI")
	p("MOVQ index+8(FP), SI")
	p("MOVQ x+16(FP), BX")
	poolMasks()
	p("VMOVDQU32 poolEven<>(SB), Z16")
	p("VPTERNLOGD $0xFF, Z17, Z17, Z17")
	p("VPSRLD $31, Z17, Z17") // 1
	p("VPADDD Z17, Z16, Z18") // odd lanes
	p("MOVQ w+40(FP), R9")
	p("VPBROADCASTD R9, Z19") // w
	p("VPADDD Z19, Z17, Z20") // w + 1
	p("VPADDD Z19, Z19, Z21") // 2w
	p("VPSLLD $5, Z17, Z22")  // 32
	p("SHLQ $2, R9")
	p("VMOVDQA32 Z16, Z23") // position of the first element of each window in a row of windows
	p("row:")
	p("VMOVDQA32 Z23, Z8")
	p("MOVQ BX, R12")
	p("LEAQ (BX)(R9*1), R13")
	p("MOVQ cols+32(FP), CX")
	p("col:")
	poolChunk()
	p("VMOVUPS.Z (R12), K2, Z0")
	p("VMOVUPS.Z 64(R12), K3, Z1")
	p("VMOVUPS.Z (R13), K2, Z2")
	p("VMOVUPS.Z 64(R13), K3, Z3")
	p("VMOVAPS Z0, Z4")
	p("VPERMT2PS Z1, Z16, Z4") // the largest so far
	p("VPERMT2PS Z1, Z18, Z0")
	p("VMOVAPS Z2, Z1")
	p("VPERMT2PS Z3, Z16, Z1")
	p("VPERMT2PS Z3, Z18, Z2")
	p("VMOVDQA32 Z8, Z5") // its position
	for i, v := range []string{"Z0", "Z1", "Z2"} {
		p("VPADDD %s, Z8, Z6", []string{"Z17", "Z19", "Z20"}[i])
		p("VCMPPS $7, Z4, Z4, K6")           // not NaN yet
		p("VCMPPS $0x16, Z4, %s, K6, K7", v) // and v isn't below or equal
		p("VMOVAPS %s, K7, Z4", v)
		p("VMOVDQA32 Z6, K7, Z5")
	}
	p("VMOVUPS Z4, K1, (DI)")
	p("TESTQ SI, SI")
	p("JE noindex")
	p("VMOVDQU32 Z5, K1, (SI)")
	p("LEAQ (SI)(AX*4), SI")
	p("noindex:")
	p("LEAQ (DI)(AX*4), DI")
	p("VPADDD Z22, Z8, Z8")
	p("ADDQ $128, R12")
	p("ADDQ $128, R13")
	p("SUBQ AX, CX")
	p("JNE col")
	p("LEAQ (BX)(R9*2), BX")
	p("VPADDD Z21, Z23, Z23")
	p("DECQ DX")
	p("JNE row")
	p("VZEROUPPER")
	p("RET")

	declare("maxPool2GradAVX512", "// maxPool2GradAVX512 writes the gradient of one plane, its first 2·rows rows and 2·cols\n// columns; w is the input's row. cols > 0.",
		"dx, dy *float32, index *int32, rows, cols, w int", 48)
	p("MOVQ dx+0(FP), BX")
	p("MOVQ dy+8(FP), DI")
	p("MOVQ index+16(FP), SI")
	poolMasks()
	p("VMOVDQU32 poolEven<>(SB), Z16")
	p("VPTERNLOGD $0xFF, Z17, Z17, Z17")
	p("VPSRLD $31, Z17, Z17")
	p("MOVQ w+40(FP), R9")
	p("VPBROADCASTD R9, Z19")
	p("VPADDD Z19, Z17, Z20")
	p("VPADDD Z19, Z19, Z21")
	p("VPSLLD $5, Z17, Z22")
	p("VMOVDQU32 poolLow<>(SB), Z24")
	p("VPSLLD $3, Z17, Z25")
	p("VPADDD Z25, Z24, Z25")
	p("SHLQ $2, R9")
	p("VMOVDQA32 Z16, Z23")
	p("row:")
	p("VMOVDQA32 Z23, Z8")
	p("MOVQ BX, R12")
	p("LEAQ (BX)(R9*1), R13")
	p("MOVQ cols+32(FP), CX")
	p("col:")
	poolChunk()
	p("VMOVUPS.Z (DI), K1, Z0")
	p("VMOVDQU32.Z (SI), K1, Z1")
	p("VPCMPEQD Z8, Z1, K7")
	p("VMOVAPS.Z Z0, K7, Z2")
	for i := range 3 {
		p("VPADDD %s, Z8, Z6", []string{"Z17", "Z19", "Z20"}[i])
		p("VPCMPEQD Z6, Z1, K7")
		p("VMOVAPS.Z Z0, K7, Z%d", 3+i)
	}
	for i, at := range []string{"R12", "R13"} {
		even, odd := 2+2*i, 3+2*i
		p("VMOVAPS Z%d, Z7", even)
		p("VPERMT2PS Z%d, Z24, Z7", odd)
		p("VPERMT2PS Z%d, Z25, Z%d", odd, even)
		p("VMOVUPS Z7, K2, (%s)", at)
		p("VMOVUPS Z%d, K3, 64(%s)", even, at)
		p("ADDQ $128, %s", at)
	}
	p("LEAQ (DI)(AX*4), DI")
	p("LEAQ (SI)(AX*4), SI")
	p("VPADDD Z22, Z8, Z8")
	p("SUBQ AX, CX")
	p("JNE col")
	p("LEAQ (BX)(R9*2), BX")
	p("VPADDD Z21, Z23, Z23")
	p("DECQ DX")
	p("JNE row")
	p("VZEROUPPER")
	p("RET")

	declare("maxPoolRowAVX512", "// maxPoolRowAVX512 pools windows of any kind for up to 16 outputs, the bits of out: kh rows of kw\n// taps, rowStep and colStep elements apart, the first tap of output i at x[start + i·stride]. Tap k\n// of a row counts for the outputs in masks[k].",
		"y *float32, index *int32, x *float32, start, stride, kh, kw, rowStep, colStep int, masks *uint16, out int", 88)
	p("MOVQ y+0(FP), DI")
	p("MOVQ index+8(FP), SI")
	p("MOVQ x+16(FP), BX")
	p("VPBROADCASTD start+24(FP), Z8")
	p("VPBROADCASTD stride+32(FP), Z9")
	p("VPMULLD convLanes<>(SB), Z9, Z9")
	p("VPADDD Z9, Z8, Z8") // positions of the row's first taps
	p("MOVQ kh+40(FP), DX")
	p("VPBROADCASTD rowStep+56(FP), Z10")
	p("VPBROADCASTD colStep+64(FP), Z11")
	p("MOVQ masks+72(FP), R8")
	p("MOVQ out+80(FP), AX")
	p("KMOVW AX, K1")
	p("MOVL $0xFF800000, AX")
	p("VPBROADCASTD AX, Z4")          // largest so far: −Inf
	p("VPTERNLOGD $0xFF, Z5, Z5, Z5") // its position: −1
	p("row:")
	p("VMOVDQA32 Z8, Z6")
	p("MOVQ R8, R9")
	p("MOVQ kw+48(FP), CX")
	p("tap:")
	p("MOVWLZX (R9), AX")
	p("KMOVW AX, K2")
	p("KANDW K1, K2, K2")
	p("KMOVW K2, K3")
	p("VPXORD Z0, Z0, Z0")
	p("VGATHERDPS (BX)(Z6*4), K3, Z0")
	p("VPMOVD2M Z5, K4") // nothing yet
	p("KANDW K2, K4, K4")
	p("VCMPPS $7, Z4, Z4, K2, K5")    // not NaN yet
	p("VCMPPS $0x16, Z4, Z0, K5, K5") // and this isn't below or equal
	p("KORW K4, K5, K5")
	p("VMOVAPS Z0, K5, Z4")
	p("VMOVDQA32 Z6, K5, Z5")
	p("VPADDD Z11, Z6, Z6")
	p("ADDQ $2, R9")
	p("DECQ CX")
	p("JNE tap")
	p("VPADDD Z10, Z8, Z8")
	p("DECQ DX")
	p("JNE row")
	p("VMOVUPS Z4, K1, (DI)")
	p("TESTQ SI, SI")
	p("JE done")
	p("VMOVDQU32 Z5, K1, (SI)")
	p("done:")
	p("VZEROUPPER")
	p("RET")

	for i := range 16 {
		p("DATA poolEven<>+%d(SB)/4, $%d", i*4, 2*i)
	}
	p("GLOBL poolEven<>(SB), RODATA|NOPTR, $64")
	for i := range 16 {
		p("DATA poolLow<>+%d(SB)/4, $%d", i*4, i/2+i%2*16)
	}
	p("GLOBL poolLow<>(SB), RODATA|NOPTR, $64")
}

// poolMasks sets R8, R10 and R11 to the masks of a row's last chunk: outputs,
// and the first and second 16 inputs; and DX to the rows.
func poolMasks() {
	p("MOVQ rows+24(FP), DX")
	p("MOVQ cols+32(FP), CX")
	p("DECQ CX")
	p("ANDQ $15, CX")
	p("INCQ CX") // 1…16 outputs
	p("MOVQ $1, R8")
	p("SHLQ CX, R8")
	p("DECQ R8")
	p("ADDQ CX, CX")
	p("MOVQ $1, R10")
	p("SHLQ CX, R10")
	p("DECQ R10")
	p("MOVQ R10, R11")
	p("SHRQ $16, R11")
}

// poolChunk sets AX to how many of the CX outputs left are done next and K1,
// K2, K3 to their masks.
func poolChunk() {
	p("MOVL $16, AX")
	p("KXNORW K1, K1, K1")
	p("KXNORW K2, K2, K2")
	p("KXNORW K3, K3, K3")
	p("CMPQ CX, $16")
	p("JG full")
	p("MOVQ CX, AX")
	p("KMOVW R8, K1")
	p("KMOVW R10, K2")
	p("KMOVW R11, K3")
	p("full:")
}
