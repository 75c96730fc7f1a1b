package cpu

import "math"

// Act is an activation that a kernel applies to what it writes.
type Act int8

// The activations that kernels apply.
const (
	NoAct   Act = iota
	ActReLU     // max(x, 0); NaN stays NaN
)

// floor returns what results are at least.
func (a Act) floor() float32 {
	if a == ActReLU {
		return 0
	}
	return float32(math.Inf(-1))
}
