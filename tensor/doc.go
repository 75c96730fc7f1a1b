// Package tensor holds n-dimensional arrays, the operations on them, and
// automatic differentiation.
//
// A [Tensor] is a view of memory: data type, shape, strides. Operations are
// methods that return new tensors at once (eager execution), so a program can
// print and inspect any value. Operations on tensors that descend from one
// marked with [Tensor.RequireGrad] are recorded; [Tensor.Backward] then walks the record
// and leaves gradients in the marked tensors:
//
//	w := tensor.FromSlice([]float32{1, 2, 3}, 3).RequireGrad()
//	loss := w.Square().Sum()
//	loss.Backward()
//	fmt.Println(w.Grad()) // [2. 4. 6.]
//
// # How it is built
//
// Every operation is one [Op] value: its shape rule, its kernel, its gradient
// (written in operations again, so gradients of gradients come for free), and for
// fused operations the same thing in simpler ones. apply is the only door
// through which operations run. Nothing is global: whether an operation is
// recorded is a property of its inputs, randomness is an explicit [RNG], and
// short-lived memory belongs to a [Scope] that its values carry.
//
// # Mistakes
//
// Wrong shapes, axes and data types are mistakes in the program: they panic with
// an [*Error] that names the operation, the layer, what was expected and got, the
// caller's line and a way out. [Try] turns such a panic into an error.
package tensor
