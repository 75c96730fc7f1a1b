package cpu

import "math"

// Pow computes dst = aᵇ, correctly rounded but for 1 in 10⁵, with the special
// cases of [math.Pow].
func Pow[T Float](dst, a, b []T) {
	b = b[:len(dst)]
	power(kPow, dst, a, b, 0)
}

// PowScalar computes dst = aᵖ, by multiplication or root for the usual p; the
// roots of −Inf are NaN, unlike [math.Pow]'s.
func PowScalar[T Float](dst, a []T, p T) {
	switch p {
	case -2:
		Reciprocal(dst, a)
		Square(dst, dst)
	case -1:
		Reciprocal(dst, a)
	case -0.5:
		Rsqrt(dst, a)
	case 0.5:
		Sqrt(dst, a)
	case 1:
		copy(dst, a[:len(dst)])
	case 2:
		Square(dst, a)
	case 3:
		if vec(kCube, dst, a, nil, nil, 0, 0) {
			return
		}
		a = a[:len(dst)]
		for i, v := range a {
			dst[i] = v * v * v
		}
	case 4:
		Square(dst, a)
		Square(dst, dst)
	default:
		power(kPowScalar, dst, a, nil, p)
	}
}

// power computes dst = aᵇ, or aᵖ if b is nil. The kernels are right for finite
// a > 0 and finite exponents only; math.Pow computes the others.
func power[T Float](k kernel, dst, a, b []T, p T) {
	const block = 256
	a = a[:len(dst)]
	exponent := func(i int) T {
		if b != nil {
			return b[i]
		}
		return p
	}
	if !fast[T]() || kernels[active][k] == nil {
		for i, v := range a {
			dst[i] = T(math.Pow(float64(v), float64(exponent(i))))
		}
		return
	}
	inf := T(math.Inf(1))
	plain := func(v, e T) bool { return v > 0 && v < inf && e-e == 0 }
	for lo := 0; lo < len(dst); lo += block {
		hi := min(lo+block, len(dst))
		x, all := a[lo:hi], true
		if b != nil {
			all = Min(b[lo:hi]) > -inf && Max(b[lo:hi]) < inf
		} else {
			all = p-p == 0
		}
		all = all && Min(x) > 0 && Max(x) < inf
		var special [block]bool
		var result [block]T // of the special ones; made before dst is written, which may be a or b
		if !all {
			for i, v := range x {
				if e := exponent(lo + i); !plain(v, e) {
					special[i], result[i] = true, T(math.Pow(float64(v), float64(e)))
				}
			}
		}
		var e []T
		if b != nil {
			e = b[lo:hi]
		}
		vec(k, dst[lo:hi], x, e, nil, p, 0)
		if !all {
			for i := range x {
				if special[i] {
					dst[lo+i] = result[i]
				}
			}
		}
	}
}
