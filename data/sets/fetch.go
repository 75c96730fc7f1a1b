package sets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gradus-ml/gradus/format"
)

// Fetch downloads the files of a set that are missing in its folder, checks their sha256, and moves them into place
// when they are whole; a set that is there is never fetched again. What an interrupted download has left is
// continued. progress, if not nil, is told how many bytes are done, of how many. If the set can't be fetched the
// error is a [*MissingError], which says what to put where by hand; if ctx ends it is ctx's.
func Fetch(ctx context.Context, name string, progress func(done, total int64)) error {
	e, err := find(name)
	if err != nil {
		return err
	}
	dir, err := e.dir()
	if err != nil {
		return err
	}
	f := fetcher{client: newClient(), stall: time.Minute, progress: progress}
	return f.fetch(ctx, e, dir)
}

// newClient returns a client that waits for answers, but not forever.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	return &http.Client{Transport: t}
}

// fetcher fetches the files of one set.
type fetcher struct {
	client      *http.Client
	stall       time.Duration // after which a server that sends nothing is given up
	progress    func(done, total int64)
	done, total int64
}

func (f *fetcher) fetch(ctx context.Context, e *entry, dir string) error {
	missing := e.missing(dir)
	if len(missing) == 0 {
		return nil
	}
	fail := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &MissingError{Set: e.Name, Dir: dir, Files: missing, Err: err, entry: e}
	}
	wanted := e.wanted(missing)
	for _, w := range wanted {
		if len(w.urls) == 0 {
			return fail(errors.New("it has no public address"))
		}
		f.total += w.size
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fail(err)
	}
	for _, w := range wanted {
		path := filepath.Join(dir, filepath.FromSlash(w.path))
		if e.archive == nil || check(ctx, w, path) != nil { // somebody may have put the archive there
			if err := f.file(ctx, w, path); err != nil {
				return fail(err)
			}
		}
		if e.archive == nil {
			continue
		}
		if err := unpack(ctx, path, dir, e.files); err != nil {
			return fail(err)
		}
		if err := os.Remove(path); err != nil {
			return fail(err)
		}
	}
	return nil
}

// wanted returns what is to be downloaded for the missing files.
func (e *entry) wanted(missing []string) []file {
	if e.archive != nil {
		return []file{*e.archive}
	}
	var out []file
	for _, f := range e.files {
		for _, m := range missing {
			if m == f.path {
				out = append(out, f)
			}
		}
	}
	return out
}

// report tells how many bytes of the file at hand there are.
func (f *fetcher) report(n int64) {
	if f.progress != nil {
		f.progress(f.done+n, f.total)
	}
}

// file brings one file to path, from the first of its addresses that has it.
func (f *fetcher) file(ctx context.Context, w file, path string) error {
	var all []error
	for _, address := range w.urls {
		err := f.from(ctx, w, address, path+".part")
		if err == nil {
			if err = os.Rename(path+".part", path); err != nil {
				return err
			}
			f.done += w.size
			f.report(0)
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// tries bounds how often a download is continued after the connection broke.
const tries = 5

// from downloads a file from one address to part and checks it.
func (f *fetcher) from(ctx context.Context, w file, address, part string) error {
	for try := 1; ; try++ {
		was := sizeOf(part)
		err := f.get(ctx, w, address, part)
		var final *refusal
		switch {
		case err == nil:
			if err = check(ctx, w, part); err == nil {
				return nil
			}
			os.Remove(part)
			if was <= 0 || !errors.As(err, &final) {
				return fmt.Errorf("%s: %w", address, err)
			}
			// The beginning was of an earlier download, and perhaps of another file: once more from the start.
		case ctx.Err() != nil || errors.As(err, &final) || try == tries || sizeOf(part) <= was:
			return fmt.Errorf("%s: %w", address, err)
		}
	}
}

// refusal is an error that trying again doesn't help.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// sizeOf returns the length of a file, −1 if it can't be told.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// get downloads a file to part, going on where part ends.
func (f *fetcher) get(ctx context.Context, w file, address, part string) (err error) {
	at := max(sizeOf(part), 0)
	if at > w.size {
		at = 0
	}
	if at == w.size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return refuse("%v", err)
	}
	req.Header.Set("User-Agent", "gradus")
	req.Header.Set("Accept-Encoding", "identity") // a .gz is to arrive as it is
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	resp, err := f.client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // the address is in the message already
		}
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && at > 0 && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)):
	case resp.StatusCode == http.StatusOK:
		at = 0 // the server doesn't continue
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable || resp.StatusCode == http.StatusPartialContent:
		os.Remove(part)
		return refuse("the server answers %s to a request to continue at byte %d; the next try begins anew", resp.Status, at)
	default:
		return refuse("the server answers %s", resp.Status)
	}
	if n := resp.ContentLength; n >= 0 && at+n != w.size {
		return refuse("the server has %d bytes, expected %d%s", at+n, w.size, webPage(resp))
	}
	to, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return refuse("%v", err)
	}
	defer func() {
		if e := to.Close(); err == nil {
			err = e
		}
	}()
	if err := to.Truncate(at); err != nil {
		return refuse("%v", err)
	}
	if _, err := to.Seek(at, io.SeekStart); err != nil {
		return refuse("%v", err)
	}
	if err := f.copy(to, resp.Body, at, w.size, cancel); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	return to.Sync()
}

// webPage explains an answer that is a page instead of a file.
func webPage(resp *http.Response) string {
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return " (it sent a web page; does the network ask for a login?)"
	}
	return ""
}

// copy copies a body from byte at on to the end of the file, telling cancel if nothing comes for too long.
func (f *fetcher) copy(to io.Writer, from io.Reader, at, size int64, cancel context.CancelCauseFunc) error {
	idle := time.AfterFunc(f.stall, func() { cancel(fmt.Errorf("the server has sent nothing for %v", f.stall)) })
	defer idle.Stop()
	buf := make([]byte, 128<<10)
	for {
		n, err := from.Read(buf)
		idle.Reset(f.stall)
		if at += int64(n); at > size {
			return refuse("the server sends more than the expected %d bytes", size)
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return refuse("%v", err)
		}
		f.report(at)
		if err == io.EOF && at == size {
			return nil
		}
		if err == io.EOF {
			err = fmt.Errorf("the transfer ended after %d of %d bytes: %w", at, size, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
	}
}

// check compares a file's sha256 with what it should be.
func check(ctx context.Context, w file, path string) error {
	f, size, err := format.Open("check", path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, withContext{ctx, f}); err != nil {
		return &format.Error{Op: "check", Path: path, Offset: -1, Err: err}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != w.sha256 || size != w.size {
		return refuse("%s has %d bytes and sha256 %s, expected %d and %s; it isn't used", w.path, size, got, w.size, w.sha256)
	}
	return nil
}

// withContext is a reader that ends with a context.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (w withContext) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// Verify compares the files of a set with their known checksums, and returns an error for the first that differs or is missing. Sets of which
// there are archives with other bytes, such as bccd, are read instead if theirs differs.
func Verify(ctx context.Context, name string) error {
	e, err := find(name)
	if err != nil {
		return err
	}
	dir, err := e.dir()
	if err != nil {
		return err
	}
	for _, f := range e.files {
		if err := check(ctx, f, filepath.Join(dir, filepath.FromSlash(f.path))); err != nil {
			if e.loose && ctx.Err() == nil {
				_, err := Open(name, Config{})
				return err
			}
			return fmt.Errorf("sets: %s: %w", name, err)
		}
	}
	return nil
}
