package detection

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/gradcheck"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

type array struct {
	Shape []int
	Data  []float64
}

func (a array) tensor() *tensor.Tensor { return tensor.FromSlice(a.Data, a.Shape...) }

// yoloCase is what testdata/gen_yolo.py wrote.
type yoloCase struct {
	Stride, Classes, Positives, Ignored int
	Anchors                             [][2]float64
	Match, Ignore                       float64
	Weights, Parts                      []float64
	Out, Targets, Boxes, Grad           array
}

func readYOLO(t *testing.T) (c yoloCase, loss *YOLO) {
	t.Helper()
	text, err := os.ReadFile("testdata/yolo.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	head := testHead(c.Stride, c.Classes, c.Anchors)
	return c, YOLO{Head: head, Box: c.Weights[0], Object: c.Weights[1], Class: c.Weights[2], Match: c.Match, Ignore: c.Ignore}.New()
}

func testHead(stride, classes int, anchors [][2]float64) *Head {
	h := HeadConfig{In: 4, Anchors: len(anchors), Classes: classes, Stride: stride}.New()
	nn.Init(h, 1)
	h.SetAnchors(anchors)
	return h
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		if !(math.Abs(g-want[i]) <= tolerance*(1+math.Abs(want[i]))) {
			t.Fatalf("%s: number %d is %.12g, want %.12g", what, i, g, want[i])
		}
	}
}

func TestYOLOLossAndGradientEqualPyTorch(t *testing.T) {
	c, loss := readYOLO(t)
	out := c.Out.tensor().RequireGrad()

	a := loss.assign(out, c.Targets.tensor())
	ignored := 0
	for _, w := range a.weight {
		if w == 0 {
			ignored++
		}
	}
	if len(a.rows) != c.Positives || ignored != c.Ignored {
		t.Errorf("%d places have objects and %d are ignored, want %d and %d", len(a.rows), ignored, c.Positives, c.Ignored)
	}
	b, o, k := loss.Parts(out, c.Targets.tensor())
	near(t, "parts", []float64{b.Item(), o.Item(), k.Item()}, c.Parts, 1e-6)

	loss.Loss(out, c.Targets.tensor()).Backward()
	near(t, "gradient", tensor.ToSlice[float64](out.Grad()), c.Grad.Data, 1e-6)
}

// The box loss takes α, and all take the assignment, as constant; with both held fixed, gradients are those of finite differences.
func TestYOLOLossPartsAreDifferentiable(t *testing.T) {
	c, loss := readYOLO(t)
	a := loss.assign(c.Out.tensor(), c.Targets.tensor())
	err := gradcheck.Check(func(x []*tensor.Tensor) *tensor.Tensor {
		_, object, class := loss.parts(x[0], a)
		return object.Add(class)
	}, gradcheck.Config{}, c.Out.tensor())
	if err != nil {
		t.Error(err)
	}
	// Boxes of the truth's aspect: v and α are 0 there, and so are the first derivatives of their product.
	truth := tensor.FromSlice([]float64{5, 6, 4, 2, 9, 9, 3, 6}, 2, 4)
	err = gradcheck.Check(func(x []*tensor.Tensor) *tensor.Tensor { return CIoU(x[0], x[1], truth) }, gradcheck.Config{},
		tensor.FromSlice([]float64{5.5, 6.3, 8.2, 10.3}, 2, 2), tensor.FromSlice([]float64{6.0, 3, 4, 8}, 2, 2))
	if err != nil {
		t.Error(err)
	}
}

func TestCIoUEqualsThatOfBoxes(t *testing.T) {
	rng := tensor.NewRNG(3)
	v := tensor.ToSlice[float64](rng.Uniform(tensor.Float64, 1, 10, 50, 8))
	for i := 0; i < len(v); i += 8 {
		a, b := box.FromCenter(v[i], v[i+1], v[i+2], v[i+3]), box.FromCenter(v[i+4], v[i+5], v[i+6], v[i+7])
		got := CIoU(tensor.FromSlice(v[i:i+2], 1, 2), tensor.FromSlice(v[i+2:i+4], 1, 2), tensor.FromSlice(v[i+4:i+8], 1, 4)).Item()
		if want := box.CIoU(a, b); math.Abs(got-want) > 1e-6 {
			t.Errorf("CIoU of %v and %v is %g, package box says %g", a, b, got, want)
		}
	}
}

func TestHeadDecodesAsPyTorch(t *testing.T) {
	c, loss := readYOLO(t)
	for i, want := range slices.Collect(slices.Chunk(c.Boxes.Data, 4)) {
		r := rowAt(i, c.Out.Shape)
		b := loss.Head.box(c.Out.Data[i*(5+c.Classes):], r, c.Anchors[r.anchor])
		near(t, "box", []float64{b.X1, b.Y1, b.X2, b.Y2}, want, 1e-12)
	}
}

// certain returns an output of a head in which the given places are sure of the given objects and all others that there is none.
func certain(h *Head, rows, cols int, at map[row]box.Object) *tensor.Tensor {
	out := tensor.Full(tensor.Float32, -12, 1, h.cfg.Anchors, rows, cols, 5+h.cfg.Classes)
	stride, anchors := float64(h.cfg.Stride), h.anchors()
	for r, o := range at {
		x, y := o.Box.Center()
		for k, v := range []float64{
			logit((x/stride - float64(r.x) + 0.5) / 2), logit((y/stride - float64(r.y) + 0.5) / 2),
			logit(math.Sqrt(o.Box.Width()/anchors[r.anchor][0]) / 2), logit(math.Sqrt(o.Box.Height()/anchors[r.anchor][1]) / 2),
			logit(o.Score),
		} {
			out.SetAt(v, r.image, r.anchor, r.y, r.x, k)
		}
		out.SetAt(12, r.image, r.anchor, r.y, r.x, 5+o.Class)
	}
	return out
}

func TestHeadBoxesFindsWhatTheOutputSays(t *testing.T) {
	h := testHead(16, 2, [][2]float64{{20, 20}, {40, 24}})
	a := box.Object{Box: box.Box{X1: 10, Y1: 20, X2: 40, Y2: 44}, Class: 1, Score: 0.9}
	worse := box.Object{Box: box.Box{X1: 11, Y1: 20, X2: 41, Y2: 44}, Class: 1, Score: 0.8}
	other := box.Object{Box: box.Box{X1: 10, Y1: 20, X2: 40, Y2: 44}, Class: 0, Score: 0.7}
	edge := box.Object{Box: box.Box{X1: 60, Y1: 50, X2: 90, Y2: 70}, Class: 0, Score: 0.5}
	out := certain(h, 4, 5, map[row]box.Object{{0, 1, 2, 1}: a, {0, 0, 2, 1}: worse, {0, 1, 1, 1}: other, {0, 1, 3, 4}: edge})

	found := h.Boxes(out, DetectConfig{Width: 80, Height: 64})[0]
	edge.Box = box.Box{X1: 60, Y1: 50, X2: 80, Y2: 64} // cut off at the image's edge
	want := []box.Object{a, other, edge}               // worse overlaps a, which is of the same class
	if len(found) != len(want) {
		t.Fatalf("found %v, want %v", found, want)
	}
	for i, w := range want {
		f := found[i]
		near(t, "found", []float64{f.Box.X1, f.Box.Y1, f.Box.X2, f.Box.Y2, f.Score}, []float64{w.Box.X1, w.Box.Y1, w.Box.X2, w.Box.Y2, w.Score}, 1e-4)
		if f.Class != w.Class {
			t.Errorf("find %d is of class %d, want %d", i, f.Class, w.Class)
		}
	}
	if found := h.Boxes(out, DetectConfig{Score: 0.75, IoU: 0.99})[0]; len(found) != 2 {
		t.Errorf("with a threshold of 0.75 and hardly any suppression: %v, want the two best", found)
	}
	if found := h.Boxes(out, DetectConfig{Most: 1})[0]; len(found) != 1 || found[0].Class != 1 {
		t.Errorf("at most one: %v, want the best", found)
	}
}

// A network that has learnt the target says what the target says: without objects nothing is positive, and a perfect output costs little.
func TestYOLOLossOfPerfectAndEmptyImages(t *testing.T) {
	h := testHead(16, 2, [][2]float64{{20, 20}, {40, 24}})
	loss := YOLO{Head: h}.New()
	nothing := certain(h, 4, 5, nil)
	none := scene.Rows(nil, 3).Unsqueeze(0)
	if l := loss.Loss(nothing, none).Item(); !(l < 1e-3) {
		t.Errorf("an empty image, and nothing said: loss %g", l)
	}
	o := box.Object{Box: box.Box{X1: 12, Y1: 20, X2: 42, Y2: 44}, Class: 1, Score: 1 - 1e-6}
	out := certain(h, 4, 5, map[row]box.Object{{0, 1, 2, 1}: o, {0, 1, 1, 1}: o, {0, 1, 2, 2}: o, {0, 0, 2, 1}: o, {0, 0, 1, 1}: o, {0, 0, 2, 2}: o})
	target := scene.Rows([]box.Object{o}, 3).Unsqueeze(0)
	if l := loss.Loss(out, target).Item(); !(l < 0.01) {
		t.Errorf("all places of an object give its box: loss %g", l)
	}
	if l := loss.Loss(nothing, target).Item(); !(l > 5) {
		t.Errorf("an object is missed: loss %g", l)
	}
	if l := loss.Loss(out, none).Item(); !(l > 5) {
		t.Errorf("objects are found where none is: loss %g", l)
	}
}

// Squares and bars on noise: a small net learns in a hundred steps to find nearly all of those it has seen.
func TestYOLOLearnsToFind(t *testing.T) {
	x, truth := squaresAndBars(16)
	most := 0
	for _, all := range truth {
		most = max(most, len(all))
	}
	var rows []*tensor.Tensor
	for _, all := range truth {
		rows = append(rows, scene.Rows(all, most))
	}
	y := tensor.Stack(0, rows...)

	h := HeadConfig{In: 32, Anchors: 2, Classes: 2, Stride: 8}.New()
	conv := func(in, out int) nn.Layer {
		return nn.Seq(nn.Conv2DConfig{In: in, Out: out, Kernel: 3, Stride: 2, Pad: 1, NoBias: true}.New(), nn.NewBatchNorm(out), nn.SiLU())
	}
	net := nn.Seq(conv(3, 8), conv(8, 16), conv(16, 32), h)
	nn.Init(net, 1)
	h.SetAnchors([][2]float64{{8, 8}, {20, 6}})
	loss := YOLO{Head: h}.New()
	opt := optim.NewAdam(nn.Params(net), optim.AdamConfig{LR: 0.01})
	for step := range 100 {
		loss.Loss(net.Forward(nn.Train(tensor.NewRNG(uint64(step))), x), y).Backward()
		opt.Step()
	}
	hits, all, finds := 0, 0, 0
	for i, found := range h.Boxes(net.Forward(nn.Eval(), x), DetectConfig{Score: 0.3}) {
		finds += len(found)
		for _, o := range truth[i] {
			all++
			if slices.ContainsFunc(found, func(f box.Object) bool { return f.Class == o.Class && box.IoU(f.Box, o.Box) > 0.5 }) {
				hits++
			}
		}
	}
	if hits < all*9/10 || finds > all*5/4 {
		t.Errorf("found %d of %d objects, with %d boxes", hits, all, finds)
	}
}

// squaresAndBars draws n images (n, 3, 64, 64) with one square of 8 to 12 pixels in red and one bar, about 20×6, in blue.
func squaresAndBars(n int) (x *tensor.Tensor, truth [][]box.Object) {
	rng := tensor.NewRNG(7)
	x = rng.Uniform(tensor.Float32, 0, 0.3, n, 3, 64, 64)
	v := tensor.MutableData[float32](x)
	where := tensor.ToSlice[int64](rng.Uniform(tensor.Float64, 0, 1, n, 6).MulScalar(1 << 20).To(tensor.Int64))
	for i := range n {
		between := func(k, lo, hi int) int { return lo + int(where[6*i+k])%(hi-lo) }
		side := between(0, 8, 13)
		var all []box.Object
		for k, size := range [][2]int{{side, side}, {between(1, 17, 24), between(1, 5, 8)}} {
			left, top := between(2+2*k, 0, 64-size[0]), between(3+2*k, 0, 64-size[1])
			for r := top; r < top+size[1]; r++ {
				for c := left; c < left+size[0]; c++ {
					v[((i*3+2*k)*64+r)*64+c] = 1
				}
			}
			all = append(all, box.Object{Class: k, Score: 1, Box: box.FromXYWH(float64(left), float64(top), float64(size[0]), float64(size[1]))})
		}
		truth = append(truth, all)
	}
	return x, truth
}
