package main

import "fmt"

func stepKernels(f *file) {
	adam(f)
	sgd(f)
	sumSquares(f)
}

// adam emits the update of one parameter. The scalars are the fields of
// adamScalars in their order; they stay in registers 7 to 15, or 14 with AVX2,
// whose register 15 masks.
func adam(f *file) {
	a := f.begin("adamStep", "p, grad, m, v, vmax *float32, n int, scalars *float32", "", "updates n elements; vmax may be nil, and scalars are the nine fields of adamScalars.")
	f.load(a, "p", "DI", "grad", "SI", "m", "BX", "v", "DX", "vmax", "R13", "scalars", "AX", "n", "CX")
	f.prepare()
	const sign, decay, keep, in1, beta2, in2, invc2, eps, stride = 0, 4, 8, 12, 16, 20, 24, 28, 32
	regs := map[int]string{}
	for i, at := range []int{decay, keep, in1, beta2, in2, invc2, eps, stride, sign} {
		if i == 8 && !f.wide() {
			break // the sign is read from memory at each use
		}
		r := f.v(6 + i)
		f.op("VBROADCASTSS", fmt.Sprintf("%d(AX)", at), r)
		regs[at] = r
	}
	update := func(amsgrad bool) {
		f.sweep(func(s step) {
			f.get(s, "DI", 0)
			f.get(s, "SI", 1)
			f.get(s, "BX", 2)
			f.get(s, "DX", 3)
			f.op("VMULPS", regs[keep], f.v(0), f.v(0))
			if r, ok := regs[sign]; ok {
				f.op("VMULPS", r, f.v(1), f.v(1))
			} else {
				f.op("VBROADCASTSS", "(AX)", f.v(4))
				f.op("VMULPS", f.v(4), f.v(1), f.v(1))
			}
			f.op("VFMADD231PS", regs[decay], f.v(0), f.v(1)) // the gradient
			f.op("VSUBPS", f.v(2), f.v(1), f.v(4))
			f.op("VFMADD231PS", regs[in1], f.v(4), f.v(2))
			f.set(s, 2, "BX")
			f.op("VMULPS", f.v(1), f.v(1), f.v(1))
			f.op("VMULPS", regs[in2], f.v(1), f.v(1))
			f.op("VFMADD213PS", f.v(1), regs[beta2], f.v(3))
			f.set(s, 3, "DX")
			if amsgrad {
				f.get(s, "R13", 4)
				f.op("VMAXPS", f.v(3), f.v(4), f.v(3)) // a NaN in v must show
				f.set(s, 3, "R13")
			}
			f.op("VSQRTPS", f.v(3), f.v(3))
			f.op("VFMADD213PS", regs[eps], regs[invc2], f.v(3))
			f.op("VDIVPS", f.v(3), f.v(2), f.v(2))
			f.op("VFNMADD231PS", regs[stride], f.v(2), f.v(0))
			f.set(s, 0, "DI")
		})
	}
	plain, done := f.newLabel(), f.newLabel()
	f.op("TESTQ", "R13", "R13")
	f.op("JZ", plain)
	update(true)
	f.op("JMP", done)
	f.put(plain)
	update(false)
	f.put(done)
	f.end()
}

// sgd emits the update of one parameter by gradient descent.
func sgd(f *file) {
	a := f.begin("sgdStep", "p, grad, buf *float32, n, nesterov int, lr, sign, decay, momentum, in float32", "", "updates n elements; buf may be nil, and takes in times the gradient.")
	f.load(a, "p", "DI", "grad", "SI", "buf", "BX", "nesterov", "DX", "n", "CX")
	f.prepare()
	for i, name := range []string{"lr", "sign", "decay", "momentum", "in"} {
		f.broadcast(a[name], 4+i)
	}
	update := func(buf, nesterov bool) {
		f.sweep(func(s step) {
			f.get(s, "DI", 0)
			f.get(s, "SI", 1)
			f.op("VMULPS", f.v(5), f.v(1), f.v(1))
			f.op("VFMADD231PS", f.v(6), f.v(0), f.v(1))
			if buf {
				f.get(s, "BX", 2)
				f.op("VMULPS", f.v(7), f.v(2), f.v(2))
				f.op("VFMADD231PS", f.v(8), f.v(1), f.v(2))
				f.set(s, 2, "BX")
				if nesterov {
					f.op("VFMADD231PS", f.v(7), f.v(2), f.v(1))
				} else {
					f.op("VMOVAPS", f.v(2), f.v(1))
				}
			}
			f.op("VFNMADD231PS", f.v(4), f.v(1), f.v(0))
			f.set(s, 0, "DI")
		})
	}
	plain, heavy, done := f.newLabel(), f.newLabel(), f.newLabel()
	f.op("TESTQ", "BX", "BX")
	f.op("JZ", plain)
	f.op("TESTQ", "DX", "DX")
	f.op("JZ", heavy)
	update(true, true)
	f.op("JMP", done)
	f.put(heavy)
	update(true, false)
	f.op("JMP", done)
	f.put(plain)
	update(false, false)
	f.put(done)
	f.end()
}

// sumSquares emits a sum of squares in float64.
func sumSquares(f *file) {
	a := f.begin("sumSquares", "x *float32, n int", "sum float64", "returns the sum of the squares of n elements, formed in float64.")
	f.load(a, "x", "SI", "n", "CX")
	f.prepare()
	f.zero(0, 3)
	half, extract := "X", "VEXTRACTF128"
	if f.wide() {
		half, extract = "Y", "VEXTRACTF64X4"
	}
	f.sweep(func(s step) {
		f.get(s, "SI", 4)
		f.op(extract, "$1", f.v(4), half+"5")
		f.op("VCVTPS2PD", half+"4", f.v(4))
		f.op("VCVTPS2PD", half+"5", f.v(5))
		f.op("VFMADD231PD", f.v(4), f.v(4), f.v(2*(s.k%2)))
		f.op("VFMADD231PD", f.v(5), f.v(5), f.v(2*(s.k%2)+1))
	})
	f.op("VADDPD", f.v(1), f.v(0), f.v(0))
	f.op("VADDPD", f.v(3), f.v(2), f.v(2))
	f.op("VADDPD", f.v(2), f.v(0), f.v(0))
	if f.wide() {
		f.op("VEXTRACTF64X4", "$1", "Z0", "Y1")
		f.op("VADDPD", "Y1", "Y0", "Y0")
	}
	f.op("VEXTRACTF128", "$1", "Y0", "X1")
	f.op("VADDPD", "X1", "X0", "X0")
	f.op("VPERMILPD", "$1", "X0", "X1")
	f.op("VADDSD", "X1", "X0", "X0")
	f.op("VMOVSD", "X0", a["sum"])
	f.end()
}
