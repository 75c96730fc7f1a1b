package plot

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

func TestTicksAreRoundNumbersShortlyWritten(t *testing.T) {
	for _, c := range []struct {
		axis axis
		want int
		text []string
	}{
		{axis{lo: 0, hi: 1}, 5, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{axis{lo: 0.05, hi: 1.02}, 5, []string{"0.2", "0.4", "0.6", "0.8", "1.0"}},
		{axis{lo: -3.1, hi: 3.1}, 6, []string{"-3", "-2", "-1", "0", "1", "2", "3"}},
		{axis{lo: 0, hi: 20000}, 5, []string{"0", "5000", "10000", "15000", "20000"}},
		{axis{lo: 0, hi: 2e6}, 5, []string{"0", "5e5", "1e6", "1.5e6", "2e6"}},
		{axis{lo: 9.9e5, hi: 1.01e6}, 3, []string{"990000", "995000", "1000000", "1005000", "1010000"}},
		{axis{lo: 0, hi: 1e-3}, 2, []string{"0", "0.0005", "0.0010"}},
		{axis{lo: -1e-6, hi: 1e-6}, 4, []string{"-1e-6", "-5e-7", "0", "5e-7", "1e-6"}},
		{axis{lo: 100000.1, hi: 100000.3}, 4, []string{"100000.10", "100000.15", "100000.20", "100000.25", "100000.30"}},
		{axis{lo: 1, hi: 3, integer: true}, 8, []string{"1", "2", "3"}},
		{axis{lo: 1e-7, hi: 1, log: true}, 8, []string{"1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1"}},
		{axis{lo: 1e-7, hi: 1, log: true}, 4, []string{"1e-6", "1e-4", "1e-2", "1"}},
		{axis{lo: 0.001, hi: 1000, log: true}, 9, []string{"0.001", "0.01", "0.1", "1", "10", "100", "1000"}},
		{axis{lo: 0.3, hi: 12, log: true}, 5, []string{"0.5", "1", "2", "5", "10"}},
		{axis{lo: 2.1, hi: 2.9, log: true}, 4, []string{"2.2", "2.4", "2.6", "2.8"}},
		{axis{lo: 0, hi: 1, root: true}, 5, []string{"0", "0.01", "0.05", "0.2", "0.5", "1"}},
	} {
		if _, text := c.axis.ticks(c.want); !slices.Equal(text, c.text) {
			t.Errorf("ticks of %+v, about %d:\n got %q\nwant %q", c.axis, c.want, text, c.text)
		}
	}
}

// Whatever the range, there are some ticks and not too many, they lie on the
// axis, and their labels differ and say where they are.
func TestTicksOfAnyRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		a := axis{log: r.IntN(4) == 0, integer: r.IntN(4) == 0}
		middle := math.Pow(10, r.Float64()*400-200)
		width := middle * math.Pow(10, r.Float64()*14-9)
		if a.lo, a.hi = middle-width, middle+width; a.log {
			a.lo, a.hi = middle, middle*(1+width/middle)
		}
		if a.integer {
			a.lo, a.hi = math.Trunc(math.Mod(a.lo, 1e6)), math.Trunc(math.Mod(a.hi, 1e6))
			if a.log {
				a.lo, a.hi = max(1, a.lo), max(1, a.hi)
			}
			a.lo, a.hi = min(a.lo, a.hi), max(a.lo, a.hi)
		}
		a = a.widen(0.05)
		want := 2 + r.IntN(10)
		values, labels := a.ticks(want)
		if len(values) < 1 || len(values) > 2*want+6 || len(labels) != len(values) {
			t.Fatalf("%+v: %d ticks, about %d wanted: %v", a, len(values), want, values)
		}
		for i, v := range values {
			at := a.at(v)
			if !(at > -1e-6 && at < 1+1e-6) {
				t.Fatalf("%+v: tick %v lies at %v, off the axis", a, v, at)
			}
			said, err := strconv.ParseFloat(labels[i], 64)
			if err != nil || math.Abs(a.at(said)-at) > 1e-3 && said != 0 {
				t.Fatalf("%+v: label %q stands at %v", a, labels[i], v)
			}
			if i > 0 && (labels[i] == labels[i-1] || v <= values[i-1]) {
				t.Fatalf("%+v: ticks %v, labels %q are not distinct", a, values, labels)
			}
		}
	}
}

func TestEqualValuesGetRoomAround(t *testing.T) {
	for _, v := range []float64{0, 1, -1, 1e-320, 5e-300, 1e300, -1e300, 123456789} {
		a := axis{lo: v, hi: v}.widen(0.05)
		if at := a.at(v); !(a.lo < v && v < a.hi) || math.Abs(at-0.5) > 1e-9 {
			t.Errorf("axis of the value %v alone is %v to %v, with the value at %v", v, a.lo, a.hi, at)
		}
	}
	if a := (axis{lo: 3, hi: 3, log: true}).widen(0.05); math.Abs(a.at(3)-0.5) > 1e-9 {
		t.Errorf("logarithmic axis of 3 alone is %v to %v", a.lo, a.hi)
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -0.5: "-0.5", 12.345: "12.3", 1234.5: "1234", 99999: "99999",
		123456: "1.23e5", 0.00012345: "1.23e-4", 0.001: "0.001", 999.9: "1000",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
