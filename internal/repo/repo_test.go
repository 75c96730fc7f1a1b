package repo

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// packages returns the folders of the module that hold Go code, relative to root.
func packages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "runs") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root {
			return fs.SkipDir // a module of its own
		}
		if found, _ := filepath.Glob(filepath.Join(path, "*.go")); len(found) > 0 {
			rel, _ := filepath.Rel(root, path)
			dirs = append(dirs, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil || len(dirs) < 15 {
		t.Fatalf("found packages %v, %v", dirs, err)
	}
	return dirs
}

// parse returns the package in dir without its tests.
func parse(t *testing.T, dir string) (*token.FileSet, []*ast.File) {
	t.Helper()
	set := token.NewFileSet()
	paths, _ := filepath.Glob(filepath.Join(root, dir, "*.go"))
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return set, files
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, dir := range packages(t) {
		set, files := parse(t, dir)
		if len(files) == 0 {
			continue
		}
		p, err := doc.NewFromFiles(set, files, "github.com/gradus-ml/gradus/"+dir)
		if err != nil {
			t.Fatal(err)
		}
		complain := func(name, comment string) {
			if strings.TrimSpace(comment) == "" {
				t.Errorf("%s: %s has no doc comment", dir, name)
			}
		}
		complain("the package", p.Doc)
		funcs := p.Funcs
		values := append(p.Consts, p.Vars...)
		for _, typ := range p.Types {
			complain(typ.Name, typ.Doc)
			funcs = append(append(funcs, typ.Funcs...), typ.Methods...)
			values = append(append(values, typ.Consts...), typ.Vars...)
		}
		for _, f := range funcs {
			name := f.Name
			if f.Recv != "" {
				name = f.Recv + "." + name
			}
			complain(name, f.Doc)
		}
		for _, v := range values { // a comment for the group, or for each
			for _, spec := range v.Decl.Specs {
				spec := spec.(*ast.ValueSpec)
				if spec.Names[0].IsExported() {
					complain(spec.Names[0].Name, v.Doc+spec.Doc.Text()+spec.Comment.Text())
				}
			}
		}
	}
}

func TestTheCoreStandsOnTheStandardLibraryAlone(t *testing.T) {
	for _, dir := range packages(t) {
		top, _, _ := strings.Cut(dir, "/")
		if top != "tensor" && top != "nn" && top != "optim" && top != "internal" {
			continue
		}
		_, files := parse(t, dir)
		for _, f := range files {
			for _, spec := range f.Imports {
				path, _ := strconv.Unquote(spec.Path.Value)
				first, _, _ := strings.Cut(path, "/")
				if strings.Contains(first, ".") && !strings.HasPrefix(path, "github.com/gradus-ml/gradus/") && path != "golang.org/x/sys/cpu" {
					t.Errorf("%s imports %s", dir, path)
				}
			}
		}
	}
}

// The Go code in the README is code that compiles: each block stands, up to indentation, in readme_test.go.
func TestReadmeCodeCompiles(t *testing.T) {
	compiled, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no Go code", name)
		}
		for _, b := range blocks {
			if code := flatten(string(b[1])); !strings.Contains(flatten(string(compiled)), code) {
				t.Errorf("%s: this block isn't in readme_test.go:\n%s", name, b[1])
			}
		}
	}
}

// flatten drops indentation, comments and blank lines.
func flatten(code string) string {
	var lines []string
	for _, line := range strings.Split(code, "\n") {
		line, _, _ = strings.Cut(line, " // ")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// Files and folders that README and ARCHITECTURE name exist.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	for _, name := range []string{"README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllSubmatch(text, -1) {
			if path := string(link[1]); !strings.Contains(path, "://") {
				if _, err := os.Stat(filepath.Join(root, path)); err != nil {
					t.Errorf("%s links to %s: %v", name, path, err)
				}
			}
		}
		for _, path := range regexp.MustCompile(`\b(?:tensor|nn|optim|data|train|internal|cmd|recipes|bench)/[a-z_/]+(?:\.go)?`).FindAllString(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s names %s: %v", name, path, err)
			}
		}
	}
}
