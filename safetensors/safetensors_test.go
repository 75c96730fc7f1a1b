package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

var keep = flag.String("keep", "", "file to write in TestWritesWhatPythonReads")

// pythonNames maps PyTorch's dtypes, as in values.json, to safetensors'.
var pythonNames = map[string]format.DType{
	"float64": format.F64, "float32": format.F32, "float16": format.F16, "bfloat16": format.BF16, "int64": format.I64,
	"int32": format.I32, "int16": format.I16, "int8": format.I8, "uint8": format.U8, "bool": format.Bool,
}

// values.json holds the tensors of all.safetensors as PyTorch prints them.
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
	f, err := Open("testdata/all.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := f.Names(), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Fatalf("names %q, want %q", got, want)
	}
	if m := f.Metadata(); len(m) != 1 || m["format"] != "pt <ü>" {
		t.Errorf("metadata %q", m)
	}
	for name, w := range want {
		a, err := f.Array(name)
		if err != nil {
			t.Fatal(err)
		}
		if a.DType != pythonNames[w.DType] || !slices.Equal(a.Shape, w.Shape) {
			t.Errorf("%q: %v %v, want %s %v", name, a.DType, a.Shape, w.DType, w.Shape)
		}
		for i, v := range w.Values {
			switch v := v.(type) {
			case json.Number:
				if got := a.Int64s()[i]; strconv.FormatInt(got, 10) != v.String() {
					t.Errorf("%q[%d] = %d, want %v", name, i, got, v)
				}
			case string:
				want, _ := strconv.ParseFloat(v, 64)
				if got := a.Float64s()[i]; got != want {
					t.Errorf("%q[%d] = %v, want %v", name, i, got, want)
				}
			}
		}
	}
}

// The reference implementation is the judge of the writer: the bytes are the
// same.
func TestWritesTheBytesOfTheReference(t *testing.T) {
	arrays, metadata, err := LoadArrays("testdata/all.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile("testdata/all.safetensors")
	var got bytes.Buffer
	if err := EncodeArrays(&got, arrays, metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got  %q\nwant %q", got.Bytes(), want)
	}
}

func samples() map[string]*format.Array {
	return map[string]*format.Array{
		"w":      format.Of([]float32{1, -2, 3, 4.5, 5, 6}, 2, 3),
		"b":      format.Of([]float64{math.Pi}, 1),
		"labels": format.Of([]uint8{1, 2, 3}, 3),
		"mask":   format.Of([]bool{true, false}, 2),
		"n":      format.Of([]int64{-5}),
		"none":   format.Of([]int16{}, 0, 4),
		"ünï\"":  format.Of([]int32{7}, 1, 1),
	}
}

func equal(a, b *format.Array) bool {
	return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
}

// With -keep FILE the file stays, for testdata/gen_safetensors.py to read.
func TestWritesWhatPythonReads(t *testing.T) {
	path := *keep
	if path == "" {
		path = filepath.Join(t.TempDir(), "m.safetensors")
	}
	if err := SaveArrays(path, samples(), map[string]string{"b": "2", "a": "ä\x01"}); err != nil {
		t.Fatal(err)
	}
	arrays, metadata, err := LoadArrays(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(metadata) != 2 || metadata["a"] != "ä\x01" || metadata["b"] != "2" {
		t.Errorf("metadata %q", metadata)
	}
	for name, want := range samples() {
		if arrays[name] == nil || !equal(arrays[name], want) {
			t.Errorf("%q became %+v, was %+v", name, arrays[name], want)
		}
	}
	if f, err := Open(path); err == nil {
		for _, i := range f.tensors {
			if i.Offset%int64(i.DType.Size()) != 0 {
				t.Errorf("%q at byte %d is not aligned to its %s", i.Name, i.Offset, i.DType)
			}
		}
		f.Close()
	}
}

func TestAnEmptySetIsAFile(t *testing.T) {
	var b bytes.Buffer
	if err := EncodeArrays(&b, nil, nil); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(f.Names()) != 0 || f.Close() != nil {
		t.Errorf("%v, %v", f, err)
	}
}

func TestMissingTensorSaysWhatThereIs(t *testing.T) {
	f, err := Open("testdata/shards/model-00001-of-00002.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Array("fc9.weight")
	want := `read safetensors: testdata/shards/model-00001-of-00002.safetensors, entry "fc9.weight": expected a tensor of this name, got none: file does not exist; tensors in the file (1): "a"`
	if err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, ok := f.Info("fc9.weight"); ok {
		t.Error("Info finds it")
	}
}

func TestReadsShards(t *testing.T) {
	s, err := OpenIndex("testdata/shards/model.safetensors.index.json")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := s.Names(); !slices.Equal(n, []string{"a", "b"}) {
		t.Errorf("names %q", n)
	}
	a, err := s.Array("a")
	if err != nil || !slices.Equal(a.Float64s(), []float64{1, 2}) {
		t.Errorf("a = %v, %v", a, err)
	}
	b, err := s.Array("b")
	if err != nil || !slices.Equal(b.Int64s(), []int64{3}) || !slices.Equal(b.Shape, []int{1, 1}) {
		t.Errorf("b = %v, %v", b, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	ok := format.Of([]float32{1}, 1)
	for _, c := range []struct {
		arrays   map[string]*format.Array
		metadata map[string]string
		want     string
	}{
		{map[string]*format.Array{"__metadata__": ok}, nil, `write safetensors: PATH, entry "__metadata__": expected another name, got the one reserved for metadata`},
		{map[string]*format.Array{"a\xff": ok}, nil, `write safetensors: PATH, entry "a\xff": expected a name in UTF-8, got "a\xff"`},
		{map[string]*format.Array{"a": {DType: format.F32, Shape: []int{2}, Data: make([]byte, 4)}}, nil, `write safetensors: PATH, entry "a": array of F32 [2] needs 8 bytes, has 4`},
		{map[string]*format.Array{"a": ok}, map[string]string{"k": "\xff"}, `write safetensors: PATH, entry "__metadata__": expected UTF-8, got "k": "\xff"`},
	} {
		path := filepath.Join(t.TempDir(), "m")
		err := SaveArrays(path, c.arrays, c.metadata)
		want := string(bytes.ReplaceAll([]byte(c.want), []byte("PATH"), []byte(path)))
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}

func Example() {
	path := filepath.Join(os.TempDir(), "example.safetensors")
	defer os.Remove(path)
	err := SaveArrays(path, map[string]*format.Array{
		"fc1.weight": format.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3),
		"fc1.bias":   format.Of([]float32{0.5, -0.5}, 2),
	}, map[string]string{"format": "pt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		fmt.Println(name, info.DType, info.Shape)
	}
	// Output:
	// fc1.bias F32 [2]
	// fc1.weight F32 [2 3]
}

func TestTensorsComeBack(t *testing.T) {
	m := tensor.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	want := map[string]*tensor.Tensor{
		"m": m, "transposed": m.Permute(1, 0), "half": m.To(tensor.Float16), "bf16": m.To(tensor.BFloat16), "wide": m.To(tensor.Float64),
		"int": m.To(tensor.Int64), "int32": m.To(tensor.Int32), "byte": m.To(tensor.Uint8), "bool": m.To(tensor.Bool),
		"scalar": tensor.Scalar(tensor.Float32, 7), "empty": tensor.Zeros(tensor.Float32, 0, 3), "large": tensor.Arange(tensor.Float64, 0, 5000, 1),
	}
	path := filepath.Join(t.TempDir(), "m")
	if err := Save(path, want, nil); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	decoded, _, err := Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		for _, got := range []*tensor.Tensor{loaded[name], decoded[name]} {
			if got == nil || got.DType() != w.DType() || !got.SameShape(w) || !slices.Equal(tensor.ToSlice[float64](got), tensor.ToSlice[float64](w)) {
				t.Errorf("%s became %v, was %v", name, got, w)
			}
		}
	}
	// 16- and 8-bit signed integers have no tensor type and become wider.
	all, err := Load("testdata/all.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if got := tensor.ToSlice[int32](all["i16"]); all["i16"].DType() != tensor.Int32 || !slices.Equal(got, []int32{-32768, 32767, 5}) {
		t.Errorf("i16 became %v", got)
	}
	if got := tensor.ToSlice[float32](all["bf16"]); !slices.Equal(got[:2], []float32{1, -3.140625}) {
		t.Errorf("bf16 became %v", got)
	}
}
