package plot

import (
	"math"
	"strconv"
	"strings"
)

// limit is the largest magnitude that is drawn; beyond it sums overflow.
const limit = 1e300

// drawable says whether v can be placed on an axis.
func drawable(v float64) bool { return math.Abs(v) <= limit } // false for NaN

// An axis maps values to [0, 1] along one side of a panel.
type axis struct {
	lo, hi  float64
	log     bool
	root    bool // places follow the square root: small values get more room
	integer bool // all values are whole: so are the ticks
}

// at returns v's place: 0 at lo, 1 at hi.
func (a axis) at(v float64) float64 {
	if a.log {
		return math.Log10(v/a.lo) / math.Log10(a.hi/a.lo)
	}
	t := (v/2 - a.lo/2) / (a.hi/2 - a.lo/2) // halves: hi-lo may overflow
	if a.root {
		return math.Sqrt(max(0, t))
	}
	return t
}

// shows says whether v has a place on the axis.
func (a axis) shows(v float64) bool { return drawable(v) && (!a.log || v > 0) }

// widen makes room around the values: the share margin of the range at both
// ends, and more where a range is too small to be divided.
func (a axis) widen(margin float64) axis {
	if a.log {
		grow := math.Pow(a.hi/a.lo, margin)
		if a.hi/a.lo < 1+1e-9 {
			grow = 2
		}
		a.lo, a.hi = max(a.lo/grow, 1e-300), min(a.hi*grow, limit)
		return a
	}
	grow := (a.hi - a.lo) * margin
	if size := max(math.Abs(a.lo), math.Abs(a.hi)); a.hi-a.lo <= 1e-12*size || a.hi-a.lo < 1e-300 {
		grow = size * 0.1
		if size < 1e-290 {
			grow = 1
		}
		if a.integer {
			grow = max(1, math.Ceil(grow))
		}
	}
	a.lo, a.hi = a.lo-grow, a.hi+grow
	return a
}

// ticks returns about want round values on the axis and how to write them.
func (a axis) ticks(want int) (values []float64, labels []string) {
	if a.log {
		if values = logTicks(a.lo, a.hi, want); len(values) >= 2 {
			return values, powerLabels(values)
		}
	}
	if a.root && a.lo == 0 {
		for _, share := range []float64{0, 0.01, 0.05, 0.2, 0.5, 1} {
			values = append(values, share*a.hi)
			labels = append(labels, number(share*a.hi))
		}
		return values, labels
	}
	values, step := linearTicks(a.lo, a.hi, want, a.integer)
	return values, tickLabels(values, step)
}

// linearTicks returns the multiples in [lo, hi] of a step, and the step: 1, 2 or
// 5 · 10ᵏ, whichever gives about want of them (Heckbert, "Nice Numbers for Graph
// Labels", Graphics Gems 1990).
func linearTicks(lo, hi float64, want int, integer bool) (values []float64, step float64) {
	want = max(1, want)
	rough := hi/float64(want) - lo/float64(want)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	switch m := rough / power; {
	case m < 1.5:
		step = power
	case m < 3.5:
		step = 2 * power
	case m < 7.5:
		step = 5 * power
	default:
		step = 10 * power
	}
	if integer {
		step = max(1, step)
	}
	slack := 1e-9 * step
	for i := math.Ceil((lo - slack) / step); i <= math.Floor((hi+slack)/step) && len(values) <= 2*want+2; i++ {
		values = append(values, i*step)
	}
	return values, step
}

// logTicks returns powers of ten in [lo, hi], every k-th if there are many, and
// 2 and 5 times them if there are few.
func logTicks(lo, hi float64, want int) (values []float64) {
	first, last := math.Ceil(math.Log10(lo)-1e-9), math.Floor(math.Log10(hi)+1e-9)
	if last-first >= 2 {
		every := math.Ceil((last - first + 1) / float64(max(2, want)))
		for k := math.Ceil(first/every) * every; k <= last; k += every {
			values = append(values, power10(k))
		}
		return values
	}
	for k := first - 1; k <= last; k++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * power10(k); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				values = append(values, v)
			}
		}
	}
	return values
}

// power10 returns 10ᵏ correctly rounded.
func power10(k float64) float64 {
	v, _ := strconv.ParseFloat("1e"+strconv.Itoa(int(k)), 64) // out of range: ±Inf or 0, both fine
	return v
}

// tickLabels writes multiples of step with as many digits as tell them apart,
// all as 0.002 or all as 2e-5: in the shorter of the two ways where numbers are
// large or small.
func tickLabels(values []float64, step float64) []string {
	place := int(math.Floor(math.Log10(step) + 1e-9)) // of the step's first digit
	largest, longest := 0.0, [2]int{}
	plain, powers := make([]string, len(values)), make([]string, len(values))
	for i, v := range values {
		if math.Abs(v) < step/2 {
			plain[i], powers[i] = "0", "0"
			continue
		}
		largest = max(largest, math.Abs(v))
		digits := int(math.Floor(math.Log10(math.Abs(v))+1e-9)) - place
		plain[i] = strconv.FormatFloat(v, 'f', max(0, -place), 64)
		powers[i] = exponent(strconv.FormatFloat(v, 'e', min(15, max(0, digits)), 64))
		longest = [2]int{max(longest[0], len(plain[i])), max(longest[1], len(powers[i]))}
	}
	if largest < 99999.5 && place >= -4 || longest[0] <= longest[1] {
		return plain
	}
	return powers
}

// powerLabels writes values of different magnitudes.
func powerLabels(values []float64) []string {
	decimal := values[0] > 0.99e-3 && values[len(values)-1] < 99999.5
	labels := make([]string, len(values))
	for i, v := range values {
		if decimal {
			labels[i] = strconv.FormatFloat(v, 'f', -1, 64)
		} else {
			labels[i] = exponent(strconv.FormatFloat(v, 'e', -1, 64))
		}
	}
	return labels
}

// exponent writes 1.50e-03 as 1.5e-3 and 2e+05 as 2e5.
func exponent(s string) string {
	mantissa, power, _ := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	k, _ := strconv.Atoi(power)
	if k == 0 {
		return mantissa
	}
	return mantissa + "e" + strconv.Itoa(k)
}

// number writes v shortly, to three significant digits.
func number(v float64) string {
	if v != 0 && (math.Abs(v) < 1e-3 || math.Abs(v) >= 99999.5) {
		return exponent(strconv.FormatFloat(v, 'e', 2, 64))
	}
	if math.Abs(v) >= 999.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
