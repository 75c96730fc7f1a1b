package format

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Open opens the regular file at path and returns it with its size in bytes.
// Directories, pipes, sockets, devices and symbolic links that go round in
// circles are refused without opening them, since opening a pipe would hang.
// op begins the message of the error.
func Open(op, path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, pathError(op, path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &Error{Op: op, Path: path, Offset: -1, Want: "a regular file", Got: kindOf(info.Mode())}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, pathError(op, path, err)
	}
	// The file may have been replaced in between: the size that counts is
	// that of the file we hold.
	info, err = f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, pathError(op, path, err)
	}
	return f, info.Size(), nil
}

// pathError strips the operation and path that package os repeats.
func pathError(op, path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &Error{Op: op, Path: path, Offset: -1, Err: err}
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else (" + m.Type().String() + ")"
}

// MaxInflated is how many bytes a compressed file or archive entry of n bytes
// may grow to when the caller sets no limit: 8 n + 8 MiB. Real data stays far
// below it (MNIST's images grow 4.7-fold), deflate bombs grow 1,000-fold.
func MaxInflated(n int64) int64 { return 8*n + 8<<20 }

// Inflate returns a reader of r's content, decompressed if r begins with
// gzip's magic bytes and as it is otherwise: the name of a file says nothing.
// Several gzip members are one stream, as in gunzip. Reading more than limit
// decompressed bytes fails with an [*Error]; plain content isn't limited.
func Inflate(op, path string, r io.Reader, limit int64) (content io.Reader, zipped bool, err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, false, &Error{Op: op, Path: path, Offset: 0, Err: err}
	}
	if len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, false, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, true, &Error{Op: op, Path: path, Offset: 0, Want: "a gzip header", Err: tidy(err)}
	}
	return &inflater{op: op, path: path, z: z, limit: limit}, true, nil
}

// inflater names the file and the limit in gzip's errors.
type inflater struct {
	op, path string
	z        *gzip.Reader
	n, limit int64
}

func (f *inflater) Read(p []byte) (int, error) {
	// One byte over the limit is let through to tell "exactly the limit" from
	// "more".
	if room := f.limit + 1 - f.n; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := f.z.Read(p)
	f.n += int64(n)
	if f.n > f.limit {
		return 0, &Error{
			Op: f.op, Path: f.path, Offset: -1,
			Want: fmt.Sprintf("at most %d bytes after decompression", f.limit),
			Got:  "more",
			Hint: "if the file is genuine, decompress it first or raise the limit",
		}
	}
	if err != nil && err != io.EOF {
		what := "damaged gzip data"
		if errors.Is(err, io.ErrUnexpectedEOF) {
			what = "gzip data that ends early"
		}
		err = &Error{Op: f.op, Path: f.path, Offset: -1, Want: "intact gzip data", Got: fmt.Sprintf("%s, %d decompressed bytes in", what, f.n), Err: tidy(err)}
	}
	return n, err
}

// tidy keeps errors.Is working while turning "unexpected EOF" and the like
// into something that reads well at the end of a sentence.
func tidy(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadFull fills p with the bytes of r at offset, or says how many were
// missing. It is for readers of a known size, whose short read means damage.
func ReadFull(op, path, what string, r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{
		Op: op, Path: path, Offset: offset + int64(n),
		Want: fmt.Sprintf("%d bytes of %s", len(p), what), Got: fmt.Sprintf("%d", n), Err: err,
	}
}

// Bytes reads all of r, at most limit bytes. The buffer grows with what has
// arrived, never with what a header promises.
func Bytes(op string, r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, &Error{Op: op, Offset: int64(len(data)), Want: "more data", Got: "a failing read", Err: err}
	}
	if int64(len(data)) > limit {
		return nil, &Error{Op: op, Offset: limit, Want: fmt.Sprintf("at most %d bytes", limit), Got: "more"}
	}
	return data, nil
}

// Foreign names the format that data begins with, if it is a well-known one:
// "a PNG image". It returns "" otherwise. Most files refused for their first
// bytes are good files of another kind.
func Foreign(data []byte) string {
	s := string(data[:min(len(data), 16)])
	for _, m := range magics {
		if strings.HasPrefix(s, m.prefix) {
			return m.name
		}
	}
	switch {
	case len(s) < 12:
	case s[:4] == "RIFF" && s[8:12] == "WEBP":
		return "a WebP image"
	case s[4:8] == "ftyp":
		return "an HEIC or AVIF image or an MP4 video"
	case s[:2] == "BM" && s[6:10] == "\x00\x00\x00\x00":
		return "a BMP image"
	}
	return ""
}

var magics = []struct{ prefix, name string }{
	{"\x89PNG", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"GIF8", "a GIF image"},
	{"II*\x00", "a TIFF image"},
	{"MM\x00*", "a TIFF image"},
	{"\x1f\x8b", "gzip data"},
	{"PK\x03\x04", "a zip archive (npz, PyTorch checkpoint, …)"},
	{"PK\x05\x06", "an empty zip archive"},
	{"\x93NUMPY", "a NumPy array (npy)"},
	{"\x89HDF", "an HDF5 file"},
	{"GGUF", "a GGUF file"},
	{"PAR1", "a Parquet file"},
	{"SQLite", "an SQLite database"},
	{"%PDF", "a PDF document"},
	{"\x7fELF", "an ELF program"},
	{"BZh", "bzip2 data"},
	{"\xfd7zXZ", "xz data"},
	{"\x28\xb5\x2f\xfd", "Zstandard data"},
	{"\x80\x02", "a Python pickle"},
	{"\x80\x03", "a Python pickle"},
	{"\x80\x04", "a Python pickle"},
	{"<!DO", "an HTML page (a failed download?)"},
	{"<html", "an HTML page (a failed download?)"},
	{"version https://git-lfs", "a Git LFS pointer (run git lfs pull)"},
	{"version https://", "a Git LFS pointer (run git lfs pull)"},
	{"\x00\x00\x08", "an IDX file"},
}
