package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

var opDiv, opPow, opMaximum, opMinimum, opAtan2, opFmod *Op

func init() {
	opDiv = arithmetic("div", cpu.Div[float32], cpu.Div[float64], nil,
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			if c.Needs(0) {
				da = g.Div(b)
			}
			if c.Needs(1) {
				db = g.Mul(c.Out[0]).Div(b).Neg()
			}
			return da, db
		})
	opPow = arithmetic("pow", cpu.Pow[float32], cpu.Pow[float64], nil,
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			if c.Needs(0) {
				// a⁰ is 1 for all a, where the formula would say 0 · a⁻¹.
				da = g.Mul(b.Mul(a.Pow(b.AddScalar(-1)))).MaskedFill(b.EqualScalar(0), 0)
			}
			if c.Needs(1) {
				// 0ᵇ is 0 around any b > 0, where the formula would say 0 · log 0.
				db = g.Mul(c.Out[0].Mul(a.Log())).MaskedFill(a.EqualScalar(0).And(b.GreaterEqualScalar(0)), 0)
			}
			return da, db
		})
	opMaximum = arithmetic("maximum", cpu.Maximum[float32], cpu.Maximum[float64], func(a, b int64) int64 { return max(a, b) },
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) { return shareTies(c, g, a.Less(b), b.Less(a)) })
	opMinimum = arithmetic("minimum", cpu.Minimum[float32], cpu.Minimum[float64], func(a, b int64) int64 { return min(a, b) },
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) { return shareTies(c, g, b.Less(a), a.Less(b)) })
	opAtan2 = arithmetic("atan2", cpu.Atan2[float32], cpu.Atan2[float64], nil,
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			over := g.Div(a.Square().Add(b.Square()))
			if c.Needs(0) {
				da = over.Mul(b)
			}
			if c.Needs(1) {
				db = over.Mul(a).Neg()
			}
			return da, db
		})
	opFmod = arithmetic("fmod", cpu.Fmod[float32], cpu.Fmod[float64], nil,
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			if c.Needs(1) {
				db = g.Mul(a.Div(b).Trunc()).Neg()
			}
			return g, db
		})
}

// shareTies gives g to whichever of a and b was chosen, and half to each where they are equal.
func shareTies(c *Call, g, loseA, loseB *Tensor) (da, db *Tensor) {
	half := g.MulScalar(0.5)
	if c.Needs(0) {
		da = Where(loseB, g, half).MaskedFill(loseA, 0)
	}
	if c.Needs(1) {
		db = Where(loseA, g, half).MaskedFill(loseB, 0)
	}
	return da, db
}

// Div returns x / y, broadcast. Two integer tensors give Float32.
func (x *Tensor) Div(y *Tensor) *Tensor {
	x.alive("div")
	y.alive("div")
	if !promoted(x.dtype, y.dtype).IsFloat() {
		x, y = x.To(Float32), y.To(Float32)
	}
	return binary(opDiv, x, y)
}

// Pow returns x to the power y, broadcast, NaN for a negative number to a broken power.
func (x *Tensor) Pow(y *Tensor) *Tensor { return binary(opPow, x, y) }

// Maximum returns the greater of x and y, broadcast; NaN wins. Where they are equal each gets half the gradient.
func (x *Tensor) Maximum(y *Tensor) *Tensor { return binary(opMaximum, x, y) }

// Minimum returns the lesser of x and y, broadcast; NaN wins. Where they are equal each gets half the gradient.
func (x *Tensor) Minimum(y *Tensor) *Tensor { return binary(opMinimum, x, y) }

// Atan2 returns the angle of the point with ordinate y and abscissa x in radians, from −π to π, broadcast.
func (y *Tensor) Atan2(x *Tensor) *Tensor { return binary(opAtan2, y, x) }

// Fmod returns the remainder of x / y with the sign of x, as C's fmod, broadcast.
func (x *Tensor) Fmod(y *Tensor) *Tensor { return binary(opFmod, x, y) }
