package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// The activation functions, with gradients in one pass each.

var (
	opSigmoid, opSigmoidGrad   *Op
	opReLU, opReLUGrad         *Op
	opGELU, opGELUGrad         *Op
	opGELUTanh, opGELUTanhGrad *Op
	opSiLU, opSiLUGrad         *Op
	opSoftplus, opSoftplusGrad *Op
	opLogSigmoid               *Op
)

func init() {
	opSigmoid = unary("sigmoid", cpu.Sigmoid[float32], cpu.Sigmoid[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opSigmoidGrad, nil, g, y) })
	opSigmoidGrad = fusedGrad("sigmoid_grad", cpu.SigmoidGrad[float32], cpu.SigmoidGrad[float64],
		func(g, y *Tensor) *Tensor { return g.Mul(y.Sub(y.Square())) })

	opReLU = unary("relu", cpu.ReLU[float32], cpu.ReLU[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opReLUGrad, nil, g, y) })
	opReLUGrad = fusedGrad("relu_grad", cpu.ReLUGrad[float32], cpu.ReLUGrad[float64],
		func(g, y *Tensor) *Tensor { return g.MaskedFill(y.LessEqualScalar(0), 0) })

	opGELU = unary("gelu", cpu.GELU[float32], cpu.GELU[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opGELUGrad, nil, g, x) })
	opGELUGrad = fusedGrad("gelu_grad", cpu.GELUGrad[float32], cpu.GELUGrad[float64],
		func(g, x *Tensor) *Tensor {
			cdf := x.MulScalar(1 / math.Sqrt2).Erf().AddScalar(1).MulScalar(0.5)
			density := x.Square().MulScalar(-0.5).Exp().MulScalar(1 / math.Sqrt(2*math.Pi))
			return g.Mul(cdf.Add(x.Mul(density)))
		})

	opGELUTanh = unary("gelu_tanh", cpu.GELUTanh[float32], cpu.GELUTanh[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opGELUTanhGrad, nil, g, x) })
	opGELUTanhGrad = fusedGrad("gelu_tanh_grad", cpu.GELUTanhGrad[float32], cpu.GELUTanhGrad[float64],
		func(g, x *Tensor) *Tensor {
			const a, b = 0.79788456080286535587989211986876, 0.044715 // a = √(2/π)
			square := x.Square()
			t := x.Mul(square.MulScalar(b).AddScalar(1)).MulScalar(a).Tanh()
			inner := square.MulScalar(3 * b).AddScalar(1).MulScalar(a)
			left := t.AddScalar(1)
			right := x.Mul(t.Square().Neg().AddScalar(1)).Mul(inner)
			return g.Mul(left.Add(right)).MulScalar(0.5)
		})

	opSiLU = unary("silu", cpu.SiLU[float32], cpu.SiLU[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opSiLUGrad, nil, g, x) })
	opSiLUGrad = fusedGrad("silu_grad", cpu.SiLUGrad[float32], cpu.SiLUGrad[float64],
		func(g, x *Tensor) *Tensor {
			s := x.Sigmoid()
			return g.Mul(s).Mul(x.Mul(s.Neg().AddScalar(1)).AddScalar(1))
		})

	opSoftplus = unary("softplus", cpu.Softplus[float32], cpu.Softplus[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opSoftplusGrad, nil, g, x) })
	opSoftplusGrad = fusedGrad("softplus_grad", cpu.SoftplusGrad[float32], cpu.SoftplusGrad[float64],
		func(g, x *Tensor) *Tensor { return g.Mul(x.Sigmoid()) })
	// log σ(x) = −softplus(−x)
	opLogSigmoid = unary("log_sigmoid", cpu.LogSigmoid[float32], cpu.LogSigmoid[float64],
		func(x, y, g *Tensor) *Tensor { return apply(opSoftplusGrad, nil, g, x.Neg()) })
}

// Sigmoid returns 1/(1 + e⁻ˣ) for each element of x.
func (x *Tensor) Sigmoid() *Tensor { return apply(opSigmoid, nil, x) }

// ReLU returns max(x, 0) for each element of x. The gradient at 0 is 0.
func (x *Tensor) ReLU() *Tensor { return apply(opReLU, nil, x) }

// GELU returns x·Φ(x) for each element of x, where Φ is the normal distribution function (Hendrycks and
// Gimpel, "Gaussian Error Linear Units", 2016), computed exactly.
func (x *Tensor) GELU() *Tensor { return apply(opGELU, nil, x) }

// GELUTanh returns the approximation of [Tensor.GELU] that the first transformers used,
// x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
func (x *Tensor) GELUTanh() *Tensor { return apply(opGELUTanh, nil, x) }

// SiLU returns x·sigmoid(x) for each element of x, also known as Swish.
func (x *Tensor) SiLU() *Tensor { return apply(opSiLU, nil, x) }

// Softplus returns log(1 + eˣ) for each element of x, without overflow.
func (x *Tensor) Softplus() *Tensor { return apply(opSoftplus, nil, x) }

// LogSigmoid returns log sigmoid(x) for each element of x, without overflow.
func (x *Tensor) LogSigmoid() *Tensor { return apply(opLogSigmoid, nil, x) }
