package tensor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tensors print as NumPy prints arrays: columns aligned, as few digits as tell
// the values apart but at most eight behind the point, one exponent form for all when they differ much in
// size, and only the edges of large ones.

const (
	printLimit = 1000 // more elements are summarised
	printEdge  = 3    // to so many at each end of each axis
	printWidth = 75   // characters in a line
	printDigit = 8    // behind the point
)

// String returns the elements as NumPy writes them, followed by the data type if it isn't float32.
func (t *Tensor) String() string {
	if t == nil {
		return "<nil tensor>"
	}
	if t.buf.freed {
		return "<tensor " + t.spec().String() + ", memory released with its scope>"
	}
	p := printer{t: t, summary: t.NumEl() > printLimit}
	p.format()
	s := p.text()
	if t.dtype != Float32 {
		s += " " + t.dtype.String()
	}
	return s
}

type printer struct {
	t       *Tensor
	summary bool
	element func(v float64) string
}

func (p *printer) text() string {
	t := p.t
	if t.NumEl() == 0 {
		if len(t.shape) == 1 {
			return "[]"
		}
		return "[] shape " + t.shapeText()
	}
	if len(t.shape) == 0 {
		return scalarText(t.dtype, t.at(0), t)
	}
	return p.nested(0, 0, " ", printWidth)
}

// shown lists the indices along an axis of size n that are printed; −1 stands for the gap.
func (p *printer) shown(n int) []int {
	var out []int
	for i := range n {
		switch {
		case !p.summary || n <= 2*printEdge || i < printEdge || i >= n-printEdge:
			out = append(out, i)
		case i == printEdge:
			out = append(out, -1)
		}
	}
	return out
}

// nested returns the text of the part at place pos from axis on. indent is what lines begin with, width how long they may get.
func (p *printer) nested(axis, pos int, indent string, width int) string {
	t := p.t
	rest := len(t.shape) - axis
	var b strings.Builder
	if rest == 1 {
		line := indent
		for k, i := range p.shown(t.shape[axis]) {
			word := "..."
			if i >= 0 {
				word = p.element(t.at(pos + i*t.strides[axis]))
			}
			if len(line)+len(word) > width-1 && len(line) > len(indent) {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = indent
			}
			line += word
			if k < len(p.shown(t.shape[axis]))-1 {
				line += " "
			}
		}
		b.WriteString(line)
	} else {
		list := p.shown(t.shape[axis])
		for k, i := range list {
			b.WriteString(indent)
			if i < 0 {
				b.WriteString("...")
			} else {
				b.WriteString(p.nested(axis+1, pos+i*t.strides[axis], indent+" ", width-1))
			}
			if k < len(list)-1 {
				b.WriteString(strings.Repeat("\n", rest-1))
			}
		}
	}
	return "[" + b.String()[len(indent):] + "]"
}

// values returns the elements that are printed.
func (p *printer) values() []float64 {
	t := p.t
	var out []float64
	var walk func(axis, pos int)
	walk = func(axis, pos int) {
		if axis == len(t.shape) {
			out = append(out, t.at(pos))
			return
		}
		for _, i := range p.shown(t.shape[axis]) {
			if i >= 0 {
				walk(axis+1, pos+i*t.strides[axis])
			}
		}
	}
	walk(0, 0)
	return out
}

// format chooses how elements are written.
func (p *printer) format() {
	t := p.t
	if t.NumEl() == 0 {
		return
	}
	switch {
	case t.dtype.IsFloat():
		p.formatFloats(p.values())
	case t.dtype == Bool:
		p.element = func(v float64) string {
			if v != 0 {
				return " true"
			}
			return "false"
		}
	default:
		width := 0
		for _, v := range p.values() {
			width = max(width, len(strconv.FormatFloat(v, 'f', 0, 64)))
		}
		p.element = func(v float64) string { return fmt.Sprintf("%*.0f", width, v) }
	}
}

// formatFloats follows NumPy's FloatingFormat (numpy/_core/arrayprint.py documents the rules) with floatmode "maxprec".
func (p *printer) formatFloats(values []float64) {
	d := p.t.dtype
	low, high := math.Inf(1), 0.0
	special := 0 // width of what isn't finite
	finite := values[:0:0]
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			special = max(special, 3)
		case math.IsInf(v, 0):
			special = max(special, 3)
			if v < 0 {
				special = 4
			}
		default:
			finite = append(finite, v)
			if v != 0 {
				low, high = min(low, math.Abs(v)), max(high, math.Abs(v))
			}
		}
	}
	form := byte('f')
	if high > 0 && (high >= 1e8 || low < inPrecision(d, 0.0001) || inPrecision(d, high/low) > 1000) {
		form = 'e'
	}
	left, right, exponent := 0, 0, 0
	for _, v := range finite {
		whole, frac, exp := cutNumber(digits(d, v, form, printDigit))
		left, right, exponent = max(left, len(whole)), max(right, len(frac)), max(exponent, len(exp))
	}
	width := left + 1 + right + exponent
	if len(finite) == 0 {
		width = 0
	}
	width = max(width, special)
	left = max(left, width-1-right-exponent)
	p.element = func(v float64) string {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprintf("%*s", width, infText(v))
		}
		if form == 'e' {
			mantissa, exp, _ := strings.Cut(strconv.FormatFloat(v, form, right, 64), "e")
			if right == 0 {
				mantissa += "."
			}
			return fmt.Sprintf("%*s", left+1+right, mantissa) + "e" + exp[:1] + strings.Repeat("0", exponent-1-len(exp)) + exp[1:]
		}
		whole, frac, _ := cutNumber(digits(d, v, form, printDigit))
		return fmt.Sprintf("%*s.%s", left, whole, frac) + strings.Repeat(" ", right-len(frac))
	}
}

func infText(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case v < 0:
		return "-inf"
	}
	return "inf"
}

// inPrecision rounds v to d's precision.
func inPrecision(d DType, v float64) float64 {
	if d == Float64 {
		return v
	}
	return float64(float32(v))
}

// cutNumber splits "-12.5e+03" into "-12", "5" and "e+03".
func cutNumber(s string) (whole, frac, exp string) {
	if i := strings.IndexByte(s, 'e'); i >= 0 {
		s, exp = s[:i], s[i:]
	}
	whole, frac, _ = strings.Cut(s, ".")
	return whole, strings.TrimRight(frac, "0"), exp
}

// digits writes v with as few digits as tell it from its neighbours of type d, at most most behind the point.
func digits(d DType, v float64, form byte, most int) string {
	s := shortest(d, v, form)
	if _, frac, _ := cutNumber(s); len(frac) > most {
		return strconv.FormatFloat(v, form, most, 64)
	}
	return s
}

func shortest(d DType, v float64, form byte) string {
	switch d {
	case Float64:
		return strconv.FormatFloat(v, form, -1, 64)
	case Float32:
		return strconv.FormatFloat(v, form, -1, 32)
	}
	// The shortest number that rounds to the same 16 bits.
	want, got := make([]uint16, 1), make([]uint16, 1)
	floatToHalf(d, want, []float32{float32(v)})
	for n := 0; n < 8; n++ {
		s := strconv.FormatFloat(v, 'e', n, 64)
		back, _ := strconv.ParseFloat(s, 64)
		floatToHalf(d, got, []float32{float32(back)})
		if got[0] == want[0] {
			return strconv.FormatFloat(back, form, -1, 64)
		}
	}
	return strconv.FormatFloat(v, form, -1, 32)
}

// scalarText writes one number as NumPy writes scalars: 1.0, 1e-05, 12.
func scalarText(d DType, v float64, t *Tensor) string {
	switch {
	case d == Bool:
		return strconv.FormatBool(v != 0)
	case !d.IsFloat():
		return strconv.FormatInt(ToSlice[int64](t)[0], 10)
	case math.IsNaN(v) || math.IsInf(v, 0):
		return infText(v)
	case v != 0 && (math.Abs(v) < 1e-4 || math.Abs(v) >= 1e16):
		return shortest(d, v, 'e')
	}
	s := shortest(d, v, 'f')
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
