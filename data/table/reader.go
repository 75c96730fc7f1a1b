package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
)

const readOp = "read CSV"

// Reader reads a CSV file row by row (RFC 4180): for tables larger than
// memory. It is strict, since what a lenient reader guesses wrong ends up in
// the training data: fields are UTF-8, every row has as many fields as the
// first, a quote stands only around a whole field (doubled inside), and all
// lines end in the same way. A UTF-8 byte-order mark at the begin is skipped.
type Reader struct {
	// Comma separates fields. NewReader sets ','.
	Comma byte
	// MaxField and MaxColumns bound the bytes in a field and the fields in a
	// row. NewReader sets 1 MiB and 32,768.
	MaxField, MaxColumns int

	path    string
	r       *bufio.Reader
	offset  int64 // of the next byte
	line    int   // of the next byte, from 1
	start   int64 // offset where this line begins
	ending  byte  // '\n', 'r' for "\r\n", 0 before the first line end
	width   int   // fields per row, 0 before the first
	started bool

	row    []byte // the fields of the record, one behind the other
	fields []field
}

// field is one field of the record: row[begin:end], from line:column on.
type field struct{ begin, end, line, column int }

// NewReader returns a reader of r. path is for messages.
func NewReader(r io.Reader, path string) *Reader {
	return &Reader{Comma: ',', MaxField: 1 << 20, MaxColumns: 1 << 15, path: path, r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// Read returns the next row, or io.EOF behind the last.
func (r *Reader) Read() ([]string, error) {
	if err := r.next(); err != nil {
		return nil, err
	}
	all := string(r.row)
	cells := make([]string, len(r.fields))
	for i, f := range r.fields {
		cells[i] = all[f.begin:f.end]
	}
	return cells, nil
}

// Position returns where field i of the row that was read last begins: line
// and byte in the line, both from 1.
func (r *Reader) Position(i int) (line, column int) { return r.fields[i].line, r.fields[i].column }

// cell returns field i without surrounding blanks. It is valid until the next
// row is read.
func (r *Reader) cell(i int) []byte {
	f := r.fields[i]
	return bytes.Trim(r.row[f.begin:f.end], " \t")
}

func (r *Reader) column() int { return int(r.offset-r.start) + 1 }

func (r *Reader) fail(line, column int, want, got, hint string) error {
	return &format.Error{Op: readOp, Path: r.path, Line: line, Column: column, Offset: -1, Want: want, Got: got, Hint: hint}
}

// failAt reports a fault in field i of the current row.
func (r *Reader) failAt(i int, name, want, got, hint string) error {
	line, column := r.Position(i)
	return &format.Error{Op: readOp, Path: r.path, Line: line, Column: column, Offset: -1, Entry: name, Want: want, Got: got, Hint: hint}
}

// get returns the next byte, or io.EOF.
func (r *Reader) get() (byte, error) {
	c, err := r.r.ReadByte()
	switch {
	case err == io.EOF:
		return 0, err
	case err != nil:
		return 0, r.failed(err)
	case c == 0:
		hint := ""
		if r.offset < 4 {
			hint = "the file seems to be UTF-16 or binary; save it as UTF-8"
		}
		return 0, r.fail(r.line, r.column(), "text", "a NUL byte", hint)
	}
	r.offset++
	return c, nil
}

func (r *Reader) failed(err error) error {
	if _, ok := err.(*format.Error); ok {
		return err
	}
	return &format.Error{Op: readOp, Path: r.path, Line: r.line, Column: r.column(), Offset: -1, Err: err}
}

// begin looks at the first bytes for marks of other encodings and formats.
func (r *Reader) begin() error {
	r.started = true
	start, err := r.r.Peek(16)
	if err != nil && err != io.EOF {
		return r.failed(err)
	}
	if len(start) == 0 {
		return r.fail(1, 1, "a row", "an empty file", "")
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		_, err := r.r.Discard(3)
		if err != nil || len(start) == 3 {
			return r.fail(1, 1, "a row", "an empty file", "")
		}
		return nil
	}
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return r.fail(1, 1, "UTF-8", "UTF-16", "save the file as UTF-8")
	}
	if kind := format.Foreign(start); kind != "" {
		return r.fail(1, 1, "comma-separated text", kind, "")
	}
	return nil
}

// next reads a record into row and fields.
func (r *Reader) next() error {
	if !r.started {
		if err := r.begin(); err != nil {
			return err
		}
	}
	r.row, r.fields = r.row[:0], r.fields[:0]
	blank := 0 // line of the first of the empty lines before this row
	for {
		c, err := r.get()
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return err
		}
		if c != '\n' && c != '\r' {
			r.offset--
			r.r.UnreadByte()
			break
		}
		if blank == 0 {
			blank = r.line
		}
		if err := r.endLine(c); err != nil {
			return err
		}
	}
	if blank > 0 {
		return r.fail(blank, 1, "a row", "an empty line", "remove it; a missing value in a table of one column can be written as NA")
	}
	for {
		last, err := r.field()
		if err != nil {
			return err
		}
		if last {
			break
		}
	}
	if r.width == 0 {
		r.width = len(r.fields)
	}
	if len(r.fields) != r.width {
		at := min(r.width, len(r.fields)) // where a field is missing or too many
		f := r.fields[min(at, len(r.fields)-1)]
		return r.fail(f.line, f.column, fmt.Sprintf("%d fields in each row", r.width), fmt.Sprintf("%d", len(r.fields)), "")
	}
	return nil
}

// field reads one field with its separator and reports whether it was the last
// of its row.
func (r *Reader) field() (last bool, err error) {
	f := field{begin: len(r.row), line: r.line, column: r.column()}
	if len(r.fields) == r.MaxColumns {
		return false, r.fail(f.line, f.column, fmt.Sprintf("at most %d fields in a row", r.MaxColumns), "more", "raise MaxColumns if the file is genuine")
	}
	c, err := r.get()
	if err == nil && c == '"' {
		if err := r.quoted(f); err != nil {
			return false, err
		}
		c, err = r.get()
		if err == nil && c != r.Comma && c != '\n' && c != '\r' {
			return false, r.fail(r.line, r.column()-1, "a separator or the end of the line behind a closing quote", format.Quote([]byte{c}), "double a quote inside a quoted field")
		}
	} else {
		for err == nil && c != r.Comma && c != '\n' && c != '\r' {
			if c == '"' {
				return false, r.fail(r.line, r.column()-1, "quotes only around a whole field", "a stray quote", "quote the whole field and double the quotes in it")
			}
			if len(r.row)-f.begin == r.MaxField {
				return false, r.tooLong(f)
			}
			r.row = append(r.row, c)
			c, err = r.get()
		}
	}
	if err != nil && err != io.EOF {
		return false, err
	}
	f.end = len(r.row)
	r.fields = append(r.fields, f)
	if !utf8.Valid(r.row[f.begin:f.end]) {
		return false, r.fail(f.line, f.column, "UTF-8", format.Quote(r.row[f.begin:f.end]), "the file may be Latin-1; save it as UTF-8")
	}
	if err == io.EOF {
		return true, nil
	}
	if c == r.Comma {
		return false, nil
	}
	return true, r.endLine(c)
}

// quoted reads the rest of a quoted field that f begins, closing quote
// included.
func (r *Reader) quoted(f field) error {
	for {
		c, err := r.get()
		if err == io.EOF {
			return r.fail(f.line, f.column, "a closing quote", "the end of the file; the quote that opens here stays open", "")
		}
		if err != nil {
			return err
		}
		if c == '"' {
			if next, err := r.r.Peek(1); err != nil || next[0] != '"' {
				return nil
			}
			r.get()
		}
		if c == '\n' {
			r.line, r.start = r.line+1, r.offset
		}
		if len(r.row)-f.begin == r.MaxField {
			return r.tooLong(f)
		}
		r.row = append(r.row, c)
	}
}

func (r *Reader) tooLong(f field) error {
	return r.fail(f.line, f.column, fmt.Sprintf("a field of at most %d bytes", r.MaxField), "a longer one", "is a quote open? raise MaxField if the file is genuine")
}

// endLine takes the rest of a line end that begins with c and checks that all
// are alike.
func (r *Reader) endLine(c byte) error {
	line, column := r.line, r.column()-1
	ending := byte('\n')
	if c == '\r' {
		next, err := r.get()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || next != '\n' {
			return r.fail(line, column, "lines that end in LF or CR LF", "a lone CR", "")
		}
		ending = 'r'
	}
	if r.ending == 0 {
		r.ending = ending
	}
	if r.ending != ending {
		names := map[byte]string{'\n': "LF", 'r': "CR LF"}
		return r.fail(line, column, "lines that all end in "+names[r.ending]+", as the first", names[ending], "convert the line ends")
	}
	r.line, r.start = r.line+1, r.offset
	return nil
}
