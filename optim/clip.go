package optim

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// gradients returns all gradients of o's parameters with elements T.
func gradients[T float32 | float64](o *Optimizer, write bool) [][]T {
	var out [][]T
	for _, g := range o.groups {
		for _, p := range g.Params {
			d := p.LendGrad()
			if d == nil || d.DType() != tensor.DTypeOf[T]() {
				continue
			}
			if !d.IsContiguous() {
				d = d.Contiguous()
				p.Value().SetGrad(d)
			}
			if write {
				out = append(out, tensor.MutableData[T](d))
			} else {
				out = append(out, tensor.Data[T](d))
			}
		}
	}
	return out
}

// GradNorm returns the Euclidean norm of all gradients of o's parameters taken together.
func GradNorm(o *Optimizer) float64 {
	sum := cpu.SumSquaresAll(gradients[float32](o, false)) + cpu.SumSquaresAll(gradients[float64](o, false))
	runtime.KeepAlive(o)
	return math.Sqrt(sum)
}

// ClipNorm scales all gradients by one factor so that [GradNorm] is at most limit (Pascanu et al., 2013), and returns the norm before.
// As in PyTorch, the factor is limit/(norm + 1e-6).
func ClipNorm(o *Optimizer, limit float64) float64 {
	if !(limit > 0) {
		tensor.Fail("optim.ClipNorm", "", "the limit must be positive, got %g", limit)
	}
	norm := GradNorm(o)
	if scale := limit / (norm + 1e-6); scale < 1 {
		ScaleGrad(o, scale)
	}
	return norm
}

// ScaleGrad multiplies all gradients of o's parameters by a factor.
func ScaleGrad(o *Optimizer, factor float64) {
	cpu.ScaleAll(gradients[float32](o, true), float32(factor))
	cpu.ScaleAll(gradients[float64](o, true), factor)
	runtime.KeepAlive(o)
}

// ClipValue cuts every element of every gradient to [−limit, limit].
func ClipValue(o *Optimizer, limit float64) {
	if !(limit > 0) {
		tensor.Fail("optim.ClipValue", "", "the limit must be positive, got %g", limit)
	}
	for _, g := range gradients[float32](o, true) {
		cpu.Clamp(g, g, float32(-limit), float32(limit))
	}
	for _, g := range gradients[float64](o, true) {
		cpu.Clamp(g, g, -limit, limit)
	}
	runtime.KeepAlive(o)
}
