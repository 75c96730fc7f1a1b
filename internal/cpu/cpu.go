// Package cpu holds the kernels: what runs when an op runs on the processor.
//
// A kernel works on slices of plain numbers and knows nothing of tensors,
// shapes are arguments, and memory for scratch comes from internal/mem. Each
// float32 kernel that matters has an assembly form for AVX-512 and one for
// AVX2, chosen once at start-up by [Active], and a portable twin in Go that
// also serves float64, other processors and the noasm build tag. The twin is
// the definition; tests hold the assembly to it.
package cpu

// Float is the set of element types that kernels compute in.
type Float interface{ float32 | float64 }

// ISA is an instruction set that kernels exist for.
type ISA int

// The instruction sets, slowest first.
const (
	Portable ISA = iota // plain Go
	AVX2                // AVX2 and FMA
	AVX512              // AVX-512 F, BW, DQ and VL
)

// String returns the name that GRADUS_CPU accepts.
func (i ISA) String() string { return [...]string{"portable", "avx2", "avx512"}[i] }

// active is fixed at start-up; tests change it to compare twins.
var active = detect()

// Active returns the instruction set in use: the best that the processor has,
// or a lower one named by the environment variable GRADUS_CPU.
func Active() ISA { return active }
