package format_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/malformed"
)

// zipped returns an archive of one deflated member "d/a" with the given content, and a comment.
func zipped(t *testing.T, content []byte, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("d/"); err != nil {
		t.Fatal(err)
	}
	w, err := z.Create("d/a")
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.SetComment(comment)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readZip reads all members of an archive.
func readZip(data []byte) error {
	z, err := format.NewZip("read test", "", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, f := range z.Files {
		if _, err := z.Read(f, 1<<20); err != nil {
			return err
		}
	}
	return nil
}

// What a directory may hold is tested further with npy's archives.
func TestZip(t *testing.T) {
	good := zipped(t, []byte("content"), "from GitHub")
	z, err := format.NewZip("read test", "", bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := z.Read(z.Files[1], 0); err != nil || string(content) != "content" || z.Comment != "from GitHub" || len(z.Files) != 2 {
		t.Errorf("read %q, %v, comment %q", content, err, z.Comment)
	}
	malformed.Prefixes(t, good, readZip)
	malformed.Flips(t, good, len(good), readZip)

	bomb := zipped(t, make([]byte, 4<<20), "")
	understated := bytes.Clone(bomb)
	directory := int(binary.LittleEndian.Uint32(bomb[len(bomb)-6:]))
	second := directory + bytes.Index(bomb[directory+4:], []byte("PK\x01\x02")) + 4
	copy(understated[second+24:], []byte{100, 0, 0, 0})
	malformed.Run(t, readZip, []malformed.Case{
		{Name: "bomb", Data: bomb, Want: []string{`entry "d/a": expected at most 1048576 bytes after decompression, got 4194304`}},
		{Name: "size understated", Data: understated, Want: []string{`entry "d/a": zip: not a valid zip file`}},
		{Name: "outside", Data: bytes.ReplaceAll(good, []byte("d/a"), []byte("../")), Want: []string{"a name that stays inside the archive"}},
	})
	malformed.Paths(t, func(path string) error { _, err := format.OpenZip("read test", path); return err })
}
