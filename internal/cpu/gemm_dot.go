package cpu

import (
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
)

// Products of few rows with a transposed B, a layer's x·Wᵀ at inference or in
// a recurrent net, read all of B for little arithmetic. Arranging it first
// would take longer than the product; rows of A and B are contiguous along k,
// so each element is an inner product as it stands.

const (
	dotCols = 4       // columns of a tile
	dotMost = 24      // rows up to which this is the faster way if k is large
	dotFew  = 4       // and for any k
	dotK    = 1 << 14 // bounds the length of a kernel's run
)

// byDots says whether inner products are the way.
func (g *gemmProduct) byDots() bool {
	if !g.transB || g.m > max(min(dotMost, g.k/16), dotFew) || g.kern.dotRows() == 0 || g.k < 8 {
		return false
	}
	return g.aK == g.kern.size || g.m == 1
}

// runDots computes the product by inner products.
func (b *gemmBlock) runDots() {
	if b.aK != b.kern.size { // a column of a matrix: gather it
		x, scratch := mem.Scratch[float32](b.k)
		defer scratch.Free()
		for p := range x {
			x[p] = *(*float32)(unsafe.Add(b.a, uintptr(p)*b.aK))
		}
		b.a, b.aK = unsafe.Pointer(unsafe.SliceData(x)), b.kern.size
	}
	// Several tiles' columns a piece.
	b.dotCols = max(pieceWork/4/(b.m*b.k), 1) * dotCols
	n := (b.n + b.dotCols - 1) / b.dotCols
	b.share(n, b.dotFn, (*gemmBlock).dotPiece)
}

// dotPiece computes some columns of C.
func (b *gemmBlock) dotPiece(i int) {
	kern, size := b.kern, b.kern.size
	rows := kern.dotRows()
	t := gemmTile{aRow: b.aRow, bK: b.bRow, cRow: b.cRow}
	for col := i * b.dotCols; col < min((i+1)*b.dotCols, b.n); col += dotCols {
		t.vecs = min(dotCols, b.n-col)
		for k0 := 0; k0 < b.k; k0 += dotK {
			t.k = min(dotK, b.k-k0)
			t.alpha, t.beta, t.relu = b.alpha, b.beta, 0
			if k0 > 0 {
				t.beta = kern.one()
			}
			last := k0+t.k == b.k
			if last {
				t.relu = b.relu
				if b.bias != nil {
					t.bias = unsafe.Add(b.bias, uintptr(col)*size)
				}
			}
			t.b = unsafe.Add(b.b, uintptr(col)*b.bRow+uintptr(k0)*size)
			for row := 0; row < b.m; row += rows {
				t.rows = min(rows, b.m-row)
				t.a = unsafe.Add(b.a, uintptr(row)*b.aRow+uintptr(k0)*size)
				t.c = unsafe.Add(b.c, uintptr(row)*b.cRow+uintptr(col)*size)
				t.rowBias = nil
				if last && b.rowBias != nil {
					t.rowBias = unsafe.Add(b.rowBias, uintptr(row)*size)
				}
				kern.dots(&t)
			}
		}
		t.bias = nil
	}
}

// lay turns a product with one column into one with one row, if C's elements
// are contiguous: C = A·B is Cᵀ = Bᵀ·Aᵀ.
func (g *gemmProduct) lay() {
	size := g.kern.size
	if g.n != 1 || g.m == 1 || g.cRow != size {
		return
	}
	x, xK := g.b, g.bRow
	if g.transB {
		xK = size
	}
	g.transB = g.aK == size // rows of A contiguous: columns of Aᵀ
	if g.transB {
		g.bRow = g.aRow
	} else {
		g.bRow = g.aK
	}
	g.b = g.a
	g.a, g.aK, g.aRow = x, xK, 0
	g.m, g.n = 1, g.m
	g.cRow = uintptr(g.n) * size
	g.bias, g.rowBias = g.rowBias, g.bias
}
