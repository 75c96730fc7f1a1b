// Package filters holds the fixed convolution kernels of image processing (edges, blur, sharpening, relief) and learns a kernel back
// from a picture and what a filter made of it.
//
//	edges := filters.SobelX.Apply(photo) // (C, H, W) → (C, H, W)
//
// Like all "convolutions" in deep learning they are cross-correlations: the kernel isn't flipped (D2L 7.2.1).
package filters

import (
	"github.com/gradus-ml/gradus/tensor"
)

// Filter is a square kernel with an odd side.
type Filter struct {
	Name   string
	What   string // what it does to a picture
	Kernel [][]float64
	// Signed says that results lie around 0 (differences), not in the range of the picture.
	Signed bool
}

// The filters. Those of edges answer to what gets darker from left to right, or from top to bottom.
var (
	Identity       = Filter{"identity", "the picture as it is", [][]float64{{0, 0, 0}, {0, 1, 0}, {0, 0, 0}}, false}
	VerticalEdge   = Filter{"vertical edges", "columns left less columns right (Prewitt, 1970)", [][]float64{{1, 0, -1}, {1, 0, -1}, {1, 0, -1}}, true}
	HorizontalEdge = Filter{"horizontal edges", "rows above less rows below (Prewitt, 1970)", [][]float64{{1, 1, 1}, {0, 0, 0}, {-1, -1, -1}}, true}
	SobelX         = Filter{"Sobel x", "vertical edges, the middle row counts twice (Sobel, 1968)", [][]float64{{1, 0, -1}, {2, 0, -2}, {1, 0, -1}}, true}
	SobelY         = Filter{"Sobel y", "horizontal edges, the middle column counts twice", [][]float64{{1, 2, 1}, {0, 0, 0}, {-1, -2, -1}}, true}
	ScharrX        = Filter{"Scharr x", "vertical edges, nearly the same for all angles (Scharr, 2000)", [][]float64{{3, 0, -3}, {10, 0, -10}, {3, 0, -3}}, true}
	ScharrY        = Filter{"Scharr y", "horizontal edges, nearly the same for all angles", [][]float64{{3, 10, 3}, {0, 0, 0}, {-3, -10, -3}}, true}
	Laplacian      = Filter{"Laplacian", "second differences: edges in all directions", [][]float64{{0, 1, 0}, {1, -4, 1}, {0, 1, 0}}, true}
	BoxBlur        = Filter{"box blur", "the mean of 5×5 pixels", constant(5, 1.0/25), false}
	GaussianBlur   = Filter{"Gaussian blur", "a weighted mean, binomial weights (σ = 1)", binomial, false}
	Sharpen        = Filter{"sharpen", "the picture less its Laplacian", [][]float64{{0, -1, 0}, {-1, 5, -1}, {0, -1, 0}}, false}
	Emboss         = Filter{"emboss", "relief, lit from the upper left", [][]float64{{-2, -1, 0}, {-1, 1, 1}, {0, 1, 2}}, false}
)

// All lists the filters.
func All() []Filter {
	return []Filter{Identity, VerticalEdge, HorizontalEdge, SobelX, SobelY, ScharrX, ScharrY, Laplacian, BoxBlur, GaussianBlur, Sharpen, Emboss}
}

// binomial is the outer product of (1, 4, 6, 4, 1)/16 with itself.
var binomial = func() [][]float64 {
	row := []float64{1. / 16, 4. / 16, 6. / 16, 4. / 16, 1. / 16}
	k := constant(5, 0)
	for i, a := range row {
		for j, b := range row {
			k[i][j] = a * b
		}
	}
	return k
}()

func constant(n int, v float64) [][]float64 {
	k := make([][]float64, n)
	for i := range k {
		k[i] = make([]float64, n)
		for j := range k[i] {
			k[i][j] = v
		}
	}
	return k
}

// Tensor returns the kernel as a tensor (side, side) of type d.
func (f Filter) Tensor(d tensor.DType) *tensor.Tensor {
	var all []float64
	for _, row := range f.Kernel {
		all = append(all, row...)
	}
	return tensor.FromSlice(all, len(f.Kernel), len(f.Kernel)).To(d)
}

// Apply filters each channel of an image (C, H, W) or of images (N, C, H, W), of any float type. The result has the same shape; at the border
// the picture goes on as in a mirror. Gradients flow through. It panics if the picture is smaller than the kernel.
func (f Filter) Apply(x *tensor.Tensor) *tensor.Tensor {
	return correlate("filters.Apply", x, f.Tensor(x.DType()))
}

// correlate filters each channel of x with the kernel k (side, side).
func correlate(op string, x, k *tensor.Tensor) *tensor.Tensor {
	shape, side := x.Shape(), k.Size(0)
	if len(shape) != 3 && len(shape) != 4 || !x.DType().IsFloat() {
		tensor.Fail(op, "", "expected a picture of floats (C, H, W) or (N, C, H, W), got %s %s", x.DType(), tensor.ShapeString(shape))
	}
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	if h < side || w < side || x.NumEl() == 0 {
		tensor.Fail(op, "", "a picture of %d×%d pixels is smaller than the kernel, %d×%d", h, w, side, side)
	}
	half := side / 2
	planes := x.Reshape(x.NumEl()/(h*w), 1, h, w).Pad(tensor.PadReflect, 0, []int{half, half}, []int{half, half})
	return tensor.Conv2D(planes, k.Reshape(1, 1, side, side), nil, tensor.Conv2DConfig{}).Reshape(shape...)
}
