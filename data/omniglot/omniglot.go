// Package omniglot reads Omniglot, characters of fifty alphabets that twenty people drew once each, from its zip archives in place
// (Lake, Salakhutdinov and Tenenbaum, "Human-level concept learning through probabilistic program induction", Science 2015).
//
//	background, err := omniglot.Read("images_background.zip", omniglot.Config{Side: 28})
//	trials, err := omniglot.ReadTrials("all_runs.zip", omniglot.Config{Side: 28})
//
// A model learns on the background alphabets what drawings have in common, and is then shown one drawing each of twenty characters that
// it has never seen: a trial asks which of them another person drew. Errors are [*format.Error], which name the archive and the member.
package omniglot

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/format"
)

const readOp = "read Omniglot"

// Side is the width and height of the drawings in pixels.
const Side = 105

// maxDrawings is four times as many as there are.
const maxDrawings = 1 << 17

// Config says how drawings are read.
type Config struct {
	Side int // the width and height that they are reduced to, by averaging over areas; from 1 to 105, default 105
}

func (c Config) side() (int, error) {
	if c.Side == 0 {
		return Side, nil
	}
	if c.Side < 1 || c.Side > Side {
		return 0, fmt.Errorf("omniglot: drawings of %d pixels can be reduced to a side from 1 to %d, got %d", Side, Side, c.Side)
	}
	return c.Side, nil
}

// Character is one of the characters of an alphabet.
type Character struct {
	Alphabet string // "Early_Aramaic"
	Name     string // "character07"
}

// String returns alphabet and name with a slash between.
func (c Character) String() string { return c.Alphabet + "/" + c.Name }

// Drawings is what an archive of alphabets holds, in the order of names.
type Drawings struct {
	Side       int         // width and height
	Pixels     []uint8     // drawing i is Pixels[i*Side*Side:][:Side*Side], row by row, from 0 (paper) to 255 (ink)
	Labels     []uint16    // the character of each drawing, an index of Characters
	Characters []Character // in the order of alphabets and names
}

// Read reads an archive of alphabets, such as images_background.zip. Its members are named set/alphabet/character/drawing.png.
func Read(path string, cfg Config) (*Drawings, error) {
	side, err := cfg.side()
	if err != nil {
		return nil, err
	}
	z, err := format.OpenZip(readOp, path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return read(z, side)
}

func read(z *format.Zip, side int) (*Drawings, error) {
	files := members(z)
	if len(files) == 0 || len(files) > maxDrawings {
		return nil, &format.Error{Op: readOp, Path: z.Path, Offset: -1, Want: fmt.Sprintf("between 1 and %d drawings", maxDrawings), Got: fmt.Sprint(len(files))}
	}
	d := &Drawings{Side: side, Labels: make([]uint16, len(files))}
	for i, f := range files {
		part := strings.Split(f.Name, "/")
		if len(part) != 4 || path.Ext(f.Name) != ".png" {
			return nil, &format.Error{Op: readOp, Path: z.Path, Entry: f.Name, Offset: -1, Want: "members named set/alphabet/character/drawing.png", Got: format.Quote(f.Name)}
		}
		if c := (Character{part[1], part[2]}); len(d.Characters) == 0 || d.Characters[len(d.Characters)-1] != c {
			d.Characters = append(d.Characters, c)
		}
		if len(d.Characters) > 1<<16 {
			return nil, &format.Error{Op: readOp, Path: z.Path, Offset: -1, Want: "at most 65536 characters", Got: "more"}
		}
		d.Labels[i] = uint16(len(d.Characters) - 1)
	}
	var err error
	d.Pixels, err = decode(z, files, side)
	return d, err
}

// members returns the files of an archive by name, without folders and what macOS adds.
func members(z *format.Zip) []*zip.File {
	var files []*zip.File
	for _, f := range z.Files {
		if !strings.HasSuffix(f.Name, "/") && !strings.HasPrefix(f.Name, "__MACOSX/") && path.Base(f.Name) != ".DS_Store" {
			files = append(files, f)
		}
	}
	// By parts, since "/" isn't the lowest letter: a character's drawings must be neighbours.
	slices.SortFunc(files, func(a, b *zip.File) int {
		return slices.Compare(strings.Split(a.Name, "/"), strings.Split(b.Name, "/"))
	})
	return files
}

// decode returns the pixels of all drawings, reduced to side. Several goroutines share the work.
func decode(z *format.Zip, files []*zip.File, side int) ([]uint8, error) {
	pixels := make([]uint8, len(files)*side*side)
	const piece = 64
	type failure struct {
		at  int
		err error
	}
	var running sync.WaitGroup
	pieces, failures := make(chan int), make(chan failure, len(files)/piece+1) // one for each piece at most
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			s := newShrinker(side)
			for start := range pieces {
				for i := start; i < min(start+piece, len(files)); i++ {
					if err := s.drawing(pixels[i*side*side:][:side*side], z, files[i]); err != nil {
						failures <- failure{i, err}
						break
					}
				}
			}
		})
	}
	for start := 0; start < len(files) && len(failures) == 0; start += piece {
		pieces <- start
	}
	close(pieces)
	running.Wait()
	close(failures)
	var first failure
	for f := range failures {
		if first.err == nil || f.at < first.at {
			first = f
		}
	}
	return pixels, first.err
}

// drawing reads one drawing into pixels.
func (s *shrinker) drawing(pixels []uint8, z *format.Zip, f *zip.File) error {
	data, err := z.Read(f, 1<<16)
	if err != nil {
		return err
	}
	im, err := imagefolder.Decode(data, imagefolder.Config{MaxPixels: Side * Side, Mode: imagefolder.Gray})
	if err != nil {
		var bad *format.Error
		if errors.As(err, &bad) {
			bad.Op, bad.Path, bad.Entry = readOp, z.Path, f.Name
		}
		return err
	}
	if im.Width != Side || im.Height != Side {
		return &format.Error{Op: readOp, Path: z.Path, Entry: f.Name, Offset: -1, Want: fmt.Sprintf("a drawing of %d×%d pixels", Side, Side), Got: fmt.Sprintf("%d×%d", im.Width, im.Height)}
	}
	s.shrink(pixels, im.Pix)
	return nil
}

// Trial is a test of one-shot classification: each test drawing shows the character of one of the support drawings, by another hand.
type Trial struct {
	Name    string  // "run01"
	Side    int     // width and height of the drawings
	Support []uint8 // pixels of the support drawings, as in Drawings
	Test    []uint8 // pixels of the test drawings
	Answer  []int   // for each test drawing the number of the support drawing of the same character
}

// ReadTrials reads the trials in all_runs.zip: folders with support drawings in training/, test drawings in test/, and which belong together
// in class_labels.txt. The official ones are twenty trials of twenty drawings each, all of one alphabet in each trial.
func ReadTrials(path string, cfg Config) ([]Trial, error) {
	side, err := cfg.side()
	if err != nil {
		return nil, err
	}
	z, err := format.OpenZip(readOp, path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return readTrials(z, side)
}

// folder is a trial's part of an archive.
type folder struct {
	labels        *zip.File
	support, test []*zip.File
}

func readTrials(z *format.Zip, side int) ([]Trial, error) {
	folders := map[string]*folder{}
	var names []string
	for _, f := range members(z) {
		name, inside, _ := strings.Cut(f.Name, "/")
		if folders[name] == nil {
			folders[name], names = &folder{}, append(names, name)
		}
		switch t := folders[name]; {
		case inside == "class_labels.txt":
			t.labels = f
		case path.Dir(inside) == "training" && path.Ext(inside) == ".png":
			t.support = append(t.support, f)
		case path.Dir(inside) == "test" && path.Ext(inside) == ".png":
			t.test = append(t.test, f)
		default:
			return nil, &format.Error{Op: readOp, Path: z.Path, Entry: f.Name, Offset: -1, Want: "members named run/class_labels.txt, run/training/….png and run/test/….png", Got: format.Quote(f.Name)}
		}
	}
	if len(names) == 0 {
		return nil, &format.Error{Op: readOp, Path: z.Path, Offset: -1, Want: "trials", Got: "an empty archive"}
	}
	slices.SortFunc(names, cmp.Compare[string])
	var trials []Trial
	for _, name := range names {
		t, err := folders[name].read(z, name, side)
		if err != nil {
			return nil, err
		}
		trials = append(trials, t)
	}
	return trials, nil
}

// read reads a trial.
func (f *folder) read(z *format.Zip, name string, side int) (t Trial, err error) {
	if f.labels == nil || len(f.support) == 0 || len(f.test) == 0 {
		return t, &format.Error{
			Op: readOp, Path: z.Path, Entry: name + "/", Offset: -1, Want: "class_labels.txt and drawings in training and test",
			Got: fmt.Sprintf("%d support and %d test drawings, labels: %t", len(f.support), len(f.test), f.labels != nil),
		}
	}
	t = Trial{Name: name, Side: side}
	if t.Answer, err = f.answers(z); err != nil {
		return t, err
	}
	if t.Support, err = decode(z, f.support, side); err != nil {
		return t, err
	}
	t.Test, err = decode(z, f.test, side)
	return t, err
}

// answers reads class_labels.txt: the names of a test and of a support drawing in each line.
func (f *folder) answers(z *format.Zip) ([]int, error) {
	text, err := z.Read(f.labels, 1<<20)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(f.test))
	for i := range out {
		out[i] = -1
	}
	find := func(files []*zip.File, name []byte) int {
		return slices.IndexFunc(files, func(f *zip.File) bool { return f.Name == string(name) })
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		bad := func(want string) error {
			return &format.Error{Op: readOp, Path: z.Path, Entry: f.labels.Name, Offset: -1, Want: fmt.Sprintf("%s in line %d", want, number), Got: format.Quote(bytes.TrimSpace(line))}
		}
		words := bytes.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return nil, bad("a test and a support drawing")
		}
		test, support := find(f.test, words[0]), find(f.support, words[1])
		if test < 0 || support < 0 {
			return nil, bad("names of drawings in the archive")
		}
		if out[test] >= 0 {
			return nil, bad("each test drawing once")
		}
		out[test] = support
	}
	if i := slices.Index(out, -1); i >= 0 {
		return nil, &format.Error{Op: readOp, Path: z.Path, Entry: f.labels.Name, Offset: -1, Want: "a line for each test drawing", Got: "none for " + format.Quote(f.test[i].Name)}
	}
	return out, nil
}
