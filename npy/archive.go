package npy

import (
	"archive/zip"
	"errors"
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
	zip     *format.Zip
	members map[string]*zip.File

	// MaxBytes is the most bytes that a compressed member may take when
	// inflated. OpenArchive sets 0, which means [format.MaxInflated] of its
	// compressed size; raise it for arrays that consist mostly of zeros.
	MaxBytes int64
}

// OpenArchive opens the .npz file at path and checks its directory. Arrays are
// read when asked for. The file stays open until Close.
func OpenArchive(path string) (*Archive, error) {
	z, err := format.OpenZip(readZip, path)
	if err != nil {
		return nil, err
	}
	a, err := newArchive(z)
	if err != nil {
		z.Close()
		return nil, err
	}
	return a, nil
}

// NewArchive reads the directory of an .npz file of size bytes. Arrays are
// read from r later.
func NewArchive(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := format.NewZip(readZip, "", r, size)
	if err != nil {
		return nil, err
	}
	return newArchive(z)
}

func newArchive(z *format.Zip) (*Archive, error) {
	if z.Comment != "" {
		return nil, &format.Error{Op: readZip, Path: z.Path, Offset: -1, Want: "the end record of a zip directory", Got: "a comment", Hint: "NumPy writes none; the file has junk behind its end"}
	}
	a := &Archive{zip: z, members: make(map[string]*zip.File, len(z.Files))}
	for _, f := range z.Files {
		name, ok := strings.CutSuffix(f.Name, suffix)
		if !ok {
			hint := ""
			if strings.HasSuffix(f.Name, "/data.pkl") {
				hint = "this looks like a PyTorch checkpoint; save it as safetensors"
			}
			return nil, &format.Error{Op: readZip, Path: z.Path, Entry: f.Name, Offset: -1, Want: "members named *.npy", Got: format.Quote(f.Name), Hint: hint}
		}
		a.members[name] = f
	}
	return a, nil
}

// Close closes the file that OpenArchive opened.
func (a *Archive) Close() error { return a.zip.Close() }

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
		return nil, &format.Error{Op: readZip, Path: a.zip.Path, Entry: name, Offset: -1, Want: "an array of this name", Got: "none", Hint: "arrays in the file: " + format.List(a.Names()), Err: os.ErrNotExist}
	}
	r, err := a.zip.Member(f, a.MaxBytes, "if the file is genuine, raise Archive.MaxBytes")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	x, err := (&decoder{path: a.zip.Path, entry: f.Name, r: r, size: int64(f.UncompressedSize64)}).decode()
	if err != nil {
		return nil, a.zip.Damaged(f, err)
	}
	return x, nil
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
