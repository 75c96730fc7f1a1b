// Package npy reads and writes NumPy's array files: .npy, which holds one
// array, and .npz, a zip archive of them.
//
//	x, err := npy.Load("x.npy")              // numpy.load
//	err = npy.Save("y.npy", y)               // numpy.save
//	m, err := npy.LoadArchive("weights.npz") // dict(numpy.load(…))
//
// Column-major (Fortran-order) and big-endian arrays are converted, and the
// unsigned types that tensors lack become wider signed ones. Python objects,
// structured, complex and text arrays are refused.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/tensor"
)

const (
	readOp  = "read npy"
	writeOp = "write npy"

	magic = "\x93NUMPY"

	// maxHeader bounds the text of a header; that of 64 dimensions has under
	// 2 KB. Only structured types, which are refused, need more.
	maxHeader = 64 << 10
)

// Load reads the array in the file at path.
func Load(path string) (*tensor.Tensor, error) {
	a, err := LoadArray(path)
	if err != nil {
		return nil, err
	}
	return a.Tensor(), nil
}

// LoadArray is [Load] without the conversion to a tensor.
func LoadArray(path string) (*format.Array, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return (&decoder{path: path, r: f, size: size}).decode()
}

// Decode reads one array from r, which must end behind it.
func Decode(r io.Reader) (*format.Array, error) {
	return (&decoder{r: r, size: -1}).decode()
}

// decoder reads one array from one file or archive member.
type decoder struct {
	path, entry string
	r           io.Reader
	size        int64 // of what r gives, or −1 if unknown
	at          int64 // bytes read
}

func (d *decoder) fail(offset int64, want, got string) error {
	return &format.Error{Op: readOp, Path: d.path, Entry: d.entry, Offset: offset, Want: want, Got: got}
}

// read fills p from r.
func (d *decoder) read(p []byte, what string) error {
	n, err := io.ReadFull(d.r, p)
	d.at += int64(n)
	return d.short(err, what, len(p), n)
}

// short turns a read that came out short into an error that says so.
func (d *decoder) short(err error, what string, want, got int) error {
	var fe *format.Error
	if err == nil || errors.As(err, &fe) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &format.Error{Op: readOp, Path: d.path, Entry: d.entry, Offset: d.at, Want: fmt.Sprintf("%d bytes of %s", want, what), Got: fmt.Sprint(got), Err: err}
}

func (d *decoder) decode() (*format.Array, error) {
	h, err := d.header()
	if err != nil {
		return nil, err
	}
	n, ok := format.Count(h.shape)
	if !ok || n > math.MaxInt/16 {
		return nil, d.fail(d.at, "a shape of fewer than 2^59 elements", fmt.Sprint(h.shape))
	}
	data, err := d.data(n * h.kind.size)
	if err != nil {
		return nil, err
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	begin := d.at - int64(len(data))
	if h.big {
		(&format.Array{DType: widths[h.kind.size], Data: data}).SwapBytes()
	}
	if h.fortran {
		data = rowMajor(data, h.kind.size, h.shape)
	}
	a := &format.Array{DType: h.kind.dtype, Shape: h.shape, Data: data}
	if h.kind.widen != nil {
		var bad int
		if a.Data, bad = h.kind.widen(data); bad >= 0 {
			return nil, d.fail(begin, "unsigned 64-bit integers below 2^63", fmt.Sprintf("%d at index %d", binary.LittleEndian.Uint64(data[8*bad:]), bad))
		}
	}
	if err := a.Check(); err != nil {
		return nil, &format.Error{Op: readOp, Path: d.path, Entry: d.entry, Offset: begin, Err: err}
	}
	return a, nil
}

// widths has a type of each element size, for swapping bytes.
var widths = map[int]format.DType{1: format.U8, 2: format.I16, 4: format.I32, 8: format.I64}

// data reads the n bytes that the header promises. Where the size of the input
// is known they must be there; otherwise the buffer grows with what arrives.
func (d *decoder) data(n int) ([]byte, error) {
	if d.size >= 0 {
		if rest := d.size - d.at; int64(n) > rest {
			return nil, &format.Error{
				Op: readOp, Path: d.path, Entry: d.entry, Offset: d.at,
				Want: fmt.Sprintf("%d bytes of data", n), Got: fmt.Sprint(rest), Err: io.ErrUnexpectedEOF,
			}
		}
		data := make([]byte, n)
		return data, d.read(data, "data")
	}
	data, err := io.ReadAll(io.LimitReader(d.r, int64(n)))
	d.at += int64(len(data))
	if err == nil && len(data) < n {
		err = io.ErrUnexpectedEOF
	}
	return data, d.short(err, "data", n, len(data))
}

// end checks that nothing follows the array. In an archive it is also what
// makes package zip compare the checksum.
func (d *decoder) end() error {
	var one [1]byte
	n, err := io.ReadFull(d.r, one[:])
	if n > 0 {
		return d.fail(d.at, "the end, behind the array's data", "more bytes")
	}
	if err == io.EOF {
		return nil
	}
	return d.short(err, "nothing", 0, 0)
}

// rowMajor returns the elements of a column-major array in row-major order.
func rowMajor(data []byte, size int, shape []int) []byte {
	if len(shape) < 2 || len(data) == 0 {
		return data
	}
	out := make([]byte, 0, len(data))
	strides, step := make([]int, len(shape)), size
	for i, n := range shape {
		strides[i] = step
		step *= n
	}
	last := len(shape) - 1
	index, at := make([]int, last), 0
	for {
		for j, p := 0, at; j < shape[last]; j, p = j+1, p+strides[last] {
			out = append(out, data[p:p+size]...)
		}
		i := last - 1
		for ; i >= 0; i-- {
			index[i]++
			at += strides[i]
			if index[i] < shape[i] {
				break
			}
			at -= strides[i] * shape[i]
			index[i] = 0
		}
		if i < 0 {
			return out
		}
	}
}

// Save replaces the file at path by one that holds t. NumPy has no bfloat16:
// convert first.
func Save(path string, t *tensor.Tensor) (err error) {
	format.WithTensor(t, func(a *format.Array) { err = SaveArray(path, a) })
	return err
}

// SaveArray is [Save] for an array.
func SaveArray(path string, a *format.Array) error {
	return named(path, atomicfile.Write(path, func(w io.Writer) error { return Encode(w, a) }))
}

// named adds the path to an error of an encoder, which doesn't know it.
func named(path string, err error) error {
	var fe *format.Error
	if errors.As(err, &fe) && fe.Path == "" {
		fe.Path = path
	}
	return err
}

// Encode writes a to w as numpy.save does: version 1.0, row-major,
// little-endian.
func Encode(w io.Writer, a *format.Array) error {
	if err := a.Check(); err != nil {
		return &format.Error{Op: writeOp, Offset: -1, Err: err}
	}
	if len(a.Shape) > format.MaxRank {
		return &format.Error{Op: writeOp, Offset: -1, Want: fmt.Sprintf("at most %d dimensions", format.MaxRank), Got: fmt.Sprint(len(a.Shape))}
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.dtype == a.DType && k.widen == nil })
	if i < 0 {
		return &format.Error{Op: writeOp, Offset: -1, Want: "an element type that NumPy has", Got: a.DType.String(), Hint: "convert it to F32"}
	}
	order := "<"
	if kinds[i].size == 1 {
		order = "|"
	}
	var b bytes.Buffer
	b.WriteString(magic + "\x01\x00\x00\x00")
	fmt.Fprintf(&b, "{'descr': '%s%s', 'fortran_order': False, 'shape': (", order, kinds[i].name)
	for j, n := range a.Shape {
		if j > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	if len(a.Shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteString("), }")
	for (b.Len()+1)%64 != 0 {
		b.WriteByte(' ')
	}
	b.WriteByte('\n')
	binary.LittleEndian.PutUint16(b.Bytes()[8:], uint16(b.Len()-10))
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	_, err := w.Write(a.Data)
	return err
}
