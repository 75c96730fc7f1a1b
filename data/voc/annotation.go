package voc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/vision/box"
)

// Limits of an annotation: the largest of Pascal VOC has 20 KB, 5 levels and no attributes. Each tag and attribute costs package xml
// more memory than it takes in the file.
const (
	maxXML        = 1 << 20
	maxDepth      = 16
	maxTags       = 80_000 // opening and closing ones; over 2,500 objects
	maxAttributes = 10_000
)

// annotation is what an XML file says.
type annotation struct {
	width, height int
	filename      string
	filenameLine  int // where it stands; 1 if nowhere
	objects       []object
}

// object is one of its <object> elements.
type object struct {
	name      string
	line      int // on which it begins
	box       box.Box
	difficult bool
}

func (o *object) object(inside box.Box, class int) box.Object {
	return box.Object{Box: inside, Class: class, Score: 1, Difficult: o.difficult}
}

func bad(line int, want, got string) *format.Error {
	return &format.Error{Op: readOp, Line: line, Offset: -1, Want: want, Got: got}
}

// parse reads an annotation. Elements that we don't know are skipped.
func parse(text []byte) (*annotation, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, bad(0, "an annotation in XML", "an empty file")
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, bad(0, "UTF-8", "UTF-16")
	case !utf8.Valid(text):
		return nil, bad(0, "UTF-8", "bytes that aren't")
	case bytes.Count(text, []byte("=")) > maxAttributes:
		return nil, bad(0, fmt.Sprintf("at most %d attributes", maxAttributes), "more equals signs")
	case bytes.Count(text, []byte("<")) > maxTags:
		return nil, bad(0, fmt.Sprintf("at most %d tags", maxTags), "more")
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(label, "us-ascii") || strings.EqualFold(label, "ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("not UTF-8: %.64s", label)
	}
	p := parser{decoder: d, a: &annotation{filenameLine: 1}}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.a, nil
}

// parser walks through the tokens of an annotation, keeping track of where it is.
type parser struct {
	decoder *xml.Decoder
	a       *annotation
	place   string // names of the elements it is in, with slashes
	depth   int
	text    strings.Builder // of the innermost element
	begun   int             // line on which that element began
	seen    map[string]bool // fields of the object or size at hand
	corner  [4]float64      // xmin, ymin, xmax, ymax of the object at hand
	done    bool            // the root element is closed
}

func (p *parser) line() int {
	line, _ := p.decoder.InputPos()
	return line
}

func (p *parser) run() error {
	for {
		line := p.line()
		token, err := p.decoder.Token()
		if err == io.EOF && p.done {
			return nil
		}
		if err == io.EOF {
			return bad(p.line(), "an <annotation> element", "the end of the file")
		}
		if err != nil {
			return p.damaged(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return bad(line, "plain elements", "a document type definition or other directive")
		case xml.StartElement:
			err = p.start(t.Name.Local, line)
		case xml.EndElement:
			err = p.end()
		case xml.CharData:
			if p.depth > 0 {
				p.text.Write(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				err = bad(line, "nothing outside the <annotation> element", format.Quote(bytes.TrimSpace(t)))
			}
		}
		if err != nil {
			return err
		}
	}
}

// damaged turns what package xml says into an error with a line.
func (p *parser) damaged(err error) error {
	e := bad(p.line(), "well-formed XML", "")
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		e.Line = syntax.Line
		e.Got = format.Quote(syntax.Msg)
		if syntax.Msg == "unexpected EOF" {
			e.Got, e.Err = "", fmt.Errorf("the file ends early: %w", io.ErrUnexpectedEOF)
		}
		return e
	}
	e.Got = format.Quote(err.Error())
	return e
}

func (p *parser) start(name string, line int) error {
	if p.depth == 0 && (p.done || name != "annotation") {
		return bad(line, "one <annotation> element", "<"+shorten(name)+">")
	}
	if p.depth == maxDepth {
		return bad(line, fmt.Sprintf("at most %d levels of elements", maxDepth), "more")
	}
	if len(name) > 64 { // none that we know, and the place is copied again and again
		name = "?"
	}
	if p.depth++; p.depth > 1 {
		p.place += "/"
	}
	p.place += name
	p.text.Reset()
	p.begun = line
	switch p.place {
	case "annotation/object":
		p.a.objects = append(p.a.objects, object{line: line})
		p.seen = map[string]bool{}
	case "annotation/size":
		if p.a.width > 0 {
			return bad(line, "one <size>", "a second one")
		}
		p.seen = map[string]bool{}
	}
	return nil
}

func shorten(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func (p *parser) end() error {
	place, text := p.place, strings.TrimSpace(p.text.String())
	p.text.Reset()
	p.depth--
	p.place = place[:max(0, strings.LastIndexByte(place, '/'))]
	switch place {
	case "annotation":
		p.done = true
		if p.a.width == 0 {
			return bad(p.line(), "a <size> with <width> and <height>", "none")
		}
	case "annotation/filename":
		p.a.filename, p.a.filenameLine = text, p.begun
	case "annotation/size":
		return p.need("size", "width", "height")
	case "annotation/size/width", "annotation/size/height":
		return p.size(place, text)
	case "annotation/object/name":
		if text == "" {
			return bad(p.begun, "the name of a class", "nothing")
		}
		p.current().name = text
		return p.once("name")
	case "annotation/object/difficult":
		p.current().difficult = text != "0" && !strings.EqualFold(text, "false") && text != ""
	case "annotation/object/bndbox/xmin", "annotation/object/bndbox/ymin", "annotation/object/bndbox/xmax", "annotation/object/bndbox/ymax":
		return p.coordinate(strings.TrimPrefix(place, "annotation/object/bndbox/"), text)
	case "annotation/object":
		p.current().box = box.Box{X1: p.corner[0], Y1: p.corner[1], X2: p.corner[2], Y2: p.corner[3]}
		return p.need("object", "name", "xmin", "ymin", "xmax", "ymax")
	}
	return nil
}

func (p *parser) current() *object { return &p.a.objects[len(p.a.objects)-1] }

// once notes that a field was there, and refuses a second one.
func (p *parser) once(field string) error {
	if p.seen[field] {
		return bad(p.begun, "one <"+field+">", "a second one")
	}
	p.seen[field] = true
	return nil
}

// need refuses an element without one of these fields.
func (p *parser) need(element string, fields ...string) error {
	for _, f := range fields {
		if !p.seen[f] {
			return bad(p.line(), "a <"+f+"> in <"+element+">", "none")
		}
	}
	return nil
}

func (p *parser) size(place, text string) error {
	field := strings.TrimPrefix(place, "annotation/size/")
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || v > 1<<24 {
		return bad(p.begun, "the picture's "+field+" in pixels, from 1 to 16777216", format.Quote(text))
	}
	if field == "width" {
		p.a.width = v
	} else {
		p.a.height = v
	}
	return p.once(field)
}

func (p *parser) coordinate(field, text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return bad(p.begun, "a finite number as <"+field+">", format.Quote(text))
	}
	switch field {
	case "xmin":
		p.corner[0] = v
	case "ymin":
		p.corner[1] = v
	case "xmax":
		p.corner[2] = v
	case "ymax":
		p.corner[3] = v
	}
	return p.once(field)
}
