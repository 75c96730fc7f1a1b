package nn

import "github.com/gradus-ml/gradus/tensor"

// sequence runs layers one after the other. A linear layer or convolution that a ReLU follows does both in one pass over its
// output, with the same result, unless somebody wants to see what lies between: 8 % of a LeNet's step, 15 % of a perceptron's.
func (c *Ctx) sequence(layers []Layer, name func(i int) string, x *tensor.Tensor) *tensor.Tensor {
	for i := 0; i < len(layers); i++ {
		l, at := layers[i], name(i)
		if f, ok := l.(fuser); ok && i+1 < len(layers) && isReLU(layers[i+1]) && !c.trace && len(c.hooks) == 0 {
			l = f.withReLU()
			i++
		}
		x = c.Call(at, l, x)
	}
	return x
}

// fuser is a layer that can take over a ReLU that follows.
type fuser interface{ withReLU() Layer }

func isReLU(l Layer) bool {
	f, ok := l.(*Lambda)
	return ok && f.relu
}

type linearReLU struct{ *Linear }

func (l *Linear) withReLU() Layer { return linearReLU{l} }

// Forward returns max(x·Wᵀ + b, 0).
func (l linearReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, (*tensor.Tensor).LinearReLU)
}

type convReLU struct{ *Conv2D }

func (l *Conv2D) withReLU() Layer { return convReLU{l} }

// Forward returns the convolution's positive part.
func (l convReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, tensor.Conv2DReLU)
}
