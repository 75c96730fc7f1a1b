// Package malformed holds what the tests of all file readers share: the ways
// in which a file can be bad whatever its format, and the promise that each
// reader keeps about them. A bad file is refused with a [*format.Error] whose
// message says what was expected, and reading it takes at most 8 bytes of
// memory per byte of input plus 16 MiB.
package malformed

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/format"
)

// Case is a bad file and pieces of the message that refuses it.
type Case struct {
	Name string
	Data []byte
	Want []string
}

// Run checks that decode refuses every case.
func Run(t *testing.T, decode func([]byte) error, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var err error
			Heap(t, len(c.Data), func() { err = decode(c.Data) })
			Refused(t, err, c.Want...)
		})
	}
}

// Refused checks that err is a *format.Error with all of want in its message.
func Refused(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want an error with %q", want)
	}
	var fe *format.Error
	if !errors.As(err, &fe) {
		t.Fatalf("error %q is a %T, want a *format.Error", err, err)
	}
	if fe.Op == "" {
		t.Errorf("error %q names no operation", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("message %q\nlacks   %q", err, w)
		}
	}
	if len(err.Error()) > 1000 {
		t.Errorf("message of %d bytes", len(err.Error()))
	}
}

// Heap checks that f allocates at most 8 × input + 16 MiB. It counts all that
// is allocated, garbage included, so the bound holds for the peak a fortiori.
func Heap(t testing.TB, input int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(8*input+16<<20); got > limit {
		t.Errorf("allocated %d bytes for an input of %d, more than %d", got, input, limit)
	}
}

// Prefixes checks that decode refuses every proper prefix of good, from the
// empty one on, and good with a byte of junk behind it. Of inputs over 4 KiB
// it tries the first 1,024 prefixes, the last 1,024 and some between.
func Prefixes(t *testing.T, good []byte, decode func([]byte) error) {
	t.Helper()
	if err := decode(good); err != nil {
		t.Fatalf("the whole input is refused: %v", err)
	}
	for n := 0; n < len(good); n++ {
		if len(good) > 4096 && n > 1024 && n < len(good)-1024 && n%97 != 0 {
			continue
		}
		if err := decode(good[:n]); err == nil {
			t.Errorf("accepted when cut to %d of %d bytes", n, len(good))
		} else {
			Refused(t, err)
		}
	}
	if err := decode(append(bytes.Clone(good), 'x')); err == nil {
		t.Error("accepted with a byte of junk behind the end")
	} else {
		Refused(t, err)
	}
}

// Flips calls decode with each bit of the first n bytes of good inverted.
// Some of the results are valid files; none may panic, hang, take memory, or
// fail with anything but a *format.Error. It returns how many were refused.
func Flips(t *testing.T, good []byte, n int, decode func([]byte) error) (refused int) {
	t.Helper()
	bad := bytes.Clone(good)
	for i := range min(n, len(good)) {
		for bit := range 8 {
			bad[i] ^= 1 << bit
			var err error
			Heap(t, len(bad), func() { err = decode(bad) })
			if err != nil {
				Refused(t, err)
				refused++
			}
			bad[i] ^= 1 << bit
		}
	}
	return refused
}

// ErrDisk is the I/O error of [FailingReader] and [FailingReaderAt].
var ErrDisk = errors.New("input/output error")

// FailingReader returns data byte by byte and then [ErrDisk].
func FailingReader(data []byte) io.Reader {
	return io.MultiReader(&trickle{data}, failing{})
}

type trickle struct{ data []byte }

func (r *trickle) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.data[0]
	r.data = r.data[1:]
	return 1, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, ErrDisk }

// FailingReaderAt reads data but fails with [ErrDisk] where a read touches
// byte Bad or what is behind it.
type FailingReaderAt struct {
	Data []byte
	Bad  int64
}

// ReadAt implements io.ReaderAt.
func (r FailingReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > r.Bad {
		n := 0
		if offset < r.Bad {
			n = copy(p, r.Data[offset:r.Bad])
		}
		return n, ErrDisk
	}
	return bytes.NewReader(r.Data).ReadAt(p, offset)
}

// Paths checks that read refuses, at once and naming the path, a directory, a
// named pipe, symbolic links in a circle, a missing file and an empty one.
func Paths(t *testing.T, read func(path string) error) {
	t.Helper()
	dir := t.TempDir()
	paths := map[string]string{}
	add := func(name, want string, err error) {
		t.Helper()
		if err != nil {
			t.Logf("skipping %s: %v", name, err)
			return
		}
		paths[filepath.Join(dir, name)] = want
	}
	add("missing", "no such file", nil)
	add("folder", "expected a regular file, got a directory", os.Mkdir(filepath.Join(dir, "folder"), 0o777))
	add("pipe", "expected a regular file, got a named pipe", mkfifo(filepath.Join(dir, "pipe")))
	add("loop", "too many", os.Symlink("loop", filepath.Join(dir, "loop")))
	add("empty", "empty", os.WriteFile(filepath.Join(dir, "empty"), nil, 0o666))
	for path, want := range paths {
		done := make(chan error, 1)
		go func() { done <- read(path) }()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: accepted", path)
				continue
			}
			Refused(t, err, path, want)
		case <-time.After(5 * time.Second):
			t.Errorf("%s: reading hangs", path)
		}
	}
}
