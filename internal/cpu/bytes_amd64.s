//go:build amd64 && !noasm

#include "textflag.h"

// func scaleBytesAVX512(dst *float32, src *uint8, n int, shift, scale float32)
TEXT ·scaleBytesAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS shift+24(FP), Z0
	VBROADCASTSS scale+28(FP), Z1

fours:
	CMPQ      CX, $64
	JLT       ones
	VPMOVZXBD (SI), Z2
	VPMOVZXBD 16(SI), Z3
	VPMOVZXBD 32(SI), Z4
	VPMOVZXBD 48(SI), Z5
	VCVTDQ2PS Z2, Z2
	VCVTDQ2PS Z3, Z3
	VCVTDQ2PS Z4, Z4
	VCVTDQ2PS Z5, Z5
	VSUBPS    Z0, Z2, Z2
	VSUBPS    Z0, Z3, Z3
	VSUBPS    Z0, Z4, Z4
	VSUBPS    Z0, Z5, Z5
	VMULPS    Z1, Z2, Z2
	VMULPS    Z1, Z3, Z3
	VMULPS    Z1, Z4, Z4
	VMULPS    Z1, Z5, Z5
	VMOVUPS   Z2, (DI)
	VMOVUPS   Z3, 64(DI)
	VMOVUPS   Z4, 128(DI)
	VMOVUPS   Z5, 192(DI)
	ADDQ      $64, SI
	ADDQ      $256, DI
	SUBQ      $64, CX
	JMP       fours

ones:
	CMPQ      CX, $16
	JLT       done
	VPMOVZXBD (SI), Z2
	VCVTDQ2PS Z2, Z2
	VSUBPS    Z0, Z2, Z2
	VMULPS    Z1, Z2, Z2
	VMOVUPS   Z2, (DI)
	ADDQ      $16, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JMP       ones

done:
	VZEROUPPER
	RET

// func scaleBytesAVX2(dst *float32, src *uint8, n int, shift, scale float32)
TEXT ·scaleBytesAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS shift+24(FP), Y0
	VBROADCASTSS scale+28(FP), Y1

twos:
	CMPQ      CX, $16
	JLT       done2
	VPMOVZXBD (SI), Y2
	VPMOVZXBD 8(SI), Y3
	VCVTDQ2PS Y2, Y2
	VCVTDQ2PS Y3, Y3
	VSUBPS    Y0, Y2, Y2
	VSUBPS    Y0, Y3, Y3
	VMULPS    Y1, Y2, Y2
	VMULPS    Y1, Y3, Y3
	VMOVUPS   Y2, (DI)
	VMOVUPS   Y3, 32(DI)
	ADDQ      $16, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JMP       twos

done2:
	VZEROUPPER
	RET
