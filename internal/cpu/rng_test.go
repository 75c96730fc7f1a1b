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

// word returns word i%4 of block i/4, by which elements are defined.
func word(key, counter uint64, i int) uint32 { return philox(key, counter, uint64(i)/4)[i%4] }

func TestUniformAndDropoutPerElement(t *testing.T) {
	const key, counter = 0x0123456789abcdef, 0xfedcba9876543210
	withEachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 127, 128, 200, rngChunk - 1, rngChunk + 1, 3*rngChunk + 77} {
			u, check := guarded(t, n)
			FillUniform(u, key, counter)
			x, check2 := guarded(t, n)
			for i := range x {
				x[i] = float32(i) - 1.5
			}
			if n > 5 {
				x[5] = float32(math.Inf(1))
			}
			y, check3 := guarded(t, n)
			Dropout(y, x, 0.3, key, counter)
			wide := make([]float64, n)
			Dropout(wide, doubles(x), 0.3, key, counter)
			bits := make([]uint32, n)
			FillBits(bits, key, counter)
			for i := range n {
				w := word(key, counter, i)
				if want := float32(w>>8) / (1 << 24); u[i] != want {
					t.Fatalf("n %d: uniform %d is %v, want %v", n, i, u[i], want)
				}
				if bits[i] != w {
					t.Fatalf("n %d: bits %d are %x, want %x", n, i, bits[i], w)
				}
				var want float32
				if float64(w) >= 0.3*(1<<32) {
					want = x[i] * float32(1/0.7)
				}
				if y[i] != want || (wide[i] == 0) != (want == 0) {
					t.Fatalf("n %d: dropout %d is %v and %v, want %v", n, i, y[i], wide[i], want)
				}
			}
			Dropout(x, x, 0.3, key, counter)
			for i := range x {
				if x[i] != y[i] {
					t.Fatalf("n %d: dropout in place %d is %v, want %v", n, i, x[i], y[i])
				}
			}
			check()
			check2()
			check3()
		}
	})
}

func TestDropoutLimits(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		x, y := make([]float32, 100), make([]float32, 100)
		for i := range x {
			x[i] = float32(i + 1)
		}
		Dropout(y, x, 0, 1, 2)
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("Dropout with p 0 changed element %d", i)
			}
		}
		Dropout(y, x, 1, 1, 2)
		for i, v := range y {
			if v != 0 {
				t.Fatalf("Dropout with p 1 kept element %d", i)
			}
		}
	})
}

// Moments of the distributions, with bounds of five standard errors.
func TestDistributions(t *testing.T) {
	const n = 1 << 18
	x, y := make([]float32, n), make([]float64, n)
	check := func(what string, moment func(i int) float64, want, deviation float64) {
		var s float64
		for i := range n {
			s += moment(i)
		}
		if s /= n; math.Abs(s-want) > 5*deviation/math.Sqrt(n) {
			t.Errorf("%s is %v, want %v", what, s, want)
		}
	}
	FillUniform(x, 42, 1)
	FillUniform(y, 42, 2)
	check("mean of uniform float32", func(i int) float64 { return float64(x[i]) }, 0.5, math.Sqrt(1./12))
	check("mean square of uniform float32", func(i int) float64 { return float64(x[i]) * float64(x[i]) }, 1./3, math.Sqrt(1./5-1./9))
	check("mean of uniform float64", func(i int) float64 { return y[i] }, 0.5, math.Sqrt(1./12))
	check("product of neighbours", func(i int) float64 { return (y[i] - 0.5) * (y[(i+1)%n] - 0.5) }, 0, 1./12)
	FillNormal(x, 42, 1)
	FillNormal(y, 42, 2)
	for _, v := range []struct {
		what string
		at   func(i int) float64
	}{{"float32", func(i int) float64 { return float64(x[i]) }}, {"float64", func(i int) float64 { return y[i] }}} {
		check("mean of normal "+v.what, v.at, 0, 1)
		check("variance of normal "+v.what, func(i int) float64 { return v.at(i) * v.at(i) }, 1, math.Sqrt(2))
		check("third moment of normal "+v.what, func(i int) float64 { return math.Pow(v.at(i), 3) }, 0, math.Sqrt(15))
		check("fourth moment of normal "+v.what, func(i int) float64 { return math.Pow(v.at(i), 4) }, 3, math.Sqrt(96))
		check("product of neighbours of normal "+v.what, func(i int) float64 { return v.at(i) * v.at((i+1)%n) }, 0, 1)
	}
	Dropout(x, x, 0.25, 42, 3)
	check("share dropped", func(i int) float64 {
		if x[i] == 0 {
			return 1
		}
		return 0
	}, 0.25, math.Sqrt(0.25*0.75))
}

func TestRandomsSameForAnyThreads(t *testing.T) {
	const n = 5*rngChunk + 3
	sameForAnyThreads(t, "random numbers", func() []float32 {
		x := make([]float32, 2*n)
		FillNormal(x[:n], 5, 6)
		FillUniform(x[n:], 5, 7)
		Dropout(x[n:], x[n:], 0.5, 5, 8)
		return x
	})
	// A shorter draw is the beginning of a longer one.
	long, short := make([]float64, 101), make([]float64, 50)
	FillNormal(long, 1, 1)
	FillNormal(short, 1, 1)
	for i, v := range short {
		if v != long[i] {
			t.Fatalf("normal %d is %v in a short draw and %v in a long one", i, v, long[i])
		}
	}
}

func BenchmarkRandom(b *testing.B) {
	const n = 1 << 16
	x := make([]float32, n)
	b.Run("uniform", func(b *testing.B) {
		for b.Loop() {
			FillUniform(x, 1, 2)
		}
		perElement(b, n)
	})
	b.Run("normal", func(b *testing.B) {
		for b.Loop() {
			FillNormal(x, 1, 2)
		}
		perElement(b, n)
	})
	b.Run("dropout", func(b *testing.B) {
		for b.Loop() {
			Dropout(x, x, 0.5, 1, 2)
		}
		perElement(b, n)
	})
}

func TestNormalPerElement(t *testing.T) {
	const key, counter = 99, 100
	withEachISA(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 63, 64, 65, 97, 128, 2*rngChunk + 5} {
			z, check := guarded(t, n)
			FillNormal(z, key, counter)
			check()
			for i := range n {
				u := float64(float32(max(word(key, counter, i&^1), 1))) / (1 << 32)
				sin, cos := math.Sincos(2 * math.Pi * float64(word(key, counter, i|1)) / (1 << 32))
				want := math.Sqrt(-2*math.Log(u)) * cos
				if i%2 == 1 {
					want = math.Sqrt(-2*math.Log(u)) * sin
				}
				near(t, "normal", z[i:i+1], []float64{want}, 4*ulp, 4e-7)
			}
		}
	})
}
