package tensor

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// RNG is a source of random numbers: a key, which says what stream of numbers
// it gives, and a counter, which says how many draws were taken. A draw is a
// function of both (Philox 4x32-10; Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", 2011), so it is the same on every processor and with any number of threads,
// and one that is repeated needs no memory of its numbers: [Dropout] uses that.
//
// An RNG isn't for several goroutines at once: give each its own with [RNG.Split].
type RNG struct {
	key, counter uint64
}

// RNGState is what a checkpoint keeps of an [RNG].
type RNGState struct {
	Key     uint64 `json:"key"`     // which stream
	Counter uint64 `json:"counter"` // draws taken
}

// NewRNG returns the stream that belongs to seed, at its start.
func NewRNG(seed uint64) *RNG { return &RNG{key: seed} }

// Split returns the start of another stream, a function of r's key and name alone: it neither
// depends on nor changes how many draws r has taken. Different names give independent streams.
func (r *RNG) Split(name string) *RNG {
	// FNV-1a over the name, started from the scrambled key, scrambled again so that all bits depend on all.
	h := scramble(r.key + 0x9E3779B97F4A7C15)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001B3
	}
	return &RNG{key: scramble(h + uint64(len(name)))}
}

// scramble is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), a bijection.
func scramble(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// State returns where r stands.
func (r *RNG) State() RNGState { return RNGState{r.key, r.counter} }

// SetState puts r where another one stood.
func (r *RNG) SetState(s RNGState) { r.key, r.counter = s.Key, s.Counter }

// String shows key and counter.
func (r *RNG) String() string { return fmt.Sprintf("RNG(key %#x, %d draws)", r.key, r.counter) }

// draw returns the key and counter of the next draw.
func (r *RNG) draw(op string) (key, counter uint64) {
	if r == nil {
		Fail(op, "make one with tensor.NewRNG(seed)", "the random number generator is nil")
	}
	r.counter++
	return r.key, r.counter - 1
}

// Uint64 returns 64 random bits.
func (r *RNG) Uint64() uint64 {
	key, counter := r.draw("rng")
	var w [2]uint32
	cpu.FillBits(w[:], key, counter)
	return uint64(w[0])<<32 | uint64(w[1])
}

// Float64 returns a number uniform in [0, 1), a multiple of 2⁻⁵³.
func (r *RNG) Float64() float64 { return float64(r.Uint64()>>11) * (1.0 / (1 << 53)) }

// IntN returns a whole number in [0, n), each equally likely but for a bias below n/2⁶⁴. It panics if n < 1.
func (r *RNG) IntN(n int) int {
	if n < 1 {
		Fail("rng", "", "IntN wants a positive bound, got %d", n)
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Perm returns the numbers 0 to n−1 in random order (Fisher and Yates; one draw). It panics if n < 0.
func (r *RNG) Perm(n int) []int {
	if n < 0 {
		Fail("rng", "", "Perm wants a size of 0 or more, got %d", n)
	}
	key, counter := r.draw("rng")
	w := make([]uint32, 2*n)
	cpu.FillBits(w, key, counter)
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j, _ := bits.Mul64(uint64(w[2*i])<<32|uint64(w[2*i+1]), uint64(i+1))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// Uniform returns a tensor of numbers uniform in [lo, hi) (one draw): multiples of (hi−lo)·2⁻²⁴ above lo in float32, of
// (hi−lo)·2⁻⁵³ in float64, rounded; the half formats are rounded from float32 and may reach hi.
func (r *RNG) Uniform(d DType, lo, hi float64, shape ...int) *Tensor {
	if !(lo <= hi) || math.IsInf(hi-lo, 0) {
		Fail("uniform", "", "expected bounds with lo ≤ hi, got %g and %g", lo, hi)
	}
	t := newRandom("uniform", d, shape)
	key, counter := r.draw("uniform")
	if t.dtype == Float64 {
		uniformInto(flat[float64](t), lo, hi, math.Nextafter(hi, lo), key, counter)
	} else {
		below := math.Nextafter32(float32(hi), float32(lo))
		uniformInto(flat[float32](t), float32(lo), float32(hi), below, key, counter)
	}
	return t.To(d)
}

// uniformInto fills dst; where rounding would give hi itself, it takes the number below.
func uniformInto[T cpu.Float](dst []T, lo, hi, below T, key, counter uint64) {
	cpu.FillUniform(dst, key, counter)
	if lo == 0 && hi == 1 {
		return
	}
	cpu.Affine(dst, dst, hi-lo, lo)
	if lo < hi {
		for i, v := range dst {
			if v >= hi {
				dst[i] = below
			}
		}
	}
}

// Normal returns a tensor of normally distributed numbers (one draw), made of uniform ones of 32 bits in
// float32 (so that none is further than 6.8·std from mean) and 53 bits in float64 (8.7·std).
func (r *RNG) Normal(d DType, mean, std float64, shape ...int) *Tensor {
	if !(std >= 0) || math.IsInf(std, 0) {
		Fail("normal", "", "expected a standard deviation of 0 or more, got %g", std)
	}
	t := newRandom("normal", d, shape)
	key, counter := r.draw("normal")
	if t.dtype == Float64 {
		cpu.FillNormal(flat[float64](t), key, counter)
		cpu.Affine(flat[float64](t), flat[float64](t), std, mean)
	} else {
		cpu.FillNormal(flat[float32](t), key, counter)
		cpu.Affine(flat[float32](t), flat[float32](t), float32(std), float32(mean))
	}
	return t.To(d)
}

// Bernoulli returns a tensor of ones with probability p (rounded to a multiple of 2⁻³²) and zeros otherwise, of any data type (one draw).
func (r *RNG) Bernoulli(d DType, p float64, shape ...int) *Tensor {
	if !(p >= 0 && p <= 1) {
		Fail("bernoulli", "", "expected a probability in [0, 1], got %g", p)
	}
	checkShape("bernoulli", shape)
	key, counter := r.draw("bernoulli")
	w := make([]uint32, numel(shape))
	cpu.FillBits(w, key, counter)
	t := newTensor(Spec{Uint8, shape}, nil)
	threshold := uint64(math.Round(p * (1 << 32)))
	ones := flat[uint8](t)
	for i, v := range w {
		ones[i] = 0
		if uint64(v) < threshold {
			ones[i] = 1
		}
	}
	return t.To(d)
}

// newRandom returns a tensor to fill, float32 in place of the half formats.
func newRandom(op string, d DType, shape []int) *Tensor {
	checkShape(op, shape)
	if !d.IsFloat() {
		Fail(op, "draw floats and convert with To, or use IntN or Bernoulli", "expected a float data type, got %s", d)
	}
	if d.isHalf() {
		d = Float32
	}
	return newTensor(Spec{d, shape}, nil)
}
