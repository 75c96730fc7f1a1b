//go:build !amd64 || noasm

package cpu

import "unsafe"

// run computes one tile.
func (k *gemmKernel) run(t *gemmTile) {
	if k.size == 4 {
		tilePortable[float32](t)
	} else {
		tilePortable[float64](t)
	}
}

// transpose writes dst[c][r] = src[r][c] for rows rows (at most k.lanes) and
// cols columns. Each row of dst becomes k.lanes long, filled up with zeros.
func (k *gemmKernel) transpose(dst, src unsafe.Pointer, dstRow, srcRow uintptr, rows, cols int) {
	if k.size == 4 {
		transposePortable[float32](dst, src, dstRow, srcRow, rows, cols, k.lanes)
	} else {
		transposePortable[float64](dst, src, dstRow, srcRow, rows, cols, k.lanes)
	}
}

// copyRows gathers rows of cols columns one behind the other, each filled up
// with zeros to whole vectors.
func (k *gemmKernel) copyRows(dst, src unsafe.Pointer, srcRow uintptr, cols, rows int) {
	copyRowsPortable(dst, src, srcRow, cols, rows, k)
}

// dotRows returns the most rows of a tile of inner products: there are none.
func (k *gemmKernel) dotRows() int { return 0 }

// dots is never called.
func (k *gemmKernel) dots(*gemmTile) { panic("cpu: no kernel for inner products") }
