package format

import (
	"archive/zip"
	"cmp"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Zip is an open zip archive whose directory was checked: every name stays inside the archive and occurs once, nothing is encrypted,
// members are stored or deflated, lie in the file and don't overlap.
type Zip struct {
	Op, Path string
	Files    []*zip.File // in the order of the directory, folders included
	Comment  string

	closer io.Closer
}

// OpenZip opens the zip archive at path and checks its directory. The file stays open until Close. op begins the messages of all errors.
func OpenZip(op, path string) (*Zip, error) {
	f, size, err := Open(op, path)
	if err != nil {
		return nil, err
	}
	z, err := NewZip(op, path, f, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	z.closer = f
	return z, nil
}

// NewZip checks the directory of the zip archive of size bytes that r holds. path, which may be "", is for messages.
func NewZip(op, path string, r io.ReaderAt, size int64) (*Zip, error) {
	z := &Zip{Op: op, Path: path}
	if err := z.begin(r, size); err != nil {
		return nil, err
	}
	d, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &Error{Op: op, Path: path, Offset: -1, Want: "a zip directory", Err: err, Hint: "the file is cut short, or damaged at its end"}
	}
	z.Files, z.Comment = d.File, d.Comment
	if err := z.end(r, size); err != nil {
		return nil, err
	}
	if err := z.members(); err != nil {
		return nil, err
	}
	return z, z.apart(size)
}

const zipEnd = 22 // bytes of the record at an archive's end, without a comment

// begin checks the first bytes. An archive is found from its end, so package zip takes files with anything in front of it or behind it,
// and what others see in such a file is another matter.
func (z *Zip) begin(r io.ReaderAt, size int64) error {
	if size == 0 {
		return &Error{Op: z.Op, Path: z.Path, Want: "a zip archive", Got: "an empty file"}
	}
	if size < zipEnd {
		return &Error{Op: z.Op, Path: z.Path, Offset: size, Want: fmt.Sprintf("at least %d bytes", zipEnd), Got: fmt.Sprint(size), Err: io.ErrUnexpectedEOF}
	}
	start := make([]byte, 16)
	if err := ReadFull(z.Op, z.Path, "zip header", r, start, 0); err != nil {
		return err
	}
	if s := string(start[:4]); s != "PK\x03\x04" && s != "PK\x05\x06" {
		got := Foreign(start)
		if got == "" {
			got = Quote(start[:4])
		}
		return &Error{Op: z.Op, Path: z.Path, Want: "a zip archive", Got: got}
	}
	return nil
}

// end checks that nothing stands behind the directory's end.
func (z *Zip) end(r io.ReaderAt, size int64) error {
	at, record := size-zipEnd-int64(len(z.Comment)), make([]byte, 4)
	if at < 0 {
		at = 0
	}
	if err := ReadFull(z.Op, z.Path, "zip directory", r, record, at); err != nil {
		return err
	}
	if string(record) != "PK\x05\x06" {
		return &Error{Op: z.Op, Path: z.Path, Offset: at, Want: "the end record of a zip directory", Got: Quote(record), Hint: "the file is cut short or has junk behind its end"}
	}
	return nil
}

// members checks what the directory says of each member.
func (z *Zip) members() error {
	seen := make(map[string]bool, len(z.Files))
	for _, f := range z.Files {
		bad := func(want, got string) error {
			return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1, Want: want, Got: got}
		}
		switch {
		case strings.ContainsRune(f.Name, '\\') || !fs.ValidPath(strings.TrimSuffix(f.Name, "/")):
			return bad("a name that stays inside the archive", Quote(f.Name))
		case f.Flags&1 != 0:
			return bad("a member that is not encrypted", "an encrypted one")
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return bad("a member that is stored or deflated", fmt.Sprintf("compression method %d", f.Method))
		case f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64:
			return bad("equal sizes of a stored member", fmt.Sprintf("%d and %d", f.CompressedSize64, f.UncompressedSize64))
		case seen[f.Name]:
			return bad("each member once", "a second one of this name")
		}
		seen[f.Name] = true
	}
	return nil
}

// apart checks that the members' bytes lie in the file and don't overlap:
// overlapping ones let a small archive hold petabytes
// (Fifield, "A better zip bomb", 2019).
func (z *Zip) apart(size int64) error {
	type span struct {
		name       string
		begin, end int64
	}
	spans := make([]span, 0, len(z.Files))
	for _, f := range z.Files {
		begin, err := f.DataOffset()
		if err != nil {
			return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1, Want: "a member's header where the directory says", Err: err}
		}
		if begin < 0 || begin > size || f.CompressedSize64 > uint64(size-begin) {
			return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: begin, Want: fmt.Sprintf("%d bytes", f.CompressedSize64), Got: fmt.Sprintf("a file of %d", size), Err: io.ErrUnexpectedEOF}
		}
		spans = append(spans, span{f.Name, begin, begin + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(x, y span) int {
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(x.name, y.name))
	})
	for i := 1; i < len(spans); i++ {
		// At least 30 bytes of header lie between two members.
		if before, s := spans[i-1], spans[i]; s.begin < before.end+30 {
			return &Error{
				Op: z.Op, Path: z.Path, Entry: s.name, Offset: s.begin,
				Want: fmt.Sprintf("a member behind byte %d, where %s ends", before.end, Quote(before.name)), Got: "one that overlaps it",
			}
		}
	}
	return nil
}

// Member opens a member for reading. One that would grow beyond limit bytes is refused; with limit ≤ 0 that is [MaxInflated] of its
// compressed size. hint says in the message how to raise the limit. Errors of reading go through [Zip.Damaged].
func (z *Zip) Member(f *zip.File, limit int64, hint string) (io.ReadCloser, error) {
	if limit <= 0 {
		limit = MaxInflated(int64(f.CompressedSize64))
	}
	if f.Method == zip.Deflate && f.UncompressedSize64 > uint64(limit) {
		return nil, &Error{
			Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1,
			Want: fmt.Sprintf("at most %d bytes after decompression", limit), Got: fmt.Sprint(f.UncompressedSize64), Hint: hint,
		}
	}
	r, err := f.Open()
	if err != nil {
		return nil, z.Damaged(f, err)
	}
	return r, nil
}

// Read returns the content of a member of at most limit bytes (see [Zip.Member]), its checksum verified.
func (z *Zip) Read(f *zip.File, limit int64) ([]byte, error) {
	r, err := z.Member(f, limit, "")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r) // no more than the size in the directory: package zip sees to that
	if err != nil {
		return nil, z.Damaged(f, err)
	}
	return data, nil
}

// Damaged says which member is bad when package zip finds it so.
func (z *Zip) Damaged(f *zip.File, err error) error {
	var fe *Error
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1, Want: fmt.Sprintf("data with the checksum %08x", f.CRC32), Got: "other data", Err: zip.ErrChecksum}
	case errors.As(err, &corrupt):
		return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1, Want: "intact deflate data", Err: corrupt}
	case errors.As(err, &fe):
		return err
	}
	return &Error{Op: z.Op, Path: z.Path, Entry: f.Name, Offset: -1, Err: err}
}

// Close closes the file that OpenZip opened.
func (z *Zip) Close() error {
	if z.closer == nil {
		return nil
	}
	return z.closer.Close()
}
