//go:build amd64 && !noasm

package cpu

import "unsafe"

// run computes one tile.
func (k *gemmKernel) run(t *gemmTile) {
	switch {
	case k.isa == AVX512 && k.size == 4:
		gemmTileF32AVX512(t)
	case k.isa == AVX512:
		gemmTileF64AVX512(t)
	case k.isa == AVX2 && k.size == 4:
		gemmTileF32AVX2(t)
	case k.isa == AVX2:
		gemmTileF64AVX2(t)
	case k.size == 4:
		tilePortable[float32](t)
	default:
		tilePortable[float64](t)
	}
}

// transpose writes dst[c][r] = src[r][c] for rows rows (at most k.lanes) and
// cols columns. Each row of dst becomes k.lanes long, filled up with zeros.
func (k *gemmKernel) transpose(dst, src unsafe.Pointer, dstRow, srcRow uintptr, rows, cols int) {
	switch {
	case k.isa == AVX512 && k.size == 4:
		gemmTransposeF32AVX512(dst, src, dstRow, srcRow, rows, cols)
	case k.isa == AVX2 && k.size == 4:
		gemmTransposeF32AVX2(dst, src, dstRow, srcRow, rows, cols)
	case k.size == 4:
		transposePortable[float32](dst, src, dstRow, srcRow, rows, cols, k.lanes)
	default:
		transposePortable[float64](dst, src, dstRow, srcRow, rows, cols, k.lanes)
	}
}

// copyRows gathers rows of cols columns one behind the other, each filled up
// with zeros to whole vectors.
func (k *gemmKernel) copyRows(dst, src unsafe.Pointer, srcRow uintptr, cols, rows int) {
	vecs := (cols + k.lanes - 1) / k.lanes
	last := (cols - (vecs-1)*k.lanes) * int(k.size) / 4
	switch k.isa {
	case AVX512:
		gemmCopyRowsF32AVX512(dst, src, srcRow, vecs, last, rows)
	case AVX2:
		gemmCopyRowsF32AVX2(dst, src, srcRow, vecs, last, rows)
	default:
		copyRowsPortable(dst, src, srcRow, cols, rows, k)
	}
}

// dotRows returns the most rows of a tile of inner products, 0 if the kernel
// has none.
func (k *gemmKernel) dotRows() int {
	switch {
	case k.size != 4 || k.isa == Portable:
		return 0
	case k.isa == AVX512:
		return 4
	}
	return 2
}

// dots computes one tile of inner products.
func (k *gemmKernel) dots(t *gemmTile) {
	if k.isa == AVX512 {
		gemmDotsF32AVX512(t)
	} else {
		gemmDotsF32AVX2(t)
	}
}
