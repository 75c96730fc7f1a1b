package cpu

import "math"

// The scalar definitions, in float64, of the functions that package math lacks.

const (
	invSqrt2   = 0.70710678118654752440
	invSqrt2Pi = 0.39894228040143267794 // 1/√(2π)
	geluScale  = 0.79788456080286535588 // √(2/π)
	geluCubic  = 0.044715
)

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // ±0 and NaN
}

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

// sigmoid is 1/(1+e⁻ˣ), with the exponential that can't overflow.
func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// softplus is log(1+eˣ).
func softplus(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func logSigmoid(x float64) float64 { return -softplus(-x) }

// times is x·p, with p = 0 winning over x = −Inf: the limit of every gate.
func times(x, p float64) float64 {
	if p == 0 && !math.IsNaN(x) {
		return math.Copysign(0, x)
	}
	return x * p
}

func silu(x float64) float64 { return times(x, sigmoid(x)) }

// siluSlope is the derivative of silu.
func siluSlope(x float64) float64 {
	s := sigmoid(x)
	return s + times(times(x, s), 1-s)
}

// normCDF is Φ, the distribution function of the standard normal.
func normCDF(x float64) float64 { return 0.5 * math.Erfc(-x*invSqrt2) }

// gelu is x·Φ(x) (Hendrycks and Gimpel, arXiv:1606.08415).
func gelu(x float64) float64 { return times(x, normCDF(x)) }

// geluSlope is the derivative of gelu, Φ(x) + x·φ(x).
func geluSlope(x float64) float64 {
	return normCDF(x) + times(x, invSqrt2Pi*math.Exp(-0.5*x*x))
}

// geluTanh is gelu's approximation ½x(1 + tanh u), u = √(2/π)(x + 0.044715x³);
// ½(1 + tanh u) is the sigmoid of 2u.
func geluTanh(x float64) float64 {
	return times(x, sigmoid(2*geluScale*x*(1+geluCubic*x*x)))
}

// geluTanhSlope is the derivative of geluTanh.
func geluTanhSlope(x float64) float64 {
	s := sigmoid(2 * geluScale * x * (1 + geluCubic*x*x))
	return s + times(x*2*geluScale*(1+3*geluCubic*x*x), s*(1-s))
}
