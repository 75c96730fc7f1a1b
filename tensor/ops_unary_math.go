package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// The mathematical functions of one tensor. In the gradients x is the input, y
// the result and g the gradient of y.

var (
	opAbs, opSign                                *Op
	opExp, opExpm1, opLog, opLog1p               *Op
	opLog2, opLog10, opSqrt, opRsqrt, opRecip    *Op
	opSin, opCos, opTan, opAsin, opAcos, opAtan  *Op
	opSinh, opCosh, opAsinh, opAcosh, opAtanh    *Op
	opErf, opFloor, opCeil, opRound, opTruncated *Op
)

func init() {
	opAbs = unaryNumber("abs", cpu.Abs[float32], cpu.Abs[float64], func(x int64) int64 { return max(x, -x) },
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Sign()) })
	opSign = unaryNumber("sign", cpu.Sign[float32], cpu.Sign[float64], func(x int64) int64 { return min(max(x, -1), 1) }, flatSlope)

	opExp = unary("exp", cpu.Exp[float32], cpu.Exp[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(y) })
	opExpm1 = unary("expm1", cpu.Expm1[float32], cpu.Expm1[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(y.AddScalar(1)) })
	opLog = unary("log", cpu.Log[float32], cpu.Log[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(x) })
	opLog1p = unary("log1p", cpu.Log1p[float32], cpu.Log1p[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(x.AddScalar(1)) })
	opLog2 = unary("log2", cpu.Log2[float32], cpu.Log2[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(x.MulScalar(math.Ln2)) })
	opLog10 = unary("log10", cpu.Log10[float32], cpu.Log10[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(x.MulScalar(math.Ln10)) })

	opSqrt = unary("sqrt", cpu.Sqrt[float32], cpu.Sqrt[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(y.MulScalar(2)) })
	opRsqrt = unary("rsqrt", cpu.Rsqrt[float32], cpu.Rsqrt[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(y.PowScalar(3)).MulScalar(-0.5) })
	opRecip = unary("reciprocal", cpu.Reciprocal[float32], cpu.Reciprocal[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(y.Square()).Neg() })

	opSin = unary("sin", cpu.Sin[float32], cpu.Sin[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Cos()) })
	opCos = unary("cos", cpu.Cos[float32], cpu.Cos[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Sin()).Neg() })
	opTan = unary("tan", cpu.Tan[float32], cpu.Tan[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(y.Square().AddScalar(1)) })
	opAsin = unary("asin", cpu.Asin[float32], cpu.Asin[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(oneMinusSquare(x).Rsqrt()) })
	opAcos = unary("acos", cpu.Acos[float32], cpu.Acos[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(oneMinusSquare(x).Rsqrt()).Neg() })
	opAtan = unary("atan", cpu.Atan[float32], cpu.Atan[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(x.Square().AddScalar(1)) })

	opSinh = unary("sinh", cpu.Sinh[float32], cpu.Sinh[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Cosh()) })
	opCosh = unary("cosh", cpu.Cosh[float32], cpu.Cosh[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Sinh()) })
	opAsinh = unary("asinh", cpu.Asinh[float32], cpu.Asinh[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Square().AddScalar(1).Rsqrt()) })
	opAcosh = unary("acosh", cpu.Acosh[float32], cpu.Acosh[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Square().AddScalar(-1).Rsqrt()) })
	opAtanh = unary("atanh", cpu.Atanh[float32], cpu.Atanh[float64],
		func(x, y, g *Tensor) *Tensor { return g.Div(oneMinusSquare(x)) })

	opErf = unary("erf", cpu.Erf[float32], cpu.Erf[float64],
		func(x, y, g *Tensor) *Tensor { return g.Mul(x.Square().Neg().Exp()).MulScalar(2 / math.SqrtPi) })

	opFloor = unary("floor", cpu.Floor[float32], cpu.Floor[float64], flatSlope)
	opCeil = unary("ceil", cpu.Ceil[float32], cpu.Ceil[float64], flatSlope)
	opRound = unary("round", cpu.Round[float32], cpu.Round[float64], flatSlope)
	opTruncated = unary("trunc", cpu.Trunc[float32], cpu.Trunc[float64], flatSlope)
}

// flatSlope is the gradient of functions that are constant between jumps.
func flatSlope(x, y, g *Tensor) *Tensor { return g.ZerosLike() }

// oneMinusSquare returns 1 − x² as (1 − x)(1 + x), which keeps its digits near ±1.
func oneMinusSquare(x *Tensor) *Tensor { return x.Neg().AddScalar(1).Mul(x.AddScalar(1)) }

// Abs returns the absolute value of each element of x. The gradient at 0 is 0.
func (x *Tensor) Abs() *Tensor { return apply(opAbs, nil, x) }

// Sign returns −1, 0 or 1 for each element of x, and NaN for NaN. Its gradient is 0.
func (x *Tensor) Sign() *Tensor { return apply(opSign, nil, x) }

// Exp returns eˣ for each element of x.
func (x *Tensor) Exp() *Tensor { return apply(opExp, nil, x) }

// Expm1 returns eˣ − 1 for each element of x, accurate near 0.
func (x *Tensor) Expm1() *Tensor { return apply(opExpm1, nil, x) }

// Log returns the natural logarithm of each element of x: −Inf for 0, NaN for negative numbers.
func (x *Tensor) Log() *Tensor { return apply(opLog, nil, x) }

// Log1p returns log(1 + x) for each element of x, accurate near 0.
func (x *Tensor) Log1p() *Tensor { return apply(opLog1p, nil, x) }

// Log2 returns the logarithm to base 2 of each element of x.
func (x *Tensor) Log2() *Tensor { return apply(opLog2, nil, x) }

// Log10 returns the logarithm to base 10 of each element of x.
func (x *Tensor) Log10() *Tensor { return apply(opLog10, nil, x) }

// Sqrt returns the square root of each element of x, NaN for negative numbers.
func (x *Tensor) Sqrt() *Tensor { return apply(opSqrt, nil, x) }

// Rsqrt returns 1/√x for each element of x.
func (x *Tensor) Rsqrt() *Tensor { return apply(opRsqrt, nil, x) }

// Reciprocal returns 1/x for each element of x.
func (x *Tensor) Reciprocal() *Tensor { return apply(opRecip, nil, x) }

// Sin returns the sine of each element of x, in radians.
func (x *Tensor) Sin() *Tensor { return apply(opSin, nil, x) }

// Cos returns the cosine of each element of x, in radians.
func (x *Tensor) Cos() *Tensor { return apply(opCos, nil, x) }

// Tan returns the tangent of each element of x, in radians.
func (x *Tensor) Tan() *Tensor { return apply(opTan, nil, x) }

// Asin returns the arcsine of each element of x, in radians, NaN outside of [−1, 1].
func (x *Tensor) Asin() *Tensor { return apply(opAsin, nil, x) }

// Acos returns the arccosine of each element of x, in radians, NaN outside of [−1, 1].
func (x *Tensor) Acos() *Tensor { return apply(opAcos, nil, x) }

// Atan returns the arctangent of each element of x, in radians. See [Tensor.Atan2] for the angle of a point.
func (x *Tensor) Atan() *Tensor { return apply(opAtan, nil, x) }

// Sinh returns the hyperbolic sine of each element of x.
func (x *Tensor) Sinh() *Tensor { return apply(opSinh, nil, x) }

// Cosh returns the hyperbolic cosine of each element of x.
func (x *Tensor) Cosh() *Tensor { return apply(opCosh, nil, x) }

// Asinh returns the inverse hyperbolic sine of each element of x.
func (x *Tensor) Asinh() *Tensor { return apply(opAsinh, nil, x) }

// Acosh returns the inverse hyperbolic cosine of each element of x, NaN below 1.
func (x *Tensor) Acosh() *Tensor { return apply(opAcosh, nil, x) }

// Atanh returns the inverse hyperbolic tangent of each element of x, NaN outside of [−1, 1].
func (x *Tensor) Atanh() *Tensor { return apply(opAtanh, nil, x) }

// Erf returns the error function 2/√π · ∫₀ˣ exp(−t²) dt of each element of x.
func (x *Tensor) Erf() *Tensor { return apply(opErf, nil, x) }

// Floor rounds each element of x down. Its gradient is 0.
func (x *Tensor) Floor() *Tensor { return apply(opFloor, nil, x) }

// Ceil rounds each element of x up. Its gradient is 0.
func (x *Tensor) Ceil() *Tensor { return apply(opCeil, nil, x) }

// Round rounds each element of x to the nearest whole number, halves to the even one. Its gradient is 0.
func (x *Tensor) Round() *Tensor { return apply(opRound, nil, x) }

// Trunc rounds each element of x towards 0. Its gradient is 0.
func (x *Tensor) Trunc() *Tensor { return apply(opTruncated, nil, x) }
