// Package voc reads detection data sets in the layout of Pascal VOC, from a folder or a zip archive of one:
//
//	Annotations/000005.xml     what is in a picture, and where
//	JPEGImages/000005.jpg      the picture
//	ImageSets/Main/train.txt   names of the pictures of a part, one a line
//
//	set, err := voc.Open("VOCdevkit/VOC2007", voc.Config{Part: "train", Inclusive: true})
//	fmt.Println(set)                  // 2501 pictures with 7844 boxes of 20 classes (aeroplane, …)
//	for _, w := range set.Warnings {} // boxes that were dropped or clipped
//
// The three folders may lie some levels down, as in the archives that GitHub makes. Annotations are all read and checked at once,
// pictures when they are asked for; those of an archive are read where they lie.
package voc

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/format"
)

const readOp = "read VOC"

// Config says what to read. The zero value reads everything.
type Config struct {
	// Part is the list of pictures to read, "train" for ImageSets/Main/train.txt; "" takes all that have an annotation.
	Part string
	// Classes are the names that objects may have, in the order in which they shall count. nil takes those that occur, sorted.
	Classes []string
	// Inclusive says that coordinates count pixels from 1 and that xmax and ymax are the last ones inside, as in Pascal VOC's own
	// files: then 1 is subtracted from xmin and ymin. Other tools write, and torchvision reads, corners: leave it false.
	Inclusive bool
	Image     imagefolder.Config // how pictures are decoded; Height and Width don't count
}

// Open reads the data set in the folder or zip archive at path.
//
// Boxes without an area are dropped and boxes that reach over the picture's border are clipped, with a warning each. What else is wrong
// with a file is an error that names it, and in annotations the line: XML that is cut short, isn't UTF-8 or has a document type
// definition; sizes and coordinates that are missing, not numbers or not finite; unknown classes; a name of a picture that isn't a
// plain file name, or of which there is no picture.
func Open(path string, cfg Config) (*scene.Set, error) {
	t, err := openTree(path)
	if err != nil {
		return nil, err
	}
	set, err := read(t, cfg)
	if err != nil && t.archive != nil {
		t.archive.Close()
	}
	return set, err
}

func read(t *tree, cfg Config) (*scene.Set, error) {
	names, err := t.part(cfg.Part)
	if err != nil {
		return nil, err
	}
	r := reader{tree: t, cfg: cfg, set: &scene.Set{}, objects: map[string]int{}}
	for _, name := range names {
		if err := r.scene(name); err != nil {
			return nil, err
		}
	}
	return r.finish()
}

// reader makes scenes of annotations.
type reader struct {
	tree    *tree
	cfg     Config
	set     *scene.Set
	objects map[string]int // number of a class, by name
}

// scene reads Annotations/name.xml.
func (r *reader) scene(name string) error {
	at := "Annotations/" + name + ".xml"
	text, err := r.tree.read(at, maxXML)
	if err != nil {
		return err
	}
	a, err := parse(text)
	if err != nil {
		return r.tree.place(at, err)
	}
	file, err := r.picture(name, a)
	if err != nil {
		return r.tree.place(at, err)
	}
	s := scene.Scene{Name: name, Width: a.width, Height: a.height}
	for _, o := range a.objects {
		if r.cfg.Inclusive {
			o.box.X1--
			o.box.Y1--
		}
		inside := o.box.Clip(float64(a.width), float64(a.height))
		where := fmt.Sprintf("%s:%d: %s %v", r.tree.show(at), o.line, format.Quote(o.name), o.box)
		switch {
		case o.box.Empty():
			r.warn("%s has no area; it was dropped", where)
			continue
		case inside.Empty():
			r.warn("%s lies outside the picture of %d × %d pixels; it was dropped", where, a.width, a.height)
			continue
		case inside != o.box:
			r.warn("%s reaches over the border of the picture of %d × %d pixels; it was clipped", where, a.width, a.height)
		}
		class, err := r.class(o)
		if err != nil {
			return r.tree.place(at, err)
		}
		s.Objects = append(s.Objects, o.object(inside, class))
	}
	s.Open = func() (*imagefolder.Image, error) { return r.tree.image(file, at, s.Width, s.Height, r.cfg.Image) }
	r.set.Scenes = append(r.set.Scenes, s)
	return nil
}

func (r *reader) warn(text string, args ...any) {
	r.set.Warnings = append(r.set.Warnings, fmt.Sprintf(text, args...))
}

// class returns the number of an object's class, for now in the order in which they come.
func (r *reader) class(o object) (int, error) {
	if r.cfg.Classes != nil {
		at := slices.Index(r.cfg.Classes, o.name)
		if at < 0 {
			return 0, bad(o.line, "one of the classes "+format.List(r.cfg.Classes), format.Quote(o.name))
		}
		return at, nil
	}
	at, ok := r.objects[o.name]
	if !ok {
		at = len(r.objects)
		r.objects[o.name] = at
	}
	return at, nil
}

// finish numbers the classes in the order of their names.
func (r *reader) finish() (*scene.Set, error) {
	r.set.Classes = slices.Clone(r.cfg.Classes)
	if r.cfg.Classes != nil {
		return r.set, nil
	}
	for name := range r.objects {
		r.set.Classes = append(r.set.Classes, name)
	}
	slices.Sort(r.set.Classes)
	number := make([]int, len(r.set.Classes))
	for i, name := range r.set.Classes {
		number[r.objects[name]] = i
	}
	for _, s := range r.set.Scenes {
		for i := range s.Objects {
			s.Objects[i].Class = number[s.Objects[i].Class]
		}
	}
	return r.set, nil
}

// picture returns which file an annotation is about: the one it names, else the one of the annotation's own name.
func (r *reader) picture(name string, a *annotation) (string, error) {
	if a.filename == "" {
		a.filename = name
	}
	if a.filename != path.Base(a.filename) || strings.ContainsAny(a.filename, "/\\\x00") || strings.Trim(a.filename, ".") == "" {
		e := bad(a.filenameLine, "the plain name of a file in JPEGImages", format.Quote(a.filename))
		e.Hint = "paths are not followed"
		return "", e
	}
	for _, end := range []string{"", ".jpg", ".jpeg", ".png", ".gif", ".JPG", ".JPEG", ".PNG"} {
		if file := "JPEGImages/" + a.filename + end; r.tree.has(file) {
			return file, nil
		}
	}
	return "", bad(a.filenameLine, "a picture in JPEGImages", format.Quote(a.filename)+", which isn't there")
}

// image decodes a picture and checks that it is the one that the annotation speaks of.
func (t *tree) image(file, annotation string, width, height int, cfg imagefolder.Config) (*imagefolder.Image, error) {
	data, err := t.read(file, maxPicture)
	if err != nil {
		return nil, err
	}
	im, err := imagefolder.Decode(data, cfg)
	if err != nil {
		return nil, t.place(file, err)
	}
	if im.Width != width || im.Height != height {
		return nil, t.place(file, &format.Error{Op: readOp, Offset: -1, Want: fmt.Sprintf("%d × %d pixels, as %s says", width, height, annotation), Got: fmt.Sprintf("%d × %d", im.Width, im.Height)})
	}
	return im, nil
}

// place puts the name of a file into an error about its content.
func (t *tree) place(file string, err error) error {
	var e *format.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = t.show(file)
	}
	return err
}
