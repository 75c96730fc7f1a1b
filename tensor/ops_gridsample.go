package tensor

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// SamplePadding says what lies beyond the edges of a sampled image.
type SamplePadding int8

// Zeros; the value of the edge; or the mirror image, mirrored at the outer edge of the last pixel, or at its middle with
// aligned corners.
const (
	PaddingZeros SamplePadding = iota
	PaddingBorder
	PaddingReflection
)

// GridSampleConfig says how [GridSample] reads images.
type GridSampleConfig struct {
	Mode         Interpolation // Bilinear (the default) or Nearest
	Padding      SamplePadding // default PaddingZeros
	AlignCorners bool          // −1 and 1 are the middles of the outermost pixels rather than their outer edges
}

// sampling is the Attrs of grid_sample and its transpose.
type sampling struct {
	GridSampleConfig
	slope [2]int // derivatives by the grid's x and y, instead of the value
	size  [2]int // the transpose's: rows and columns of the image
}

// check rejects what makes no sense. x is an image or, for the transpose, the gradient of the sampled image; grid says
// where it is read.
func (a *sampling) check(x, grid *Tensor) error {
	switch {
	case !x.dtype.IsFloat():
		return reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	case grid.dtype != x.dtype:
		return reject("convert one with To", "expected one data type, got images %s and a grid %s", x.dtype, grid.dtype)
	case len(x.shape) != 4:
		return reject(imageHint(x.shape, 0), "expected images of shape (N, C, H, W), got %s", x.shapeText())
	case len(grid.shape) != 4 || grid.shape[3] != 2 || grid.shape[0] != x.shape[0]:
		return reject("the last axis holds x and y, from −1 to 1", "expected a grid of shape (%d, H', W', 2), got %s", x.shape[0], grid.shapeText())
	case a.Mode != Bilinear && a.Mode != Nearest:
		return reject("", "sampling is bilinear or nearest, not %s", a.Mode)
	case a.Padding < PaddingZeros || a.Padding > PaddingReflection:
		return reject("", "there is no padding %d", a.Padding)
	}
	return nil
}

// shape returns what the kernels want to know; h and w are the image's.
func (a *sampling) shape(x, grid *Tensor, h, w int) cpu.Sampling {
	return cpu.Sampling{N: x.shape[0], C: x.shape[1], H: h, W: w, P: grid.shape[1] * grid.shape[2],
		Nearest: a.Mode == Nearest, Border: a.Padding == PaddingBorder, Reflect: a.Padding == PaddingReflection, Corners: a.AlignCorners,
		SlopeX: a.slope[0], SlopeY: a.slope[1]}
}

var opGridSample, opGridSampleGrad, opGridSampleGradGrid *Op

func init() {
	// A sampled value is a mix of pixels whose weights depend on the grid. So the gradient by the image is the transpose,
	// and that by the grid samples the same pixels with the weights' derivatives: attribute slope. With it the two operations have each
	// other as gradients, of every order. grid_sample_grad_grid is two derivatives and a sum in one pass.
	opGridSample = define(Op{
		Name: "grid_sample",
		Infer: func(c *Call) ([]Spec, error) {
			a, x, grid := c.Attrs.(sampling), c.In[0], c.In[1]
			if err := a.check(x, grid); err != nil {
				return nil, err
			}
			if x.shape[2] < 1 || x.shape[3] < 1 || x.shape[2] > math.MaxInt32/x.shape[3] {
				return nil, reject("", "expected images of at least one pixel and fewer than 2³¹, got %s", x.shapeText())
			}
			return one(x.dtype, []int{x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]})
		},
		Kernel: func(c *Call) {
			a, x := c.Attrs.(sampling), c.In[0]
			s := a.shape(x, c.In[1], x.shape[2], x.shape[3])
			if x.dtype == Float64 {
				sampleKernel(c, s, cpu.GridSample[float64])
			} else {
				sampleKernel(c, s, cpu.GridSample[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, x, grid := c.Attrs.(sampling), c.In[0], c.In[1]
			grads := make([]*Tensor, 2)
			if c.Needs(0) {
				back := a
				back.size = [2]int{x.shape[2], x.shape[3]}
				grads[0] = apply(opGridSampleGrad, back, g[0], grid)
			}
			if c.Needs(1) {
				grads[1] = a.gradGrid(x, grid, g[0])
			}
			return grads
		},
	})
	opGridSampleGrad = define(Op{
		Name: "grid_sample_grad",
		Infer: func(c *Call) ([]Spec, error) {
			a, dy, grid := c.Attrs.(sampling), c.In[0], c.In[1]
			if err := a.check(dy, grid); err != nil {
				return nil, err
			}
			if dy.shape[2] != grid.shape[1] || dy.shape[3] != grid.shape[2] {
				return nil, reject("", "expected a gradient of %d×%d for the grid %s, got %s", grid.shape[1], grid.shape[2], grid.shapeText(), dy.shapeText())
			}
			return one(dy.dtype, []int{dy.shape[0], dy.shape[1], a.size[0], a.size[1]})
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(sampling)
			s := a.shape(c.In[0], c.In[1], a.size[0], a.size[1])
			if c.In[0].dtype == Float64 {
				sampleKernel(c, s, cpu.GridSampleGrad[float64])
			} else {
				sampleKernel(c, s, cpu.GridSampleGrad[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a, dy, grid := c.Attrs.(sampling), c.In[0], c.In[1]
			a.size = [2]int{}
			grads := make([]*Tensor, 2)
			if c.Needs(0) {
				grads[0] = apply(opGridSample, a, g[0], grid)
			}
			if c.Needs(1) {
				grads[1] = a.gradGrid(g[0], grid, dy)
			}
			return grads
		},
	})
	opGridSampleGradGrid = define(Op{
		Name: "grid_sample_grad_grid",
		Infer: func(c *Call) ([]Spec, error) {
			a, x, grid, dy := c.Attrs.(sampling), c.In[0], c.In[1], c.In[2]
			if err := a.check(x, grid); err != nil {
				return nil, err
			}
			if want := []int{x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]}; !slices.Equal(dy.shape, want) || dy.dtype != x.dtype {
				return nil, reject("", "expected a gradient of shape %s %s, got %s %s", ShapeString(want), x.dtype, dy.shapeText(), dy.dtype)
			}
			if a.Mode != Bilinear {
				return nil, reject("", "the grid has a gradient with bilinear sampling only, not %s", a.Mode)
			}
			return one(grid.dtype, grid.shape)
		},
		Kernel: func(c *Call) {
			if c.In[0].dtype == Float64 {
				gradGridKernel[float64](c)
			} else {
				gradGridKernel[float32](c)
			}
		},
		Decompose: func(c *Call) []*Tensor {
			a, x, grid, dy := c.Attrs.(sampling), c.In[0], c.In[1], c.In[2]
			var by [2]*Tensor
			for i := range by {
				slope := a
				slope.slope[i]++
				by[i] = apply(opGridSample, slope, x, grid).Mul(dy).SumAxes(false, 1)
			}
			return []*Tensor{Stack(-1, by[:]...)}
		},
	})
}

func gradGridKernel[T cpu.Float](c *Call) {
	a, x := c.Attrs.(sampling), c.In[0]
	dy, block := packed[T](c.In[2])
	defer block.Free()
	sampleKernel(c, a.shape(x, c.In[1], x.shape[2], x.shape[3]), func(s cpu.Sampling, out, in, grid []T) {
		cpu.GridSampleGradGrid(s, out, in, grid, dy)
	})
}

// gradGrid returns the gradient of ⟨dy, x sampled at grid⟩ by the grid.
func (a sampling) gradGrid(x, grid, dy *Tensor) *Tensor {
	if a.Mode == Nearest {
		return grid.ZerosLike()
	}
	a.size = [2]int{}
	return apply(opGridSampleGradGrid, a, x, grid, dy)
}

func sampleKernel[T cpu.Float](c *Call, s cpu.Sampling, kernel func(s cpu.Sampling, out, in, grid []T)) {
	in, block := packed[T](c.In[0])
	defer block.Free()
	grid, block2 := packed[T](c.In[1])
	defer block2.Free()
	kernel(s, flat[T](c.Out[0]), in, grid)
}

// GridSample returns images x (N, C, H, W) read at the places of grid (N, H', W', 2), of shape (N, C, H', W'), as PyTorch's
// grid_sample does: x from −1 at the left edge to 1 at the right, then y from −1 at the top to 1 at the bottom. It is
// differentiable by both (Jaderberg et al., Spatial Transformer Networks, 2015); with Nearest the gradient by the grid is 0.
// A coordinate that isn't a number counts as −1. [AffineGrid] makes grids.
func GridSample(x, grid *Tensor, cfg GridSampleConfig) *Tensor {
	return apply(opGridSample, sampling{GridSampleConfig: cfg}, x, grid)
}
