// Package imagefolder reads image data sets that lie in folders, one for each
// class, as torchvision's ImageFolder does:
//
//	animals/cat/001.jpg
//	animals/cat/002.png
//	animals/dog/xyz.jpg
//
//	set, err := imagefolder.Open("animals", imagefolder.Config{Height: 64, Width: 64})
//	x, class, err := set.Example(0) // float32 [3, 64, 64] in [0, 1], 0
//	set.Classes[class]              // "cat"
//
// PNG, JPEG and GIF (its first frame) are decoded; the first bytes of a file
// decide which of them it is, not its name. Sizes are checked before anything
// is decoded. [Decode] and [Resize] do the same for single images.
package imagefolder

import (
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

const readOp = "read image"

// Mode says what an image is converted to.
type Mode uint8

const (
	// RGB gives three channels; grey images repeat theirs.
	RGB Mode = iota
	// Gray gives one: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as Pillow.
	Gray
)

// Channels returns 3 or 1.
func (m Mode) Channels() int {
	if m == Gray {
		return 1
	}
	return 3
}

// Config says what images become. Its zero value gives RGB of the size in the
// file.
type Config struct {
	Mode Mode
	// Height and Width are the size in pixels that images are resized to, with
	// anti-aliasing, not keeping their aspect. Both 0 keep the size.
	Height, Width int
	// Background is put behind transparent pixels. If it is nil their alpha is
	// dropped and the colour they have underneath counts, as in torchvision.
	Background color.Color
	// Upright turns JPEG photographs the way their camera says (Exif), as
	// viewers show them. Without it pixels stay where they lie in the file, as
	// in torchvision, which is what boxes of data sets are about.
	Upright bool
	// MaxPixels bounds Height × Width of the files: 2^25 if 0. Decoding takes
	// up to 16 bytes a pixel.
	MaxPixels int
}

// Sample is one file of a data set.
type Sample struct {
	Path  string
	Class int // index into Folder.Classes
}

// Folder is a data set in a folder. It may be used by several goroutines.
type Folder struct {
	Dir     string
	Classes []string // the names of the sub-folders, sorted
	Samples []Sample // by class, then by path
	// Skipped counts files whose extension isn't that of an image we read.
	// Those whose name begins with a dot aren't counted.
	Skipped int

	cfg Config
}

// String says how many images of how many classes there are, and where.
func (f *Folder) String() string {
	return fmt.Sprintf("%d images of %d classes in %s", len(f.Samples), len(f.Classes), f.Dir)
}

// extensions are the names that files of a data set may end in.
var extensions = []string{".png", ".jpg", ".jpeg", ".gif"}

// Open lists the images in the sub-folders of dir, at any depth. Symbolic
// links are followed. Every class must have an image.
func Open(dir string, cfg Config) (*Folder, error) {
	if (cfg.Height > 0) != (cfg.Width > 0) || cfg.Height < 0 || cfg.Width < 0 {
		return nil, &format.Error{Op: readOp, Path: dir, Offset: -1, Want: "a height and a width, both from 1 on or both 0", Got: fmt.Sprintf("%d and %d", cfg.Height, cfg.Width)}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, folderError(dir, err)
	}
	if !info.IsDir() {
		return nil, &format.Error{Op: readOp, Path: dir, Offset: -1, Want: "a folder with one sub-folder for each class", Got: "a file"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, folderError(dir, err)
	}
	f := &Folder{Dir: dir, cfg: cfg}
	var without []string
	for _, e := range entries { // sorted by name
		path := filepath.Join(dir, e.Name())
		sub, err := os.Stat(path)
		if err != nil {
			return nil, folderError(path, err)
		}
		if !sub.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		before := len(f.Samples)
		if err := f.list(path, len(f.Classes), []fs.FileInfo{info, sub}); err != nil {
			return nil, err
		}
		if len(f.Samples) == before {
			without = append(without, e.Name())
		}
		f.Classes = append(f.Classes, e.Name())
	}
	if len(f.Classes) == 0 {
		return nil, &format.Error{Op: readOp, Path: dir, Offset: -1, Want: "one sub-folder for each class", Got: "none"}
	}
	if without != nil {
		return nil, &format.Error{Op: readOp, Path: dir, Offset: -1, Want: "images (" + strings.Join(extensions, " ") + ") in each class", Got: fmt.Sprintf("none in %d classes: %s", len(without), format.List(without))}
	}
	return f, nil
}

// list adds the images under root in the order of os.walk, sorted by folder
// and then by name, as torchvision does.
func (f *Folder) list(root string, class int, ancestors []fs.FileInfo) error {
	files := map[string][]string{}
	if err := f.walk(root, files, ancestors); err != nil {
		return err
	}
	folders := make([]string, 0, len(files))
	for folder := range files {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	for _, folder := range folders {
		for _, name := range files[folder] {
			f.Samples = append(f.Samples, Sample{filepath.Join(folder, name), class})
		}
	}
	return nil
}

// walk collects the names of the images in dir and below, by folder. ancestors
// are dir and the folders above, in which a circle of links would end.
func (f *Folder) walk(dir string, files map[string][]string, ancestors []fs.FileInfo) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return folderError(dir, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		isDir := e.IsDir()
		var info fs.FileInfo
		if isDir || e.Type()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(path); err != nil {
				return folderError(path, err)
			}
			isDir = info.IsDir()
		}
		switch {
		case isDir:
			for _, a := range ancestors {
				if os.SameFile(a, info) {
					return &format.Error{Op: readOp, Path: path, Offset: -1, Want: "a folder of images", Got: "a link to a folder above it"}
				}
			}
			if err := f.walk(path, files, append(ancestors[:len(ancestors):len(ancestors)], info)); err != nil {
				return err
			}
		case slices.Contains(extensions, strings.ToLower(filepath.Ext(e.Name()))):
			files[dir] = append(files[dir], e.Name())
		default:
			f.Skipped++
		}
	}
	return nil
}

func folderError(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &format.Error{Op: readOp, Path: path, Offset: -1, Err: err}
}

// Len returns the number of images.
func (f *Folder) Len() int { return len(f.Samples) }

// Example reads and decodes image i: float32 [channels, height, width] in
// [0, 1], and the index of its class.
func (f *Folder) Example(i int) (x *tensor.Tensor, class int, err error) {
	im, err := ReadImage(f.Samples[i].Path, f.cfg)
	if err != nil {
		return nil, 0, err
	}
	x = im.Tensor()
	if f.cfg.Height > 0 {
		x = Resize(x, f.cfg.Height, f.cfg.Width)
	}
	return x, f.Samples[i].Class, nil
}

// Labels returns the class indices of all images, int64 [Len].
func (f *Folder) Labels() *tensor.Tensor {
	labels := make([]int64, len(f.Samples))
	for i, s := range f.Samples {
		labels[i] = int64(s.Class)
	}
	return tensor.FromSlice(labels, len(labels))
}
