package safetensors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
)

// header parses the JSON of a safetensors header. It takes exactly the grammar
// of the format, which has no recursion: deep nesting is refused where it
// begins. encoding/json would let duplicate keys, bad UTF-8 and fractions pass.
type header struct {
	path     string
	text     []byte
	at       int // index into text
	tensors  []Info
	index    map[string]int
	metadata map[string]string
}

// fail reports that text[at:] isn't what it should be. offset counts from the
// start of the file.
func (h *header) fail(offset int64, want, got string) error {
	return h.failWith(offset, want, got, "", nil)
}

func (h *header) failWith(offset int64, want, got, hint string, err error) error {
	return &format.Error{Op: readOp, Path: h.path, Offset: offset, Want: want, Got: got, Hint: hint, Err: err}
}

// expected reports that what stands at h.at isn't want.
func (h *header) expected(want string) error {
	got := "the end of the header"
	if h.at < len(h.text) {
		rest := h.text[h.at:]
		got = format.Quote(rest[:min(len(rest), 16)])
	}
	return h.fail(8+int64(h.at), want, got)
}

func (h *header) space() {
	for h.at < len(h.text) {
		switch h.text[h.at] {
		case ' ', '\t', '\r', '\n':
			h.at++
		default:
			return
		}
	}
}

// take skips white space and then c, or reports false and stays.
func (h *header) take(c byte) bool {
	h.space()
	if h.at < len(h.text) && h.text[h.at] == c {
		h.at++
		return true
	}
	return false
}

// object parses {"key": value, …}; the callback parses each value.
func (h *header) object(what string, value func(key string, at int) error) error {
	if !h.take('{') {
		return h.expected("'{', the begin of " + what)
	}
	if h.take('}') {
		return nil
	}
	for {
		h.space()
		at := h.at
		key, err := h.str("a key in " + what)
		if err != nil {
			return err
		}
		if !h.take(':') {
			return h.expected("':' behind the key " + format.Quote(key))
		}
		if err := value(key, at); err != nil {
			return err
		}
		if h.take('}') {
			return nil
		}
		if !h.take(',') {
			return h.expected("',' or '}' in " + what)
		}
	}
}

// str parses a string.
func (h *header) str(what string) (string, error) {
	if !h.take('"') {
		return "", h.expected(what + " in quotes")
	}
	start, escaped := h.at, false
	for h.at < len(h.text) {
		c := h.text[h.at]
		switch {
		case c == '"':
			raw := h.text[start:h.at]
			h.at++
			if !escaped {
				return intern(raw), nil
			}
			var s string
			if err := json.Unmarshal(h.text[start-1:h.at], &s); err != nil {
				return "", h.fail(8+int64(start), "a JSON string", format.Quote(raw))
			}
			return s, nil
		case c == '\\':
			escaped = true
			h.at += 2
		case c < ' ':
			return "", h.expected("no control character in a string")
		default:
			h.at++
		}
	}
	h.at = start - 1
	return "", h.expected(what + " with a closing quote")
}

// words are the strings that come with every tensor.
var words = []string{"dtype", "shape", "data_offsets", "F32", "F16", "BF16", "I64"}

// intern returns string(raw), without an allocation for words.
func intern(raw []byte) string {
	for _, w := range words {
		if string(raw) == w {
			return w
		}
	}
	return string(raw)
}

// ints parses [1, 2, …] with at most most numbers.
func (h *header) ints(what string, most int) ([]int, error) {
	if !h.take('[') {
		return nil, h.expected("'[', the begin of " + what)
	}
	list := []int{}
	if h.take(']') {
		return list, nil
	}
	for {
		n, err := h.integer(what)
		if err != nil {
			return nil, err
		}
		if len(list) == most {
			return nil, h.expected(fmt.Sprintf("at most %d numbers in %s", most, what))
		}
		list = append(list, n)
		if h.take(']') {
			return list, nil
		}
		if !h.take(',') {
			return nil, h.expected("',' or ']' in " + what)
		}
	}
}

// integer parses a non-negative integer below 2^63.
func (h *header) integer(what string) (int, error) {
	h.space()
	start, n := h.at, uint64(0)
	bad := func() (int, error) {
		h.at = start
		return 0, h.expected("integers from 0 to 2^63-1 in " + what)
	}
	for h.at < len(h.text) && h.text[h.at] >= '0' && h.text[h.at] <= '9' {
		digit := uint64(h.text[h.at] - '0')
		if n > (math.MaxInt-digit)/10 {
			return bad()
		}
		n = n*10 + digit
		h.at++
	}
	length := h.at - start
	if length == 0 || length > 1 && h.text[start] == '0' {
		return bad()
	}
	if h.at < len(h.text) && strings.IndexByte(".eE", h.text[h.at]) >= 0 {
		return bad()
	}
	return int(n), nil
}

func (h *header) parse() error {
	if h.text[0] != '{' {
		return h.expected("'{', the begin of the header")
	}
	if !utf8.Valid(h.text) {
		i := 0
		for i < len(h.text) {
			r, n := utf8.DecodeRune(h.text[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		h.at = i
		return h.expected("UTF-8")
	}
	// The shortest tensor takes 50 bytes, which bounds what a false promise of
	// many can cost.
	n := min(bytes.Count(h.text, []byte(`"dtype"`)), len(h.text)/50)
	h.index, h.tensors = make(map[string]int, n), make([]Info, 0, n)
	seenMetadata := false
	err := h.object("the header", func(key string, at int) error {
		if key == metadataKey {
			if seenMetadata {
				h.at = at
				return h.expected("each key once")
			}
			seenMetadata = true
			return h.strings()
		}
		if _, ok := h.index[key]; ok {
			h.at = at
			return h.expected("each key once")
		}
		h.index[key] = len(h.tensors)
		return h.tensor(key)
	})
	if err != nil {
		return err
	}
	h.space()
	if h.at < len(h.text) {
		return h.expected("only spaces behind the header's '}'")
	}
	return nil
}

// strings parses the value of __metadata__.
func (h *header) strings() error {
	h.metadata = map[string]string{}
	return h.object(metadataKey, func(key string, at int) error {
		if _, ok := h.metadata[key]; ok {
			h.at = at
			return h.expected("each key once")
		}
		value, err := h.str("a string as the value of " + format.Quote(key))
		h.metadata[key] = value
		return err
	})
}

// tensor parses {"dtype": …, "shape": …, "data_offsets": …}. The Info's
// offset counts from the end of the header.
func (h *header) tensor(name string) error {
	t := Info{Name: name}
	start := h.at
	var span []int
	err := h.object("tensor "+format.Quote(name), func(key string, at int) (err error) {
		again := false
		switch key {
		case "dtype":
			again = t.DType != 0
			var s string
			h.space()
			place := h.at
			if s, err = h.str("a dtype"); err != nil {
				return err
			}
			var ok bool
			if t.DType, ok = format.ParseDType(s); !ok {
				return &format.Error{
					Op: readOp, Path: h.path, Entry: name, Offset: 8 + int64(place),
					Want: "one of the dtypes F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL", Got: format.Quote(s),
				}
			}
		case "shape":
			again = t.Shape != nil
			t.Shape, err = h.ints("the shape of tensor "+format.Quote(name), format.MaxRank)
		case "data_offsets":
			again = span != nil
			span, err = h.ints("the data_offsets of tensor "+format.Quote(name), 2)
		default:
			h.at = at
			return h.expected("dtype, shape or data_offsets in tensor " + format.Quote(name))
		}
		if again {
			h.at = at
			return h.expected("each key once")
		}
		return err
	})
	if err != nil {
		return err
	}
	bad := func(want, got string) error {
		return &format.Error{Op: readOp, Path: h.path, Entry: name, Offset: 8 + int64(start), Want: want, Got: got}
	}
	switch {
	case t.DType == 0:
		return bad("a dtype", "none")
	case t.Shape == nil:
		return bad("a shape", "none")
	case len(span) != 2:
		return bad("two data_offsets", fmt.Sprintf("%d", len(span)))
	case span[0] > span[1]:
		return bad("data_offsets that begin before they end", fmt.Sprintf("%v", span))
	}
	size, ok := t.DType.Bytes(t.Shape)
	if !ok {
		return bad("a shape of fewer than 2^60 elements", fmt.Sprintf("%v", t.Shape))
	}
	if size != span[1]-span[0] {
		return bad(fmt.Sprintf("data_offsets that span %d bytes for %s %v", size, t.DType, t.Shape), fmt.Sprintf("%v, which span %d", span, span[1]-span[0]))
	}
	t.Offset, t.Size = int64(span[0]), int64(size)
	h.tensors = append(h.tensors, t)
	return nil
}
