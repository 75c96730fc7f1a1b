package cpu

// Act is an activation that a kernel applies to what it writes. (Matrix products
// use it too; whoever declares it elsewhere deletes this file.)
type Act int8

// The activations that kernels apply.
const (
	NoAct Act = iota
	ActReLU
)
