//go:build amd64 && !noasm

package cpu

import "unsafe"

// philoxTable is what the assembly reads: the keys of the ten rounds, and the
// block that each 64-bit lane of its two sets of lanes works on.
type philoxTable struct {
	keys  [20]uint64
	lanes [16]uint64
}

// philoxGroup is how many elements the assembly makes at a time at most.
const philoxGroup = 64

func newPhiloxTable(key uint64) (t philoxTable) {
	k0, k1 := uint32(key), uint32(key>>32)
	for r := range 10 {
		t.keys[2*r], t.keys[2*r+1] = uint64(k0), uint64(k1)
		k0, k1 = k0+philoxW0, k1+philoxW1
	}
	if active == AVX512 {
		t.lanes = [16]uint64{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}
	} else {
		t.lanes = [16]uint64{0, 2, 1, 3, 4, 6, 5, 7}
	}
	return t
}

func fillBitsAsm(dst []uint32, key, counter, block uint64) bool {
	if active == Portable {
		return false
	}
	t := newPhiloxTable(key)
	whole := len(dst) &^ (philoxGroup - 1)
	if whole > 0 {
		fillBitsGroups(dst[:whole], &t, counter, block)
	}
	if rest := dst[whole:]; len(rest) > 0 {
		var last [philoxGroup]uint32
		fillBitsGroups(last[:], &t, counter, block+uint64(whole)/4)
		copy(rest, last[:])
	}
	return true
}

func fillBitsGroups(dst []uint32, t *philoxTable, counter, block uint64) {
	if active == AVX512 {
		fillBitsAVX512(&dst[0], len(dst), &t.keys[0], counter, block)
	} else {
		fillBitsAVX2(&dst[0], len(dst), &t.keys[0], counter, block)
	}
}

// fillNormalAsm turns random words into normal numbers where they lie.
func fillNormalAsm(dst []float32, key, counter, block uint64) bool {
	if active == Portable {
		return false
	}
	t := newPhiloxTable(key)
	whole := len(dst) &^ (philoxGroup - 1)
	if whole > 0 {
		fillNormalGroups(dst[:whole], &t, counter, block)
	}
	if rest := dst[whole:]; len(rest) > 0 {
		var last [philoxGroup]float32
		fillNormalGroups(last[:], &t, counter, block+uint64(whole)/4)
		copy(rest, last[:])
	}
	return true
}

func fillNormalGroups(dst []float32, t *philoxTable, counter, block uint64) {
	words := (*uint32)(unsafe.Pointer(&dst[0]))
	if active == AVX512 {
		fillBitsAVX512(words, len(dst), &t.keys[0], counter, block)
		boxMullerAVX512(&dst[0], len(dst))
	} else {
		fillBitsAVX2(words, len(dst), &t.keys[0], counter, block)
		boxMullerAVX2(&dst[0], len(dst))
	}
}

func fillUniformAsm(dst []float32, key, counter, block uint64) bool {
	if active == Portable {
		return false
	}
	t := newPhiloxTable(key)
	whole := len(dst) &^ (philoxGroup - 1)
	if whole > 0 {
		fillUniformGroups(dst[:whole], &t, counter, block)
	}
	if rest := dst[whole:]; len(rest) > 0 {
		var last [philoxGroup]float32
		fillUniformGroups(last[:], &t, counter, block+uint64(whole)/4)
		copy(rest, last[:])
	}
	return true
}

func fillUniformGroups(dst []float32, t *philoxTable, counter, block uint64) {
	if active == AVX512 {
		fillUniformAVX512(&dst[0], len(dst), &t.keys[0], counter, block)
	} else {
		fillUniformAVX2(&dst[0], len(dst), &t.keys[0], counter, block)
	}
}

func dropoutAsm(dst, x []float32, scale float32, threshold uint32, key, counter, block uint64) bool {
	if active == Portable {
		return false
	}
	t := newPhiloxTable(key)
	whole := len(dst) &^ (philoxGroup - 1)
	if whole > 0 {
		dropoutGroups(dst[:whole], x, &t, scale, threshold, counter, block)
	}
	if rest := dst[whole:]; len(rest) > 0 {
		var last [philoxGroup]float32
		copy(last[:], x[whole:])
		dropoutGroups(last[:], last[:], &t, scale, threshold, counter, block+uint64(whole)/4)
		copy(rest, last[:])
	}
	return true
}

func dropoutGroups(dst, x []float32, t *philoxTable, scale float32, threshold uint32, counter, block uint64) {
	if active == AVX512 {
		dropoutAVX512(&dst[0], &x[0], len(dst), &t.keys[0], counter, block, scale, threshold)
	} else {
		dropoutAVX2(&dst[0], &x[0], len(dst), &t.keys[0], counter, block, scale, threshold)
	}
}
