package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// moments returns mean, variance and the largest absolute value.
func moments(t *tensor.Tensor) (mean, variance, largest float64) {
	v := tensor.ToSlice[float64](t)
	for _, x := range v {
		mean += x / float64(len(v))
		largest = math.Max(largest, math.Abs(x))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, variance, largest
}

// The variances are those of the papers, measured over 30,000 numbers, and uniform ones stay within √3 standard deviations.
func TestVariancesOfInitialisers(t *testing.T) {
	linear, conv := []int{100, 300}, []int{40, 30, 5, 5} // fans: 300 in, 100 out; 750 in, 1000 out
	for _, c := range []struct {
		name     string
		init     nn.Initializer
		shape    []int
		variance float64
		uniform  bool
	}{
		{"Xavier uniform", nn.XavierUniform(1), linear, 2.0 / 400, true},
		{"Xavier uniform conv", nn.XavierUniform(5.0 / 3), conv, 25.0 / 9 * 2 / 1750, true},
		{"Xavier normal", nn.XavierNormal(1), linear, 2.0 / 400, false},
		{"He uniform", nn.HeUniform(math.Sqrt2), linear, 2.0 / 300, true},
		{"He normal", nn.HeNormal(math.Sqrt2), conv, 2.0 / 750, false},
		{"He normal, fan out", nn.HeNormalFanOut(math.Sqrt2), conv, 2.0 / 1000, false},
		{"LeCun normal", nn.LeCunNormal(), linear, 1.0 / 300, false},
		{"LeCun uniform", nn.LeCunUniform(), linear, 1.0 / 300, true},
		{"uniform", nn.Uniform(-2, 2), linear, 16.0 / 12, true},
		{"normal", nn.Normal(0, 3), linear, 9, false},
	} {
		mean, variance, largest := moments(c.init(tensor.NewRNG(1), tensor.Float32, c.shape))
		std := math.Sqrt(c.variance)
		// Four standard errors: of the mean σ/√n, of the variance at most σ²·√(2/n), for n = 30,000.
		if math.Abs(mean) > 4*std/math.Sqrt(30000) {
			t.Errorf("%s: mean %g", c.name, mean)
		}
		if math.Abs(variance/c.variance-1) > 4*math.Sqrt(2.0/30000) {
			t.Errorf("%s: variance %g, expected %g", c.name, variance, c.variance)
		}
		if bound := math.Sqrt(3) * std; c.uniform != (largest <= bound*(1+1e-6)) || c.uniform && largest < 0.99*bound {
			t.Errorf("%s: largest value %g, standard deviation %g", c.name, largest, std)
		}
	}
}

// PyTorch's defaults: weights and biases uniform within ±1/√fan_in; embeddings from the standard normal distribution.
func TestDefaultsArePyTorchs(t *testing.T) {
	net := nn.Seq(nn.NewLinear(50, 400), nn.NewConv2D(8, 100, 5), nn.NewEmbedding(200, 50), nn.NewPReLU(3), nn.NewConv1D(20, 100, 5), nn.NewBilinear(50, 4, 100))
	nn.Init(net, 3)
	bounds := map[string]float64{
		"0.weight": 1 / math.Sqrt(50), "0.bias": 1 / math.Sqrt(50),
		"1.weight": 1 / math.Sqrt(200), "1.bias": 1 / math.Sqrt(200),
		"4.weight": 0.1, "4.bias": 0.1,
		"5.weight": 1 / math.Sqrt(50), "5.bias": 1 / math.Sqrt(50),
	}
	for _, p := range nn.Params(net) {
		mean, variance, largest := moments(p.Value())
		if bound, ok := bounds[p.Name()]; ok {
			if largest > bound || largest < 0.95*bound || math.Abs(variance/(bound*bound/3)-1) > 0.25 {
				t.Errorf("%s: largest %g, variance %g, expected uniform within %g", p.Name(), largest, variance, bound)
			}
			continue
		}
		switch p.Name() {
		case "2.weight":
			if math.Abs(mean) > 0.04 || math.Abs(variance-1) > 0.06 {
				t.Errorf("embedding: mean %g, variance %g", mean, variance)
			}
		case "3.weight":
			if mean != 0.25 || variance != 0 {
				t.Errorf("PReLU: mean %g, variance %g", mean, variance)
			}
		default:
			t.Errorf("unexpected parameter %s", p.Name())
		}
	}
}

func TestBiasesHaveAnInitialiserOfTheirOwn(t *testing.T) {
	linear := nn.LinearConfig{In: 3, Out: 2, BiasInit: nn.Ones}.New()
	conv := nn.Conv2DConfig{In: 3, Out: 2, Kernel: 1, BiasInit: nn.Ones}.New()
	nn.Init(nn.Seq(linear, conv), 1)
	for _, p := range []*nn.Param{linear.Bias, conv.Bias} {
		if p.Value().Min().Item() != 1 || p.Value().Max().Item() != 1 {
			t.Errorf("%s is %v, expected ones", p.Name(), p.Value())
		}
	}
}

func TestOrthogonalMatrices(t *testing.T) {
	for _, shape := range [][]int{{5, 12}, {12, 5}, {6, 6}, {4, 3, 3, 3}, {50, 2, 3}} {
		const gain = 1.5
		w := nn.Orthogonal(gain)(tensor.NewRNG(4), tensor.Float64, shape).Reshape(shape[0], -1)
		product := w.MatMul(w.T())
		if shape[0] > w.Size(1) {
			product = w.T().MatMul(w)
		}
		want := tensor.Eye(tensor.Float64, product.Size(0)).MulScalar(gain * gain)
		if d := product.Sub(want).Abs().Max().Item(); d > 1e-13 {
			t.Errorf("shape %v: rows or columns differ from orthonormal by %g", shape, d)
		}
	}
}

// With all weights of a layer alike, hidden units get the same gradients for ever: after a hundred steps the layer
// still computes one feature. Random weights break the symmetry.
func TestConstantInitNeverBreaksSymmetry(t *testing.T) {
	rows := func(init nn.Initializer) int {
		hidden := nn.LinearConfig{In: 3, Out: 4, Init: init}.New()
		hidden.Bias = nil
		out := nn.LinearConfig{In: 4, Out: 2, Init: init}.New()
		net := nn.Seq(hidden, nn.Tanh(), out)
		nn.Init(net, 5)
		x := tensor.NewRNG(6).Normal(tensor.Float32, 0, 1, 20, 3)
		y := x.Slice(1, 0, 2, 1).Sin()
		for range 100 {
			nn.MSE(net.Forward(nn.Train(nil), x), y).Backward()
			for _, p := range nn.Params(net) {
				if err := p.Set(p.Value().Detach().Sub(p.Grad().MulScalar(0.1))); err != nil {
					t.Fatal(err)
				}
				p.Value().ZeroGrad()
			}
		}
		different := map[string]bool{}
		for i := range 4 {
			different[fmt.Sprint(tensor.ToSlice[float32](hidden.Weight.Value().Select(0, i)))] = true
		}
		return len(different)
	}
	for name, init := range map[string]nn.Initializer{"zeros": nn.Zeros, "ones": nn.Ones, "constant": nn.Constant(0.3)} {
		if n := rows(init); n != 1 {
			t.Errorf("%s: %d different hidden units, expected 1", name, n)
		}
	}
	if n := rows(nn.XavierUniform(1)); n != 4 {
		t.Errorf("Xavier: %d different hidden units, expected 4", n)
	}
}

// Initial values are a function of seed and path: neither the order of construction nor other layers change them.
func TestInitDependsOnSeedAndPathAlone(t *testing.T) {
	build := func(backwards bool) nn.Layer {
		var a, b *nn.Linear
		if backwards {
			b = nn.NewLinear(4, 3)
			a = nn.NewLinear(5, 4)
		} else {
			a, b = nn.NewLinear(5, 4), nn.NewLinear(4, 3)
		}
		return nn.NewNamed().Add("fc1", a).Add("fc2", b)
	}
	one, two := build(false), build(true)
	nn.Init(one, 7)
	nn.Init(two, 7)
	bigger := nn.NewNamed().Add("extra", nn.NewLinear(9, 9)).Add("fc2", nn.NewLinear(4, 3))
	nn.Init(bigger, 7)
	text := func(l nn.Layer, name string) string { return fmt.Sprint(tensor.ToSlice[float32](nn.State(l)[name])) }
	for name := range nn.State(one) {
		if text(one, name) != text(two, name) {
			t.Errorf("%s depends on the order of construction", name)
		}
	}
	if text(one, "fc2.weight") != text(bigger, "fc2.weight") {
		t.Error("fc2.weight depends on another layer")
	}
	if nn.State(one)["fc1.bias"].At(0)*math.Sqrt(5) == nn.State(one)["fc2.bias"].At(0)*math.Sqrt(4) {
		t.Error("two parameters got the same numbers")
	}
	nn.Init(two, 8)
	if text(one, "fc2.weight") == text(two, "fc2.weight") {
		t.Error("another seed gave the same values")
	}
}
