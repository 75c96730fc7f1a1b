// Package gen holds the programs that write the assembly kernels of
// internal/cpu. It is a module of its own, so that users of Gradus never
// download the generator. Run `go generate ./internal/cpu` after a change and
// commit its output with it.
package gen
