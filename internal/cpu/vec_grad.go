package cpu

import "math"

// The activations with a parameter, and the backward passes: g is the gradient
// of the output, x the forward pass's input, y its output, dst the gradient of
// the input.

// ReLUGrad computes dst = g where y > 0 (or NaN), else 0; y may be ReLU's input
// or its output.
func ReLUGrad[T Float](dst, g, y []T) {
	if vec(kReLUGrad, dst, g, y, nil, 0, 0) {
		return
	}
	g, y = g[:len(dst)], y[:len(dst)]
	for i, v := range y {
		d := g[i]
		if v <= 0 {
			d = 0
		}
		dst[i] = d
	}
}

// LeakyReLU computes dst = x where x > 0, else slope·x.
func LeakyReLU[T Float](dst, x []T, slope T) {
	if vec(kLeakyReLU, dst, x, nil, nil, slope, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		if !(v > 0) {
			v *= slope
		}
		dst[i] = v
	}
}

// LeakyReLUGrad computes dst = g where x > 0, else slope·g.
func LeakyReLUGrad[T Float](dst, g, x []T, slope T) {
	if vec(kLeakyReLUGrad, dst, g, x, nil, slope, 0) {
		return
	}
	g, x = g[:len(dst)], x[:len(dst)]
	for i, v := range x {
		d := g[i]
		if !(v > 0) {
			d *= slope
		}
		dst[i] = d
	}
}

// ELU computes dst = x where x > 0, else alpha·(eˣ − 1).
func ELU[T Float](dst, x []T, alpha T) {
	if vec(kELU, dst, x, nil, nil, alpha, 0) {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		if !(v > 0) {
			v = alpha * T(math.Expm1(float64(v)))
		}
		dst[i] = v
	}
}

// ELUGrad computes dst = g where x > 0, else g·alpha·eˣ.
func ELUGrad[T Float](dst, g, x []T, alpha T) {
	if vec(kELUGrad, dst, g, x, nil, alpha, 0) {
		return
	}
	g, x = g[:len(dst)], x[:len(dst)]
	for i, v := range x {
		d := g[i]
		if !(v > 0) {
			d *= alpha * T(math.Exp(float64(v)))
		}
		dst[i] = d
	}
}

// TanhGrad computes dst = g·(1 − y²), y = tanh x.
func TanhGrad[T Float](dst, g, y []T) {
	if vec(kTanhGrad, dst, g, y, nil, 0, 0) {
		return
	}
	g, y = g[:len(dst)], y[:len(dst)]
	for i, v := range y {
		dst[i] = g[i] * (1 - v*v)
	}
}

// SigmoidGrad computes dst = g·y·(1 − y), y = sigmoid x.
func SigmoidGrad[T Float](dst, g, y []T) {
	if vec(kSigmoidGrad, dst, g, y, nil, 0, 0) {
		return
	}
	g, y = g[:len(dst)], y[:len(dst)]
	for i, v := range y {
		dst[i] = g[i] * (v * (1 - v))
	}
}

// GELUGrad computes dst = g·(Φ(x) + x·φ(x)). Error: 1e-7·|g|.
func GELUGrad[T Float](dst, g, x []T) {
	if !vec(kGELUGrad, dst, g, x, nil, 0, 0) {
		applyGrad(dst, g, x, geluSlope)
	}
}

// GELUTanhGrad computes g times the derivative of [GELUTanh].
func GELUTanhGrad[T Float](dst, g, x []T) {
	if !vec(kGELUTanhGrad, dst, g, x, nil, 0, 0) {
		applyGrad(dst, g, x, geluTanhSlope)
	}
}

// SiLUGrad computes dst = g·s·(1 + x·(1 − s)), s = sigmoid x.
func SiLUGrad[T Float](dst, g, x []T) {
	if !vec(kSiLUGrad, dst, g, x, nil, 0, 0) {
		applyGrad(dst, g, x, siluSlope)
	}
}

// SoftplusGrad computes dst = g·sigmoid(x).
func SoftplusGrad[T Float](dst, g, x []T) {
	if !vec(kSoftplusGrad, dst, g, x, nil, 0, 0) {
		applyGrad(dst, g, x, sigmoid)
	}
}

// applyGrad computes dst = g·slope(x), the slope in float64.
func applyGrad[T Float](dst, g, x []T, slope func(float64) float64) {
	g, x = g[:len(dst)], x[:len(dst)]
	for i, v := range x {
		dst[i] = T(float64(g[i]) * slope(float64(v)))
	}
}
