package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/internal/malformed"
)

// decode reads everything there is in data.
func decode(data []byte) error { return decodeFrom(bytes.NewReader(data), int64(len(data))) }

func decodeFrom(r io.ReaderAt, size int64) error {
	f, err := NewFile(r, size)
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		if _, err := f.Array(name); err != nil {
			return err
		}
		if _, err := f.Tensor(name); err != nil {
			return err
		}
	}
	return nil
}

// file returns a safetensors file of the given header and data bytes.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

func length(n uint64, rest string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
}

const oneTensor = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`

func edit(old, new string) []byte { return file(strings.Replace(oneTensor, old, new, 1), 8) }

var malformedFiles = []malformed.Case{
	{Name: "empty", Want: []string{"byte 0", "expected a safetensors header, got an empty file"}},
	{Name: "seven bytes", Data: make([]byte, 7), Want: []string{"expected at least 8 bytes, got 7", "unexpected EOF"}},
	{Name: "length only", Data: length(0, ""), Want: []string{"expected a header of at least 2 bytes, got a length of 0"}},
	{Name: "length 2^63", Data: length(1<<63, "{}"), Want: []string{"at most 100000000 bytes", "9223372036854775808"}},
	{Name: "length 2^64-1", Data: length(1<<64-1, "{}"), Want: []string{"at most 100000000 bytes", "18446744073709551615"}},
	{Name: "header over 100 MB", Data: length(100_000_001, "{}"), Want: []string{"byte 0", "at most 100000000 bytes", "100000001"}},
	{Name: "header longer than the file", Data: length(100_000_000, "{}"), Want: []string{"at most 2 bytes, as many as follow", "unexpected EOF"}},
	{Name: "zip", Data: []byte("PK\x03\x04\x14\x00\x08\x00" + strings.Repeat("x", 100)), Want: []string{"expected a safetensors file, got a zip archive"}},
	{Name: "gguf", Data: []byte("GGUF\x03\x00\x00\x00" + strings.Repeat("x", 100)), Want: []string{"got a GGUF file"}},
	{Name: "first byte not {", Data: file(` {"a":1}`, 0), Want: []string{"byte 8", "expected '{'", `" {\"a\":1}"`}},
	{Name: "bad UTF-8", Data: file("{\"a\xff\":1}", 0), Want: []string{"byte 11", "expected UTF-8", `\xff`}},
	{Name: "open object", Data: file("{ ", 0), Want: []string{"expected a key in the header in quotes", "the end of the header"}},
	{Name: "open string", Data: file(`{"abc`, 0), Want: []string{"byte 9", "with a closing quote"}},
	{Name: "open escape", Data: file(`{"abc\`, 0), Want: []string{"byte 9", "with a closing quote"}},
	{Name: "bad escape", Data: file(`{"a\x":{}}`, 0), Want: []string{"expected a JSON string"}},
	{Name: "control character", Data: file("{\"a\nb\":{}}", 0), Want: []string{"byte 11", "no control character"}},
	{Name: "no colon", Data: file(`{"a" {}}`, 0), Want: []string{"byte 13", "':' behind the key \"a\""}},
	{Name: "no comma", Data: file(`{"__metadata__":{} "a":{}}`, 0), Want: []string{"',' or '}' in the header"}},
	{Name: "junk behind the header", Data: file(oneTensor+"x", 8), Want: []string{"only spaces behind the header's '}'", `"x"`}},
	{Name: "nested 100k deep", Data: file(`{"a":`+strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_001), 0), Want: []string{"byte 14", "expected dtype, shape or data_offsets"}},
	{Name: "nested 100k deep metadata", Data: file(`{"__metadata__":{"a":`+strings.Repeat(`[`, 100_000)+strings.Repeat("]", 100_000)+"}}", 0), Want: []string{"expected a string as the value of \"a\""}},
	{Name: "duplicate tensor", Data: file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), Want: []string{"byte 61", "expected each key once", `"a`}},
	{Name: "duplicate tensor, escaped", Data: file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), Want: []string{"expected each key once"}},
	{Name: "duplicate metadata", Data: file(`{"__metadata__":{},"__metadata__":{}}`, 0), Want: []string{"expected each key once"}},
	{Name: "duplicate metadata key", Data: file(`{"__metadata__":{"k":"1","k":"2"}}`, 0), Want: []string{"expected each key once", `"k`}},
	{Name: "metadata not strings", Data: file(`{"__metadata__":{"k":1}}`, 0), Want: []string{"expected a string as the value of \"k\""}},
	{Name: "duplicate dtype", Data: edit(`"shape"`, `"dtype":"F32","shape"`), Want: []string{"expected each key once"}},
	{Name: "duplicate shape", Data: edit(`"shape"`, `"shape":[2],"shape"`), Want: []string{"expected each key once"}},
	{Name: "duplicate offsets", Data: edit(`"shape"`, `"data_offsets":[0,8],"shape"`), Want: []string{"expected each key once"}},
	{Name: "unknown key", Data: edit(`"shape"`, `"stride":[1],"shape"`), Want: []string{"expected dtype, shape or data_offsets in tensor \"a\"", "stride"}},
	{Name: "no dtype", Data: edit(`"dtype":"F32",`, ``), Want: []string{`entry "a"`, "expected a dtype, got none"}},
	{Name: "no shape", Data: edit(`"shape":[2],`, ``), Want: []string{`entry "a"`, "expected a shape, got none"}},
	{Name: "no offsets", Data: edit(`,"data_offsets":[0,8]`, ``), Want: []string{`entry "a"`, "expected two data_offsets, got 0"}},
	{Name: "one offset", Data: edit(`[0,8]`, `[8]`), Want: []string{"expected two data_offsets, got 1"}},
	{Name: "three offsets", Data: edit(`[0,8]`, `[0,8,8]`), Want: []string{"at most 2 numbers"}},
	{Name: "unknown dtype", Data: edit(`F32`, `F8_E4M3`), Want: []string{`entry "a", byte 22`, "expected one of the dtypes F64 F32", `got "F8_E4M3"`}},
	{Name: "dtype not a string", Data: edit(`"F32"`, `4`), Want: []string{"expected a dtype in quotes"}},
	{Name: "begin > end", Data: edit(`[0,8]`, `[8,0]`), Want: []string{`entry "a"`, "begin before they end, got [8 0]"}},
	{Name: "span ≠ shape × dtype", Data: edit(`[2]`, `[3]`), Want: []string{"expected data_offsets that span 12 bytes for F32 [3], got [0 8], which span 8"}},
	{Name: "negative dimension", Data: edit(`[2]`, `[-2]`), Want: []string{"expected integers from 0 to 2^63-1 in the shape of tensor \"a\"", "-2"}},
	{Name: "fractional dimension", Data: edit(`[2]`, `[2.0]`), Want: []string{"expected integers", "2.0"}},
	{Name: "exponent", Data: edit(`[2]`, `[2e0]`), Want: []string{"expected integers", "2e0"}},
	{Name: "leading zero", Data: edit(`[2]`, `[02]`), Want: []string{"expected integers", "02"}},
	{Name: "text for a dimension", Data: edit(`[2]`, `["2"]`), Want: []string{"expected integers"}},
	{Name: "dimension 2^63", Data: edit(`[2]`, `[9223372036854775808]`), Want: []string{"expected integers from 0 to 2^63-1"}},
	{Name: "dimension 2^64", Data: edit(`[2]`, `[18446744073709551616]`), Want: []string{"expected integers from 0 to 2^63-1"}},
	{Name: "negative offset", Data: edit(`[0,8]`, `[-8,0]`), Want: []string{"expected integers from 0 to 2^63-1 in the data_offsets"}},
	{Name: "product overflows", Data: edit(`[2]`, `[4294967296,4294967296]`), Want: []string{"fewer than 2^60 elements", "[4294967296 4294967296]"}},
	{Name: "product overflows to 8", Data: edit(`[2]`, `[4611686018427387905,4]`), Want: []string{"fewer than 2^60 elements"}},
	{Name: "bytes overflow", Data: edit(`[2]`, `[2305843009213693954]`), Want: []string{"fewer than 2^60 elements"}},
	{Name: "65 dimensions", Data: edit(`[2]`, "[1"+strings.Repeat(",1", 64)+"]"), Want: []string{"at most 64 numbers"}},
	{Name: "terabyte", Data: file(`{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}`, 8), Want: []string{`entry "a"`, "expected data up to byte 1099511627861, got a file of 93 bytes", "unexpected EOF"}},
	{Name: "end at 2^63-1", Data: file(`{"a":{"dtype":"U8","shape":[1152921504606846975],"data_offsets":[0,1152921504606846975]}}`, 8), Want: []string{"got a file of"}},
	{Name: "overlap", Data: file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6), Want: []string{`entry "b"`, "expected data_offsets to begin at 4", "2 (they overlap)"}},
	{Name: "same place", Data: file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), Want: []string{`entry "b"`, "they overlap"}},
	{Name: "hole", Data: file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}`, 9), Want: []string{`entry "b"`, "5 (a hole)"}},
	{Name: "hole at the begin", Data: file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}`, 8), Want: []string{"begin at 0", "4 (a hole)"}},
	{Name: "last end before the file's", Data: file(oneTensor, 9), Want: []string{"byte 70", "expected the end of the file, behind the last tensor, got 1 more bytes"}},
	{Name: "last end behind the file's", Data: file(oneTensor, 7), Want: []string{"expected data up to byte 70, got a file of 69 bytes"}},
	{Name: "bool of 2", Data: append(file(`{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}`, 0), 2), Want: []string{`entry "a", byte 63`, "is the byte 2, not 0 or 1"}},
}

func TestRefusesMalformedFiles(t *testing.T) { malformed.Run(t, decode, malformedFiles) }

func TestRefusesCutFilesAndJunk(t *testing.T) {
	data, err := os.ReadFile("testdata/all.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	malformed.Prefixes(t, data, decode)
	if n := malformed.Flips(t, data, 8, decode); n != 64 {
		t.Errorf("%d of the 64 wrong header lengths were refused", n)
	}
	malformed.Flips(t, data, 8+int(binary.LittleEndian.Uint64(data)), decode)
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := Open(path); return err })
	malformed.Paths(t, func(path string) error { _, err := OpenIndex(path); return err })
	malformed.Paths(t, func(path string) error { _, _, err := LoadArrays(path); return err })
}

func TestPassesOnIOErrors(t *testing.T) {
	data := file(oneTensor, 8)
	for bad := range int64(len(data)) {
		err := decodeFrom(malformed.FailingReaderAt{Data: data, Bad: bad}, int64(len(data)))
		malformed.Refused(t, err)
		if !errors.Is(err, malformed.ErrDisk) {
			t.Errorf("disk error at byte %d became %v", bad, err)
		}
	}
}

func TestRefusesMalformedIndexes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m"), file(oneTensor, 8), 0o666); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "index.json")
	for _, c := range []struct{ text, want string }{
		{`{"weight_map":{"a":"../m"}}`, `byte 19: expected the name of a file in the same folder, got "\"../m\"}}"`},
		{`{"weight_map":{"a":"/etc/passwd"}}`, `expected the name of a file in the same folder`},
		{`{"weight_map":{"a":"sub/m"}}`, `expected the name of a file in the same folder`},
		{`{"weight_map":{"a":"..\\m"}}`, `expected the name of a file in the same folder`},
		{`{"weight_map":{"a":".."}}`, `expected the name of a file in the same folder`},
		{`{"weight_map":{"a":""}}`, `expected the name of a file in the same folder`},
		{`{"weight_map":{"a":"m","a":"m"}}`, `byte 23: expected each key once`},
		{`{"weight_map":{"a":"m"},"weight_map":{}}`, `expected each key once`},
		{`{"weight_map":{"a":"missing"}}`, `no such file`},
		{`{"weight_map":{"a":"m","b":"m"}}`, `entry "b": expected a tensor of this name, got none`},
		{`{"weight_map":{}}x`, `byte 17: expected only spaces`},
		{`{"metadata":{}}`, `byte 0: expected a weight_map`},
		{`[]`, `byte 0: expected '{'`},
		{`{"weight_map":{"a":1}}`, `expected a file name in quotes`},
		{"{\"weight_map\":{\"\xff\":1}}", `expected UTF-8`},
		{`{"metadata":` + strings.Repeat("[", 100_000) + `}`, `nested at most 8 levels`},
		{`{"metadata":{"a":[1,2 3]}}`, `expected ',' or ']'`},
		{`{"metadata":?}`, `expected a value, got "?}"`},
		{`{"metadata":`, `expected a value, got the end`},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := OpenIndex(path)
		malformed.Refused(t, err, c.want)
	}
	// A tensor in a file that the index doesn't place there.
	two := `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`
	os.WriteFile(filepath.Join(dir, "two"), file(two, 2), 0o666)
	os.WriteFile(path, []byte(`{"weight_map":{"a":"two"}}`), 0o666)
	_, err := OpenIndex(path)
	malformed.Refused(t, err, `entry "b": expected the index to place this tensor in "two", which holds it, got ""`)
}

func FuzzDecode(f *testing.F) {
	for _, c := range malformedFiles {
		f.Add(c.Data)
	}
	good, err := os.ReadFile("testdata/all.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(file(oneTensor, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		// What is accepted must survive being written and read again.
		arrays, err := all(r, r.Array)
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		var b bytes.Buffer
		if err := EncodeArrays(&b, arrays, r.Metadata()); err != nil {
			t.Fatal(err)
		}
		again, err := NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range arrays {
			if got, err := again.Array(name); err != nil || !equal(got, a) {
				t.Fatalf("%q: %v, %v; was %v", name, got, err, a)
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":16},"weight_map":{"a":"m"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../m"}}`))
	f.Add([]byte(`{"metadata":[[1,"x",null,true,-1e9]],"weight_map":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		where, err := parseIndex("x", text)
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		for _, shard := range where {
			if filepath.Base(shard) != shard {
				t.Fatalf("shard %q leaves the folder", shard)
			}
		}
	})
}

// Many small tensors in a large header are what takes most memory for its
// bytes.
func TestMemoryOfALargeHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 10 MB")
	}
	var b strings.Builder
	b.WriteByte('{')
	n := 0
	for ; b.Len() < 10<<20; n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x":{"dtype":"U8","shape":[],"data_offsets":[%d,%d]}`, n, n, n+1)
	}
	b.WriteByte('}')
	data := file(b.String(), n)
	malformed.Heap(t, len(data), func() {
		f, err := NewFile(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(f.tensors) != n {
			t.Error(err)
		}
	})
}
