// Package idx reads IDX files, the format of MNIST and its successors
// (http://yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of
// dimensions, the dimensions in big-endian, the elements in row-major order.
// Files may be compressed with gzip; the first bytes decide, not the name.
//
//	images, labels, err := idx.ReadPair("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 10)
package idx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/gradus-ml/gradus/format"
)

const readOp = "read IDX"

// types are the element types by their code.
var types = map[byte]format.DType{
	0x08: format.U8, 0x09: format.I8, 0x0b: format.I16, 0x0c: format.I32, 0x0d: format.F32, 0x0e: format.F64,
}

// Read reads the array in the file at path. A compressed file may grow to
// [format.MaxInflated] of its size.
func Read(path string) (*format.Array, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decode(f, size, path)
}

// Decode reads one array from r, which must end behind it. size is the length
// of r in bytes as it is, compressed or not.
func Decode(r io.Reader, size int64) (*format.Array, error) { return decode(r, size, "") }

type decoder struct {
	path  string
	r     io.Reader
	limit int64 // on what r may hold
	zip   bool
	at    int64
}

func decode(r io.Reader, size int64, path string) (*format.Array, error) {
	d := &decoder{path: path, limit: size}
	if size == 0 {
		return nil, d.fail(0, "an IDX header", "an empty file", "")
	}
	content, zipped, err := format.Inflate(readOp, path, r, format.MaxInflated(size))
	if err != nil {
		return nil, err
	}
	d.r, d.zip = content, zipped
	if zipped {
		d.limit = format.MaxInflated(size)
	}
	return d.array()
}

// fail reports a fault at offset, which counts decompressed bytes.
func (d *decoder) fail(offset int64, want, got, hint string) error {
	if d.zip {
		want += " (decompressed)"
	}
	return &format.Error{Op: readOp, Path: d.path, Offset: offset, Want: want, Got: got, Hint: hint}
}

// read fills p.
func (d *decoder) read(p []byte, what string) error {
	n, err := io.ReadFull(d.r, p)
	d.at += int64(n)
	var fe *format.Error
	if err == nil || errors.As(err, &fe) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &format.Error{Op: readOp, Path: d.path, Offset: d.at, Want: fmt.Sprintf("%d bytes of %s", len(p), what), Got: fmt.Sprint(n), Err: err}
}

func (d *decoder) array() (*format.Array, error) {
	var start [4]byte
	if err := d.read(start[:], "IDX header"); err != nil {
		return nil, err
	}
	if start[0] != 0 || start[1] != 0 {
		got := format.Foreign(start[:])
		if got == "" {
			got = fmt.Sprintf("%#02x %#02x", start[0], start[1])
		}
		hint := ""
		if _, ok := types[start[1]]; ok && start[2] == 0 && start[3] == 0 {
			hint = "the header is little-endian; IDX is big-endian"
		}
		return nil, d.fail(0, "two zero bytes, the begin of IDX", got, hint)
	}
	dtype, ok := types[start[2]]
	if !ok {
		return nil, d.fail(2, "one of the element types 0x08 0x09 0x0b 0x0c 0x0d 0x0e", fmt.Sprintf("%#02x", start[2]), "")
	}
	rank := int(start[3])
	if rank == 0 || rank > format.MaxRank {
		return nil, d.fail(3, fmt.Sprintf("1 to %d dimensions", format.MaxRank), fmt.Sprint(rank), "")
	}
	dims := make([]byte, 4*rank)
	if err := d.read(dims, "dimensions"); err != nil {
		return nil, err
	}
	shape, swapped := make([]int, rank), make([]int, rank)
	for i := range shape {
		n := binary.BigEndian.Uint32(dims[4*i:])
		if int64(n) > math.MaxInt {
			return nil, d.fail(4+4*int64(i), "dimensions that this machine can address", fmt.Sprint(n), "")
		}
		shape[i], swapped[i] = int(n), int(bits.ReverseBytes32(n))
	}
	data, err := d.data(dtype, shape, swapped)
	if err != nil {
		return nil, err
	}
	a := &format.Array{DType: dtype, Shape: shape, Data: data}
	a.SwapBytes()
	return a, nil
}

// data reads the elements, after comparing their number with the size of the
// file. If the dimensions fit only when their bytes are swapped, it says so.
func (d *decoder) data(dtype format.DType, shape, swapped []int) ([]byte, error) {
	n, ok := dtype.Bytes(shape)
	rest := d.limit - d.at
	if !ok || int64(n) > rest {
		hint := ""
		if m, ok := dtype.Bytes(swapped); ok && int64(m) <= rest {
			hint = fmt.Sprintf("with their bytes swapped the dimensions are %v: the file was written little-endian", swapped)
		}
		got := fmt.Sprintf("dimensions %v", shape)
		if ok {
			got += fmt.Sprintf(", which need %d", n)
		}
		if d.zip {
			if hint == "" {
				hint = "if the file is genuine, decompress it first"
			}
			return nil, d.fail(4, fmt.Sprintf("at most %d bytes of data from a gzip file this small", rest), got, hint)
		}
		return nil, &format.Error{Op: readOp, Path: d.path, Offset: 4, Want: fmt.Sprintf("dimensions for the %d bytes that follow", rest), Got: got, Hint: hint, Err: io.ErrUnexpectedEOF}
	}
	data := make([]byte, n)
	if err := d.read(data, fmt.Sprintf("data of dimensions %v", shape)); err != nil {
		return nil, err
	}
	// Reading on to the end also makes gzip compare its checksum.
	var one [1]byte
	k, err := io.ReadFull(d.r, one[:])
	var fe *format.Error
	switch {
	case k > 0:
		return nil, d.fail(d.at, fmt.Sprintf("the end, behind the data of dimensions %v", shape), "more bytes", "")
	case err == io.EOF:
		return data, nil
	case errors.As(err, &fe):
		return nil, err
	}
	return nil, &format.Error{Op: readOp, Path: d.path, Offset: d.at, Err: err}
}

// ReadPair reads a file of images, U8 of shape [n, height, width], and one of
// n labels, U8 in [0, classes). It refuses files that don't belong together.
func ReadPair(images, labels string, classes int) (x, y *format.Array, err error) {
	if x, err = Read(images); err != nil {
		return nil, nil, err
	}
	if y, err = Read(labels); err != nil {
		return nil, nil, err
	}
	fail := func(path string, offset int64, want, got, hint string) (*format.Array, *format.Array, error) {
		return nil, nil, &format.Error{Op: readOp, Path: path, Offset: offset, Want: want, Got: got, Hint: hint}
	}
	describe := func(a *format.Array) string { return fmt.Sprintf("%s %v", a.DType, a.Shape) }
	if len(x.Shape) == 1 && len(y.Shape) == 3 {
		return fail(images, 3, "images, U8 of 3 dimensions", describe(x), fmt.Sprintf("the files are swapped: %s has the images", labels))
	}
	if x.DType != format.U8 || len(x.Shape) != 3 {
		return fail(images, 2, "images, U8 of 3 dimensions", describe(x), "")
	}
	if y.DType != format.U8 || len(y.Shape) != 1 {
		return fail(labels, 2, "labels, U8 of 1 dimension", describe(y), "")
	}
	if x.Shape[0] != y.Shape[0] {
		return fail(labels, 4, fmt.Sprintf("%d labels, one for each image in %s", x.Shape[0], images), fmt.Sprint(y.Shape[0]), "")
	}
	for i, c := range y.Data {
		if int(c) >= classes {
			return fail(labels, 8+int64(i), fmt.Sprintf("labels from 0 to %d", classes-1), fmt.Sprintf("%d for image %d", c, i), "")
		}
	}
	return x, y, nil
}
