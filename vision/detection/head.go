package detection

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Head is the last layer of a one-stage detector: a 1×1 convolution that gives, for each cell of a feature map and each of the anchors,
// the numbers
//
//	(t_x, t_y, t_w, t_h, t_o, t_1, …, t_C)
//
// of which [Head.Boxes] makes boxes. The box is, with σ the logistic function, the cell at column i and row j, and the anchor (a_w, a_h),
//
//	x = (2σ(t_x) − ½ + i)·stride   w = a_w·(2σ(t_w))²
//	y = (2σ(t_y) − ½ + j)·stride   h = a_h·(2σ(t_h))²
//
// which is YOLO's parametrisation (Redmon and Farhadi, 2017: σ(t_x) + i, a_w·exp(t_w)) with bounds on both sides: a cell can also give boxes
// whose centre lies up to half a cell outside, and no box is more than 4 times an anchor, so that no gradient explodes (as in YOLOv4 and
// v5). σ(t_o) says how likely there is an object, and how well the box fits; σ(t_c) how likely it is of class c.
//
// The anchors are saved with the weights, under "anchors".
type Head struct {
	Conv    *nn.Conv2D
	Anchors *nn.Param // (anchors, 2): width and height in pixels of the input
	cfg     HeadConfig
}

// HeadConfig describes a [Head].
type HeadConfig struct {
	In      int // channels of the feature map
	Anchors int // how many anchors a cell has
	Classes int
	Stride  int // pixels of the input for each cell
}

// New returns the layer. Its anchors must be set before use, see [Head.SetAnchors]. At first it finds an object in a cell with probability
// 0.01, so that the many cells without any don't drown the rest (Lin et al., "Focal loss", 2017).
func (cfg HeadConfig) New() *Head {
	if cfg.Anchors < 1 || cfg.Classes < 1 || cfg.Stride < 1 {
		tensor.Fail("detection.Head", "", "needs at least one anchor and one class, and the stride, got %+v", cfg)
	}
	h := &Head{cfg: cfg}
	h.Conv = nn.Conv2DConfig{In: cfg.In, Out: cfg.Anchors * (5 + cfg.Classes), Kernel: 1, Init: nn.Normal(0, 0.01)}.New()
	h.Conv.Bias = nn.NewParam(func(_ *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		bias := tensor.Zeros(d, shape...)
		for a := range cfg.Anchors {
			bias.SetAt(-math.Log(1/0.01-1), a*(5+cfg.Classes)+4)
		}
		return bias
	}, cfg.Anchors*(5+cfg.Classes))
	h.Anchors = nn.NewBuffer(tensor.Float32, nn.Constant(float64(cfg.Stride)), cfg.Anchors, 2)
	return h
}

// HeadOf returns the first head in a model, or nil.
func HeadOf(model nn.Layer) *Head {
	var head *Head
	nn.Walk(model, func(_ string, l nn.Layer) {
		if h, ok := l.(*Head); ok && head == nil {
			head = h
		}
	})
	return head
}

// Config returns the settings.
func (h *Head) Config() HeadConfig { return h.cfg }

// SetAnchors sets width and height, in pixels of the input, of each anchor, after [nn.Init]. It panics if there are more or fewer than the
// head was made for.
func (h *Head) SetAnchors(sizes [][2]float64) {
	var v []float64
	for _, s := range sizes {
		v = append(v, s[0], s[1])
	}
	if len(sizes) != h.cfg.Anchors {
		tensor.Fail("detection.Head", "", "it was made for %d anchors, got %d", h.cfg.Anchors, len(sizes))
	}
	if err := h.Anchors.Set(tensor.FromSlice(v, len(sizes), 2)); err != nil {
		tensor.Fail("detection.Head", "", "%v", err)
	}
}

// anchors returns the sizes.
func (h *Head) anchors() [][2]float64 {
	v := tensor.ToSlice[float64](h.Anchors.Value())
	out := make([][2]float64, h.cfg.Anchors)
	for i := range out {
		out[i] = [2]float64{v[2*i], v[2*i+1]}
	}
	return out
}

// Forward turns a feature map (N, In, H, W) into (N, anchors, H, W, 5+Classes).
func (h *Head) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	y := c.Call("conv", h.Conv, x)
	return y.Reshape(y.Size(0), h.cfg.Anchors, 5+h.cfg.Classes, y.Size(2), y.Size(3)).Permute(0, 1, 3, 4, 2)
}

// Visit names "conv" and the buffer "anchors".
func (h *Head) Visit(v *nn.Visitor) {
	v.Child("conv", h.Conv)
	v.Buffer("anchors", h.Anchors)
}

// String describes the layer.
func (h *Head) String() string {
	return fmt.Sprintf("Head(%d anchors, %d classes, stride %d)", h.cfg.Anchors, h.cfg.Classes, h.cfg.Stride)
}

// check panics unless out has the shape of the head's output.
func (h *Head) check(op string, out *tensor.Tensor) {
	if out.NDim() != 5 || out.Size(1) != h.cfg.Anchors || out.Size(4) != 5+h.cfg.Classes {
		tensor.Fail(op, "give it what Head.Forward returns", "expected shape (N, %d, H, W, %d), got %s", h.cfg.Anchors, 5+h.cfg.Classes, tensor.ShapeString(out.Shape()))
	}
}

// row is one place of an output (N, anchors, H, W, 5+Classes).
type row struct{ image, anchor, y, x int }

// rowAt returns the place that is number i, of shape's first four axes.
func rowAt(i int, shape []int) row {
	r := row{x: i % shape[3]}
	i /= shape[3]
	r.y = i % shape[2]
	i /= shape[2]
	r.anchor, r.image = i%shape[1], i/shape[1]
	return r
}

// box returns the box in pixels of the numbers t at a place.
func (h *Head) box(t []float64, r row, anchor [2]float64) box.Box {
	stride := float64(h.cfg.Stride)
	w, g := 2*sigmoid(t[2]), 2*sigmoid(t[3])
	return box.FromCenter((2*sigmoid(t[0])-0.5+float64(r.x))*stride, (2*sigmoid(t[1])-0.5+float64(r.y))*stride, anchor[0]*w*w, anchor[1]*g*g)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
