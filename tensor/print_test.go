package tensor_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// testdata/print.json holds what NumPy prints, made by gen_print.py.
func TestStringIsNumPys(t *testing.T) {
	data, err := os.ReadFile("testdata/print.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, DType, Text string
		Shape             []int
		Values            []string
		Arange            float64 // i divided by this, instead of values
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	types := map[string]DType{}
	for _, d := range allTypes {
		types[d.String()] = d
	}
	for _, c := range cases {
		n := 1
		for _, s := range c.Shape {
			n *= s
		}
		v := make([]float64, n)
		for i := range v {
			if c.Arange != 0 {
				v[i] = float64(i) / c.Arange
				continue
			}
			if v[i], err = strconv.ParseFloat(c.Values[i], 64); err != nil {
				t.Fatal(err)
			}
		}
		d := types[c.DType]
		x := FromSlice(v, n).To(d).Reshape(c.Shape...)
		want := c.Text
		if d == Bool {
			want = strings.ToLower(want)
		}
		if d != Float32 {
			want += " " + c.DType
		}
		if got := x.String(); got != want {
			t.Errorf("%s %s prints\n%s\nNumPy\n%s", c.Name, c.DType, got, want)
		}
	}
}

func TestStringOfOddTensors(t *testing.T) {
	scope := NewScope()
	x := Zeros(Float32, 50, 100).In(scope).AddScalar(1)
	scope.Release()
	for _, c := range []struct{ got, want string }{
		{(*Tensor)(nil).String(), "<nil tensor>"},
		{x.String(), "<tensor (50, 100), memory released with its scope>"},
		{f32(2, 0).String(), "[] shape (2, 0)"},
		{FromSlice([]float64{0.1, 3}, 2).To(BFloat16).String(), "[0.1 3. ] bfloat16"},
		{FromSlice([]int64{1, 2, 3, 4}, 2, 2).T().String(), "[[1 3]\n [2 4]] int64"},
		{FromSlice([]int64{1<<62 + 1}, 1).Reshape().String(), "4611686018427387905 int64"},
		{FromSlice([]float32{1, 2, 3}).Flip(0).String(), "[3. 2. 1.]"},
	} {
		if c.got != c.want {
			t.Errorf("prints\n%s\nwant\n%s", c.got, c.want)
		}
	}
}
