package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The limit on file sizes stands in for a full disk: the kernel refuses the
// write in the same way.
func TestFullDiskNamesPathAndBytes(t *testing.T) {
	if os.Getenv("ATOMICFILE_FULL") == "" {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "model")
		if err := Write(path, put("old")); err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		// The limit holds for a whole process, so a child takes it.
		p, err := os.StartProcess(self, []string{self, "-test.run=^TestFullDiskNamesPathAndBytes$"},
			&os.ProcAttr{Env: append(os.Environ(), "ATOMICFILE_FULL="+path), Files: []*os.File{nil, os.Stdout, os.Stderr}})
		if err != nil {
			t.Fatal(err)
		}
		state, err := p.Wait()
		if err != nil || !state.Success() {
			t.Fatalf("child: %v %v", state, err)
		}
		if got, _ := os.ReadFile(path); string(got) != "old" {
			t.Errorf("content is %q, want the old one", got)
		}
		if f := files(t, filepath.Dir(path)); f != "model" {
			t.Errorf("folder holds %q, want only model", f)
		}
		return
	}

	path := os.Getenv("ATOMICFILE_FULL")
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 2 << 20, Max: 2 << 20}); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		for range 64 {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
		return nil
	})
	var e *Error
	if !errors.As(err, &e) || e.Path != path || e.Step != "write" || e.Bytes != 2<<20 || !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("got %#v", err)
	}
	if want := "write " + path + ": file too large (after 2097152 bytes)"; !strings.Contains(err.Error(), want) {
		t.Errorf("message %q, want %q", err, want)
	}
}
