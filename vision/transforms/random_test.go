package transforms

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// all are transforms that take images of any size and of 1 or 3 channels.
var all = map[string]Transform{
	"flip":        Compose(RandomHorizontalFlip{P: 1}, RandomVerticalFlip{P: 1}),
	"crop":        RandomCrop{Height: 3, Width: 4, Pad: 1, IfNeeded: true, Padding: Padding{Mode: Symmetric}},
	"center":      CenterCrop{Height: 2, Width: 5},
	"resized":     RandomResizedCrop{Height: 5, Width: 3},
	"resize":      Resize{Height: 4, Width: 2},
	"short":       ResizeShort{Size: 3, Max: 7},
	"letterbox":   Letterbox{Height: 6, Width: 4, Fill: []float64{0.5}},
	"affine":      RandomAffine{Degrees: 30, Translate: [2]float64{0.2, 0.2}, Scale: [2]float64{0.5, 1.5}, Shear: [2]float64{10, 10}, Padding: Padding{Mode: Reflect}},
	"filled":      RandomAffine{Degrees: 30, Scale: [2]float64{0.5, 0.5}, Padding: Padding{Fill: []float64{1}}},
	"nearest":     RandomAffine{Degrees: 30, Nearest: true, Padding: Padding{Mode: Edge}},
	"perspective": RandomPerspective{P: 1},
	"elastic":     ElasticTransform{Alpha: 20, Sigma: 2},
	"jitter":      ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.3},
	"blur":        GaussianBlur{Kernel: 5},
	"gray":        OnImage(Grayscale),
	"contrast":    OnImage(Autocontrast),
	"equalize":    OnImage(Equalize),
	"erasing":     RandomErasing{P: 1},
	"cutout":      Cutout{Size: 3},
	"normalize":   Normalize{Mean: []float64{0.5}, Std: []float64{0.25}},
	"standardize": StandardizeEach{},
	"rand":        RandAugment{},
	"trivial":     TrivialAugment{},
}

func TestOddSizes(t *testing.T) {
	rng := tensor.NewRNG(1)
	for name, tr := range all {
		for _, size := range [][3]int{{1, 1, 1}, {3, 1, 1}, {3, 1, 9}, {1, 9, 1}, {3, 2, 2}, {3, 7, 5}} {
			for range 3 {
				c, h, w := size[0], size[1], size[2]
				s := Sample{Image: rng.Uniform(tensor.Float32, 0, 1, c, h, w), Mask: counting(h, w), Objects: objects(box.Box{X2: float64(w), Y2: float64(h)})}
				before := values(s.Image)
				err := tensor.Try(func() error {
					out := tr.Apply(rng, s)
					_, h, w := out.size(name)
					for _, o := range out.Objects {
						if b := o.Box; b.Empty() || b.X1 < 0 || b.Y1 < 0 || b.X2 > float64(w) || b.Y2 > float64(h) {
							t.Errorf("%s of %v: box %v", name, size, b)
						}
					}
					for _, v := range values(out.Image) {
						if math.IsNaN(float64(v)) {
							return fmt.Errorf("NaN")
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("%s of %v: %v", name, size, err)
				}
				if !slices.Equal(values(s.Image), before) {
					t.Errorf("%s of %v changes its input", name, size)
				}
			}
		}
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	// What isn't a number stays where it is and doesn't stop anything.
	nan := float32(math.NaN())
	s := Sample{Image: tensor.FromSlice([]float32{nan, 0.25, 0.5, 5, -3, float32(math.Inf(1)), 0, 0, 0, 0, 0, nan}, 3, 2, 2)}
	for name, tr := range all {
		if err := tensor.Try(func() error { tr.Apply(tensor.NewRNG(1), s); return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v := values(AdjustBrightness(s.Image, 0.5)); v[0] == v[0] || v[1] != 0.125 || v[3] != 1 || v[4] != 0 {
		t.Error(v)
	}
}

func TestChannels(t *testing.T) {
	two := Sample{Image: counted(2, 3, 3)}
	for want, tr := range map[string]Transform{
		"transforms.ColorJitter: expected an image of 1 channel (grey) or 3 (red, green, blue), got (2, 3, 3)": ColorJitter{Hue: 0.1},
		"transforms.Grayscale: expected an image of 1 channel":                                                 OnImage(Grayscale),
		"transforms.PCAColor: expected an image of 3 channels, got (2, 3, 3)":                                  PCAColor{},
		"transforms.Normalize: expected one number or one for each of 2 channels, got 3":                       Normalize{Mean: []float64{1, 2, 3}, Std: []float64{1}},
		"transforms.Normalize: expected a positive standard deviation, got 0 for channel 0":                    Normalize{Mean: []float64{1}, Std: []float64{0}},
		"transforms.ColorJitter: expected a factor of 0 or more, got -1":                                       ColorJitter{Hue: -1},
		"transforms.ColorJitter: hues turn by at most 0.5, half of the circle, got 0.6":                        ColorJitter{Hue: 0.6},
		"transforms.Blur: expected an odd window of at least 1 and a positive sigma, got 4 and":                GaussianBlur{Kernel: 4},
		"transforms.Resize: the height and width to make must be at least 1, got 3 and 0":                      Resize{Height: 3},
		"transforms.Affine: {Angle:NaN":                                                                        Func(func(_ *tensor.RNG, s Sample) Sample { return s.Affine(Affine{Angle: math.NaN()}, Padding{}) }),
		"transforms.Elastic: expected displacements float32 (2, 3, 3)":                                         Func(func(_ *tensor.RNG, s Sample) Sample { return s.Elastic(nil, Padding{}) }),
		"transforms.Perspective: three of the corners": Func(func(_ *tensor.RNG, s Sample) Sample {
			return s.Perspective(Corners{{0, 0}, {1, 1}, {2, 2}, {0, 1}}, Corners{{0, 0}, {2, 0}, {2, 2}, {0, 2}}, Padding{})
		}),
	} {
		err := tensor.Try(func() error { tr.Apply(tensor.NewRNG(1), two); return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestColorJitterDrawsInRange(t *testing.T) {
	x := tensor.Full(tensor.Float32, 0.4, 1, 2, 2)
	rng := tensor.NewRNG(3)
	lo, hi := 1.0, 0.0
	for range 500 {
		v := ColorJitter{Brightness: 0.5}.Apply(rng, Sample{Image: x}).Image.At(0, 1, 1)
		lo, hi = min(lo, v), max(hi, v)
	}
	if lo < 0.2 || lo > 0.21 || hi > 0.6 || hi < 0.59 {
		t.Errorf("brightness 0.4 became %g to %g, want 0.2 to 0.6", lo, hi)
	}
	// The order counts: brightening a picture until it clips, then turning contrast down, isn't the same as the reverse.
	var seen []float64
	y := tensor.FromSlice([]float32{0.1, 0.9}, 1, 1, 2)
	for range 20 {
		out := ColorJitter{Brightness: 1, Contrast: 1}.Apply(rng, Sample{Image: y}).Image
		seen = append(seen, out.At(0, 0, 1))
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) < 10 {
		t.Error(seen)
	}
}

func TestPCAColor(t *testing.T) {
	// Colours along one line: (1, 2, −2)/3 with variance 0.09, and noise along (2, −2, −1)/3 with variance 0.01.
	const n = 40000
	rng := tensor.NewRNG(5)
	a, b := tensor.ToSlice[float64](rng.Normal(tensor.Float64, 0, 0.3, n)), tensor.ToSlice[float64](rng.Normal(tensor.Float64, 0, 0.1, n))
	v := make([]float64, 0, 3*n)
	for k := range 3 {
		for i := range n {
			v = append(v, 7+a[i]*[]float64{1, 2, -2}[k]/3+b[i]*[]float64{2, -2, -1}[k]/3)
		}
	}
	x := tensor.FromSlice(v, 3, 4, n/4).Transpose(0, 1).Reshape(4, 3, 100, n/400)
	fit, err := FitPCAColor(data.Tensors(x, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := PCAColor{Values: [3]float64{0.09, 0.01, 0}, Vectors: [3][3]float64{{-1. / 3, -2. / 3, 2. / 3}, {2. / 3, -2. / 3, -1. / 3}, {2. / 3, 1. / 3, 2. / 3}}}
	if fit.Vectors[0][1] > 0 { // 2/3 is the largest magnitude twice: either sign
		for k := range 3 {
			want.Vectors[0][k] *= -1
		}
	}
	if fit.Vectors[1][0] < 0 {
		for k := range 3 {
			want.Vectors[1][k] *= -1
		}
	}
	for i := range 3 {
		if math.Abs(fit.Values[i]-want.Values[i]) > 0.03*want.Values[i]+1e-9 {
			t.Errorf("eigenvalues %v, want %v", fit.Values, want.Values)
		}
		for k := range 3 {
			if math.Abs(fit.Vectors[i][k]-want.Vectors[i][k]) > 0.01 {
				t.Errorf("eigenvectors %v, want %v", fit.Vectors, want.Vectors)
			}
		}
	}
	// Shifts along the first direction alone: (1, 2, −2), with a standard deviation of 0.1 times the eigenvalue.
	one := PCAColor{Values: [3]float64{3, 0, 0}, Vectors: [3][3]float64{{1. / 3, 2. / 3, -2. / 3}}}
	var squares float64
	for range 2000 {
		out := values(one.Apply(rng, Sample{Image: tensor.Zeros(tensor.Float32, 3, 1, 2)}).Image)
		if out[0] != out[1] || math.Abs(float64(out[2]-2*out[0])) > 1e-6 || math.Abs(float64(out[4]+2*out[0])) > 1e-6 {
			t.Fatal(out)
		}
		squares += float64(out[0] * out[0])
	}
	if std := math.Sqrt(squares / 2000); math.Abs(std-0.1) > 0.005 {
		t.Errorf("red shifts by %g, want 0.1", std)
	}
}

func TestLetterbox(t *testing.T) {
	s := Sample{Image: tensor.Ones(tensor.Float32, 3, 4, 8), Mask: tensor.Ones(tensor.Int64, 4, 8), Objects: objects(box.Box{X1: 2, Y1: 1, X2: 6, Y2: 4})}
	out := Letterbox{Height: 6, Width: 4, Fill: []float64{0.25}, MaskFill: 9}.Apply(nil, s)
	wantBoxes(t, "letterbox", out.Objects, box.Box{X1: 1, Y1: 2.5, X2: 3, Y2: 4})
	const f = 0.25
	wantPixels(t, "letterbox", out.Image.Select(0, 2), f, f, f, f, f, f, f, f, 1, 1, 1, 1, 1, 1, 1, 1, f, f, f, f, f, f, f, f)
	wantPixels(t, "its mask", out.Mask, 9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9)
	if h, w, top, left := (Letterbox{Height: 416, Width: 416}).Place(480, 640); h != 312 || w != 416 || top != 52 || left != 0 {
		t.Error(h, w, top, left)
	}
}

func TestElasticBoxesFollowTheirPixels(t *testing.T) {
	// Everything is read two pixels to the right and one below, so it moves two to the left and one up.
	field := tensor.Stack(0, tensor.Full(tensor.Float32, 2, 6, 8), tensor.Full(tensor.Float32, 1, 6, 8))
	s := Sample{Image: counted(1, 6, 8), Objects: objects(box.Box{X1: 3, Y1: 2, X2: 8, Y2: 5})}
	out := s.Elastic(field, Padding{})
	wantBoxes(t, "elastic", out.Objects, box.Box{X1: 1, Y1: 1, X2: 6, Y2: 4})
	if got, want := out.Image.At(0, 1, 1), s.Image.At(0, 2, 3); math.Abs(got-want) > 1e-4 {
		t.Errorf("the pixel in the box's corner is %g, want %g", got, want)
	}
}

func TestQuarterTurnIsExact(t *testing.T) {
	s := Sample{Image: counted(2, 3, 3), Mask: counting(3, 3), Objects: objects(box.Box{X2: 1, Y2: 2})}
	out := s.Affine(Affine{Angle: 90, Nearest: true}, Padding{})
	wantPixels(t, "turned clockwise", out.Image, 7, 4, 1, 8, 5, 2, 9, 6, 3, 16, 13, 10, 17, 14, 11, 18, 15, 12)
	wantPixels(t, "its mask", out.Mask, 7, 4, 1, 8, 5, 2, 9, 6, 3)
	if b := out.Objects[0].Box; math.Abs(b.X1-1)+math.Abs(b.Y1)+math.Abs(b.X2-3)+math.Abs(b.Y2-1) > 1e-12 {
		t.Error(b)
	}
}

func TestWarpsBeyondTheEdge(t *testing.T) {
	row := Sample{Image: counted(1, 1, 3), Mask: counting(1, 3)}
	for mode, want := range map[PadMode][]float32{Constant: {0, 0, 1}, Edge: {1, 1, 1}, Reflect: {3, 2, 1}, Symmetric: {2, 1, 1}} {
		out := row.Affine(Affine{Translate: [2]float64{2, 0}}, Padding{Mode: mode})
		near(t, fmt.Sprint("mode ", mode), values(out.Image), want, 1e-6)
		wantPixels(t, fmt.Sprint("mask, mode ", mode), out.Mask, want...)
	}
}

func TestRandomResizedCropStaysInRange(t *testing.T) {
	rng := tensor.NewRNG(9)
	mean := 0.0
	const n = 2000
	for range n {
		top, left, h, w := RandomResizedCrop{Height: 1, Width: 1}.window(rng, 100, 120)
		area, ratio := float64(h*w)/12000, float64(w)/float64(h)
		if top < 0 || left < 0 || top+h > 100 || left+w > 120 || area < 0.075 || ratio < 0.72 || ratio > 1.38 {
			t.Errorf("%d × %d at %d, %d", h, w, top, left)
		}
		mean += area / n
	}
	if mean < 0.45 || mean > 0.6 { // of 0.08 to 1, without what doesn't fit
		t.Errorf("mean part of the area %g", mean)
	}
	// A line: the fallback keeps the aspect in range as far as it can.
	if top, left, h, w := (RandomResizedCrop{}).window(rng, 1, 50); top != 0 || left != 24 || h != 1 || w != 1 {
		t.Error(top, left, h, w)
	}
}
