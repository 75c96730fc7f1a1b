package tensor

import (
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

var opMatMul *Op

func init() {
	opMatMul = define(Op{
		Name:  "matmul",
		Infer: inferMatMul,
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				matMulKernel[float64](c.Out[0], c.In[0], c.In[1])
			} else {
				matMulKernel[float32](c.Out[0], c.In[0], c.In[1])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, b := c.In[0], c.In[1]
			var da, db *Tensor
			if c.Needs(0) {
				da = sumTo(g[0].MatMul(b.Transpose(-2, -1)), a)
			}
			if c.Needs(1) {
				db = sumTo(a.Transpose(-2, -1).MatMul(g[0]), b)
			}
			return []*Tensor{da, db}
		},
	})
}

// inferMatMul is the shape rule of (…, m, k) × (…, k, n).
func inferMatMul(c *Call) ([]Spec, error) {
	a, b := c.In[0], c.In[1]
	if err := sameFloats(a, b); err != nil {
		return nil, err
	}
	p, q := len(a.shape), len(b.shape)
	if p < 2 || q < 2 {
		return nil, reject("a scalar multiplies with Mul", "%s × %s: expected operands with axes", a.shapeText(), b.shapeText())
	}
	m, k, n := a.shape[p-2], a.shape[p-1], b.shape[q-1]
	if inner := b.shape[q-2]; inner != k {
		hint := ""
		switch {
		case n == k:
			hint = "transpose b?"
		case m == inner:
			hint = "transpose a?"
		}
		return nil, reject(hint, "%s × %s: inner sizes %d and %d differ", a.shapeText(), b.shapeText(), k, inner)
	}
	batch, err := broadcastShape(a.shape[:p-2], b.shape[:q-2])
	if err != nil {
		return nil, reject("the axes in front of the last two must be equal or 1", "%s × %s: %s", a.shapeText(), b.shapeText(), err)
	}
	return one(a.dtype, append(batch, m, n))
}

// sameFloats rejects tensors that aren't floats of one data type.
func sameFloats(a *Tensor, others ...*Tensor) error {
	if !a.dtype.IsFloat() {
		return reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", a.dtype, a.shapeText())
	}
	for _, b := range others {
		if b.dtype != a.dtype {
			return reject("convert one with To", "expected tensors of one data type, got %s %s and %s %s", a.dtype, a.shapeText(), b.dtype, b.shapeText())
		}
	}
	return nil
}

// MatMul returns the matrix product of x and y by PyTorch's rules: of (m, k) and (k, n), the (m, n) product; of more
// axes, products of the matrices in the last two, the axes in front broadcast; a vector counts as a row on the left
// and as a column on the right, and its axis vanishes from the result, so that two vectors give a scalar.
// Transposed and strided matrices are multiplied where they lie.
func (x *Tensor) MatMul(y *Tensor) *Tensor {
	x.alive("matmul")
	y.alive("matmul")
	p, q := len(x.shape), len(y.shape)
	switch {
	case p == 2 && q == 2 || p == 0 || q == 0:
		return apply(opMatMul, nil, x, y)
	case p == 1 || q == 1:
		return vectorProduct(x, y)
	case q == 2 && x.shape[p-1] == y.shape[0]:
		// One matrix for the whole batch: a single product, and in the gradient too.
		rows := numel(x.shape[:p-1])
		z := apply(opMatMul, nil, x.Reshape(rows, x.shape[p-1]), y)
		return z.Reshape(append(slices.Clone(x.shape[:p-1]), y.shape[1])...)
	}
	return apply(opMatMul, nil, x, y)
}

// vectorProduct is MatMul where x or y is a vector.
func vectorProduct(x, y *Tensor) *Tensor {
	p, q := len(x.shape), len(y.shape)
	if k, inner := x.shape[p-1], y.shape[max(q-2, 0)]; k != inner {
		Fail("matmul", "", "%s × %s: inner sizes %d and %d differ", x.shapeText(), y.shapeText(), k, inner)
	}
	a, b := x, y
	if p == 1 {
		a = x.Unsqueeze(0)
	}
	if q == 1 {
		b = y.Unsqueeze(1)
	}
	z := a.MatMul(b)
	if q == 1 {
		z = z.Squeeze(-1)
	}
	if p == 1 {
		z = z.Squeeze(len(z.shape) - 1 - min(q-1, 1))
	}
	return z
}

// Dot returns the scalar Σ x·y of two vectors of equal length.
func (x *Tensor) Dot(y *Tensor) *Tensor {
	x.alive("dot")
	y.alive("dot")
	if len(x.shape) != 1 || len(y.shape) != 1 {
		Fail("dot", "use MatMul for matrices", "expected two vectors, got %s and %s", x.shapeText(), y.shapeText())
	}
	return x.MatMul(y)
}

// Outer returns the products x[i]·y[j] of all elements of two vectors, of shape (len(x), len(y)).
func (x *Tensor) Outer(y *Tensor) *Tensor {
	x.alive("outer")
	y.alive("outer")
	if len(x.shape) != 1 || len(y.shape) != 1 {
		Fail("outer", "", "expected two vectors, got %s and %s", x.shapeText(), y.shapeText())
	}
	return x.Reshape(x.shape[0], 1).Mul(y)
}

// operand is a tensor as the matrix kernels take it: rows ld elements apart, stored transposed or not.
type operand[T cpu.Float] struct {
	data    []T
	ld      int
	trans   bool
	strides []int // of the axes in front of the last two
	block   mem.Block
}

// operandOf describes the matrices in the last two axes of t, copied only if neither rows nor columns lie in a run.
func operandOf[T cpu.Float](t *Tensor) operand[T] {
	p := len(t.shape)
	rows, cols := t.shape[p-2], t.shape[p-1]
	down, right := t.strides[p-2], t.strides[p-1]
	o := operand[T]{strides: t.strides[:p-2]}
	for _, s := range o.strides {
		if s < 0 {
			down = -1
		}
	}
	switch {
	case (right == 1 || cols == 1) && (down >= cols || rows == 1 && down >= 0):
		o.data, o.ld = raw[T](t), max(down, cols)
	case (down == 1 || rows == 1 && down >= 0) && right >= rows:
		o.data, o.ld, o.trans = raw[T](t), right, true
	default:
		o.data, o.block = packed[T](t)
		o.ld, o.strides = cols, contiguousStrides(t.shape)[:p-2]
	}
	return o
}

// contiguousStrides returns the strides of row-major memory.
func contiguousStrides(shape []int) []int {
	s := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= max(shape[i], 1)
	}
	return s
}

// packed returns the elements of t in row-major order: its own memory, or a copy in the block to free.
func packed[T any](t *Tensor) ([]T, mem.Block) {
	if t.IsContiguous() {
		return flat[T](t), mem.Block{}
	}
	out, block := mem.Scratch[T](numel(t.shape))
	l := layoutOf[T](t)
	par.For(len(out), grain, func(lo, hi int) {
		copy(out[lo:hi], l.read(lo, hi-lo, out[lo:hi]))
	})
	return out, block
}

func matMulKernel[T cpu.Float](out, x, y *Tensor) {
	a, b := operandOf[T](x), operandOf[T](y)
	defer a.block.Free()
	defer b.block.Free()
	c := flat[T](out)
	d := len(out.shape) - 2
	m, n, k := out.shape[d], out.shape[d+1], x.shape[len(x.shape)-1]
	if numel(out.shape[:d]) == 1 {
		cpu.Gemm(a.trans, b.trans, m, n, k, 1, a.data, a.ld, b.data, b.ld, 0, c, n, cpu.Epilogue[T]{})
		return
	}
	if len(c) == 0 {
		return
	}
	// The innermost axes that have one distance from matrix to matrix are one call; the rest are a loop.
	batch := out.shape[:d]
	as, bs := stretched(a.strides, x.shape, batch), stretched(b.strides, y.shape, batch)
	inner := d - 1
	count := batch[inner]
	for inner > 0 && as[inner-1] == as[d-1]*count && bs[inner-1] == bs[d-1]*count {
		inner--
		count *= batch[inner]
	}
	for i := range numel(batch[:inner]) {
		pa, pb, rest := 0, 0, i
		for axis := inner - 1; axis >= 0; axis-- {
			at := rest % batch[axis]
			rest /= batch[axis]
			pa += at * as[axis]
			pb += at * bs[axis]
		}
		cpu.GemmBatch(count, a.trans, b.trans, m, n, k, 1, from(a.data, pa), a.ld, as[d-1], from(b.data, pb), b.ld, bs[d-1], 0, c[i*count*m*n:], n, m*n)
	}
}

// from returns data from position p on, nothing if there is none.
func from[T any](data []T, p int) []T { return data[min(p, len(data)):] }

// stretched returns strides for the axes of batch, 0 where t, whose leading axes have the given strides, is repeated.
func stretched(strides, shape, batch []int) []int {
	out := make([]int, len(batch))
	lead := len(batch) - len(strides)
	for i := range strides {
		if shape[i] != 1 {
			out[lead+i] = strides[i]
		}
	}
	return out
}
