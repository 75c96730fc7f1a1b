package cpu

import (
	"fmt"
	"unsafe"
)

//go:generate sh -c "cd gen/gemm && go run ."

// Epilogue is what a matrix product ends with while its result is still in
// registers. The zero value adds nothing.
type Epilogue[T Float] struct {
	Bias    []T // n elements, added to each row of C; nil for none
	RowBias []T // m elements, added to each column of C; nil for none
	Act     Act
}

// Gemm computes C = act(alpha·op(A)·op(B) + beta·C + bias) for row-major
// matrices, where op transposes if told to. C is m×n. A is m×k, or k×m with
// transA; B is k×n, or n×k with transB; lda, ldb and ldc are the distances
// from row to row in elements, at least the width of the matrix as stored. C
// must not overlap A or B.
//
// With beta = 0, C is not read, so what it held does not matter, NaN or not;
// with alpha = 0, A and B are not read. Results do not depend on GOMAXPROCS.
func Gemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, ep Epilogue[T]) {
	if m <= 0 || n <= 0 {
		return
	}
	checkGemm(transA, transB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc, alpha != 0)
	if ep.Bias != nil && len(ep.Bias) < n || ep.RowBias != nil && len(ep.RowBias) < m {
		panic(fmt.Sprintf("cpu: gemm: a bias is too short: %d for n = %d, or %d for m = %d", len(ep.Bias), n, len(ep.RowBias), m))
	}
	if k < 0 || alpha == 0 {
		k = 0
	}
	if transB && m*n*k <= 256 {
		gemmTiny(transA, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, ep)
		return
	}
	g := newProduct(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	g.bias, g.rowBias = data(ep.Bias), data(ep.RowBias)
	if ep.Act == ActReLU {
		g.relu = 1
	}
	g.run()
}

// GemmBatch computes count products, as [Gemm] does, of matrices that lie
// strideA, strideB and strideC elements apart. A stride of 0 shares A or B
// between all products.
func GemmBatch[T Float](count int, transA, transB bool, m, n, k int, alpha T, a []T, lda, strideA int, b []T, ldb, strideB int, beta T, c []T, ldc, strideC int) {
	if count <= 0 || m <= 0 || n <= 0 {
		return
	}
	if strideA < 0 || strideB < 0 || strideC < 0 {
		panic(fmt.Sprintf("cpu: gemm: negative distance between matrices: %d, %d, %d", strideA, strideB, strideC))
	}
	last := count - 1
	checkGemm(transA, transB, m, n, k, len(a)-last*strideA, lda, len(b)-last*strideB, ldb, len(c)-last*strideC, ldc, alpha != 0)
	if k < 0 || alpha == 0 {
		k = 0
	}
	if strideB == 0 && !transA && strideA == m*lda && strideC == m*ldc {
		m, count = m*count, 1 // the same B for all rows: one product
	}
	g := newProduct(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	if count == 1 {
		g.run()
		return
	}
	size := unsafe.Sizeof(alpha)
	if k == 0 {
		strideA, strideB = strideC, strideC
	}
	g.runBatch(count, uintptr(strideA)*size, uintptr(strideB)*size, uintptr(strideC)*size)
}

// checkGemm panics unless the operands are as large as the product needs.
func checkGemm(transA, transB bool, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int, reads bool) {
	if ldc < n || lenC < (m-1)*ldc+n {
		panic(fmt.Sprintf("cpu: gemm: C of %d×%d with row distance %d doesn't fit in %d elements", m, n, ldc, lenC))
	}
	if k <= 0 || !reads {
		return
	}
	rows, cols := m, k
	if transA {
		rows, cols = k, m
	}
	if lda < cols || lenA < (rows-1)*lda+cols {
		panic(fmt.Sprintf("cpu: gemm: A of %d×%d with row distance %d doesn't fit in %d elements", rows, cols, lda, lenA))
	}
	rows, cols = k, n
	if transB {
		rows, cols = n, k
	}
	if ldb < cols || lenB < (rows-1)*ldb+cols {
		panic(fmt.Sprintf("cpu: gemm: B of %d×%d with row distance %d doesn't fit in %d elements", rows, cols, ldb, lenB))
	}
}

// gemmTiny is Gemm for a transposed B so small that arranging it for the
// kernels would take longer than the product.
func gemmTiny[T Float](transA bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, ep Epilogue[T]) {
	aRow, aK := lda, 1
	if transA {
		aRow, aK = 1, lda
	}
	for i := range m {
		row := c[i*ldc:][:n]
		for j := range row {
			var sum T
			if k > 0 {
				bj := b[j*ldb:][:k]
				for p, at := 0, i*aRow; p < len(bj); p, at = p+1, at+aK {
					sum += a[at] * bj[p]
				}
			}
			sum *= alpha
			if beta != 0 {
				sum += beta * row[j]
			}
			if ep.Bias != nil {
				sum += ep.Bias[j]
			}
			if ep.RowBias != nil {
				sum += ep.RowBias[i]
			}
			if ep.Act == ActReLU && sum < 0 {
				sum = 0
			}
			row[j] = sum
		}
	}
}

// newProduct describes a product in bytes, for code that serves every type.
func newProduct[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) gemmProduct {
	size := unsafe.Sizeof(alpha)
	g := gemmProduct{
		kern: kernelOf[T](),
		m:    m, n: n, k: k,
		a: data(a), b: data(b), c: data(c),
		aRow: uintptr(lda) * size, aK: size,
		bRow: uintptr(ldb) * size, cRow: uintptr(ldc) * size,
		transB: transB,
		alpha:  bitsOf(alpha),
	}
	if transA {
		g.aRow, g.aK = g.aK, g.aRow
	}
	if k == 0 { // neither is read; C stands in so that addresses stay valid
		g.a, g.aRow, g.aK = g.c, 0, 0
		g.b, g.bRow, g.transB = g.c, 0, false
	}
	if beta != 0 {
		g.beta = bitsOf(beta)
	}
	return g
}

func data[T Float](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// bitsOf returns the bits of x, those of a float32 in the lower half.
func bitsOf[T Float](x T) uint64 {
	if unsafe.Sizeof(x) == 4 {
		return uint64(*(*uint32)(unsafe.Pointer(&x)))
	}
	return *(*uint64)(unsafe.Pointer(&x))
}
