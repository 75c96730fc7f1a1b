package omniglot

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/malformed"
)

// drawing returns a PNG with black ink in r on white paper, as a 1-bit palette image like the real ones.
func drawing(w, h int, r image.Rectangle) []byte {
	im := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})
	for y := range h {
		for x := range w {
			if !(image.Point{x, y}).In(r) {
				im.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		panic(err)
	}
	return b.Bytes()
}

type member struct {
	name string
	data []byte
}

func archive(members ...member) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err == nil {
			_, err = w.Write(m.data)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func open(data []byte) (*format.Zip, error) {
	return format.NewZip(readOp, "x.zip", bytes.NewReader(data), int64(len(data)))
}

func readAt(data []byte, side int) (*Drawings, error) {
	z, err := open(data)
	if err != nil {
		return nil, err
	}
	return read(z, side)
}

func trialsAt(data []byte, side int) ([]Trial, error) {
	z, err := open(data)
	if err != nil {
		return nil, err
	}
	return readTrials(z, side)
}

var (
	left  = drawing(105, 105, image.Rect(0, 0, 35, 105))
	empty = drawing(105, 105, image.Rectangle{})
	blot  = drawing(105, 105, image.Rect(50, 50, 55, 53))
)

func TestDrawingsComeInTheOrderOfNames(t *testing.T) {
	data := archive(
		member{"set/", nil}, member{"__MACOSX/set/._x", []byte("junk")}, member{"set/.DS_Store", nil},
		member{"set/Greek/character02/0002_01.png", left},
		member{"set/Greek-modern/character01/0003_01.png", blot}, // "-" is less than "/"
		member{"set/Greek/character01/0001_02.png", left},
		member{"set/Greek/character01/0001_01.png", empty},
	)
	d, err := readAt(data, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Characters); got != "[Greek/character01 Greek/character02 Greek-modern/character01]" {
		t.Errorf("characters %s", got)
	}
	if !slices.Equal(d.Labels, []uint16{0, 0, 1, 2}) {
		t.Errorf("labels %v", d.Labels)
	}
	bar := []uint8{255, 0, 0, 255, 0, 0, 255, 0, 0}
	// 15 black pixels of the 35·35 in the middle: 255·15/1225 = 3.1.
	if want := slices.Concat(make([]uint8, 9), bar, bar, []uint8{0, 0, 0, 0, 3, 0, 0, 0, 0}); !slices.Equal(d.Pixels, want) {
		t.Errorf("pixels %v, want %v", d.Pixels, want)
	}
}

func TestPixelsThatAreCutCountInPart(t *testing.T) {
	one := drawing(105, 105, image.Rect(52, 0, 53, 105)) // the column in the middle
	d, err := readAt(archive(member{"s/a/b/c.png", one}), 2)
	if err != nil {
		t.Fatal(err)
	}
	// Half of the column of 52.5: 255·0.5/52.5 = 2.4.
	if !slices.Equal(d.Pixels, []uint8{2, 2, 2, 2}) {
		t.Errorf("pixels %v", d.Pixels)
	}
	d, err = readAt(archive(member{"s/a/b/c.png", one}), 105)
	if err != nil || d.Pixels[51] != 0 || d.Pixels[52] != 255 || len(d.Pixels) != 105*105 {
		t.Errorf("at full size: %v", err)
	}
}

// labels is the class_labels.txt of the trial below.
const labels = "run01/test/item01.png run01/training/class02.png\nrun01/test/item02.png run01/training/class01.png\n"

func trial(labels string, more ...member) []byte {
	return archive(append(more,
		member{"run01/class_labels.txt", []byte(labels)},
		member{"run01/training/class01.png", left}, member{"run01/training/class02.png", empty},
		member{"run01/test/item01.png", empty}, member{"run01/test/item02.png", left},
	)...)
}

func TestTrials(t *testing.T) {
	trials, err := trialsAt(trial(labels), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := Trial{Name: "run01", Side: 1, Support: []uint8{85, 0}, Test: []uint8{0, 85}, Answer: []int{1, 0}}
	if len(trials) != 1 || fmt.Sprint(trials[0]) != fmt.Sprint(want) {
		t.Errorf("trials %v, want %v", trials, want)
	}
}

func TestRefusesMalformedArchives(t *testing.T) {
	cut := left[:len(left)-20]
	bomb := archive(member{"s/a/b/c.png", make([]byte, 1<<20)})
	malformed.Run(t, func(data []byte) error { _, err := readAt(data, 28); return err }, []malformed.Case{
		{Name: "not a zip archive", Data: left, Want: []string{"x.zip", "expected a zip archive, got a PNG image"}},
		{Name: "empty", Data: archive(), Want: []string{"x.zip: expected between 1 and 131072 drawings, got 0"}},
		{Name: "outside", Data: archive(member{"s/../../c.png", left}), Want: []string{"a name that stays inside the archive"}},
		{Name: "shallow", Data: archive(member{"a/b/c.png", left}), Want: []string{`entry "a/b/c.png": expected members named set/alphabet/character/drawing.png`}},
		{Name: "text", Data: archive(member{"s/a/b/c.txt", nil}), Want: []string{"members named set/alphabet/character/drawing.png"}},
		{Name: "size", Data: archive(member{"s/a/b/c.png", drawing(104, 105, image.Rectangle{})}), Want: []string{`x.zip, entry "s/a/b/c.png": expected a drawing of 105×105 pixels, got 104×105`}},
		{Name: "giant", Data: archive(member{"s/a/b/c.png", drawing(1000, 105, image.Rectangle{})}), Want: []string{`x.zip, entry "s/a/b/c.png": expected at most 11025 pixels`}},
		{Name: "cut", Data: archive(member{"s/a/b/c.png", cut}), Want: []string{`x.zip, entry "s/a/b/c.png": expected the end of a PNG image`}},
		{Name: "not an image", Data: archive(member{"s/a/b/c.png", []byte("hello")}), Want: []string{`entry "s/a/b/c.png": expected a PNG, JPEG or GIF image`}},
		{Name: "bomb", Data: bomb, Want: []string{`entry "s/a/b/c.png": expected at most 65536 bytes after decompression, got 1048576`}},
		{Name: "the first of several", Data: archive(member{"s/a/b/3.png", cut}, member{"s/a/b/2.png", cut}, member{"s/a/b/1.png", left}), Want: []string{`entry "s/a/b/2.png"`}},
	})
	malformed.Run(t, func(data []byte) error { _, err := trialsAt(data, 28); return err }, []malformed.Case{
		{Name: "empty", Data: archive(), Want: []string{"expected trials, got an empty archive"}},
		{Name: "no labels", Data: archive(member{"run01/training/a.png", left}, member{"run01/test/a.png", left}), Want: []string{`entry "run01/": expected class_labels.txt and drawings in training and test`, "labels: false"}},
		{Name: "no drawings", Data: archive(member{"run01/class_labels.txt", nil}), Want: []string{"0 support and 0 test drawings"}},
		{Name: "something else", Data: trial(labels, member{"run01/notes.txt", nil}), Want: []string{`entry "run01/notes.txt": expected members named`}},
		{Name: "one word", Data: trial("run01/test/item01.png\n"), Want: []string{`entry "run01/class_labels.txt": expected a test and a support drawing in line 1, got "run01/test/item01.png"`}},
		{Name: "unknown drawing", Data: trial(strings.Replace(labels, "class01", "class03", 1)), Want: []string{"expected names of drawings in the archive in line 2"}},
		{Name: "twice", Data: trial(labels + labels), Want: []string{"expected each test drawing once in line 3"}},
		{Name: "a line missing", Data: trial(strings.SplitAfter(labels, "\n")[0]), Want: []string{`expected a line for each test drawing, got none for "run01/test/item02.png"`}},
	})
	good := archive(member{"s/a/b/1.png", blot}, member{"s/a/c/2.png", empty})
	decode := func(data []byte) error { _, err := readAt(data, 7); return err }
	malformed.Prefixes(t, good, decode)
	malformed.Flips(t, good, 256, decode)
	malformed.Paths(t, func(path string) error { _, err := Read(path, Config{}); return err })
	malformed.Paths(t, func(path string) error { _, err := ReadTrials(path, Config{}); return err })
	if _, err := Read("x.zip", Config{Side: 106}); err == nil || !strings.Contains(err.Error(), "a side from 1 to 105, got 106") {
		t.Error(err)
	}
}

// An archive may hold anything; what comes out is complete.
func FuzzArchive(f *testing.F) {
	f.Add(archive(member{"s/a/b/1.png", blot}, member{"s/a/c/2.png", empty}))
	f.Add(trial(labels))
	f.Add(trial("run01/test/item01.png run01/training/class02.png\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const side = 4
		if d, err := readAt(data, side); err != nil {
			malformed.Refused(t, err)
		} else if len(d.Labels) == 0 || len(d.Pixels) != side*side*len(d.Labels) || int(slices.Max(d.Labels)) != len(d.Characters)-1 {
			t.Fatalf("%d drawings, %d pixels, %d characters", len(d.Labels), len(d.Pixels), len(d.Characters))
		}
		trials, err := trialsAt(data, side)
		if err != nil {
			malformed.Refused(t, err)
		}
		for _, one := range trials {
			if len(one.Test) != side*side*len(one.Answer) || slices.Min(one.Answer) < 0 || slices.Max(one.Answer) >= len(one.Support)/side/side {
				t.Fatalf("%+v", one)
			}
		}
	})
}

// Counts are those of the paper. Sums are NumPy's, of the drawings that Pillow reads and reduces by the same definition:
//
//	w = np.array([[max(0, min((i+1)*105, (j+1)*28) - max(i*105, j*28)) for j in range(105)] for i in range(28)]) / 105
//	(255 - np.floor(w @ x @ w.T + .5)).sum()
func TestRealDataOmniglot(t *testing.T) {
	dir := filepath.Join(os.Getenv("GRADUS_DATA"), "omniglot")
	if _, err := os.Stat(dir); os.Getenv("GRADUS_DATA") == "" || err != nil {
		t.Skip("needs Omniglot in the folder that GRADUS_DATA names")
	}
	d, err := Read(filepath.Join(dir, "images_background.zip"), Config{Side: 28})
	if err != nil {
		t.Fatal(err)
	}
	alphabets := map[string]bool{}
	for _, c := range d.Characters {
		alphabets[c.Alphabet] = true
	}
	if len(d.Labels) != 19280 || len(d.Characters) != 964 || len(alphabets) != 30 {
		t.Errorf("%d drawings of %d characters of %d alphabets", len(d.Labels), len(d.Characters), len(alphabets))
	}
	sum := 0
	for _, v := range d.Pixels[:1000*28*28] {
		sum += int(v)
	}
	if want := 16042490; sum != want {
		t.Errorf("the first 1,000 drawings sum to %d, want %d", sum, want)
	}
	trials, err := ReadTrials(filepath.Join(dir, "all_runs.zip"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(trials) != 20 || trials[0].Name != "run01" || len(trials[19].Test) != 20*105*105 {
		t.Errorf("%d trials", len(trials))
	}
	// The head of run01/class_labels.txt.
	if !slices.Equal(trials[0].Answer[:5], []int{7, 8, 1, 18, 9}) {
		t.Errorf("answers %v", trials[0].Answer)
	}
}

func BenchmarkRead(b *testing.B) {
	dir := os.Getenv("GRADUS_DATA")
	if dir == "" {
		b.Skip("needs Omniglot in the folder that GRADUS_DATA names")
	}
	for b.Loop() {
		if _, err := Read(filepath.Join(dir, "omniglot/images_background.zip"), Config{Side: 28}); err != nil {
			b.Fatal(err)
		}
	}
}
