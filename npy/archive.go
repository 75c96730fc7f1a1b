package npy

import (
	"archive/zip"
	"cmp"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/tensor"
)

const (
	readZip  = "read npz"
	writeZip = "write npz"
	suffix   = ".npy"
)

// Archive is an open .npz file.
type Archive struct {
	path    string
	closer  io.Closer
	members map[string]*zip.File

	// MaxBytes is the most bytes that a compressed member may take when
	// inflated. OpenArchive sets 0, which means [format.MaxInflated] of its
	// compressed size; raise it for arrays that consist mostly of zeros.
	MaxBytes int64
}

// OpenArchive opens the .npz file at path and checks its directory. Arrays are
// read when asked for. The file stays open until Close.
func OpenArchive(path string) (*Archive, error) {
	f, size, err := format.Open(readZip, path)
	if err != nil {
		return nil, err
	}
	a, err := newArchive(f, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	a.closer = f
	return a, nil
}

// NewArchive reads the directory of an .npz file of size bytes. Arrays are
// read from r later.
func NewArchive(r io.ReaderAt, size int64) (*Archive, error) { return newArchive(r, size, "") }

func newArchive(r io.ReaderAt, size int64, path string) (*Archive, error) {
	fail := func(offset int64, want, got string) error {
		return &format.Error{Op: readZip, Path: path, Offset: offset, Want: want, Got: got}
	}
	if size == 0 {
		return nil, fail(0, "a zip archive", "an empty file")
	}
	// A zip archive is found from its end, so package zip takes files with
	// anything in front of it or behind it. An .npz has neither, nor a comment.
	const endSize = 22
	if size < endSize {
		return nil, &format.Error{Op: readZip, Path: path, Offset: size, Want: fmt.Sprintf("at least %d bytes", endSize), Got: fmt.Sprint(size), Err: io.ErrUnexpectedEOF}
	}
	begin, end := make([]byte, 16), make([]byte, endSize)
	if err := format.ReadFull(readZip, path, "zip header", r, begin, 0); err != nil {
		return nil, err
	}
	if s := string(begin[:4]); s != "PK\x03\x04" && s != "PK\x05\x06" {
		got := format.Foreign(begin)
		if got == "" {
			got = format.Quote(begin[:4])
		}
		return nil, fail(0, "a zip archive", got)
	}
	if err := format.ReadFull(readZip, path, "zip directory", r, end, size-endSize); err != nil {
		return nil, err
	}
	if string(end[:4]) != "PK\x05\x06" || end[20] != 0 || end[21] != 0 {
		return nil, &format.Error{Op: readZip, Path: path, Offset: size - endSize, Want: "the end record of a zip directory", Got: format.Quote(end[:4]), Hint: "the file is cut short or has junk behind its end"}
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &format.Error{Op: readZip, Path: path, Offset: -1, Want: "a zip directory", Err: err}
	}
	a := &Archive{path: path, members: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, suffix)
		bad := func(want, got, hint string) error {
			return &format.Error{Op: readZip, Path: path, Entry: f.Name, Offset: -1, Want: want, Got: got, Hint: hint}
		}
		switch {
		case strings.ContainsRune(f.Name, '\\') || !fs.ValidPath(strings.TrimSuffix(f.Name, "/")):
			return nil, bad("a name that stays inside the archive", format.Quote(f.Name), "")
		case !ok:
			hint := ""
			if strings.HasSuffix(f.Name, "/data.pkl") {
				hint = "this looks like a PyTorch checkpoint; save it as safetensors"
			}
			return nil, bad("members named *.npy", format.Quote(f.Name), hint)
		case f.Flags&1 != 0:
			return nil, bad("a member that is not encrypted", "an encrypted one", "")
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return nil, bad("a member that is stored or deflated", fmt.Sprintf("compression method %d", f.Method), "")
		case f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64:
			return nil, bad("equal sizes of a stored member", fmt.Sprintf("%d and %d", f.CompressedSize64, f.UncompressedSize64), "")
		case a.members[name] != nil:
			return nil, bad("each member once", "a second one of this name", "")
		}
		a.members[name] = f
	}
	return a, a.apart(size)
}

// apart checks that the members' bytes lie in the file and don't overlap:
// overlapping ones let a small archive hold petabytes
// (Fifield, "A better zip bomb", 2019).
func (a *Archive) apart(size int64) error {
	type span struct {
		name       string
		begin, end int64
	}
	spans := make([]span, 0, len(a.members))
	for name, f := range a.members {
		begin, err := f.DataOffset()
		if err != nil {
			return &format.Error{Op: readZip, Path: a.path, Entry: name + suffix, Offset: -1, Want: "a member's header where the directory says", Err: err}
		}
		if begin < 0 || begin > size || f.CompressedSize64 > uint64(size-begin) {
			return &format.Error{Op: readZip, Path: a.path, Entry: name + suffix, Offset: begin, Want: fmt.Sprintf("%d bytes", f.CompressedSize64), Got: fmt.Sprintf("a file of %d", size), Err: io.ErrUnexpectedEOF}
		}
		spans = append(spans, span{name, begin, begin + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(x, y span) int {
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(x.name, y.name))
	})
	for i := 1; i < len(spans); i++ {
		// At least 30 bytes of header lie between two members.
		if before, s := spans[i-1], spans[i]; s.begin < before.end+30 {
			return &format.Error{
				Op: readZip, Path: a.path, Entry: s.name + suffix, Offset: s.begin,
				Want: fmt.Sprintf("a member behind byte %d, where %s ends", before.end, format.Quote(before.name+suffix)), Got: "one that overlaps it",
			}
		}
	}
	return nil
}

// Close closes the file that OpenArchive opened.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// Names returns the names of the arrays without ".npy", sorted.
func (a *Archive) Names() []string { return slices.Sorted(maps.Keys(a.members)) }

// Tensor reads the named array as a tensor.
func (a *Archive) Tensor(name string) (*tensor.Tensor, error) {
	x, err := a.Array(name)
	if err != nil {
		return nil, err
	}
	return x.Tensor(), nil
}

// Array reads the named array.
func (a *Archive) Array(name string) (*format.Array, error) {
	f, ok := a.members[name]
	if !ok {
		return nil, &format.Error{Op: readZip, Path: a.path, Entry: name, Offset: -1, Want: "an array of this name", Got: "none", Hint: "arrays in the file: " + format.List(a.Names()), Err: os.ErrNotExist}
	}
	limit := uint64(a.MaxBytes)
	if a.MaxBytes <= 0 {
		limit = uint64(format.MaxInflated(int64(f.CompressedSize64)))
	}
	if f.Method == zip.Deflate && f.UncompressedSize64 > limit {
		return nil, &format.Error{
			Op: readZip, Path: a.path, Entry: f.Name, Offset: -1,
			Want: fmt.Sprintf("at most %d bytes after decompression", limit), Got: fmt.Sprint(f.UncompressedSize64), Hint: "if the file is genuine, raise Archive.MaxBytes",
		}
	}
	r, err := f.Open()
	if err != nil {
		return nil, a.damaged(f, err)
	}
	defer r.Close()
	x, err := (&decoder{path: a.path, entry: f.Name, r: r, size: int64(f.UncompressedSize64)}).decode()
	if err != nil {
		return nil, a.damaged(f, err)
	}
	return x, nil
}

// damaged says which member is bad when package zip finds it so.
func (a *Archive) damaged(f *zip.File, err error) error {
	var fe *format.Error
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return &format.Error{Op: readZip, Path: a.path, Entry: f.Name, Offset: -1, Want: fmt.Sprintf("data with the checksum %08x", f.CRC32), Got: "other data", Err: zip.ErrChecksum}
	case errors.As(err, &corrupt):
		return &format.Error{Op: readZip, Path: a.path, Entry: f.Name, Offset: -1, Want: "intact deflate data", Err: corrupt}
	case errors.As(err, &fe):
		return err
	}
	return &format.Error{Op: readZip, Path: a.path, Entry: f.Name, Offset: -1, Err: err}
}

// LoadArchive reads all arrays of the .npz file at path.
func LoadArchive(path string) (map[string]*tensor.Tensor, error) {
	a, err := OpenArchive(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	m := make(map[string]*tensor.Tensor, len(a.members))
	for _, name := range a.Names() {
		if m[name], err = a.Tensor(name); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// SaveArchive replaces the .npz file at path by one with the given tensors,
// without compression, as numpy.savez does.
func SaveArchive(path string, tensors map[string]*tensor.Tensor) error {
	return saveArchive(path, tensors, zip.Store)
}

// SaveCompressed is [SaveArchive] with compression, as
// numpy.savez_compressed. Trained weights hardly shrink.
func SaveCompressed(path string, tensors map[string]*tensor.Tensor) error {
	return saveArchive(path, tensors, zip.Deflate)
}

func saveArchive(path string, tensors map[string]*tensor.Tensor, method uint16) error {
	return named(path, atomicfile.Write(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			if !fs.ValidPath(name) || strings.ContainsRune(name, '\\') {
				return &format.Error{Op: writeZip, Entry: name, Offset: -1, Want: "a name that stays inside the archive", Got: format.Quote(name)}
			}
			m, err := z.CreateHeader(&zip.FileHeader{Name: name + suffix, Method: method})
			if err != nil {
				return err
			}
			format.WithTensor(tensors[name], func(a *format.Array) { err = Encode(m, a) })
			if err != nil {
				var fe *format.Error
				if errors.As(err, &fe) {
					fe.Entry = name
				}
				return err
			}
		}
		return z.Close()
	}))
}
