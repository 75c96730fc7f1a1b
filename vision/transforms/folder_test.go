package transforms

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
)

// folder opens a folder of one class that holds the given files.
func folder(t testing.TB, files ...string) *imagefolder.Folder {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "all"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Symlink(f, filepath.Join(dir, "all", filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
	set, err := imagefolder.Open(dir, imagefolder.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// epoch returns everything that an epoch yields.
func epoch(t testing.TB, ds data.Dataset, workers int) []float32 {
	t.Helper()
	var all []float32
	for b, err := range data.NewLoader(ds, data.LoaderConfig{Batch: 3, Shuffle: true, Seed: 3, Workers: workers}).Epoch(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, values(b.X)...), values(b.Y)...)
		b.Release()
	}
	return all
}

// everything is each kind of transform once.
var everything = Compose(
	RandomResizedCrop{Height: 40, Width: 48},
	RandomAffine{Degrees: 20, Scale: [2]float64{0.8, 1.2}, Padding: Padding{Mode: Reflect}},
	RandomPerspective{},
	ElasticTransform{Alpha: 30, Sigma: 4},
	ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1},
	RandomApply(0.5, GaussianBlur{Kernel: 5}),
	RandAugment{},
	TrivialAugment{},
	RandomHorizontalFlip{},
	RandomErasing{Noise: true},
	Normalize{Mean: []float64{0.5}, Std: []float64{0.25}},
)

func TestImagesOfAllSizesFromAFolder(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 7 {
		im := image.NewNRGBA(image.Rect(0, 0, 20+13*i, 90-11*i))
		for p := range im.Pix {
			im.Pix[p] = uint8(p * (i + 3) >> 3)
		}
		im.Set(0, 0, color.White)
		name := filepath.Join(dir, fmt.Sprintf("%d.png", i))
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, im); err != nil {
			t.Fatal(err)
		}
		f.Close()
		files = append(files, name)
	}
	set := Dataset(folder(t, files...), everything)
	want := epoch(t, set, -1)
	if len(want) != 7*(3*40*48+1) {
		t.Fatalf("an epoch of %d numbers", len(want))
	}
	for workers := 1; workers <= 3; workers++ {
		if !slices.Equal(epoch(t, set, workers), want) {
			t.Errorf("%d workers give another epoch", workers)
		}
	}
}

// BenchmarkRealDataFolder reads, decodes and varies photographs of 640 × 427.
func BenchmarkRealDataFolder(b *testing.B) {
	root := os.Getenv("GRADUS_DATA")
	if root == "" {
		b.Skip("needs GRADUS_DATA, a folder with photos")
	}
	files := folder(b, filepath.Join(root, "photos", "china.jpg"), filepath.Join(root, "photos", "flower.jpg"))
	many := data.Subset(files, slices.Repeat([]int{0, 1}, 16))
	set := Dataset(many, Compose(RandomResizedCrop{Height: 224, Width: 224}, RandomHorizontalFlip{}, ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1}))
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := data.NewLoader(set, data.LoaderConfig{Batch: 8, Shuffle: true, Workers: workers})
			for b.Loop() {
				for batch, err := range l.Epoch(context.Background(), 0) {
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
			}
			b.ReportMetric(float64(b.N*many.Len())/b.Elapsed().Seconds(), "images/s")
		})
	}
}

func ExampleDataset() {
	photos := tensor.NewRNG(1).Uniform(tensor.Float32, 0, 1, 100, 3, 32, 32)
	classes := tensor.Zeros(tensor.Int64, 100)
	set := Dataset(data.Tensors(photos, classes), Compose(
		RandomCrop{Height: 32, Width: 32, Pad: 4},
		RandomHorizontalFlip{},
		RandomApply(0.2, OnImage(Grayscale)),
		Cutout{Size: 8},
	))
	for batch, err := range data.NewLoader(set, data.LoaderConfig{Batch: 50, Workers: 2}).Epoch(context.Background(), 0) {
		fmt.Println(batch.X.Shape(), batch.Y.Shape(), err)
	}
	// Output:
	// [50 3 32 32] [50] <nil>
	// [50 3 32 32] [50] <nil>
}
