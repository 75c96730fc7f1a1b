package main

// sampleKernels writes what resampling spends its time on.
func sampleKernels(f *file) { gatherSum(f) }

// gatherSum reads scattered elements, for each output as many as there are taps.
func gatherSum(f *file) {
	a := f.begin("gatherSum", "dst, x *float32, index *int32, weight *float32, n, taps int", "",
		"computes dst[i] = Σ_k weight[k·n+i]·x[index[k·n+i]]; where the index is negative nothing is added and nothing read.")
	f.load(a, "dst", "DI", "x", "BX", "index", "SI", "weight", "DX", "n", "CX")
	f.op("MOVQ", "CX", "AX")
	f.op("SHLQ", "$2", "AX") // from one tap to the next
	f.prepare()
	const sum, index, value, weight, ones, mask = 0, 1, 2, 3, 4, 5
	if f.wide() {
		f.op("VPTERNLOGD", "$0xFF", f.v(ones), f.v(ones), f.v(ones))
	} else {
		f.op("VPCMPEQD", f.v(ones), f.v(ones), f.v(ones))
	}
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
