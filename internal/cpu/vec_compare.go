package cpu

// Number is the set of element types that can be compared and converted.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~float32 | ~float64
}

// Equal computes dst = a == b. NaN equals nothing.
func Equal[T comparable](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] == b[i]
	}
}

// NotEqual computes dst = a != b.
func NotEqual[T comparable](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] != b[i]
	}
}

// Less computes dst = a < b. NaN is less than nothing and nothing than NaN.
func Less[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] < b[i]
	}
}

// LessEqual computes dst = a <= b.
func LessEqual[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] <= b[i]
	}
}

// Where computes dst = cond ? a : b.
func Where[T any](dst []T, cond []bool, a, b []T) {
	cond, a, b = cond[:len(dst)], a[:len(dst)], b[:len(dst)]
	for i := range dst {
		v := b[i]
		if cond[i] {
			v = a[i]
		}
		dst[i] = v
	}
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
