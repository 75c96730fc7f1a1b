// Package format holds what Gradus's readers of files have in common: one
// error type that says where a file is wrong, opening of regular files only,
// inflation with a limit, and [Array], a tensor as it lies in a file.
//
// The readers themselves are in safetensors, npy, data/idx, data/table, data/voc, data/coco and
// data/imagefolder. All of them refuse a malformed file before they take
// memory for it, and all of them say so with an [*Error]:
//
//	var bad *format.Error
//	if errors.As(err, &bad) {
//		fmt.Println(bad.Path, bad.Offset, bad.Want, bad.Got)
//	}
package format

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a file, where, and what to do about it. Fields
// that don't apply are left at their zero values (Offset at -1).
type Error struct {
	Op     string // what was being done, "read npy"
	Path   string // the file; "" for a stream
	Entry  string // the member of an archive, the tensor or the column
	Line   int    // from 1, in text files
	Column int    // from 1, in bytes, in text files
	Offset int64  // in bytes from the start of the file; -1 if unknown
	Want   string // what a correct file has there
	Got    string // what this one has
	Hint   string // how to mend it
	Err    error  // the cause, such as fs.ErrNotExist or io.ErrUnexpectedEOF
}

// Error reads, for instance:
//
//	read npy: x.npz, entry "w.npy", byte 6: expected version 1.0, 2.0 or 3.0, got 9.0
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	var place []string
	if e.Path != "" {
		p := e.Path
		if e.Line > 0 {
			p = fmt.Sprintf("%s:%d", p, e.Line)
			if e.Column > 0 {
				p = fmt.Sprintf("%s:%d", p, e.Column)
			}
		}
		place = append(place, p)
	} else if e.Line > 0 {
		p := fmt.Sprintf("line %d", e.Line)
		if e.Column > 0 {
			p = fmt.Sprintf("%s column %d", p, e.Column)
		}
		place = append(place, p)
	}
	if e.Entry != "" {
		place = append(place, fmt.Sprintf("entry %s", Quote(e.Entry)))
	}
	if e.Offset >= 0 && e.Line == 0 {
		place = append(place, fmt.Sprintf("byte %d", e.Offset))
	}
	if len(place) > 0 {
		b.WriteString(strings.Join(place, ", "))
		b.WriteString(": ")
	}
	switch {
	case e.Want != "" && e.Got != "":
		fmt.Fprintf(&b, "expected %s, got %s", e.Want, e.Got)
	case e.Want != "":
		fmt.Fprintf(&b, "expected %s", e.Want)
	case e.Got != "":
		b.WriteString(e.Got)
	}
	if e.Err != nil {
		if e.Want != "" || e.Got != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is finds fs.ErrNotExist,
// io.ErrUnexpectedEOF and the like.
func (e *Error) Unwrap() error { return e.Err }

// Quote quotes s for a message, cutting it at 64 bytes: what stands in a
// malformed file may be of any length.
func Quote[S ~string | ~[]byte](s S) string {
	if len(s) <= 64 {
		return fmt.Sprintf("%q", string(s))
	}
	return fmt.Sprintf("%q… (%d bytes)", string(s[:64]), len(s))
}

// List quotes the first five of names for a message.
func List(names []string) string {
	shown := make([]string, 0, 6)
	for _, n := range names[:min(5, len(names))] {
		shown = append(shown, Quote(n))
	}
	if len(names) > 5 {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
