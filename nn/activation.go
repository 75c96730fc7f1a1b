package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Activations are elementwise layers without parameters (but [PReLU]). Their formulas are those of the tensor methods of the same names.

func activation(name string, f func(x *tensor.Tensor) *tensor.Tensor) *Lambda {
	return NewLambda(name, f)
}

// ReLU returns max(x, 0).
func ReLU() *Lambda {
	l := activation("ReLU", (*tensor.Tensor).ReLU)
	l.relu = true
	return l
}

// Sigmoid returns 1/(1 + exp(−x)).
func Sigmoid() *Lambda { return activation("Sigmoid", (*tensor.Tensor).Sigmoid) }

// Tanh returns the hyperbolic tangent.
func Tanh() *Lambda { return activation("Tanh", (*tensor.Tensor).Tanh) }

// GELU returns x·Φ(x), with the exact error function (Hendrycks and Gimpel, 2016).
func GELU() *Lambda { return activation("GELU", (*tensor.Tensor).GELU) }

// GELUTanh returns GELU's approximation 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), which GPT-2 uses.
func GELUTanh() *Lambda { return activation("GELUTanh", (*tensor.Tensor).GELUTanh) }

// SiLU returns x·sigmoid(x), also known as swish.
func SiLU() *Lambda { return activation("SiLU", (*tensor.Tensor).SiLU) }

// Softplus returns log(1 + exp(x)).
func Softplus() *Lambda { return activation("Softplus", (*tensor.Tensor).Softplus) }

// LogSigmoid returns log(sigmoid(x)).
func LogSigmoid() *Lambda { return activation("LogSigmoid", (*tensor.Tensor).LogSigmoid) }

// Mish returns x·tanh(softplus(x)) (Misra, 2019).
func Mish() *Lambda {
	return activation("Mish", func(x *tensor.Tensor) *tensor.Tensor { return x.Mul(x.Softplus().Tanh()) })
}

// Softsign returns x/(1 + |x|).
func Softsign() *Lambda {
	return activation("Softsign", func(x *tensor.Tensor) *tensor.Tensor { return x.Div(x.Abs().AddScalar(1)) })
}

// LeakyReLU returns x where it is positive, else slope·x; PyTorch's default slope is 0.01.
func LeakyReLU(slope float64) *Lambda {
	return activation(fmt.Sprintf("LeakyReLU(%g)", slope), func(x *tensor.Tensor) *tensor.Tensor { return x.LeakyReLU(slope) })
}

// ELU returns x where it is positive, else alpha·(exp(x) − 1) (Clevert et al., 2016).
func ELU(alpha float64) *Lambda {
	return activation(fmt.Sprintf("ELU(%g)", alpha), func(x *tensor.Tensor) *tensor.Tensor { return x.ELU(alpha) })
}

// SELU returns scale·ELU(alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017).
func SELU() *Lambda {
	const alpha, scale = 1.6732632423543772, 1.0507009873554805
	return activation("SELU", func(x *tensor.Tensor) *tensor.Tensor { return x.ELU(alpha).MulScalar(scale) })
}

// HardSigmoid returns x/6 + 1/2 cut to [0, 1], as PyTorch defines it.
func HardSigmoid() *Lambda {
	return activation("HardSigmoid", hardSigmoid)
}

func hardSigmoid(x *tensor.Tensor) *tensor.Tensor {
	return x.MulScalar(1.0/6).AddScalar(0.5).Clamp(0, 1)
}

// HardSwish returns x·HardSigmoid(x) (Howard et al., 2019).
func HardSwish() *Lambda {
	return activation("HardSwish", func(x *tensor.Tensor) *tensor.Tensor { return x.Mul(hardSigmoid(x)) })
}

// ReLU6 returns x cut to [0, 6] (Howard et al., 2017).
func ReLU6() *Lambda {
	return activation("ReLU6", func(x *tensor.Tensor) *tensor.Tensor { return x.Clamp(0, 6) })
}

// HardTanh returns x cut to [lo, hi]; PyTorch's default is [−1, 1].
func HardTanh(lo, hi float64) *Lambda {
	return activation("HardTanh", func(x *tensor.Tensor) *tensor.Tensor { return x.Clamp(lo, hi) })
}

// Softmax returns exp(x) divided by its sum along axis.
func Softmax(axis int) *Lambda {
	return activation(fmt.Sprintf("Softmax(%d)", axis), func(x *tensor.Tensor) *tensor.Tensor { return x.Softmax(axis) })
}

// LogSoftmax returns the logarithm of the softmax along axis.
func LogSoftmax(axis int) *Lambda {
	return activation(fmt.Sprintf("LogSoftmax(%d)", axis), func(x *tensor.Tensor) *tensor.Tensor { return x.LogSoftmax(axis) })
}

// PReLU returns x where it is positive, else weight·x with a learnt weight: one, or one for each channel of axis 1 (He et al., 2015).
type PReLU struct {
	Weight *Param // (1) or (channels)
}

// NewPReLU returns the layer with the weight (or weights) at 0.25.
func NewPReLU(channels int) *PReLU { return &PReLU{NewParam(Constant(0.25), channels)} }

// Forward applies the activation to each element of x, of shape (N, C) or (N, C, …), or any shape if there is one slope.
func (p *PReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	w := c.Use(p.Weight)
	if n := p.Weight.shape[0]; n > 1 {
		if x.NDim() < 2 || x.Size(1) != n {
			tensor.Fail("prelu", "", "expected %d channels on axis 1, got shape %s", n, tensor.ShapeString(x.Shape()))
		}
		shape := []int{n}
		for range x.NDim() - 2 {
			shape = append(shape, 1)
		}
		w = w.Reshape(shape...)
	}
	return x.ReLU().Sub(w.Mul(x.Neg().ReLU()))
}

// Visit names the weight.
func (p *PReLU) Visit(v *Visitor) { v.Param("weight", p.Weight) }

// String describes the layer.
func (p *PReLU) String() string { return fmt.Sprintf("PReLU(%d)", p.Weight.shape[0]) }

// Maxout returns the largest of each group of k neighbouring features along axis 1 (Goodfellow et al., 2013): (N,
// C·k, …) becomes (N, C, …).
func Maxout(k int) *Lambda {
	return NewLambda(fmt.Sprintf("Maxout(%d)", k), func(x *tensor.Tensor) *tensor.Tensor {
		if k < 1 || x.NDim() < 2 || x.Size(1)%k != 0 {
			tensor.Fail("maxout", "", "axis 1 of %s can't be cut into groups of %d", tensor.ShapeString(x.Shape()), k)
		}
		shape := x.Shape()
		grouped := append([]int{shape[0], shape[1] / k, k}, shape[2:]...)
		return x.Reshape(grouped...).MaxAxes(false, 2)
	})
}
