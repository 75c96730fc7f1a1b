package main

import (
	"fmt"
	"math"
	"strings"
)

// exp replaces register x by e^x for x ≤ 0, with about 1 ULP; z, n and p are
// overwritten. With n = round(x log2 e) and r = x - n ln 2, e^x = 2^n e^r, and
// e^r = 1 + r + r² q(r), q of degree 4 with least relative error for
// |r| ≤ ln(2)/2 (Remez; error 3e-9). Below limit, the logarithm of the smallest
// normal number, the result is 0: denormal numbers are of no use as
// probabilities, and each vector with one costs a hundred cycles. NaN stays.
func (f *file) exp(x, z, n, p, limit int) {
	if f.wide() {
		f.op("VCMPPS", "$21", f.v(limit), f.v(x), "K2") // NLT_UQ: not x < limit
	} else {
		f.op("VCMPPS", "$17", f.v(limit), f.v(x), f.v(13)) // LT_OQ: x < limit
	}
	f.op("VMOVUPS", f.constant(roundMagic), f.v(z))
	f.op("VFMADD231PS", f.constant(math.Float32bits(math.Log2E)), f.v(x), f.v(z))
	f.op("VSUBPS", f.constant(roundMagic), f.v(z), f.v(n))
	f.op("VFNMADD231PS", f.constant(math.Float32bits(math.Ln2)), f.v(n), f.v(x)) // float32(ln 2) is off by 2e-9 only
	f.op("VMOVUPS", f.constant(expCoefficients[0]), f.v(p))
	for _, c := range expCoefficients[1:] {
		f.op("VFMADD213PS", f.constant(c), f.v(x), f.v(p))
	}
	if f.wide() {
		f.op("VSCALEFPS.Z", f.v(n), f.v(p), "K2", f.v(x))
		return
	}
	f.op("VPSLLD", "$23", f.v(z), f.v(z)) // z's lowest bits are n
	f.op("VPADDD", f.v(z), f.v(p), f.v(p))
	f.op("VANDNPS", f.v(p), f.v(13), f.v(x))
}

// roundMagic is 1.5·2²³: adding it rounds to an integer.
const roundMagic = 0x4b400000

// expCoefficients are those of r⁶ down to 1.
var expCoefficients = []uint32{0x3ab5121a, 0x3c091cf1, 0x3d2aac79, 0x3e2aaa49, 0x3efffffe, 0x3f800000, 0x3f800000}

// expSetup loads the limit, and with AVX-512 all constants, before the loops.
func (f *file) expSetup(limit int) {
	f.constantInto(math.Float32bits(-87.33), limit)
	f.constant(roundMagic)
	f.constant(math.Float32bits(math.Log2E))
	f.constant(math.Float32bits(math.Ln2))
	for _, c := range expCoefficients {
		f.constant(c)
	}
}

// constantInto loads a constant into register i.
func (f *file) constantInto(bits uint32, i int) {
	c := f.constant(bits)
	if f.wide() && strings.Contains(c, "Const") {
		f.op("VBROADCASTSS", c, f.v(i))
	} else {
		f.op("VMOVUPS", c, f.v(i))
	}
}

var minusInf = math.Float32bits(float32(math.Inf(-1)))

// Registers: 0 to 3 accumulate, 4 is the maximum, 5 to 8 are for exp, 9 is
// -Inf, 13 is for AVX2's exp, 14 is exp's limit.
func softmaxKernels(f *file) {
	for _, whole := range []bool{true, false} {
		softmaxRows(f, whole)
	}
	shiftRows(f)
	softmaxGrad(f)
	logSoftmaxGrad(f)
}

// softmaxRows emits two kernels that begin alike: softmax, and the maximum and
// sum of exponentials of each row.
func softmaxRows(f *file, whole bool) {
	var a args
	if whole {
		a = f.begin("softmaxRows", "dst, x, alpha, beta *float32, m, n int", "", "computes softmax(x)·alpha + beta for m rows of n; alpha and beta, one for each row, may be nil.")
		f.load(a, "dst", "DI", "alpha", "BX", "beta", "DX")
	} else {
		a = f.begin("maxSumExpRows", "mx, sum, x *float32, m, n int", "", "stores each row's maximum and its sum of exp(x - maximum).")
		f.load(a, "mx", "BX", "sum", "DX")
	}
	f.load(a, "x", "SI", "m", "R12", "n", "CX")
	f.expSetup(14)
	f.constantInto(minusInf, 9)
	one := f.constant(0x3f800000)
	// factors leaves alpha over the sum in register 5, and beta in register 6.
	factors := func(sum string) {
		noAlpha, noBeta := f.newLabel(), f.newLabel()
		f.op("VMOVUPS", one, f.v(5))
		f.op("TESTQ", "BX", "BX")
		f.op("JZ", noAlpha)
		f.op("VMOVSS", "(BX)", "X5")
		f.op("ADDQ", "$4", "BX")
		f.put(noAlpha)
		f.op("VDIVSS", sum, "X5", "X5")
		f.spread(5)
		f.zero(6, 6)
		f.op("TESTQ", "DX", "DX")
		f.op("JZ", noBeta)
		f.op("VBROADCASTSS", "(DX)", f.v(6))
		f.op("ADDQ", "$4", "DX")
		f.put(noBeta)
	}
	long, end := f.newLabel(), f.newLabel()
	f.op("CMPQ", "CX", fmt.Sprint("$", 4*f.width))
	f.op("JGT", long)
	for vectors := 1; vectors <= 4; vectors++ {
		next := f.newLabel()
		if vectors < 4 {
			f.op("CMPQ", "CX", fmt.Sprint("$", vectors*f.width))
			f.op("JGT", next)
		}
		shortRows(f, vectors, whole, factors)
		f.op("JMP", end)
		f.put(next)
	}
	f.put(long)
	f.prepare()
	f.op("SHLQ", "$2", "CX")
	body := func() {
		for i := range 4 {
			f.op("VMOVAPS", f.v(9), f.v(i))
		}
		f.sweep(func(s step) {
			if !s.rest {
				f.op("VMAXPS", s.at("SI"), f.v(s.k), f.v(s.k))
				return
			}
			f.getOr(s, "SI", 5, 9)
			f.op("VMAXPS", f.v(5), f.v(0), f.v(0))
		})
		f.fold("VMAXPS", 0, 4)
		if !whole {
			f.op("VMOVSS", "X0", "(BX)")
		}
		f.op("VBROADCASTSS", "X0", f.v(4))
		f.zero(0, 3)
		f.sweep(func(s step) {
			f.getOr(s, "SI", 5, 9)
			f.op("VSUBPS", f.v(4), f.v(5), f.v(5))
			f.exp(5, 6, 7, 8, 14)
			if whole {
				f.set(s, 5, "DI")
			}
			f.zeroBeyond(s, 5) // a row of -Inf makes NaN there
			f.op("VADDPS", f.v(5), f.v(s.k), f.v(s.k))
		})
		f.fold("VADDPS", 0, 4)
		if !whole {
			f.op("VMOVSS", "X0", "(DX)")
			return
		}
		factors("X0")
		f.sweep(func(s step) {
			f.get(s, "DI", 7)
			f.op("VFMADD213PS", f.v(6), f.v(5), f.v(7))
			f.set(s, 7, "DI")
		})
	}
	if whole {
		f.rows(body, []string{"SI", "DI"}, nil)
	} else {
		f.rows(body, []string{"SI"}, []string{"BX", "DX"})
	}
	f.put(end)
	f.end()
}

// shortRows is the body of softmaxRows for rows that fit in this many vectors:
// they stay in registers 0 to 3. CX is n.
func shortRows(f *file, vectors int, whole bool, factors func(sum string)) {
	f.op("SUBQ", fmt.Sprint("$", (vectors-1)*f.width), "CX")
	f.maskFor("CX")
	f.op("ADDQ", fmt.Sprint("$", (vectors-1)*f.width), "CX")
	f.op("SHLQ", "$2", "CX")
	f.op("XORQ", "R10", "R10")
	each := func(body func(s step, i int)) {
		for i := range vectors {
			body(step{offset: 4 * f.width * i, rest: i == vectors-1}, i)
		}
	}
	// all leaves the combination of all vectors in register 4.
	all := func(op string) {
		switch vectors {
		case 1:
			f.op("VMOVAPS", f.v(0), f.v(4))
		case 2, 3:
			f.op(op, f.v(1), f.v(0), f.v(4))
		case 4:
			f.op(op, f.v(1), f.v(0), f.v(4))
			f.op(op, f.v(3), f.v(2), f.v(5))
			f.op(op, f.v(5), f.v(4), f.v(4))
		}
		if vectors == 3 {
			f.op(op, f.v(2), f.v(4), f.v(4))
		}
		f.foldOne(op, 4, 5)
	}
	body := func() {
		each(func(s step, i int) { f.getOr(s, "SI", i, 9) })
		all("VMAXPS")
		if !whole {
			f.op("VMOVSS", "X4", "(BX)")
		}
		f.spread(4)
		each(func(s step, i int) {
			f.op("VSUBPS", f.v(4), f.v(i), f.v(i))
			f.exp(i, 5, 6, 7, 14)
		})
		all("VADDPS")
		if !whole {
			f.op("VMOVSS", "X4", "(DX)")
			return
		}
		factors("X4")
		each(func(s step, i int) {
			f.op("VFMADD213PS", f.v(6), f.v(5), f.v(i))
			f.set(s, i, "DI")
		})
	}
	if whole {
		f.rows(body, []string{"SI", "DI"}, nil)
	} else {
		f.rows(body, []string{"SI"}, []string{"BX", "DX"})
	}
}

func shiftRows(f *file) {
	a := f.begin("shiftRows", "dst, x, a, b *float32, m, n int", "", "computes (x - a) - b for m rows of n with one a and b for each.")
	f.load(a, "dst", "DI", "x", "SI", "a", "BX", "b", "DX", "m", "R12", "n", "CX")
	f.prepare()
	f.op("SHLQ", "$2", "CX")
	f.rows(func() {
		f.op("VBROADCASTSS", "(BX)", f.v(0))
		f.op("VBROADCASTSS", "(DX)", f.v(1))
		f.sweep(func(s step) {
			f.get(s, "SI", 2)
			f.op("VSUBPS", f.v(0), f.v(2), f.v(2))
			f.op("VSUBPS", f.v(1), f.v(2), f.v(2))
			f.set(s, 2, "DI")
		})
	}, []string{"SI", "DI"}, []string{"BX", "DX"})
	f.end()
}

func softmaxGrad(f *file) {
	a := f.begin("softmaxGradRows", "dx, grad, y *float32, m, n int", "", "computes y (g - Σ g y) for m rows of n.")
	f.load(a, "dx", "DI", "grad", "SI", "y", "BX", "m", "R12", "n", "CX")
	f.prepare()
	f.op("SHLQ", "$2", "CX")
	f.rows(func() {
		f.zero(0, 3)
		f.sweep(func(s step) {
			f.get(s, "SI", 5)
			f.get(s, "BX", 6)
			f.op("VFMADD231PS", f.v(5), f.v(6), f.v(s.k))
		})
		f.fold("VADDPS", 0, 4)
		f.spread(0)
		f.sweep(func(s step) {
			f.get(s, "SI", 5)
			f.get(s, "BX", 6)
			f.op("VSUBPS", f.v(0), f.v(5), f.v(5))
			f.op("VMULPS", f.v(6), f.v(5), f.v(5))
			f.set(s, 5, "DI")
		})
	}, []string{"SI", "DI", "BX"}, nil)
	f.end()
}

func logSoftmaxGrad(f *file) {
	a := f.begin("logSoftmaxGradRows", "dx, grad, y *float32, m, n int", "", "computes g - exp(y) Σ g for m rows of n.")
	f.load(a, "dx", "DI", "grad", "SI", "y", "BX", "m", "R12", "n", "CX")
	f.prepare()
	f.op("SHLQ", "$2", "CX")
	f.expSetup(14)
	f.rows(func() {
		f.zero(0, 3)
		f.sweep(func(s step) {
			f.get(s, "SI", 5)
			f.op("VADDPS", f.v(5), f.v(s.k), f.v(s.k))
		})
		f.fold("VADDPS", 0, 4)
		f.spread(0)
		f.sweep(func(s step) {
			f.get(s, "BX", 5)
			f.exp(5, 6, 7, 8, 14)
			f.get(s, "SI", 9)
			f.op("VFNMADD231PS", f.v(0), f.v(5), f.v(9))
			f.set(s, 9, "DI")
		})
	}, []string{"SI", "DI", "BX"}, nil)
	f.end()
}
