package detection

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// fixed is a network of one class of layers only: its output is given.
type fixed struct{ out *tensor.Tensor }

func (f fixed) Forward(*nn.Ctx, *tensor.Tensor) *tensor.Tensor { return f.out }
func (fixed) Visit(*nn.Visitor)                                {}

// given returns a RegionNet whose output for any regions is out (K, 1+5·classes): the head gives it, and Out lets it through.
func given(t *testing.T, out [][]float32, classes int) *RegionNet {
	t.Helper()
	rows := slices.Concat(out...)
	width := 1 + 5*classes
	n := RegionNetConfig{Pool: [2]int{1, 1}, Head: fixed{tensor.FromSlice(rows, len(out), width)}, Features: width, Classes: classes}.New()
	nn.Init(n, 1)
	eye := make([]float32, width*width)
	for i := range width {
		eye[i*width+i] = 1
	}
	n.Out.Weight.Set(tensor.FromSlice(eye, width, width))
	n.Out.Bias.Set(tensor.Zeros(tensor.Float32, width))
	return n
}

type regionReference struct {
	RoIs, Truth, Targets, Out, Boxes [][]float32
	Labels, Classes                  []int
	Scores                           []float64
	Loss                             float64
}

func regionCase(t *testing.T) *regionReference {
	t.Helper()
	text, err := os.ReadFile("testdata/region.json")
	if err != nil {
		t.Fatal(err)
	}
	var r regionReference
	if err := json.Unmarshal(text, &r); err != nil || len(r.RoIs) != 24 {
		t.Fatal(err, len(r.RoIs))
	}
	return &r
}

func asBox(v []float32) box.Box {
	return box.Box{X1: float64(v[0]), Y1: float64(v[1]), X2: float64(v[2]), Y2: float64(v[3])}
}

// Rows of padding between the others don't count.
func TestRegionLossAsTorchvision(t *testing.T) {
	r := regionCase(t)
	var rows []float32
	for k, roi := range r.RoIs {
		rows = append(rows, float32(r.Labels[k]))
		rows = append(rows, roi...)
		for j, v := range regionCoder.Encode(asBox(roi), asBox(r.Truth[k])) {
			if math.Abs(v-float64(r.Targets[k][j])) > 2e-5 {
				t.Errorf("region %d: offset %g, want %g", k, v, r.Targets[k][j])
			}
			rows = append(rows, float32(v))
		}
		if k%5 == 0 {
			rows = append(rows, -1, 0, 0, 0, 0, 0, 0, 0, 0)
		}
	}
	y := tensor.FromSlice(rows, 1, len(rows)/regionRow, regionRow)
	loss, scores, labels := given(t, r.Out, 3).Step(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 3, 100, 110), y)
	if math.Abs(loss.Item()-r.Loss) > 1e-5*r.Loss {
		t.Errorf("loss %g, torchvision has %g", loss.Item(), r.Loss)
	}
	if !slices.Equal(scores.Shape(), []int{24, 4}) || !slices.Equal(labels.Shape(), []int{24}) {
		t.Error(scores.Shape(), labels.Shape())
	}
}

func TestRegionDetectAsTorchvision(t *testing.T) {
	r := regionCase(t)
	var proposed []box.Box
	for _, roi := range r.RoIs {
		proposed = append(proposed, asBox(roi))
	}
	n := given(t, r.Out, 3)
	found := n.Detect(tensor.Zeros(tensor.Float32, 3, 100, 110), proposed, DetectConfig{Score: 0.3})
	if len(found) != len(r.Boxes) || len(found) < 5 {
		t.Fatalf("%d found, torchvision finds %d", len(found), len(r.Boxes))
	}
	for i, o := range found {
		want := asBox(r.Boxes[i])
		if o.Class != r.Classes[i] || math.Abs(o.Score-r.Scores[i]) > 1e-5 || math.Abs(o.Box.X1-want.X1)+math.Abs(o.Box.Y1-want.Y1)+math.Abs(o.Box.X2-want.X2)+math.Abs(o.Box.Y2-want.Y2) > 1e-3 {
			t.Errorf("%d: %+v, want %v class %d score %g", i, o, want, r.Classes[i], r.Scores[i])
		}
	}
	if few := n.Detect(tensor.Zeros(tensor.Float32, 3, 100, 110), proposed, DetectConfig{Score: 0.3, Most: 2}); !slices.Equal(few, found[:2]) {
		t.Error(few)
	}
	if n.Detect(tensor.Zeros(tensor.Float32, 3, 100, 110), nil, DetectConfig{}) != nil {
		t.Error("something was found in no region")
	}
}

// Labels, counts and offsets of the regions that are drawn.
func TestDrawRegions(t *testing.T) {
	truth := []box.Object{{Box: box.Box{X1: 10, Y1: 10, X2: 30, Y2: 30}, Class: 2}, {Box: box.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}, Class: 0}, {Box: box.Box{X1: 0, Y1: 0, X2: 60, Y2: 60}, Crowd: true}}
	var candidates []box.Object
	for i := range 40 {
		candidates = append(candidates, box.Object{Box: box.Box{X1: 10 + float64(i)/2, Y1: 10, X2: 30 + float64(i)/2, Y2: 30}}, box.Object{Box: box.Box{X1: 70, Y1: float64(i), X2: 80, Y2: 50}})
	}
	cfg := RegionConfig{Regions: 32}.filled()
	y := drawRegions(tensor.NewRNG(5), candidates, truth, cfg)
	if !slices.Equal(y.Shape(), []int{32, 9}) {
		t.Fatal(y.Shape())
	}
	v := tensor.Data[float32](y)
	positive, near := 0, 0
	for i := 0; i < len(v); i += 9 {
		b := asBox(v[i+1:])
		most, thing := 0.0, 0
		for g, o := range truth[:2] {
			if iou := box.IoU(b, o.Box); iou > most {
				most, thing = iou, g
			}
		}
		switch {
		case v[i] > 0:
			positive++
			back := regionCoder.Decode(b, [4]float64{float64(v[i+5]), float64(v[i+6]), float64(v[i+7]), float64(v[i+8])})
			if most < 0.5 || int(v[i]) != 1+truth[thing].Class || box.IoU(back, truth[thing].Box) < 0.999 {
				t.Errorf("row %v: IoU %g, leads to %v", v[i:i+9], most, back)
			}
		case v[i] == 0:
			if most >= 0.5 || v[i+5] != 0 {
				t.Errorf("row %v: IoU %g", v[i:i+9], most)
			}
			if most >= 0.1 {
				near++
			}
		default:
			t.Error("padding")
		}
	}
	if positive != 8 || near < 15 {
		t.Error(positive, "show things,", near, "are near one")
	}
	// Few candidates leave rows over; a scene without things has background only.
	few := tensor.Data[float32](drawRegions(tensor.NewRNG(5), candidates[:2], nil, cfg))
	if few[0] != 0 || few[9] != 0 || few[18] != -1 {
		t.Error(few[:27])
	}
}

// The same draw gives the same regions, another epoch others; mirrored pictures take their boxes along.
func TestRegionDataset(t *testing.T) {
	all, _ := plainScenes([]box.Object{{Box: box.Box{X1: 1, Y1: 1, X2: 5, Y2: 5}, Class: 1}}, nil)
	proposed := [][]box.Box{{{X1: 0, Y1: 0, X2: 4, Y2: 4}, {X1: 6, Y1: 2, X2: 12, Y2: 8}, {X1: 1, Y1: 0, X2: 6, Y2: 5}}, {{X1: 0, Y1: 0, X2: 4, Y2: 4}}}
	ds := NewRegionDataset(all, proposed, 8, 12, RegionConfig{Regions: 4, Flip: true})
	at := func(epoch int, index ...int) data.Batch {
		b, err := ds.Batch(data.Draw{Index: index, Epoch: epoch, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := at(0, 0, 1)
	if !slices.Equal(b.X.Shape(), []int{2, 3, 8, 12}) || !slices.Equal(b.Y.Shape(), []int{2, 4, 9}) {
		t.Fatal(b.X.Shape(), b.Y.Shape())
	}
	turned := at(0, 1, 0)
	if !slices.Equal(tensor.ToSlice[float32](b.Y.Select(0, 0)), tensor.ToSlice[float32](turned.Y.Select(0, 1))) {
		t.Error("an example depends on its place in the batch")
	}
	seen := map[float32]bool{}
	for epoch := range 20 {
		y := tensor.ToSlice[float32](at(epoch, 0).Y)
		for i := 0; i < len(y); i += 9 {
			if y[i] == 2 && y[i+3]-y[i+1] == 4 && y[i+5] == 0 { // the thing's own box
				seen[y[i+1]*100+y[i+2]] = true
			}
		}
	}
	if len(seen) != 4 || !seen[101] || !seen[701] || !seen[103] || !seen[703] {
		t.Errorf("the thing is seen at %v", seen)
	}
	if tensor.Try(func() error { NewRegionDataset(all, nil, 8, 8, RegionConfig{}); return nil }) == nil {
		t.Error("no error")
	}
}

// A small network of each kind learns to tell bright squares from dark ones, and where they are.
func TestRegionNetLearns(t *testing.T) {
	for name, n := range map[string]*RegionNet{
		"Fast R-CNN": RegionNetConfig{Backbone: nn.Seq(nn.Conv2DConfig{In: 3, Out: 8, Kernel: 3, Pad: 1}.New(), nn.ReLU()), Pool: [2]int{4, 4}, Head: nn.Seq(nn.Flatten(), nn.NewLinear(128, 32), nn.ReLU()), Features: 32, Classes: 2}.New(),
		"R-CNN":      RegionNetConfig{Pool: [2]int{8, 8}, Warp: true, Head: nn.Seq(nn.Flatten(), nn.NewLinear(192, 32), nn.ReLU()), Features: 32, Classes: 2}.New(),
	} {
		nn.Init(n, 2)
		x := tensor.Full(tensor.Float32, 0.5, 1, 3, 24, 24)
		p := tensor.MutableData[float32](x)
		truth := []box.Object{{Box: box.Box{X1: 2, Y1: 2, X2: 10, Y2: 10}, Class: 0}, {Box: box.Box{X1: 12, Y1: 12, X2: 20, Y2: 20}, Class: 1}}
		for i := range 3 * 24 * 24 {
			px, py := i%24, i/24%24
			if px >= 2 && px < 10 && py >= 2 && py < 10 {
				p[i] = 1
			} else if px >= 12 && px < 20 && py >= 12 && py < 20 {
				p[i] = 0
			}
		}
		var candidates []box.Object
		var boxes []box.Box
		for i := range 100 {
			b := box.FromXYWH(float64(i%10)*1.6, float64(i/10)*1.6, 8, 8)
			boxes, candidates = append(boxes, b), append(candidates, box.Object{Box: b})
		}
		rng, first, last := tensor.NewRNG(1), 0.0, 0.0
		opt := optim.NewAdamW(nn.Params(n), optim.AdamConfig{LR: 0.005})
		for step := range 150 {
			y := drawRegions(rng, candidates, truth, RegionConfig{Regions: 32}.filled()).Unsqueeze(0)
			loss, _, _ := n.Step(nn.Train(rng), x, y)
			if last = loss.Item(); step == 0 {
				first = last
			}
			loss.Backward()
			opt.Step()
		}
		found := n.Detect(x.Select(0, 0), boxes, DetectConfig{Score: 0.5})
		if last > first/3 || len(found) < 2 {
			t.Errorf("%s: the loss went from %g to %g; found %v", name, first, last, found)
			continue
		}
		for _, o := range truth {
			if !slices.ContainsFunc(found, func(f box.Object) bool { return f.Class == o.Class && box.IoU(f.Box, o.Box) > 0.7 }) {
				t.Errorf("%s: %v isn't among %v", name, o, found)
			}
		}
	}
}
