package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/par"
)

// Random numbers come from Philox 4x32-10 (Salmon et al., Parallel random
// numbers: as easy as 1, 2, 3, SC 2011), a function from a key and a counter
// to four 32-bit words. The key is the seed. Of the counter's 128 bits the
// upper 64 are the caller's, one value for each draw, so that draws never
// overlap; the lower 64 number the blocks of a draw. Hence any element can be
// computed alone, and neither threads nor vector width change a result.

// philox returns block number block of the draw.
func philox(key, counter, block uint64) [4]uint32 {
	c0, c1, c2, c3 := uint32(block), uint32(block>>32), uint32(counter), uint32(counter>>32)
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		p0, p1 := uint64(c0)*philoxM0, uint64(c2)*philoxM1
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0, k1 = k0+philoxW0, k1+philoxW1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// The multipliers and the steps of the key, from table 2 and section 4.3 of
// the paper.
const (
	philoxM0 = 0xD2511F53
	philoxM1 = 0xCD9E8D57
	philoxW0 = 0x9E3779B9
	philoxW1 = 0xBB67AE85
)

// rngChunk is how many elements of random numbers make one piece of work: a
// multiple of 4, so that pieces begin with a block.
const rngChunk = 8192

// FillBits sets dst to random bits: element i is word i%4 of block i/4.
func FillBits(dst []uint32, key, counter uint64) {
	if len(dst) <= rngChunk {
		fillBits(dst, key, counter, 0)
		return
	}
	par.For(len(dst), rngChunk, func(lo, hi int) { fillBits(dst[lo:hi], key, counter, uint64(lo/4)) })
}

// FillUniform sets dst to numbers uniform in [0, 1). In float32 element i is
// the upper 24 bits of word i%4 of block i/4; in float64 it is 53 bits of words
// 2(i%2) and 2(i%2)+1 of block i/2.
func FillUniform[T Float](dst []T, key, counter uint64) {
	if len(dst) <= rngChunk {
		fillUniform(dst, key, counter, 0)
		return
	}
	par.For(len(dst), rngChunk, func(lo, hi int) { fillUniform(dst[lo:hi], key, counter, lo) })
}

// FillNormal sets dst to standard normal numbers by the method of Box and
// Muller (1958). Elements 2k and 2k+1 are the cosine and sine of an angle times
// a radius: in float32 the radius is made of word 0 or 2, rounded to float32,
// and the angle of word 1 or 3 of block i/4; in float64 each is made of 53 bits,
// all words of block i/2. Other instruction sets may differ in the last bits.
func FillNormal[T Float](dst []T, key, counter uint64) {
	if len(dst) <= rngChunk {
		fillNormal(dst, key, counter, 0)
		return
	}
	par.For(len(dst), rngChunk, func(lo, hi int) { fillNormal(dst[lo:hi], key, counter, lo) })
}

// Dropout computes dst[i] = x[i]/(1-p) with probability 1-p and 0 otherwise
// (Srivastava et al., 2014), p in [0, 1]. The choice for element i depends on
// key, counter and i alone (word i%4 of block i/4), so that the gradient is
// Dropout of the gradient with the same key and counter. dst may be x.
func Dropout[T Float](dst, x []T, p float64, key, counter uint64) {
	threshold := uint64(math.Round(p * (1 << 32))) // words below it are dropped
	scale := T(1 / (1 - p))
	if threshold > math.MaxUint32 {
		clear(dst)
		return
	}
	if len(dst) <= rngChunk {
		dropout(dst, x, scale, uint32(threshold), key, counter, 0)
		return
	}
	par.For(len(dst), rngChunk, func(lo, hi int) {
		dropout(dst[lo:hi], x[lo:hi], scale, uint32(threshold), key, counter, uint64(lo/4))
	})
}

func fillBits(dst []uint32, key, counter, block uint64) {
	if fillBitsAsm(dst, key, counter, block) {
		return
	}
	for len(dst) >= 4 {
		w := philox(key, counter, block)
		copy(dst, w[:])
		dst = dst[4:]
		block++
	}
	if len(dst) > 0 {
		w := philox(key, counter, block)
		copy(dst, w[:])
	}
}

// fillUniform fills dst with the elements of the draw from number at, a
// multiple of 4.
func fillUniform[T Float](dst []T, key, counter uint64, at int) {
	if single[T]() {
		if fillUniformAsm(singles(dst), key, counter, uint64(at/4)) {
			return
		}
		for i := 0; i < len(dst); i += 4 {
			w := philox(key, counter, uint64(at+i)/4)
			for j := range min(4, len(dst)-i) {
				dst[i+j] = T(w[j]>>8) * (1.0 / (1 << 24))
			}
		}
		return
	}
	for i := 0; i < len(dst); i += 2 {
		w := philox(key, counter, uint64(at+i)/2)
		for j := range min(2, len(dst)-i) {
			dst[i+j] = T(bits53(w[2*j], w[2*j+1])) * (1.0 / (1 << 53))
		}
	}
}

func bits53(a, b uint32) uint64 { return uint64(a)<<21 ^ uint64(b)>>11 }

// fillNormal fills dst with the elements of the draw from number at, a
// multiple of 4. The number whose logarithm is taken is never 0.
func fillNormal[T Float](dst []T, key, counter uint64, at int) {
	if single[T]() && fillNormalAsm(singles(dst), key, counter, uint64(at/4)) {
		return
	}
	for i := 0; i < len(dst); {
		var u, v float64
		if single[T]() {
			w := philox(key, counter, uint64(at+i)/4)
			j := (at + i) % 4
			u, v = float64(float32(max(w[j], 1)))*(1.0/(1<<32)), float64(w[j+1])*(1.0/(1<<32))
		} else {
			w := philox(key, counter, uint64(at+i)/2)
			u, v = (float64(bits53(w[0], w[1]))+0.5)*(1.0/(1<<53)), (float64(bits53(w[2], w[3])))*(1.0/(1<<53))
		}
		r := math.Sqrt(-2 * math.Log(u))
		sin, cos := math.Sincos(2 * math.Pi * v)
		dst[i] = T(r * cos)
		if i+1 < len(dst) {
			dst[i+1] = T(r * sin)
		}
		i += 2
	}
}

func dropout[T Float](dst, x []T, scale T, threshold uint32, key, counter, block uint64) {
	if single[T]() && dropoutAsm(singles(dst), singles(x), float32(scale), threshold, key, counter, block) {
		return
	}
	x = x[:len(dst)]
	for i := 0; i < len(dst); i += 4 {
		w := philox(key, counter, block)
		block++
		for j := range min(4, len(dst)-i) {
			if w[j] >= threshold {
				dst[i+j] = x[i+j] * scale
			} else {
				dst[i+j] = 0
			}
		}
	}
}
