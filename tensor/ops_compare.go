package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// Comparisons give Bool tensors, which select elements in [Where] and [Tensor.MaskedFill].
// They have no gradient.

var opEqual, opNotEqual, opLess, opLessEqual, opGreater, opGreaterEqual *Op

func init() {
	opEqual = comparison("equal", cpu.Equal[float32], cpu.Equal[float64], cpu.Equal[int64], cpu.Equal[int32], cpu.Equal[uint8])
	opNotEqual = comparison("not_equal", cpu.NotEqual[float32], cpu.NotEqual[float64], cpu.NotEqual[int64], cpu.NotEqual[int32], cpu.NotEqual[uint8])
	opLess = comparison("less", cpu.Less[float32], cpu.Less[float64], cpu.Less[int64], cpu.Less[int32], cpu.Less[uint8])
	opLessEqual = comparison("less_equal", cpu.LessEqual[float32], cpu.LessEqual[float64], cpu.LessEqual[int64], cpu.LessEqual[int32], cpu.LessEqual[uint8])
	opGreater = comparison("greater", swapped(cpu.Less[float32]), swapped(cpu.Less[float64]), swapped(cpu.Less[int64]), swapped(cpu.Less[int32]), swapped(cpu.Less[uint8]))
	opGreaterEqual = comparison("greater_equal", swapped(cpu.LessEqual[float32]), swapped(cpu.LessEqual[float64]), swapped(cpu.LessEqual[int64]), swapped(cpu.LessEqual[int32]), swapped(cpu.LessEqual[uint8]))
}

func swapped[T any](f func(dst []bool, a, b []T)) func(dst []bool, a, b []T) {
	return func(dst []bool, a, b []T) { f(dst, b, a) }
}

// comparison makes the row of an elementwise comparison of two tensors of one data type.
func comparison(name string, f32 func(dst []bool, a, b []float32), f64 func(dst []bool, a, b []float64),
	i64 func(dst []bool, a, b []int64), i32 func(dst []bool, a, b []int32), u8 func(dst []bool, a, b []uint8)) *Op {
	return define(Op{
		Name:   name,
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			shape, err := broadcastShape(c.In[0].shape, c.In[1].shape)
			if err != nil {
				return nil, err
			}
			return one(Bool, shape)
		},
		Kernel: func(c *Call) {
			out := c.Out[0]
			a, b := expandTo(c.In[0], out.shape), expandTo(c.In[1], out.shape)
			switch a.dtype {
			case Float32:
				map2(out, a, b, f32)
			case Float64:
				map2(out, a, b, f64)
			case Int64:
				map2(out, a, b, i64)
			case Int32:
				map2(out, a, b, i32)
			default: // a bool is stored as one byte, 0 or 1
				map2(out, a, b, u8)
			}
		},
	})
}

// Equal returns whether each element of x equals that of y, as a Bool tensor, broadcast. NaN equals nothing.
func (x *Tensor) Equal(y *Tensor) *Tensor { return binary(opEqual, x, y) }

// NotEqual returns whether each element of x differs from that of y, as a Bool tensor, broadcast.
func (x *Tensor) NotEqual(y *Tensor) *Tensor { return binary(opNotEqual, x, y) }

// Less returns x < y as a Bool tensor, broadcast. Comparisons with NaN are false.
func (x *Tensor) Less(y *Tensor) *Tensor { return binary(opLess, x, y) }

// LessEqual returns x ≤ y as a Bool tensor, broadcast.
func (x *Tensor) LessEqual(y *Tensor) *Tensor { return binary(opLessEqual, x, y) }

// Greater returns x > y as a Bool tensor, broadcast.
func (x *Tensor) Greater(y *Tensor) *Tensor { return binary(opGreater, x, y) }

// GreaterEqual returns x ≥ y as a Bool tensor, broadcast.
func (x *Tensor) GreaterEqual(y *Tensor) *Tensor { return binary(opGreaterEqual, x, y) }

// EqualScalar returns x = v as a Bool tensor.
func (x *Tensor) EqualScalar(v float64) *Tensor { return compareScalar(opEqual, x, v) }

// NotEqualScalar returns x ≠ v as a Bool tensor.
func (x *Tensor) NotEqualScalar(v float64) *Tensor { return compareScalar(opNotEqual, x, v) }

// LessScalar returns x < v as a Bool tensor.
func (x *Tensor) LessScalar(v float64) *Tensor { return compareScalar(opLess, x, v) }

// LessEqualScalar returns x ≤ v as a Bool tensor.
func (x *Tensor) LessEqualScalar(v float64) *Tensor { return compareScalar(opLessEqual, x, v) }

// GreaterScalar returns x > v as a Bool tensor.
func (x *Tensor) GreaterScalar(v float64) *Tensor { return compareScalar(opGreater, x, v) }

// GreaterEqualScalar returns x ≥ v as a Bool tensor.
func (x *Tensor) GreaterEqualScalar(v float64) *Tensor { return compareScalar(opGreaterEqual, x, v) }

// compareScalar compares with v rounded to x's precision, or, for integers, exactly.
func compareScalar(op *Op, x *Tensor, v float64) *Tensor {
	x.alive(op.Name)
	d := x.dtype
	switch {
	case d.isHalf():
		d = Float32
	case d.IsFloat():
	case v == math.Trunc(v) && math.Abs(v) < 0x1p63:
		d = Int64
	default:
		d = Float64
	}
	return binary(op, x, Scalar(d, v))
}

var opAnd, opOr, opXor, opNot *Op

func init() {
	opAnd = logical("and", func(dst, a, b []bool) {
		for i := range dst {
			dst[i] = a[i] && b[i]
		}
	})
	opOr = logical("or", func(dst, a, b []bool) {
		for i := range dst {
			dst[i] = a[i] || b[i]
		}
	})
	opXor = logical("xor", func(dst, a, b []bool) {
		for i := range dst {
			dst[i] = a[i] != b[i]
		}
	})
	opNot = define(Op{
		Name:   "not",
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			if err := allBool(c.In); err != nil {
				return nil, err
			}
			return one(Bool, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			map1(c.Out[0], c.In[0], func(dst, a []bool) {
				for i := range dst {
					dst[i] = !a[i]
				}
			})
		},
	})
}

func allBool(in []*Tensor) error {
	for _, x := range in {
		if x.dtype != Bool {
			return reject("compare first, say with NotEqualScalar(0)", "expected a bool tensor, got %s %s", x.dtype, x.shapeText())
		}
	}
	return nil
}

// logical makes the row of an elementwise function of two Bool tensors.
func logical(name string, f func(dst, a, b []bool)) *Op {
	return define(Op{
		Name:   name,
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			if err := allBool(c.In); err != nil {
				return nil, err
			}
			return broadcastSame(c)
		},
		Kernel: func(c *Call) {
			out := c.Out[0]
			map2(out, expandTo(c.In[0], out.shape), expandTo(c.In[1], out.shape), f)
		},
	})
}

// And returns whether both x and y are true, Bool tensors, broadcast.
func (x *Tensor) And(y *Tensor) *Tensor { return apply(opAnd, nil, x, y) }

// Or returns whether x or y or both are true, Bool tensors, broadcast.
func (x *Tensor) Or(y *Tensor) *Tensor { return apply(opOr, nil, x, y) }

// Xor returns whether just one of x and y is true, Bool tensors, broadcast.
func (x *Tensor) Xor(y *Tensor) *Tensor { return apply(opXor, nil, x, y) }

// Not returns the opposite of x, a Bool tensor.
func (x *Tensor) Not() *Tensor { return apply(opNot, nil, x) }

var opIsNaN, opIsInf, opIsFinite *Op

func init() {
	opIsNaN = floatTest("is_nan", isNaN[float32], isNaN[float64])
	opIsInf = floatTest("is_inf", isInf[float32], isInf[float64])
	opIsFinite = floatTest("is_finite", isFinite[float32], isFinite[float64])
}

// floatTest makes the row of a yes or no question about each element of a float tensor.
func floatTest(name string, f32 func(dst []bool, x []float32), f64 func(dst []bool, x []float64)) *Op {
	return define(Op{
		Name:   name,
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := sameFloat(c); err != nil {
				return nil, err
			}
			return one(Bool, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			if c.In[0].dtype == Float64 {
				map1(c.Out[0], c.In[0], f64)
			} else {
				map1(c.Out[0], c.In[0], f32)
			}
		},
	})
}

func isNaN[T cpu.Float](dst []bool, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = v != v
	}
}

func isInf[T cpu.Float](dst []bool, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = v == v && v-v != 0
	}
}

func isFinite[T cpu.Float](dst []bool, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = v-v == 0
	}
}

// IsNaN returns which elements of x are NaN, as a Bool tensor.
func (x *Tensor) IsNaN() *Tensor { return apply(opIsNaN, nil, x) }

// IsInf returns which elements of x are +Inf or −Inf, as a Bool tensor.
func (x *Tensor) IsInf() *Tensor { return apply(opIsInf, nil, x) }

// IsFinite returns which elements of x are neither NaN nor infinite, as a Bool tensor.
func (x *Tensor) IsFinite() *Tensor { return apply(opIsFinite, nil, x) }
