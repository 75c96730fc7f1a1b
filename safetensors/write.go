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
)

// WriteArrays replaces the file at path by one with the given tensors and
// metadata (which may be nil). The old file stays whole until the new one is
// on the disk.
func WriteArrays(path string, arrays map[string]*format.Array, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		err := EncodeArrays(w, arrays, metadata)
		var fe *format.Error
		if errors.As(err, &fe) {
			fe.Path = path
		}
		return err
	})
}

// EncodeArrays writes a safetensors file to w. The bytes are those that the
// reference implementation writes: wide element types first, which aligns all
// tensors, then by name; keys of the metadata sorted.
func EncodeArrays(w io.Writer, arrays map[string]*format.Array, metadata map[string]string) error {
	names := make([]string, 0, len(arrays))
	for name, a := range arrays {
		if err := checkName(name); err != nil {
			return err
		}
		if err := a.Check(); err != nil {
			return &format.Error{Op: writeOp, Entry: name, Offset: -1, Err: err}
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		if a, b := rank(arrays[x].DType), rank(arrays[y].DType); a != b {
			return b - a
		}
		return compare(x, y)
	})
	head, err := encodeHeader(names, arrays, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(arrays[name].Data); err != nil {
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
func encodeHeader(names []string, arrays map[string]*format.Array, metadata map[string]string) ([]byte, error) {
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
	for _, name := range names {
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		a := arrays[name]
		shape := a.Shape
		if shape == nil {
			shape = []int{}
		}
		fmt.Fprintf(&b, "%s:{\"dtype\":%q,\"shape\":", quote(name), a.DType)
		writeJSON(&b, shape)
		fmt.Fprintf(&b, ",\"data_offsets\":[%d,%d]}", offset, offset+len(a.Data))
		offset += len(a.Data)
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
