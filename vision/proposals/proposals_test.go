package proposals

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// reference is testdata/skimage.json, which gen_skimage.py writes.
type reference struct {
	Segments []struct {
		Scale, Sigma float64
		MinSize      int `json:"min_size"`
		Count        int
		Labels       string
	}
	Colours struct{ RGB, HSV, Lab [][3]float64 }
}

func load(t *testing.T) (*reference, *tensor.Tensor) {
	t.Helper()
	text, err := os.ReadFile("testdata/skimage.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	im, err := imagefolder.ReadImage("testdata/photo.png", imagefolder.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &r, im.Tensor()
}

func unpack(t *testing.T, packed string) []uint16 {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint16, len(data)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return out
}

// The cut equals scikit-image's pixel for pixel but where edges cost nearly the same, which it sorts in another order: at least 99% of pairs
// of pixels must agree on whether they lie in one segment (Rand's index).
func TestFelzenszwalbAsScikitImage(t *testing.T) {
	r, photo := load(t)
	if len(r.Segments) != 4 {
		t.Fatal(len(r.Segments))
	}
	for _, c := range r.Segments {
		got := Felzenszwalb(photo, FelzenszwalbConfig{Scale: c.Scale, Sigma: c.Sigma, MinSize: c.MinSize})
		want := unpack(t, c.Labels)
		if got.Height != 80 || got.Width != 80 || len(got.Label) != len(want) {
			t.Fatal(got.Height, got.Width, len(want))
		}
		both, ours, theirs := map[[2]int]float64{}, map[int]float64{}, map[int]float64{}
		for i, l := range got.Label {
			both[[2]int{int(l), int(want[i])}]++
			ours[int(l)]++
			theirs[int(want[i])]++
		}
		pairs := func(n float64) float64 { return n * (n - 1) / 2 }
		same, a, b := 0.0, 0.0, 0.0
		for _, n := range both {
			same += pairs(n)
		}
		for _, n := range ours {
			a += pairs(n)
		}
		for _, n := range theirs {
			b += pairs(n)
		}
		rand := 1 - (a+b-2*same)/pairs(float64(len(want)))
		t.Logf("scale %g: %d segments, scikit-image %d, Rand's index %.5f", c.Scale, got.Count, c.Count, rand)
		if rand < 0.99 || math.Abs(float64(got.Count-c.Count)) > 0.02*float64(c.Count)+1 {
			t.Errorf("scale %g: %d segments, scikit-image has %d; Rand's index %.4f", c.Scale, got.Count, c.Count, rand)
		}
	}
}

func TestColoursAsScikitImage(t *testing.T) {
	r, _ := load(t)
	for i, p := range r.Colours.RGB {
		red, green, blue := p[0]/255, p[1]/255, p[2]/255
		for name, pair := range map[string][2][3]float64{"HSV": {hsv(red, green, blue), r.Colours.HSV[i]}, "Lab": {lab(red, green, blue), r.Colours.Lab[i]}} {
			for k := range 3 {
				if math.Abs(pair[0][k]-pair[1][k]) > 2e-6 {
					t.Errorf("%s of %v: %v, want %v", name, p, pair[0], pair[1])
					break
				}
			}
		}
	}
	if len(r.Colours.RGB) < 50 {
		t.Error(len(r.Colours.RGB))
	}
}

// discs is a picture of discs on a ground with a little noise.
func discs(h, w int, at [][3]float64) (*tensor.Tensor, []box.Box) {
	rng := tensor.NewRNG(4)
	x := rng.Uniform(tensor.Float32, 0, 0.04, 3, h, w)
	p := tensor.MutableData[float32](x)
	var boxes []box.Box
	for i, d := range at {
		boxes = append(boxes, box.FromCenter(d[0], d[1], 2*d[2], 2*d[2]))
		for y := range h {
			for x := range w {
				if math.Hypot(float64(x)+0.5-d[0], float64(y)+0.5-d[1]) <= d[2] {
					p[(i%3)*h*w+y*w+x] += 0.8
				}
			}
		}
	}
	return x, boxes
}

func TestSelectiveSearchFindsWhatStandsOut(t *testing.T) {
	x, truth := discs(90, 120, [][3]float64{{30, 30, 14}, {80, 40, 22}, {50, 70, 9}})
	found := SelectiveSearch(x, Config{})
	for _, b := range truth {
		best := 0.0
		for _, f := range found {
			best = max(best, box.IoU(b, f))
		}
		if best < 0.85 {
			t.Errorf("%v is found with IoU %.2f only", b, best)
		}
	}
	whole := box.Box{X2: 120, Y2: 90}
	if !slices.Contains(found, whole) {
		t.Error("the whole picture isn't proposed")
	}
	seen := map[box.Box]bool{}
	for _, f := range found {
		if seen[f] || f.Clip(120, 90) != f || f.Empty() {
			t.Error(f, "twice, empty or outside")
		}
		seen[f] = true
	}
	if few := SelectiveSearch(x, Config{Max: 5}); !slices.Equal(few, found[:5]) {
		t.Error(few, found[:5])
	}
	for _, f := range SelectiveSearch(x, Config{MinSide: 20}) {
		if f.Width() < 20 || f.Height() < 20 {
			t.Error(f)
		}
	}
	if slices.Equal(SelectiveSearch(x, Config{Seed: 1}), found) {
		t.Error("the seed doesn't matter")
	}
}

func TestSelectiveSearchIsDeterministic(t *testing.T) {
	_, photo := load(t)
	want := SelectiveSearch(photo, Config{})
	for _, procs := range []int{1, 4} {
		before := runtime.GOMAXPROCS(procs)
		got := SelectiveSearch(photo, Config{})
		runtime.GOMAXPROCS(before)
		if !slices.Equal(got, want) {
			t.Errorf("%d and %d boxes", len(got), len(want))
		}
	}
	t.Log(len(want), "boxes")
}

func TestStrangePictures(t *testing.T) {
	for _, shape := range [][]int{{3, 1, 1}, {3, 1, 9}, {3, 2, 2}, {3, 30, 30}} {
		if got := SelectiveSearch(tensor.Full(tensor.Float32, 0.5, shape...), Config{}); len(got) != 1 {
			t.Errorf("%v: %v", shape, got)
		}
	}
	for _, f := range []func(){
		func() { SelectiveSearch(tensor.Zeros(tensor.Float32, 1, 4, 4), Config{}) },
		func() { Felzenszwalb(tensor.Zeros(tensor.Float64, 3, 4, 4), FelzenszwalbConfig{}) },
		func() { Felzenszwalb(tensor.Zeros(tensor.Float32, 4, 4), FelzenszwalbConfig{}) },
	} {
		if tensor.Try(func() error { f(); return nil }) == nil {
			t.Error("no error")
		}
	}
	if s := Felzenszwalb(tensor.Zeros(tensor.Float32, 1, 3, 4), FelzenszwalbConfig{Sigma: -1}); s.Count != 1 {
		t.Error(s)
	}
}
