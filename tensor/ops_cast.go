package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

var opCast *Op

func init() {
	opCast = define(Op{
		Name:    "cast",
		Storage: true,
		Infer:   func(c *Call) ([]Spec, error) { return one(c.Attrs.(DType), c.In[0].shape) },
		Kernel:  func(c *Call) { convertInto(c.Out[0], c.In[0]) },
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			if !c.In[0].dtype.IsFloat() {
				return []*Tensor{nil}
			}
			return []*Tensor{g[0].To(c.In[0].dtype)}
		},
	})
}

// To returns x converted to data type d, or x itself if it has it already. Floats
// become integers by cutting off the fraction; to Bool, what isn't 0 is true.
func (x *Tensor) To(d DType) *Tensor {
	x.alive("to")
	if x.dtype == d {
		return x
	}
	return apply(opCast, d, x)
}

func convertInto(out, x *Tensor) {
	switch x.dtype {
	case Float32:
		convertFrom[float32](out, x)
	case Float64:
		convertFrom[float64](out, x)
	case Int64:
		convertFrom[int64](out, x)
	case Int32:
		convertFrom[int32](out, x)
	case Uint8:
		convertFrom[uint8](out, x)
	case Bool: // a bool is stored as one byte, 0 or 1
		convertFrom[uint8](out, x)
	default:
		wide := newTensor(Spec{Float32, x.shape}, out.scope)
		map1(wide, x, func(dst []float32, a []uint16) { halfToFloat(x.dtype, dst, a) })
		convertFrom[float32](out, wide)
	}
}

func convertFrom[S cpu.Number](out, x *Tensor) {
	switch out.dtype {
	case Float32:
		map1(out, x, cpu.Convert[float32, S])
	case Float64:
		map1(out, x, cpu.Convert[float64, S])
	case Int64:
		map1(out, x, cpu.Convert[int64, S])
	case Int32:
		map1(out, x, cpu.Convert[int32, S])
	case Uint8:
		map1(out, x, cpu.Convert[uint8, S])
	case Bool:
		map1(out, x, func(dst []bool, a []S) {
			for i, v := range a {
				dst[i] = v != 0
			}
		})
	default:
		map1(out, x, func(dst []uint16, a []S) {
			wide := make([]float32, len(a))
			cpu.Convert(wide, a)
			floatToHalf(out.dtype, dst, wide)
		})
	}
}
