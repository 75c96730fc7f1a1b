package cpu

import (
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
)

// gemmPanels is how columns are cut into panels as wide as a micro-kernel: wide
// panels of three vectors first (or whatever the kernel's most is), then
// narrow ones of two, so that no panel of one vector is left, except where
// there is nothing else.
type gemmPanels struct {
	lanes, cols  int
	wide, narrow int // vectors of a wide and a narrow panel
	wides, total int // number of panels
}

// split cuts cols columns into panels.
func (k *gemmKernel) split(cols int) gemmPanels {
	vecs := (cols + k.lanes - 1) / k.lanes
	p := gemmPanels{lanes: k.lanes, cols: cols, wide: k.vecs, narrow: max(k.vecs-1, 1)}
	p.wides = vecs / p.wide
	if k.vecs == 3 && vecs%3 == 1 && p.wides > 0 {
		p.wides-- // 3+1 is worse than 2+2
	}
	rest := vecs - p.wides*p.wide
	p.total = p.wides + (rest+p.narrow-1)/p.narrow
	return p
}

// at returns the first column of panel i and its number of columns.
func (p *gemmPanels) at(i int) (first, cols int) {
	width := p.wide
	if i < p.wides {
		first = i * p.wide * p.lanes
	} else {
		first = (p.wides*p.wide + (i-p.wides)*p.narrow) * p.lanes
		width = p.narrow
	}
	return first, min(width*p.lanes, p.cols-first)
}

// packPanel arranges k rows and cols columns of B, from b on, as the kernels
// read them: each row padded with zeros to whole vectors, row after row.
func (g *gemmProduct) packPanel(dst, b unsafe.Pointer, k, cols int) {
	lanes := g.kern.lanes
	width := (cols + lanes - 1) / lanes * lanes
	row := uintptr(width) * g.kern.size
	if g.transB {
		for j := 0; j < cols; j += lanes {
			g.kern.transpose(unsafe.Add(dst, uintptr(j)*g.kern.size), unsafe.Add(b, uintptr(j)*g.bRow), row, g.bRow, min(lanes, cols-j), k)
		}
		return
	}
	g.kern.copyRows(dst, b, g.bRow, cols, k)
}

// copyRowsPortable is the twin of the copying assembly.
func copyRowsPortable(dst, src unsafe.Pointer, srcRow uintptr, cols, rows int, k *gemmKernel) {
	used := uintptr(cols) * k.size
	row := uintptr((cols+k.lanes-1)/k.lanes*k.lanes) * k.size
	for p := range uintptr(rows) {
		to := unsafe.Slice((*byte)(unsafe.Add(dst, p*row)), row)
		copy(to, unsafe.Slice((*byte)(unsafe.Add(src, p*srcRow)), used))
		clear(to[used:])
	}
}

// transposePortable is the twin of the transposing assembly.
func transposePortable[T Float](dst, src unsafe.Pointer, dstRow, srcRow uintptr, rows, cols, lanes int) {
	for c := range cols {
		to := unsafe.Slice((*T)(unsafe.Add(dst, uintptr(c)*dstRow)), lanes)
		for r := range rows {
			var t T
			to[r] = *(*T)(unsafe.Add(src, uintptr(r)*srcRow+uintptr(c)*unsafe.Sizeof(t)))
		}
		clear(to[rows:])
	}
}

// crowded says whether A is transposed with such a row distance that a column
// of op(A)'s rows falls into few places of the caches, which then can't hold
// it (1024³ takes 1.5 times as long).
func (g *gemmProduct) crowded() bool {
	return g.aRow == g.kern.size && g.aK%2048 == 0 && g.k >= 256 && g.n >= 96
}

// spreadRows is the number of rows of A that spreadPiece copies.
const spreadRows = 64

// spread copies A to scratch memory with a better row distance.
func (b *gemmBlock) spread() mem.Block {
	row := (uintptr(b.m)*b.kern.size+63)/64*64 + 64
	if row%2048 == 0 {
		row += 64
	}
	scratch := mem.Alloc(b.k * int(row))
	b.packed, b.spreadRow = unsafe.Pointer(unsafe.SliceData(mem.Slice[byte](scratch, 1))), row
	b.share((b.k+spreadRows-1)/spreadRows, b.spreadFn, (*gemmBlock).spreadPiece)
	b.a, b.aK = b.packed, row
	return scratch
}

// spreadPiece copies some rows of A as stored.
func (b *gemmBlock) spreadPiece(i int) {
	used := uintptr(b.m) * b.kern.size
	for p := uintptr(i * spreadRows); p < uintptr(min((i+1)*spreadRows, b.k)); p++ {
		to := unsafe.Slice((*byte)(unsafe.Add(b.packed, p*b.spreadRow)), used)
		copy(to, unsafe.Slice((*byte)(unsafe.Add(b.a, p*b.aK)), used))
	}
}
