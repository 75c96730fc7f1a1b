// Package safetensors reads and writes tensors in the safetensors format, the
// one in which PyTorch users publish weights
// (https://huggingface.co/docs/safetensors).
//
// A file is an eight-byte little-endian length, a JSON header of that length
// and the tensors' bytes, one behind the other:
//
//	{"fc1.weight":{"dtype":"F32","shape":[120,400],"data_offsets":[0,192000]}, …}
//
// [Save] and [Load] are all that most programs need. [Open] is for large files:
// it reads the header only, and tensors when asked for. What the header says is compared with the size of the file before any
// memory is taken for it. [Save] replaces the file whole or not at all, with
// the same bytes as the reference implementation writes.
package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

const (
	readOp  = "read safetensors"
	writeOp = "write safetensors"

	// maxHeader is the reference implementation's limit.
	maxHeader = 100_000_000

	// metadataKey can't name a tensor.
	metadataKey = "__metadata__"
)

// Info describes one tensor of a file.
type Info struct {
	Name   string
	DType  format.DType
	Shape  []int
	Offset int64 // of the first byte, from the start of the file
	Size   int64 // in bytes
}

// File is an open safetensors file. It may be used by several goroutines.
type File struct {
	path     string
	r        io.ReaderAt
	closer   io.Closer
	tensors  []Info // in the order of their bytes
	index    map[string]int
	metadata map[string]string
}

// Open opens the file at path and checks its header. The file stays open
// until Close.
func Open(path string) (*File, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	file, err := newFile(f, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

// NewFile reads the header of a file of size bytes. Tensors are read from r
// later.
func NewFile(r io.ReaderAt, size int64) (*File, error) { return newFile(r, size, "") }

func newFile(r io.ReaderAt, size int64, path string) (*File, error) {
	h := header{path: path}
	if size == 0 {
		return nil, h.fail(0, "a safetensors header", "an empty file")
	}
	if size < 8 {
		return nil, h.failWith(size, "at least 8 bytes", fmt.Sprintf("%d", size), "", io.ErrUnexpectedEOF)
	}
	start := make([]byte, min(size, 16))
	if err := format.ReadFull(readOp, path, "the header's length", r, start, 0); err != nil {
		return nil, err
	}
	n := uint64(0)
	for i := 7; i >= 0; i-- {
		n = n<<8 | uint64(start[i])
	}
	// Any magic number may also be a length: only one that can't be a length
	// tells that the file is of another kind.
	if kind := format.Foreign(start); kind != "" && n > uint64(size-8) {
		return nil, h.fail(0, "a safetensors file", kind)
	}
	if n > maxHeader {
		return nil, h.fail(0, fmt.Sprintf("a header of at most %d bytes", maxHeader), fmt.Sprintf("a length of %d", n))
	}
	if n > uint64(size-8) {
		return nil, h.failWith(0, fmt.Sprintf("a header of at most %d bytes, as many as follow", size-8), fmt.Sprintf("a length of %d", n), "the file is cut short or isn't safetensors", io.ErrUnexpectedEOF)
	}
	if n < 2 {
		return nil, h.fail(0, "a header of at least 2 bytes", fmt.Sprintf("a length of %d", n))
	}
	h.text = make([]byte, n)
	if err := format.ReadFull(readOp, path, "header", r, h.text, 8); err != nil {
		return nil, err
	}
	if err := h.parse(); err != nil {
		return nil, err
	}
	file := &File{path: path, r: r, tensors: h.tensors, index: h.index, metadata: h.metadata}
	if err := file.arrange(8+int64(n), size); err != nil {
		return nil, err
	}
	return file, nil
}

// arrange sorts the tensors by place and checks that they fill the file from
// start to size without hole or overlap. On entry the offsets count from 0.
func (f *File) arrange(start, size int64) error {
	slices.SortFunc(f.tensors, func(a, b Info) int {
		if a.Offset != b.Offset {
			return compare(a.Offset, b.Offset)
		}
		if a.Size != b.Size {
			return compare(a.Size, b.Size)
		}
		return compare(a.Name, b.Name)
	})
	fail := func(t *Info, want, got string, err error) error {
		return &format.Error{Op: readOp, Path: f.path, Entry: t.Name, Offset: start + t.Offset, Want: want, Got: got, Err: err}
	}
	end := int64(0)
	for i := range f.tensors {
		t := &f.tensors[i]
		switch {
		case t.Offset < end:
			return fail(t, fmt.Sprintf("data_offsets to begin at %d, where the tensor before ends", end), fmt.Sprintf("%d (they overlap)", t.Offset), nil)
		case t.Offset > end:
			return fail(t, fmt.Sprintf("data_offsets to begin at %d, where the tensor before ends", end), fmt.Sprintf("%d (a hole)", t.Offset), nil)
		case t.Size > size-start-end:
			return fail(t, fmt.Sprintf("data up to byte %d", uint64(start+end)+uint64(t.Size)), fmt.Sprintf("a file of %d bytes", size), io.ErrUnexpectedEOF)
		}
		end += t.Size
		t.Offset += start
		f.index[t.Name] = i
	}
	if start+end != size {
		return &format.Error{
			Op: readOp, Path: f.path, Offset: start + end,
			Want: "the end of the file, behind the last tensor", Got: fmt.Sprintf("%d more bytes", size-start-end),
		}
	}
	return nil
}

func compare[T int64 | string](a, b T) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for i := range f.tensors {
		names = append(names, f.tensors[i].Name)
	}
	slices.Sort(names)
	return names
}

// Metadata returns a copy of the header's free-form strings.
func (f *File) Metadata() map[string]string {
	m := make(map[string]string, len(f.metadata))
	for k, v := range f.metadata {
		m[k] = v
	}
	return m
}

// Info describes the named tensor.
func (f *File) Info(name string) (Info, bool) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, false
	}
	t := f.tensors[i]
	t.Shape = slices.Clone(t.Shape)
	return t, true
}

// Array reads the named tensor as it is in the file.
func (f *File) Array(name string) (*format.Array, error) {
	t, ok := f.Info(name)
	if !ok {
		return nil, f.missing(name)
	}
	a := &format.Array{DType: t.DType, Shape: t.Shape, Data: make([]byte, t.Size)}
	if err := format.ReadFull(readOp, f.path, "tensor "+format.Quote(name), f.r, a.Data, t.Offset); err != nil {
		return nil, err
	}
	if err := a.Check(); err != nil {
		return nil, &format.Error{Op: readOp, Path: f.path, Entry: name, Offset: t.Offset, Err: err}
	}
	return a, nil
}

// Tensor reads the named tensor. I16 and I8 become Int32.
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	i, ok := f.index[name]
	if !ok {
		return nil, f.missing(name)
	}
	info := &f.tensors[i]
	t, err := format.ReadTensor(info.DType, info.Shape, func(b []byte) error {
		return format.ReadFull(readOp, f.path, "tensor "+format.Quote(name), f.r, b, info.Offset)
	})
	var fe *format.Error
	if err != nil && !errors.As(err, &fe) {
		err = &format.Error{Op: readOp, Path: f.path, Entry: name, Offset: info.Offset, Err: err}
	}
	return t, err
}

// missing says that there is no such tensor, and what there is.
func (f *File) missing(name string) error {
	hint := fmt.Sprintf("tensors in the file (%d): %s", len(f.tensors), format.List(f.Names()))
	return &format.Error{Op: readOp, Path: f.path, Entry: name, Offset: -1, Want: "a tensor of this name", Got: "none", Hint: hint, Err: os.ErrNotExist}
}

// Load reads all tensors of the file at path.
func Load(path string) (map[string]*tensor.Tensor, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return all(f, f.Tensor)
}

// Decode reads a safetensors file of unknown size from r, to the end, and
// returns its tensors and metadata. It holds the file in memory; [NewFile]
// doesn't.
func Decode(r io.Reader) (map[string]*tensor.Tensor, map[string]string, error) {
	data, err := format.Bytes(readOp, r, math.MaxInt64-1)
	if err != nil {
		return nil, nil, err
	}
	f, err := NewFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	tensors, err := all(f, f.Tensor)
	return tensors, f.Metadata(), err
}

// LoadArrays reads all tensors of the file at path as they are in the file,
// and its metadata.
func LoadArrays(path string) (map[string]*format.Array, map[string]string, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	arrays, err := all(f, f.Array)
	return arrays, f.Metadata(), err
}

// all reads every tensor of f, in the order of the bytes.
func all[T any](f *File, read func(name string) (T, error)) (map[string]T, error) {
	m := make(map[string]T, len(f.tensors))
	for _, t := range f.tensors {
		v, err := read(t.Name)
		if err != nil {
			return nil, err
		}
		m[t.Name] = v
	}
	return m, nil
}
