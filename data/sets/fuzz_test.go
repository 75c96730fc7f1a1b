package sets

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// Records are taken whole or not at all, and every label is a class.
func FuzzCIFAR(f *testing.F) {
	record := make([]byte, 3073)
	f.Add(record)
	f.Add(append(append([]byte{9}, record[1:]...), record...))
	f.Add(append([]byte{10}, record[1:]...))
	f.Add(record[:3072])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		s := &images{shape: []int{3, 32, 32}}
		if err := s.decodeCIFAR(bytes.NewReader(content), int64(len(content)), "fuzz", 10); err != nil {
			return
		}
		if len(s.labels)*3073 != len(content) || len(s.pixels) != len(s.labels)*3072 {
			t.Fatalf("%d bytes make %d labels and %d pixels", len(content), len(s.labels), len(s.pixels))
		}
		for _, l := range s.labels {
			if l > 9 {
				t.Fatal("label", l)
			}
		}
		// A reader that ends early is found out, whatever length was told.
		cut := &images{shape: s.shape}
		if err := cut.decodeCIFAR(bytes.NewReader(content[:len(content)-1]), int64(len(content)), "fuzz", 10); err == nil {
			t.Fatal("a missing byte goes unnoticed")
		}
	})
}

// Whatever an archive holds, nothing but the wanted file is written.
func FuzzUnpack(f *testing.F) {
	for _, members := range [][]member{
		{{name: "d/a", content: "first"}},
		{{name: "../a", content: "first"}},
		{{name: "d", kind: tar.TypeSymlink, link: ".."}, {name: "d/a", content: "first"}},
		{{name: "d/", kind: tar.TypeDir}, {name: "./d/a", content: "first"}},
	} {
		f.Add(archive(f, members...))
	}
	f.Add([]byte("no archive"))
	wanted := []file{{path: "d/a", size: 5, sha256: sum([]byte("first"))}}
	f.Fuzz(func(t *testing.T, content []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "set")
		from := filepath.Join(dir, "p.tar.gz")
		if os.Mkdir(dir, 0o777) != nil || os.WriteFile(from, content, 0o666) != nil {
			t.Fatal("no folder")
		}
		err := unpack(context.Background(), from, dir, wanted)
		if os.Remove(from) != nil {
			t.Fatal("the archive is gone")
		}
		if err == nil {
			only(t, parent, "set/d/a")
			return
		}
		filepath.WalkDir(parent, func(path string, d os.DirEntry, err error) error {
			if rest, _ := filepath.Rel(parent, path); rest != "." && rest != "set" && rest != "set/d" && rest != "set/d/a" {
				t.Errorf("%s was written", rest)
			}
			return err
		})
	})
}
