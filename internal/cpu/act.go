package cpu

// Act is an activation that a kernel applies to what it writes.
type Act int8

// The activations that kernels apply.
const (
	NoAct   Act = iota
	ActReLU     // max(x, 0); NaN stays NaN
)
