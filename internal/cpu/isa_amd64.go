//go:build amd64 && !noasm

package cpu

import (
	"os"

	"golang.org/x/sys/cpu"
)

func detect() ISA {
	best := Portable
	if x := &cpu.X86; x.HasAVX2 && x.HasFMA {
		best = AVX2
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			best = AVX512
		}
	}
	want := os.Getenv("GRADUS_CPU")
	for i := Portable; i < best; i++ {
		if want == i.String() {
			return i
		}
	}
	return best
}
