package box

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
)

type quad [4]float64

func (q quad) box() Box { return Box{q[0], q[1], q[2], q[3]} }

func all(qs []quad) []Box {
	out := make([]Box, len(qs))
	for i, q := range qs {
		out[i] = q.box()
	}
	return out
}

// reference is testdata/box.json, which gen_box.py writes.
type reference struct {
	Pairs struct {
		A, B                  []quad
		IoU, GIoU, DIoU, CIoU [][]float64
	}
	NMS []struct {
		Boxes          []quad
		Scores         []float64
		Classes        []int
		Threshold      float64
		Kept, Agnostic []int
	}
	Soft struct {
		Boxes            []quad
		Scores           []float64
		Gaussian, Linear [][2]float64
	}
	Assign struct {
		Anchors, Truth []quad
		D2L            map[string][]int
		Matcher        []struct {
			Positive, Negative float64
			Best               bool
			Matches            []int
		}
	}
	Coder struct {
		Anchors, Truth, Plain, Varied, Wild, Decoded []quad
	}
	Anchors map[string]json.RawMessage
}

func load(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile("testdata/box.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func near(a, b float64) bool { return math.Abs(a-b) <= 2e-9*max(1, math.Abs(a), math.Abs(b)) }

func TestOverlapsAsTorchvision(t *testing.T) {
	r := load(t).Pairs
	if len(r.A) != 12 || len(r.B) != 9 {
		t.Fatal(len(r.A), len(r.B))
	}
	matrix := IoUs(all(r.A), all(r.B))
	for i, a := range r.A {
		for j, b := range r.B {
			for name, pair := range map[string][2]float64{
				"IoU": {IoU(a.box(), b.box()), r.IoU[i][j]}, "IoUs": {matrix[i][j], r.IoU[i][j]}, "GIoU": {GIoU(a.box(), b.box()), r.GIoU[i][j]},
				"DIoU": {DIoU(a.box(), b.box()), r.DIoU[i][j]}, "CIoU": {CIoU(a.box(), b.box()), r.CIoU[i][j]},
			} {
				if !near(pair[0], pair[1]) {
					t.Errorf("%s of %v and %v: %.10f, want %.10f", name, a, b, pair[0], pair[1])
				}
			}
		}
	}
}

func TestOverlapOfEmptyBoxes(t *testing.T) {
	point, other := Box{5, 5, 5, 5}, Box{0, 0, 10, 10}
	for name, f := range map[string]func(a, b Box) float64{"IoU": IoU, "GIoU": GIoU, "DIoU": DIoU, "CIoU": CIoU} {
		for _, pair := range [][2]Box{{point, point}, {point, other}, {other, point}, {{9, 9, 1, 1}, other}, {{0, 5, 10, 5}, {0, 5, 10, 5}}} {
			if v := f(pair[0], pair[1]); math.IsNaN(v) || v > 0 || v < -1.5 {
				t.Errorf("%s%v = %g", name, pair, v)
			}
		}
	}
}

func TestGeometry(t *testing.T) {
	b := Box{2, 3, 12, 8}
	for name, pair := range map[string][2]Box{
		"FromCenter": {FromCenter(7, 5.5, 10, 5), b},
		"FromXYWH":   {FromXYWH(2, 3, 10, 5), b},
		"Intersect":  {b.Intersect(Box{5, 0, 20, 4}), Box{5, 3, 12, 4}},
		"apart":      {b.Intersect(Box{12, 0, 20, 4}), Box{}},
		"Enclose":    {b.Enclose(Box{5, 0, 20, 4}), Box{2, 0, 20, 8}},
		"Clip":       {Box{-4, 3, 30, 9}.Clip(20, 5), Box{0, 3, 20, 5}},
		"outside":    {Box{-4, 3, -1, 4}.Clip(20, 5), Box{0, 3, 0, 4}},
		"Scale":      {b.Scale(2, 0.5), Box{4, 1.5, 24, 4}},
		"Translate":  {b.Translate(1, -1), Box{3, 2, 13, 7}},
		"Mirror":     {b.Mirror(20), Box{8, 3, 18, 8}},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	if x, y := b.Center(); x != 7 || y != 5.5 || b.Area() != 50 || b.Width() != 10 || b.Height() != 5 || b.Empty() {
		t.Error(x, y, b.Area(), b.Width(), b.Height(), b.Empty())
	}
	inside := Box{9, 9, 1, 1}
	if inside.Area() != 0 || !inside.Empty() || !(Box{math.NaN(), 0, 1, 1}).Empty() {
		t.Error("inside out")
	}
	if s := b.String(); s != "(2, 3)–(12, 8)" {
		t.Error(s)
	}
}

// objects makes objects whose places can be found again: their Difficult fields stay false, so equal ones are told apart by order.
func objects(boxes []quad, scores []float64, classes []int) []Object {
	out := make([]Object, len(boxes))
	for i := range out {
		out[i] = Object{Box: boxes[i].box(), Score: scores[i]}
		if classes != nil {
			out[i].Class = classes[i]
		}
	}
	return out
}

func TestNMSAsTorchvision(t *testing.T) {
	cases := load(t).NMS
	if len(cases) != 6 {
		t.Fatal(len(cases))
	}
	for i, c := range cases {
		in := objects(c.Boxes, c.Scores, c.Classes)
		before := slices.Clone(in)
		for name, pair := range map[string]struct {
			got  []Object
			want []int
		}{"NMS": {NMS(in, c.Threshold), c.Kept}, "AgnosticNMS": {AgnosticNMS(in, c.Threshold), c.Agnostic}} {
			var want []Object
			for _, at := range pair.want {
				want = append(want, in[at])
			}
			if !slices.Equal(pair.got, want) {
				t.Errorf("case %d: %s kept\n%v, want\n%v", i, name, pair.got, want)
			}
		}
		if !slices.Equal(in, before) {
			t.Errorf("case %d: the input changed", i)
		}
	}
	if got := NMS(nil, 0.5); len(got) != 0 {
		t.Error(got)
	}
}

// Exactly at the threshold nothing is suppressed; scores that are not numbers come last.
func TestNMSBorderline(t *testing.T) {
	a, b := Box{0, 0, 10, 10}, Box{0, 0, 10, 5} // IoU 0.5
	if n := len(NMS([]Object{{Box: a, Score: 1}, {Box: b, Score: 0.5}}, 0.5)); n != 2 {
		t.Error(n)
	}
	if n := len(NMS([]Object{{Box: a, Score: 1}, {Box: b, Score: 0.5}}, 0.499)); n != 1 {
		t.Error(n)
	}
	got := NMS([]Object{{Box: a, Score: math.NaN()}, {Box: a, Score: 0.1, Class: 1}, {Box: b, Score: 0.2}}, 0.6)
	if len(got) != 3 || got[0].Score != 0.2 || got[1].Score != 0.1 || !math.IsNaN(got[2].Score) {
		t.Error(got)
	}
}

func TestSoftNMS(t *testing.T) {
	r := load(t).Soft
	in := objects(r.Boxes, r.Scores, nil)
	for decay, want := range map[Decay][][2]float64{Gaussian: r.Gaussian, Linear: r.Linear} {
		got := SoftNMS(in, SoftNMSConfig{Decay: decay})
		if len(got) != len(want) || len(got) < 10 {
			t.Fatalf("decay %d: %d kept, want %d", decay, len(got), len(want))
		}
		for i, w := range want {
			if got[i].Box != in[int(w[0])].Box || !near(got[i].Score, w[1]) {
				t.Errorf("decay %d: place %d: %v, want %v with %g", decay, i, got[i], in[int(w[0])].Box, w[1])
			}
		}
	}
	same := Box{0, 0, 10, 10}
	if got := SoftNMS([]Object{{Box: same, Score: 0.9}, {Box: same, Score: 0.8, Class: 1}}, SoftNMSConfig{}); len(got) != 2 || got[1].Score != 0.8 {
		t.Errorf("classes disturb each other: %v", got)
	}
	if got := SoftNMS([]Object{{Box: same, Score: math.NaN()}}, SoftNMSConfig{}); len(got) != 0 {
		t.Error(got)
	}
	panics(t, func() { SoftNMS(nil, SoftNMSConfig{Sigma: -1}) })
}

func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

func TestAssignment(t *testing.T) {
	r := load(t).Assign
	anchors, truth := all(r.Anchors), all(r.Truth)
	for threshold, want := range r.D2L {
		v, err := strconv.ParseFloat(threshold, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := Assign(anchors, truth, v); !slices.Equal(got, want) {
			t.Errorf("Assign at %s: %v, want %v", threshold, got, want)
		}
	}
	for _, c := range r.Matcher {
		if got := MaxIoU(anchors, truth, MaxIoUConfig{Positive: c.Positive, Negative: c.Negative, Best: c.Best}); !slices.Equal(got, c.Matches) {
			t.Errorf("MaxIoU %g %g %v: %v, want %v", c.Positive, c.Negative, c.Best, got, c.Matches)
		}
	}
	if len(r.D2L) != 3 || len(r.Matcher) != 4 {
		t.Error(len(r.D2L), len(r.Matcher))
	}
}

func TestAssignmentWithoutThings(t *testing.T) {
	a := []Box{{0, 0, 1, 1}, {5, 5, 6, 6}}
	for _, got := range [][]int{Assign(a, nil, 0), MaxIoU(a, nil, MaxIoUConfig{Positive: 0.7, Negative: 0.3, Best: true})} {
		if !slices.Equal(got, []int{Background, Background}) {
			t.Error(got)
		}
	}
	// A thing that no anchor touches gets one in Assign, none in MaxIoU; more things than anchors leave some without.
	far := []Box{{50, 50, 60, 60}}
	if got := Assign(a, far, 0.5); !slices.Equal(got, []int{0, Background}) {
		t.Error(got)
	}
	if got := MaxIoU(a, far, MaxIoUConfig{Positive: 0.7, Negative: 0.3, Best: true}); !slices.Equal(got, []int{Background, Background}) {
		t.Error(got)
	}
	if got := Assign(a[:1], []Box{far[0], a[0]}, 0.5); !slices.Equal(got, []int{1}) {
		t.Error(got)
	}
	panics(t, func() { MaxIoU(nil, nil, MaxIoUConfig{Positive: 0.3, Negative: 0.7}) })
}

func TestCoderAsTorchvision(t *testing.T) {
	r := load(t).Coder
	varied := Coder{[4]float64{0.1, 0.1, 0.2, 0.2}}
	for i := range r.Anchors {
		a, truth := r.Anchors[i].box(), r.Truth[i].box()
		decoded := varied.Decode(a, r.Wild[i])
		back := varied.Decode(a, varied.Encode(a, truth))
		for name, pair := range map[string][2]quad{
			"plain": {Coder{}.Encode(a, truth), r.Plain[i]}, "varied": {varied.Encode(a, truth), r.Varied[i]},
			"wild": {{decoded.X1, decoded.Y1, decoded.X2, decoded.Y2}, r.Decoded[i]}, "back": {{back.X1, back.Y1, back.X2, back.Y2}, r.Truth[i]},
		} {
			for k := range 4 {
				if !near(pair[0][k], pair[1][k]) {
					t.Errorf("%s %d: %v, want %v", name, i, pair[0], pair[1])
				}
			}
		}
	}
	panics(t, func() { Coder{}.Encode(Box{}, Box{0, 0, 1, 1}) })
	panics(t, func() { Coder{[4]float64{1, 1, 1, -1}}.Decode(Box{0, 0, 1, 1}, [4]float64{}) })
}

func TestKMeansAnchors(t *testing.T) {
	r := load(t).Anchors
	var sizes [][2]float64
	if err := json.Unmarshal(r["sizes"], &sizes); err != nil || len(sizes) != 160 {
		t.Fatal(err, len(sizes))
	}
	for _, k := range []int{1, 2, 4, 7} {
		var want struct {
			IoU     float64
			Anchors [][2]float64
		}
		if err := json.Unmarshal(r[strconv.Itoa(k)], &want); err != nil {
			t.Fatal(err)
		}
		got := KMeansAnchors(sizes, k, 3)
		if !slices.Equal(got, KMeansAnchors(sizes, k, 3)) {
			t.Error("two runs differ")
		}
		if fit := MeanIoU(sizes, got); len(got) != k || fit < want.IoU-0.005 || fit > want.IoU+0.005 {
			t.Errorf("%d anchors fit with IoU %g, those of 200 starts in NumPy with %g", k, fit, want.IoU)
		}
		if k > 4 {
			continue // several optima are nearly as good
		}
		for i, a := range want.Anchors {
			if math.Abs(got[i][0]-a[0]) > 1e-9 || math.Abs(got[i][1]-a[1]) > 1e-9 {
				t.Errorf("%d anchors: %v, want %v", k, got, want.Anchors)
				break
			}
		}
	}
}

func TestKMeansAnchorsOfFewSizes(t *testing.T) {
	same := [][2]float64{{3, 4}, {3, 4}, {3, 4}}
	if got := KMeansAnchors(same, 2, 1); !slices.Equal(got, same[:2]) {
		t.Error(got)
	}
	if v := SizeIoU([2]float64{2, 4}, [2]float64{4, 2}); !near(v, 4.0/12) {
		t.Error(v)
	}
	panics(t, func() { KMeansAnchors(same, 4, 1) })
	panics(t, func() { KMeansAnchors(same, 0, 1) })
	panics(t, func() { KMeansAnchors([][2]float64{{0, 1}}, 1, 1) })
	panics(t, func() { KMeansAnchors([][2]float64{{math.Inf(1), 1}}, 1, 1) })
}
