package cpu

import (
	"sync"
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// A gemmProduct is a matrix product with its operands as addresses and its
// distances in bytes, so that one driver serves all types.
type gemmProduct struct {
	kern     *gemmKernel
	m, n, k  int
	a, b, c  unsafe.Pointer
	aRow, aK uintptr // from row to row of op(A), and from column to column
	bRow     uintptr // from row to row of B as stored
	cRow     uintptr
	transB   bool
	bias     unsafe.Pointer
	rowBias  unsafe.Pointer
	relu     int
	alpha    uint64
	beta     uint64
}

const (
	// parallelFrom is the number of multiply-adds worth sharing, some 3 µs.
	parallelFrom = 300_000
	// pieceWork is the least a shared piece should contain.
	pieceWork = 400_000
	// unpackedRows is the height up to which B is read so few times that
	// copying it doesn't pay, unpackedWork the size up to which it stays in
	// cache anyhow.
	unpackedRows = 64
	unpackedWork = 400 * 400 * 400
	// kBlock is the length of k that is done at a time, panelBytes the size of
	// the part of B that is: about half of a 2 MB cache.
	kBlock     = 512
	panelBytes = 1100 << 10
	// rowStep divides the heights of the pieces: a multiple of all kernels'.
	rowStep = 24
)

// A gemmBlock is the part of a product that is under way: some columns and some
// length of k, cut into pieces that may be done in any order.
type gemmBlock struct {
	gemmProduct
	parallel bool
	packs    bool

	col, k0, kLen int // first column, first k, and length
	panels        gemmPanels
	packed        unsafe.Pointer // B arranged, if packs
	rowsEach      int            // height of a piece
	rowPieces     int
	groups        int // pieces across

	packFn, tileFn func(i int)
}

// gemmBlocks keeps blocks with their method values, which would otherwise be
// allocated at each call.
var gemmBlocks = sync.Pool{New: func() any {
	b := new(gemmBlock)
	b.packFn, b.tileFn = b.packPiece, b.tilePiece
	return b
}}

// run computes the product, on several threads if it is large.
func (g *gemmProduct) run() {
	g.runOn(g.m*g.n*g.k >= parallelFrom && par.Threads() > 1)
}

// runOn computes the product.
func (g *gemmProduct) runOn(parallel bool) {
	if g.single() {
		return
	}
	b := gemmBlocks.Get().(*gemmBlock)
	b.gemmProduct, b.parallel = *g, parallel
	b.run()
	b.gemmProduct, b.packed = gemmProduct{}, nil
	gemmBlocks.Put(b)
}

// single computes a product that is one tile, and returns false if it isn't.
func (g *gemmProduct) single() bool {
	kern := g.kern
	vecs := (g.n + kern.lanes - 1) / kern.lanes
	if g.transB || vecs > kern.vecs || g.m > kern.rows[vecs] || g.k > kBlock {
		return false
	}
	t := gemmTile{
		a: g.a, b: g.b, c: g.c, next: g.a, aRow: g.aRow, aK: g.aK, bK: g.bRow, cRow: g.cRow, k: g.k, rows: g.m,
		bias: g.bias, rowBias: g.rowBias, relu: g.relu, alpha: g.alpha, beta: g.beta,
	}
	kern.setWidth(&t, g.n)
	t.maskB = t.partial
	kern.run(&t)
	return true
}

// run computes the product block by block. How it is cut depends on the sizes
// only; each element of C is summed in order of k, whatever the cut.
func (b *gemmBlock) run() {
	kern := b.kern
	lane := kern.lanes * kern.vecs
	b.packs = b.transB || b.m > unpackedRows && (b.m*b.n*b.k > unpackedWork || b.bRow%4096 == 0)

	kStep := b.k
	if b.k > kBlock+kBlock/4 {
		parts := (b.k + kBlock - 1) / kBlock
		kStep = (b.k + parts - 1) / parts
	}
	nStep := b.n
	if b.packs {
		most := max(panelBytes/(max(kStep, 1)*int(kern.size))/lane*lane, lane)
		parts := (b.n + most - 1) / most
		nStep = ((b.n+parts-1)/parts + lane - 1) / lane * lane
	}
	if b.packs {
		width := (min(nStep, b.n) + kern.lanes - 1) / kern.lanes * kern.lanes
		scratch := mem.Alloc(width * kStep * int(kern.size))
		defer scratch.Free()
		b.packed = unsafe.Pointer(unsafe.SliceData(mem.Slice[byte](scratch, 1)))
	}
	for b.col = 0; b.col < b.n; b.col += nStep {
		b.panels = kern.split(min(nStep, b.n-b.col))
		for b.k0 = 0; ; b.k0 += kStep {
			b.kLen = min(kStep, b.k-b.k0)
			b.cut()
			if b.packs {
				b.share(b.panels.total, b.packFn, (*gemmBlock).packPiece)
			}
			b.share(b.rowPieces*b.groups, b.tileFn, (*gemmBlock).tilePiece)
			if b.k0+b.kLen >= b.k {
				break
			}
		}
	}
}

// cut decides into how many pieces the block is cut.
func (b *gemmBlock) cut() {
	pieces := min(max(b.m*b.panels.cols*b.kLen/pieceWork, 1), 64)
	b.rowPieces = min((b.m+rowStep-1)/rowStep, pieces)
	b.rowsEach = ((b.m+b.rowPieces-1)/b.rowPieces + rowStep - 1) / rowStep * rowStep
	b.rowPieces = (b.m + b.rowsEach - 1) / b.rowsEach
	b.groups = min(b.panels.total, (pieces+b.rowPieces-1)/b.rowPieces)
}

// share does n pieces, on several threads if the product is large.
func (b *gemmBlock) share(n int, shared func(int), piece func(*gemmBlock, int)) {
	if b.parallel {
		par.Run(n, shared)
		return
	}
	for i := range n {
		piece(b, i)
	}
}

// packPiece arranges panel i of the block's part of B.
func (b *gemmBlock) packPiece(i int) {
	first, cols := b.panels.at(i)
	b.packPanel(b.packedPanel(first), b.inB(b.k0, b.col+first), b.kLen, cols)
}

// packedPanel returns where the panel that begins at column first is packed.
func (b *gemmBlock) packedPanel(first int) unsafe.Pointer {
	return unsafe.Add(b.packed, uintptr(first*b.kLen)*b.kern.size)
}

// inB returns the address of element (p, j) of op(B).
func (b *gemmBlock) inB(p, j int) unsafe.Pointer {
	if b.transB {
		p, j = j, p
	}
	return unsafe.Add(b.b, uintptr(p)*b.bRow+uintptr(j)*b.kern.size)
}

// tilePiece computes some rows of some panels.
func (b *gemmBlock) tilePiece(i int) {
	group, piece := i%b.groups, i/b.groups
	row0 := piece * b.rowsEach
	rows := min(b.rowsEach, b.m-row0)
	kern, size := b.kern, b.kern.size

	t := gemmTile{aRow: b.aRow, aK: b.aK, cRow: b.cRow, k: b.kLen, alpha: b.alpha, beta: b.beta}
	if b.k0 > 0 {
		t.beta = kern.one()
	}
	last := b.k0+b.kLen >= b.k
	if last {
		t.relu = b.relu
	}
	for p := group * b.panels.total / b.groups; p < (group+1)*b.panels.total/b.groups; p++ {
		first, cols := b.panels.at(p)
		kern.setWidth(&t, cols)
		if b.packs {
			t.b, t.bK = b.packedPanel(first), uintptr(t.vecs*kern.lanes)*size
		} else {
			t.b, t.bK, t.maskB = b.inB(b.k0, first), b.bRow, t.partial
		}
		col := uintptr(b.col+first) * size
		if last && b.bias != nil {
			t.bias = unsafe.Add(b.bias, col)
		}
		tiles := (rows + kern.rows[t.vecs] - 1) / kern.rows[t.vecs]
		for i := range tiles { // as even as can be
			r0 := row0 + i*rows/tiles
			t.rows = row0 + (i+1)*rows/tiles - r0
			t.a = unsafe.Add(b.a, uintptr(r0)*b.aRow+uintptr(b.k0)*b.aK)
			t.c = unsafe.Add(b.c, uintptr(r0)*b.cRow+col)
			t.next = t.a
			if r0+t.rows < b.m {
				t.next = unsafe.Add(t.a, uintptr(t.rows)*b.aRow)
			}
			if last && b.rowBias != nil {
				t.rowBias = unsafe.Add(b.rowBias, uintptr(r0)*size)
			}
			kern.run(&t)
		}
	}
}

// runBatch computes count products whose operands lie the given bytes apart.
func (g *gemmProduct) runBatch(count int, strideA, strideB, strideC uintptr) {
	work := g.m * g.n * g.k
	if work*count < parallelFrom || par.Threads() == 1 || count < 4 && work >= parallelFrom {
		for i := range count {
			one := g.shift(i, strideA, strideB, strideC)
			one.run()
		}
		return
	}
	shared := *g
	par.For(count, max(1, pieceWork/4/max(work, 1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			one := shared.shift(i, strideA, strideB, strideC)
			one.runOn(false)
		}
	})
}

// shift returns product i of a batch whose first is g.
func (g *gemmProduct) shift(i int, strideA, strideB, strideC uintptr) gemmProduct {
	one := *g
	one.a = unsafe.Add(g.a, uintptr(i)*strideA)
	one.b = unsafe.Add(g.b, uintptr(i)*strideB)
	one.c = unsafe.Add(g.c, uintptr(i)*strideC)
	return one
}
