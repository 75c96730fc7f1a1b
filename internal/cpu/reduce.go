package cpu

import (
	"math"
	"unsafe"
)

// The reductions. A sum is taken over short blocks with many accumulators each,
// and the blocks' sums are added pairwise, so that the error grows with the
// logarithm of the length (Higham, Accuracy and Stability of Numerical
// Algorithms, §4.2). The order depends on the length only.

const (
	blockGo  = 128  // elements per block, 8 accumulators
	blockAsm = 1024 // elements per block, at least 32 accumulators
)

// fast reports whether T's reductions run in assembly.
func fast[T Float]() bool {
	var v T
	return unsafe.Sizeof(v) == 4 && assembly && active != Portable
}

// blockLen is the number of elements that one block adds.
func blockLen[T Float]() int {
	if fast[T]() {
		return blockAsm
	}
	return blockGo
}

// halve returns where to cut n > block elements: at a whole number of blocks.
func halve(n, block int) int { return (n + block - 1) / block / 2 * block }

// Sum returns the sum of x, 0 for none.
func Sum[T Float](x []T) T {
	block := blockLen[T]()
	if len(x) > block {
		h := halve(len(x), block)
		return Sum(x[:h]) + Sum(x[h:])
	}
	if fast[T]() && len(x) > 0 {
		return T(sum32(at(x, 0), len(x)))
	}
	var s [8]T
	for ; len(x) >= 8; x = x[8:] {
		for i := range s {
			s[i] += x[i]
		}
	}
	for i, v := range x {
		s[i] += v
	}
	return tree(&s)
}

// tree adds eight accumulators pairwise.
func tree[T Float](s *[8]T) T {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// Dot returns Σ x·y over len(x) elements.
func Dot[T Float](x, y []T) T {
	y = y[:len(x)]
	block := blockLen[T]()
	if len(x) > block {
		h := halve(len(x), block)
		return Dot(x[:h], y[:h]) + Dot(x[h:], y[h:])
	}
	if fast[T]() && len(x) > 0 {
		return T(dot32(at(x, 0), at(y, 0), len(x)))
	}
	var s [8]T
	for ; len(x) >= 8; x, y = x[8:], y[8:] {
		for i := range s {
			s[i] += x[i] * y[i]
		}
	}
	for i, v := range x {
		s[i] += v * y[i]
	}
	return tree(&s)
}

// deviations returns Σ(x−c) and Σ(x−c)².
func deviations[T Float](x []T, c T) (sum, squares T) {
	block := blockLen[T]()
	if len(x) > block {
		h := halve(len(x), block)
		s0, q0 := deviations(x[:h], c)
		s1, q1 := deviations(x[h:], c)
		return s0 + s1, q0 + q1
	}
	if fast[T]() && len(x) > 0 {
		s, q := deviations32(at(x, 0), len(x), float32(c))
		return T(s), T(q)
	}
	var s, q [8]T
	for ; len(x) >= 8; x = x[8:] {
		for i := range s {
			d := x[i] - c
			s[i] += d
			q[i] += d * d
		}
	}
	for i, v := range x {
		d := v - c
		s[i] += d
		q[i] += d * d
	}
	return tree(&s), tree(&q)
}

// MeanVar returns the mean of x and m2 = Σ(x−mean)²: the variance is m2/n, or
// m2/(n−1) without bias. It takes two passes and corrects the second by what
// the first one's rounding left (Chan, Golub and LeVeque, The American
// Statistician 37, 1983, equation 1.7). Both are NaN for no elements.
func MeanVar[T Float](x []T) (mean, m2 T) {
	n := T(len(x))
	mean = Sum(x) / n
	s, q := deviations(x, mean)
	return mean + s/n, max(q-s*s/n, 0)
}

// Prod returns the product of x in order, 1 for none.
func Prod[T Float](x []T) T {
	p := T(1)
	for _, v := range x {
		p *= v
	}
	return p
}

// Max returns the greatest element, −Inf for none; NaN wins.
func Max[T Float](x []T) T {
	m := T(math.Inf(-1))
	if fast[T]() {
		for i := 0; i < len(x); i += maxCall {
			m = max(m, T(max32(at(x, i), min(len(x)-i, maxCall))))
		}
		return m
	}
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// Min returns the least element, +Inf for none; NaN wins.
func Min[T Float](x []T) T {
	m := T(math.Inf(1))
	if fast[T]() {
		for i := 0; i < len(x); i += maxCall {
			m = min(m, T(min32(at(x, i), min(len(x)-i, maxCall))))
		}
		return m
	}
	for _, v := range x {
		m = min(m, v)
	}
	return m
}

// ArgMax returns the index of the first greatest element, or of the first NaN,
// −1 for no elements.
func ArgMax[T Float](x []T) int { return index(x, Max(x)) }

// ArgMin returns the index of the first least element, or of the first NaN, −1
// for no elements.
func ArgMin[T Float](x []T) int { return index(x, Min(x)) }

// index returns the first index of v, which may be NaN, −1 if there is none.
func index[T Float](x []T, v T) int {
	if v != v {
		for i, w := range x {
			if w != w {
				return i
			}
		}
	}
	for i, w := range x {
		if w == v {
			return i
		}
	}
	return -1
}

// sumExp returns Σ exp(x−c).
func sumExp[T Float](x []T, c T) T {
	block := blockLen[T]()
	if len(x) > block {
		h := halve(len(x), block)
		return sumExp(x[:h], c) + sumExp(x[h:], c)
	}
	if fast[T]() && len(x) > 0 {
		return T(sumExp32(at(x, 0), len(x), float32(c)))
	}
	var s [8]T
	for i, v := range x {
		s[i&7] += T(math.Exp(float64(v - c)))
	}
	return tree(&s)
}

// LogSumExp returns log Σ eˣ without overflow, −Inf for no elements.
func LogSumExp[T Float](x []T) T {
	m := Max(x)
	if m != m || math.IsInf(float64(m), 0) {
		return m
	}
	return m + T(math.Log(float64(sumExp(x, m))))
}
