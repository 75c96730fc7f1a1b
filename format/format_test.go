package format

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestErrorMessages(t *testing.T) {
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{&Error{Op: "read npy", Path: "x.npz", Entry: "w.npy", Offset: 6, Want: "version 1.0, 2.0 or 3.0", Got: "9.0"},
			`read npy: x.npz, entry "w.npy", byte 6: expected version 1.0, 2.0 or 3.0, got 9.0`},
		{&Error{Op: "read CSV", Path: "a.csv", Line: 3, Column: 7, Offset: 20, Want: "a number", Got: `"x"`, Hint: "declare it Categorical"},
			`read CSV: a.csv:3:7: expected a number, got "x"; declare it Categorical`},
		{&Error{Op: "read CSV", Line: 3, Column: 7, Offset: -1, Got: "an open quote"}, `read CSV: line 3 column 7: an open quote`},
		{&Error{Op: "read IDX", Path: "a", Offset: -1, Err: io.ErrUnexpectedEOF}, `read IDX: a: unexpected EOF`},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if !errors.Is(&Error{Err: io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
	if q := Quote(strings.Repeat("x", 1000)); len(q) > 100 || !strings.Contains(q, "1000 bytes") {
		t.Errorf("long text is quoted as %s", q)
	}
}

func TestCountRefusesOverflow(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true}, {[]int{0}, 0, true}, {[]int{2, 3}, 6, true}, {[]int{-1}, 0, false}, {[]int{-1, -1}, 0, false},
		{[]int{1 << 32, 1 << 32}, 0, false}, {[]int{1 << 62, 2}, 0, false}, {[]int{math.MaxInt}, math.MaxInt, true},
		{[]int{1 << 32, 1 << 32, 0}, 0, false}, {[]int{0, -1}, 0, false}, {[]int{3, 0, 5}, 0, true},
	} {
		if n, ok := Count(c.shape); n != c.n || ok != c.ok {
			t.Errorf("Count(%v) = %d, %v; want %d, %v", c.shape, n, ok, c.n, c.ok)
		}
	}
	if _, ok := F64.Bytes([]int{1 << 61}); ok {
		t.Error("2^61 float64s have a size")
	}
}

// The values are those of IEEE 754: numpy.array(h, dtype=uint16).view(float16).
func TestHalfPrecision(t *testing.T) {
	for h, want := range map[uint16]float32{
		0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24,
		0x3555: 0.333251953125, 0x0000: 0, 0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := HalfToFloat32(h); got != want {
			t.Errorf("%#04x: got %v, want %v", h, got, want)
		}
	}
	if got := HalfToFloat32(0x8000); got != 0 || !math.Signbit(float64(got)) {
		t.Errorf("0x8000: got %v, want -0", got)
	}
	if got := HalfToFloat32(0x7e01); got == got {
		t.Errorf("0x7e01: got %v, want NaN", got)
	}
}

func TestArraysKeepTheirValues(t *testing.T) {
	check := func(a *Array, d DType, want []float64) {
		t.Helper()
		if a.DType != d {
			t.Errorf("type %v, want %v", a.DType, d)
		}
		got := a.Float64s()
		for i, w := range want {
			if got[i] != w || a.Float32s()[i] != float32(w) {
				t.Errorf("%v: got %v, want %v", d, got, want)
			}
		}
	}
	check(Of([]bool{true, false}, 2), Bool, []float64{1, 0})
	check(Of([]uint8{255, 1}, 2), U8, []float64{255, 1})
	check(Of([]int8{-128, 127}, 2), I8, []float64{-128, 127})
	check(Of([]int16{-32768, 9}, 2), I16, []float64{-32768, 9})
	check(Of([]int32{math.MinInt32, 9}, 2), I32, []float64{math.MinInt32, 9})
	check(Of([]int64{-1 << 53, 9}, 2), I64, []float64{-1 << 53, 9})
	check(Of([]float32{1.5, -2}, 2), F32, []float64{1.5, -2})
	check(Of([]float64{1.5, math.Pi}, 2), F64, []float64{1.5, math.Pi})
	check(&Array{DType: BF16, Shape: []int{1}, Data: []byte{0x80, 0x3f}}, BF16, []float64{1})
	if got := Of([]int64{math.MaxInt64}, 1).Int64s()[0]; got != math.MaxInt64 {
		t.Errorf("int64 became %d", got)
	}
	if err := (&Array{DType: Bool, Shape: []int{2}, Data: []byte{1, 2}}).Check(); err == nil {
		t.Error("a bool of 2 is accepted")
	}
	swapped := &Array{DType: I32, Shape: []int{1}, Data: []byte{1, 2, 3, 4}}
	swapped.SwapBytes()
	if !bytes.Equal(swapped.Data, []byte{4, 3, 2, 1}) {
		t.Errorf("swapped to %v", swapped.Data)
	}
}

func gzipped(data ...[]byte) []byte {
	var b bytes.Buffer
	for _, d := range data {
		w := gzip.NewWriter(&b)
		w.Write(d)
		w.Close()
	}
	return b.Bytes()
}

func inflate(data []byte, limit int64) ([]byte, bool, error) {
	r, zipped, err := Inflate("read test", "f", bytes.NewReader(data), limit)
	if err != nil {
		return nil, zipped, err
	}
	out, err := io.ReadAll(r)
	return out, zipped, err
}

func TestInflateGoesByTheMagic(t *testing.T) {
	for _, c := range []struct {
		data   []byte
		want   string
		zipped bool
	}{
		{[]byte("plain"), "plain", false}, {nil, "", false}, {[]byte{0x1f}, "\x1f", false},
		{gzipped([]byte("one")), "one", true}, {gzipped([]byte("one"), []byte("two")), "onetwo", true},
	} {
		got, zipped, err := inflate(c.data, 6)
		if err != nil || string(got) != c.want || zipped != c.zipped {
			t.Errorf("%q: got %q, %v, %v", c.data, got, zipped, err)
		}
	}
	_, _, err := inflate(gzipped([]byte("1234567")), 6)
	if err == nil || !strings.Contains(err.Error(), "read test: f: expected at most 6 bytes after decompression, got more") {
		t.Errorf("over the limit: %v", err)
	}
	bad := gzipped([]byte("hello"))
	bad[len(bad)-5] ^= 1
	if _, _, err = inflate(bad, 99); !errors.Is(err, gzip.ErrChecksum) {
		t.Errorf("bad checksum: %v", err)
	}
	if _, _, err = inflate(gzipped([]byte("hello"))[:20], 99); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: %v", err)
	}
}
