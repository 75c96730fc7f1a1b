package tensor_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// philoxWord returns word i of the Philox 4x32-10 stream of a draw, written from section 4 of the paper apart from the kernels.
func philoxWord(key, counter uint64, i int) uint32 {
	block := uint64(i / 4)
	c := [4]uint32{uint32(block), uint32(block >> 32), uint32(counter), uint32(counter >> 32)}
	k := [2]uint32{uint32(key), uint32(key >> 32)}
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c[i%4]
}

func init() {
	addRow("dropout", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range []struct {
				p     float64
				shape []int
			}{{0.5, []int{2, 3}}, {0.2, []int{7}}, {0.9, []int{2, 1, 4}}, {0.5, nil}, {0.5, []int{0}}, {1, []int{3}}, {0.3, []int{3, 7001}}} {
				out = append(out, sample{
					in:     []*Tensor{uniform(r, -1, 1, s.shape...)},
					call:   func(in []*Tensor) []*Tensor { return []*Tensor{Dropout(in[0], s.p, NewRNG(99))} },
					noGrad: len(s.shape) > 1 && s.shape[1] > 1000,
					want: func(in []nd) []nd {
						y := nd{in[0].shape, make([]float64, len(in[0].data))}
						for i, v := range in[0].data {
							if float64(philoxWord(99, 0, i)) >= s.p*(1<<32) {
								y.data[i] = v / (1 - s.p)
							}
						}
						return []nd{y}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected a probability in [0, 1], got 1.5; it is the share of elements that are dropped", func() { Dropout(Zeros(Float32, 2), 1.5, NewRNG(1)) }},
			{"the random number generator is nil; make one with tensor.NewRNG(seed)", func() { Dropout(Zeros(Float32, 2), 0.5, nil) }},
			{"expected a float tensor, got int64 (2)", func() { Dropout(Zeros(Int64, 2), 0.5, NewRNG(1)) }},
		},
	})
}

func TestRNGRepeatsFromState(t *testing.T) {
	r := NewRNG(5)
	r.Uint64()
	s := r.State()
	a := []*Tensor{r.Uniform(Float32, 0, 1, 9), r.Normal(Float64, 0, 1, 9), r.Bernoulli(Bool, 0.5, 9)}
	p, n := r.Perm(9), r.IntN(1000)
	if got := r.State().Counter - s.Counter; got != 5 {
		t.Errorf("five draws moved the counter by %d", got)
	}
	again := NewRNG(0)
	again.SetState(s)
	for i, b := range []*Tensor{again.Uniform(Float32, 0, 1, 9), again.Normal(Float64, 0, 1, 9), again.Bernoulli(Bool, 0.5, 9)} {
		if !slices.Equal(ToSlice[float64](a[i]), ToSlice[float64](b)) {
			t.Errorf("draw %d differs after SetState", i)
		}
	}
	if q := again.Perm(9); !slices.Equal(p, q) || again.IntN(1000) != n {
		t.Errorf("Perm or IntN differ after SetState")
	}
}

func TestSplitDependsOnNameAndKeyAlone(t *testing.T) {
	r := NewRNG(5)
	first := r.Split("fc1").Uint64()
	r.Uint64()
	if got := r.Split("fc1").Uint64(); got != first {
		t.Error("Split depends on the draws taken")
	}
	seen := map[uint64]string{NewRNG(5).Uint64(): "itself"}
	for _, s := range []struct {
		seed uint64
		path []string
	}{{5, []string{"fc1"}}, {5, []string{"fc2"}}, {6, []string{"fc1"}}, {5, []string{""}}, {5, []string{"fc", "1"}}, {5, []string{"1", "fc"}}, {5, []string{"\x00"}}, {5, []string{"\x00\x00"}}} {
		q := NewRNG(s.seed)
		for _, name := range s.path {
			q = q.Split(name)
		}
		if was, dup := seen[q.Uint64()]; dup {
			t.Errorf("%v gives the same numbers as %s", s.path, was)
		}
		q.SetState(RNGState{Key: q.State().Key})
		seen[q.Uint64()] = s.path[0]
	}
}

func TestUniformStaysInside(t *testing.T) {
	for _, d := range []DType{Float32, Float64} {
		v := ToSlice[float64](NewRNG(3).Uniform(d, 1, 1.0000002, 20000))
		if lo, hi := slices.Min(v), slices.Max(v); lo < 1 || hi >= float64(float32(1.0000002)) {
			t.Errorf("%s: numbers from %v to %v", d, lo, hi)
		}
	}
	v := ToSlice[float64](NewRNG(3).Uniform(Float32, -3, 5, 100000))
	mean, variance := moments(v)
	// The mean of 100,000 has standard deviation 8/√12/316 = 0.0073.
	if math.Abs(mean-1) > 0.03 || math.Abs(variance-64.0/12) > 0.1 {
		t.Errorf("uniform in [-3, 5): mean %v, variance %v", mean, variance)
	}
}

func TestNormalMoments(t *testing.T) {
	for _, d := range []DType{Float32, Float64, BFloat16} {
		x := NewRNG(4).Normal(d, 2, 3, 1000, 100)
		if x.DType() != d {
			t.Errorf("asked for %s, got %s", d, x.DType())
		}
		mean, variance := moments(ToSlice[float64](x))
		if math.Abs(mean-2) > 0.04 || math.Abs(variance-9) > 0.2 {
			t.Errorf("%s: mean %v, variance %v, want 2 and 9", d, mean, variance)
		}
	}
}

func moments(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, variance
}

func TestBernoulliShare(t *testing.T) {
	for _, p := range []float64{0, 0.25, 1} {
		v := ToSlice[float64](NewRNG(8).Bernoulli(Int64, p, 100000))
		mean, _ := moments(v)
		if math.Abs(mean-p) > 0.006 || p != 0.25 && slices.Min(v) != slices.Max(v) {
			t.Errorf("p = %v: mean %v", p, mean)
		}
	}
}

// Every order of three is to be equally likely: 1,000 of 6,000 each, standard deviation 29.
func TestPermIsUniform(t *testing.T) {
	count := map[[3]int]int{}
	r := NewRNG(1)
	for range 6000 {
		count[[3]int(r.Perm(3))]++
	}
	if len(count) != 6 {
		t.Fatalf("%d of 6 orders", len(count))
	}
	for p, n := range count {
		if n < 870 || n > 1130 {
			t.Errorf("%v came %d times of 6000", p, n)
		}
	}
	p := r.Perm(1000)
	slices.Sort(p)
	for i, v := range p {
		if i != v {
			t.Fatalf("Perm(1000) isn't a permutation")
		}
	}
}

func TestIntNCoversItsRange(t *testing.T) {
	r := NewRNG(2)
	var n [7]int
	for range 7000 {
		n[r.IntN(7)]++
	}
	for i, c := range n {
		if c < 850 || c > 1150 {
			t.Errorf("%d came %d times of 7000", i, c)
		}
	}
}

func TestRandomRejects(t *testing.T) {
	r := NewRNG(1)
	for _, bad := range []rejected{
		{"expected a float data type, got int64", func() { r.Uniform(Int64, 0, 1, 2) }},
		{"expected bounds with lo ≤ hi, got 2 and 1", func() { r.Uniform(Float32, 2, 1, 2) }},
		{"expected a standard deviation of 0 or more, got -1", func() { r.Normal(Float32, 0, -1, 2) }},
		{"sizes must not be negative", func() { r.Normal(Float32, 0, 1, -2) }},
		{"expected a probability in [0, 1], got NaN", func() { r.Bernoulli(Float32, math.NaN(), 2) }},
		{"IntN wants a positive bound, got 0", func() { r.IntN(0) }},
		{"Perm wants a size of 0 or more, got -1", func() { r.Perm(-1) }},
	} {
		checkRejected(t, bad)
	}
}
