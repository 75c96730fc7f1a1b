package tensor

import (
	"math"

	"github.com/gradus-ml/gradus/internal/cpu"
)

// RoIPoolConfig says how [RoIPool] pools regions.
type RoIPoolConfig struct {
	Size         [2]int  // rows and columns of bins
	SpatialScale float64 // from the regions' coordinates to the planes': 1/16 after four halvings; 0 means 1
}

// RoIAlignConfig says how [RoIAlign] pools regions.
type RoIAlignConfig struct {
	Size          [2]int  // rows and columns of bins
	SpatialScale  float64 // from the regions' coordinates to the planes': 1/16 after four halvings; 0 means 1
	SamplingRatio int     // samples along each side of a bin; 0: as many as pixels fit
	Aligned       bool    // pixel i is the interval [i, i+1), as boxes count, rather than the point i of older models
}

// pooledRegions is the Attrs of the operations on regions: the config, and for the transpose the shape of the images.
type pooledRegions struct {
	RoIAlignConfig
	size [4]int
}

// shape checks regions, and the images or the transpose's gradients x, and returns what the kernels want to know.
func (a *pooledRegions) shape(x, rois *Tensor, transposed bool) (s cpu.RoIShape, err error) {
	switch {
	case !x.dtype.IsFloat():
		return s, reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	case len(x.shape) != 4:
		return s, reject(imageHint(x.shape, 0), "expected images of shape (N, C, H, W), got %s", x.shapeText())
	case len(rois.shape) != 2 || rois.shape[1] != 5 || rois.dtype != x.dtype:
		return s, reject("a row is the image's number, x1, y1, x2, y2", "expected regions of shape (K, 5) and type %s, got %s %s", x.dtype, rois.dtype, rois.shapeText())
	case a.Size[0] < 1 || a.Size[1] < 1:
		return s, reject("", "expected at least 1×1 bins, got %d×%d", a.Size[0], a.Size[1])
	case !(a.SpatialScale >= 0) || a.SamplingRatio < 0:
		return s, reject("", "the spatial scale and the sampling ratio must not be negative, got %g and %d", a.SpatialScale, a.SamplingRatio)
	}
	size := [4]int(x.shape)
	if transposed {
		size = a.size
		if want := []int{rois.shape[0], size[1], a.Size[0], a.Size[1]}; numel(want) != numel(x.shape) || x.shape[0] != want[0] || x.shape[1] != want[1] || x.shape[2] != want[2] {
			return s, reject("", "expected a gradient of shape %s, got %s", ShapeString(want), x.shapeText())
		}
	}
	if rois.shape[0] > 0 && size[2]*size[3] == 0 {
		return s, reject("", "images without pixels have no regions, got %s", x.shapeText())
	}
	s = cpu.RoIShape{N: size[0], C: size[1], H: size[2], W: size[3], K: rois.shape[0], OutH: a.Size[0], OutW: a.Size[1],
		Scale: a.SpatialScale, Samples: a.SamplingRatio, Aligned: a.Aligned}
	if s.Scale == 0 {
		s.Scale = 1
	}
	return s, checkRegions(rois, size[0], s.Scale)
}

// checkRegions rejects regions of images that don't exist, and corners that no image has.
func checkRegions(rois *Tensor, images int, scale float64) error {
	for i, v := range ToSlice[float64](rois) {
		switch {
		case i%5 == 0 && !(v >= 0 && v < float64(images) && v == math.Trunc(v)):
			return reject("", "region %d lies in image %g, but there are %d", i/5, v, images)
		case i%5 > 0 && !(math.Abs(v)*scale <= 1<<20):
			return reject("", "region %d has a corner at %g, in planes %g times as large", i/5, v, scale)
		}
	}
	return nil
}

var opRoIAlign, opRoIAlignGrad, opRoIPool *Op

func init() {
	// RoIAlign is linear in the image: its gradient is its transpose, whose gradient is RoIAlign.
	opRoIAlign = define(Op{
		Name: "roi_align",
		Infer: func(c *Call) ([]Spec, error) {
			a := c.Attrs.(pooledRegions)
			s, err := a.shape(c.In[0], c.In[1], false)
			return []Spec{{c.In[0].dtype, []int{s.K, s.C, s.OutH, s.OutW}}}, err
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(pooledRegions)
			s, _ := a.shape(c.In[0], c.In[1], false)
			if c.Out[0].dtype == Float64 {
				regionKernel(c, s, cpu.RoIAlign[float64])
			} else {
				regionKernel(c, s, cpu.RoIAlign[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			a := c.Attrs.(pooledRegions)
			a.size = [4]int(c.In[0].shape)
			return []*Tensor{apply(opRoIAlignGrad, a, g[0], c.In[1]), nil}
		},
	})
	opRoIAlignGrad = define(Op{
		Name: "roi_align_grad",
		Infer: func(c *Call) ([]Spec, error) {
			a := c.Attrs.(pooledRegions)
			_, err := a.shape(c.In[0], c.In[1], true)
			return []Spec{{c.In[0].dtype, a.size[:]}}, err
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(pooledRegions)
			s, _ := a.shape(c.In[0], c.In[1], true)
			if c.Out[0].dtype == Float64 {
				regionKernel(c, s, cpu.RoIAlignGrad[float64])
			} else {
				regionKernel(c, s, cpu.RoIAlignGrad[float32])
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{apply(opRoIAlign, c.Attrs, g[0], c.In[1]), nil}
		},
	})
	// The second result says where in x each maximum was found, one past the end for empty bins.
	opRoIPool = define(Op{
		Name: "roi_pool",
		Infer: func(c *Call) ([]Spec, error) {
			a := c.Attrs.(pooledRegions)
			s, err := a.shape(c.In[0], c.In[1], false)
			shape := []int{s.K, s.C, s.OutH, s.OutW}
			return []Spec{{c.In[0].dtype, shape}, {Int64, shape}}, err
		},
		Kernel: func(c *Call) {
			a := c.Attrs.(pooledRegions)
			s, _ := a.shape(c.In[0], c.In[1], false)
			if c.Out[0].dtype == Float64 {
				regionKernel(c, s, roiPool[float64](c))
			} else {
				regionKernel(c, s, roiPool[float32](c))
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			x := c.In[0]
			n := numel(x.shape)
			sum := g[0].zerosView([]int{n + 1}).IndexAdd(0, c.Out[1].Flatten(0, -1), g[0].Flatten(0, -1))
			return []*Tensor{sum.Slice(0, 0, n, 1).Reshape(x.shape...), nil}
		},
	})
}

func roiPool[T cpu.Float](c *Call) func(s cpu.RoIShape, y, x, rois []T) {
	return func(s cpu.RoIShape, y, x, rois []T) { cpu.RoIPool(s, y, flat[int64](c.Out[1]), x, rois) }
}

func regionKernel[T cpu.Float](c *Call, s cpu.RoIShape, kernel func(s cpu.RoIShape, out, in, rois []T)) {
	in, block := packed[T](c.In[0])
	defer block.Free()
	rois, block2 := packed[T](c.In[1])
	defer block2.Free()
	kernel(s, flat[T](c.Out[0]), in, rois)
}

// RoIPool returns for each region of images x (N, C, H, W) the largest value in each of Size bins: (K, C, h, w). rois (K, 5) holds the
// number of the image and the corners x1, y1, x2, y2, which are rounded to pixels and both belong to the region (Girshick, Fast
// R-CNN, 2015; torchvision's roi_pool). Empty bins are 0. No gradient goes to the regions.
func RoIPool(x, rois *Tensor, cfg RoIPoolConfig) *Tensor {
	return apply(opRoIPool, pooledRegions{RoIAlignConfig: RoIAlignConfig{Size: cfg.Size, SpatialScale: cfg.SpatialScale}}, x, rois)
}

// RoIAlign returns for each region of images x (N, C, H, W) the mean of bilinear samples in each of Size bins: (K, C, h, w). rois is
// [RoIPool]'s, but corners aren't rounded (He et al., Mask R-CNN, 2017; torchvision's roi_align). No gradient goes to the regions.
func RoIAlign(x, rois *Tensor, cfg RoIAlignConfig) *Tensor {
	return apply(opRoIAlign, pooledRegions{RoIAlignConfig: cfg}, x, rois)
}
