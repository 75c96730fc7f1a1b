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
	// memorySize is the number of elements that no cache near the core holds.
	memorySize = 1 << 20
	// kBlock is the length of k that is done at a time, panelBytes the size of
	// the part of B that is: about half of a 2 MB cache.
	kBlock     = 512
	panelBytes = 1100 << 10
	// privateBytes is the size of A (one step of k) up to which each piece packs
	// for itself: A is read once for every panel then.
	privateBytes = 800 << 10
	// rowStep divides the heights of the pieces: a multiple of all kernels'.
	rowStep = 24
)

// A gemmBlock is a product under way: the columns and the length of k that are
// being done, and how they are cut into pieces that may be done in any order.
type gemmBlock struct {
	room [16 << 10]byte // packed panels of small products; first, for alignment
	gemmProduct
	parallel bool

	packs    bool
	kStep    int            // length of k done at a time
	col      int            // first column
	k0, kLen int            // first k, and length
	panels   gemmPanels     // of the columns
	packed   unsafe.Pointer // B arranged, if packs
	height   int            // rows of a piece
	rowCuts  int            // pieces from top to bottom
	groups   int            // pieces across
	dotCols  int            // columns of a piece of inner products

	spreadRow uintptr // row distance of A's copy

	packFn, tileFn, panelFn, dotFn, spreadFn func(i int)
}

// gemmBlocks keeps blocks with their method values, which would otherwise be
// allocated at each call.
var gemmBlocks = sync.Pool{New: func() any {
	b := new(gemmBlock)
	b.packFn, b.tileFn, b.panelFn, b.dotFn = b.packPiece, b.tilePiece, b.panelPiece, b.dotPiece
	b.spreadFn = b.spreadPiece
	return b
}}

// run computes the product, on several threads if it is large.
func (g *gemmProduct) run() {
	g.lay()
	work := g.m * g.n * g.k
	if g.m < 4 { // reading B takes longer than the arithmetic
		work *= 3
	}
	g.runOn(work >= parallelFrom && par.Threads() > 1)
}

// runOn computes the product.
func (g *gemmProduct) runOn(parallel bool) {
	if g.single() {
		return
	}
	b := gemmBlocks.Get().(*gemmBlock)
	b.gemmProduct, b.parallel = *g, parallel
	if g.byDots() {
		b.runDots()
	} else {
		b.run()
	}
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
		a: g.a, b: g.b, c: g.c, next: uintptr(g.a), aRow: g.aRow, aK: g.aK, bK: g.bRow, cRow: g.cRow, k: g.k, rows: g.m,
		bias: g.bias, rowBias: g.rowBias, relu: g.relu, alpha: g.alpha, beta: g.beta,
	}
	kern.setWidth(&t, g.n)
	t.maskB = t.partial
	kern.run(&t)
	return true
}

// run computes the product block by block. How it is cut may depend on
// anything, as each element of C is summed in order of k, in steps that depend
// on k alone.
func (b *gemmBlock) run() {
	kern := b.kern
	if b.crowded() {
		scratch := b.spread()
		defer scratch.Free()
	}
	b.packs = b.arranges()
	b.kStep = b.k
	if b.k > kBlock+kBlock/4 {
		parts := (b.k + kBlock - 1) / kBlock
		b.kStep = (b.k + parts - 1) / parts
	}
	if b.packs && b.m*b.kStep*int(kern.size) <= privateBytes {
		b.runPanels()
		return
	}
	nStep := b.n
	if b.packs {
		lane := kern.lanes * kern.vecs
		most := max(panelBytes/(max(b.kStep, 1)*int(kern.size))/lane*lane, lane)
		parts := (b.n + most - 1) / most
		nStep = ((b.n+parts-1)/parts + lane - 1) / lane * lane
		packed, scratch := b.panelScratch(min(nStep, b.n))
		defer scratch.Free()
		b.packed = packed
	}
	for b.col = 0; b.col < b.n; b.col += nStep {
		b.panels = kern.split(min(nStep, b.n-b.col))
		for b.k0 = 0; ; b.k0 += b.kStep {
			b.kLen = min(b.kStep, b.k-b.k0)
			b.cut()
			if b.packs {
				b.share(b.panels.total, b.packFn, (*gemmBlock).packPiece)
			}
			b.share(b.rowCuts*b.groups, b.tileFn, (*gemmBlock).tilePiece)
			if b.k0+b.kLen >= b.k {
				break
			}
		}
	}
}

// arranges says whether B is to be packed: if it must, if it is read often
// enough, or if it comes from memory (but not in the slow way that long
// columns would be read).
func (g *gemmProduct) arranges() bool {
	if g.transB {
		return true
	}
	if g.m > unpackedRows {
		return g.m*g.n*g.k > unpackedWork || g.bRow%4096 == 0
	}
	return g.m > rowStep && g.k*g.n > memorySize && g.k <= 4*kBlock
}

// runPanels computes a product of few rows, each piece arranging the panel of
// B that it needs: what another core has just written is slow to read.
func (b *gemmBlock) runPanels() {
	b.panels = b.kern.split(b.n)
	b.rowCuts = 1
	if b.parallel {
		for b.panels.total*b.rowCuts < 3*par.Threads() && b.m >= 96*b.rowCuts {
			b.rowCuts++
		}
	}
	b.height = ((b.m+b.rowCuts-1)/b.rowCuts + rowStep - 1) / rowStep * rowStep
	b.rowCuts = (b.m + b.height - 1) / b.height
	b.share(b.panels.total*b.rowCuts, b.panelFn, (*gemmBlock).panelPiece)
}

// panelPiece computes some rows of one panel.
func (b *gemmBlock) panelPiece(i int) {
	first, cols := b.panels.at(i / b.rowCuts)
	packed, scratch := b.panelScratch(cols)
	defer scratch.Free()
	t := gemmTile{b: packed}
	for k0 := 0; ; k0 += b.kStep {
		kLen := min(b.kStep, b.k-k0)
		b.packPanel(packed, b.inB(k0, first), kLen, cols)
		b.tiles(&t, i%b.rowCuts, k0, kLen, first, cols)
		if k0+kLen >= b.k {
			break
		}
	}
}

// panelScratch returns memory for cols packed columns of one step of k.
func (b *gemmBlock) panelScratch(cols int) (unsafe.Pointer, mem.Block) {
	width := (cols + b.kern.lanes - 1) / b.kern.lanes * b.kern.lanes
	size := width * b.kStep * int(b.kern.size)
	if !b.parallel && size <= len(b.room) {
		return unsafe.Pointer(&b.room), mem.Block{}
	}
	scratch := mem.Alloc(size)
	return unsafe.Pointer(unsafe.SliceData(mem.Slice[byte](scratch, 1))), scratch
}

// cut decides into how many pieces the block is cut.
func (b *gemmBlock) cut() {
	pieces := min(max(b.m*b.panels.cols*b.kLen/pieceWork, 1), max(64, 4*par.Threads()))
	b.rowCuts = min((b.m+rowStep-1)/rowStep, pieces)
	b.height = ((b.m+b.rowCuts-1)/b.rowCuts + rowStep - 1) / rowStep * rowStep
	b.rowCuts = (b.m + b.height - 1) / b.height
	b.groups = min(b.panels.total, max(pieces/b.rowCuts, 1))
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
	group, cut := i%b.groups, i/b.groups
	var t gemmTile
	for p := group * b.panels.total / b.groups; p < (group+1)*b.panels.total/b.groups; p++ {
		first, cols := b.panels.at(p)
		if b.packs {
			t.b = b.packedPanel(first)
		} else {
			t.b = b.inB(b.k0, first)
		}
		b.tiles(&t, cut, b.k0, b.kLen, b.col+first, cols)
	}
}

// tiles computes the rows of piece cut in cols columns of C, from column col
// on, for one step of k. The caller has set t.b.
func (b *gemmBlock) tiles(t *gemmTile, cut, k0, kLen, col, cols int) {
	kern, size := b.kern, b.kern.size
	kern.setWidth(t, cols)
	t.aRow, t.aK, t.bK, t.cRow, t.k = b.aRow, b.aK, b.bRow, b.cRow, kLen
	if b.packs {
		t.bK = uintptr(t.vecs*kern.lanes) * size
	} else {
		t.maskB = t.partial
	}
	t.alpha, t.beta = b.alpha, b.beta
	if k0 > 0 {
		t.beta = kern.one()
	}
	last := k0+kLen >= b.k
	if last {
		t.relu = b.relu
		if b.bias != nil {
			t.bias = unsafe.Add(b.bias, uintptr(col)*size)
		}
	}
	row0 := cut * b.height
	rows := min(b.height, b.m-row0)
	n := (rows + kern.rows[t.vecs] - 1) / kern.rows[t.vecs]
	for i := range n { // heights as even as can be
		row := row0 + i*rows/n
		t.rows = row0 + (i+1)*rows/n - row
		t.a = unsafe.Add(b.a, uintptr(row)*b.aRow+uintptr(k0)*b.aK)
		t.c = unsafe.Add(b.c, uintptr(row)*b.cRow+uintptr(col)*size)
		t.next = uintptr(t.a) + ahead(t)
		if last && b.rowBias != nil {
			t.rowBias = unsafe.Add(b.rowBias, uintptr(row)*size)
		}
		kern.run(t)
	}
}

// ahead returns how far beyond A to prefetch: the rows of the next tile, or,
// where these lie beside those of t, some steps of k, each in another page.
func ahead(t *gemmTile) uintptr {
	if t.aRow < t.aK {
		return 24 * t.aK
	}
	return uintptr(t.rows) * t.aRow
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
	par.For(count, max(1, pieceWork/max(work, 1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			one := shared.shift(i, strideA, strideB, strideC)
			one.lay()
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
