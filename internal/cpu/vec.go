package cpu

import (
	"math"
	"unsafe"
)

// The elementwise kernels. All of them work on contiguous slices, serially:
// the caller splits work over threads and resolves strides. n is len(dst);
// inputs must be at least as long. dst may be the same slice as an input but
// must not overlap one otherwise.
//
// float32 runs in assembly where the processor has it (see [Active]); float64
// and the portable form compute through package math. The portable form is the
// definition; the error bounds given in the comments are those of the assembly
// against it, in units in the last place (ULP) of a float32.

//go:generate sh -c "cd gen/vec && go run ."

// kernel names an elementwise assembly kernel.
type kernel int

// kernelFunc is the signature that all elementwise assembly shares: up to three
// inputs and two scalars, of which a kernel reads what it needs.
type kernelFunc func(dst, a, b, c *float32, n int, s, t float32)

// maxCall bounds the elements per assembly call, which can't be preempted: the
// slowest kernel takes about 1 ns per element.
const maxCall = 1 << 14

// vec runs kernel k and reports true, or reports false when the portable form
// has to be used: for float64, or where no such kernel exists.
func vec[T Float](k kernel, dst, a, b, c []T, s, t T) bool {
	if unsafe.Sizeof(s) != 4 || !assembly || active == Portable {
		return false
	}
	f := kernels[active][k]
	if f == nil {
		return false
	}
	n := len(dst)
	if n == 0 {
		return true
	}
	a = a[:n]
	if b != nil {
		b = b[:n]
	}
	if c != nil {
		c = c[:n]
	}
	for i := 0; i < n; i += maxCall {
		f(at(dst, i), at(a, i), at(b, i), at(c, i), min(n-i, maxCall), float32(s), float32(t))
	}
	return true
}

// at returns the address of x[i] as a float32's, nil for no slice.
func at[T Float](x []T, i int) *float32 {
	if x == nil {
		return nil
	}
	return (*float32)(unsafe.Pointer(&x[i]))
}

// Add computes dst = a + b.
func Add[T Float](dst, a, b []T) {
	if vec(kAdd, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sub computes dst = a − b.
func Sub[T Float](dst, a, b []T) {
	if vec(kSub, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// Mul computes dst = a · b, element by element.
func Mul[T Float](dst, a, b []T) {
	if vec(kMul, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// Div computes dst = a / b, correctly rounded.
func Div[T Float](dst, a, b []T) {
	if vec(kDiv, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

// Maximum computes dst = max(a, b); NaN wins. Which zero max(−0, +0) gives is
// left open.
func Maximum[T Float](dst, a, b []T) {
	if vec(kMaximum, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

// Minimum computes dst = min(a, b); NaN wins. Which zero min(−0, +0) gives is
// left open.
func Minimum[T Float](dst, a, b []T) {
	if vec(kMinimum, dst, a, b, nil, 0, 0) {
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

// Atan2 computes the angle of the point (b, a): dst = atan2(a, b).
func Atan2[T Float](dst, a, b []T) { apply2(dst, a, b, math.Atan2) }

// Fmod computes the remainder of a/b with the sign of a, as C's fmod.
func Fmod[T Float](dst, a, b []T) { apply2(dst, a, b, math.Mod) }

// AddScalar computes dst = a + s.
func AddScalar[T Float](dst, a []T, s T) {
	if vec(kAddScalar, dst, a, nil, nil, s, 0) {
		return
	}
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + s
	}
}

// MulScalar computes dst = s·a.
func MulScalar[T Float](dst, a []T, s T) {
	if vec(kMulScalar, dst, a, nil, nil, s, 0) {
		return
	}
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * s
	}
}

// DivScalar computes dst = a/s, correctly rounded.
func DivScalar[T Float](dst, a []T, s T) {
	if vec(kDivScalar, dst, a, nil, nil, s, 0) {
		return
	}
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] / s
	}
}

// ScalarDiv computes dst = s/a, correctly rounded.
func ScalarDiv[T Float](dst, a []T, s T) {
	if vec(kScalarDiv, dst, a, nil, nil, s, 0) {
		return
	}
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = s / a[i]
	}
}

// Affine computes dst = s·a + t. The assembly rounds once.
func Affine[T Float](dst, a []T, s, t T) {
	if vec(kAffine, dst, a, nil, nil, s, t) {
		return
	}
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i]*s + t
	}
}

// Axpy computes dst += alpha·x. The assembly rounds once.
func Axpy[T Float](dst, x []T, alpha T) {
	if vec(kAxpy, dst, x, dst, nil, alpha, 0) {
		return
	}
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += alpha * x[i]
	}
}

// Axpby computes dst = alpha·x + beta·dst, for moving averages. The assembly
// rounds twice.
func Axpby[T Float](dst, x []T, alpha, beta T) {
	if vec(kAxpby, dst, x, dst, nil, alpha, beta) {
		return
	}
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = alpha*x[i] + beta*dst[i]
	}
}

// MulAdd computes dst = a·b + c. The assembly rounds once.
func MulAdd[T Float](dst, a, b, c []T) {
	if vec(kMulAdd, dst, a, b, c, 0, 0) {
		return
	}
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	for i := range dst {
		dst[i] = a[i]*b[i] + c[i]
	}
}

// Clamp computes dst = min(max(x, lo), hi); NaN stays NaN.
func Clamp[T Float](dst, x []T, lo, hi T) {
	if vec(kClamp, dst, x, nil, nil, lo, hi) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		dst[i] = v
	}
}

// apply computes dst = f(x) in float64.
func apply[T Float](dst, x []T, f func(float64) float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = T(f(float64(v)))
	}
}

// apply2 computes dst = f(a, b) in float64.
func apply2[T Float](dst, a, b []T, f func(a, b float64) float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		dst[i] = T(f(float64(v), float64(b[i])))
	}
}
