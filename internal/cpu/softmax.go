package cpu

import (
	"math"
	"unsafe"

	"github.com/gradus-ml/gradus/internal/par"
)

//go:generate sh -c "cd gen && go run ./rows"

// The kernels of this file work on the rows of a contiguous m×n matrix, and
// share the rows among threads themselves. They compute exp(x - max) so that
// nothing overflows (Goodfellow et al., Deep Learning, 2016, section 4.1). An
// entry of -Inf, a mask, has probability 0; a row that is -Inf throughout has
// no maximum to subtract and becomes NaN, as do rows with a NaN or +Inf.

// shareFrom is the number of elements from which row kernels use more than the
// caller's thread, and rowChunk about how many elements go into one piece. A
// piece takes a few microseconds.
const (
	shareFrom = 32768
	rowChunk  = 16384
)

// rowGrain returns how many rows of n elements make a piece of work.
func rowGrain(n int) int { return max(1, rowChunk/max(n, 1)) }

// rowBatch is how many rows keep their maximum and sum on the stack at once.
const rowBatch = 64

// SoftmaxRows computes dst[i,j] = exp(x[i,j]) / Σ_k exp(x[i,k]). dst may be x.
func SoftmaxRows[T Float](dst, x []T, m, n int) {
	if m*n < shareFrom {
		softmaxRows(dst, x, nil, nil, m, n)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		softmaxRows(dst[lo*n:hi*n], x[lo*n:hi*n], nil, nil, hi-lo, n)
	})
}

// LogSoftmaxRows computes dst[i,j] = x[i,j] - log Σ_k exp(x[i,k]). dst may be x.
func LogSoftmaxRows[T Float](dst, x []T, m, n int) {
	if m*n < shareFrom {
		logSoftmaxRows(dst, x, m, n)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		logSoftmaxRows(dst[lo*n:hi*n], x[lo*n:hi*n], hi-lo, n)
	})
}

// LogSumExpRows computes dst[i] = log Σ_k exp(x[i,k]) for m rows. Unlike the
// other kernels it is exact for rows of infinities: a row of -Inf, or of no
// elements, gives -Inf, and one with +Inf but no NaN gives +Inf.
func LogSumExpRows[T Float](dst, x []T, m, n int) {
	if m*n < shareFrom {
		logSumExpRows(dst, x, m, n)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		logSumExpRows(dst[lo:hi], x[lo*n:hi*n], hi-lo, n)
	})
}

// SoftmaxGradRows computes the gradient of the softmax y with respect to its
// input from the gradient g with respect to y:
// dx[i,j] = y[i,j] (g[i,j] - Σ_k g[i,k] y[i,k]). dx may be g or y.
func SoftmaxGradRows[T Float](dx, g, y []T, m, n int) {
	if m*n < shareFrom {
		softmaxGradRows(dx, g, y, m, n)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		softmaxGradRows(dx[lo*n:hi*n], g[lo*n:hi*n], y[lo*n:hi*n], hi-lo, n)
	})
}

// LogSoftmaxGradRows computes the gradient of the log-softmax y with respect
// to its input from the gradient g with respect to y:
// dx[i,j] = g[i,j] - exp(y[i,j]) Σ_k g[i,k]. dx may be g or y.
func LogSoftmaxGradRows[T Float](dx, g, y []T, m, n int) {
	if m*n < shareFrom {
		logSoftmaxGradRows(dx, g, y, m, n)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		logSoftmaxGradRows(dx[lo*n:hi*n], g[lo*n:hi*n], y[lo*n:hi*n], hi-lo, n)
	})
}

// single reports whether T is float32, the type that has assembly kernels.
func single[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// singles views x as float32, which it must be.
func singles[T Float](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// softmaxRows computes softmax(x)[i,j]·alpha[i] + beta[i]; nil alpha and beta
// mean 1 and 0. The gradient of cross entropy is such a row.
func softmaxRows[T Float](dst, x, alpha, beta []T, m, n int) {
	if single[T]() && softmaxRowsAsm(singles(dst), singles(x), singles(alpha), singles(beta), m, n) {
		return
	}
	for i := range m {
		x, dst := x[i*n:][:n], dst[i*n:][:n]
		mx := rowMax(x)
		var sum float64
		for j, v := range x {
			e := T(math.Exp(float64(v - mx)))
			dst[j] = e
			sum += float64(e)
		}
		k, b := T(1/sum), T(0)
		if alpha != nil {
			k = T(float64(alpha[i]) / sum)
		}
		if beta != nil {
			b = beta[i]
		}
		for j, e := range dst {
			dst[j] = e*k + b
		}
	}
}

func rowMax[T Float](x []T) T {
	mx := T(math.Inf(-1))
	for _, v := range x {
		if v > mx {
			mx = v
		}
	}
	return mx
}

// maxSumExpRows computes mx[i] = max_j x[i,j] and sum[i] = Σ_j exp(x[i,j] - mx[i]).
// Where the row has a NaN, sum is NaN and mx is any element.
func maxSumExpRows[T Float](mx, sum, x []T, m, n int) {
	if single[T]() && maxSumExpRowsAsm(singles(mx), singles(sum), singles(x), m, n) {
		return
	}
	for i := range m {
		x := x[i*n:][:n]
		top := rowMax(x)
		var s float64
		for _, v := range x {
			s += math.Exp(float64(v - top))
		}
		mx[i], sum[i] = top, T(s)
	}
}

func logSoftmaxRows[T Float](dst, x []T, m, n int) {
	var mx, ls [rowBatch]T
	for at := 0; at < m; at += rowBatch {
		k := min(rowBatch, m-at)
		x, dst := x[at*n:(at+k)*n], dst[at*n:(at+k)*n]
		maxSumExpRows(mx[:k], ls[:k], x, k, n)
		for i, s := range ls[:k] {
			ls[i] = T(math.Log(float64(s)))
		}
		shiftRows(dst, x, mx[:k], ls[:k], k, n)
	}
}

// shiftRows computes dst[i,j] = (x[i,j] - a[i]) - b[i]. Two steps, since a+b
// may have lost what is left when x is close to a.
func shiftRows[T Float](dst, x, a, b []T, m, n int) {
	if single[T]() && shiftRowsAsm(singles(dst), singles(x), singles(a), singles(b), m, n) {
		return
	}
	for i := range m {
		x, dst, a, b := x[i*n:][:n], dst[i*n:][:n], a[i], b[i]
		for j, v := range x {
			dst[j] = (v - a) - b
		}
	}
}

func logSumExpRows[T Float](dst, x []T, m, n int) {
	var mx [rowBatch]T
	for at := 0; at < m; at += rowBatch {
		k := min(rowBatch, m-at)
		dst := dst[at : at+k]
		maxSumExpRows(mx[:k], dst, x[at*n:(at+k)*n], k, n)
		Log(dst, dst)
		for i := range dst {
			if math.IsInf(float64(mx[i]), 0) {
				dst[i] = infiniteRow(mx[i], x[(at+i)*n:][:n])
			} else {
				dst[i] += mx[i]
			}
		}
	}
}

// infiniteRow returns the log-sum-exp of a row whose maximum is infinite.
func infiniteRow[T Float](mx T, x []T) T {
	for _, v := range x {
		if v != v {
			return v
		}
	}
	return mx
}

func softmaxGradRows[T Float](dx, g, y []T, m, n int) {
	if single[T]() && softmaxGradRowsAsm(singles(dx), singles(g), singles(y), m, n) {
		return
	}
	for i := range m {
		g, y, dx := g[i*n:][:n], y[i*n:][:n], dx[i*n:][:n]
		var dot float64
		for j, v := range g {
			dot += float64(v) * float64(y[j])
		}
		d := T(dot)
		for j, v := range g {
			dx[j] = y[j] * (v - d)
		}
	}
}

func logSoftmaxGradRows[T Float](dx, g, y []T, m, n int) {
	if single[T]() && logSoftmaxGradRowsAsm(singles(dx), singles(g), singles(y), m, n) {
		return
	}
	for i := range m {
		g, y, dx := g[i*n:][:n], y[i*n:][:n], dx[i*n:][:n]
		var sum float64
		for _, v := range g {
			sum += float64(v)
		}
		s := T(sum)
		for j, v := range g {
			dx[j] = v - T(math.Exp(float64(y[j])))*s
		}
	}
}
