package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/internal/malformed"
)

// decodeSized reads data as a file, whose size is known.
func decodeSized(data []byte) error {
	_, err := (&decoder{r: bytes.NewReader(data), size: int64(len(data))}).decode()
	return err
}

// decodeStream reads data as a stream, byte by byte.
func decodeStream(data []byte) error {
	_, err := Decode(io.MultiReader(bytes.NewReader(data)))
	return err
}

// v1 returns a version 1.0 file of the given header and bytes of data.
func v1(header string, data int) []byte {
	b := []byte(magic + "\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

func typed(descr string, data int) []byte {
	return v1(fmt.Sprintf("{'descr': %s, 'fortran_order': False, 'shape': (2,), }\n", descr), data)
}

func shaped(shape string, data int) []byte {
	return v1(fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n", shape), data)
}

var malformedArrays = []malformed.Case{
	{Name: "empty", Want: []string{"byte 0: expected a NumPy array, got an empty"}},
	{Name: "magic only", Data: []byte(magic), Want: []string{"expected 8 bytes of magic and version, got 6", "unexpected EOF"}},
	{Name: "safetensors", Data: []byte("\x08\x00\x00\x00\x00\x00\x00\x00{}      "), Want: []string{"byte 0: expected NumPy's magic \"\\x93NUMPY\""}},
	{Name: "png", Data: []byte("\x89PNG\r\n\x1a\n"), Want: []string{"got a PNG image"}},
	{Name: "npz", Data: []byte("PK\x03\x04\x14\x00\x00\x00"), Want: []string{"got a zip archive (npz"}},
	{Name: "pickle", Data: []byte("\x80\x04\x95\x00\x00\x00\x00\x00"), Want: []string{"got a Python pickle"}},
	{Name: "version 0.0", Data: []byte(magic + "\x00\x00\x00\x00"), Want: []string{"byte 6: expected version 1.0, 2.0 or 3.0, got 0.0"}},
	{Name: "version 4.0", Data: []byte(magic + "\x04\x00\x00\x00\x00\x00"), Want: []string{"byte 6", "got 4.0"}},
	{Name: "version 1.1", Data: []byte(magic + "\x01\x01\x00\x00"), Want: []string{"got 1.1"}},
	{Name: "huge header", Data: []byte(magic + "\x02\x00\xff\xff\xff\xff{}"), Want: []string{"byte 8: expected a header of at most 65536 bytes, got 4294967295"}},
	{Name: "header cut", Data: []byte(magic + "\x01\x00\xff\x00{}"), Want: []string{"byte 12: expected 255 bytes of header, got 2", "unexpected EOF"}},
	{Name: "empty header", Data: v1("", 0), Want: []string{"byte 10: expected a dict", "the end of the header"}},
	{Name: "a call", Data: v1("__import__('os').system('true')", 0), Want: []string{"expected a dict", "__import__"}},
	{Name: "a list", Data: v1("[1]", 0), Want: []string{"expected a dict"}},
	{Name: "dict call", Data: v1("dict(descr='<f4')", 0), Want: []string{"expected a dict"}},
	{Name: "a comprehension", Data: v1("{k: v for k, v in []}", 0), Want: []string{"expected a key in quotes"}},
	{Name: "open dict", Data: v1("{'descr': '<f4', ", 0), Want: []string{"expected a key in quotes, got the end"}},
	{Name: "open string", Data: v1("{'descr", 0), Want: []string{"expected a key in quotes"}},
	{Name: "escape", Data: v1("{'desc\\x72': '<f4'}", 0), Want: []string{"expected a key in quotes"}},
	{Name: "NUL", Data: v1("{\x00'descr': '<f4'}", 0), Want: []string{"expected a key in quotes"}},
	{Name: "no colon", Data: v1("{'descr' '<f4'}", 0), Want: []string{"expected ':' behind the key \"descr\""}},
	{Name: "no comma", Data: v1("{'descr': '<f4' 'shape': ()}", 0), Want: []string{"expected ',' or '}' in the dict"}},
	{Name: "unknown key", Data: v1("{'order': 'C'}", 0), Want: []string{"byte 11: expected descr, fortran_order or shape as a key"}},
	{Name: "duplicate key", Data: v1("{'descr': '<f4', 'descr': '<f8'}", 0), Want: []string{"byte 27: expected each key once"}},
	{Name: "no descr", Data: v1("{'fortran_order': False, 'shape': ()}", 0), Want: []string{"a key 'descr' in the dict, got none"}},
	{Name: "no order", Data: v1("{'descr': '<f4', 'shape': ()}", 4), Want: []string{"a key 'fortran_order'"}},
	{Name: "no shape", Data: v1("{'descr': '<f4', 'fortran_order': False}", 4), Want: []string{"a key 'shape'"}},
	{Name: "junk behind the dict", Data: v1("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", 4), Want: []string{"only spaces behind the dict"}},
	{Name: "order 1", Data: v1("{'descr': '<f4', 'fortran_order': 1, 'shape': ()}", 4), Want: []string{"expected True or False"}},
	{Name: "objects", Data: typed("'|O'", 16), Want: []string{"this one means Python objects"}},
	{Name: "records", Data: typed("[('a', '<f4'), ('b', '<i4')]", 16), Want: []string{"expected a simple element type", "one array for each field"}},
	{Name: "raw", Data: typed("'|V8'", 16), Want: []string{"raw or structured records"}},
	{Name: "complex", Data: typed("'<c8'", 16), Want: []string{"complex numbers"}},
	{Name: "text", Data: typed("'<U2'", 16), Want: []string{"means text"}},
	{Name: "bytes", Data: typed("'|S4'", 16), Want: []string{"byte strings"}},
	{Name: "dates", Data: typed("'<M8[ns]'", 16), Want: []string{"dates"}},
	{Name: "long double", Data: typed("'<f16'", 32), Want: []string{"expected one of the element types", "<f16"}},
	{Name: "no byte order", Data: typed("'=f4'", 8), Want: []string{"expected the byte order < or >", "=f4"}},
	{Name: "no type", Data: typed("''", 8), Want: []string{"expected one of the element types"}},
	{Name: "negative dimension", Data: shaped("(-1,)", 4), Want: []string{"expected integers from 0 on in shape", "-1"}},
	{Name: "fractional dimension", Data: shaped("(2.5,)", 4), Want: []string{"expected ',' or ')' in shape", ".5"}},
	{Name: "not a tuple", Data: shaped("2", 4), Want: []string{"expected a tuple for shape"}},
	{Name: "not a tuple either", Data: shaped("(2)", 8), Want: []string{"',' behind the only dimension"}},
	{Name: "open tuple", Data: v1("{'descr': '<f4', 'fortran_order': False, 'shape': (2,", 8), Want: []string{"expected integers", "the end of the header"}},
	{Name: "dimension 2^63", Data: shaped("(9223372036854775808,)", 4), Want: []string{"expected dimensions below 2^63"}},
	{Name: "dimension 2^64-1", Data: shaped("(18446744073709551615,)", 4), Want: []string{"expected dimensions below 2^63"}},
	{Name: "product overflows", Data: shaped("(4294967296, 4294967296)", 4), Want: []string{"fewer than 2^59 elements"}},
	{Name: "product overflows beside 0", Data: shaped("(4294967296, 4294967296, 0)", 0), Want: []string{"fewer than 2^59 elements"}},
	{Name: "bytes overflow", Data: shaped("(4611686018427387905,)", 4), Want: []string{"fewer than 2^59 elements"}},
	{Name: "65 dimensions", Data: shaped("("+strings.Repeat("1,", 65)+")", 4), Want: []string{"at most 64 dimensions"}},
	{Name: "terabyte", Data: shaped("(262144, 1048576)", 8), Want: []string{"expected 1099511627776 bytes of data, got 8", "unexpected EOF"}},
	{Name: "data cut", Data: typed("'<f4'", 7), Want: []string{"expected 8 bytes of data, got 7"}},
	{Name: "junk behind the data", Data: typed("'<f4'", 9), Want: []string{"expected the end, behind the array's data, got more bytes"}},
	{Name: "two arrays", Data: append(typed("'<f4'", 8), typed("'<f4'", 8)...), Want: []string{"expected the end"}},
	{Name: "bool of 2", Data: append(typed("'|b1'", 1), 2), Want: []string{"element 1 of a BOOL array is the byte 2"}},
	{Name: "unsigned 2^63", Data: append(typed("'<u8'", 8), 0, 0, 0, 0, 0, 0, 0, 0x80), Want: []string{"below 2^63, got 9223372036854775808 at index 1"}},
}

func TestRefusesMalformedArrays(t *testing.T) {
	t.Run("file", func(t *testing.T) { malformed.Run(t, decodeSized, malformedArrays) })
	t.Run("stream", func(t *testing.T) { malformed.Run(t, decodeStream, malformedArrays) })
	for file, want := range map[string]string{
		"object": "Python objects", "structured": "structured records", "complex": "complex numbers", "text": "means text",
	} {
		_, err := Load("testdata/" + file + ".npy")
		malformed.Refused(t, err, "testdata/"+file+".npy, byte ", want)
	}
}

func TestRefusesCutFilesAndJunk(t *testing.T) {
	for _, file := range []string{"v1", "v2", "v3"} {
		data, err := os.ReadFile("testdata/" + file + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		malformed.Prefixes(t, data, decodeSized)
		malformed.Prefixes(t, data, decodeStream)
		malformed.Flips(t, data, 128, decodeSized)
		malformed.Flips(t, data, 128, decodeStream)
	}
}

func TestPassesOnIOErrors(t *testing.T) {
	data := typed("'<f4'", 8)
	for n := range data {
		_, err := Decode(malformed.FailingReader(data[:n]))
		malformed.Refused(t, err)
		if !errors.Is(err, malformed.ErrDisk) {
			t.Errorf("disk error at byte %d became %v", n, err)
		}
	}
	archive := archiveOf(t, zip.Deflate, member{"a.npy", data})
	for bad := range int64(len(archive)) {
		err := decodeArchiveFrom(malformed.FailingReaderAt{Data: archive, Bad: bad}, int64(len(archive)))
		malformed.Refused(t, err)
		if !errors.Is(err, malformed.ErrDisk) {
			t.Errorf("disk error at byte %d became %v", bad, err)
		}
	}
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := Load(path); return err })
	malformed.Paths(t, func(path string) error { _, err := LoadArchive(path); return err })
}

type member struct {
	name string
	data []byte
}

func archiveOf(t testing.TB, method uint16, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decodeArchive(data []byte) error {
	return decodeArchiveFrom(bytes.NewReader(data), int64(len(data)))
}

func decodeArchiveFrom(r io.ReaderAt, size int64) error {
	z, err := NewArchive(r, size)
	if err != nil {
		return err
	}
	for _, name := range z.Names() {
		if _, err := z.Array(name); err != nil {
			return err
		}
	}
	return nil
}

// directory returns where the central directory of a zip archive begins.
func directory(archive []byte) int {
	return int(binary.LittleEndian.Uint32(archive[len(archive)-6:]))
}

func malformedArchives(t testing.TB) []malformed.Case {
	array := typed("'<f4'", 8)
	good := archiveOf(t, zip.Store, member{"a.npy", array})
	// patch sets bytes of the first directory entry (at offset d of its
	// record) and of the local header (at offset l).
	patch := func(archive []byte, d, l int, v ...byte) []byte {
		bad := bytes.Clone(archive)
		if d >= 0 {
			copy(bad[directory(bad)+d:], v)
		}
		if l >= 0 {
			copy(bad[l:], v)
		}
		return bad
	}
	zeros := bytes.Repeat([]byte{0}, 16<<20)
	bomb := archiveOf(t, zip.Deflate, member{"a.npy", append(shaped(fmt.Sprintf("(%d,)", len(zeros)/4), 0), zeros...)})
	sum := bytes.Clone(good)
	sum[bytes.Index(sum, array)+len(array)-1] ^= 1
	// Two members with the same bytes: the second directory entry is made to
	// point at the first local header.
	two := archiveOf(t, zip.Store, member{"a.npy", array}, member{"b.npy", array})
	second := directory(two) + bytes.Index(two[directory(two)+4:], []byte("PK\x01\x02")) + 4
	copy(two[second+42:], []byte{0, 0, 0, 0})
	return []malformed.Case{
		{Name: "empty", Want: []string{"read npz: byte 0: expected a zip archive, got an empty file"}},
		{Name: "short", Data: []byte("PK\x03\x04"), Want: []string{"expected at least 22 bytes, got 4", "unexpected EOF"}},
		{Name: "npy", Data: array, Want: []string{"expected a zip archive, got a NumPy array"}},
		{Name: "junk in front", Data: append([]byte("junk"), good...), Want: []string{"byte 0: expected a zip archive, got \"junk\""}},
		{Name: "comment", Data: append(append(bytes.Clone(good[:len(good)-2]), 1, 0), 'x'), Want: []string{"the end record of a zip directory", "junk behind its end"}},
		{Name: "not npy", Data: archiveOf(t, zip.Store, member{"a.txt", nil}), Want: []string{`entry "a.txt": expected members named *.npy`}},
		{Name: "PyTorch", Data: archiveOf(t, zip.Store, member{"archive/data.pkl", nil}), Want: []string{"looks like a PyTorch checkpoint"}},
		{Name: "member isn't an array", Data: archiveOf(t, zip.Store, member{"a.npy", []byte("hello, world")}), Want: []string{`read npy: entry "a.npy", byte 0: expected NumPy's magic`}},
		{Name: "outside", Data: archiveOf(t, zip.Store, member{"../a.npy", array}), Want: []string{`entry "../a.npy": expected a name that stays inside the archive`}},
		{Name: "outside, deeper", Data: archiveOf(t, zip.Store, member{"x/../../a.npy", array}), Want: []string{"a name that stays inside"}},
		{Name: "absolute", Data: archiveOf(t, zip.Store, member{"/etc/a.npy", array}), Want: []string{"a name that stays inside"}},
		{Name: "backslashes", Data: archiveOf(t, zip.Store, member{`..\a.npy`, array}), Want: []string{"a name that stays inside"}},
		{Name: "folder", Data: archiveOf(t, zip.Store, member{"a.npy/", nil}), Want: []string{"expected members named *.npy"}},
		{Name: "duplicate", Data: archiveOf(t, zip.Store, member{"a.npy", array}, member{"a.npy", array}), Want: []string{`entry "a.npy": expected each member once`}},
		{Name: "bomb", Data: bomb, Want: []string{`entry "a.npy": expected at most`, fmt.Sprintf("got %d", len(zeros)+len(shaped("(4194304,)", 0))), "raise Archive.MaxBytes"}},
		{Name: "size understated", Data: patch(bomb, 24, -1, 100, 0, 0, 0), Want: []string{"bytes of data, got"}},
		{Name: "size overstated", Data: patch(archiveOf(t, zip.Deflate, member{"a.npy", array}), 24, -1, 0, 0, 1, 0), Want: []string{`entry "a.npy"`}},
		{Name: "stored sizes differ", Data: patch(good, 24, -1, 1), Want: []string{"expected equal sizes of a stored member"}},
		{Name: "stored terabyte", Data: patch(patch(good, 20, -1, 0, 0, 0, 0xf0), 24, -1, 0, 0, 0, 0xf0), Want: []string{"expected 4026531840 bytes, got a file of"}},
		{Name: "checksum", Data: sum, Want: []string{`entry "a.npy": expected data with the checksum`, "zip: checksum error"}},
		{Name: "encrypted", Data: patch(good, 8, -1, 9), Want: []string{"a member that is not encrypted"}},
		{Name: "method", Data: patch(good, 10, -1, 12), Want: []string{"compression method 12"}},
		{Name: "deflate data", Data: patch(archiveOf(t, zip.Deflate, member{"a.npy", array}), -1, 35, 0xff, 0xff, 0xff), Want: []string{"intact deflate data"}},
		{Name: "overlap", Data: two, Want: []string{`entry "b.npy"`, "one that overlaps it"}},
		{Name: "no directory", Data: append([]byte("PK\x05\x06"), make([]byte, 40)...), Want: []string{"the end record of a zip directory"}},
		{Name: "directory outside", Data: patch(good, -1, len(good)-6, 0xff, 0xff, 0xff, 0x7f), Want: []string{"directory"}},
		{Name: "directory of 65,534", Data: patch(good, -1, len(good)-12, 0xfe, 0xff), Want: []string{"a zip directory"}},
	}
}

func TestRefusesMalformedArchives(t *testing.T) {
	malformed.Run(t, decodeArchive, malformedArchives(t))
}

func TestALimitCanBeRaised(t *testing.T) {
	const n = 4 << 20
	data := append(shaped(fmt.Sprintf("(%d,)", n), 0), make([]byte, 4*n)...)
	archive := archiveOf(t, zip.Deflate, member{"a.npy", data})
	z, err := NewArchive(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Array("a"); err == nil {
		t.Fatal("not over the limit")
	}
	z.MaxBytes = 32 << 20
	if a, err := z.Array("a"); err != nil || a.Len() != n {
		t.Error(err)
	}
}

func TestRefusesCutArchivesAndJunk(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		good := archiveOf(t, method, member{"a.npy", typed("'<f4'", 8)}, member{"b.npy", typed("'>i2'", 4)})
		malformed.Prefixes(t, good, decodeArchive)
		malformed.Flips(t, good, len(good), decodeArchive)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range malformedArrays {
		f.Add(c.Data)
	}
	for _, file := range []string{"v1", "v2", "v3", "object", "structured"} {
		data, err := os.ReadFile("testdata/" + file + ".npy")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(v1("{'descr': '>u2', 'fortran_order': True, 'shape': (2, 1, 2), }\n", 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := (&decoder{r: bytes.NewReader(data), size: int64(len(data))}).decode()
		if streamed := decodeStream(data); (streamed == nil) != (err == nil) {
			t.Fatalf("file: %v; stream: %v", err, streamed)
		}
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		// What is accepted must survive being written and read again.
		var b bytes.Buffer
		if err := Encode(&b, a); err != nil {
			t.Fatal(err)
		}
		again, err := Decode(&b)
		if err != nil || again.DType != a.DType || !bytes.Equal(again.Data, a.Data) || fmt.Sprint(again.Shape) != fmt.Sprint(a.Shape) {
			t.Fatalf("%v, %v; was %v", again, err, a)
		}
	})
}

func FuzzArchive(f *testing.F) {
	for _, c := range malformedArchives(f) {
		if len(c.Data) < 1<<16 {
			f.Add(c.Data)
		}
	}
	f.Add(archiveOf(f, zip.Store, member{"a.npy", typed("'<f4'", 8)}, member{"b/c.npy", typed("'>i2'", 4)}))
	f.Add(archiveOf(f, zip.Deflate, member{"a.npy", typed("'<f4'", 8)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := decodeArchive(data); err != nil {
			malformed.Refused(t, err)
		}
	})
}

func ExampleDecode() {
	file := "\x93NUMPY\x01\x00\x46\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }          \n" + "\x01\x00\x02\x00\x03\x00\x04\x00"
	a, err := Decode(strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.DType, a.Shape, a.Int64s())
	// Output: I16 [2 2] [1 2 3 4]
}

// Many small members take most memory for their bytes.
func TestMemoryOfManyMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 8 MB")
	}
	members := make([]member, 40_000)
	for i := range members {
		members[i] = member{fmt.Sprintf("%x.npy", i), shaped("()", 4)}
	}
	archive := archiveOf(t, zip.Store, members...)
	malformed.Heap(t, len(archive), func() {
		z, err := NewArchive(bytes.NewReader(archive), int64(len(archive)))
		if err != nil || len(z.Names()) != len(members) {
			t.Error(err)
		}
	})
	empty := make([]member, 40_000)
	for i := range empty {
		empty[i].name = fmt.Sprintf("%x.npy", i)
	}
	archive = archiveOf(t, zip.Store, empty...)
	malformed.Heap(t, len(archive), func() {
		z, err := NewArchive(bytes.NewReader(archive), int64(len(archive)))
		if err != nil || len(z.Names()) != len(members) {
			t.Error(err)
		}
	})
}
