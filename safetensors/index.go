package safetensors

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

// maxIndex bounds an index file; that of a model with 100,000 tensors has
// under 10 MB.
const maxIndex = 100_000_000

// Sharded is a model whose tensors are spread over several safetensors files
// in one folder, as its index (model.safetensors.index.json) says.
type Sharded struct {
	path  string
	files map[string]*File // by file name
	where map[string]string
}

// OpenIndex reads the index at path and opens all the files it names, which
// must lie in the same folder.
func OpenIndex(path string) (*Sharded, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := header{path: path}
	if size == 0 {
		return nil, h.fail(0, "an index in JSON", "an empty file")
	}
	if size > maxIndex {
		return nil, h.fail(0, fmt.Sprintf("an index of at most %d bytes", maxIndex), fmt.Sprintf("%d", size))
	}
	text := make([]byte, size)
	if err := format.ReadFull(readOp, path, "index", f, text, 0); err != nil {
		return nil, err
	}
	where, err := parseIndex(path, text)
	if err != nil {
		return nil, err
	}
	s := &Sharded{path: path, files: map[string]*File{}, where: where}
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open opens the files and checks that they hold what the index says, and
// nothing else.
func (s *Sharded) open() error {
	for _, name := range s.Names() {
		shard := s.where[name]
		if s.files[shard] == nil {
			f, err := Open(filepath.Join(filepath.Dir(s.path), shard))
			if err != nil {
				return fmt.Errorf("%s names %s: %w", s.path, format.Quote(shard), err)
			}
			s.files[shard] = f
		}
		if _, ok := s.files[shard].Info(name); !ok {
			return s.files[shard].missing(name)
		}
	}
	for shard, f := range s.files {
		for _, name := range f.Names() {
			if s.where[name] != shard {
				return &format.Error{Op: readOp, Path: s.path, Entry: name, Offset: -1, Want: "the index to place this tensor in " + format.Quote(shard) + ", which holds it", Got: format.Quote(s.where[name])}
			}
		}
	}
	return nil
}

// Close closes all files.
func (s *Sharded) Close() error {
	var first error
	for _, f := range s.files {
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Names returns the names of all tensors, sorted.
func (s *Sharded) Names() []string {
	names := make([]string, 0, len(s.where))
	for name := range s.where {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Array reads the named tensor as it is in its file.
func (s *Sharded) Array(name string) (*format.Array, error) {
	f, err := s.file(name)
	if err != nil {
		return nil, err
	}
	return f.Array(name)
}

// Tensor reads the named tensor. I16 and I8 become Int32.
func (s *Sharded) Tensor(name string) (*tensor.Tensor, error) {
	f, err := s.file(name)
	if err != nil {
		return nil, err
	}
	return f.Tensor(name)
}

// file returns the file that holds the named tensor.
func (s *Sharded) file(name string) (*File, error) {
	shard, ok := s.where[name]
	if !ok {
		return nil, &format.Error{Op: readOp, Path: s.path, Entry: name, Offset: -1, Want: "a tensor of this name", Got: "none", Err: os.ErrNotExist}
	}
	return s.files[shard], nil
}

// parseIndex returns file names by tensor from
// {"metadata": {…}, "weight_map": {"name": "file", …}}.
func parseIndex(path string, text []byte) (map[string]string, error) {
	h := &header{path: path, text: text}
	if !utf8.Valid(text) {
		return nil, h.index0(h.expected("UTF-8"))
	}
	var where map[string]string
	seen := map[string]bool{}
	err := h.object("the index", func(key string, at int) error {
		if seen[key] {
			h.at = at
			return h.expected("each key once")
		}
		seen[key] = true
		if key != "weight_map" {
			return h.skip(8)
		}
		where = map[string]string{}
		return h.object("weight_map", func(name string, at int) error {
			if _, ok := where[name]; ok {
				h.at = at
				return h.expected("each key once")
			}
			h.space()
			at = h.at
			shard, err := h.str("a file name")
			if err != nil {
				return err
			}
			if !plainName(shard) {
				h.at = at
				return h.expected("the name of a file in the same folder")
			}
			where[name] = shard
			return nil
		})
	})
	if err == nil {
		h.space()
		if h.at < len(text) {
			err = h.expected("only spaces behind the index's '}'")
		} else if where == nil {
			h.at = 0
			err = h.expected("a weight_map in the index")
		}
	}
	if err != nil {
		return nil, h.index0(err)
	}
	return where, nil
}

// index0 corrects the offset of an error: unlike a header, an index begins at
// byte 0 of its file.
func (h *header) index0(err error) error {
	if fe, ok := err.(*format.Error); ok && fe.Offset >= 8 {
		fe.Offset -= 8
	}
	return err
}

// plainName reports whether name can only mean a file in the same folder.
func plainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, `/\:`+"\x00") && filepath.IsLocal(name) && name != "."
}

// skip passes over any JSON value that nests at most depth levels deep.
func (h *header) skip(depth int) error {
	h.space()
	if h.at == len(h.text) {
		return h.expected("a value")
	}
	switch c := h.text[h.at]; {
	case (c == '{' || c == '[') && depth == 0:
		return h.expected("values nested at most 8 levels deep")
	case c == '{':
		return h.object("an object", func(string, int) error { return h.skip(depth - 1) })
	case c == '[':
		h.at++
		if h.take(']') {
			return nil
		}
		for {
			if err := h.skip(depth - 1); err != nil {
				return err
			}
			if h.take(']') {
				return nil
			}
			if !h.take(',') {
				return h.expected("',' or ']'")
			}
		}
	case c == '"':
		_, err := h.str("a string")
		return err
	}
	start := h.at
	for h.at < len(h.text) && strings.IndexByte("+-.0123456789abcdefghijklmnopqrstuvwxyzE", h.text[h.at]) >= 0 {
		h.at++
	}
	if h.at == start {
		return h.expected("a value")
	}
	return nil
}
