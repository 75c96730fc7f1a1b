package voc

import (
	"archive/zip"
	"bytes"
	"image"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/malformed"
	"github.com/gradus-ml/gradus/vision/box"
)

// picture is a PNG of 20 × 10 pixels; that it is called .jpg doesn't matter.
func picture(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// one returns an annotation of 20 × 10 pixels with these lines in it, the first on line 3.
func one(lines ...string) string {
	return "<annotation>\n<size><width>20</width><height>10</height><depth>3</depth></size>\n" + strings.Join(lines, "\n") + "\n</annotation>\n"
}

func thing(name, xmin, ymin, xmax, ymax string) string {
	return "<object><name>" + name + "</name><difficult>0</difficult><bndbox><xmin>" + xmin + "</xmin><ymin>" + ymin + "</ymin><xmax>" + xmax + "</xmax><ymax>" + ymax + "</ymax></bndbox></object>"
}

func files(t testing.TB) map[string]string {
	return map[string]string{
		"JPEGImages/a.jpg": picture(t), "JPEGImages/b.png": picture(t),
		"Annotations/a.xml": one("<filename>a.jpg</filename>", thing("dog", "1", "2", "7.5", "9"),
			"<object><part><name>tail</name><bndbox><xmin>5</xmin></bndbox></part><name>cat</name><difficult>1</difficult><bndbox><ymin>0</ymin><xmin>3</xmin><xmax>20</xmax><ymax>10</ymax></bndbox></object>"),
		"Annotations/b.xml":            one(thing("dog", "-3", "2", "30", "9"), thing("dog", "4", "4", "4", "4"), thing("emu", "25", "4", "28", "8")),
		"Annotations/.hidden.xml":      "nonsense",
		"Annotations/readme.txt":       "nonsense",
		"ImageSets/Main/train.txt":     "b\r\n",
		"ImageSets/Main/dog_train.txt": "a  1\nb -1\n\n",
	}
}

// write puts files into a new folder, in sub.
func write(t testing.TB, sub string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, sub, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pack makes a zip archive of files, under prefix.
func pack(t testing.TB, prefix string, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(prefix + name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadsFolderAndArchive(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(archive, pack(t, "x-master/x/", files(t)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{write(t, "", files(t)), write(t, "VOCdevkit/VOC2007", files(t)), archive} {
		set, err := Open(path, Config{})
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Equal(set.Classes, []string{"cat", "dog"}) || !slices.Equal(set.Counts(), []int{1, 2}) || set.String() != "2 pictures with 3 boxes of 2 classes (cat, dog)" {
			t.Error(set, set.Counts())
		}
		a, b := set.Scenes[0], set.Scenes[1]
		if want := []box.Object{{Box: box.Box{X1: 1, Y1: 2, X2: 7.5, Y2: 9}, Class: 1, Score: 1}, {Box: box.Box{X1: 3, Y1: 0, X2: 20, Y2: 10}, Class: 0, Score: 1, Difficult: true}}; a.Name != "a" || a.Width != 20 || a.Height != 10 || !slices.Equal(a.Objects, want) {
			t.Errorf("%+v", a)
		}
		if want := []box.Object{{Box: box.Box{X1: 0, Y1: 2, X2: 20, Y2: 9}, Class: 1, Score: 1}}; !slices.Equal(b.Objects, want) {
			t.Errorf("%+v", b)
		}
		for _, s := range set.Scenes { // b has no <filename>, and another extension
			if im, err := s.Open(); err != nil || im.Channels != 3 || im.Width != 20 || im.Height != 10 {
				t.Error(im, err)
			}
		}
		if len(set.Warnings) != 3 {
			t.Fatalf("%q", set.Warnings)
		}
		for i, want := range []string{
			`b.xml:3: "dog" (-3, 2)–(30, 9) reaches over the border of the picture of 20 × 10 pixels; it was clipped`,
			`b.xml:4: "dog" (4, 4)–(4, 4) has no area; it was dropped`,
			`b.xml:5: "emu" (25, 4)–(28, 8) lies outside the picture of 20 × 10 pixels; it was dropped`,
		} {
			if !strings.HasSuffix(set.Warnings[i], want) {
				t.Errorf("%q, want %q", set.Warnings[i], want)
			}
		}
	}
}

func TestPartsAndClasses(t *testing.T) {
	dir := write(t, "", files(t))
	names := func(set *scene.Set) (out []string) {
		for _, s := range set.Scenes {
			out = append(out, s.Name)
		}
		return out
	}
	set, err := Open(dir, Config{Part: "train", Classes: []string{"emu", "dog"}, Inclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names(set), []string{"b"}) || set.Scenes[0].Objects[0].Class != 1 || set.Scenes[0].Objects[0].Box != (box.Box{X1: 0, Y1: 1, X2: 20, Y2: 9}) {
		t.Errorf("%+v", set.Scenes)
	}
	// With pixels counted from 1 to the last one inside, 4 to 4 is one pixel.
	if set.Scenes[0].Objects[1].Box != (box.Box{X1: 3, Y1: 3, X2: 4, Y2: 4}) {
		t.Errorf("%+v", set.Scenes)
	}
	if set, err = Open(dir, Config{Part: "dog_train"}); err != nil || !slices.Equal(names(set), []string{"a", "b"}) {
		t.Error(set, err)
	}
	_, err = Open(dir, Config{Classes: []string{"dog"}})
	malformed.Refused(t, err, filepath.Join("Annotations", "a.xml")+`:5: expected one of the classes "dog", got "cat"`)
	_, err = Open(dir, Config{Part: "../../secret"})
	malformed.Refused(t, err, `expected the name of a part, such as train, got "../../secret"`)
	_, err = Open(dir, Config{Part: "val"})
	malformed.Refused(t, err, "val.txt", fs.ErrNotExist.Error()[:4])
}

// What is wrong with a data set names the file.
func TestRefusesBrokenSets(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		want          []string
	}{
		"no picture":       {"Annotations/a.xml", one("<filename>c.jpg</filename>"), []string{"a.xml:3: ", `expected a picture in JPEGImages, got "c.jpg", which isn't there`}},
		"path":             {"Annotations/a.xml", one("<filename>../../etc/passwd</filename>"), []string{"a.xml:3: ", `got "../../etc/passwd"; paths are not followed`}},
		"back path":        {"Annotations/a.xml", one(`<filename>..\x.jpg</filename>`), []string{"a.xml:3: expected the plain name of a file in JPEGImages"}},
		"dots":             {"Annotations/a.xml", one(`<filename>..</filename>`), []string{"a.xml:3: expected the plain name of a file in JPEGImages"}},
		"list with path":   {"ImageSets/Main/train.txt", "a\n../b\n", []string{`train.txt:2: expected the plain name of an annotation, got "../b"`}},
		"list twice":       {"ImageSets/Main/train.txt", "a\n\na\n", []string{`train.txt:3: expected each picture once, got a second "a"`}},
		"list of words":    {"ImageSets/Main/train.txt", "a b c\n", []string{`train.txt:1: expected the name of a picture, got "a b c"`}},
		"list of nothing":  {"ImageSets/Main/train.txt", " \n", []string{`train.txt: expected names of pictures, got none`}},
		"list of bytes":    {"ImageSets/Main/train.txt", "\xff\xfe", []string{`train.txt: expected UTF-8`}},
		"list of missing":  {"ImageSets/Main/train.txt", "nobody", []string{"nobody.xml"}},
		"giant annotation": {"Annotations/a.xml", strings.Repeat(" ", maxXML+1), []string{"a.xml: expected at most 1048576 bytes, got 1048577"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := files(t)
			all[c.file] = c.content
			part := ""
			if strings.HasPrefix(c.file, "Image") {
				part = "train"
			}
			_, err := Open(write(t, "", all), Config{Part: part})
			malformed.Refused(t, err, append(c.want, "read VOC: ")...)
			archive := filepath.Join(t.TempDir(), "x.zip")
			os.WriteFile(archive, pack(t, "x/", all), 0o666)
			_, err = Open(archive, Config{Part: part})
			malformed.Refused(t, err, "read VOC: ", archive)
		})
	}
}

func TestRefusesOtherFolders(t *testing.T) {
	_, err := Open(write(t, "", map[string]string{"x/readme": ""}), Config{})
	malformed.Refused(t, err, "expected a folder Annotations, and JPEGImages beside it, got none")
	both := files(t)
	for name, content := range files(t) {
		both["VOC2007/"+name], both["VOC2012/"+name] = content, content
		delete(both, name)
	}
	_, err = Open(write(t, "", both), Config{})
	malformed.Refused(t, err, "expected one folder Annotations, got several, in", "VOC2007", "open one of these folders")
	_, err = Open(write(t, "", map[string]string{"Annotations/x.txt": ""}), Config{})
	malformed.Refused(t, err, "Annotations: expected annotations (.xml), got none")
}

// Pictures are looked at when they are opened.
func TestRefusesBrokenPictures(t *testing.T) {
	all := files(t)
	all["JPEGImages/a.jpg"] = "nothing"
	all["Annotations/b.xml"] = strings.Replace(all["Annotations/b.xml"], "<height>10<", "<height>12<", 1)
	archive := filepath.Join(t.TempDir(), "x.zip")
	os.WriteFile(archive, pack(t, "x/", all), 0o666)
	for _, path := range []string{write(t, "", all), archive} {
		set, err := Open(path, Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = set.Scenes[0].Open()
		malformed.Refused(t, err, path, "a.jpg: expected a PNG, JPEG or GIF image")
		_, err = set.Scenes[1].Open()
		malformed.Refused(t, err, path, "b.png: expected 20 × 12 pixels, as Annotations/b.xml says, got 20 × 10")
	}
}

func TestRefusesPaths(t *testing.T) {
	dir := t.TempDir()
	malformed.Paths(t, func(path string) error {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			// A folder is what Open takes; one in a file's place is refused.
			all := files(t)
			delete(all, "Annotations/a.xml")
			dir = write(t, "", all)
			os.Mkdir(filepath.Join(dir, "Annotations", "a.xml"), 0o777)
			_, err := Open(dir, Config{})
			malformed.Refused(t, err, "a.xml: expected a regular file, got a directory")
			return &format.Error{Op: "x", Path: path, Want: "a regular file", Got: "a directory"}
		}
		_, err := Open(path, Config{})
		return err
	})
}
