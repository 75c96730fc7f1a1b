package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/gradus-ml/gradus/format"
)

// kind is an element type of NumPy's.
type kind struct {
	name  string // behind the sign of the byte order
	size  int
	dtype format.DType
	// widen converts unsigned integers to a signed type that holds them. It
	// returns the index of the first that doesn't fit, or −1.
	widen func([]byte) ([]byte, int)
}

var kinds = []kind{
	{"b1", 1, format.Bool, nil}, {"u1", 1, format.U8, nil}, {"i1", 1, format.I8, nil}, {"i2", 2, format.I16, nil},
	{"f2", 2, format.F16, nil}, {"i4", 4, format.I32, nil}, {"f4", 4, format.F32, nil}, {"f8", 8, format.F64, nil}, {"i8", 8, format.I64, nil},
	{"u2", 2, format.I32, func(b []byte) ([]byte, int) {
		out := make([]byte, 2*len(b))
		for i := 0; i < len(b); i += 2 {
			copy(out[2*i:], b[i:i+2])
		}
		return out, -1
	}},
	{"u4", 4, format.I64, func(b []byte) ([]byte, int) {
		out := make([]byte, 2*len(b))
		for i := 0; i < len(b); i += 4 {
			copy(out[2*i:], b[i:i+4])
		}
		return out, -1
	}},
	{"u8", 8, format.I64, func(b []byte) ([]byte, int) {
		for i := 0; i < len(b); i += 8 {
			if binary.LittleEndian.Uint64(b[i:]) > math.MaxInt64 {
				return b, i / 8
			}
		}
		return b, -1
	}},
}

// refusedKinds says what the letters mean that stand for types we don't read.
var refusedKinds = map[byte]string{
	'O': "Python objects, which only unpickling could read; save a numeric array (astype)",
	'V': "raw or structured records; save one array for each field",
	'S': "byte strings; save numbers", 'a': "byte strings; save numbers", 'U': "text; save numbers",
	'c': "complex numbers; save real and imaginary parts", 'M': "dates; save astype('int64')", 'm': "time spans; save astype('int64')",
}

// layout is what a header says.
type layout struct {
	kind    kind
	big     bool // big-endian
	fortran bool // column-major
	shape   []int
}

// header reads magic, version, length and text.
func (d *decoder) header() (*layout, error) {
	if d.size == 0 {
		return nil, d.fail(0, "a NumPy array", "an empty file")
	}
	var start [8]byte
	if err := d.read(start[:], "magic and version"); err != nil {
		if d.at == 0 && d.size < 0 && strings.Contains(err.Error(), "unexpected EOF") {
			return nil, d.fail(0, "a NumPy array", "an empty stream")
		}
		return nil, err
	}
	if string(start[:6]) != magic {
		got := format.Foreign(start[:])
		if got == "" {
			got = format.Quote(start[:6])
		}
		return nil, d.fail(0, fmt.Sprintf("NumPy's magic %q", magic), got)
	}
	var n int64
	major, minor := start[6], start[7]
	switch {
	case major == 1 && minor == 0:
		var b [2]byte
		if err := d.read(b[:], "header length"); err != nil {
			return nil, err
		}
		n = int64(binary.LittleEndian.Uint16(b[:]))
	case (major == 2 || major == 3) && minor == 0:
		var b [4]byte
		if err := d.read(b[:], "header length"); err != nil {
			return nil, err
		}
		n = int64(binary.LittleEndian.Uint32(b[:]))
	default:
		return nil, d.fail(6, "version 1.0, 2.0 or 3.0", fmt.Sprintf("%d.%d", major, minor))
	}
	if n > maxHeader {
		return nil, d.fail(8, fmt.Sprintf("a header of at most %d bytes", maxHeader), fmt.Sprint(n))
	}
	text := make([]byte, n)
	begin := d.at
	if err := d.read(text, "header"); err != nil {
		return nil, err
	}
	p := literal{text: text, d: d, begin: begin}
	return p.dict()
}

// literal parses the Python dict of a header, which has three keys and values
// of fixed types. Nothing is evaluated.
type literal struct {
	text  []byte
	at    int
	d     *decoder
	begin int64 // offset of text in the file
}

func (p *literal) expected(want string) error {
	got := "the end of the header"
	if p.at < len(p.text) {
		rest := p.text[p.at:]
		got = format.Quote(rest[:min(len(rest), 24)])
	}
	return p.d.fail(p.begin+int64(p.at), want, got)
}

func (p *literal) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take skips white space and then c, or reports false.
func (p *literal) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *literal) word(w string) bool {
	if strings.HasPrefix(string(p.text[p.at:]), w) {
		p.at += len(w)
		return true
	}
	return false
}

func (p *literal) str(what string) (string, error) {
	p.space()
	if p.at < len(p.text) {
		quote := p.text[p.at]
		if quote == '\'' || quote == '"' {
			for i := p.at + 1; i < len(p.text); i++ {
				c := p.text[i]
				if c == quote {
					s := string(p.text[p.at+1 : i])
					p.at = i + 1
					return s, nil
				}
				if c == '\\' || c < ' ' || c > '~' {
					break
				}
			}
		}
	}
	return "", p.expected(what + " in quotes")
}

func (p *literal) dict() (*layout, error) {
	l := &layout{}
	seen := map[string]bool{}
	if !p.take('{') {
		return nil, p.expected("a dict, as in {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }")
	}
	for !p.take('}') {
		if len(seen) > 0 {
			if !p.take(',') {
				return nil, p.expected("',' or '}' in the dict")
			}
			if p.take('}') {
				break
			}
		}
		p.space()
		at := p.at
		key, err := p.str("a key")
		if err != nil {
			return nil, err
		}
		if seen[key] {
			p.at = at
			return nil, p.expected("each key once")
		}
		seen[key] = true
		if !p.take(':') {
			return nil, p.expected("':' behind the key " + format.Quote(key))
		}
		switch key {
		case "descr":
			err = p.descr(l)
		case "fortran_order":
			p.space()
			if l.fortran = p.word("True"); !l.fortran && !p.word("False") {
				err = p.expected("True or False for fortran_order")
			}
		case "shape":
			err = p.shape(l)
		default:
			p.at = at
			err = p.expected("descr, fortran_order or shape as a key")
		}
		if err != nil {
			return nil, err
		}
	}
	p.space()
	if p.at < len(p.text) {
		return nil, p.expected("only spaces behind the dict")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return nil, p.d.fail(p.begin, "a key '"+key+"' in the dict", "none")
		}
	}
	return l, nil
}

// descr parses an element type, such as '<f4'.
func (p *literal) descr(l *layout) error {
	p.space()
	at := p.at
	if p.at < len(p.text) && p.text[p.at] == '[' {
		return p.expected("a simple element type such as '<f4' (" + refusedKinds['V'] + ")")
	}
	s, err := p.str("an element type")
	if err != nil {
		return err
	}
	p.at, at = at, p.at // errors point at the type
	const want = "one of the element types b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 behind < (little-endian), > or |"
	if len(s) < 2 {
		return p.expected(want)
	}
	if why, ok := refusedKinds[s[1]]; ok {
		return p.expected(want + " (this one means " + why + ")")
	}
	for _, k := range kinds {
		if s[1:] != k.name {
			continue
		}
		if strings.IndexByte("<>", s[0]) < 0 && !(s[0] == '|' && k.size == 1) {
			return p.expected("the byte order < or > in an element type")
		}
		l.kind, l.big, p.at = k, s[0] == '>', at
		return nil
	}
	return p.expected(want)
}

// shape parses a tuple of integers: (), (3,), (3, 4).
func (p *literal) shape(l *layout) error {
	if !p.take('(') {
		return p.expected("a tuple for shape")
	}
	l.shape = []int{}
	comma := true
	for !p.take(')') {
		if !comma {
			return p.expected("',' or ')' in shape")
		}
		p.space()
		start, n := p.at, 0
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			digit := int(p.text[p.at] - '0')
			if n > (math.MaxInt-digit)/10 {
				p.at = start
				return p.expected("dimensions below 2^63 in shape")
			}
			n = 10*n + digit
			p.at++
		}
		if p.at == start || p.at > start+1 && p.text[start] == '0' {
			p.at = start
			return p.expected("integers from 0 on in shape")
		}
		p.word("L") // Python 2 wrote long integers so
		if len(l.shape) == format.MaxRank {
			return p.expected(fmt.Sprintf("at most %d dimensions", format.MaxRank))
		}
		l.shape = append(l.shape, n)
		comma = p.take(',')
	}
	if len(l.shape) == 1 && !comma {
		p.at--
		return p.expected("',' behind the only dimension: (3,) is a tuple, (3) isn't")
	}
	return nil
}
