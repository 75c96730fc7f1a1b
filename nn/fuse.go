package nn

import (
	"strconv"

	"github.com/gradus-ml/gradus/tensor"
)

// Neighbours that one pass over memory can serve together do so without being asked: a linear layer or convolution and its ReLU; in
// training batch norm, the sum with a shortcut and ReLU; in evaluation a convolution, the batch norm behind it (see folded), the
// sum and ReLU. Where hooks or a trace look on, every layer runs alone.

// ending is what is to be done with a layer's result y: max(y + add, 0).
type ending struct {
	add  *tensor.Tensor // of y's shape, nil for nothing
	relu bool
}

// of applies the ending to y.
func (e ending) of(y *tensor.Tensor) *tensor.Tensor {
	if e.add != nil {
		y = y.Add(e.add)
	}
	if e.relu {
		y = y.ReLU()
	}
	return y
}

// fuser is a layer that can take over what follows it.
type fuser interface {
	// fuse returns a layer that does the ending too, nil if there is none for this ending in this run.
	fuse(c *Ctx, e ending) Layer
}

// watched reports whether somebody wants to see what lies between layers.
func (c *Ctx) watched() bool { return c.trace || len(c.hooks) > 0 }

// fuse returns l with the ending, nil if l can't.
func (c *Ctx) fuse(l Layer, e ending) Layer {
	if f, ok := l.(fuser); ok && !c.watched() {
		return f.fuse(c, e)
	}
	return nil
}

// Sum returns body(x) + shortcut, or with relu the positive part of it: what the units of residual networks do (He et al., 2016), in one
// pass where body ends in batch norm. shortcut has the shape of body's result, or is nil for nothing. Like body.Forward, Sum adds
// no name to the path.
func (c *Ctx) Sum(body Layer, x, shortcut *tensor.Tensor, relu bool) *tensor.Tensor {
	e := ending{shortcut, relu}
	if l := c.fuse(body, e); l != nil {
		return l.Forward(c, x)
	}
	return e.of(body.Forward(c, x))
}

// chain is layers that run one after the other, and an ending.
type chain struct {
	layers []Layer
	name   func(i int) string
	ending
}

// Forward runs the layers. A ReLU that the layer before it takes over isn't called.
func (s chain) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	for i := 0; i < len(s.layers); {
		l, at := s.layers[i], s.name(i)
		i++
		if i < len(s.layers) && !c.watched() {
			if f := fold(c, l, s.layers[i]); f != nil {
				l = f
				i++
			}
		}
		if i == len(s.layers) && s.ending != (ending{}) {
			if f := c.fuse(l, s.ending); f != nil {
				l, s.ending = f, ending{}
			}
		} else if i < len(s.layers) && isReLU(s.layers[i]) {
			if f := c.fuse(l, ending{relu: true}); f != nil {
				l = f
				i++
			}
		}
		x = c.Call(at, l, x)
	}
	return s.of(x)
}

// Visit names nothing: the layers belong to the container that runs them.
func (s chain) Visit(*Visitor) {}

func (s *Sequential) fuse(c *Ctx, e ending) Layer { return chain{s.Layers, strconv.Itoa, e} }

func (n *Named) fuse(c *Ctx, e ending) Layer { return chain{n.layers, n.name, e} }

func isReLU(l Layer) bool {
	f, ok := l.(*Lambda)
	return ok && f.relu
}

type linearReLU struct{ *Linear }

func (l *Linear) fuse(_ *Ctx, e ending) Layer {
	if e.add != nil {
		return nil
	}
	return linearReLU{l}
}

// Forward returns max(x·Wᵀ + b, 0).
func (l linearReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, (*tensor.Tensor).LinearReLU)
}

type convReLU struct{ *Conv2D }

func (l *Conv2D) fuse(_ *Ctx, e ending) Layer {
	if e.add != nil {
		return nil
	}
	return convReLU{l}
}

// Forward returns the convolution's positive part.
func (l convReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.apply(c, x, tensor.Conv2DReLU)
}

type normReLU struct {
	*BatchNorm
	add *tensor.Tensor
}

func (l *BatchNorm) fuse(c *Ctx, e ending) Layer {
	if !e.relu || l.Weight == nil || !l.trains(c) {
		return nil
	}
	return normReLU{l, e.add}
}

// Forward returns max(norm(x) + add, 0).
func (l normReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return l.train(c, x, func(gamma, beta *tensor.Tensor) (y, mean, variance *tensor.Tensor) {
		return tensor.BatchNormReLU(x, gamma, beta, l.add, l.cfg.Eps)
	})
}

type residualReLU struct{ *Residual }

func (r *Residual) fuse(_ *Ctx, e ending) Layer {
	if e.add != nil {
		return nil
	}
	return residualReLU{r}
}

// Forward returns the sum's positive part.
func (r residualReLU) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor { return r.sum(c, x, true) }
