package main

import "fmt"

// sampleKernels writes what resampling spends its time on.
func sampleKernels(f *file) {
	gatherSum(f)
	bilinearTable(f)
}

// gatherSum reads scattered elements, for each output as many as there are taps.
func gatherSum(f *file) {
	a := f.begin("gatherSum", "dst, x *float32, index *int32, weight *float32, n, taps, stride int", "",
		"computes dst[i] = Σ_k weight[k·stride+i]·x[index[k·stride+i]]; where the index is negative nothing is added and nothing read.")
	f.load(a, "dst", "DI", "x", "BX", "index", "SI", "weight", "DX", "stride", "AX", "n", "CX")
	f.op("SHLQ", "$2", "AX")
	f.prepare()
	const sum, index, value, weight, ones, mask = 0, 1, 2, 3, 4, 5
	f.ones(ones)
	f.sweep(func(s step) {
		next := f.newLabel()
		f.op("VXORPS", f.v(sum), f.v(sum), f.v(sum))
		f.op("MOVQ", "SI", "R12")
		f.op("MOVQ", "DX", "R13")
		f.op("MOVQ", a["taps"], "CX")
		f.put(next)
		f.get(s, "R12", index)
		f.op("VXORPS", f.v(value), f.v(value), f.v(value))
		if f.wide() {
			if s.rest {
				f.op("VPCMPGTD", f.v(ones), f.v(index), "K1", "K2")
			} else {
				f.op("VPCMPGTD", f.v(ones), f.v(index), "K2")
			}
			f.op("VGATHERDPS", "(BX)("+f.v(index)+"*4)", "K2", f.v(value))
		} else {
			f.op("VPCMPGTD", f.v(ones), f.v(index), f.v(mask))
			if s.rest {
				f.op("VPAND", "Y15", f.v(mask), f.v(mask))
			}
			f.op("VGATHERDPS", f.v(mask), "(BX)("+f.v(index)+"*4)", f.v(value))
		}
		f.get(s, "R13", weight)
		f.op("VFMADD231PS", f.v(weight), f.v(value), f.v(sum))
		f.op("ADDQ", "AX", "R12")
		f.op("ADDQ", "AX", "R13")
		f.op("DECQ", "CX")
		f.op("JNZ", next)
		f.set(s, sum, "DI")
	})
	f.end()
}

// ones sets all bits of register i.
func (f *file) ones(i int) {
	if f.wide() {
		f.op("VPTERNLOGD", "$0xFF", f.v(i), f.v(i), f.v(i))
	} else {
		f.op("VPCMPEQD", f.v(i), f.v(i), f.v(i))
	}
}

// bilinearTable finds the four elements around each place of a grid and their weights. See sampleAxis in gridsample_amd64.go for
// what axes holds, and sampleBlock for the distance between the four.
func bilinearTable(f *file) {
	const block = 512 * 4
	a := f.begin("bilinearTable", "index *int32, weight, grid *float32, n int, axes *sampleAxis", "",
		"writes four indices and weights for each of n pairs in grid, a multiple of 16.")
	f.load(a, "index", "DI", "weight", "SI", "grid", "BX", "axes", "DX", "n", "CX")
	minusOne := f.constant(0xbf800000)
	const lone = 15
	f.ones(lone) // −1 as an integer
	or := "VPOR"
	if f.wide() {
		or = "VPORD"
	}
	top, done := f.newLabel(), f.newLabel()
	f.op("TESTQ", "CX", "CX")
	f.op("JZ", done)
	f.put(top)
	f.pairs(0, 1)
	const field, axisSize = 4, 7 * 4 // of a sampleAxis
	for axis := range 2 {
		at := func(i int) string { return fmt.Sprintf("%d(DX)", axis*axisSize+i*field) }
		g, t, index, behind, before, out, outBehind := axis, 14, 2+axis, 4+2*axis, 5+2*axis, 8+2*axis, 9+2*axis
		if f.wide() {
			f.op("VCMPPS", "$3", f.v(g), f.v(g), "K2")
			f.op("VMOVAPS", minusOne, "K2", f.v(g))
		} else {
			f.op("VCMPPS", "$3", f.v(g), f.v(g), f.v(t))
			f.op("VMOVUPS", minusOne, f.v(13))
			f.op("VBLENDVPS", f.v(t), f.v(13), f.v(g), f.v(g))
		}
		f.op("VBROADCASTSS", at(0), f.v(t)) // scale
		f.op("VBROADCASTSS", at(1), f.v(13))
		f.op("VFMADD213PS", f.v(13), f.v(t), f.v(g))
		f.op("VBROADCASTSS", at(2), f.v(t))
		f.op("VMAXPS", f.v(t), f.v(g), f.v(g))
		f.op("VBROADCASTSS", at(3), f.v(t))
		f.op("VMINPS", f.v(t), f.v(g), f.v(g))
		if f.wide() {
			f.op("VRNDSCALEPS", "$9", f.v(g), f.v(t))
		} else {
			f.op("VROUNDPS", "$9", f.v(g), f.v(t))
		}
		f.op("VSUBPS", f.v(t), f.v(g), f.v(g)) // between the two elements
		f.op("VCVTTPS2DQ", f.v(t), f.v(index))
		f.op("VBROADCASTSS", at(4), f.v(before)) // 1, or 0 for a derivative
		f.op("VBROADCASTSS", at(5), f.v(behind)) // the slope
		f.op("VFMADD231PS", f.v(before), f.v(g), f.v(behind))
		f.op("VSUBPS", f.v(behind), f.v(before), f.v(before))
		f.op("VPBROADCASTD", at(6), f.v(t)) // the last element
		f.op("VPSUBD", f.v(index), f.v(t), f.v(t))
		f.op(or, f.v(index), f.v(t), f.v(out))
		f.op("VPSRAD", "$31", f.v(out), f.v(out)) // all ones if outside
		f.op("VPSUBD", f.v(lone), f.v(index), f.v(13))
		f.op("VPADDD", f.v(lone), f.v(t), f.v(t))
		f.op(or, f.v(13), f.v(t), f.v(outBehind))
		f.op("VPSRAD", "$31", f.v(outBehind), f.v(outBehind))
	}
	f.op("VPBROADCASTD", fmt.Sprintf("%d(DX)", 6*field), f.v(14))
	f.op("VPSUBD", f.v(lone), f.v(14), f.v(14)) // elements in a row
	f.op("VPMULLD", f.v(14), f.v(3), f.v(3))
	f.op("VPADDD", f.v(2), f.v(3), f.v(3))
	for k := range 4 {
		if k == 2 {
			f.op("VPADDD", f.v(14), f.v(3), f.v(3))
		}
		f.op(or, f.v(8+k%2), f.v(10+k/2), f.v(0))
		f.op("VMOVAPS", f.v(3), f.v(13))
		if k%2 == 1 {
			f.op("VPSUBD", f.v(lone), f.v(13), f.v(13))
		}
		f.op(or, f.v(0), f.v(13), f.v(13))
		f.op("VMOVUPS", f.v(13), fmt.Sprintf("%d(DI)", k*block))
		f.op("VMULPS", f.v(5-k%2), f.v(7-k/2), f.v(0))
		f.op("VMOVUPS", f.v(0), fmt.Sprintf("%d(SI)", k*block))
	}
	f.op("ADDQ", fmt.Sprint("$", 4*f.width), "DI")
	f.op("ADDQ", fmt.Sprint("$", 4*f.width), "SI")
	f.op("ADDQ", fmt.Sprint("$", 8*f.width), "BX")
	f.op("SUBQ", fmt.Sprint("$", f.width), "CX")
	f.op("JG", top)
	f.put(done)
	f.end()
}

// pairs loads a vector's worth of pairs at BX: the first of each into register x, the second into y.
func (f *file) pairs(x, y int) {
	if !f.wide() {
		f.op("VMOVUPS", "(BX)", "Y2")
		f.op("VMOVUPS", "32(BX)", "Y3")
		f.op("VSHUFPS", "$0x88", "Y3", "Y2", f.v(x))
		f.op("VSHUFPS", "$0xDD", "Y3", "Y2", f.v(y))
		f.op("VPERMPD", "$0xD8", f.v(x), f.v(x))
		f.op("VPERMPD", "$0xD8", f.v(y), f.v(y))
		return
	}
	f.op("VMOVUPS", "(BX)", "Z2")
	f.op("VMOVUPS", "64(BX)", "Z3")
	for i, to := range []int{x, y} {
		if i == 1 {
			f.op("VPSRLQ", "$32", "Z2", "Z2")
			f.op("VPSRLQ", "$32", "Z3", "Z3")
		}
		f.op("VPMOVQD", "Z2", fmt.Sprint("Y", to))
		f.op("VPMOVQD", "Z3", "Y4")
		f.op("VINSERTF64X4", "$1", "Y4", f.v(to), f.v(to))
	}
}
