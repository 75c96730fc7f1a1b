package coco

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gradus-ml/gradus/format"
)

// document is what we take from a file of annotations.
type document struct {
	images      []picture
	annotations []annotation
	categories  []category
}

type picture struct {
	id            int64
	width, height int
	file          string
}

type annotation struct {
	id, image, category int64
	box                 [4]float64 // x, y, width, height
	crowd               bool
}

type category struct {
	id   int64
	name string
}

// maxDepth bounds the nesting of what is skipped; COCO's has 5 levels.
const maxDepth = 64

// stream reads a JSON file value by value, so that a large one never lies in memory as a whole.
type stream struct {
	*json.Decoder
	in source
}

// source remembers the error of a failed read, which package json passes on in no form that errors.Is finds everywhere.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func newStream(r io.Reader) *stream {
	s := &stream{in: source{r: r}}
	s.Decoder = json.NewDecoder(&s.in)
	return s
}

// damaged turns what package json says into an error with a place.
func (s *stream) damaged(entry string, err error) error {
	e := &format.Error{Op: readOp, Entry: entry, Offset: s.InputOffset(), Want: "JSON"}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var own *format.Error
	switch {
	case s.in.err != nil:
		e.Want, e.Err = "", s.in.err
	case errors.As(err, &own):
		return err
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("the file ends early: %w", io.ErrUnexpectedEOF)
	case errors.As(err, &syntax):
		e.Got = syntax.Error()
	case errors.As(err, &kind):
		e.Want, e.Got = fmt.Sprintf("%s that fits %s", kind.Field, kind.Type), cut(kind.Value)
	default:
		e.Want, e.Err = "", err
	}
	return e
}

func cut(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// expect reads one token, which must be this one.
func (s *stream) expect(entry string, want json.Delim) error {
	at := s.InputOffset()
	t, err := s.Token()
	if err != nil {
		return s.damaged(entry, err)
	}
	if t != want {
		return &format.Error{Op: readOp, Entry: entry, Offset: at, Want: fmt.Sprintf("%q", want.String()), Got: cut(fmt.Sprintf("%v", t))}
	}
	return nil
}

// end refuses anything behind the value.
func (s *stream) end() error {
	if t, err := s.Token(); err != io.EOF {
		if err != nil {
			return s.damaged("", err)
		}
		return &format.Error{Op: readOp, Offset: s.InputOffset(), Want: "the end of the file", Got: cut(fmt.Sprint(t))}
	}
	return s.in.err
}

// skip reads over one value.
func (s *stream) skip(entry string) error {
	for depth := 0; ; {
		t, err := s.Token()
		if err != nil {
			return s.damaged(entry, err)
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			if depth++; depth > maxDepth {
				return &format.Error{Op: readOp, Entry: entry, Offset: s.InputOffset(), Want: fmt.Sprintf("at most %d levels", maxDepth), Got: "more"}
			}
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// list calls element for each value of a JSON array.
func (s *stream) list(name string, element func(entry string) error) error {
	if err := s.expect(name, '['); err != nil {
		return err
	}
	for i := 0; s.More(); i++ {
		entry := fmt.Sprintf("%s[%d]", name, i)
		if err := element(entry); err != nil {
			return s.damaged(entry, err)
		}
	}
	return s.expect(name, ']')
}

// decode reads a file of annotations.
func decode(r io.Reader) (*document, error) {
	s, d := newStream(r), &document{}
	if err := s.expect("", '{'); err != nil {
		if s.in.n == 0 && s.in.err == nil {
			return nil, &format.Error{Op: readOp, Offset: 0, Want: "annotations in JSON", Got: "an empty file"}
		}
		return nil, err
	}
	seen := map[string]bool{}
	for s.More() {
		t, err := s.Token()
		if err != nil {
			return nil, s.damaged("", err)
		}
		name, _ := t.(string)
		read := map[string]func() error{
			"images":      func() error { return s.list(name, func(string) error { return s.picture(d) }) },
			"annotations": func() error { return s.list(name, func(string) error { return s.annotation(d) }) },
			"categories":  func() error { return s.list(name, func(string) error { return s.category(d) }) },
		}[name]
		if read == nil {
			if err := s.skip(cut(name)); err != nil {
				return nil, err
			}
			continue
		}
		if seen[name] {
			return nil, &format.Error{Op: readOp, Offset: s.InputOffset(), Want: "one " + name, Got: "a second one"}
		}
		seen[name] = true
		if err := read(); err != nil {
			return nil, err
		}
	}
	if err := s.expect("", '}'); err != nil {
		return nil, err
	}
	for _, name := range []string{"images", "annotations", "categories"} {
		if !seen[name] {
			return nil, &format.Error{Op: readOp, Offset: -1, Want: name, Got: "none", Hint: "is this an instances file? results are read with ReadResults"}
		}
	}
	return d, s.end()
}

func (s *stream) picture(d *document) error {
	var v struct {
		ID            *int64  `json:"id"`
		Width, Height *int    // in any case
		File          *string `json:"file_name"`
	}
	if err := s.Decode(&v); err != nil {
		return err
	}
	switch {
	case v.ID == nil || v.Width == nil || v.Height == nil || v.File == nil:
		return errors.New("an image needs id, width, height and file_name")
	case *v.Width < 1 || *v.Height < 1 || *v.Width > 1<<24 || *v.Height > 1<<24:
		return fmt.Errorf("width and height must lie between 1 and %d, not %d × %d", 1<<24, *v.Width, *v.Height)
	}
	d.images = append(d.images, picture{*v.ID, *v.Width, *v.Height, *v.File})
	return fileName(*v.File)
}

func (s *stream) annotation(d *document) error {
	var v struct {
		ID       *int64          `json:"id"`
		Image    *int64          `json:"image_id"`
		Category *int64          `json:"category_id"`
		Box      []float64       `json:"bbox"`
		Crowd    json.RawMessage `json:"iscrowd"`
	}
	if err := s.Decode(&v); err != nil {
		return err
	}
	if v.ID == nil || v.Image == nil || v.Category == nil || v.Box == nil {
		return errors.New("an annotation needs id, image_id, category_id and bbox")
	}
	a := annotation{id: *v.ID, image: *v.Image, category: *v.Category}
	if err := corners(v.Box, &a.box); err != nil {
		return err
	}
	switch string(bytes.TrimSpace(v.Crowd)) {
	case "1", "true":
		a.crowd = true
	case "", "0", "false", "null":
	default:
		return fmt.Errorf("iscrowd must be 0 or 1, not %s", cut(string(v.Crowd)))
	}
	d.annotations = append(d.annotations, a)
	return nil
}

// corners checks x, y, width and height, whose sums must be finite too.
func corners(v []float64, to *[4]float64) error {
	if len(v) != 4 {
		return fmt.Errorf("bbox needs x, y, width and height, not %d numbers", len(v))
	}
	copy(to[:], v)
	if math.IsInf(v[0]+v[2], 0) || math.IsInf(v[1]+v[3], 0) {
		return fmt.Errorf("bbox %g is too large", v)
	}
	return nil
}

func (s *stream) category(d *document) error {
	var v struct {
		ID   *int64  `json:"id"`
		Name *string `json:"name"`
	}
	if err := s.Decode(&v); err != nil {
		return err
	}
	if v.ID == nil || v.Name == nil || *v.Name == "" {
		return errors.New("a category needs id and name")
	}
	d.categories = append(d.categories, category{*v.ID, *v.Name})
	return nil
}
