package cpu

import (
	"math"
	"testing"
)

// The known answers are those of the authors' Random123 library, file
// kat_vectors, lines "philox4x32 10".
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		key, counter, block uint64
		want                [4]uint32
	}{
		{0, 0, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{math.MaxUint64, math.MaxUint64, math.MaxUint64, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		// counter words 243f6a88 85a308d3 13198a2e 03707344, key words a4093822 299f31d0
		{0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.key, c.counter, c.block); got != c.want {
			t.Errorf("philox(%#x, %#x, %#x) = %#x, want %#x", c.key, c.counter, c.block, got, c.want)
		}
	}
}
