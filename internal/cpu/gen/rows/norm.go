package main

import "fmt"

func normKernels(f *file) {
	layerNormRows(f, true)
	layerNormRows(f, false)
	layerNormGradRow(f)
	channelMoments(f)
	channelApply(f)
	channelDots(f)
	channelDotsReLU(f)
	channelGrad(f)
	column(f, "columnMoments", "sum, squares, x, mean *float32", "adds Σ (x - mean) and Σ (x - mean)² of each column to sum and squares.", columnMoments)
	column(f, "columnApply", "y, x, mean, scale, shift *float32", "computes (x - mean) scale + shift.", columnApply)
	column(f, "columnDots", "sum, dots, grad, x, mean *float32", "adds Σ grad and Σ grad (x - mean) of each column to sum and dots.", columnDots)
	column(f, "columnGrad", "dx, grad, x, mean, k, a, b *float32", "computes k (grad - a - (x - mean) b).", columnGrad)
}

// layerNormRows emits layer norm, or RMS norm, which has no mean to subtract.
// Registers: 0 to 3 accumulate, 4 is the mean, 5 the reciprocal deviation.
func layerNormRows(f *file, centred bool) {
	var a args
	scalars := []string{"DX"}
	if centred {
		a = f.begin("layerNormRows", "y, mean, rstd, x, gamma, beta *float32, m, n int, eps, size float32", "", "normalises m rows of n = size elements; beta may be nil, and gamma if beta is.")
		f.load(a, "mean", "BX", "beta", "AX")
		scalars = append(scalars, "BX")
	} else {
		a = f.begin("rmsNormRows", "y, rstd, x, gamma *float32, m, n int, eps, size float32", "", "divides m rows of n = size elements by their root mean square; gamma may be nil.")
		f.zero(4, 4)
	}
	f.load(a, "y", "DI", "rstd", "DX", "x", "SI", "gamma", "R13", "m", "R12", "n", "CX")
	f.prepare()
	f.op("SHLQ", "$2", "CX")
	f.broadcast(a["size"], 10)
	f.broadcast(a["eps"], 11)
	f.constantInto(0x3f800000, 12)
	f.rows(func() {
		if centred {
			f.zero(0, 3)
			f.sweep(func(s step) {
				f.get(s, "SI", 6)
				f.op("VADDPS", f.v(6), f.v(s.k), f.v(s.k))
			})
			f.fold("VADDPS", 0, 4)
			f.op("VDIVSS", "X10", "X0", "X4")
			f.op("VMOVSS", "X4", "(BX)")
			f.spread(4)
		}
		f.zero(0, 3)
		f.sweep(func(s step) {
			f.get(s, "SI", 6)
			if centred {
				f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
				f.zeroBeyond(s, 6)
			}
			f.op("VFMADD231PS", f.v(6), f.v(6), f.v(s.k))
		})
		f.fold("VADDPS", 0, 5)
		f.op("VDIVSS", "X10", "X0", "X5")
		f.op("VADDSS", "X11", "X5", "X5")
		f.op("VSQRTSS", "X5", "X5", "X5")
		f.op("VDIVSS", "X5", "X12", "X5")
		f.op("VMOVSS", "X5", "(DX)")
		f.spread(5)
		plain, unshifted, done := f.newLabel(), f.newLabel(), f.newLabel()
		apply := func(gamma, beta bool) {
			f.sweep(func(s step) {
				f.get(s, "SI", 6)
				if centred {
					f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
				}
				f.op("VMULPS", f.v(5), f.v(6), f.v(6))
				if gamma {
					f.get(s, "R13", 7)
				}
				if beta {
					f.get(s, "AX", 8)
					f.op("VFMADD213PS", f.v(8), f.v(7), f.v(6))
				} else if gamma {
					f.op("VMULPS", f.v(7), f.v(6), f.v(6))
				}
				f.set(s, 6, "DI")
			})
		}
		f.op("TESTQ", "R13", "R13")
		f.op("JZ", plain)
		if centred {
			f.op("TESTQ", "AX", "AX")
			f.op("JZ", unshifted)
			apply(true, true)
			f.op("JMP", done)
		}
		f.put(unshifted)
		apply(true, false)
		f.op("JMP", done)
		f.put(plain)
		apply(false, false)
		f.put(done)
	}, []string{"SI", "DI"}, scalars)
	f.end()
}

// layerNormGradRow emits the gradient for one row. Registers: 0 to 3
// accumulate, 4 is the mean, 5 the reciprocal deviation, 9 and 10 the two means
// that the gradient loses.
func layerNormGradRow(f *file) {
	a := f.begin("layerNormGradRow", "dx, dgamma, dbeta, grad, x, gamma *float32, n int, mean, rstd, size, centred float32", "", "adds one row's share to dgamma and dbeta and computes its dx; each may be nil, gamma may not. centred is 1, or 0 for RMS norm.")
	f.load(a, "dx", "DI", "dgamma", "AX", "dbeta", "BX", "grad", "SI", "x", "DX", "gamma", "R13", "n", "CX")
	f.prepare()
	f.broadcast(a["mean"], 4)
	f.broadcast(a["rstd"], 5)
	// normalised leaves (x - mean) rstd in register i.
	normalised := func(s step, i int) {
		f.get(s, "DX", i)
		f.op("VSUBPS", f.v(4), f.v(i), f.v(i))
		f.op("VMULPS", f.v(5), f.v(i), f.v(i))
	}
	noGamma, noBeta, noX, separate, summed := f.newLabel(), f.newLabel(), f.newLabel(), f.newLabel(), f.newLabel()

	// Where all three are wanted, one pass does everything but dx.
	for _, p := range []string{"AX", "BX", "DI"} {
		f.op("TESTQ", p, p)
		f.op("JZ", separate)
	}
	f.zero(0, 3)
	f.sweep(func(s step) {
		normalised(s, 6)
		f.get(s, "SI", 7)
		f.get(s, "AX", 8)
		f.op("VFMADD231PS", f.v(6), f.v(7), f.v(8))
		f.set(s, 8, "AX")
		f.get(s, "BX", 8)
		f.op("VADDPS", f.v(7), f.v(8), f.v(8))
		f.set(s, 8, "BX")
		f.get(s, "R13", 8)
		f.op("VMULPS", f.v(8), f.v(7), f.v(7))
		f.op("VADDPS", f.v(7), f.v(s.k%2), f.v(s.k%2))
		f.op("VFMADD231PS", f.v(6), f.v(7), f.v(2+s.k%2))
	})
	f.op("JMP", summed)

	f.put(separate)
	f.op("TESTQ", "AX", "AX")
	f.op("JZ", noGamma)
	f.sweep(func(s step) {
		normalised(s, 6)
		f.get(s, "SI", 7)
		f.get(s, "AX", 8)
		f.op("VFMADD231PS", f.v(6), f.v(7), f.v(8))
		f.set(s, 8, "AX")
	})
	f.put(noGamma)
	f.op("TESTQ", "BX", "BX")
	f.op("JZ", noBeta)
	f.sweep(func(s step) {
		f.get(s, "SI", 7)
		f.get(s, "BX", 8)
		f.op("VADDPS", f.v(7), f.v(8), f.v(8))
		f.set(s, 8, "BX")
	})
	f.put(noBeta)
	f.op("TESTQ", "DI", "DI")
	f.op("JZ", noX)
	f.zero(0, 3)
	f.sweep(func(s step) {
		normalised(s, 6)
		f.get(s, "SI", 7)
		f.get(s, "R13", 8)
		f.op("VMULPS", f.v(8), f.v(7), f.v(7))
		f.op("VADDPS", f.v(7), f.v(s.k%2), f.v(s.k%2))
		f.op("VFMADD231PS", f.v(6), f.v(7), f.v(2+s.k%2))
	})
	f.put(summed)
	f.op("VADDPS", f.v(1), f.v(0), f.v(9))
	f.op("VADDPS", f.v(3), f.v(2), f.v(10))
	f.op("VMOVSS", a["size"], "X11")
	for _, i := range []int{9, 10} {
		f.foldOne("VADDPS", i, 0)
		x := []string{9: "X9", 10: "X10"}[i]
		f.op("VDIVSS", "X11", x, x)
	}
	f.op("VMULSS", a["centred"], "X9", "X9")
	f.spread(9)
	f.spread(10)
	f.sweep(func(s step) {
		normalised(s, 6)
		f.get(s, "SI", 7)
		f.get(s, "R13", 8)
		f.op("VFMSUB213PS", f.v(9), f.v(8), f.v(7)) // g gamma - mean(g gamma)
		f.op("VFNMADD231PS", f.v(6), f.v(10), f.v(7))
		f.op("VMULPS", f.v(5), f.v(7), f.v(7))
		f.set(s, 7, "DI")
	})
	f.put(noX)
	f.end()
}

// channelKernel loads what the kernels over a channel have in common: rows in
// R12 and the stride between them in bytes in CX.
func (f *file) channelKernel(a args, pointers ...string) {
	f.load(a, append(pointers, "n", "CX")...)
	f.prepare()
	f.load(a, "m", "R12", "stride", "CX")
	f.op("SHLQ", "$2", "CX")
}

func channelMoments(f *file) {
	a := f.begin("channelMoments", "x *float32, m, stride, n int, mean float32", "sum, squares float32", "returns Σ (x - mean) and Σ (x - mean)² over m segments of n, stride apart.")
	f.channelKernel(a, "x", "SI")
	f.broadcast(a["mean"], 4)
	f.zero(0, 3)
	f.zero(8, 9)
	f.rows(func() {
		f.sweep(func(s step) {
			f.get(s, "SI", 6)
			f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
			f.zeroBeyond(s, 6)
			f.op("VADDPS", f.v(6), f.v(8+s.k%2), f.v(8+s.k%2))
			f.op("VFMADD231PS", f.v(6), f.v(6), f.v(s.k))
		})
	}, []string{"SI"}, nil)
	f.fold("VADDPS", 0, 6)
	f.op("VADDPS", f.v(9), f.v(8), f.v(8))
	f.foldOne("VADDPS", 8, 6)
	f.op("VMOVSS", "X8", a["sum"])
	f.op("VMOVSS", "X0", a["squares"])
	f.end()
}

func channelApply(f *file) {
	a := f.begin("channelApply", "y, x, add *float32, m, stride, n int, mean, scale, shift, floor float32", "", "computes max((x - mean) scale + shift + add, floor), NaN where that is, over m segments of n, stride apart; add may be nil.")
	f.channelKernel(a, "x", "SI", "y", "DI", "add", "BX")
	for i, name := range []string{"mean", "scale", "shift", "floor"} {
		f.broadcast(a[name], 4+i)
	}
	plain, done := f.newLabel(), f.newLabel()
	apply := func(add bool, ptrs ...string) {
		f.rows(func() {
			f.sweep(func(s step) {
				f.get(s, "SI", 8)
				f.op("VSUBPS", f.v(4), f.v(8), f.v(8))
				f.op("VFMADD213PS", f.v(6), f.v(5), f.v(8))
				if add {
					f.get(s, "BX", 9)
					f.op("VADDPS", f.v(9), f.v(8), f.v(8))
				}
				f.op("VMAXPS", f.v(8), f.v(7), f.v(8))
				f.set(s, 8, "DI")
			})
		}, ptrs, nil)
	}
	f.op("TESTQ", "BX", "BX")
	f.op("JZ", plain)
	apply(true, "SI", "DI", "BX")
	f.op("JMP", done)
	f.put(plain)
	apply(false, "SI", "DI")
	f.put(done)
	f.end()
}

func channelDots(f *file) {
	a := f.begin("channelDots", "grad, x *float32, m, stride, n int, mean float32", "sum, dot float32", "returns Σ grad and Σ grad (x - mean) over m segments of n, stride apart.")
	f.channelKernel(a, "x", "SI", "grad", "DI")
	f.dots(a, func(s step) { f.get(s, "DI", 7) }, "SI", "DI")
}

func channelDotsReLU(f *file) {
	a := f.begin("channelDotsReLU", "masked, grad, y, x *float32, m, stride, n int, mean float32", "sum, dot float32", "stores grad where y isn't 0 or less, else 0, to masked, and is channelDots of that.")
	f.channelKernel(a, "x", "SI", "grad", "DI", "y", "BX", "masked", "DX")
	f.op("VXORPS", f.v(10), f.v(10), f.v(10))
	f.dots(a, func(s step) {
		f.get(s, "BX", 11)
		f.get(s, "DI", 7)
		if f.wide() {
			f.op("VCMPPS", "$6", f.v(10), f.v(11), "K2") // not less than or equal
			f.op("VMOVAPS.Z", f.v(7), "K2", f.v(7))
		} else {
			f.op("VCMPPS", "$6", f.v(10), f.v(11), f.v(11))
			f.op("VANDPS", f.v(11), f.v(7), f.v(7))
		}
		f.set(s, 7, "DX")
	}, "SI", "DI", "BX", "DX")
}

// dots emits the sums over a channel of what grad leaves in register 7, alone and times x - mean.
func (f *file) dots(a args, grad func(s step), ptrs ...string) {
	f.broadcast(a["mean"], 4)
	f.zero(0, 3)
	f.zero(8, 9)
	f.rows(func() {
		f.sweep(func(s step) {
			f.get(s, "SI", 6)
			grad(s)
			f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
			f.op("VADDPS", f.v(7), f.v(8+s.k%2), f.v(8+s.k%2))
			f.op("VFMADD231PS", f.v(6), f.v(7), f.v(s.k))
		})
	}, ptrs, nil)
	f.fold("VADDPS", 0, 6)
	f.op("VADDPS", f.v(9), f.v(8), f.v(8))
	f.foldOne("VADDPS", 8, 6)
	f.op("VMOVSS", "X8", a["sum"])
	f.op("VMOVSS", "X0", a["dot"])
	f.end()
}

func channelGrad(f *file) {
	a := f.begin("channelGrad", "dx, grad, x *float32, m, stride, n int, mean, k, a, b float32", "", "computes k (grad - a - (x - mean) b) over m segments of n, stride apart.")
	f.channelKernel(a, "x", "SI", "grad", "BX", "dx", "DI")
	for i, name := range []string{"mean", "k", "a", "b"} {
		f.broadcast(a[name], 4+i)
	}
	f.rows(func() {
		f.sweep(func(s step) {
			f.get(s, "SI", 8)
			f.get(s, "BX", 9)
			f.op("VSUBPS", f.v(4), f.v(8), f.v(8))
			f.op("VSUBPS", f.v(6), f.v(9), f.v(9))
			f.op("VFNMADD231PS", f.v(7), f.v(8), f.v(9))
			f.op("VMULPS", f.v(5), f.v(9), f.v(9))
			f.set(s, 9, "DI")
		})
	}, []string{"SI", "BX", "DI"}, nil)
	f.end()
}

// column emits a kernel over the columns of an m×n matrix whose rows are
// stride apart: for each vector of columns, a loop over the rows.
func column(f *file, name, list, doc string, body func(f *file, a args, rows func(func()), s step)) {
	a := f.begin(name, list+", m, stride, n int", "", "covers m rows, stride apart, of n columns: it "+doc)
	f.op("MOVQ", a["n"], "CX")
	f.prepare()
	f.load(a, "m", "R12", "stride", "CX")
	f.op("SHLQ", "$2", "CX")
	f.sweepOne(func(s step) {
		body(f, a, func(inner func()) {
			// R12 counts down, and is m again afterwards.
			top := f.newLabel()
			f.put(top)
			inner()
			f.op("DECQ", "R12")
			f.op("JNZ", top)
			f.op("MOVQ", a["m"], "R12")
		}, s)
	})
	f.end()
}

// sweepOne is sweep without the loop over four vectors.
func (f *file) sweepOne(body func(s step)) {
	rest, done, top := f.newLabel(), f.newLabel(), f.newLabel()
	f.op("XORQ", "R10", "R10")
	f.put(top)
	f.op("CMPQ", "R10", "R9")
	f.op("JGE", rest)
	body(step{})
	f.op("ADDQ", fmt.Sprint("$", 4*f.width), "R10")
	f.op("JMP", top)
	f.put(rest)
	f.op("TESTQ", "R11", "R11")
	f.op("JZ", done)
	body(step{rest: true})
	f.put(done)
}

func columnMoments(f *file, a args, rows func(func()), s step) {
	f.load(a, "x", "SI", "mean", "BX")
	f.get(s, "BX", 4)
	f.zero(0, 1)
	rows(func() {
		f.get(s, "SI", 6)
		f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
		f.op("VADDPS", f.v(6), f.v(0), f.v(0))
		f.op("VFMADD231PS", f.v(6), f.v(6), f.v(1))
		f.op("ADDQ", "CX", "SI")
	})
	f.load(a, "sum", "SI", "squares", "BX")
	f.addTo(s, 0, "SI")
	f.addTo(s, 1, "BX")
}

// addTo adds register i to the vector at base.
func (f *file) addTo(s step, i int, base string) {
	f.get(s, base, 9)
	f.op("VADDPS", f.v(i), f.v(9), f.v(9))
	f.set(s, 9, base)
}

func columnApply(f *file, a args, rows func(func()), s step) {
	f.load(a, "mean", "BX", "scale", "SI", "shift", "DI")
	f.get(s, "BX", 4)
	f.get(s, "SI", 5)
	f.get(s, "DI", 6)
	f.load(a, "x", "SI", "y", "DI")
	rows(func() {
		f.get(s, "SI", 7)
		f.op("VSUBPS", f.v(4), f.v(7), f.v(7))
		f.op("VFMADD213PS", f.v(6), f.v(5), f.v(7))
		f.set(s, 7, "DI")
		f.op("ADDQ", "CX", "SI")
		f.op("ADDQ", "CX", "DI")
	})
}

func columnDots(f *file, a args, rows func(func()), s step) {
	f.load(a, "x", "SI", "mean", "BX", "grad", "DI")
	f.get(s, "BX", 4)
	f.zero(0, 1)
	rows(func() {
		f.get(s, "SI", 6)
		f.get(s, "DI", 7)
		f.op("VSUBPS", f.v(4), f.v(6), f.v(6))
		f.op("VADDPS", f.v(7), f.v(0), f.v(0))
		f.op("VFMADD231PS", f.v(6), f.v(7), f.v(1))
		f.op("ADDQ", "CX", "SI")
		f.op("ADDQ", "CX", "DI")
	})
	f.load(a, "sum", "SI", "dots", "BX")
	f.addTo(s, 0, "SI")
	f.addTo(s, 1, "BX")
}

func columnGrad(f *file, a args, rows func(func()), s step) {
	for i, name := range []string{"mean", "k", "a", "b"} {
		f.load(a, name, "BX")
		f.get(s, "BX", 4+i)
	}
	f.load(a, "x", "SI", "grad", "BX", "dx", "DI")
	rows(func() {
		f.get(s, "SI", 8)
		f.get(s, "BX", 9)
		f.op("VSUBPS", f.v(4), f.v(8), f.v(8))
		f.op("VSUBPS", f.v(6), f.v(9), f.v(9))
		f.op("VFNMADD231PS", f.v(7), f.v(8), f.v(9))
		f.op("VMULPS", f.v(5), f.v(9), f.v(9))
		f.set(s, 9, "DI")
		f.op("ADDQ", "CX", "SI")
		f.op("ADDQ", "CX", "BX")
		f.op("ADDQ", "CX", "DI")
	})
}
