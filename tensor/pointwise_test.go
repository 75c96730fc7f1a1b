package tensor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// testdata/pointwise.json holds PyTorch's values and gradients at 0, −0, large and small numbers, infinities and NaN.
func TestPointwiseIsPyTorchs(t *testing.T) {
	var table map[string]json.RawMessage
	readJSON(t, "pointwise.json", &table)
	parse := func(raw json.RawMessage) []float64 {
		var text []string
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatal(err)
		}
		v := make([]float64, len(text))
		for i, s := range text {
			var err error
			if v[i], err = strconv.ParseFloat(s, 64); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	points := parse(table["points"])
	calls := map[string]func(x *Tensor) *Tensor{
		"pow_scalar": func(x *Tensor) *Tensor { return x.PowScalar(2.5) },
		"leaky_relu": func(x *Tensor) *Tensor { return x.LeakyReLU(0.1) },
		"elu":        func(x *Tensor) *Tensor { return x.ELU(1.5) },
		"clamp":      func(x *Tensor) *Tensor { return x.Clamp(-1, 1.5) },
	}
	// Where PyTorch's value comes from its formula rather than from the function, the limit is better.
	exceptions := map[string]bool{
		"gelu +Inf": true, "gelu -Inf": true, "gelu_tanh +Inf": true, "gelu_tanh -Inf": true, "silu +Inf": true, "silu -Inf": true, // NaN
		"sign NaN": true, "abs NaN": true, "elu NaN": true, // 0, 0 and 1 for NaN
	}
	near := func(got, want float64) bool {
		return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 1e-14+1e-11*math.Abs(want)
	}
	for name, raw := range table {
		if name == "points" {
			continue
		}
		var want struct{ Y, DX json.RawMessage }
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		call := calls[name]
		if call == nil {
			call = func(x *Tensor) *Tensor { return Apply(name, nil, x)[0] }
		}
		x := FromSlice(points).RequireGrad()
		y := call(x)
		y.Sum().Backward()
		gotY, gotDX := ToSlice[float64](y), ToSlice[float64](x.Grad())
		wantY, wantDX := parse(want.Y), parse(want.DX)
		for i, p := range points {
			if exceptions[fmt.Sprintf("%s %+g", name, p)] || math.IsNaN(p) && exceptions[name+" NaN"] {
				continue
			}
			if !near(gotY[i], wantY[i]) {
				t.Errorf("%s(%g) is %.17g, PyTorch %.17g", name, p, gotY[i], wantY[i])
			}
			if !near(gotDX[i], wantDX[i]) {
				t.Errorf("the slope of %s at %g is %.17g, PyTorch %.17g", name, p, gotDX[i], wantDX[i])
			}
		}
	}
}

// testdata/promotion.json is PyTorch's torch.promote_types.
func TestPromotionIsPyTorchs(t *testing.T) {
	var table map[string]map[string]string
	readJSON(t, "promotion.json", &table)
	if len(table) != len(allTypes) {
		t.Fatalf("%d types in the table, want %d", len(table), len(allTypes))
	}
	for _, a := range allTypes {
		for _, b := range allTypes {
			want := table[a.String()][b.String()]
			x, y := Ones(a, 2), Ones(b, 2)
			if got := Where(Ones(Bool, 2), x, y).DType().String(); got != want {
				t.Errorf("%s with %s is %s, PyTorch %s", a, b, got, want)
			}
			if want == "bool" {
				continue
			}
			if got := x.Add(y).DType().String(); got != want {
				t.Errorf("%s + %s is %s, PyTorch %s", a, b, got, want)
			}
		}
	}
}
