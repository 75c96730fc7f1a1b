package sets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func sum(content []byte) string {
	h := sha256.Sum256(content)
	return hex.EncodeToString(h[:])
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

// published describes a set of one file, with content as what it should be.
func published(content []byte, urls ...string) *entry {
	return &entry{Info: Info{Name: "test"}, files: []file{{path: "a.bin", size: int64(len(content)), sha256: sum(content), urls: urls}}}
}

func fetcherFor(s *httptest.Server) *fetcher { return &fetcher{client: s.Client(), stall: time.Minute} }

func content(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "a.bin"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// only fails unless dir holds just the named files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	var got []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			rest, _ := filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(rest))
		}
		return err
	})
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("the folder holds %v, expected %v", got, names)
	}
}

func TestFetchOnce(t *testing.T) {
	want := pattern(300_000)
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Error("a compressed file might arrive decompressed")
		}
		w.Write(want)
	}))
	defer s.Close()
	dir := t.TempDir()
	f := fetcherFor(s)
	var last, total int64
	f.progress = func(done, of int64) {
		if done < last {
			t.Errorf("progress goes back from %d to %d", last, done)
		}
		last, total = done, of
	}
	e := published(want, s.URL)
	for range 2 {
		if err := f.fetch(context.Background(), e, filepath.Join(dir, "new", "folder")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(content(t, filepath.Join(dir, "new", "folder")), want) || last != 300_000 || total != 300_000 {
		t.Error("content or progress is wrong:", last, total)
	}
	if requests != 1 {
		t.Error("a set that was there was fetched again")
	}
	only(t, dir, "new/folder/a.bin")
}

func TestFetchFollowsRedirectsAndFallsBack(t *testing.T) {
	want := pattern(1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/from":
			http.Redirect(w, r, "/to", http.StatusFound)
		case "/to":
			w.Write(want)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	dir := t.TempDir()
	if err := fetcherFor(s).fetch(context.Background(), published(want, s.URL+"/gone", s.URL+"/from"), dir); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, dir), want) {
		t.Error("another content")
	}
}

func TestFetchRefuses(t *testing.T) {
	want := pattern(1000)
	wrong := append(pattern(999), 77)
	for what, serve := range map[string]http.HandlerFunc{
		"sha256 " + sum(wrong) + ", expected 1000 and " + sum(want): func(w http.ResponseWriter, r *http.Request) { w.Write(wrong) },
		"the server answers 404 Not Found":                          http.NotFound,
		"the server has 500 bytes, expected 1000":                   func(w http.ResponseWriter, r *http.Request) { w.Write(want[:500]) },
		"the server has 1001 bytes":                                 func(w http.ResponseWriter, r *http.Request) { w.Write(append(want, 1)) },
		"does the network ask for a login?": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write([]byte("<html>Welcome to the hotel"))
		},
		"more than the expected 1000 bytes": func(w http.ResponseWriter, r *http.Request) {
			for range 100 {
				w.Write(want)
				w.(http.Flusher).Flush()
			}
		},
		"the transfer ended after 600 of 1000 bytes": func(w http.ResponseWriter, r *http.Request) {
			w.Write(want[:600])
			w.(http.Flusher).Flush() // no length, and it ends well
		},
		"unexpected EOF": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write(want[:600])
		},
		"stopped after 10 redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
	} {
		s := httptest.NewServer(serve)
		dir := t.TempDir()
		err := fetcherFor(s).fetch(context.Background(), published(want, s.URL+"/x"), dir)
		var missing *MissingError
		if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), s.URL+"/x") {
			t.Errorf("expected %q, got %v", what, err)
		}
		if err != nil && !strings.Contains(err.Error(), "put into that folder:\n  a.bin (1000 bytes, sha256 "+sum(want)+") from "+s.URL) {
			t.Error("it doesn't say what to put where:", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "a.bin")); err == nil {
			t.Error(what, "but the file is in place")
		}
		s.Close()
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if err := fetcherFor(s).fetch(context.Background(), published(want, s.URL), t.TempDir()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error("no server:", err)
	}
}

// A connection that breaks again and again is continued where it broke.
func TestFetchContinues(t *testing.T) {
	want := pattern(400_000)
	var ranges []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		at := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(want)-1, len(want)))
			w.Header().Set("Content-Length", fmt.Sprint(len(want)-at))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(want)))
		}
		w.Write(want[at:min(at+150_000, len(want))])
	}))
	defer s.Close()
	dir := t.TempDir()
	if err := fetcherFor(s).fetch(context.Background(), published(want, s.URL), dir); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, dir), want) || fmt.Sprint(ranges) != "[ bytes=150000- bytes=300000-]" {
		t.Error("another content, or requests for", ranges)
	}
	only(t, dir, "a.bin")
}

// What an earlier run has left is continued; if it was the beginning of something else, the file is fetched anew.
func TestFetchFromLeftovers(t *testing.T) {
	want := pattern(50_000)
	for name, left := range map[string][]byte{
		"its beginning": want[:20_000], "something else": bytes.Repeat([]byte{9}, 20_000), "all of it": want, "too much": pattern(60_000), "something else of its length": make([]byte, 50_000), "nothing": {},
	} {
		for _, continues := range []bool{true, false} {
			sent := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if continues {
					http.ServeContent(w, r, "a.bin", time.Time{}, bytes.NewReader(want))
				} else {
					w.Write(want)
				}
				sent++
			}))
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.bin.part"), left, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := fetcherFor(s).fetch(context.Background(), published(want, s.URL), dir); err != nil {
				t.Errorf("%s, continues %v: %v", name, continues, err)
			} else if !bytes.Equal(content(t, dir), want) {
				t.Errorf("%s, continues %v: another content", name, continues)
			}
			if name == "all of it" && sent != 0 {
				t.Error("what was complete is fetched again")
			}
			only(t, dir, "a.bin")
			s.Close()
		}
	}
}

func TestFetchStopsWithItsContext(t *testing.T) {
	want := pattern(100_000)
	hang := make(chan struct{})
	var once sync.Once
	started := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(want)))
		w.Write(want[:40_000])
		w.(http.Flusher).Flush()
		once.Do(func() { close(started) })
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := t.TempDir()
	f := fetcherFor(s)
	f.progress = func(done, total int64) {
		if done == 40_000 {
			cancel()
		}
	}
	start := time.Now()
	if err := f.fetch(ctx, published(want, s.URL), dir); !errors.Is(err, context.Canceled) || time.Since(start) > 10*time.Second {
		t.Error(err, time.Since(start))
	}
	<-started
	only(t, dir, "a.bin.part") // for the next time
	// A server that falls silent is given up.
	f = fetcherFor(s)
	f.stall = 20 * time.Millisecond
	if err := f.fetch(context.Background(), published(want, s.URL), t.TempDir()); err == nil || !strings.Contains(err.Error(), "the server has sent nothing for 20ms") {
		t.Error(err)
	}
	s.CloseClientConnections()
	s.Client().CloseIdleConnections()
	before := runtime.NumGoroutine()
	time.Sleep(10 * time.Millisecond)
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, then %d", before, after)
	}
}

// member is a file in an archive.
type member struct {
	name, content, link string
	kind                byte
}

func archive(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, m := range members {
		if m.kind == 0 {
			m.kind = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Name: m.name, Typeflag: m.kind, Linkname: m.link, Size: int64(len(m.content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(m.content))
	}
	if w.Close() != nil || z.Close() != nil {
		t.Fatal("archive")
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	good := []member{{name: "d/", kind: tar.TypeDir}, {name: "d/a", content: "first"}, {name: "d/readme", content: "not wanted"}, {name: "./d/b", content: "second"}}
	for _, c := range []struct {
		want    string
		members []member
	}{
		{"", good},
		{"one that leads out of it", append([]member{{name: "../evil", content: "x"}}, good...)},
		{"one that leads out of it", append([]member{{name: "d/../../evil", content: "x"}}, good...)},
		{"one that leads out of it", append([]member{{name: "/tmp/evil", content: "x"}}, good...)},
		{"a link or something else", append([]member{{name: "d", kind: tar.TypeSymlink, link: "/tmp"}}, good...)},
		{"a link or something else", append([]member{{name: "d/a", kind: tar.TypeLink, link: "../../etc/passwd"}}, good...)},
		{"a link or something else", append([]member{{name: "pipe", kind: tar.TypeFifo}}, good...)},
		{`entry "d/b": expected a file of this name, got none`, good[:3]},
		{"sha256 is", []member{{name: "d/a", content: "First"}, good[3]}},
		{"expected 5 bytes, got 6", []member{{name: "d/a", content: "first!"}, good[3]}},
	} {
		packed := archive(t, c.members...)
		served := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served++; w.Write(packed) }))
		e := &entry{
			Info:    Info{Name: "test"},
			archive: &file{path: "p.tar.gz", size: int64(len(packed)), sha256: sum(packed), urls: []string{s.URL}},
			files:   []file{{path: "d/a", size: 5, sha256: sum([]byte("first"))}, {path: "d/b", size: 6, sha256: sum([]byte("second"))}},
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "set")
		err := fetcherFor(s).fetch(context.Background(), e, dir)
		switch {
		case c.want == "":
			if err != nil {
				t.Error(err)
			}
			only(t, parent, "set/d/a", "set/d/b")
			if err := fetcherFor(s).fetch(context.Background(), e, dir); err != nil || served != 1 {
				t.Error("fetched again:", served, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("expected %q, got %v", c.want, err)
		default:
			if entries, _ := os.ReadDir(parent); len(entries) != 1 {
				t.Errorf("%s: something was written outside of the folder: %v", c.want, entries)
			}
		}
		s.Close()
	}
	// An archive that somebody has put there is unpacked without the network.
	packed := archive(t, good...)
	e := &entry{
		Info:    Info{Name: "test"},
		archive: &file{path: "p.tar.gz", size: int64(len(packed)), sha256: sum(packed), urls: []string{"http://localhost:1/"}},
		files:   []file{{path: "d/b", size: 6, sha256: sum([]byte("second"))}},
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.tar.gz"), packed, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := (&fetcher{client: newClient(), stall: time.Minute}).fetch(context.Background(), e, dir); err != nil {
		t.Error(err)
	}
	only(t, dir, "d/b")
	// A damaged archive whose checksum was told to be right.
	cut := packed[:len(packed)/2]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(cut) }))
	defer s.Close()
	e = &entry{
		Info:    Info{Name: "test"},
		archive: &file{path: "p.tar.gz", size: int64(len(cut)), sha256: sum(cut), urls: []string{s.URL}},
		files:   []file{{path: "d/b", size: 6, sha256: sum([]byte("second"))}},
	}
	if err := fetcherFor(s).fetch(context.Background(), e, t.TempDir()); err == nil || !strings.Contains(err.Error(), "unpack:") {
		t.Error(err)
	}
}
