package nn

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Initializer chooses the initial values of a parameter of the given data type and shape.
type Initializer func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor

// Zeros initialises with 0.
func Zeros(_ *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
	return tensor.Zeros(d, shape...)
}

// Ones initialises with 1.
func Ones(_ *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor { return tensor.Ones(d, shape...) }

// Constant initialises with v.
func Constant(v float64) Initializer {
	return func(_ *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor { return tensor.Full(d, v, shape...) }
}

// Uniform initialises with numbers spread evenly over [lo, hi).
func Uniform(lo, hi float64) Initializer {
	return func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor { return r.Uniform(d, lo, hi, shape...) }
}

// Normal initialises with normally distributed numbers.
func Normal(mean, std float64) Initializer {
	return func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		return r.Normal(d, mean, std, shape...)
	}
}

// fans returns how many inputs feed one output of a weight (out, in, kernel…), and how many outputs one input feeds.
func fans(shape []int) (in, out float64) {
	if len(shape) < 2 {
		n := 1
		for _, s := range shape {
			n *= s
		}
		return float64(n), float64(n)
	}
	kernel := 1
	for _, s := range shape[2:] {
		kernel *= s
	}
	return float64(shape[1] * kernel), float64(shape[0] * kernel)
}

// uniformStd draws uniformly with the standard deviation that std computes from the fans.
func uniformStd(std func(in, out float64) float64) Initializer {
	return func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		bound := math.Sqrt(3) * std(fans(shape))
		return r.Uniform(d, -bound, bound, shape...)
	}
}

func normalStd(std func(in, out float64) float64) Initializer {
	return func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		return r.Normal(d, 0, std(fans(shape)), shape...)
	}
}

func xavier(gain float64) func(in, out float64) float64 {
	return func(in, out float64) float64 { return gain * math.Sqrt(2/(in+out)) }
}

func he(gain float64) func(in, out float64) float64 {
	return func(in, _ float64) float64 { return gain / math.Sqrt(in) }
}

// XavierUniform initialises uniformly with variance gain²·2/(in + out) (Glorot and Bengio, 2010).
func XavierUniform(gain float64) Initializer { return uniformStd(xavier(gain)) }

// XavierNormal is XavierUniform with a normal distribution.
func XavierNormal(gain float64) Initializer { return normalStd(xavier(gain)) }

// HeUniform initialises uniformly with variance gain²/in; gain √2 suits ReLU (He et al., 2015, eq. 10).
func HeUniform(gain float64) Initializer { return uniformStd(he(gain)) }

// HeNormal is HeUniform with a normal distribution.
func HeNormal(gain float64) Initializer { return normalStd(he(gain)) }

// HeNormalFanOut initialises normally with variance gain²/out, which keeps the variance of gradients on their way back as [HeNormal] does
// that of activations on their way forward (He et al., 2015, eq. 14); PyTorch's kaiming_normal_ with mode "fan_out".
func HeNormalFanOut(gain float64) Initializer {
	return normalStd(func(_, out float64) float64 { return gain / math.Sqrt(out) })
}

// LeCunNormal initialises normally with variance 1/in (LeCun et al., "Efficient BackProp", 1998).
func LeCunNormal() Initializer { return normalStd(he(1)) }

// LeCunUniform is LeCunNormal with a uniform distribution.
func LeCunUniform() Initializer { return uniformStd(he(1)) }

// fanInUniform is PyTorch's default for linear and convolution layers: uniform in ±1/√in, for biases too, where in is
// the weight's.
func fanInUniform(in int) Initializer {
	bound := 1 / math.Sqrt(float64(max(in, 1)))
	return Uniform(-bound, bound)
}

// Orthogonal initialises with a matrix whose rows or columns, whichever are fewer, are orthonormal, times
// gain (Saxe et al., 2014). Axes after the first are flattened.
func Orthogonal(gain float64) Initializer {
	return func(r *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		if len(shape) < 2 {
			tensor.Fail("nn.Orthogonal", "", "needs a parameter of two or more axes, got shape %s", tensor.ShapeString(shape))
		}
		rows := shape[0]
		cols := 1
		for _, s := range shape[1:] {
			cols *= s
		}
		count, length := min(rows, cols), max(rows, cols)
		v := tensor.ToSlice[float64](r.Normal(tensor.Float64, 0, 1, count, length))
		orthonormalise(v, count, length)
		q := tensor.FromSlice(v, count, length)
		if rows > cols {
			q = q.Permute(1, 0)
		}
		return q.MulScalar(gain).Reshape(shape...).To(d)
	}
}

// orthonormalise makes the rows of v orthonormal by the Gram–Schmidt process, twice for accuracy.
func orthonormalise(v []float64, rows, n int) {
	for range 2 {
		for i := range rows {
			x := v[i*n : (i+1)*n]
			for j := range i {
				y := v[j*n : (j+1)*n]
				dot := 0.0
				for k := range x {
					dot += x[k] * y[k]
				}
				for k := range x {
					x[k] -= dot * y[k]
				}
			}
			norm := 0.0
			for _, e := range x {
				norm += e * e
			}
			norm = math.Sqrt(norm)
			for k := range x {
				x[k] /= norm
			}
		}
	}
}
