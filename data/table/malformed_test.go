package table

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/internal/malformed"
)

func decodeBytes(data []byte) error {
	_, err := Decode(bytes.NewReader(data), Config{})
	return err
}

func zip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func utf16(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, r := range s {
		b = append(b, byte(r), byte(r>>8))
	}
	return b
}

var malformedTables = []malformed.Case{
	{Name: "empty", Want: []string{"read CSV: line 1 column 1: expected a row, got an empty file"}},
	{Name: "BOM only", Data: []byte("\xef\xbb\xbf"), Want: []string{"got an empty file"}},
	{Name: "line ends only", Data: []byte("\n\n"), Want: []string{"line 3 column 1: expected a row, got the end of the file"}},
	{Name: "header only", Data: []byte("a,b\n"), Want: []string{"line 2 column 1: expected a row behind the header, got the end of the file"}},
	{Name: "open quote", Data: []byte("a,b\n1,\"x\n2,y\n"), Want: []string{"line 2 column 3: expected a closing quote, got the end of the file; the quote that opens here stays open"}},
	{Name: "stray quote", Data: []byte("a,b\n1,5\" pipe\n"), Want: []string{"line 2 column 4: expected quotes only around a whole field, got a stray quote"}},
	{Name: "text behind a quote", Data: []byte("a,b\n1,\"x\"y\n"), Want: []string{`line 2 column 6: expected a separator or the end of the line behind a closing quote, got "y"`}},
	{Name: "short row", Data: []byte("a,b,c\n1,2,3\n4,5\n"), Want: []string{"line 3 column 3: expected 3 fields in each row, got 2"}},
	{Name: "long row", Data: []byte("a,b\n1,2\n4,5,6\n"), Want: []string{"line 3 column 5: expected 2 fields in each row, got 3"}},
	{Name: "empty line", Data: []byte("a,b\n1,2\n\n3,4\n"), Want: []string{"line 3 column 1: expected a row, got an empty line"}},
	{Name: "UTF-16", Data: utf16("a,b\n1,2\n"), Want: []string{"expected UTF-8, got UTF-16; save the file as UTF-8"}},
	{Name: "UTF-16 big-endian", Data: []byte("\xfe\xff\x00a\x00,\x00b"), Want: []string{"expected UTF-8, got UTF-16"}},
	{Name: "UTF-16 without BOM", Data: utf16("a,b\n1,2\n")[2:], Want: []string{"line 1 column 2: expected text, got a NUL byte; the file seems to be UTF-16 or binary"}},
	{Name: "Latin-1", Data: []byte("a,b\n1,Z\xfcrich\n"), Want: []string{`line 2 column 3: expected UTF-8, got "Z\xfcrich"; the file may be Latin-1`}},
	{Name: "NUL", Data: []byte("a,b\n1,x\x00y\n"), Want: []string{"line 2 column 4: expected text, got a NUL byte"}},
	{Name: "NUL in quotes", Data: []byte("a,b\n1,\"x\x00y\"\n"), Want: []string{"line 2 column 5: expected text, got a NUL byte"}},
	{Name: "LF, then CR LF", Data: []byte("a,b\n1,2\r\n"), Want: []string{"line 2 column 4: expected lines that all end in LF, as the first, got CR LF"}},
	{Name: "CR LF, then LF", Data: []byte("a,b\r\n1,2\n"), Want: []string{"line 2 column 4: expected lines that all end in CR LF, as the first, got LF"}},
	{Name: "lone CR", Data: []byte("a,b\r1,2\r"), Want: []string{"line 1 column 4: expected lines that end in LF or CR LF, got a lone CR"}},
	{Name: "CR at the end", Data: []byte("a,b\n1,2\r"), Want: []string{"a lone CR"}},
	{Name: "duplicate header", Data: []byte("a,b,a\n1,2,3\n"), Want: []string{`line 1 column 5: expected each column's name once, got "a" for columns 1 and 3`}},
	{Name: "duplicate header, spaces", Data: []byte("a, a\n1,2\n"), Want: []string{"expected each column's name once"}},
	{Name: "missing name", Data: []byte("a,,c\n1,2,3\n"), Want: []string{"line 1 column 3: expected a name for each column, got none for column 2; name it, or set NoHeader"}},
	{Name: "missing header", Data: []byte("1,2.5\n3,4\n"), Want: []string{"line 1 column 1: expected names of columns, got numbers; if the file has no header, set NoHeader"}},
	{Name: "1e400", Data: []byte("a\n1\n1e400\n"), Want: []string{`line 3 column 1, entry "a": expected a finite number, got "1e400"`}},
	{Name: "nan", Data: []byte("a\n1\nNaN\n"), Want: []string{`line 3 column 1, entry "a": expected a finite number, got "NaN"; if it means a missing value, add it to Config.Missing`}},
	{Name: "-inf", Data: []byte("a\n1\n-Infinity\n"), Want: []string{`expected a finite number, got "-Infinity"`}},
	{Name: "one bad cell among numbers", Data: []byte("a,b\n" + strings.Repeat("1,2\n", 40) + "l,2\n"), Want: []string{`line 42 column 1, entry "a": expected a number, as in 40 of 41 cells of the column, got "l"; declare the column Categorical`}},
	{Name: "gigabyte field", Data: []byte("a,b\n1," + strings.Repeat("x", 3<<19)), Want: []string{"line 2 column 3: expected a field of at most 1048576 bytes, got a longer one"}},
	{Name: "gigabyte field in quotes", Data: []byte("a,b\n1,\"" + strings.Repeat("x\n", 3<<18)), Want: []string{"line 2 column 3: expected a field of at most 1048576 bytes, got a longer one; is a quote open?"}},
	{Name: "a million columns", Data: []byte(strings.Repeat("a,", 1_000_000)), Want: []string{"line 1 column 65537: expected at most 32768 fields in a row, got more"}},
	{Name: "png", Data: []byte("\x89PNG\r\n\x1a\nxxxxxxxxxxxx"), Want: []string{"expected comma-separated text, got a PNG image"}},
	{Name: "web page", Data: []byte("<!DOCTYPE html><html></html>"), Want: []string{"got an HTML page (a failed download?)"}},
	{Name: "zipped, cut", Data: zip([]byte(people))[:40], Want: []string{"expected intact gzip data"}},
	{Name: "zipped, junk behind", Data: append(zip([]byte(people)), 'x'), Want: []string{"expected intact gzip data"}},
	{Name: "bomb", Data: zip([]byte("a\n" + strings.Repeat("1\n", 6<<20))), Want: []string{"bytes after decompression, got more"}},
}

func TestRefusesMalformedTables(t *testing.T) {
	malformed.Run(t, decodeBytes, malformedTables)
}

// A mark inside the file is a character like another: the cell isn't a number.
func TestByteOrderMarkInside(t *testing.T) {
	p := mustDecode(t, "a,b\n1,\ufeff2\n", Config{})
	if p.Columns[1].Kind != Categorical {
		t.Errorf("%+v", p.Columns[1])
	}
}

func TestDeclaredKindsAreHeld(t *testing.T) {
	for _, c := range []struct {
		text string
		cfg  Config
		want string
	}{
		{"a,b\n1,x\n", Config{Kinds: map[string]Kind{"b": Numeric}}, `line 2 column 3, entry "b": expected a number, got "x"; declare the column Categorical, or the cell Missing, in Config`},
		{"a,b\n1,0x10\n", Config{Kinds: map[string]Kind{"b": Numeric}}, `got "0x10"`},
		{"a,b\n1,1_0\n", Config{Kinds: map[string]Kind{"b": Numeric}}, `got "1_0"`},
		{"a,b\n1,inf\n", Config{Kinds: map[string]Kind{"b": Numeric}}, `expected a finite number, got "inf"`},
		{"a,b\n1,2\n", Config{Kinds: map[string]Kind{"c": Numeric}}, `line 1: expected a column "c", as Config.Kinds says, got none; columns of the file: "a", "b"`},
		{"a,b\n1,2\n", Config{NoHeader: true, Names: []string{"x"}}, `expected 1 fields, as many as Config.Names, got 2`},
		{"a,b\n1,xyz\n", Config{MaxField: 2}, `line 2 column 3: expected a field of at most 2 bytes`},
		{"a,b,c\n", Config{MaxColumns: 2}, `line 1 column 5: expected at most 2 fields`},
		{"3\n", Config{scikit: true}, `line 1 column 1: expected n_samples,n_features`},
		{"1,0\n", Config{scikit: true}, `line 1 column 3: expected n_features, an integer from 1 on, got "0"`},
		{"x,1\n", Config{scikit: true}, `expected n_samples, an integer from 1 on, got "x"`},
		{"1,1\n", Config{scikit: true}, `expected a row, got the end of the file`},
		{"1,2\n1,2\n", Config{scikit: true}, `line 2 column 1: expected 2 features and a target, as the first line says, got 2 fields`},
		{"2,1,a,b\n1,0\n", Config{scikit: true}, `line 1 column 1: expected 2 rows, as the first line says, got 1`},
		{"1,1,a,b\n1,2\n", Config{scikit: true}, `line 2: expected a class from 0 to 1 in the last column, got 2`},
		{"1,1,a,b\n1,0.5\n", Config{scikit: true}, `got 0.5`},
		{"1,1,a,b\n1,NA\n", Config{scikit: true}, `expected a class from 0 to 1 in the last column, got NaN`},
		{"1,1,a,b\n1,x\n", Config{scikit: true}, `got "x"`},
	} {
		_, err := decode(c.text, c.cfg)
		malformed.Refused(t, err, c.want)
	}
}

// A cut table may be a table still, with fewer rows; it must never be read
// with other cells or take the reader down.
func TestCutsAndFlips(t *testing.T) {
	good := []byte("name,age\r\n\"An\"\"n\",31\r\nBob,NA\r\n")
	for n := range good {
		if err := decodeBytes(good[:n]); err != nil {
			malformed.Refused(t, err)
		}
	}
	malformed.Flips(t, good, len(good), decodeBytes)
	malformed.Prefixes(t, zip(good), decodeBytes)
	malformed.Flips(t, zip(good), len(good), decodeBytes)
}

type seeker struct{ io.Reader }

func (seeker) Seek(int64, int) (int64, error) { return 100, nil }

func TestPassesOnIOErrors(t *testing.T) {
	for n := range len(people) {
		_, err := Decode(seeker{malformed.FailingReader([]byte(people[:n]))}, Config{})
		malformed.Refused(t, err)
		if !errors.Is(err, malformed.ErrDisk) {
			t.Errorf("disk error at byte %d became %v", n, err)
		}
	}
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := Read(path, Config{}); return err })
}

// What is accepted takes memory in proportion, down to the shortest cells.
func TestMemoryOfWhatIsAccepted(t *testing.T) {
	var unique strings.Builder
	unique.WriteString("a,b\n")
	for i := range 200_000 {
		fmt.Fprintf(&unique, "x%x,\n", i)
	}
	for _, text := range []string{"a\n" + strings.Repeat("1\n", 1<<20), "a\n" + strings.Repeat("x\n", 1<<20), unique.String()} {
		malformed.Heap(t, len(text), func() {
			if err := decodeBytes([]byte(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range malformedTables {
		if len(c.Data) < 1<<16 {
			f.Add(c.Data)
		}
	}
	f.Add([]byte(people))
	f.Add([]byte("a,b\r\n\"x\"\"\r\ny\",1\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var err error
		var p *Table
		p, err = Decode(bytes.NewReader(data), Config{})
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		if len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b {
			return
		}
		rows, err := readAll(string(data))
		if err != nil || len(rows) != p.Rows+1 {
			t.Fatalf("%d rows, %v; the table has %d", len(rows), err, p.Rows)
		}
		if e, err := (EncoderConfig{}).Fit(p); err != nil {
			malformed.Refused(t, err)
		} else if x, err := e.Apply(p); err != nil || x.Size(0) != p.Rows {
			t.Fatalf("%v, %v", x, err)
		}
	})
}
