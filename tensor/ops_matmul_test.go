package tensor_test

import (
	"math/rand/v2"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// matMulOf multiplies the definition's way: one sum for each element, batches broadcast.
func matMulOf(a, b nd) nd {
	if len(a.shape) == 1 {
		c := matMulOf(nd{[]int{1, a.shape[0]}, a.data}, b)
		drop := len(c.shape) - 2
		if len(b.shape) == 1 {
			drop = 0
		}
		c.shape = append(c.shape[:drop:drop], c.shape[drop+1:]...)
		return c
	}
	if len(b.shape) == 1 {
		c := matMulOf(a, nd{[]int{b.shape[0], 1}, b.data})
		c.shape = c.shape[:len(c.shape)-1]
		return c
	}
	p, q := len(a.shape)-2, len(b.shape)-2
	d := max(p, q)
	m, k, n := a.shape[p], a.shape[p+1], b.shape[q+1]
	batch := make([]int, d)
	for i := range batch {
		batch[i] = 1
		if j := i - d + p; j >= 0 {
			batch[i] = a.shape[j]
		}
		if j := i - d + q; j >= 0 && b.shape[j] != 1 {
			batch[i] = b.shape[j]
		}
	}
	out := nd{shape: append(append([]int{}, batch...), m, n)}
	each(batch, func(at []int) {
		pa, pb := place(a.shape[:p], at)*m*k, place(b.shape[:q], at)*k*n
		for i := range m {
			for j := range n {
				s := 0.0
				for l := range k {
					s += a.data[pa+i*k+l] * b.data[pb+l*n+j]
				}
				out.data = append(out.data, s)
			}
		}
	})
	return out
}

// each calls f with every index of shape in row-major order.
func each(shape []int, f func(at []int)) {
	at := make([]int, len(shape))
	var walk func(axis int)
	walk = func(axis int) {
		if axis == len(shape) {
			f(at)
			return
		}
		for i := range shape[axis] {
			at[axis] = i
			walk(axis + 1)
		}
	}
	walk(0)
}

// place returns the flat position of the last axes of index at in an array of the given shape, whose axes of size 1 are stretched.
func place(shape, at []int) int {
	at = at[len(at)-len(shape):]
	p := 0
	for a, n := range shape {
		p *= n
		if n != 1 {
			p += at[a]
		}
	}
	return p
}

func init() {
	addRow("matmul", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range [][2][]int{
				{{2, 3}, {3, 4}}, {{1, 1}, {1, 1}}, {{3}, {3}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}},
				{{2, 2, 3}, {3, 2}}, {{2, 2, 3}, {2, 3, 1}}, {{2, 1, 2, 2}, {3, 2, 1}}, {{3}, {2, 3, 2}}, {{2, 2, 3}, {3}}, {{2, 2}, {2, 2, 2}},
				{{0, 2, 2}, {2, 2}}, {{2, 3, 1, 2}, {1, 3, 2, 2}},
			} {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -1, 1, s[0]...), uniform(r, -1, 1, s[1]...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].MatMul(in[1])} },
					want: func(in []nd) []nd { return []nd{matMulOf(in[0], in[1])} },
				})
			}
			large := out[0]
			large.in = []*Tensor{uniform(r, -1, 1, 65, 130), uniform(r, -1, 1, 130, 67)}
			large.noGrad = true
			return append(out, large)
		},
		rejected: []rejected{
			{"matmul: (64, 784) × (512, 784): inner sizes 784 and 512 differ; transpose b?", func() { Zeros(Float32, 64, 784).MatMul(Zeros(Float32, 512, 784)) }},
			{"(3, 2) × (3, 4): inner sizes 2 and 3 differ; transpose a?", func() { Zeros(Float32, 3, 2).MatMul(Zeros(Float32, 3, 4)) }},
			{"expected operands with axes; a scalar multiplies with Mul", func() { Zeros(Float32, 3, 2).MatMul(Scalar(Float32, 1)) }},
			{"(3) × (4): inner sizes 3 and 4 differ", func() { Zeros(Float32, 3).MatMul(Zeros(Float32, 4)) }},
			{"(3) × (2, 4, 5): inner sizes 3 and 4 differ", func() { Zeros(Float32, 3).MatMul(Zeros(Float32, 2, 4, 5)) }},
			{"sizes 2 and 3 differ on axis -1; the axes in front of the last two must be equal or 1", func() { Zeros(Float32, 2, 4, 5).MatMul(Zeros(Float32, 3, 5, 6)) }},
			{"expected tensors of one data type, got float32 (2, 2) and float64 (2, 2)", func() { Zeros(Float32, 2, 2).MatMul(Zeros(Float64, 2, 2)) }},
			{"expected a float tensor, got int64 (2, 2)", func() { Zeros(Int64, 2, 2).MatMul(Zeros(Int64, 2, 2)) }},
			{"expected two vectors, got (2, 2) and (2)", func() { Zeros(Float32, 2, 2).Dot(Zeros(Float32, 2)) }},
			{"expected two vectors, got (2) and ()", func() { Zeros(Float32, 2).Outer(Scalar(Float32, 2)) }},
		},
		noScalar: "a product of matrices needs axes",
	})
	addRow("linear", row{
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, s := range [][3][]int{
				{{2, 3}, {4, 3}, {4}}, {{2, 3}, {4, 3}, nil}, {{3}, {2, 3}, {2}}, {{2, 2, 3}, {2, 3}, {2}}, {{1, 1}, {1, 1}, {1}}, {{0, 3}, {2, 3}, {2}},
				{{2, 0}, {2, 0}, {2}}, {{2, 1, 2, 2}, {1, 2}, nil},
			} {
				in := []*Tensor{uniform(r, -1, 1, s[0]...), uniform(r, -1, 1, s[1]...)}
				if s[2] != nil {
					in = append(in, uniform(r, -1, 1, s[2]...))
				}
				out = append(out, sample{
					in:   in,
					call: func(in []*Tensor) []*Tensor { return []*Tensor{in[0].Linear(in[1], third(in))} },
					want: func(in []nd) []nd { return []nd{linearOf(in)} },
				})
			}
			for _, act := range out[:6] {
				act.name = "relu"
				act.call = func(in []*Tensor) []*Tensor { return []*Tensor{in[0].LinearReLU(in[1], third(in))} }
				act.want = func(in []nd) []nd {
					return []nd{mapped(linearOf(in), func(v float64) float64 { return max(v, 0) })}
				}
				out = append(out, act)
			}
			large := out[0]
			large.in = []*Tensor{uniform(r, -1, 1, 65, 130), uniform(r, -1, 1, 67, 130), uniform(r, -1, 1, 67)}
			large.noGrad = true
			return append(out, large)
		},
		rejected: []rejected{
			{"linear: input (32, 28, 28) has 28 features on its last axis, the weight (10, 784) wants 784; Flatten the input to (32, 784) first?",
				func() { Zeros(Float32, 32, 28, 28).Linear(Zeros(Float32, 10, 784), nil) }},
			{"weights are stored (out, in): transpose the weight?", func() { Zeros(Float32, 2, 3).Linear(Zeros(Float32, 3, 5), nil) }},
			{"Flatten the input to (2, 400) first, and make the layer's number of inputs 400?", func() { Zeros(Float32, 2, 16, 5, 5).Linear(Zeros(Float32, 3, 256), nil) }},
			{"make the layer's number of inputs 4", func() { Zeros(Float32, 2, 4).Linear(Zeros(Float32, 3, 5), nil) }},
			{"expected a bias of shape (3), one number for each row of the weight (3, 5), got (5)", func() { Zeros(Float32, 2, 5).Linear(Zeros(Float32, 3, 5), Zeros(Float32, 5)) }},
			{"expected a weight of shape (out, in), got (5)", func() { Zeros(Float32, 2, 5).Linear(Zeros(Float32, 5), nil) }},
			{"expected an input of shape (…, 5), got a scalar", func() { Scalar(Float32, 2).Linear(Zeros(Float32, 3, 5), nil) }},
			{"expected a float tensor, got uint8 (2, 5)", func() { Zeros(Uint8, 2, 5).Linear(Zeros(Float32, 3, 5), nil) }},
		},
		noScalar: "the last axis holds the features",
	})
}

// third returns the third of in, or nil.
func third(in []*Tensor) *Tensor {
	if len(in) > 2 {
		return in[2]
	}
	return nil
}

func linearOf(in []nd) nd {
	x, w := in[0], in[1]
	k := w.shape[1]
	rows := 1
	for _, n := range x.shape[:len(x.shape)-1] {
		rows *= n
	}
	y := nd{shape: append(append([]int{}, x.shape[:len(x.shape)-1]...), w.shape[0])}
	for i := range rows {
		for o := range w.shape[0] {
			s := 0.0
			if len(in) > 2 {
				s = in[2].data[o]
			}
			for j := range k {
				s += x.data[i*k+j] * w.data[o*k+j]
			}
			y.data = append(y.data, s)
		}
	}
	return y
}

func TestDotAndOuter(t *testing.T) {
	x, y := FromSlice([]float64{1, 2, 3}), FromSlice([]float64{4, -5, 6})
	if got := x.Dot(y); got.NDim() != 0 || got.Item() != 12 {
		t.Errorf("dot is %v of shape %v, want 12", got.Item(), got.Shape())
	}
	compareAll(t, "outer", []*Tensor{x.Outer(y)}, []nd{{[]int{3, 3}, []float64{4, -5, 6, 8, -10, 12, 12, -15, 18}}}, 0, 0)
}

// Matrices are multiplied wherever they lie: transposed, cut out of others, with rows in between, repeated or backwards.
func TestMatMulOfViews(t *testing.T) {
	r := random()
	views := map[string]func(m, n int) *Tensor{
		"plain":      func(m, n int) *Tensor { return uniform(r, -1, 1, m, n) },
		"transposed": func(m, n int) *Tensor { return uniform(r, -1, 1, n, m).T() },
		"cut out":    func(m, n int) *Tensor { return uniform(r, -1, 1, m+2, n+3).Slice(0, 1, m+1, 1).Slice(1, 2, n+2, 1) },
		"every 2nd":  func(m, n int) *Tensor { return uniform(r, -1, 1, 2*m, 2*n).Slice(0, 0, 2*m, 2).Slice(1, 0, 2*n, 2) },
		"every row":  func(m, n int) *Tensor { return uniform(r, -1, 1, 1, n).Expand(m, n) },
		"every col":  func(m, n int) *Tensor { return uniform(r, -1, 1, m, 1).Expand(m, n) },
		"backwards":  func(m, n int) *Tensor { return uniform(r, -1, 1, m, n).Flip(0, 1) },
		"upwards":    func(m, n int) *Tensor { return uniform(r, -1, 1, m, n).Flip(0) },
	}
	for _, size := range [][3]int{{3, 4, 5}, {1, 4, 5}, {3, 1, 5}, {3, 4, 1}, {1, 1, 4}, {17, 33, 9}} {
		m, k, n := size[0], size[1], size[2]
		for nameA, a := range views {
			for nameB, b := range views {
				x, y := a(m, k), b(k, n)
				want := matMulOf(nd{x.Shape(), ToSlice[float64](x)}, nd{y.Shape(), ToSlice[float64](y)})
				compareAll(t, nameA+" × "+nameB, []*Tensor{x.MatMul(y)}, []nd{want}, 1e-12, 1e-13)
				w := y.T()
				compareAll(t, nameA+" linear "+nameB, []*Tensor{x.Linear(w, nil)}, []nd{want}, 1e-12, 1e-13)
			}
		}
	}
	batches := map[string]*Tensor{
		"heads":     uniform(r, -1, 1, 2, 4, 3, 4).Permute(0, 2, 1, 3),
		"repeated":  uniform(r, -1, 1, 1, 3, 4, 4).Expand(2, 3, 4, 4),
		"one":       uniform(r, -1, 1, 1, 1, 4, 4).Expand(2, 3, 4, 4),
		"backwards": uniform(r, -1, 1, 2, 3, 4, 4).Flip(1),
		"matrix":    uniform(r, -1, 1, 4, 4),
		"inner":     uniform(r, -1, 1, 3, 1, 1, 4, 4).Select(1, 0).Permute(1, 0, 2, 3),
	}
	for nameA, x := range batches {
		for nameB, y := range batches {
			want := matMulOf(nd{x.Shape(), ToSlice[float64](x)}, nd{y.Shape(), ToSlice[float64](y)})
			compareAll(t, nameA+" × "+nameB, []*Tensor{x.MatMul(y)}, []nd{want}, 1e-12, 1e-13)
		}
	}
}
