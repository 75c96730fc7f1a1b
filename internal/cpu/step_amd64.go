//go:build amd64 && !noasm

package cpu

import "unsafe"

// A piece of work on parameters has at most rowChunk elements, so that one
// assembly call covers it.

func sgdStepAsm(p, g, buf []float32, h *SGDHyper) bool {
	if active == Portable || h.First && buf != nil { // the first step must not read buf
		return false
	}
	sign, nesterov := float32(1), 0
	if h.Maximize {
		sign = -1
	}
	if h.Nesterov {
		nesterov = 1
	}
	w, d, b := unsafe.SliceData(p), unsafe.SliceData(g), unsafe.SliceData(buf)
	lr, decay, momentum, in := float32(h.LR), float32(h.WeightDecay), float32(h.Momentum), float32(1-h.Dampening)
	if active == AVX512 {
		sgdStepAVX512(w, d, b, len(p), nesterov, lr, sign, decay, momentum, in)
	} else {
		sgdStepAVX2(w, d, b, len(p), nesterov, lr, sign, decay, momentum, in)
	}
	return true
}

func adamStepAsm(p, g, m, v, vmax []float32, s *adamScalars[float32]) bool {
	w, d, a, b, c := unsafe.SliceData(p), unsafe.SliceData(g), unsafe.SliceData(m), unsafe.SliceData(v), unsafe.SliceData(vmax)
	switch active {
	case AVX512:
		adamStepAVX512(w, d, a, b, c, len(p), &s.sign)
	case AVX2:
		adamStepAVX2(w, d, a, b, c, len(p), &s.sign)
	default:
		return false
	}
	return true
}

func sumSquaresAsm(x []float32) (float64, bool) {
	switch active {
	case AVX512:
		return sumSquaresAVX512(unsafe.SliceData(x), len(x)), true
	case AVX2:
		return sumSquaresAVX2(unsafe.SliceData(x), len(x)), true
	}
	return 0, false
}
