package npy

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

var keep = flag.String("keep", "", "file to write in TestWritesWhatPythonReads")

// types are the element types that NumPy's are read as.
var types = map[string]format.DType{
	"b1": format.Bool, "i1": format.I8, "i2": format.I16, "i4": format.I32, "i8": format.I64, "u1": format.U8, "u2": format.I32,
	"u4": format.I64, "u8": format.I64, "f2": format.F16, "f4": format.F32, "f8": format.F64,
}

// values.json holds what NumPy prints of the arrays in the archives: all
// element types, big-endian and column-major ones included.
func TestReadsWhatPythonWrote(t *testing.T) {
	text, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		DType  string
		Shape  []int
		Values []any
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"testdata/store.npz", "testdata/deflate.npz"} {
		z, err := OpenArchive(file)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if got, want := z.Names(), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
			t.Fatalf("%s: names %q, want %q", file, got, want)
		}
		for name, w := range want {
			a, err := z.Array(name)
			if err != nil {
				t.Error(err)
				continue
			}
			if a.DType != types[w.DType] || !slices.Equal(a.Shape, w.Shape) || a.Len() != len(w.Values) {
				t.Errorf("%s %q: %v %v, want %s %v", file, name, a.DType, a.Shape, w.DType, w.Shape)
				continue
			}
			for i, v := range w.Values {
				switch v := v.(type) {
				case json.Number:
					if got := a.Int64s()[i]; strconv.FormatInt(got, 10) != v.String() {
						t.Errorf("%s %q[%d] = %d, want %v", file, name, i, got, v)
					}
				case string:
					want, _ := strconv.ParseFloat(v, 64)
					if got := a.Float64s()[i]; got != want {
						t.Errorf("%s %q[%d] = %v, want %v", file, name, i, got, want)
					}
				}
			}
		}
	}
}

func TestReadsEveryVersion(t *testing.T) {
	for _, file := range []string{"v1", "v2", "v3"} {
		x, err := Load("testdata/" + file + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		if x.DType() != tensor.Float32 || !slices.Equal(x.Shape(), []int{2, 3}) || !slices.Equal(tensor.ToSlice[float32](x), []float32{0, 1, 2, 3, 4, 5}) {
			t.Errorf("%s: %v", file, x)
		}
	}
}

// NumPy is the judge of the writer: the bytes are the same.
func TestWritesTheBytesOfNumPy(t *testing.T) {
	want, err := os.ReadFile("testdata/v1.npy")
	if err != nil {
		t.Fatal(err)
	}
	x, err := Load("testdata/v1.npy")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := Save(path, x); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// With -keep FILE the archive stays, for testdata/gen_npy.py to read.
func TestWritesWhatPythonReads(t *testing.T) {
	m := tensor.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	want := map[string]*tensor.Tensor{
		"m": m, "transposed": m.Permute(1, 0), "half": m.To(tensor.Float16), "wide": m.To(tensor.Float64), "int": m.To(tensor.Int64),
		"int32": m.To(tensor.Int32), "byte": m.To(tensor.Uint8), "dir/bool": m.To(tensor.Bool), "scalar": tensor.Scalar(tensor.Float32, 7),
		"empty": tensor.Zeros(tensor.Float32, 0, 3), "line": tensor.Arange(tensor.Float64, 0, 5000, 1), "zeros": tensor.Zeros(tensor.Float32, 100, 100),
	}
	for i, save := range []func(string, map[string]*tensor.Tensor) error{SaveArchive, SaveCompressed} {
		path := filepath.Join(t.TempDir(), "x.npz")
		if *keep != "" && i == 1 {
			path = *keep
		}
		if err := save(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := LoadArchive(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("%d arrays, want %d", len(got), len(want))
		}
		for name, w := range want {
			g := got[name]
			if g == nil || g.DType() != w.DType() || !g.SameShape(w) || !slices.Equal(tensor.ToSlice[float64](g), tensor.ToSlice[float64](w)) {
				t.Errorf("%s became %v, was %v", name, g, w)
			}
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	m := tensor.FromSlice([]float32{1}, 1)
	for _, c := range []struct {
		err  error
		want string
	}{
		{Save(path, m.To(tensor.BFloat16)), "write npy: " + path + ": expected an element type that NumPy has, got BF16; convert it to F32"},
		{SaveArchive(path, map[string]*tensor.Tensor{"../x": m}), "write npz: " + path + `, entry "../x": expected a name that stays inside the archive, got "../x"`},
		{SaveArchive(path, map[string]*tensor.Tensor{"b": m.To(tensor.BFloat16)}), "write npy: " + path + `, entry "b": expected an element type that NumPy has, got BF16; convert it to F32`},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", c.err, c.want)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}

func TestMissingArraySaysWhatThereIs(t *testing.T) {
	z, err := OpenArchive("testdata/store.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if _, err = z.Array("nope"); err == nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
