package cpu

const (
	rowBlock = 32  // rows that SumRows adds one after the other
	colTile  = 128 // columns that SumRows works on at a time
)

// SumRows sums an m×n matrix over its rows: dst[j] = Σᵢ x[i·ldx+j]. Blocks of
// rows are added pairwise. The order depends on m only, so that columns may be
// shared out between threads.
func SumRows[T Float](dst, x []T, m, n, ldx int) {
	if m == 0 {
		clear(dst[:n])
		return
	}
	if n > 0 {
		_ = x[(m-1)*ldx+n-1] // the assembly doesn't check
	}
	for j := 0; j < n; j += colTile {
		w := min(n-j, colTile)
		sumRows(dst[j:j+w], x[j:], m, ldx)
	}
}

// sumRows is SumRows for m ≥ 1 and up to colTile columns.
func sumRows[T Float](dst, x []T, m, ldx int) {
	if m > rowBlock {
		var other [colTile]T
		h := halve(m, rowBlock)
		rest := other[:len(dst)]
		sumRows(dst, x, h, ldx)
		sumRows(rest, x[h*ldx:], m-h, ldx)
		for j, v := range rest {
			dst[j] += v
		}
		return
	}
	if fast[T]() {
		sumRows32(at(dst, 0), at(x, 0), m, len(dst), ldx)
		return
	}
	copy(dst, x)
	for i := 1; i < m; i++ {
		row := x[i*ldx:][:len(dst)]
		for j, v := range row {
			dst[j] += v
		}
	}
}

// MaxRows takes the greatest element of each column of an m×n matrix:
// dst[j] = maxᵢ x[i·ldx+j]; NaN wins. m must not be 0.
func MaxRows[T Float](dst, x []T, m, n, ldx int) {
	dst = dst[:n]
	copy(dst, x[:n])
	for i := 1; i < m; i++ {
		Maximum(dst, dst, x[i*ldx:][:n])
	}
}
