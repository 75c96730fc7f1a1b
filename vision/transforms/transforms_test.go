package transforms

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// counted returns an image (c, h, w) of the numbers 1, 2, 3…
func counted(c, h, w int) *tensor.Tensor {
	return tensor.Arange(tensor.Float32, 1, float64(c*h*w+1), 1).Reshape(c, h, w)
}

// counting returns a mask of the same numbers as the first channel of counted.
func counting(h, w int) *tensor.Tensor {
	return tensor.Arange(tensor.Int64, 1, float64(h*w+1), 1).Reshape(h, w)
}

func values(x *tensor.Tensor) []float32 { return tensor.ToSlice[float32](x) }

func wantPixels(t *testing.T, what string, x *tensor.Tensor, want ...float32) {
	t.Helper()
	if got := values(x); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantBoxes(t *testing.T, what string, got []box.Object, want ...box.Box) {
	t.Helper()
	var boxes []box.Box
	for _, o := range got {
		boxes = append(boxes, o.Box)
	}
	if !slices.Equal(boxes, want) {
		t.Errorf("%s: got boxes %v, want %v", what, boxes, want)
	}
}

func objects(boxes ...box.Box) []box.Object {
	var list []box.Object
	for i, b := range boxes {
		list = append(list, box.Object{Box: b, Class: i, Score: 1})
	}
	return list
}

func TestFlips(t *testing.T) {
	s := Sample{Image: counted(2, 2, 3), Mask: counting(2, 3), Objects: objects(box.Box{X1: 0, Y1: 0, X2: 1, Y2: 2}, box.Box{X1: 1.5, Y1: 0.25, X2: 3, Y2: 1})}
	x := s.FlipHorizontal()
	wantPixels(t, "horizontal", x.Image, 3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10)
	wantPixels(t, "mask", x.Mask, 3, 2, 1, 6, 5, 4)
	wantBoxes(t, "horizontal", x.Objects, box.Box{X1: 2, Y1: 0, X2: 3, Y2: 2}, box.Box{X1: 0, Y1: 0.25, X2: 1.5, Y2: 1})
	y := s.FlipVertical()
	wantPixels(t, "vertical", y.Image, 4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9)
	wantPixels(t, "mask", y.Mask, 4, 5, 6, 1, 2, 3)
	wantBoxes(t, "vertical", y.Objects, box.Box{X1: 0, Y1: 0, X2: 1, Y2: 2}, box.Box{X1: 1.5, Y1: 1, X2: 3, Y2: 1.75})
	wantPixels(t, "the original", s.Image.Select(0, 0), 1, 2, 3, 4, 5, 6)
	// A view with other strides.
	wantPixels(t, "transposed", Sample{Image: counted(1, 2, 3).Transpose(1, 2)}.FlipHorizontal().Image, 4, 1, 5, 2, 6, 3)
}

func TestPaddingModes(t *testing.T) {
	// numpy.pad([1, 2, 3], (5, 4), mode=…); reflect of one pixel repeats it.
	for _, c := range []struct {
		p    Padding
		want []float32
	}{
		{Padding{}, []float32{0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0}},
		{Padding{Fill: []float64{7}}, []float32{7, 7, 7, 7, 7, 1, 2, 3, 7, 7, 7, 7}},
		{Padding{Mode: Edge}, []float32{1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3}},
		{Padding{Mode: Reflect}, []float32{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}},
		{Padding{Mode: Symmetric}, []float32{2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1}},
	} {
		wantPixels(t, fmt.Sprint("row ", c.p), Sample{Image: counted(1, 1, 3)}.Pad(5, 0, 4, 0, c.p).Image, c.want...)
		wantPixels(t, fmt.Sprint("column ", c.p), Sample{Image: counted(1, 3, 1)}.Pad(0, 5, 0, 4, c.p).Image, c.want...)
	}
	wantPixels(t, "one pixel", Sample{Image: counted(1, 1, 1)}.Pad(1, 1, 1, 0, Padding{Mode: Reflect}).Image, 1, 1, 1, 1, 1, 1)
	s := Sample{Image: counted(2, 1, 1), Mask: counting(1, 1), Objects: objects(box.Box{X2: 1, Y2: 1})}.Pad(1, 0, 0, 1, Padding{Fill: []float64{8, 9}, MaskFill: 255})
	wantPixels(t, "channels", s.Image, 8, 1, 8, 8, 9, 2, 9, 9)
	wantPixels(t, "mask", s.Mask, 255, 1, 255, 255)
	wantBoxes(t, "padded", s.Objects, box.Box{X1: 1, X2: 2, Y2: 1})
	wantPixels(t, "negative", Sample{Image: counted(1, 2, 3)}.Pad(-1, 0, 1, -1, Padding{}).Image, 2, 3, 0)
}

func TestCropMovesBoxesAndMask(t *testing.T) {
	s := Sample{Image: counted(1, 3, 4), Mask: counting(3, 4), Objects: objects(
		box.Box{X1: 0, Y1: 0, X2: 4, Y2: 3}, box.Box{X1: 0, Y1: 0, X2: 1, Y2: 3}, box.Box{X1: 0.5, Y1: 1.5, X2: 1.5, Y2: 2})}
	c := s.Crop(1, 1, 2, 2)
	wantPixels(t, "crop", c.Image, 6, 7, 10, 11)
	wantPixels(t, "mask", c.Mask, 6, 7, 10, 11)
	wantBoxes(t, "crop", c.Objects, box.Box{X2: 2, Y2: 2}, box.Box{X1: 0, Y1: 0.5, X2: 0.5, Y2: 1})
	if c.Objects[1].Class != 2 {
		t.Error("the box that is left belongs to another object")
	}
	wantPixels(t, "beyond", s.Crop(-1, 3, 2, 2).Image, 0, 0, 4, 0)
	wantPixels(t, "far away", s.Crop(10, 10, 1, 2).Image, 0, 0)
	wantBoxes(t, "far away", s.Crop(10, 10, 1, 2).Objects)
	// Half of the third box is left.
	for visible, want := range map[float64]int{0.5: 1, 0.51: 0} {
		if got := s.window("", 1, 1, 2, 2, Padding{}, visible).Objects; len(got) != want {
			t.Errorf("with at least %g visible: %v", visible, got)
		}
	}
}

func TestCenterCropRoundsAsTorchvision(t *testing.T) {
	// [F.center_crop(torch.arange(1., n + 1).reshape(1, 1, n), [1, k])[0, 0, 0] for …] and its number of zeros before.
	for _, c := range []struct {
		n, k  int
		first float32
	}{{5, 4, 1}, {5, 2, 3}, {7, 4, 3}, {9, 4, 3}, {6, 3, 3}, {6, 1, 3}, {4, 4, 1}, {3, 4, 1}, {3, 5, 0}, {3, 6, 0}} {
		out := CenterCrop{Height: 1, Width: c.k}.Apply(nil, Sample{Image: counted(1, 1, c.n)})
		if got := values(out.Image); len(got) != c.k || got[0] != c.first {
			t.Errorf("%d of %d: %v, want %v first", c.k, c.n, got, c.first)
		}
	}
}

func TestRandomCropTakesEveryPlaceAlike(t *testing.T) {
	rng := tensor.NewRNG(1)
	count := map[float32]int{}
	const n = 6000
	for range n {
		out := RandomCrop{Height: 1, Width: 3, Pad: 1, Padding: Padding{Fill: []float64{-1}}}.Apply(rng, Sample{Image: counted(1, 1, 4)})
		count[values(out.Image)[1]]++
	}
	// Rows −1, 0, 1 alike; the middle column is 1, 2, 3 or 4 in the middle row.
	for v := float32(1); v <= 4; v++ {
		if c := count[v]; c < n/12-100 || c > n/12+100 {
			t.Errorf("pixel %v was in the middle %d times in %d", v, c, n)
		}
	}
	big := RandomCrop{Height: 5, Width: 2, IfNeeded: true}.Apply(rng, Sample{Image: counted(1, 2, 2)})
	if !slices.Equal(big.Image.Shape(), []int{1, 5, 2}) {
		t.Error(big.Image.Shape())
	}
}

func TestErasing(t *testing.T) {
	s := Sample{Image: counted(2, 2, 2)}
	wantPixels(t, "erased", s.Erase(-1, 1, 2, 5, []float64{8, 9}).Image, 1, 8, 3, 4, 5, 9, 7, 8)
	wantPixels(t, "the original", s.Image.Select(0, 0), 1, 2, 3, 4)
	wantPixels(t, "cutout of everything", Cutout{Size: 4}.Apply(tensor.NewRNG(3), s).Image, make([]float32, 8)...)
	rng := tensor.NewRNG(4)
	ones := Sample{Image: tensor.Ones(tensor.Float32, 3, 20, 30)}
	erased := 0
	for range 400 {
		zeros := 0
		for _, v := range values(RandomErasing{}.Apply(rng, ones).Image)[:600] {
			if v == 0 {
				zeros++
			}
		}
		if zeros == 0 {
			continue
		}
		erased++
		if part := float64(zeros) / 600; part < 0.01 || part > 0.36 {
			t.Errorf("%g of the image is erased", part)
		}
	}
	if erased < 160 || erased > 240 {
		t.Errorf("%d of 400 were erased", erased)
	}
	noisy := RandomErasing{P: 1, Noise: true}.Apply(rng, ones).Image
	if mean := noisy.Mean().Item(); mean > 0.99 || mean < 0.5 {
		t.Errorf("mean with noise %g", mean)
	}
	line := Sample{Image: counted(1, 1, 5)} // nothing fits
	wantPixels(t, "a line", RandomErasing{P: 1}.Apply(rng, line).Image, 1, 2, 3, 4, 5)
}

// augment is a bit of everything.
var augment = Compose(
	RandomCrop{Height: 8, Width: 8, Pad: 2, Padding: Padding{Mode: Reflect}},
	RandomHorizontalFlip{},
	OneOf(Cutout{Size: 3}, RandomErasing{P: 1, Noise: true}),
	RandomApply(0.3, RandomVerticalFlip{P: 1}),
)

func images(n int) data.Dataset {
	x := tensor.NewRNG(7).Uniform(tensor.Float32, 0, 1, n, 3, 8, 8)
	return data.Tensors(x, tensor.Arange(tensor.Int64, 0, float64(n), 1))
}

func TestBatchesDependOnSeedAlone(t *testing.T) {
	set := Dataset(images(50), augment)
	epoch := func(workers, from int) []float32 {
		var all []float32
		l := data.NewLoader(set, data.LoaderConfig{Batch: 7, Shuffle: true, Seed: 5, Workers: workers})
		for b, err := range l.EpochFrom(context.Background(), 2, from) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(append(all, values(b.X)...), values(b.Y)...)
			b.Release()
		}
		return all
	}
	want := epoch(-1, 0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2} {
		runtime.GOMAXPROCS(procs)
		for _, workers := range []int{-1, 1, 2, 3} {
			if got := epoch(workers, 0); !slices.Equal(got, want) {
				t.Errorf("%d workers on %d cores give another epoch", workers, procs)
			}
			if got := epoch(workers, 3); !slices.Equal(got, want[3*7*(3*8*8+1):]) {
				t.Errorf("%d workers on %d cores resume another epoch", workers, procs)
			}
		}
	}
	// Whatever the batch that an example is in, it is changed in the same way; another epoch changes it in another.
	one := func(epoch int, index ...int) []float32 {
		b, err := set.Batch(data.Draw{Index: index, Seed: 5, Epoch: epoch})
		if err != nil {
			t.Fatal(err)
		}
		return values(b.X.Select(0, len(index)-1))
	}
	if !slices.Equal(one(1, 9), one(1, 3, 4, 9)) {
		t.Error("an example depends on its batch")
	}
	if slices.Equal(one(1, 9), one(2, 9)) {
		t.Error("two epochs change an example in the same way")
	}
}

func TestTargetsFollow(t *testing.T) {
	x := tensor.Ones(tensor.Float32, 2, 1, 4, 6)
	flip := RandomHorizontalFlip{P: 1}
	all := func(y *tensor.Tensor, tr Transform) (data.Batch, error) {
		return data.All(Dataset(data.Tensors(x, y), tr))
	}

	masks := tensor.Arange(tensor.Int64, 0, 48, 1).Reshape(2, 4, 6)
	b, err := all(masks, flip)
	if err != nil || !slices.Equal(b.Y.Shape(), []int{2, 4, 6}) || b.Y.At(1, 0, 0) != 29 {
		t.Errorf("masks: %v, %v", b.Y, err)
	}
	rows := tensor.FromSlice([]float32{2, 0, 0, 3, 2, 1, 4, 0, 6, 4, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2}, 2, 2, 5)
	b, err = all(rows, Func(func(_ *tensor.RNG, s Sample) Sample { return s.FlipHorizontal().Crop(0, 0, 4, 3) }))
	if err != nil {
		t.Fatal(err)
	}
	wantPixels(t, "boxes", b.Y, 1, 0, 0, 2, 4, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0)
	if b, err = all(tensor.FromSlice([]float32{0.5, 0.25}, 2, 1), flip); err != nil || b.Y.At(1, 0) != 0.25 || b.Y.NDim() != 2 {
		t.Errorf("regression: %v, %v", b.Y, err)
	}
	if b, err = all(nil, flip); err != nil || b.Y != nil {
		t.Errorf("without targets: %v, %v", b.Y, err)
	}
	// Bytes become floats.
	b, err = data.All(Dataset(data.Tensors(x.To(tensor.Uint8), nil), flip))
	if err != nil || b.X.DType() != tensor.Float32 {
		t.Errorf("%v, %v", b.X, err)
	}
}

func TestSizesThatDifferAreAnError(t *testing.T) {
	odd := Func(func(rng *tensor.RNG, s Sample) Sample { return s.Crop(0, 0, int(s.Image.At(0, 0, 0)), 1) })
	_, err := data.All(Dataset(data.Tensors(tensor.FromSlice([]float32{1, 2}, 2, 1, 1, 1), nil), odd))
	if err == nil || !strings.Contains(err.Error(), "example 1 has become an image of shape (1, 2, 1), but example 0 of the same batch one of (1, 1, 1); end with a transform that makes them alike") {
		t.Error(err)
	}
	_, err = data.All(Dataset(data.Tensors(tensor.Ones(tensor.Float32, 2, 9), nil), odd))
	if err == nil || !strings.Contains(err.Error(), "expected the data set to give images (N, C, H, W), got example 0 as (1, 9)") {
		t.Error(err)
	}
}

func TestDatasetsPrintWhatTheyAre(t *testing.T) {
	if got := fmt.Sprint(Dataset(images(3), augment)); got != "transformed 3 examples: x float32 (3, 3, 8, 8), y int64 (3)" {
		t.Error(got)
	}
}

func TestNestedDatasetsShareOneStream(t *testing.T) {
	a, b := RandomCrop{Height: 8, Width: 8, Pad: 3}, RandomHorizontalFlip{}
	nested, err := data.All(Dataset(Dataset(images(20), a), b))
	if err != nil {
		t.Fatal(err)
	}
	flat, _ := data.All(Dataset(images(20), Compose(a, b)))
	if !slices.Equal(values(nested.X), values(flat.X)) {
		t.Error("two data sets in one another draw other numbers than one")
	}
}

func TestMistakesAreNamed(t *testing.T) {
	s := Sample{Image: counted(1, 4, 4)}
	for want, f := range map[string]func(){
		"transforms.RandomCrop: the height and width to make must be at least 1, got 0 and 3; set Height and Width":                            func() { RandomCrop{Width: 3}.Apply(nil, s) },
		"transforms.RandomCrop: can't cut 6 × 3 pixels (height × width) out of 4 × 4 padded by 0; set IfNeeded, or resize before":              func() { RandomCrop{Height: 6, Width: 3}.Apply(nil, s) },
		"transforms.FlipHorizontal: expected an image float32 (C, H, W) with at least one pixel, got float32 (4, 4); give one image at a time": func() { Sample{Image: s.Image.Select(0, 0)}.FlipHorizontal() },
		"transforms.FlipVertical: expected a mask int64 (4, 4) as its image is (1, 4, 4), got int64 (2, 4)":                                    func() { Sample{Image: s.Image, Mask: counting(2, 4)}.FlipVertical() },
		"transforms.RandomApply: expected a probability in [0, 1], got 1.5":                                                                    func() { RandomApply(1.5, nil) },
		"transforms.OneOf: needs at least one transform":                                                                                       func() { OneOf() },
		"transforms.Erase: expected one number or one for each of 1 channels, got 3":                                                           func() { s.Erase(0, 0, 1, 1, []float64{1, 2, 3}) },
		"transforms.RandomErasing: expected a range of positive numbers, the smaller one first, got 0.5 to 0.1":                                func() { RandomErasing{P: 1, Scale: [2]float64{0.5, 0.1}}.Apply(tensor.NewRNG(1), s) },
	} {
		err := tensor.Try(func() error { f(); return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func BenchmarkFlipCrop(b *testing.B) {
	x := tensor.NewRNG(7).Uniform(tensor.Float32, 0, 1, 512, 3, 32, 32)
	set := Dataset(data.Tensors(x, tensor.Zeros(tensor.Int64, 512)), Compose(RandomCrop{Height: 32, Width: 32, Pad: 4}, RandomHorizontalFlip{}))
	l := data.NewLoader(set, data.LoaderConfig{Batch: 64, Shuffle: true, Workers: -1})
	b.ReportAllocs()
	for b.Loop() {
		for batch, err := range l.Epoch(context.Background(), 0) {
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/image")
}
