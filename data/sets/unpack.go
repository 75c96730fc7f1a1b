package sets

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/atomicfile"
)

// unpack puts the wanted files of the tar.gz at from into dir, each when it is whole and its sha256 right. Other
// files in it are left. An archive with links, devices, absolute names or names with ".." is refused, even where it
// doesn't concern a wanted file: it isn't what was published.
func unpack(ctx context.Context, from, dir string, wanted []file) error {
	const op = "unpack"
	f, size, err := format.Open(op, from)
	if err != nil {
		return err
	}
	defer f.Close()
	r, _, err := format.Inflate(op, from, withContext{ctx, f}, format.MaxInflated(size))
	if err != nil {
		return err
	}
	byPath := map[string]file{}
	for _, w := range wanted {
		byPath[w.path] = w
	}
	refused := func(entry, want, got string, err error) error {
		return &format.Error{Op: op, Path: from, Entry: entry, Offset: -1, Want: want, Got: got, Err: err}
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return refused("", "a tar archive", "", err)
		}
		if !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return refused(h.Name, "a name within the archive", "one that leads out of it", nil)
		}
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		default:
			return refused(h.Name, "a file or folder", fmt.Sprintf("a link or something else (type %q)", h.Typeflag), nil)
		}
		w, ok := byPath[path.Clean(h.Name)]
		if !ok {
			continue
		}
		delete(byPath, w.path)
		if h.Size != w.size {
			return refused(h.Name, fmt.Sprintf("%d bytes", w.size), fmt.Sprint(h.Size), nil)
		}
		if err := unpackFile(t, filepath.Join(dir, filepath.FromSlash(w.path)), w); err != nil {
			return refused(h.Name, "", "", err)
		}
	}
	for _, w := range wanted {
		if _, missing := byPath[w.path]; missing {
			return refused(w.path, "a file of this name", "none", nil)
		}
	}
	return nil
}

// unpackFile writes a file that has the right checksum.
func unpackFile(from io.Reader, to string, w file) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(to, func(f io.Writer) error {
		h := sha256.New()
		if _, err := io.Copy(io.MultiWriter(f, h), from); err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != w.sha256 {
			return fmt.Errorf("sha256 is %s, expected %s", got, w.sha256)
		}
		return nil
	})
}
