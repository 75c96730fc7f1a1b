package plot

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSavePNGWritesWhatItIsGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, []byte("an older picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := Lines{Title: "T", Panels: []Panel{{Series: []Series{{Y: []float64{1, 2}}}}}}.Draw()
	if err := SavePNG(path, want); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("size %v, want %v", got.Bounds(), want.Bounds())
	}
	if p := different(got, want); p != nil {
		t.Errorf("pixel %v differs", *p)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestSavePNGErrorsNameThePath(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	path := filepath.Join(t.TempDir(), "missing", "a.png")
	err := SavePNG(path, img)
	if err == nil || !strings.Contains(err.Error(), "plot.SavePNG: "+path) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SavePNG(folder, img); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("a folder in the way: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(folder)); len(entries) != 1 {
		t.Errorf("a failed SavePNG left %v", entries)
	}
	for _, img := range []image.Image{nil, image.NewGray(image.Rectangle{})} {
		if err := SavePNG("x.png", img); err == nil || err.Error() != "plot.SavePNG: x.png: the image has no pixels" {
			t.Errorf("no pixels: %v", err)
		}
	}
}

// different returns a place where two pictures of one size differ.
func different(a, b image.Image) *image.Point {
	r := a.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if color.RGBAModel.Convert(a.At(x, y)) != color.RGBAModel.Convert(b.At(x, y)) {
				return &image.Point{X: x, Y: y}
			}
		}
	}
	return nil
}

// count returns how many pixels of r have the colour, or, for nil, any but white.
func count(img image.Image, r image.Rectangle, col color.Color) (n int) {
	r = r.Intersect(img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			at := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			if col == nil && at != (color.RGBA{0xff, 0xff, 0xff, 0xff}) || col != nil && at == color.RGBAModel.Convert(col) {
				n++
			}
		}
	}
	return n
}

// mustPanic runs f and compares what it panics with.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("got panic %v\nwant %q", got, want)
		}
	}()
	f()
}
