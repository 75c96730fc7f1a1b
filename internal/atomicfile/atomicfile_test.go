package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for _, content := range []string{"first", "second, longer", ""} {
		if err := Write(path, put(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Fatalf("got %q, %v; want %q", got, err, content)
		}
		if f := files(t, dir); f != "x" {
			t.Fatalf("folder holds %q, want only x", f)
		}
	}
}

// A writer that fails or panics half-way leaves the old content and nothing
// beside it.
func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := Write(path, func(w io.Writer) error {
		w.Write(make([]byte, 3<<20))
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v, want the writer's error", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		Write(path, func(w io.Writer) error { panic("boom") })
	}()
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("content is %q, want the old one", got)
	}
	if f := files(t, dir); f != "x" {
		t.Errorf("folder holds %q, want only x", f)
	}
}

func TestErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "no", "x")
	err := Write(missing, put("a"))
	var e *Error
	if !errors.As(err, &e) || e.Path != missing || e.Step != "create" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %#v", err)
	}
	called := false
	err = Write(dir, func(io.Writer) error { called = true; return nil })
	if !errors.As(err, &e) || e.Path != dir || called {
		t.Errorf("a directory in the way: %v (writer called: %v)", err, called)
	}
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x", ".x.0123abcd.tmp", ".y z.00000000.tmp", ".x.tmp", ".x.0123abcX.tmp", "x.0123abcd.tmp", "..0123abcd.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStale(dir); err != nil {
		t.Fatal(err)
	}
	if f := files(t, dir); f != "..0123abcd.tmp .x.0123abcX.tmp .x.tmp x x.0123abcd.tmp" {
		t.Errorf("left are %s", f)
	}
	// What Write has beside the file while it works is such a name.
	err := Write(filepath.Join(dir, "x"), func(io.Writer) error {
		before := files(t, dir)
		if err := RemoveStale(dir); err != nil {
			t.Error(err)
		}
		if files(t, dir) == before {
			t.Errorf("%s: nothing was removed", before)
		}
		return errors.New("enough")
	})
	if err == nil {
		t.Error("the file was replaced")
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("x", put("relative")); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile("x"); string(got) != "relative" {
		t.Errorf("got %q", got)
	}
}
