package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

// Two tensors are stretched to a common shape by NumPy's rule (sizes equal or
// 1, counted from the last axis) and brought to a common data type by PyTorch's
// (see promoted). An integer result wraps around as Go's integers do.

// broadcastSame is the Infer of elementwise operations on two tensors of one data type.
func broadcastSame(c *Call) ([]Spec, error) {
	shape, err := broadcastShape(c.In[0].shape, c.In[1].shape)
	if err != nil {
		return nil, err
	}
	return one(c.In[0].dtype, shape)
}

// binary runs op on x and y in their common data type.
func binary(op *Op, x, y *Tensor) *Tensor {
	x.alive(op.Name)
	y.alive(op.Name)
	if d := promoted(x.dtype, y.dtype); d != x.dtype || d != y.dtype {
		x, y = x.To(d), y.To(d)
	}
	return apply(op, nil, x, y)
}

// arithmetic makes the row of an elementwise function of two tensors of numbers. vjp returns the gradients
// before they are summed over what was stretched.
func arithmetic(name string, f32 func(dst, a, b []float32), f64 func(dst, a, b []float64), i func(a, b int64) int64,
	vjp func(c *Call, a, b, g *Tensor) (da, db *Tensor)) *Op {
	return define(Op{
		Name: name,
		Infer: func(c *Call) ([]Spec, error) {
			if d := c.In[0].dtype; d == Bool || i == nil && !d.IsFloat() {
				return nil, reject("convert with To", "not defined for %s", d)
			}
			return broadcastSame(c)
		},
		Kernel: func(c *Call) {
			out := c.Out[0]
			a, b := expandTo(c.In[0], out.shape), expandTo(c.In[1], out.shape)
			switch out.dtype {
			case Float32:
				map2(out, a, b, f32)
			case Float64:
				map2(out, a, b, f64)
			case Int64:
				map2(out, a, b, integers[int64](i))
			case Int32:
				map2(out, a, b, integers[int32](i))
			case Uint8:
				map2(out, a, b, integers[uint8](i))
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			da, db := vjp(c, c.In[0], c.In[1], g[0])
			return []*Tensor{sumTo(da, c.In[0]), sumTo(db, c.In[1])}
		},
	})
}

func integers[T int64 | int32 | uint8](f func(a, b int64) int64) func(dst, a, b []T) {
	return func(dst, a, b []T) {
		for i := range dst {
			dst[i] = T(f(int64(a[i]), int64(b[i])))
		}
	}
}

// sumTo adds up g over the axes along which t was stretched to g's shape; nil stays nil.
func sumTo(g, t *Tensor) *Tensor {
	if g == nil || g.SameShape(t) {
		return g
	}
	lead := len(g.shape) - len(t.shape)
	var axes []int
	for i, n := range g.shape {
		if i < lead || t.shape[i-lead] == 1 && n != 1 {
			axes = append(axes, i)
		}
	}
	return g.SumAxes(true, axes...).Reshape(t.shape...)
}

func addSlices[T cpu.Float](dst, a, b []T) { cpu.Add(dst, a, b) }

var opAdd, opSub, opMul *Op

func init() {
	opAdd = arithmetic("add", cpu.Add[float32], cpu.Add[float64], func(a, b int64) int64 { return a + b },
		func(c *Call, a, b, g *Tensor) (*Tensor, *Tensor) { return g, g })
	opSub = arithmetic("sub", cpu.Sub[float32], cpu.Sub[float64], func(a, b int64) int64 { return a - b },
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			if c.Needs(1) {
				db = g.Neg()
			}
			return g, db
		})
	opMul = arithmetic("mul", cpu.Mul[float32], cpu.Mul[float64], func(a, b int64) int64 { return a * b },
		func(c *Call, a, b, g *Tensor) (da, db *Tensor) {
			if c.Needs(0) {
				da = g.Mul(b)
			}
			if c.Needs(1) {
				db = g.Mul(a)
			}
			return da, db
		})
}

// Add returns x + y, broadcast as in NumPy: shapes are aligned at their last axes, and an axis that is missing or has size 1 is stretched.
// So (N, 1) and (N) give (N, N), every element with every other, not N sums: bring both to one shape with Reshape where pairs are meant.
func (x *Tensor) Add(y *Tensor) *Tensor { return binary(opAdd, x, y) }

// Sub returns x − y, broadcast as in [Tensor.Add]: (N, 1) less (N) is (N, N). The losses of package nn refuse such a pair.
func (x *Tensor) Sub(y *Tensor) *Tensor { return binary(opSub, x, y) }

// Mul returns the elementwise product of x and y, broadcast as in [Tensor.Add]: (N, 1) times (N) is (N, N).
func (x *Tensor) Mul(y *Tensor) *Tensor { return binary(opMul, x, y) }
