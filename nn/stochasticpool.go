package nn

import "github.com/gradus-ml/gradus/tensor"

// Stochastic returns stochastic pooling over (N, C, H, W): in training each window gives one of its elements, each drawn with a
// probability in proportion to its value; in evaluation it gives their mean with these probabilities, Σa²/Σa (Zeiler and Fergus,
// "Stochastic Pooling for Regularization of Deep Convolutional Neural Networks", 2013, equations 4 to 6). It stands behind a ReLU: elements
// below 0 are never drawn. A window without positive elements gives 0. Only Kernel and Stride may be set, for both axes or each.
func (p PoolConfig) Stochastic() *Lambda {
	axes := p.axes(2)
	if p.Pad != 0 || p.PadHW != [2]int{} || p.Dilation > 1 || p.Ceil {
		tensor.Fail("nn.PoolConfig.Stochastic", "", "stochastic pooling has neither padding nor dilation and doesn't round up, got %+v", p)
	}
	l := p.layer("StochasticPool2D", axes, nil)
	l.F = func(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
		if x.NDim() != 4 || axes[0].Out(x.Size(2)) < 1 || axes[1].Out(x.Size(3)) < 1 {
			tensor.Fail("stochastic pool", "", "expected images (N, C, H, W) of at least %d×%d, got %s", axes[0].Kernel, axes[1].Kernel, tensor.ShapeString(x.Shape()))
		}
		elements := unfold(x.ReLU(), axes)
		last := elements.Size(-1) - 1
		if !c.Training() {
			total := elements.SumAxes(false, -1)
			return elements.Square().SumAxes(false, -1).Div(total.MaskedFill(total.EqualScalar(0), 1))
		}
		// The first element at which the running sum of values exceeds a random part of their total.
		sums := elements.Detach().CumSum(-1)
		total := sums.Slice(-1, last, last+1, 1)
		part := c.RNG().Uniform(x.DType(), 0, 1, total.Shape()...).Mul(total)
		drawn := sums.LessEqual(part).To(tensor.Int64).SumAxes(true, -1)
		return elements.Gather(-1, drawn.Clamp(0, float64(last))).Squeeze(-1)
	}
	return l
}

// unfold returns the elements of each window of x (N, C, H, W) along a new last axis: (N, C, H', W', elements).
func unfold(x *tensor.Tensor, axes []Window) *tensor.Tensor {
	rows, cols := axes[0], axes[1]
	h, w := rows.Out(x.Size(2)), cols.Out(x.Size(3))
	var parts []*tensor.Tensor
	for i := range rows.Kernel {
		line := x.Slice(2, i, i+(h-1)*rows.Stride+1, rows.Stride)
		for j := range cols.Kernel {
			parts = append(parts, line.Slice(3, j, j+(w-1)*cols.Stride+1, cols.Stride))
		}
	}
	return tensor.Stack(4, parts...)
}
