package tensor

import "slices"

// Jacobian returns the derivatives of y = f(x) with respect to x, of shape y.Shape() followed by x.Shape().
// It runs f once and walks the record once for each element of y.
func Jacobian(f func(x *Tensor) *Tensor, x *Tensor) *Tensor {
	leaf := x.Detach().RequireGrad()
	return jacobianOf(f(leaf), leaf)
}

func jacobianOf(y, leaf *Tensor) *Tensor {
	n := y.NumEl()
	out := Zeros(y.dtype, n, leaf.NumEl())
	if y.tracked() {
		for i := range n {
			e := Zeros(y.dtype, n)
			e.SetAt(1, i)
			cfg := GradConfig{AllowUnused: true, BackwardConfig: BackwardConfig{Gradient: e.Reshape(y.shape...), Retain: true}}
			if g := Grad(y, []*Tensor{leaf}, cfg)[0]; g != nil {
				copyInto(out.row(i), g.Reshape(-1))
			}
		}
	}
	return out.Reshape(append(y.Shape(), leaf.shape...)...)
}

// row returns a view of row i of a matrix.
func (t *Tensor) row(i int) *Tensor {
	v := t.alias()
	v.setShape(t.shape[1:])
	copy(v.strides, t.strides[1:])
	v.offset += i * t.strides[0]
	return v
}

// Hessian returns the second derivatives of the scalar f(x), of shape x.Shape() twice.
func Hessian(f func(x *Tensor) *Tensor, x *Tensor) *Tensor {
	leaf := x.Detach().RequireGrad()
	return jacobianOf(gradient(f, leaf), leaf)
}

// HVP returns the product of the Hessian of the scalar f at x with v, of x's shape, without forming the
// Hessian (Pearlmutter, "Fast exact multiplication by the Hessian", 1994). Like Jacobian and Hessian it returns values
// that aren't tracked; for derivatives of those use [Grad] with CreateGraph.
func HVP(f func(x *Tensor) *Tensor, x, v *Tensor) *Tensor {
	if !v.SameShape(x) {
		Fail("hvp", "", "v must have the shape of x, %s, got %s", x.shapeText(), v.shapeText())
	}
	leaf := x.Detach().RequireGrad()
	dot := gradient(f, leaf).Mul(v).Sum()
	if !dot.tracked() {
		return x.Detach().ZerosLike()
	}
	g := Grad(dot, []*Tensor{leaf}, GradConfig{AllowUnused: true})[0]
	if g == nil {
		return x.Detach().ZerosLike()
	}
	return g
}

// gradient returns the recorded gradient of the scalar f at leaf.
func gradient(f func(x *Tensor) *Tensor, leaf *Tensor) *Tensor {
	y := f(leaf)
	if !y.tracked() {
		return leaf.Detach().ZerosLike()
	}
	g := Grad(y, []*Tensor{leaf}, GradConfig{AllowUnused: true, BackwardConfig: BackwardConfig{CreateGraph: true}})[0]
	if g == nil {
		return leaf.Detach().ZerosLike()
	}
	return g
}

// Checkpoint returns f(xs…) without keeping what f computes on the way: when gradients are wanted, f runs again
// (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016). f must give the same result each time, and
// everything that needs gradients must be among xs; it panics if that isn't so. What f stores elsewhere must be copied with Keep.
func Checkpoint(f func(xs []*Tensor) *Tensor, xs ...*Tensor) *Tensor {
	return apply(opCheckpoint, f, slices.Clone(xs)...)
}

var opCheckpoint *Op

func init() {
	opCheckpoint = define(Op{
		Name:    "checkpoint",
		Storage: true, // f does its own rounding
		Decompose: func(c *Call) []*Tensor {
			return []*Tensor{c.Attrs.(func(xs []*Tensor) *Tensor)(c.In)}
		},
	})
}
