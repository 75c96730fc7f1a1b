// Package atomicfile replaces files so that whatever happens, kill -9 or a
// full disk included, the path holds either the old content or the new one,
// whole.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
)

// Error says at which step the writing of a file failed, and how much of the
// new content had been written. The old file is untouched.
type Error struct {
	Path  string
	Step  string // "create", "write", "sync", "rename" or "sync folder of"
	Bytes int64  // of the new content that had been written
	Err   error  // errors.Is finds syscall.ENOSPC, fs.ErrPermission, …
}

// Error tells what could not be done, with the path and the bytes written.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %v (after %d bytes)", e.Step, e.Path, e.Err, e.Bytes)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Write replaces the file at path by what write puts out. The content goes to
// a new file beside it, which is synced to disk and then renamed; the folder
// is synced last, so that a power cut after Write returns loses nothing. If
// write fails, its error is returned as it is when it isn't about the file.
// The folder must exist. A symbolic link at path is replaced, not followed.
func Write(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &Error{Path: path, Step: "write", Err: fmt.Errorf("there is something at the path that is not a regular file (%s)", info.Mode().Type())}
	}
	f, err := create(path)
	if err != nil {
		return &Error{Path: path, Step: "create", Err: cause(err)}
	}
	aside := f.Name()
	done := false
	// The deferred clean-up also runs when write panics.
	defer func() {
		if !done {
			f.Close()
			os.Remove(aside)
		}
	}()

	count := &counter{w: f}
	buffer := bufio.NewWriterSize(count, 1<<20)
	if err := write(buffer); err != nil {
		if count.err != nil {
			return &Error{Path: path, Step: "write", Bytes: count.n, Err: cause(count.err)}
		}
		return err
	}
	if err := buffer.Flush(); err != nil {
		return &Error{Path: path, Step: "write", Bytes: count.n, Err: cause(err)}
	}
	if err := f.Sync(); err != nil {
		return &Error{Path: path, Step: "sync", Bytes: count.n, Err: cause(err)}
	}
	if err := f.Close(); err != nil {
		return &Error{Path: path, Step: "write", Bytes: count.n, Err: cause(err)}
	}
	if err := os.Rename(aside, path); err != nil {
		return &Error{Path: path, Step: "rename", Bytes: count.n, Err: cause(err)}
	}
	done = true
	if err := SyncFolder(filepath.Dir(path)); err != nil {
		return &Error{Path: path, Step: "sync folder of", Bytes: count.n, Err: cause(err)}
	}
	return nil
}

// create opens a new file beside path. os.CreateTemp would give it mode 0600;
// the result should be as readable as any other file that the user makes.
func create(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return f, err
		}
	}
}

// stale matches the names that create makes.
var stale = regexp.MustCompile(`^\..+\.[0-9a-f]{8}\.tmp$`)

// RemoveStale removes what killed processes have left in dir while they were
// writing files there. Nobody may be writing in dir at the time.
func RemoveStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && stale.MatchString(e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// cause strips operation and path of the file aside, which no longer exists.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}

type counter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
