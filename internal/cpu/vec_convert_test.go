package cpu

import (
	"math"
	"slices"
	"testing"
)

// Every binary16 value widens to its definition, and narrows back to itself.
func TestFloat16All(t *testing.T) {
	src := make([]uint16, 1<<16)
	for i := range src {
		src[i] = uint16(i)
	}
	eachISA(t, func(t *testing.T) {
		wide, back := make([]float32, len(src)), make([]uint16, len(src))
		Float16ToFloat32(wide, src)
		Float32ToFloat16(back, wide)
		for i, h := range src {
			exp, frac := int(h>>10)&31, float64(h&0x3ff)
			want := math.Ldexp(1+frac/1024, exp-15)
			switch {
			case exp == 0:
				want = math.Ldexp(frac, -24)
			case exp == 31 && frac == 0:
				want = math.Inf(1)
			case exp == 31:
				if v := wide[i]; v == v {
					t.Fatalf("%#04x is not NaN but %g", h, v)
				}
				if back[i] != h|0x200 {
					t.Fatalf("NaN %#04x came back as %#04x", h, back[i])
				}
				continue
			}
			if h>>15 == 1 {
				want = -want
			}
			if float64(wide[i]) != want || math.Signbit(float64(wide[i])) != (h>>15 == 1) {
				t.Fatalf("%#04x is %g, want %g", h, wide[i], want)
			}
			if back[i] != h {
				t.Fatalf("%#04x came back as %#04x", h, back[i])
			}
		}
	})
}

// Rounding to 16 bits, by the value halfway between neighbours: to even there,
// else to the nearer.
func TestNarrowRounding(t *testing.T) {
	above := func(v float32) float32 { return math.Nextafter32(v, float32(math.Inf(1))) }
	below := func(v float32) float32 { return math.Nextafter32(v, float32(math.Inf(-1))) }
	eachISA(t, func(t *testing.T) {
		var x []float32
		var want []uint16
		for h := uint16(0); h < 0x7c00; h++ { // up to the step from 65504 to infinity
			lo, hi := float64(float16ToFloat32(h)), float64(float16ToFloat32(h+1))
			if h+1 == 0x7c00 {
				hi = 65536
			}
			mid := float32((lo + hi) / 2)
			x = append(x, below(mid), mid, above(mid), -mid)
			want = append(want, h, h+h&1, h+1, 0x8000|(h+h&1))
		}
		x, want = append(x, 1e-30, -1e30, float32(math.Inf(1))), append(want, 0, 0xfc00, 0x7c00)
		got := make([]uint16, len(x))
		Float32ToFloat16(got, x)
		for i := range x {
			if got[i] != want[i] {
				t.Fatalf("float16 of %g is %#04x, want %#04x", x[i], got[i], want[i])
			}
		}
		x, want = x[:0], want[:0]
		for h := uint16(0); h < 0x7f80; h++ {
			mid := math.Float32frombits(uint32(h)<<16 | 0x8000)
			x = append(x, below(mid), mid, above(mid), -mid)
			want = append(want, h, h+h&1, h+1, 0x8000|(h+h&1))
		}
		x = append(x, math.Float32frombits(0x7f800001), float32(math.Inf(-1)), float32(math.NaN()))
		want = append(want, 0x7fc0, 0xff80, 0x7fc0)
		got = make([]uint16, len(x))
		Float32ToBFloat16(got, x)
		back := make([]float32, len(x))
		BFloat16ToFloat32(back, got)
		for i := range x {
			if got[i] != want[i] {
				t.Fatalf("bfloat16 of %g is %#04x, want %#04x", x[i], got[i], want[i])
			}
			if math.Float32bits(back[i]) != uint32(want[i])<<16 {
				t.Fatalf("bfloat16 %#04x is %g", want[i], back[i])
			}
		}
	})
}

func TestConvert(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, n := range vecSizes {
			x := vecSample(n, 7)
			wide := make([]float64, n)
			Convert(wide, x)
			dst, intact := vecGuarded(n, 1)
			for i, v := range x {
				if wide[i] != float64(v) && v == v {
					t.Fatalf("float64 of %g is %g", v, wide[i])
				}
				wide[i] *= 1 + 0x1p-25 // now it has to be rounded
			}
			Convert(dst, wide)
			for i, v := range wide {
				if dst[i] != float32(v) && v == v {
					t.Fatalf("float32 of %.17g is %g, want %g", v, dst[i], float32(v))
				}
			}
			if !intact() {
				t.Errorf("Convert wrote outside its %d elements", n)
			}
		}
	})
	ints := make([]int32, 3)
	Convert(ints, []float64{-1.9, 2.9, 7})
	if ints[0] != -1 || ints[1] != 2 || ints[2] != 7 {
		t.Errorf("int32 of -1.9, 2.9, 7 is %v", ints)
	}
}

func TestCompareAndSelect(t *testing.T) {
	nan := math.NaN()
	a, b := []float64{1, 2, nan, 3}, []float64{2, 2, nan, 1}
	check := func(name string, f func(dst []bool, a, b []float64), want ...bool) {
		t.Helper()
		got := make([]bool, 4)
		f(got, a, b)
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s(%g, %g) = %t", name, a[i], b[i], got[i])
			}
		}
	}
	check("Equal", Equal[float64], false, true, false, false)
	check("NotEqual", NotEqual[float64], true, false, true, true)
	check("Less", Less[float64], true, false, false, false)
	check("LessEqual", LessEqual[float64], true, true, false, false)
	eachISA(t, func(t *testing.T) {
		for _, n := range vecSizes {
			x, y := vecSample(n, 1), vecSample(n, 2)
			copy(y[n/2:], x[n/2:])
			ref := func(f func(a, b float32) bool) []bool {
				r := make([]bool, n)
				for i := range r {
					r[i] = f(x[i], y[i])
				}
				return r
			}
			less := ref(func(a, b float32) bool { return a < b })
			for _, c := range []struct {
				name string
				f    func(dst []bool, a, b []float32)
				want []bool
			}{
				{"Equal", Equal[float32], ref(func(a, b float32) bool { return a == b })},
				{"NotEqual", NotEqual[float32], ref(func(a, b float32) bool { return a != b })},
				{"Less", Less[float32], less},
				{"LessEqual", LessEqual[float32], ref(func(a, b float32) bool { return a <= b })},
			} {
				got := make([]bool, n+1)
				got[n] = true
				c.f(got[:n], x, y)
				if !slices.Equal(got[:n], c.want) || !got[n] {
					t.Fatalf("%s of %d is %t, want %t", c.name, n, got, c.want)
				}
			}
			picked, intact := vecGuarded(n, 1)
			Where(picked, less, x, y)
			for i, v := range picked {
				want := y[i]
				if less[i] {
					want = x[i]
				}
				if math.Float32bits(v) != math.Float32bits(want) {
					t.Fatalf("Where of %d: element %d is %g, want %g", n, i, v, want)
				}
			}
			if !intact() {
				t.Errorf("Where wrote outside its %d elements", n)
			}
		}
	})
	got := make([]string, 2)
	Where(got, []bool{true, false}, []string{"a", "b"}, []string{"c", "d"})
	if got[0] != "a" || got[1] != "d" {
		t.Errorf("Where = %v", got)
	}
	src, dst := []int{1, 2, 3, 4, 5}, make([]int, 3)
	for stride, want := range [][3]int{{1, 1, 1}, {1, 2, 3}, {1, 3, 5}} {
		CopyStrided(dst, src, 3, stride)
		if [3]int(dst) != want {
			t.Errorf("CopyStrided by %d = %v, want %v", stride, dst, want)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	const n = 1 << 14
	x, y, m := vecSample(n, 1), vecSample(n, 2), make([]bool, n)
	for name, f := range map[string]func(){
		"Less":  func() { Less(m, x, y) },
		"Where": func() { Where(x, m, x, y) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
		})
	}
}
