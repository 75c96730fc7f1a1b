package sets

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Dir returns the folder that holds data sets: the environment variable GRADUS_DATA, or else gradus in the user's cache folder.
func Dir() (string, error) {
	if dir := os.Getenv("GRADUS_DATA"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("sets: no folder for data sets: %w; set GRADUS_DATA to one", err)
	}
	return filepath.Join(dir, "gradus"), nil
}

// Where returns the folder of a set and whether all of its files are there.
func Where(name string) (dir string, complete bool, err error) {
	e, err := find(name)
	if err != nil {
		return "", false, err
	}
	if dir, err = e.dir(); err != nil {
		return "", false, err
	}
	return dir, len(e.missing(dir)) == 0, nil
}

func (e *entry) dir() (string, error) {
	dir, err := Dir()
	return filepath.Join(dir, e.folder), err
}

// missing returns the files that aren't in dir.
func (e *entry) missing(dir string) []string {
	var out []string
	for _, f := range e.files {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.path))); err != nil || !info.Mode().IsRegular() {
			out = append(out, f.path)
		}
	}
	return out
}

// MissingError says which files of a set are missing, and what to put where. errors.Is finds fs.ErrNotExist in it.
type MissingError struct {
	Set, Dir string
	Files    []string // paths in Dir
	Err      error    // why they couldn't be fetched, nil if nobody tried
	entry    *entry
}

// Error tells what is missing, why it could not be fetched, and what to put where.
func (e *MissingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sets: %s is not complete in %s", e.Set, e.Dir)
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, " and can't be fetched (%v)", e.Err)
	case e.entry.archive != nil || len(e.entry.files[0].urls) > 0:
		fmt.Fprintf(&b, "; get it with gradus data %s (in a program: sets.Fetch)", e.Set)
	}
	b.WriteString("; to do it by hand, put into that folder")
	if e.entry.advice != "" {
		fmt.Fprintf(&b, " (%s)", e.entry.advice)
	}
	if a := e.entry.archive; a != nil {
		fmt.Fprintf(&b, " this archive, for the same command to unpack:\n  %s", a)
		return b.String()
	}
	b.WriteString(":")
	for _, f := range e.entry.files {
		for _, m := range e.Files {
			if m == f.path {
				fmt.Fprintf(&b, "\n  %s", f)
			}
		}
	}
	return b.String()
}

// String tells name, size, checksum and addresses.
func (f file) String() string {
	s := fmt.Sprintf("%s (%d bytes, sha256 %s)", f.path, f.size, f.sha256)
	if len(f.urls) > 0 {
		s += " from " + strings.Join(f.urls, " or ")
	}
	return s
}

// Unwrap returns fs.ErrNotExist and what kept the files from being fetched.
func (e *MissingError) Unwrap() []error {
	if e.Err == nil {
		return []error{fs.ErrNotExist}
	}
	return []error{fs.ErrNotExist, e.Err}
}
