package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/tensor"
)

// Save replaces the file at path by one with the given tensors and metadata
// (which may be nil). The old file stays whole until the new one is on the
// disk.
func Save(path string, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	return save(path, func(w io.Writer) error { return Encode(w, tensors, metadata) })
}

// SaveArrays is [Save] for arrays.
func SaveArrays(path string, arrays map[string]*format.Array, metadata map[string]string) error {
	return save(path, func(w io.Writer) error { return EncodeArrays(w, arrays, metadata) })
}

func save(path string, encode func(io.Writer) error) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		err := encode(w)
		var fe *format.Error
		if errors.As(err, &fe) {
			fe.Path = path
		}
		return err
	})
}

// Encode writes a safetensors file to w. The bytes are those that the
// reference implementation writes: wide element types first, which aligns all
// tensors, then by name; keys of the metadata sorted.
func Encode(w io.Writer, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	entries := make([]entry, 0, len(tensors))
	for name, t := range tensors {
		entries = append(entries, entry{name, format.TypeOf(t.DType()), t.Shape(), func(put func([]byte)) {
			format.WithTensor(t, func(a *format.Array) { put(a.Data) })
		}})
	}
	return encode(w, entries, metadata)
}

// EncodeArrays is [Encode] for arrays.
func EncodeArrays(w io.Writer, arrays map[string]*format.Array, metadata map[string]string) error {
	entries := make([]entry, 0, len(arrays))
	for name, a := range arrays {
		if err := a.Check(); err != nil {
			return &format.Error{Op: writeOp, Entry: name, Offset: -1, Err: err}
		}
		entries = append(entries, entry{name, a.DType, a.Shape, func(put func([]byte)) { put(a.Data) }})
	}
	return encode(w, entries, metadata)
}

// entry is a tensor to be written; bytes calls put with its elements.
type entry struct {
	name  string
	dtype format.DType
	shape []int
	bytes func(put func([]byte))
}

func encode(w io.Writer, entries []entry, metadata map[string]string) error {
	slices.SortFunc(entries, func(x, y entry) int {
		if a, b := rank(x.dtype), rank(y.dtype); a != b {
			return b - a
		}
		return compare(x.name, y.name)
	})
	head, err := encodeHeader(entries, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, e := range entries {
		e.bytes(func(data []byte) { _, err = w.Write(data) })
		if err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == metadataKey:
		return &format.Error{Op: writeOp, Entry: name, Offset: -1, Want: "another name", Got: "the one reserved for metadata"}
	case !utf8.ValidString(name):
		return &format.Error{Op: writeOp, Entry: name, Offset: -1, Want: "a name in UTF-8", Got: format.Quote(name)}
	}
	return nil
}

// rank orders element types as the reference implementation does, by the
// alignment they need: all of eight bytes, of four, of two, of one.
func rank(d format.DType) int {
	return slices.Index([]format.DType{
		format.Bool, format.U8, format.I8, format.I16, format.F16, format.BF16, format.I32, format.F32, format.F64, format.I64,
	}, d)
}

// encodeHeader returns the length and the JSON, padded with spaces so that the
// first tensor is aligned to eight bytes.
func encodeHeader(entries []entry, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		for key, value := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, &format.Error{Op: writeOp, Entry: metadataKey, Offset: -1, Want: "UTF-8", Got: format.Quote(key) + ": " + format.Quote(value)}
			}
		}
		fmt.Fprintf(&b, "%s:", quote(metadataKey))
		writeJSON(&b, metadata) // keys come out sorted
	}
	offset := 0
	for _, e := range entries {
		if err := checkName(e.name); err != nil {
			return nil, err
		}
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		shape := e.shape
		if shape == nil {
			shape = []int{}
		}
		size, _ := e.dtype.Bytes(shape)
		fmt.Fprintf(&b, "%s:{\"dtype\":%q,\"shape\":", quote(e.name), e.dtype)
		writeJSON(&b, shape)
		fmt.Fprintf(&b, ",\"data_offsets\":[%d,%d]}", offset, offset+size)
		offset += size
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxHeader {
		return nil, &format.Error{Op: writeOp, Offset: -1, Want: fmt.Sprintf("a header of at most %d bytes", maxHeader), Got: fmt.Sprintf("%d", b.Len()-8), Hint: "split the tensors over several files"}
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}

func quote(s string) string {
	var b bytes.Buffer
	writeJSON(&b, s)
	return b.String()
}

// writeJSON writes a string, a list of integers or a map of strings, none of
// which can fail.
func writeJSON(b *bytes.Buffer, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("safetensors: " + err.Error())
	}
	b.Truncate(b.Len() - 1) // the encoder's line end
}
