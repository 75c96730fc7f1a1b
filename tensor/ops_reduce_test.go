package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// reductionUses are shapes and axes that reduce them: single, neighbouring, separate, none, all.
var reductionUses = []struct {
	shape []int
	axes  []int
}{
	{nil, nil}, {[]int{5}, nil}, {[]int{2, 3}, []int{0}}, {[]int{2, 3}, []int{-1}}, {[]int{2, 3, 2}, []int{0, 2}},
	{[]int{2, 3, 2}, []int{2, 1}}, {[]int{2, 1, 3}, nil}, {[]int{40, 900}, []int{0}}, {[]int{40, 900}, []int{1}}, {[]int{40, 900}, nil},
	{[]int{9, 7, 11, 13}, []int{0, 2, 3}}, {[]int{0, 3}, []int{1}},
}

// reduced gathers what is reduced together, by counting indices, and applies f.
func reduced(x nd, keep bool, axes []int, f func(v []float64) float64) nd {
	gone := make([]bool, len(x.shape))
	for _, a := range axes {
		gone[(a+len(gone))%len(gone)] = true
	}
	var kept, shape []int
	for a, n := range x.shape {
		switch {
		case len(axes) == 0 || gone[a]:
			kept = append(kept, 1)
			if keep {
				shape = append(shape, 1)
			}
		default:
			kept, shape = append(kept, n), append(shape, n)
		}
	}
	groups := build(kept, func(at []int) float64 { return 0 })
	values := make([][]float64, len(groups.data))
	e := 0
	build(x.shape, func(at []int) float64 {
		p := 0
		for a, i := range at {
			p = p*kept[a] + min(i, kept[a]-1)
		}
		values[p] = append(values[p], x.data[e])
		e++
		return 0
	})
	out := nd{shape: shape}
	for _, v := range values {
		out.data = append(out.data, f(v))
	}
	return out
}

// reducing makes the samples of a reduction with oracle f. Unless f is defined for no elements, empty groups aren't among them.
func reducing(call func(x *Tensor, keep bool, axes ...int) *Tensor, f func(v []float64) float64, lo, hi float64, none bool) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		uses := reductionUses
		if none {
			uses = append(slices.Clone(uses), struct{ shape, axes []int }{[]int{3, 0, 2}, []int{1}}, struct{ shape, axes []int }{[]int{0}, nil}, struct{ shape, axes []int }{[]int{0, 300}, []int{0}})
		}
		for _, u := range uses {
			for _, keep := range []bool{false, true} {
				x := uniform(r, lo, hi, u.shape...)
				if keep && x.NumEl() > 300 {
					continue
				}
				out = append(out, sample{
					name:   fmt.Sprint(u.shape, u.axes, keep),
					in:     []*Tensor{x},
					call:   func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0], keep, u.axes...)} },
					want:   func(in []nd) []nd { return []nd{reduced(in[0], keep, u.axes, f)} },
					noGrad: x.NumEl() > 300 || call(x, keep, u.axes...).NumEl() > 100,
				})
			}
		}
		return out
	}
}

// integersReduced makes samples of a reduction of integers, whose result is exact.
func integersReduced(call func(x *Tensor, keep bool, axes ...int) *Tensor, f func(v []float64) float64, types ...DType) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		var out []sample
		for _, d := range types {
			for _, axes := range [][]int{nil, {0}, {1}} {
				out = append(out, sample{
					name:   d.String(),
					in:     []*Tensor{FromSlice([]int64{1, 0, 3, 2, 2, 1}, 2, 3).To(d)},
					call:   func(in []*Tensor) []*Tensor { return []*Tensor{call(in[0], false, axes...)} },
					want:   func(in []nd) []nd { return []nd{reduced(in[0], false, axes, f)} },
					noGrad: true,
				})
			}
		}
		return out
	}
}

func wrongAxes(call func(x *Tensor, keep bool, axes ...int) *Tensor) []rejected {
	return []rejected{
		{"axis 2 is out of range for a tensor of 2 axes (allowed: -2 to 1)", func() { call(f32(2, 3), false, 2) }},
		{"axis 1 is named twice", func() { call(f32(2, 3), false, 1, -1) }},
		{"axis 0 is out of range for a tensor of 0 axes", func() { call(f32(), false, 0) }},
		{"a tensor is nil", func() { call(nil, false) }},
	}
}

func total(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

func average(v []float64) float64 { return total(v) / float64(len(v)) }

func variance(correction int) func(v []float64) float64 {
	return func(v []float64) float64 {
		m, s := average(v), 0.0
		for _, x := range v {
			s += (x - m) * (x - m)
		}
		return s / math.Max(float64(len(v)-correction), 0)
	}
}

func norm(p float64) func(v []float64) float64 {
	return func(v []float64) float64 {
		s := 0.0
		for _, x := range v {
			s += math.Pow(math.Abs(x), p)
		}
		return math.Pow(s, 1/p)
	}
}

func norming(p float64) func(x *Tensor, keep bool, axes ...int) *Tensor {
	return func(x *Tensor, keep bool, axes ...int) *Tensor { return x.Norm(p, keep, axes...) }
}

func loose(samples func(r *rand.Rand) []sample, rtol float64) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) []sample {
		out := samples(r)
		for i := range out {
			out[i].rtol32 = rtol
		}
		return out
	}
}

func init() {
	sum := (*Tensor).SumAxes
	product := func(v []float64) float64 {
		p := 1.0
		for _, x := range v {
			p *= x
		}
		return p
	}
	whole := []DType{Int64, Int32, Uint8, Bool}
	addRow("sum", row{
		samples: join(reducing(sum, total, -1, 1, true), integersReduced(sum, total, whole...), reducing((*Tensor).MeanAxes, average, -1, 1, false),
			reducing(norming(2), norm(2), 0.2, 1, true), reducing(norming(1), norm(1), -1, 1, true), reducing(norming(3), norm(3), 0.2, 1, true), reducing(norming(-1), norm(-1), 0.5, 1, false),
			reducing(norming(0), func(v []float64) float64 { return float64(len(v)) }, 0.5, 1, true)),
		rejected: append(wrongAxes(sum),
			rejected{"mean: expected a float tensor, got int64 (2)", func() { Zeros(Int64, 2).Mean() }},
			rejected{"norm: expected a float tensor, got int64 (2)", func() { Zeros(Int64, 2).Norm(2, false) }},
			rejected{"the power must not be NaN", func() { f32(2).Norm(math.NaN(), false) }}),
	})
	addRow("prod", row{
		samples:  loose(join(reducing((*Tensor).ProdAxes, product, 0.9, 1.1, true), reducing((*Tensor).ProdAxes, product, -1.5, 1.5, true), integersReduced((*Tensor).ProdAxes, product, whole...)), 1e-4),
		rejected: wrongAxes((*Tensor).ProdAxes),
	})
	for _, f := range []struct {
		name string
		call func(x *Tensor, keep bool, axes ...int) *Tensor
		abs  float64 // the power of the norm that is the same of absolute values
		f    func(v []float64) float64
	}{
		{"max", (*Tensor).MaxAxes, math.Inf(1), slices.Max[[]float64]},
		{"min", (*Tensor).MinAxes, math.Inf(-1), slices.Min[[]float64]},
	} {
		addRow(f.name, row{
			samples: join(reducing(f.call, f.f, -1, 1, false), integersReduced(f.call, f.f, Int64, Int32, Uint8), reducing(norming(f.abs), f.f, 0.1, 1, false)),
			rejected: append(wrongAxes(f.call),
				rejected{"no elements to choose from", func() { f.call(f32(2, 0), false, 1) }},
				rejected{"expected numbers, got bool", func() { f.call(Zeros(Bool, 2), false) }}),
		})
	}
	for _, f := range []struct {
		name string
		call func(x *Tensor, keep bool, axes ...int) *Tensor
		f    func(v []float64) float64
	}{
		{"any", (*Tensor).AnyAxes, func(v []float64) float64 { return truth(total(v) > 0) }},
		{"all", (*Tensor).AllAxes, func(v []float64) float64 { return truth(product(v) > 0) }},
	} {
		samples := reducing(func(x *Tensor, keep bool, axes ...int) *Tensor { return f.call(x.GreaterScalar(0.3), keep, axes...) },
			func(v []float64) float64 {
				return f.f(mapped(nd{nil, v}, func(x float64) float64 { return truth(x > 0.3) }).data)
			}, -1, 1, true)
		addRow(f.name, row{samples: join(samples, integersReduced(f.call, f.f, whole...)), rejected: wrongAxes(f.call)})
	}
	for _, f := range []struct {
		name string
		call func(x *Tensor, correction int, keep bool, axes ...int) *Tensor
		root func(v float64) float64
	}{
		{"var", (*Tensor).Var, func(v float64) float64 { return v }},
		{"std", (*Tensor).Std, math.Sqrt},
	} {
		var all []func(r *rand.Rand) []sample
		for _, correction := range []int{0, 1} {
			call := func(x *Tensor, keep bool, axes ...int) *Tensor { return f.call(x, correction, keep, axes...) }
			// One element has no smooth deviation.
			all = append(all, func(r *rand.Rand) []sample {
				out := reducing(call, func(v []float64) float64 { return f.root(variance(correction)(v)) }, -1, 1, true)(r)
				for i := range out {
					out[i].noGrad = out[i].noGrad || out[i].in[0].NDim() == 0
				}
				return out
			})
		}
		addRow(f.name, row{
			samples: join(all...),
			rejected: append(wrongAxes(func(x *Tensor, keep bool, axes ...int) *Tensor { return f.call(x, 0, keep, axes...) }),
				rejected{"expected a float tensor, got int64", func() { f.call(Zeros(Int64, 3), 0, false) }},
				rejected{"the correction must not be negative", func() { f.call(f32(3), -1, false) }}),
		})
	}
	addRow("log_sum_exp", row{
		samples: reducing((*Tensor).LogSumExp, func(v []float64) float64 {
			return math.Log(total(mapped(nd{nil, v}, math.Exp).data))
		}, -2, 2, true),
		rejected: append(wrongAxes((*Tensor).LogSumExp), rejected{"expected a float tensor", func() { Zeros(Int64, 3).LogSumExp(false) }}),
	})
}

// NIST's Statistical Reference Datasets, NumAcc4: 1001 numbers, 10000000.2 and then 10000000.1 and 10000000.3 in turn, whose mean
// is 10000000.2 and standard deviation 0.1 exactly. https://www.itl.nist.gov/div898/strd/univ/numacc4.html
func TestStdOfNumAcc4(t *testing.T) {
	v := make([]float64, 1001)
	for i := range v {
		switch {
		case i == 0:
			v[i] = 10000000.2
		case i%2 == 1:
			v[i] = 10000000.1
		default:
			v[i] = 10000000.3
		}
	}
	x := FromSlice(v)
	digits := func(got, want float64) float64 { return -math.Log10(math.Abs(got-want) / want) }
	if d := digits(x.Std(1, false).Item(), 0.1); d < 8 {
		t.Errorf("standard deviation has %.1f digits", d)
	}
	if d := digits(x.Mean().Item(), 10000000.2); d < 14 {
		t.Errorf("mean has %.1f digits", d)
	}
}

// torch.amax shares the gradient evenly between equal elements; torch.tensor([1., 3., 3., 0.]).amax() gives [0, ½, ½, 0].
func TestTiesShareTheGradient(t *testing.T) {
	x := FromSlice([]float64{1, 3, 3, 0}).RequireGrad()
	x.Max().Backward()
	if g := ToSlice[float64](x.Grad()); !slices.Equal(g, []float64{0, 0.5, 0.5, 0}) {
		t.Errorf("max: %v", g)
	}
	a, b := FromSlice([]float64{1, 2, 3}).RequireGrad(), FromSlice([]float64{3, 2, 1}).RequireGrad()
	a.Maximum(b).Sum().Backward()
	if g := ToSlice[float64](a.Grad()); !slices.Equal(g, []float64{0, 0.5, 1}) {
		t.Errorf("maximum, first: %v", g)
	}
	if g := ToSlice[float64](b.Grad()); !slices.Equal(g, []float64{1, 0.5, 0}) {
		t.Errorf("maximum, second: %v", g)
	}
}

// What PyTorch gives at places where the formulas would say NaN.
func TestGradientsAtZero(t *testing.T) {
	for _, c := range []struct {
		name string
		x    []float64
		f    func(x *Tensor) *Tensor
		want []float64
	}{
		{"norm 2", []float64{0, 0}, func(x *Tensor) *Tensor { return x.Norm(2, false) }, []float64{0, 0}},
		{"norm 1", []float64{0, -2}, func(x *Tensor) *Tensor { return x.Norm(1, false) }, []float64{0, -1}},
		{"norm ½", []float64{0, 4}, func(x *Tensor) *Tensor { return x.Norm(0.5, false) }, []float64{0, 1}},
		{"norm 3", []float64{0, 0}, func(x *Tensor) *Tensor { return x.Norm(3, false) }, []float64{0, 0}},
		{"std", []float64{3, 3}, func(x *Tensor) *Tensor { return x.Std(1, false) }, []float64{0, 0}},
		{"abs", []float64{0, math.Copysign(0, -1)}, func(x *Tensor) *Tensor { return x.Abs().Sum() }, []float64{0, 0}},
		{"relu", []float64{0, -1, 1}, func(x *Tensor) *Tensor { return x.ReLU().Sum() }, []float64{0, 0, 1}},
		{"clamp", []float64{0, 1, 2}, func(x *Tensor) *Tensor { return x.Clamp(0, 1).Sum() }, []float64{0, 0, 0}},
		{"prod", []float64{0, 2, 3}, func(x *Tensor) *Tensor { return x.Prod() }, []float64{6, 0, 0}},
		{"prod of two zeros", []float64{0, 0, 3}, func(x *Tensor) *Tensor { return x.Prod() }, []float64{0, 0, 0}},
		{"cumprod", []float64{2, 0, 3}, func(x *Tensor) *Tensor { return x.CumProd(0).Sum() }, []float64{1, 8, 0}},
		{"pow 0", []float64{0, 2}, func(x *Tensor) *Tensor { return x.PowScalar(0).Sum() }, []float64{0, 0}},
		{"pow tensor 0", []float64{0, 2}, func(x *Tensor) *Tensor { return x.Pow(Scalar(Float64, 0)).Sum() }, []float64{0, 0}},
		{"0 to the x", []float64{1, 2}, func(x *Tensor) *Tensor { return Scalar(Float64, 0).Pow(x).Sum() }, []float64{0, 0}},
		{"log_sum_exp of −Inf", []float64{math.Inf(-1), math.Inf(-1)}, func(x *Tensor) *Tensor { return x.LogSumExp(false) }, []float64{0, 0}},
		{"log_sum_exp of large", []float64{1000, 0}, func(x *Tensor) *Tensor { return x.LogSumExp(false) }, []float64{1, 0}},
		{"elu far out", []float64{1000, -1000}, func(x *Tensor) *Tensor { return x.ELU(1).Sum() }, []float64{1, 0}},
		{"softplus far out", []float64{1000, -1000}, func(x *Tensor) *Tensor { return x.Softplus().Sum() }, []float64{1, 0}},
	} {
		x := FromSlice(c.x).RequireGrad()
		c.f(x).Backward()
		if g := ToSlice[float64](x.Grad()); !slices.Equal(g, c.want) {
			t.Errorf("%s at %v: gradient %v, want %v", c.name, c.x, g, c.want)
		}
	}
}

func TestSpecialReductions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"mean of nothing", f32(0).Mean().Item(), nan},
		{"max with NaN", FromSlice([]float64{1, nan, 2}).Max().Item(), nan},
		{"min with NaN", FromSlice([]float64{1, nan, 2}).Min().Item(), nan},
		{"var of one", FromSlice([]float64{1}).Var(1, false).Item(), nan},
		{"log_sum_exp of nothing", f32(0).LogSumExp(false).Item(), -inf},
		{"log_sum_exp with Inf", FromSlice([]float64{1, inf}).LogSumExp(false).Item(), inf},
		{"argmax with NaN", FromSlice([]float64{1, nan, 2}).ArgMax(0).Item(), 1},
		{"argmin of equals", FromSlice([]float64{2, 1, 1}).ArgMin(0).Item(), 1},
	} {
		if c.got != c.want && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%s is %g, want %g", c.name, c.got, c.want)
		}
	}
	for _, d := range []DType{Int64, Int32, Uint8, Bool} {
		if got := Ones(d, 300).Sum(); got.DType() != Int64 || got.Item() != 300 {
			t.Errorf("sum of 300 ones of %s is %s %g", d, got.DType(), got.Item())
		}
	}
}
