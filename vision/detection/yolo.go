package detection

import (
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// YOLO is the loss of a one-stage detector (Redmon et al., "You only look once", 2016, and its successors): of boxes, of the question
// whether there is an object at all, and of classes. See [Head] for what the network gives.
//
//	loss := (1/P)·(Box·Σ₊(1 − CIoU) + Object·Σ BCE(t_o) + Class·Σ₊ BCE(t_1 … t_C))
//
// The sums Σ₊ are over the P places that an object was given to; that of t_o is over all places but the ignored ones. The
// target of t_o is the overlap (IoU) of the place's box with its object, so that the score tells how good the box is.
type YOLO struct {
	Head *Head
	// The weights of the parts; default 5, 1 and 1.
	Box, Object, Class float64
	// Match is from which overlap in shape on an anchor is responsible for an object, beside the best one; default 0.5.
	Match float64
	// Ignore is from which overlap with an object on a box isn't blamed for saying that there is one; default 0.6.
	Ignore float64
}

// New returns the loss with defaults filled in.
func (cfg YOLO) New() *YOLO {
	if cfg.Head == nil {
		tensor.Fail("detection.YOLO", "set Head to the model's last layer", "there is no head")
	}
	for _, d := range []struct {
		field *float64
		value float64
	}{{&cfg.Box, 5}, {&cfg.Object, 1}, {&cfg.Class, 1}, {&cfg.Match, 0.5}, {&cfg.Ignore, 0.6}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return &cfg
}

// Loss returns the loss, a scalar, of the head's output (N, anchors, H, W, 5+C) for targets (N, M, 5): rows [class, x1, y1, x2, y2] in pixels of the
// input, with class −1 where there is no object.
func (cfg *YOLO) Loss(out, target *tensor.Tensor) *tensor.Tensor {
	b, o, c := cfg.Parts(out, target)
	return b.Add(o).Add(c)
}

// Parts returns the three parts of [YOLO.Loss], weighted: of the boxes, of whether there is an object, and of the classes.
func (cfg *YOLO) Parts(out, target *tensor.Tensor) (boxes, object, class *tensor.Tensor) {
	cfg.Head.check("detection.YOLO", out)
	return cfg.parts(out, cfg.assign(out, target))
}

func (cfg *YOLO) parts(out *tensor.Tensor, a assigned) (boxes, object, class *tensor.Tensor) {
	width, d := 5+cfg.Head.cfg.Classes, out.DType()
	rows := out.Reshape(-1, width)
	scale := 1 / math.Max(1, float64(len(a.rows)))
	like := func(v []float64, shape ...int) *tensor.Tensor { return tensor.FromSlice(v, shape...).To(d) }

	object = tensor.BCEWithLogits(rows.Select(1, 4), like(a.object, len(a.object)),
		tensor.BCEWithLogitsConfig{Weight: like(a.weight, len(a.weight)), Reduction: nn.Sum}).MulScalar(cfg.Object * scale)
	if len(a.rows) == 0 {
		zero := object.MulScalar(0)
		return zero, object, zero
	}
	mine := rows.IndexSelect(0, tensor.FromSlice(a.rows, len(a.rows)))
	class = tensor.BCEWithLogits(mine.Slice(1, 5, width, 1), like(oneHot(a.truth, width-5), len(a.rows), width-5),
		tensor.BCEWithLogitsConfig{Reduction: nn.Sum}).MulScalar(cfg.Class * scale)

	centre, size, truth := cfg.geometry(a)
	s := mine.Slice(1, 0, 4, 1).Sigmoid().MulScalar(2)
	xy := s.Slice(1, 0, 2, 1).AddScalar(-0.5).MulScalar(float64(cfg.Head.cfg.Stride)).Add(like(centre, len(a.rows), 2))
	wh := s.Slice(1, 2, 4, 1).Square().Mul(like(size, len(a.rows), 2))
	boxes = CIoU(xy, wh, like(truth, len(a.rows), 4)).Neg().AddScalar(1).Sum().MulScalar(cfg.Box * scale)
	return boxes, object, class
}

// geometry returns the upper left corner of the cell, the anchor, and the object's centre and size, for each assigned place, in pixels.
func (cfg *YOLO) geometry(a assigned) (corner, anchor, truth []float64) {
	anchors, stride := cfg.Head.anchors(), float64(cfg.Head.cfg.Stride)
	for i, r := range a.places {
		b, of := a.truth[i].Box, anchors[r.anchor]
		x, y := b.Center()
		corner = append(corner, float64(r.x)*stride, float64(r.y)*stride)
		anchor = append(anchor, of[0], of[1])
		truth = append(truth, x, y, b.Width(), b.Height())
	}
	return corner, anchor, truth
}

// oneHot returns each object's class as zeros and a one.
func oneHot(objects []box.Object, classes int) []float64 {
	v := make([]float64, len(objects)*classes)
	for i, o := range objects {
		v[i*classes+o.Class] = 1
	}
	return v
}

// CIoU returns the complete IoU (Zheng et al., 2020) of boxes with centres xy (P, 2) and sizes wh (P, 2) with those of truth (P, 4), rows [centre
// x, y, width, height], as a tensor (P):
//
//	IoU − ρ²/c² − αv,   v = 4/π²·(atan(w*/h*) − atan(w/h))²,   α = v/(1 − IoU + v)
//
// with ρ the distance of the centres and c the diagonal of the smallest box around both. α counts as constant for gradients, as in
// the paper. It equals [box.CIoU] of the same boxes.
func CIoU(xy, wh, truth *tensor.Tensor) *tensor.Tensor {
	const eps = 1e-7
	at, size := truth.Slice(1, 0, 2, 1), truth.Slice(1, 2, 4, 1)
	lo, hi := xy.Sub(wh.MulScalar(0.5)), xy.Add(wh.MulScalar(0.5))
	truthLo, truthHi := at.Sub(size.MulScalar(0.5)), at.Add(size.MulScalar(0.5))

	product := func(x *tensor.Tensor) *tensor.Tensor { return x.Select(1, 0).Mul(x.Select(1, 1)) }
	both := product(hi.Minimum(truthHi).Sub(lo.Maximum(truthLo)).ReLU())
	iou := both.Div(product(wh).Add(product(size)).Sub(both).AddScalar(eps))

	around := hi.Maximum(truthHi).Sub(lo.Minimum(truthLo)).Square().SumAxes(false, 1).AddScalar(eps)
	distance := xy.Sub(at).Square().SumAxes(false, 1)

	slope := func(x *tensor.Tensor) *tensor.Tensor { return x.Select(1, 0).Div(x.Select(1, 1).AddScalar(eps)).Atan() }
	v := slope(size).Sub(slope(wh)).Square().MulScalar(4 / (math.Pi * math.Pi))
	alpha := v.Div(v.Sub(iou).AddScalar(1 + eps)).Detach()
	return iou.Sub(distance.Div(around)).Sub(alpha.Mul(v))
}
