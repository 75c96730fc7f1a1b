package imagefolder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/internal/malformed"
)

func decodeBytes(data []byte) error {
	_, err := Decode(data, Config{})
	return err
}

// small decodes with a limit that keeps decoding quick.
func small(data []byte) error {
	_, err := Decode(data, Config{MaxPixels: 1 << 14})
	return err
}

// chunk returns a PNG chunk with its checksum.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// header returns the begin of a PNG of this size and colour type.
func header(width, height uint32, depth, kind byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, width)
	b = binary.BigEndian.AppendUint32(b, height)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(b, depth, kind, 0, 0, 0))...)
}

func gradient() *image.RGBA {
	im := image.NewRGBA(image.Rect(0, 0, 24, 18))
	for i := range im.Pix {
		im.Pix[i] = uint8(i * 7)
		if i%4 == 3 {
			im.Pix[i] = 255
		}
	}
	return im
}

func encodeJPEG(t testing.TB) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, gradient(), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeGIF(t testing.TB) []byte {
	var b bytes.Buffer
	if err := gif.Encode(&b, gradient(), &gif.Options{NumColors: 16}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// set returns data with the bytes at i replaced.
func set(data []byte, i int, v ...byte) []byte {
	bad := bytes.Clone(data)
	copy(bad[i:], v)
	return bad
}

func malformedImages(t testing.TB) []malformed.Case {
	good, jpg, gf := encodePNG(t, gradient()), encodeJPEG(t), encodeGIF(t)
	end := chunk("IEND", nil)
	sof := bytes.Index(jpg, []byte{0xff, 0xc0}) // length 2, precision 1, height 2, width 2
	return []malformed.Case{
		{Name: "empty", Want: []string{"read image: expected an image, got an empty file"}},
		{Name: "text", Data: []byte("hello"), Want: []string{`expected a PNG, JPEG or GIF image, got a file that begins with "hello"`}},
		{Name: "npy", Data: []byte("\x93NUMPY\x01\x00"), Want: []string{"got a NumPy array"}},
		{Name: "WebP", Data: []byte("RIFF\x5e\xf0\x00\x00WEBPVP8 "), Want: []string{"expected a PNG, JPEG or GIF image, got a WebP image"}},
		{Name: "HEIC", Data: []byte("\x00\x00\x00\x18ftypheic\x00\x00"), Want: []string{"got an HEIC or AVIF image or an MP4 video"}},
		{Name: "TIFF", Data: []byte("II*\x00\x08\x00\x00\x00"), Want: []string{"got a TIFF image"}},
		{Name: "BMP", Data: []byte("BM\xb6\x82\x0c\x00\x00\x00\x00\x00\x36\x00"), Want: []string{"got a BMP image"}},
		{Name: "not quite BMP", Data: []byte("BMI,age,weight,x"), Want: []string{`got a file that begins with "BMI,age,weight,x"`}},
		{Name: "web page", Data: []byte("<!DOCTYPE html>"), Want: []string{"got an HTML page (a failed download?)"}},
		{Name: "PNG magic only", Data: good[:8], Want: []string{"expected an intact PNG header", "the file ends early"}},
		{Name: "JPEG magic only", Data: jpg[:2], Want: []string{"expected an intact JPEG header", "the file ends early"}},
		{Name: "GIF magic only", Data: gf[:6], Want: []string{"expected an intact GIF header", "unexpected EOF"}},
		{Name: "PNG bomb", Data: append(header(60_000, 60_000, 8, 2), end...), Want: []string{"expected at most 33554432 pixels, got 60000 × 60000; if the image is genuine, make it smaller or raise MaxPixels"}},
		{Name: "PNG bomb of 2^31-1", Data: append(header(1<<31-1, 1<<31-1, 8, 0), end...), Want: []string{"PNG header"}},
		{Name: "JPEG bomb", Data: set(jpg, sof+5, 0xea, 0x60, 0xea, 0x60), Want: []string{"at most 33554432 pixels, got 60000 × 60000"}},
		{Name: "GIF bomb", Data: set(gf, 6, 0x60, 0xea, 0x60, 0xea), Want: []string{"at most 33554432 pixels, got 60000 × 60000"}},
		{Name: "PNG too small for its pixels", Data: append(header(5000, 5000, 8, 2), end...), Want: []string{"pixels in a PNG file of 45 bytes, got 5000 × 5000"}},
		{Name: "JPEG too small for its pixels", Data: set(jpg, sof+5, 0x13, 0x88, 0x13, 0x88), Want: []string{"pixels in a JPEG file of", "got 5000 × 5000"}},
		{Name: "GIF too small for its pixels", Data: set(gf, 6, 0x88, 0x13, 0x88, 0x13), Want: []string{"pixels in a GIF file of", "got 5000 × 5000"}},
		{Name: "PNG of zero width", Data: append(header(0, 10, 8, 2), end...), Want: []string{"intact PNG header", "non-positive dimension"}},
		{Name: "JPEG of zero width", Data: set(jpg, sof+7, 0, 0), Want: []string{"expected a width and height from 1 on, got 0 × 18"}},
		{Name: "GIF of zero width", Data: set(gf, 6, 0, 0), Want: []string{"expected a width and height from 1 on, got 0 × 18"}},
		{Name: "negative width", Data: append(header(1<<31, 1, 8, 2), end...), Want: []string{"PNG header"}},
		{Name: "header checksum", Data: set(good, 29, good[29]^1), Want: []string{"expected an intact PNG header: png: invalid format: invalid checksum"}},
		{Name: "data checksum", Data: set(good, len(good)-16, good[len(good)-16]^1), Want: []string{"expected intact PNG data: png: invalid format: invalid checksum"}},
		{Name: "missing palette", Data: append(append(header(2, 2, 8, 3), chunk("IDAT", []byte{0x78, 0x9c, 1, 6, 0, 0xf9, 0xff, 0, 0, 0, 0, 0, 0})...), end...), Want: []string{"PNG", "chunk out of order"}},
		{Name: "no data", Data: append(header(2, 2, 8, 2), end...), Want: []string{"expected intact PNG data"}},
		{Name: "bad depth", Data: append(header(2, 2, 7, 2), end...), Want: []string{"bit depth 7"}},
		{Name: "huge chunk", Data: append(append(header(2, 2, 8, 2), 0xff, 0xff, 0xff, 0xff, 'I', 'D', 'A', 'T'), end...), Want: []string{"PNG"}},
		{Name: "PNG cut", Data: good[:len(good)-12], Want: []string{"expected the end of a PNG image, got", "the file is cut short, or has junk behind its end"}},
		{Name: "PNG with junk behind", Data: append(bytes.Clone(good), "junk"...), Want: []string{"expected the end of a PNG image", "junk"}},
		{Name: "PNG data cut", Data: append(bytes.Clone(good[:len(good)-40]), end...), Want: []string{"expected intact PNG data"}},
		{Name: "JPEG cut", Data: jpg[:len(jpg)-2], Want: []string{"expected intact JPEG data: the file ends early: unexpected EOF"}},
		{Name: "JPEG data cut", Data: jpg[:len(jpg)-40], Want: []string{"expected intact JPEG data"}},
		{Name: "GIF cut", Data: gf[:len(gf)-1], Want: []string{"expected the end of a GIF image"}},
		{Name: "GIF with junk behind", Data: append(bytes.Clone(gf), 'x'), Want: []string{"expected the end of a GIF image"}},
	}
}

func TestRefusesMalformedImages(t *testing.T) {
	malformed.Run(t, decodeBytes, malformedImages(t))
}

func TestCutsAndFlips(t *testing.T) {
	for _, good := range [][]byte{encodePNG(t, gradient()), encodeGIF(t)} {
		malformed.Prefixes(t, good, small)
		malformed.Flips(t, good, 64, small)
	}
	// A JPEG may have anything behind its end.
	jpg := encodeJPEG(t)
	for n := range jpg {
		malformed.Refused(t, small(jpg[:n]))
	}
	if err := small(append(bytes.Clone(jpg), "preview"...)); err != nil {
		t.Error(err)
	}
	malformed.Flips(t, jpg, len(jpg), small)
}

type failingFile struct {
	malformed.FailingReaderAt
	io.ReadSeeker
}

func (f failingFile) Read(p []byte) (int, error) {
	at, _ := f.Seek(0, io.SeekCurrent)
	n, err := f.ReadAt(p[:min(len(p), 1)], at)
	f.Seek(at+int64(n), io.SeekStart)
	return n, err
}

func TestPassesOnIOErrors(t *testing.T) {
	for _, good := range [][]byte{encodePNG(t, gradient()), encodeGIF(t), encodeJPEG(t)} {
		for bad := 0; bad < len(good); bad += 7 {
			f := failingFile{malformed.FailingReaderAt{Data: good, Bad: int64(bad)}, bytes.NewReader(good)}
			_, err := decode(f, int64(len(good)), "", Config{})
			malformed.Refused(t, err)
			if !errors.Is(err, malformed.ErrDisk) {
				t.Errorf("disk error at byte %d became %v", bad, err)
			}
		}
	}
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := ReadImage(path, Config{}); return err })
}

func TestRefusesFolders(t *testing.T) {
	w := encodePNG(t, image.NewGray(image.Rect(0, 0, 2, 2)))
	open := func(dir string) error { _, err := Open(dir, Config{}); return err }

	malformed.Refused(t, open(filepath.Join(t.TempDir(), "no")), "read image: ", "no: no such file")
	file := filepath.Join(put(t, map[string][]byte{"x.png": w}), "x.png")
	malformed.Refused(t, open(file), file+": expected a folder with one sub-folder for each class, got a file")
	malformed.Refused(t, open(filepath.Dir(file)), "expected one sub-folder for each class, got none")
	dir := put(t, map[string][]byte{"a/1.png": w, "b/1.txt": nil, "c/2.bmp": nil})
	malformed.Refused(t, open(dir), dir+`: expected images (.png .jpg .jpeg .gif) in each class, got none in 2 classes: "b", "c"`)
	_, err := Open(dir, Config{Height: 3})
	malformed.Refused(t, err, "expected a height and a width, both from 1 on or both 0, got 3 and 0")

	dir = put(t, map[string][]byte{"a/1.png": w})
	if err := os.Symlink("..", filepath.Join(dir, "a", "up")); err != nil {
		t.Skip(err)
	}
	malformed.Refused(t, open(dir), "a/up: expected a folder of images, got a link to a folder above it")
	os.Remove(filepath.Join(dir, "a", "up"))
	os.Symlink("self", filepath.Join(dir, "a", "self"))
	malformed.Refused(t, open(dir), "a/self: too many levels of symbolic links")
	os.Remove(filepath.Join(dir, "a", "self"))
	os.Symlink("nowhere", filepath.Join(dir, "dangling"))
	malformed.Refused(t, open(dir), "dangling: no such file")
}

// What is wrong with one image is said when it is read, with its name.
func TestExampleNamesTheFile(t *testing.T) {
	dir := put(t, map[string][]byte{"a/good.png": encodePNG(t, image.NewGray(image.Rect(0, 0, 2, 2))), "a/worse.png": []byte("nothing")})
	f, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Example(0); err != nil {
		t.Error(err)
	}
	_, _, err = f.Example(1)
	malformed.Refused(t, err, filepath.Join(dir, "a", "worse.png"), "expected a PNG, JPEG or GIF image")
}

func FuzzDecode(f *testing.F) {
	for _, c := range malformedImages(f) {
		f.Add(c.Data)
	}
	for _, good := range [][]byte{encodePNG(f, gradient()), encodeGIF(f), encodeJPEG(f)} {
		f.Add(good)
	}
	for _, name := range strings.Fields("cmyk.jpg ycck.jpg turned.jpg interlaced.png rgb16.png progressive.jpg palette.png rgba.png grey16.png bit.png greyalpha.png grey.jpg") {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		begin := time.Now()
		im, err := Decode(data, Config{MaxPixels: 1 << 14, Background: color.White, Upright: true})
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
		if err != nil {
			malformed.Refused(t, err)
		} else if len(im.Pix) != im.Channels*im.Height*im.Width {
			t.Fatalf("%d values for %d × %d × %d", len(im.Pix), im.Channels, im.Height, im.Width)
		}
	})
}
