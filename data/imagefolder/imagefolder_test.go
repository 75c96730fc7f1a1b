package imagefolder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// values is testdata/values.json: what Pillow and PyTorch make of the images.
type values struct {
	Height, Width int
	Images        map[string]struct {
		Mode   string
		RGB, L []int
	}
	Resized map[string][]float64
}

func reference(t *testing.T) values {
	t.Helper()
	text, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var v values
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// PNG and GIF hold exact values. JPEG decoders may differ in rounding: the
// inverse cosine transform by 1, the conversion from YCbCr by 2 more.
func TestDecodesAsPillow(t *testing.T) {
	v := reference(t)
	if len(v.Images) < 18 {
		t.Fatalf("%d images", len(v.Images))
	}
	for name, want := range v.Images {
		tolerance := 0
		if strings.HasSuffix(name, ".jpg") {
			tolerance = 4
		}
		for mode, pixels := range map[Mode][]int{RGB: want.RGB, Gray: want.L} {
			im, err := ReadImage("testdata/"+name, Config{Mode: mode})
			if err != nil {
				t.Error(err)
				continue
			}
			if im.Height != v.Height || im.Width != v.Width || im.Channels != mode.Channels() || len(im.Pix) != len(pixels) {
				t.Errorf("%s: %d × %d × %d", name, im.Channels, im.Height, im.Width)
				continue
			}
			for i, p := range im.Pix {
				if d := int(p) - pixels[i]; max(d, -d) > tolerance {
					t.Errorf("%s (%s) as %d channels: value %d is %d, want %d", name, want.Mode, im.Channels, i, p, pixels[i])
					break
				}
			}
		}
	}
}

func encodePNG(t testing.TB, im image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTransparency(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 3, 1))
	im.SetNRGBA(0, 0, color.NRGBA{200, 100, 0, 255})
	im.SetNRGBA(1, 0, color.NRGBA{200, 100, 0, 0})
	im.SetNRGBA(2, 0, color.NRGBA{200, 100, 0, 51}) // a fifth
	data := encodePNG(t, im)
	dropped, err := Decode(data, Config{})
	if err != nil || !slices.Equal(dropped.Pix, []byte{200, 200, 200, 100, 100, 100, 0, 0, 0}) {
		t.Errorf("%v, %v", dropped, err)
	}
	white, err := Decode(data, Config{Background: color.White})
	if err != nil || !slices.Equal(white.Pix, []byte{200, 255, 244, 100, 255, 224, 0, 255, 204}) {
		t.Errorf("%v, %v", white, err)
	}
	// 16 bits with transparency: the colour underneath counts too.
	wide := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	wide.SetNRGBA64(0, 0, color.NRGBA64{0x1234, 0x5678, 0x9abc, 0})
	got, err := Decode(encodePNG(t, wide), Config{})
	if err != nil || !slices.Equal(got.Pix, []byte{0x12, 0x56, 0x9a}) {
		t.Errorf("%v, %v", got, err)
	}
}

// The first frame of a GIF may be smaller than the picture.
func TestPartialFrame(t *testing.T) {
	frame := image.NewPaletted(image.Rect(1, 1, 3, 2), color.Palette{color.White, color.Black})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 4, Height: 3, ColorModel: frame.Palette}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		background color.Color
		want       []byte
	}{
		{nil, []byte{0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0}},
		{color.Gray{7}, []byte{7, 7, 7, 7, 7, 255, 255, 7, 7, 7, 7, 7}},
	} {
		im, err := Decode(b.Bytes(), Config{Mode: Gray, Background: c.background})
		if err != nil || im.Height != 3 || im.Width != 4 || !slices.Equal(im.Pix, c.want) {
			t.Errorf("%v, %v", im, err)
		}
	}
}

func TestResizesAsPyTorch(t *testing.T) {
	v := reference(t)
	im, err := ReadImage("testdata/rgb.png", Config{})
	if err != nil {
		t.Fatal(err)
	}
	x := im.Tensor()
	for size, want := range v.Resized {
		var h, w int
		fmt.Sscanf(size, "%dx%d", &h, &w)
		out := Resize(x, h, w)
		if !slices.Equal(out.Shape(), []int{3, h, w}) {
			t.Errorf("%s: shape %v", size, out.Shape())
			continue
		}
		for i, got := range tensor.ToSlice[float32](out) {
			if math.Abs(float64(got)-want[i]) > 2e-6 {
				t.Errorf("%s: value %d is %v, want %v", size, i, got, want[i])
				break
			}
		}
	}
	if err := tensor.Try(func() error { Resize(x, 0, 3); return nil }); err == nil || !strings.Contains(err.Error(), "height 0 and width 3 must be at least 1") {
		t.Error(err)
	}
	if err := tensor.Try(func() error { Resize(tensor.Zeros(tensor.Float32, 2, 2), 1, 3); return nil }); err == nil || !strings.Contains(err.Error(), "needs float32 (channels, height, width)") {
		t.Error(err)
	}
}

// put writes files into a new folder and returns it.
func put(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolder(t *testing.T) {
	white := image.NewGray(image.Rect(0, 0, 4, 2))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	w, jpg := encodePNG(t, white), must(os.ReadFile("testdata/rgb.jpg"))
	dir := put(t, map[string][]byte{
		"dog/b.png": w, "dog/a.JPG": jpg, "dog/notes.txt": nil, "dog/.hidden.png": nil,
		"cat/x-y/2.png": w, "cat/x/1.png": w, "cat/x/in/3.png": w, "cat/z.png": jpg, // a JPEG by another name
		"README": nil, ".git/x.png": nil,
	})
	f, err := Open(dir, Config{Height: 3, Width: 5, Mode: Gray})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range f.Samples {
		rel, _ := filepath.Rel(dir, s.Path)
		list = append(list, fmt.Sprintf("%s:%d", filepath.ToSlash(rel), s.Class))
	}
	// The order of Python's sorted(os.walk(…)), which torchvision takes:
	// sorted(["cat", "cat/x", "cat/x/in", "cat/x-y"]) puts cat/x-y third.
	want := []string{"cat/z.png:0", "cat/x/1.png:0", "cat/x-y/2.png:0", "cat/x/in/3.png:0", "dog/a.JPG:1", "dog/b.png:1"}
	if !slices.Equal(list, want) {
		t.Errorf("got %q, want %q", list, want)
	}
	if !slices.Equal(f.Classes, []string{"cat", "dog"}) || f.Skipped != 1 || f.Len() != 6 || !slices.Equal(tensor.ToSlice[int64](f.Labels()), []int64{0, 0, 0, 0, 1, 1}) {
		t.Errorf("%+v", f)
	}
	for i := range f.Len() {
		x, class, err := f.Example(i)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Shape(), []int{1, 3, 5}) || class != f.Samples[i].Class {
			t.Errorf("%d: %v, class %d", i, x.Shape(), class)
		}
	}
	x, _, _ := f.Example(5)
	for _, v := range tensor.ToSlice[float32](x) {
		if math.Abs(float64(v)-1) > 1e-6 {
			t.Errorf("white became %v", v)
		}
	}
}

func TestBatches(t *testing.T) {
	w := image.NewGray(image.Rect(0, 0, 4, 2))
	w.Pix[0] = 255
	dir := put(t, map[string][]byte{"a/1.png": encodePNG(t, w), "b/1.png": encodePNG(t, image.NewGray(image.Rect(0, 0, 4, 2))), "b/2.png": encodePNG(t, image.NewGray(image.Rect(0, 0, 2, 4)))})
	f, err := Open(dir, Config{Mode: Gray})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := f.Batch(data.Draw{Index: []int{1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(batch.X.Shape(), []int{2, 1, 2, 4}) || !slices.Equal(tensor.ToSlice[int64](batch.Y), []int64{1, 0}) || batch.X.At(1, 0, 0, 0) != 1 || batch.X.At(0, 0, 0, 0) != 0 {
		t.Errorf("%v %v", batch.X, batch.Y)
	}
	_, err = f.Batch(data.Draw{Index: []int{0, 2}})
	want := fmt.Sprintf("example 2: read image: %s: expected 4 × 2 pixels, as in %s, got 2 × 4; set Height and Width to resize all images", filepath.Join(dir, "b", "2.png"), filepath.Join(dir, "a", "1.png"))
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// Through the loader, whole.
	g, err := Open(dir, Config{Height: 3, Width: 3})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for b, err := range data.NewLoader(g, data.LoaderConfig{Batch: 2, Shuffle: true, Workers: 2}).Epoch(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n += b.Len()
	}
	if n != 3 {
		t.Errorf("the loader gave %d images", n)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Sizes are those that the files' documentation gives.
func TestRealPhotos(t *testing.T) {
	root := os.Getenv("GRADUS_DATA")
	if root == "" {
		t.Skip("needs GRADUS_DATA, a folder with photos")
	}
	for name, size := range map[string][2]int{
		"astronaut.png": {512, 512}, "camera.png": {512, 512}, "chelsea.png": {300, 451}, "coins.png": {303, 384}, "china.jpg": {427, 640}, "flower.jpg": {427, 640}, "coffee.png": {400, 600},
	} {
		im, err := ReadImage(filepath.Join(root, "photos", name), Config{})
		if err != nil || [2]int{im.Height, im.Width} != size {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	photo := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(i * i >> 7)
	}
	data := encodePNG(b, photo)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode(data, Config{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	im, _ := Decode(data, Config{})
	x := im.Tensor()
	b.Run("resize", func(b *testing.B) {
		for b.Loop() {
			Resize(x, 64, 64)
		}
	})
	b.Run("convert", func(b *testing.B) {
		for b.Loop() {
			convert(photo, 256, 256, Config{})
		}
	})
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "animals")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, class := range []string{"cat", "dog"} {
		var b bytes.Buffer
		png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 10)))
		os.Mkdir(filepath.Join(dir, class), 0o777)
		os.WriteFile(filepath.Join(dir, class, "1.png"), b.Bytes(), 0o666)
	}
	set, err := Open(dir, Config{Height: 8, Width: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.TrimSuffix(set.String(), " in "+dir))
	x, class, err := set.Example(1)
	fmt.Println(set.Len(), x.Shape(), set.Classes[class], err)
	// Output:
	// 2 images of 2 classes
	// 2 [3 8 8] dog <nil>
}

// BenchmarkRealDataJPEG decodes a photograph of 640 × 427 and makes a tensor of it.
func BenchmarkRealDataJPEG(b *testing.B) {
	root := os.Getenv("GRADUS_DATA")
	if root == "" {
		b.Skip("needs GRADUS_DATA, a folder with photos")
	}
	data, err := os.ReadFile(filepath.Join(root, "photos", "china.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	picture, _ := jpeg.Decode(bytes.NewReader(data))
	b.Run("convert", func(b *testing.B) {
		for b.Loop() {
			convert(picture, 640, 427, Config{})
		}
	})
	im := convert(picture, 640, 427, Config{})
	b.Run("tensor", func(b *testing.B) {
		for b.Loop() {
			im.Tensor()
		}
	})
}
