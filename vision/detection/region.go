package detection

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// RegionNetConfig describes a detector that looks at regions which something else proposes, such as proposals.SelectiveSearch. There are two
// classic forms:
//
//   - R-CNN (Girshick and others, "Rich feature hierarchies for accurate object detection", 2014): no Backbone, Warp, and a convolutional
//     Head: each region is cut out, warped to Pool pixels and classified by itself.
//   - Fast R-CNN (Girshick, 2015): a convolutional Backbone runs over the picture once, each region's part of its features is pooled to
//     Pool bins, and a small Head looks at these.
type RegionNetConfig struct {
	Backbone nn.Layer // from images (N, 3, H, W) to features; nil: the images themselves
	Stride   int      // pixels of the image to a feature; 0 means 1
	Pool     [2]int   // rows and columns that a region is brought to
	Warp     bool     // bring it there by bilinear sampling (RoIAlign) rather than by maxima over bins (RoIPool)
	Head     nn.Layer // from (K, C, Pool rows, Pool columns) to (K, Features)
	Features int
	Classes  int
}

// RegionNet says of each region what it shows and where exactly that is.
type RegionNet struct {
	Backbone, Head nn.Layer
	// Out gives 1+Classes scores, the first that of the background, and then for each class the four offsets of its box from the region.
	Out *nn.Linear

	cfg RegionNetConfig
}

// regionCoder makes boxes of offsets; the variances are Fast R-CNN's.
var regionCoder = box.Coder{Variances: [4]float64{0.1, 0.1, 0.2, 0.2}}

// New returns the network.
func (cfg RegionNetConfig) New() *RegionNet {
	if cfg.Head == nil || cfg.Features < 1 || cfg.Classes < 1 || cfg.Pool[0] < 1 || cfg.Pool[1] < 1 || cfg.Stride < 0 {
		tensor.Fail("detection.RegionNet", "", "Head must be there, and Features, Classes and Pool from 1 on; got %+v", cfg)
	}
	if cfg.Stride == 0 {
		cfg.Stride = 1
	}
	if cfg.Backbone == nil {
		cfg.Backbone = nn.Identity()
	}
	return &RegionNet{Backbone: cfg.Backbone, Head: cfg.Head, Out: nn.NewLinear(cfg.Features, 1+5*cfg.Classes), cfg: cfg}
}

// Visit names the parts: backbone, head, out.
func (n *RegionNet) Visit(v *nn.Visitor) {
	v.Child("backbone", n.Backbone)
	v.Child("head", n.Head)
	v.Child("out", n.Out)
}

// Forward looks at each image of x (N, 3, H, W) as one region: (N, 1+5·Classes).
func (n *RegionNet) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	rows := make([]float32, 0, 5*x.Size(0))
	for i := range x.Size(0) {
		rows = append(rows, float32(i), 0, 0, float32(x.Size(3)), float32(x.Size(2)))
	}
	return n.At(tensor.FromSlice(rows, x.Size(0), 5)).Forward(c, x)
}

// At returns the network for certain regions, with the same parameters: its output for images (N, 3, H, W) is (K, 1+5·Classes). rois
// (K, 5) has rows of the number of an image and the corners x1, y1, x2, y2 in its pixels.
func (n *RegionNet) At(rois *tensor.Tensor) nn.Layer { return &regions{n, rois} }

type regions struct {
	*RegionNet
	rois *tensor.Tensor
}

func (r *regions) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	features := c.Call("backbone", r.Backbone, x)
	scale := 1 / float64(r.cfg.Stride)
	var pooled *tensor.Tensor
	if r.cfg.Warp {
		pooled = tensor.RoIAlign(features, r.rois, tensor.RoIAlignConfig{Size: r.cfg.Pool, SpatialScale: scale, SamplingRatio: 2, Aligned: true})
	} else {
		pooled = tensor.RoIPool(features, r.rois, tensor.RoIPoolConfig{Size: r.cfg.Pool, SpatialScale: scale})
	}
	return c.Call("out", r.Out, c.Call("head", r.Head, pooled))
}

// Step is the step of training for train.Config: it takes batches of [NewRegionDataset]. The predictions for metrics are the scores of
// regions, the targets their labels.
func (n *RegionNet) Step(c *nn.Ctx, x, y *tensor.Tensor) (loss, scores, labels *tensor.Tensor) {
	rows := tensor.ToSlice[float32](y.Detach())
	var rois []float32
	var kept []int // rows that aren't padding
	for i := 0; i < len(rows); i += regionRow {
		if rows[i] >= 0 {
			kept = append(kept, i)
			rois = append(rois, float32(i/regionRow/y.Size(1)))
			rois = append(rois, rows[i+1:i+5]...)
		}
	}
	out := c.Run(n.At(tensor.FromSlice(rois, len(kept), 5)), x)
	// Only the offsets of a region's own class count.
	label := make([]int64, len(kept))
	target, own := make([]float32, len(kept)*4*n.cfg.Classes), make([]float32, len(kept)*4*n.cfg.Classes)
	for k, i := range kept {
		if label[k] = int64(rows[i]); label[k] > 0 {
			at := (k*n.cfg.Classes + int(label[k]) - 1) * 4
			copy(target[at:], rows[i+5:i+9])
			copy(own[at:at+4], []float32{1, 1, 1, 1})
		}
	}
	scores = out.Slice(1, 0, 1+n.cfg.Classes, 1)
	offsets := out.Slice(1, 1+n.cfg.Classes, 1+5*n.cfg.Classes, 1)
	mask := tensor.FromSlice(own, len(kept), 4*n.cfg.Classes)
	wrong := nn.HuberReduced(offsets.Mul(mask), tensor.FromSlice(target, len(kept), 4*n.cfg.Classes), 1, nn.Sum)
	labels = tensor.FromSlice(label, len(kept))
	return nn.CrossEntropy(scores, labels).Add(wrong.MulScalar(1 / float64(len(kept)))), scores, labels
}

// Detect finds objects among the proposed regions of an image (3, H, W), in whose pixels all boxes are. cfg's Width and Height don't
// count: boxes are cut off at the image's edge.
func (n *RegionNet) Detect(x *tensor.Tensor, proposed []box.Box, cfg DetectConfig) []box.Object {
	if len(proposed) == 0 {
		return nil
	}
	if cfg.Score == 0 {
		cfg.Score = 0.25
	}
	if cfg.IoU == 0 {
		cfg.IoU = 0.45
	}
	if cfg.Most == 0 {
		cfg.Most = 100
	}
	rois := make([]float32, 0, 5*len(proposed))
	for _, b := range proposed {
		rois = append(rois, 0, float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2))
	}
	out := nn.Eval().Run(n.At(tensor.FromSlice(rois, len(proposed), 5)), x.Unsqueeze(0))
	scores := tensor.ToSlice[float64](out.Slice(1, 0, 1+n.cfg.Classes, 1).Softmax(1))
	offsets := tensor.ToSlice[float64](out.Slice(1, 1+n.cfg.Classes, 1+5*n.cfg.Classes, 1))
	var found []box.Object
	for k, b := range proposed {
		for class := range n.cfg.Classes {
			score := scores[k*(1+n.cfg.Classes)+1+class]
			if !(score >= cfg.Score) {
				continue
			}
			t := [4]float64(offsets[(k*n.cfg.Classes+class)*4:])
			if at := regionCoder.Decode(b, t).Clip(float64(x.Size(2)), float64(x.Size(1))); !at.Empty() {
				found = append(found, box.Object{Box: at, Class: class, Score: score})
			}
		}
	}
	found = box.NMS(found, cfg.IoU)
	return found[:min(len(found), cfg.Most)]
}
