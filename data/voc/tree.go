package voc

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
)

// Limits of a list and of a picture's file.
const (
	maxList    = 64 << 20
	maxPicture = 1 << 30
)

// tree is the folder that holds Annotations and JPEGImages, on disk or in an archive.
type tree struct {
	dir string // the folder on disk, "" in an archive

	archive *format.Zip // stays open as long as scenes refer to it
	root    string      // the folder in the archive, "" or ending in a slash
	members map[string]*zip.File
}

func openTree(name string) (*tree, error) {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return findDir(name)
	}
	z, err := format.OpenZip(readOp, name)
	if err != nil {
		return nil, err
	}
	t, err := zipTree(z)
	if err != nil {
		z.Close()
	}
	return t, err
}

// zipTree finds the data set in an archive.
func zipTree(z *format.Zip) (*tree, error) {
	t := &tree{archive: z, members: map[string]*zip.File{}}
	var roots []string
	for _, f := range z.Files {
		t.members[f.Name] = f
		if strings.Count(f.Name, "/") > maxDepth {
			continue
		}
		if before, _, ok := strings.Cut("/"+f.Name, "/Annotations/"); ok {
			root := strings.TrimPrefix(before+"/", "/")
			if !slices.Contains(roots, root) && len(roots) < 10 {
				roots = append(roots, root)
			}
		}
	}
	if err := oneRoot(z.Path, roots); err != nil {
		return nil, err
	}
	t.root = roots[0]
	return t, nil
}

// findDir finds the data set in dir or up to three levels below.
func findDir(dir string) (*tree, error) {
	level := []string{dir}
	for range 4 {
		var roots, below []string
		for _, d := range level {
			entries, err := os.ReadDir(d)
			if err != nil {
				return nil, &format.Error{Op: readOp, Path: d, Offset: -1, Err: err}
			}
			for _, e := range entries {
				switch path := filepath.Join(d, e.Name()); {
				case e.Name() == "Annotations":
					roots = append(roots, d)
				case e.IsDir() && !strings.HasPrefix(e.Name(), "."):
					below = append(below, path)
				}
			}
		}
		if len(roots) > 0 {
			return &tree{dir: roots[0]}, oneRoot(dir, roots)
		}
		level = below
	}
	return nil, oneRoot(dir, nil)
}

// oneRoot refuses anything but one data set.
func oneRoot(path string, roots []string) error {
	switch {
	case len(roots) == 0:
		return &format.Error{Op: readOp, Path: path, Offset: -1, Want: "a folder Annotations, and JPEGImages beside it", Got: "none"}
	case len(roots) > 1:
		return &format.Error{Op: readOp, Path: path, Offset: -1, Want: "one folder Annotations", Got: "several, in " + format.List(roots), Hint: "open one of these folders"}
	}
	return nil
}

// show names a file for messages.
func (t *tree) show(file string) string {
	if t.archive != nil {
		return t.archive.Path + ":" + t.root + file
	}
	return filepath.Join(t.dir, filepath.FromSlash(file))
}

// has reports whether there is such a file.
func (t *tree) has(file string) bool {
	if t.archive != nil {
		return t.members[t.root+file] != nil
	}
	_, err := os.Stat(t.show(file))
	return err == nil
}

// read returns the content of a file of at most limit bytes.
func (t *tree) read(file string, limit int64) ([]byte, error) {
	if t.archive != nil {
		f := t.members[t.root+file]
		if f == nil {
			return nil, &format.Error{Op: readOp, Path: t.show(file), Offset: -1, Err: fs.ErrNotExist}
		}
		if f.UncompressedSize64 > uint64(limit) {
			return nil, &format.Error{Op: readOp, Path: t.show(file), Offset: -1, Want: fmt.Sprintf("at most %d bytes", limit), Got: fmt.Sprint(f.UncompressedSize64)}
		}
		return t.archive.Read(f, min(limit, format.MaxInflated(int64(f.CompressedSize64))))
	}
	path := t.show(file)
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, &format.Error{Op: readOp, Path: path, Offset: -1, Want: fmt.Sprintf("at most %d bytes", limit), Got: fmt.Sprint(size)}
	}
	data, err := format.Bytes(readOp, f, limit)
	return data, t.place(file, err)
}

// part returns the names of the pictures of a list, or of all annotations, sorted.
func (t *tree) part(name string) ([]string, error) {
	if name == "" {
		return t.annotations()
	}
	if strings.ContainsAny(name, "/\\") || strings.Trim(name, ".") == "" {
		return nil, &format.Error{Op: readOp, Path: t.show("ImageSets/Main"), Offset: -1, Want: "the name of a part, such as train", Got: format.Quote(name)}
	}
	file := "ImageSets/Main/" + name + ".txt"
	text, err := t.read(file, maxList)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, t.place(file, bad(0, "UTF-8", "bytes that aren't"))
	}
	var names []string
	line, seen := 0, map[string]bool{}
	for text := range bytes.Lines(text) {
		line++
		// Lists of one class have a second column, 1 or −1: does it occur?
		fields := strings.Fields(string(text))
		if len(fields) == 0 {
			continue
		}
		n := fields[0]
		switch {
		case len(fields) > 2:
			err = bad(line, "the name of a picture", format.Quote(strings.Join(fields, " ")))
		case strings.ContainsAny(n, "/\\\x00") || strings.Trim(n, ".") == "":
			err = bad(line, "the plain name of an annotation", format.Quote(n))
		case seen[n]:
			err = bad(line, "each picture once", "a second "+format.Quote(n))
		}
		if err != nil {
			return nil, t.place(file, err)
		}
		seen[n] = true
		names = append(names, n)
	}
	if len(names) == 0 {
		return nil, t.place(file, bad(0, "names of pictures", "none"))
	}
	return names, nil
}

// annotations returns the names of all annotations, without .xml.
func (t *tree) annotations() ([]string, error) {
	var files []string
	if t.archive != nil {
		for _, f := range t.archive.Files {
			if rest, ok := strings.CutPrefix(f.Name, t.root+"Annotations/"); ok && !strings.Contains(rest, "/") {
				files = append(files, rest)
			}
		}
	} else {
		entries, err := os.ReadDir(t.show("Annotations"))
		if err != nil {
			return nil, &format.Error{Op: readOp, Path: t.show("Annotations"), Offset: -1, Err: err}
		}
		for _, e := range entries {
			files = append(files, e.Name())
		}
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f, ".xml"); ok && !strings.HasPrefix(f, ".") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, &format.Error{Op: readOp, Path: t.show("Annotations"), Offset: -1, Want: "annotations (.xml)", Got: "none"}
	}
	return names, nil
}
