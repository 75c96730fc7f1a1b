package tensor

import "github.com/gradus-ml/gradus/internal/cpu"

// affineGrid is the Attrs of affine_grid: rows and columns of the grid.
type affineGrid struct {
	h, w    int
	corners bool
}

var opAffineGrid *Op

func init() {
	opAffineGrid = define(Op{
		Name: "affine_grid",
		Infer: func(c *Call) ([]Spec, error) {
			a, theta := c.Attrs.(affineGrid), c.In[0]
			if len(theta.shape) != 3 || theta.shape[1] != 2 || theta.shape[2] != 3 || !theta.dtype.IsFloat() {
				return nil, reject("", "expected float maps of shape (N, 2, 3), got %s %s", theta.dtype, theta.shapeText())
			}
			if a.h < 1 || a.w < 1 {
				return nil, reject("", "expected a grid of at least 1×1, got %d×%d", a.h, a.w)
			}
			return one(theta.dtype, []int{theta.shape[0], a.h, a.w, 2})
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				affineGridKernel[float64](c)
			} else {
				affineGridKernel[float32](c)
			}
		},
		// The grid is linear in theta: each row of theta gets the sum of gradients times (x, y, 1).
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a := c.Attrs.(affineGrid)
			base := make([]float64, 0, 3*a.h*a.w)
			for _, y := range ruler(a.h, a.corners) {
				for _, x := range ruler(a.w, a.corners) {
					base = append(base, x, y, 1)
				}
			}
			points := FromSlice(base, a.h*a.w, 3).To(g[0].dtype)
			return []*Tensor{g[0].Reshape(g[0].shape[0], a.h*a.w, 2).Transpose(1, 2).MatMul(points)}
		},
	})
}

func affineGridKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(affineGrid)
	theta, block := packed[T](c.In[0])
	defer block.Free()
	cpu.AffineGrid(flat[T](c.Out[0]), theta, ruler(a.h, a.corners), ruler(a.w, a.corners))
}

// AffineGrid returns the grid (n, h, w, 2) that [GridSample] reads an affine map of an image with: for each pixel of the result, at
// (x, y) between −1 and 1, the place theta·(x, y, 1) in the input. theta is (n, 2, 3), and alignCorners must be the same in
// both. c, the number of channels, makes the size complete, as in PyTorch, and isn't used.
func AffineGrid(theta *Tensor, n, c, h, w int, alignCorners bool) *Tensor {
	theta.alive("affine_grid")
	if len(theta.shape) > 0 && theta.shape[0] != n {
		Fail("affine_grid", "", "expected %d maps, got theta of shape %s", n, theta.shapeText())
	}
	return apply(opAffineGrid, affineGrid{h, w, alignCorners}, theta)
}

// ruler returns n coordinates from −1 to 1: of the ends, or of the middles of n cells between them.
func ruler(n int, ends bool) []float64 {
	x := make([]float64, n)
	for i := range x {
		switch {
		case !ends:
			x[i] = float64(2*i+1)/float64(n) - 1
		case n > 1:
			x[i] = float64(2*i)/float64(n-1) - 1
		}
	}
	return x
}
