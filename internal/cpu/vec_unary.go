package cpu

import "math"

// Neg computes dst = −x.
func Neg[T Float](dst, x []T) {
	if vec(kNeg, dst, x, nil, nil, 0, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = -v
	}
}

// Abs computes dst = |x|.
func Abs[T Float](dst, x []T) {
	if vec(kAbs, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Abs)
}

// Sign computes dst = 1, −1, or x itself where x is ±0 or NaN.
func Sign[T Float](dst, x []T) {
	if vec(kSign, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, sign)
}

// Square computes dst = x².
func Square[T Float](dst, x []T) {
	if vec(kSquare, dst, x, nil, nil, 0, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = v * v
	}
}

// Sqrt computes dst = √x, correctly rounded.
func Sqrt[T Float](dst, x []T) {
	if vec(kSqrt, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Sqrt)
}

// Rsqrt computes dst = 1/√x. Error: 1.5 ULP.
func Rsqrt[T Float](dst, x []T) {
	if vec(kRsqrt, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, rsqrt)
}

// Reciprocal computes dst = 1/x, correctly rounded.
func Reciprocal[T Float](dst, x []T) {
	if vec(kReciprocal, dst, x, nil, nil, 0, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = 1 / v
	}
}

// Exp computes dst = eˣ. Error: 1 ULP over the whole range, denormal results included.
func Exp[T Float](dst, x []T) {
	if vec(kExp, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Exp)
}

// Expm1 computes dst = eˣ − 1, accurate near 0. Error: 1.6 ULP.
func Expm1[T Float](dst, x []T) {
	if vec(kExpm1, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Expm1)
}

// Log computes dst = the natural logarithm. Error: 1.7 ULP.
func Log[T Float](dst, x []T) {
	if vec(kLog, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Log)
}

// Log1p computes dst = log(1 + x), accurate near 0. Error: 2.2 ULP.
func Log1p[T Float](dst, x []T) {
	if vec(kLog1p, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Log1p)
}

// Log2 computes dst = the logarithm to base 2. Error: 2.7 ULP; powers of two are exact.
func Log2[T Float](dst, x []T) {
	if vec(kLog2, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Log2)
}

// Log10 computes dst = the logarithm to base 10. Error: 2.7 ULP.
func Log10[T Float](dst, x []T) {
	if vec(kLog10, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Log10)
}

// Sin computes dst = sin x, x in radians. Error: 1.5 ULP.
func Sin[T Float](dst, x []T) { circular(kSin, dst, x, math.Sin) }

// Cos computes dst = cos x, x in radians. Error: 1.5 ULP.
func Cos[T Float](dst, x []T) { circular(kCos, dst, x, math.Cos) }

// circular runs the kernel of sine, cosine or tangent, which is right for |x| ≤ 2²⁰ only,
// and computes the others with f.
func circular[T Float](k kernel, dst, x []T, f func(float64) float64) {
	const most, block = 1 << 20, 256
	if !fast[T]() {
		apply(dst, x, f)
		return
	}
	x = x[:len(dst)]
	for len(dst) > 0 {
		n := min(len(dst), block)
		if Min(x[:n]) >= -most && Max(x[:n]) <= most {
			vec(k, dst[:n], x[:n], nil, nil, 0, 0)
		} else {
			var in [block]T // dst may be x
			copy(in[:], x[:n])
			vec(k, dst[:n], x[:n], nil, nil, 0, 0)
			for i, v := range in[:n] {
				if !(v >= -most && v <= most) {
					dst[i] = T(f(float64(v)))
				}
			}
		}
		dst, x = dst[n:], x[n:]
	}
}

// Tan computes dst = tan x, x in radians. Error: 3.1 ULP.
func Tan[T Float](dst, x []T) { circular(kTan, dst, x, math.Tan) }

// Asin computes dst = arcsin x.
func Asin[T Float](dst, x []T) {
	if vec(kAsin, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Asin)
}

// Acos computes dst = arccos x.
func Acos[T Float](dst, x []T) {
	if vec(kAcos, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Acos)
}

// Atan computes dst = arctan x.
func Atan[T Float](dst, x []T) {
	if vec(kAtan, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Atan)
}

// Sinh computes dst = sinh x.
func Sinh[T Float](dst, x []T) {
	if vec(kSinh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Sinh)
}

// Cosh computes dst = cosh x.
func Cosh[T Float](dst, x []T) {
	if vec(kCosh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Cosh)
}

// Asinh computes dst = arsinh x.
func Asinh[T Float](dst, x []T) {
	if vec(kAsinh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Asinh)
}

// Acosh computes dst = arcosh x.
func Acosh[T Float](dst, x []T) {
	if vec(kAcosh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Acosh)
}

// Atanh computes dst = artanh x.
func Atanh[T Float](dst, x []T) {
	if vec(kAtanh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Atanh)
}

// Tanh computes dst = tanh x. Error: 2.4 ULP.
func Tanh[T Float](dst, x []T) {
	if vec(kTanh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Tanh)
}

// Sigmoid computes dst = 1/(1 + e⁻ˣ). Error: 2.8 ULP; 0 below −87.33, where it is no normal number.
func Sigmoid[T Float](dst, x []T) {
	if vec(kSigmoid, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, sigmoid)
}

// Erf computes dst = the error function. Error: 2.4 ULP.
func Erf[T Float](dst, x []T) {
	if vec(kErf, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Erf)
}

// ReLU computes dst = max(x, 0); NaN stays NaN.
func ReLU[T Float](dst, x []T) {
	if vec(kReLU, dst, x, nil, nil, 0, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

// GELU computes dst = x·Φ(x), Φ the standard normal distribution function. Error: 6e-8·max(1, |x|), and far less for negative x.
func GELU[T Float](dst, x []T) {
	if vec(kGELU, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, gelu)
}

// GELUTanh computes dst = GELU's tanh approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))). Error: 7e-8·max(1, |x|),
// and far less for negative x.
func GELUTanh[T Float](dst, x []T) {
	if vec(kGELUTanh, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, geluTanh)
}

// SiLU computes dst = x·sigmoid(x), also called swish. Error: 3.5 ULP; −0 below −87.33.
func SiLU[T Float](dst, x []T) {
	if vec(kSiLU, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, silu)
}

// Softplus computes dst = log(1 + eˣ), without overflow. Error: 3 ULP; 0 where it is no normal number.
func Softplus[T Float](dst, x []T) {
	if vec(kSoftplus, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, softplus)
}

// LogSigmoid computes dst = log(sigmoid(x)), without overflow. Error: 3 ULP; 0 where it is no normal number.
func LogSigmoid[T Float](dst, x []T) {
	if vec(kLogSigmoid, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, logSigmoid)
}

// Floor computes dst = the greatest integer not above x.
func Floor[T Float](dst, x []T) {
	if vec(kFloor, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Floor)
}

// Ceil computes dst = the least integer not below x.
func Ceil[T Float](dst, x []T) {
	if vec(kCeil, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Ceil)
}

// Round computes dst = the nearest integer, halves to even.
func Round[T Float](dst, x []T) {
	if vec(kRound, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.RoundToEven)
}

// Trunc computes dst = x without its fraction.
func Trunc[T Float](dst, x []T) {
	if vec(kTrunc, dst, x, nil, nil, 0, 0) {
		return
	}
	apply(dst, x, math.Trunc)
}
