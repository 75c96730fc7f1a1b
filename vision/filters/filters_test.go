package filters

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/tensor"
)

// What SciPy makes of a small picture (testdata/gen_scipy.py).
func TestFiltersEqualSciPy(t *testing.T) {
	text, err := os.ReadFile("testdata/scipy.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Shape   []int
		X       []float64
		Filters map[string][]float64
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	x := tensor.FromSlice(reference.X, reference.Shape...)
	seen := 0
	for _, f := range All() {
		want, ok := reference.Filters[f.Name]
		if !ok {
			t.Errorf("%s: SciPy's result is missing", f.Name)
			continue
		}
		seen++
		for i, v := range tensor.ToSlice[float64](f.Apply(x)) {
			if math.Abs(v-want[i]) > 1e-12 {
				t.Errorf("%s: element %d is %g, SciPy's is %g", f.Name, i, v, want[i])
				break
			}
		}
	}
	if seen != len(reference.Filters) {
		t.Errorf("%d filters were compared, SciPy has results for %d", seen, len(reference.Filters))
	}
}

func TestFiltersHaveTheSumsTheyShould(t *testing.T) {
	for _, f := range All() {
		sum := 0.0
		for _, row := range f.Kernel {
			if len(row) != len(f.Kernel) || len(row)%2 == 0 {
				t.Errorf("%s isn't square with an odd side", f.Name)
			}
			for _, v := range row {
				sum += v
			}
		}
		want := 1.0 // a plain picture stays as it is
		if f.Signed {
			want = 0
		}
		if math.Abs(sum-want) > 1e-12 {
			t.Errorf("%s: the kernel sums to %g, want %g", f.Name, sum, want)
		}
	}
}

func TestApplyHasGradients(t *testing.T) {
	x := tensor.NewRNG(1).Normal(tensor.Float64, 0, 1, 2, 5, 6)
	if err := gradcheck.Check(func(in []*tensor.Tensor) *tensor.Tensor { return Sharpen.Apply(in[0]) }, gradcheck.Config{}, x); err != nil {
		t.Error(err)
	}
}

func TestApplyRefuses(t *testing.T) {
	for name, x := range map[string]*tensor.Tensor{
		"a matrix": tensor.Zeros(tensor.Float32, 5, 5), "bytes": tensor.Zeros(tensor.Uint8, 1, 5, 5), "a small picture": tensor.Zeros(tensor.Float32, 1, 2, 9),
	} {
		if err := tensor.Try(func() error { SobelX.Apply(x); return nil }); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A kernel is found again from a picture and what it made of it.
func TestLearnFindsTheKernel(t *testing.T) {
	x := smooth(tensor.NewRNG(3).Uniform(tensor.Float32, 0, 1, 1, 40, 50))
	for _, f := range []Filter{SobelX, Sharpen, GaussianBlur} {
		first := 0.0
		k, loss := Learn(x, f.Apply(x), LearnConfig{Side: len(f.Kernel), Each: func(step int, loss float64, _ *tensor.Tensor) {
			if step == 0 {
				first = loss
			}
		}})
		if far := k.Sub(f.Tensor(tensor.Float32)).Abs().Max().Item(); far > 0.02 {
			t.Errorf("%s: a weight of the learnt kernel is off by %.3f (loss %.2g, at first %.2g):\n%v", f.Name, far, loss, first, k)
		}
	}
}

// smooth makes neighbours alike, as in photographs.
func smooth(x *tensor.Tensor) *tensor.Tensor {
	return BoxBlur.Apply(x).MulScalar(0.7).Add(x.MulScalar(0.3))
}
