package cpu

import "unsafe"

// Number is the set of element types that can be compared and converted.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~float32 | ~float64
}

// Equal computes dst = a == b. NaN equals nothing.
func Equal[T comparable](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := compare32(dst, a, b, vecEqual)
	for ; i < len(dst); i++ {
		dst[i] = a[i] == b[i]
	}
}

// NotEqual computes dst = a != b.
func NotEqual[T comparable](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := compare32(dst, a, b, vecNotEqual)
	for ; i < len(dst); i++ {
		dst[i] = a[i] != b[i]
	}
}

// Less computes dst = a < b. NaN is less than nothing and nothing than NaN.
func Less[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := compare32(dst, a, b, vecLess)
	for ; i < len(dst); i++ {
		dst[i] = a[i] < b[i]
	}
}

// LessEqual computes dst = a <= b.
func LessEqual[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	i := compare32(dst, a, b, vecLessEqual)
	for ; i < len(dst); i++ {
		dst[i] = a[i] <= b[i]
	}
}

// Where computes dst = cond ? a : b.
func Where[T any](dst []T, cond []bool, a, b []T) {
	cond, a, b = cond[:len(dst)], a[:len(dst)], b[:len(dst)]
	i := 0
	if unsafe.Sizeof(*new(T)) == 4 && asmPart(len(dst)) > 0 { // no 4-byte type has pointers here
		p := func(x []T) []float32 { return unsafe.Slice((*float32)(unsafe.Pointer(&x[0])), len(x)) }
		i = where32(p(dst), cond, p(a), p(b))
	}
	for ; i < len(dst); i++ {
		v := b[i]
		if cond[i] {
			v = a[i]
		}
		dst[i] = v
	}
}

// compare32 compares the leading elements in assembly if they are float32, and
// returns how many.
func compare32[T any](dst []bool, a, b []T, f func(dst *bool, a, b *float32, n int)) int {
	n := asmPart(len(dst))
	if n == 0 {
		return 0
	}
	x, ok := any(a).([]float32)
	if !ok {
		return 0
	}
	y := any(b).([]float32)
	for i := 0; i < n; i += maxCall {
		f(&dst[i], &x[i], &y[i], min(n-i, maxCall))
	}
	return n
}

// where32 is Where for the leading elements.
func where32(dst []float32, cond []bool, a, b []float32) int {
	n := asmPart(len(dst))
	for i := 0; i < n; i += maxCall {
		vecWhere(&dst[i], &cond[i], &a[i], &b[i], min(n-i, maxCall))
	}
	return n
}

// Fill sets every element of dst to v.
func Fill[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// CopyStrided gathers n elements, dst[i] = src[i·stride]. A stride of 0 repeats
// the first element; it must not be negative.
func CopyStrided[T any](dst, src []T, n, stride int) {
	dst = dst[:n]
	switch stride {
	case 0:
		if n > 0 {
			Fill(dst, src[0])
		}
	case 1:
		copy(dst, src[:n])
	default:
		for i, j := 0, 0; i < n; i, j = i+1, j+stride {
			dst[i] = src[j]
		}
	}
}
