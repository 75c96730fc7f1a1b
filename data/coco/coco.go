// Package coco reads detection data sets in COCO's form, one JSON file beside a folder of pictures, and reads and writes the files in which
// COCO's tools exchange what detectors found.
//
//	set, err := coco.Open("annotations/instances_val2017.json", "val2017", coco.Config{})
//	for i, s := range set.Scenes {
//		results = append(results, coco.Results(set.ImageIDs[i], detect(s), set.CategoryIDs)...)
//	}
//	err = coco.WriteResults("detections.json", results)
//
// Boxes, categories and crowds are read; segmentations, key points and captions are skipped.
package coco

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/vision/box"
)

const readOp = "read COCO"

// Config says how to read a set. The zero value suits most.
type Config struct {
	Image imagefolder.Config // how pictures are decoded; Height and Width don't count
}

// Set is a data set with COCO's numbers: Scenes[i] is the image with the id ImageIDs[i], and objects of class c have the category id
// CategoryIDs[c]. Classes are in the order of their ids; the name of a scene is its file's.
type Set struct {
	scene.Set
	ImageIDs, CategoryIDs []int64
}

// Open reads the annotations in the JSON file at path, of pictures in the folder dir.
//
// Boxes without an area are dropped and boxes that reach over the picture's border by more than a pixel are clipped, with a warning each.
// What else is wrong is an error that names the file and the byte or entry: numbers that are missing or not finite, an annotation of an
// unknown image or category, ids and names that occur twice, names of files that leave dir. Pictures are looked at when they are opened.
func Open(path, dir string, cfg Config) (*Set, error) {
	f, _, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := decode(f)
	if err == nil {
		var set *Set
		if set, err = d.set(path, dir, cfg); err == nil {
			return set, nil
		}
	}
	var e *format.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = path
	}
	return nil, err
}

func bad(entry string, want, got string) error {
	return &format.Error{Op: readOp, Entry: entry, Offset: -1, Want: want, Got: got}
}

// set puts together what the file says.
func (d *document) set(path, dir string, cfg Config) (*Set, error) {
	s := &Set{}
	classes, err := d.classes(s)
	if err != nil {
		return nil, err
	}
	images := make(map[int64]int, len(d.images))
	files := make(map[string]bool, len(d.images))
	for i, im := range d.images {
		entry := fmt.Sprintf("images[%d]", i)
		if _, ok := images[im.id]; ok {
			return nil, bad(entry, "each image id once", fmt.Sprintf("a second %d", im.id))
		}
		if files[im.file] {
			return nil, bad(entry, "each file_name once", "a second "+format.Quote(im.file))
		}
		images[im.id], files[im.file] = i, true
		file := filepath.Join(dir, filepath.FromSlash(im.file))
		s.ImageIDs = append(s.ImageIDs, im.id)
		s.Scenes = append(s.Scenes, scene.Scene{Name: im.file, Width: im.width, Height: im.height, Open: func() (*imagefolder.Image, error) {
			return open(file, path, im.width, im.height, cfg.Image)
		}})
	}
	if err := d.unique(); err != nil {
		return nil, err
	}
	for i, a := range d.annotations {
		entry := fmt.Sprintf("annotations[%d]", i)
		at, ok := images[a.image]
		if !ok {
			return nil, bad(entry, "the id of an image", fmt.Sprintf("image_id %d, which images doesn't list", a.image))
		}
		class, ok := classes[a.category]
		if !ok {
			return nil, bad(entry, "the id of a category", fmt.Sprintf("category_id %d, which categories doesn't list", a.category))
		}
		of := &s.Scenes[at]
		b := box.FromXYWH(a.box[0], a.box[1], a.box[2], a.box[3])
		inside := b.Clip(float64(of.Width), float64(of.Height))
		where := fmt.Sprintf("%s: %s (id %d, of %s): %s %v", path, entry, a.id, format.Quote(of.Name), s.Classes[class], b)
		switch {
		case inside.Empty():
			s.Warnings = append(s.Warnings, where+" has no area in the picture; it was dropped")
			continue
		case b.X1 < -1 || b.Y1 < -1 || b.X2 > float64(of.Width)+1 || b.Y2 > float64(of.Height)+1:
			s.Warnings = append(s.Warnings, fmt.Sprintf("%s reaches over the border of the picture of %d × %d pixels; it was clipped", where, of.Width, of.Height))
		}
		of.Objects = append(of.Objects, box.Object{Box: inside, Class: class, Score: 1, Crowd: a.crowd})
	}
	return s, nil
}

// classes numbers the categories in the order of their ids.
func (d *document) classes(s *Set) (map[int64]int, error) {
	slices.SortStableFunc(d.categories, func(a, b category) int { return cmp.Compare(a.id, b.id) })
	classes := make(map[int64]int, len(d.categories))
	names := map[string]bool{}
	for i, c := range d.categories {
		if _, ok := classes[c.id]; ok {
			return nil, bad("categories", "each id once", fmt.Sprintf("a second %d", c.id))
		}
		if names[c.name] {
			return nil, bad("categories", "each name once", "a second "+format.Quote(c.name))
		}
		classes[c.id], names[c.name] = i, true
		s.Classes, s.CategoryIDs = append(s.Classes, c.name), append(s.CategoryIDs, c.id)
	}
	return classes, nil
}

// unique refuses annotations of the same id: evaluation tools would see one of them only.
func (d *document) unique() error {
	ids := make([]int64, len(d.annotations))
	for i, a := range d.annotations {
		ids[i] = a.id
	}
	slices.Sort(ids)
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] {
			return bad("annotations", "each id once", fmt.Sprintf("a second %d", ids[i]))
		}
	}
	return nil
}

// open decodes a picture and checks that it is the one that the annotations speak of.
func open(file, annotations string, width, height int, cfg imagefolder.Config) (*imagefolder.Image, error) {
	im, err := imagefolder.ReadImage(file, cfg)
	if err != nil {
		return nil, err
	}
	if im.Width != width || im.Height != height {
		return nil, &format.Error{Op: readOp, Path: file, Offset: -1, Want: fmt.Sprintf("%d × %d pixels, as %s says", width, height, annotations), Got: fmt.Sprintf("%d × %d", im.Width, im.Height)}
	}
	return im, nil
}

// fileName checks the name of a picture: it may lie in sub-folders, but not elsewhere.
func fileName(name string) error {
	if name == "" || name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("the name " + format.Quote(name) + " doesn't stay in the folder of the pictures")
	}
	return nil
}
