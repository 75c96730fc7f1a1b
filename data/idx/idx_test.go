package idx

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/internal/malformed"
)

// file returns an IDX file of the given type code, dimensions and data.
func file(code byte, dims []uint32, data ...byte) []byte {
	b := []byte{0, 0, code, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

func zip(parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		w.Write(p)
		w.Close()
	}
	return b.Bytes()
}

func decodeBytes(data []byte) error {
	_, err := Decode(bytes.NewReader(data), int64(len(data)))
	return err
}

func TestReadsEveryType(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want []float64
	}{
		{file(0x08, []uint32{2}, 1, 255), []float64{1, 255}},
		{file(0x09, []uint32{2}, 1, 255), []float64{1, -1}},
		{file(0x0b, []uint32{2}, 1, 2, 0xff, 0xfe), []float64{258, -2}},
		{file(0x0c, []uint32{1}, 0xff, 0xff, 0xff, 0xfe), []float64{-2}},
		{file(0x0d, []uint32{1}, 0x3f, 0xc0, 0, 0), []float64{1.5}},
		{file(0x0e, []uint32{1}, 0xc0, 0, 0, 0, 0, 0, 0, 0), []float64{-2}},
		{file(0x08, []uint32{0, 28, 28}), []float64{}},
	} {
		for _, data := range [][]byte{c.data, zip(c.data), zip(c.data[:5], c.data[5:])} {
			a, err := Decode(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Error(err)
			} else if !slices.Equal(a.Float64s(), c.want) {
				t.Errorf("got %v, want %v", a.Float64s(), c.want)
			}
		}
	}
}

// The gzip footer holds the checksum of what the file must decompress to.
var malformedFiles = []malformed.Case{
	{Name: "empty", Want: []string{"byte 0: expected an IDX header, got an empty file"}},
	{Name: "cut", Data: []byte{0, 0, 8}, Want: []string{"byte 3: expected 4 bytes of IDX header, got 3", "unexpected EOF"}},
	{Name: "first byte", Data: []byte{1, 0, 8, 1, 0, 0, 0, 0}, Want: []string{"byte 0: expected two zero bytes, the begin of IDX, got 0x01 0x00"}},
	{Name: "second byte", Data: []byte{0, 1, 8, 1, 0, 0, 0, 0}, Want: []string{"byte 0: expected two zero bytes"}},
	{Name: "little-endian magic", Data: []byte{3, 8, 0, 0, 1, 0, 0, 0}, Want: []string{"the header is little-endian; IDX is big-endian"}},
	{Name: "png", Data: []byte("\x89PNG\r\n\x1a\n"), Want: []string{"got a PNG image"}},
	{Name: "web page", Data: []byte("<!DOCTYPE html>"), Want: []string{"got an HTML page (a failed download?)"}},
	{Name: "type", Data: []byte{0, 0, 10, 1, 0, 0, 0, 0}, Want: []string{"byte 2: expected one of the element types", "got 0x0a"}},
	{Name: "0 dimensions", Data: []byte{0, 0, 8, 0, 1}, Want: []string{"byte 3: expected 1 to 64 dimensions, got 0"}},
	{Name: "255 dimensions", Data: append([]byte{0, 0, 8, 255}, make([]byte, 1020)...), Want: []string{"byte 3: expected 1 to 64 dimensions, got 255"}},
	{Name: "dimensions cut", Data: []byte{0, 0, 8, 3, 0, 0, 0, 1}, Want: []string{"expected 12 bytes of dimensions, got 4"}},
	{Name: "little-endian dimensions", Data: append([]byte{0, 0, 8, 2, 2, 0, 0, 0, 28, 0, 0, 0}, make([]byte, 56)...), Want: []string{"dimensions [33554432 469762048]", "with their bytes swapped the dimensions are [2 28]"}},
	{Name: "product overflows", Data: file(8, []uint32{1<<32 - 1, 1<<32 - 1, 1<<32 - 1}), Want: []string{"byte 4: expected dimensions for the 0 bytes that follow, got dimensions [4294967295 4294967295 4294967295]"}},
	{Name: "terabyte", Data: file(8, []uint32{1 << 20, 1 << 20}, 1, 2), Want: []string{"for the 2 bytes that follow, got dimensions [1048576 1048576], which need 1099511627776"}},
	{Name: "data cut", Data: file(8, []uint32{3}, 1, 2), Want: []string{"which need 3", "unexpected EOF"}},
	{Name: "junk", Data: file(8, []uint32{1}, 1, 2), Want: []string{"byte 9: expected the end, behind the data of dimensions [1], got more bytes"}},
	{Name: "zipped, junk within", Data: zip(file(8, []uint32{1}, 1, 2)), Want: []string{"expected the end"}},
	{Name: "zipped, junk behind", Data: append(zip(file(8, []uint32{1}, 1)), 'x'), Want: []string{"expected intact gzip data"}},
	{Name: "zipped, second member behind the data", Data: zip(file(8, []uint32{1}, 1), file(8, []uint32{1}, 1)), Want: []string{"expected the end"}},
	{Name: "zipped, data cut", Data: zip(file(8, []uint32{3}, 1, 2)), Want: []string{"expected 3 bytes of data", "got 2", "unexpected EOF"}},
	{Name: "gzip magic only", Data: []byte{0x1f, 0x8b}, Want: []string{"byte 0: expected a gzip header"}},
	{Name: "zipped terabyte", Data: zip(file(8, []uint32{1 << 20, 1 << 20}, 1)), Want: []string{"from a gzip file this small", "which need 1099511627776", "decompress it first"}},
	{Name: "bomb behind the data", Data: zip(append(file(8, []uint32{1}, 1), make([]byte, 12<<20)...)), Want: []string{"expected the end"}},
	{Name: "bomb", Data: zip(append(file(8, []uint32{12 << 20}), make([]byte, 12<<20)...)), Want: []string{"from a gzip file this small", "which need 12582912"}},
	{Name: "checksum", Data: badSum(), Want: []string{"expected intact gzip data", "gzip: invalid checksum"}},
}

func badSum() []byte {
	b := zip(file(8, []uint32{1}, 1))
	b[len(b)-8] ^= 1
	return b
}

func TestRefusesMalformedFiles(t *testing.T) { malformed.Run(t, decodeBytes, malformedFiles) }

func TestRefusesCutFilesAndJunk(t *testing.T) {
	plain := file(0x0b, []uint32{2, 3}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	for _, good := range [][]byte{plain, zip(plain)} {
		malformed.Prefixes(t, good, decodeBytes)
		malformed.Flips(t, good, len(good), decodeBytes)
	}
	// Every bit of the magic, type, rank and dimensions matters.
	if n := malformed.Flips(t, plain, 12, decodeBytes); n < 90 {
		t.Errorf("only %d of 96 damaged headers are refused", n)
	}
}

func TestPassesOnIOErrors(t *testing.T) {
	plain := file(8, []uint32{2, 3}, 1, 2, 3, 4, 5, 6)
	for _, good := range [][]byte{plain, zip(plain)} {
		for n := range good {
			_, err := Decode(malformed.FailingReader(good[:n]), int64(len(good)))
			malformed.Refused(t, err)
			if !errors.Is(err, malformed.ErrDisk) {
				t.Errorf("disk error at byte %d became %v", n, err)
			}
		}
	}
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := Read(path); return err })
}

func TestPairs(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// The names lie about compression: the content decides.
	images := put("images", zip(file(8, []uint32{2, 1, 2}, 1, 2, 3, 4)))
	labels := put("labels.gz", file(8, []uint32{2}, 3, 0))
	x, y, err := ReadPair(images, labels, 4)
	if err != nil || !slices.Equal(x.Shape, []int{2, 1, 2}) || !bytes.Equal(y.Data, []byte{3, 0}) {
		t.Fatalf("%v %v %v", x, y, err)
	}
	three, floats := put("three", file(8, []uint32{3}, 0, 0, 0)), put("floats", file(13, []uint32{0}))
	for _, c := range []struct {
		images, labels string
		classes        int
		want           string
	}{
		{images, labels, 3, labels + ", byte 8: expected labels from 0 to 2, got 3 for image 0"},
		{images, three, 9, three + ", byte 4: expected 2 labels, one for each image in " + images + ", got 3"},
		{labels, images, 4, labels + ", byte 3: expected images, U8 of 3 dimensions, got U8 [2]; the files are swapped: " + images + " has the images"},
		{labels, labels, 4, labels + ", byte 2: expected images, U8 of 3 dimensions, got U8 [2]"},
		{images, images, 4, images + ", byte 2: expected labels, U8 of 1 dimension, got U8 [2 1 2]"},
		{images, floats, 4, "got F32 [0]"},
		{filepath.Join(dir, "no"), labels, 4, "no such file"},
		{images, filepath.Join(dir, "no"), 4, "no such file"},
	} {
		_, _, err := ReadPair(c.images, c.labels, c.classes)
		malformed.Refused(t, err, c.want)
	}
}

// The counts and the first label of each set are those of its paper.
func TestRealSets(t *testing.T) {
	root := os.Getenv("GRADUS_DATA")
	if root == "" {
		t.Skip("needs GRADUS_DATA, a folder with mnist and fashion-mnist")
	}
	for _, set := range []string{"mnist", "fashion-mnist"} {
		for part, n := range map[string]int{"train": 60000, "t10k": 10000} {
			base := filepath.Join(root, set, part)
			x, y, err := ReadPair(base+"-images-idx3-ubyte.gz", base+"-labels-idx1-ubyte.gz", 10)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x.Shape, []int{n, 28, 28}) || y.Shape[0] != n {
				t.Errorf("%s %s: %v, %v", set, part, x.Shape, y.Shape)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range malformedFiles {
		if len(c.Data) < 1<<16 {
			f.Add(c.Data)
		}
	}
	good := file(0x0b, []uint32{2, 3}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	f.Add(good)
	f.Add(zip(good))
	f.Add(zip(good[:7], good[7:]))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Decode(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			malformed.Refused(t, err)
		} else if err := a.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleDecode() {
	file := []byte("\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03abcdef")
	a, err := Decode(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.DType, a.Shape, a.Int64s())
	// Output: U8 [2 3] [97 98 99 100 101 102]
}
