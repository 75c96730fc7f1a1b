package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// Interpolation is how a value between samples is made.
type Interpolation int8

// The interpolations: the two samples beside, weighted by nearness; the nearest sample (in [Interpolate] the one at
// ⌊i·scale⌋, as PyTorch's "nearest"); the sample whose cell holds the output's middle; four samples along each axis by
// cubic convolution (Keys, 1981); the mean of all samples covered.
const (
	Bilinear Interpolation = iota
	Nearest
	NearestExact
	Bicubic
	Area
)

var interpolationNames = [...]string{"bilinear", "nearest", "nearest-exact", "bicubic", "area"}

// String returns PyTorch's name of the mode.
func (m Interpolation) String() string {
	if m < 0 || int(m) >= len(interpolationNames) {
		return "unknown"
	}
	return interpolationNames[m]
}

// InterpolateConfig says to what size images are resampled, and how. Either Size or Scale is needed.
type InterpolateConfig struct {
	Size         [2]int        // rows and columns of the result
	Scale        [2]float64    // or what to multiply the input's rows and columns by, rounded down
	Mode         Interpolation // default Bilinear
	AlignCorners bool          // the middles of the corner pixels of both lie on each other, rather than their outer corners; Bilinear and Bicubic only
	Antialias    bool          // widen the kernel when shrinking, so that every pixel counts; Bilinear and Bicubic only
}

// resampling is the Attrs of interpolate: the config, and for the transpose the size of the images that were resampled.
type resampling struct {
	InterpolateConfig
	transposed bool
	size       [2]int
}

// check rejects what makes no sense, and returns the sizes of the images before and after interpolation.
func (a *resampling) check(x *Tensor) (in, out [2]int, err error) {
	n := len(x.shape)
	if !x.dtype.IsFloat() {
		return in, out, reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	}
	if n != 3 && n != 4 {
		return in, out, reject(imageHint(x.shape, 0), "expected images of shape (N, C, H, W) or (C, H, W), got %s", x.shapeText())
	}
	smooth := a.Mode == Bilinear || a.Mode == Bicubic
	switch {
	case a.Mode < Bilinear || a.Mode > Area:
		return in, out, reject("", "there is no interpolation %d", a.Mode)
	case a.Size != [2]int{} && a.Scale != [2]float64{}:
		return in, out, reject("", "expected a Size or a Scale, got both, %v and %v", a.Size, a.Scale)
	case a.AlignCorners && !smooth:
		return in, out, reject("", "corners are aligned with bilinear and bicubic interpolation only, not with %s", a.Mode)
	case a.Antialias && !smooth:
		return in, out, reject("", "antialiasing is for bilinear and bicubic interpolation, not for %s", a.Mode)
	}
	in, out = [2]int(x.shape[n-2:]), a.Size
	if a.transposed {
		in = a.size
	}
	for i := range 2 {
		if in[i] < 1 {
			return in, out, reject("", "images without pixels can't be resampled, got %s", x.shapeText())
		}
		if a.Size == [2]int{} {
			if !(a.Scale[i] > 0) || a.Scale[i]*float64(in[i]) > 1<<24 {
				return in, out, reject("", "expected a Size, or a Scale above 0 for rows and columns that gives fewer than 2²⁴ of them, got size %v, scale %v", a.Size, a.Scale)
			}
			out[i] = int(math.Floor(a.Scale[i] * float64(in[i])))
		}
		if out[i] < 1 {
			return in, out, reject("", "expected a result of at least 1×1, got %d×%d", out[0], out[1])
		}
		if a.transposed && x.shape[n-2+i] != out[i] {
			return in, out, reject("", "expected images of %d×%d, got %s", out[0], out[1], x.shapeText())
		}
	}
	return in, out, nil
}

// taps returns the matrix for one axis.
func (a *resampling) taps(axis, in, out int) (t *cpu.Taps) {
	scale := float64(in) / float64(out)
	if a.Size == [2]int{} {
		scale = 1 / a.Scale[axis]
	}
	switch {
	case a.Mode == Nearest || a.Mode == NearestExact:
		t = cpu.NearestTaps(in, out, scale, a.Mode == NearestExact)
	case a.Mode == Area:
		t = cpu.AreaTaps(in, out)
	case a.Antialias:
		t = cpu.SmoothTaps(in, out, scale, a.AlignCorners, a.Mode == Bicubic)
	case a.Mode == Bicubic:
		t = cpu.CubicTaps(in, out, scale, a.AlignCorners)
	default:
		t = cpu.LinearTaps(in, out, scale, a.AlignCorners)
	}
	if a.transposed {
		t = t.Transposed()
	}
	return t
}

var opInterpolate *Op

func init() {
	// Resampling is linear in the image, so that its gradient is its transpose, and the transpose's gradient is itself.
	opInterpolate = define(Op{
		Name: "interpolate",
		Infer: func(c *Call) ([]Spec, error) {
			a, x := c.Attrs.(resampling), c.In[0]
			in, out, err := a.check(x)
			if err != nil {
				return nil, err
			}
			if a.transposed {
				out = in
			}
			return one(x.dtype, append(x.Shape()[:len(x.shape)-2], out[:]...))
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				interpolateKernel[float64](c)
			} else {
				interpolateKernel[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, x := c.Attrs.(resampling), c.In[0]
			if a.transposed = !a.transposed; a.transposed {
				a.size = [2]int(x.shape[len(x.shape)-2:])
			}
			return []*Tensor{apply(opInterpolate, a, g[0])}
		},
	})
}

func interpolateKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(resampling)
	in, out, _ := a.check(c.In[0])
	x, block := packed[T](c.In[0])
	defer block.Free()
	planes := numel(c.In[0].shape[:len(c.In[0].shape)-2])
	cpu.Resample(flat[T](c.Out[0]), x, planes, a.taps(0, in[0], out[0]), a.taps(1, in[1], out[1]))
}

// Interpolate returns images x (N, C, H, W) or (C, H, W) at another size, with the values that PyTorch's interpolate gives.
// Bilinear with Antialias is what Pillow does on bytes, in floats. As in PyTorch, bicubic values may lie beyond those of the
// input.
func Interpolate(x *Tensor, cfg InterpolateConfig) *Tensor {
	return apply(opInterpolate, resampling{InterpolateConfig: cfg}, x)
}
