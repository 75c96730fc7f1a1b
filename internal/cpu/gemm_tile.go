package cpu

import (
	"math/bits"
	"unsafe"
)

// A gemmTile is one call of a micro-kernel: a few rows of C and a few vectors
// across, over some length of k. Distances are in bytes. A is read element by
// element, so it may be transposed or not; B is read by the vector, so its
// rows must be contiguous.
//
// The assembly knows these fields by their offsets (see gen/gemm).
type gemmTile struct {
	a, b, c  unsafe.Pointer
	aRow, aK uintptr // from row to row of A, and from one k to the next
	bK       uintptr // from one k to the next in B
	cRow     uintptr
	k        int
	rows     int
	vecs     int            // vectors across
	mask     uint64         // lanes in use of the last vector, one bit each
	lanes    unsafe.Pointer // the same for AVX2: 32 bytes of ones, then zeros
	partial  int            // 1: not all lanes of the last vector are in use
	maskB    int            // 1: nor may they be read in B
	bias     unsafe.Pointer
	rowBias  unsafe.Pointer
	relu     int
	alpha    uint64  // bits of the element type, see bitsOf
	beta     uint64  // 0: do not read C
	next     uintptr // what to fetch of A while at t.a, a hint
}

// A gemmKernel is the micro-kernel of one instruction set and one element type.
type gemmKernel struct {
	isa   ISA
	size  uintptr // bytes of an element
	lanes int     // elements of a vector
	vecs  int     // most vectors across
	rows  [4]int  // most rows, by the vectors across
}

var gemmKernels = [...][2]gemmKernel{
	Portable: {
		{Portable, 4, 4, 1, [4]int{1: 2}},
		{Portable, 8, 4, 1, [4]int{1: 2}},
	},
	AVX2: {
		{AVX2, 4, 8, 2, [4]int{1: 6, 2: 6}},
		{AVX2, 8, 4, 2, [4]int{1: 6, 2: 6}},
	},
	AVX512: {
		{AVX512, 4, 16, 3, [4]int{1: 12, 2: 12, 3: 8}},
		{AVX512, 8, 8, 3, [4]int{1: 12, 2: 12, 3: 8}},
	},
}

// kernelOf returns the kernel in use for T.
func kernelOf[T Float]() *gemmKernel {
	var t T
	return &gemmKernels[active][unsafe.Sizeof(t)/8]
}

// one returns the bits of 1 in the kernel's type.
func (k *gemmKernel) one() uint64 {
	if k.size == 4 {
		return bitsOf[float32](1)
	}
	return bitsOf[float64](1)
}

// laneMasks holds as many ones as a 32-byte vector has lanes, then zeros.
var laneMasks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// setWidth makes t as wide as cols columns, which fit in the kernel's vectors.
func (k *gemmKernel) setWidth(t *gemmTile, cols int) {
	t.vecs = (cols + k.lanes - 1) / k.lanes
	last := cols - (t.vecs-1)*k.lanes
	t.mask = 1<<last - 1
	t.partial = 0
	if last < k.lanes {
		t.partial = 1
	}
	if k.isa == AVX2 {
		t.lanes = unsafe.Pointer(&laneMasks[8-last*int(k.size)/4])
	}
}

// tilePortable is the micro-kernel in Go: at most two rows and four columns.
func tilePortable[T Float](t *gemmTile) {
	last := bits.Len64(t.mask) // columns
	var sum [2][4]T
	if t.rows == 2 && last == 4 {
		sum = portable2x4[T](t)
	} else {
		for r := range t.rows {
			for p := range t.k {
				x := *(*T)(unsafe.Add(t.a, uintptr(r)*t.aRow+uintptr(p)*t.aK))
				row := unsafe.Slice((*T)(unsafe.Add(t.b, uintptr(p)*t.bK)), last)
				for j, y := range row {
					sum[r][j] += x * y
				}
			}
		}
	}
	alpha, beta := *(*T)(unsafe.Pointer(&t.alpha)), *(*T)(unsafe.Pointer(&t.beta))
	for r := range t.rows {
		row := unsafe.Slice((*T)(unsafe.Add(t.c, uintptr(r)*t.cRow)), last)
		for j := range row {
			x := sum[r][j] * alpha
			if t.beta != 0 {
				x += beta * row[j]
			}
			if t.bias != nil {
				x += unsafe.Slice((*T)(t.bias), last)[j]
			}
			if t.rowBias != nil {
				x += unsafe.Slice((*T)(t.rowBias), t.rows)[r]
			}
			if t.relu != 0 && x < 0 {
				x = 0
			}
			row[j] = x
		}
	}
}

// portable2x4 multiplies a full tile: eight sums and what they need fit in
// sixteen registers.
func portable2x4[T Float](t *gemmTile) [2][4]T {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	a0, a1, b := t.a, unsafe.Add(t.a, t.aRow), t.b
	for p := 0; p < t.k; {
		x, y, row := *(*T)(a0), *(*T)(a1), (*[4]T)(b)
		s00 += x * row[0]
		s01 += x * row[1]
		s02 += x * row[2]
		s03 += x * row[3]
		s10 += y * row[0]
		s11 += y * row[1]
		s12 += y * row[2]
		s13 += y * row[3]
		if p++; p < t.k { // no pointer past the end
			a0, a1, b = unsafe.Add(a0, t.aK), unsafe.Add(a1, t.aK), unsafe.Add(b, t.bK)
		}
	}
	return [2][4]T{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}
