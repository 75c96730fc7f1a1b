// Package gradcheck compares gradients with finite differences: for the
// operations of package tensor and for users' own functions and layers.
//
//	err := gradcheck.Check(func(x []*tensor.Tensor) *tensor.Tensor {
//		return x[0].MatMul(x[1]).Tanh()
//	}, gradcheck.Config{Order: 2}, a, b)
package gradcheck

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gradus-ml/gradus/tensor"
)

// Config says how strict the comparison is. The zero value asks for the first gradient at RTol 1e-6 and ATol 1e-8.
type Config struct {
	Order int     // 1 checks gradients (default), 2 gradients of gradients too
	RTol  float64 // relative tolerance, default 1e-6
	ATol  float64 // absolute tolerance, default 1e-8
	Step  float64 // distance between the points of the difference, default 1e-3
}

// Error is a derivative that differs from the finite difference.
type Error struct {
	Order          int   // 1 or 2
	Input          int   // with respect to which input
	At             []int // element of the input
	Output         int   // flat element of the result
	Got, Want      float64
	Failed, Number int // how many derivatives differ, of how many
}

// Error tells which derivative differs, and by how much.
func (e *Error) Error() string {
	return fmt.Sprintf("gradcheck: order %d: derivative of output element %d with respect to input %d at %v is %.12g, finite difference %.12g (%d of %d differ)",
		e.Order, e.Output, e.Input, e.At, e.Got, e.Want, e.Failed, e.Number)
}

// Check compares the whole Jacobian of f at xs with central differences of fourth order, (8(f(x+h) − f(x−h)) −
// (f(x+2h) − f(x−2h))) / 12h, whose error is about h⁴. The xs are of any shape; integer ones are passed
// through, float ones must be float64. Around xs, f must be smooth within ±2·Step. The
// first derivative found wrong is returned as an [*Error], nil if none is.
func Check(f func(xs []*tensor.Tensor) *tensor.Tensor, cfg Config, xs ...*tensor.Tensor) error {
	if cfg.RTol == 0 {
		cfg.RTol = 1e-6
	}
	if cfg.ATol == 0 {
		cfg.ATol = 1e-8
	}
	if cfg.Step == 0 {
		cfg.Step = 1e-3
	}
	for i, x := range xs {
		if x.DType().IsFloat() && x.DType() != tensor.Float64 {
			return fmt.Errorf("gradcheck: input %d is %s; finite differences need float64", i, x.DType())
		}
	}
	many := func(xs []*tensor.Tensor) []*tensor.Tensor { return []*tensor.Tensor{f(xs)} }
	if err := compare(many, cfg, 1, xs); err != nil {
		return err
	}
	if cfg.Order < 2 {
		return nil
	}
	// The gradient is a function of xs and of the gradient v of the result.
	return compare(gradients(f, len(xs)), cfg, 2, append(xs[:len(xs):len(xs)], arbitrary(f(xs).Shape())))
}

// gradients returns the function (x₁ … xₙ, v) → gradients of v·f(x₁ … xₙ) with respect to each float x.
func gradients(f func(xs []*tensor.Tensor) *tensor.Tensor, n int) func(xs []*tensor.Tensor) []*tensor.Tensor {
	return func(xs []*tensor.Tensor) []*tensor.Tensor {
		leaves, wanted := track(xs[:n])
		y := f(leaves)
		if !y.RequiresGrad() {
			return nil
		}
		gs := tensor.Grad(y, wanted, tensor.GradConfig{AllowUnused: true,
			BackwardConfig: tensor.BackwardConfig{Gradient: xs[n], CreateGraph: true}})
		for i, g := range gs {
			if g == nil {
				gs[i] = wanted[i].Detach().ZerosLike()
			}
		}
		return gs
	}
}

// arbitrary returns fixed numbers between 0.5 and 1.5.
func arbitrary(shape []int) *tensor.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, n)
	for i := range v {
		v[i] = 0.5 + r.Float64()
	}
	return tensor.FromSlice(v, n).Reshape(shape...)
}

// track returns xs with the float ones as leaves, and those leaves. A tensor that is tracked already is used as it is.
func track(xs []*tensor.Tensor) (all, floats []*tensor.Tensor) {
	for _, x := range xs {
		if x.DType().IsFloat() && !x.RequiresGrad() {
			x = x.Detach().RequireGrad()
		}
		all = append(all, x)
		if x.DType().IsFloat() {
			floats = append(floats, x)
		}
	}
	return all, floats
}

// compare checks every derivative of every output of f with respect to every float element of xs.
func compare(f func(xs []*tensor.Tensor) []*tensor.Tensor, cfg Config, order int, xs []*tensor.Tensor) error {
	leaves, floats := track(xs)
	got := jacobian(f(leaves), floats)
	var first *Error
	failed, number := 0, 0
	float := -1
	for i, x := range xs {
		if !x.DType().IsFloat() {
			continue
		}
		float++
		values := tensor.ToSlice[float64](x)
		shape := x.Shape()
		eval := func(e int, v float64) []float64 {
			was := values[e]
			values[e] = v
			moved := append([]*tensor.Tensor(nil), xs...)
			moved[i] = tensor.FromSlice(values, len(values)).Reshape(shape...)
			values[e] = was
			return values64(f(moved))
		}
		for e, v := range values {
			h := cfg.Step
			p1, m1, p2, m2 := eval(e, v+h), eval(e, v-h), eval(e, v+2*h), eval(e, v-2*h)
			for o := range p1 {
				want := (8*(p1[o]-m1[o]) - (p2[o] - m2[o])) / (12 * h)
				have := got[float][o][e]
				number++
				if d := math.Abs(have - want); !(d <= cfg.ATol+cfg.RTol*math.Abs(want)) {
					failed++
					if first == nil {
						first = &Error{Order: order, Input: i, At: unravel(e, shape), Output: o, Got: have, Want: want}
					}
				}
			}
		}
	}
	if first != nil {
		first.Failed, first.Number = failed, number
		return first
	}
	return nil
}

// jacobian returns the derivatives of all elements of ys, counted through, as [x][output][element of x].
func jacobian(ys, xs []*tensor.Tensor) [][][]float64 {
	out := make([][][]float64, len(xs))
	for _, y := range ys {
		n := y.NumEl()
		for o := range n {
			gs := make([]*tensor.Tensor, len(xs))
			if y.RequiresGrad() {
				e := make([]float64, n)
				e[o] = 1
				gs = tensor.Grad(y, xs, tensor.GradConfig{AllowUnused: true, BackwardConfig: tensor.BackwardConfig{
					Gradient: tensor.FromSlice(e, n).Reshape(y.Shape()...), Retain: true}})
			}
			for i, g := range gs {
				if g == nil {
					out[i] = append(out[i], make([]float64, xs[i].NumEl()))
				} else {
					out[i] = append(out[i], tensor.ToSlice[float64](g))
				}
			}
		}
	}
	return out
}

// values64 returns the elements of all ys.
func values64(ys []*tensor.Tensor) []float64 {
	var out []float64
	for _, y := range ys {
		out = append(out, tensor.ToSlice[float64](y)...)
	}
	return out
}

// unravel returns the index of flat element e in shape.
func unravel(e int, shape []int) []int {
	at := make([]int, len(shape))
	for a := len(shape) - 1; a >= 0; a-- {
		at[a] = e % shape[a]
		e /= shape[a]
	}
	return at
}
