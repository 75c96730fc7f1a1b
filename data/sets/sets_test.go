package sets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// real opens a set from the folder that GRADUS_DATA names.
func real(t testing.TB, name string, cfg Config) *Set {
	t.Helper()
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA to a folder that has " + name)
	}
	_, complete, err := Where(name)
	if err != nil {
		t.Fatal(err)
	}
	if !complete {
		t.Skip("GRADUS_DATA has no " + name)
	}
	set, err := Open(name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestCatalogueIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range catalogue() {
		if seen[e.Name] || e.What == "" || e.Licence == "" || e.Home == "" || len(e.Shape) == 0 && e.Name != "photos" || e.open == nil {
			t.Errorf("%s: named twice or not described", e.Name)
		}
		seen[e.Name] = true
		if (e.Classes == nil) == (e.Unit == "") && e.Name != "photos" {
			t.Errorf("%s: neither classes nor a unit, or both", e.Name)
		}
		files := e.files
		if e.archive != nil {
			files = append(slices.Clone(files), *e.archive)
		}
		for _, f := range files {
			if len(f.sha256) != 64 || f.size <= 0 || !fs.ValidPath(f.path) {
				t.Errorf("%s: %s", e.Name, f)
			}
			for _, u := range f.urls {
				if !strings.HasPrefix(u, "http") || strings.HasSuffix(u, "/") {
					t.Errorf("%s: address %s", e.Name, u)
				}
			}
		}
	}
	infos := List()
	if len(infos) != len(seen) || infos[0].Name != "bccd" {
		t.Error("List is not complete or not in order")
	}
	if _, err := Open("minst", Config{}); err == nil || !strings.Contains(err.Error(), `no data set "minst"; there are bccd, `) {
		t.Error(err)
	}
}

// Images of each class, pixel sums and first labels, computed with NumPy from the files:
//
//	x = np.frombuffer(gzip.open(f).read(), np.uint8, offset=16); y = …offset=8
//	y[:8], np.bincount(y), x[:60000*784].sum(), x.mean()/255, x.std()/255
func TestIDXSets(t *testing.T) {
	for name, want := range map[string]struct {
		first     string
		mean, std float64
		counts    string
	}{
		"mnist":         {"[5 0 4 1 9 2 1 3]", 0.1306604762738429, 0.30810780385646264, "[5923 6742 5958 6131 5842 5421 5918 6265 5851 5949]"},
		"fashion-mnist": {"[9 0 0 3 0 2 7 2]", 0.28604059698879553, 0.35302424451492237, "[6000 6000 6000 6000 6000 6000 6000 6000 6000 6000]"},
	} {
		t.Run(name, func(t *testing.T) {
			set := real(t, name, Config{})
			if set.Train.Len() != 60000 || set.Test.Len() != 10000 || set.TrainSize != 60000 {
				t.Fatal(set.Train.Len(), set.Test.Len())
			}
			if math.Abs(set.Mean[0]-want.mean) > 1e-12 || math.Abs(set.Std[0]-want.std) > 1e-12 {
				t.Errorf("mean %.17g, std %.17g", set.Mean[0], set.Std[0])
			}
			labels, err := data.Labels(set.Train)
			if err != nil || fmt.Sprint(labels[:8]) != want.first {
				t.Error(labels[:8], err)
			}
			counts := make([]int, 10)
			for _, l := range labels {
				counts[l]++
			}
			if fmt.Sprint(counts) != want.counts {
				t.Error(counts)
			}
			b, err := set.Train.Batch(data.Draw{Index: []int{7, 59999}})
			if err != nil || !slices.Equal(b.X.Shape(), []int{2, 1, 28, 28}) || b.Y.At(0) != float64(labels[7]) || b.Y.DType() != tensor.Int64 {
				t.Error(b.X.Shape(), b.Y, err)
			}
		})
	}
}

func TestStandardizedImages(t *testing.T) {
	set := real(t, "cifar10-subset", Config{Standardize: true})
	if set.Train.Len() != 4000 || set.Test.Len() != 1000 {
		t.Fatal(set.Train.Len(), set.Test.Len())
	}
	mean, std, err := data.MeanStd(set.Train)
	if err != nil {
		t.Fatal(err)
	}
	for c := range 3 {
		if math.Abs(mean[c]) > 1e-5 || math.Abs(std[c]-1) > 1e-5 {
			t.Errorf("channel %d has mean %g, standard deviation %g", c, mean[c], std[c])
		}
	}
	// The whole CIFAR-10 has means 0.491, 0.482, 0.447 and deviations 0.247, 0.243, 0.262.
	for c, want := range []float64{0.491, 0.482, 0.447} {
		if math.Abs(set.Mean[c]-want) > 0.01 {
			t.Errorf("channel %d: mean %g", c, set.Mean[c])
		}
	}
	plain := real(t, "cifar10-subset", Config{})
	a, _ := plain.Test.Batch(data.Draw{Index: []int{5}})
	b, _ := set.Test.Batch(data.Draw{Index: []int{5}})
	if got, want := b.X.At(0, 2, 10, 20), (a.X.At(0, 2, 10, 20)-set.Mean[2])/set.Std[2]; math.Abs(got-want) > 1e-6 {
		t.Errorf("standardised by other numbers: %g, want %g", got, want)
	}
	if labels, _ := data.Labels(plain.Test); fmt.Sprint(labels[:8]) != "[3 8 8 0 6 6 1 6]" { // cat, ship, ship, airplane, frog, …
		t.Error(labels[:8])
	}
}

func TestGeneratedDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("generates 14,000 images")
	}
	set, err := Open("digits", Config{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := data.All(data.Take(set.Test, 100, 1))
	if err != nil || set.Train.Len() != 12000 || set.Test.Len() != 2000 || !slices.Equal(all.X.Shape(), []int{100, 1, 28, 28}) {
		t.Fatal(err, set.Train.Len(), set.Test.Len())
	}
	if v := tensor.ToSlice[float32](all.X); slices.Max(v) > 1 || slices.Min(v) != 0 || slices.Max(v) < 0.8 {
		t.Error("pixels are not from 0 to 1:", slices.Min(v), slices.Max(v))
	}
	if err := Fetch(context.Background(), "digits", nil); err != nil {
		t.Error("fetching what is generated:", err)
	}
}

func TestTables(t *testing.T) {
	if os.Getenv("GRADUS_DATA") == "" {
		t.Skip("needs real data: set GRADUS_DATA")
	}
	for _, e := range catalogue() {
		if e.table == nil {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			set := real(t, e.Name, Config{Seed: 1})
			if fmt.Sprint(set.Shape) != fmt.Sprint(e.Shape) || len(set.Features) != set.Shape[0] {
				t.Errorf("shape %v with %d names, the catalogue says %v", set.Shape, len(set.Features), e.Shape)
			}
			whole := e.TrainSize + e.TestSize
			if set.Train.Len()+set.Test.Len() != whole || set.Train.Len() != set.TrainSize {
				t.Errorf("%d and %d examples, the catalogue says %d", set.Train.Len(), set.Test.Len(), whole)
			}
			b, err := data.All(set.Train)
			if err != nil {
				t.Fatal(err)
			}
			if b.X.IsFinite().AllAxes(false).Item() != 1 || b.X.DType() != tensor.Float32 {
				t.Error("features aren't all finite")
			}
			if e.Classes == nil {
				if b.Y.DType() != tensor.Float32 || !slices.Equal(b.Y.Shape(), []int{b.Len(), 1}) || b.Y.IsFinite().AllAxes(false).Item() != 1 {
					t.Error("targets", b.Y.DType(), b.Y.Shape())
				}
				logs := real(t, e.Name, Config{Seed: 1, LogTarget: true})
				lb, err := data.All(logs.Train)
				if err != nil || math.Abs(lb.Y.At(3, 0)-math.Log(b.Y.At(3, 0))) > 1e-6*lb.Y.At(3, 0)+1e-6 {
					t.Error("logarithms:", err)
				}
				return
			}
			// Shares of the classes are alike in both parts.
			train, err := data.Labels(set.Train)
			if err != nil {
				t.Fatal(err)
			}
			test, _ := data.Labels(set.Test)
			for c := range e.Classes {
				share := func(v []int) float64 {
					n := 0.0
					for _, l := range v {
						if l == c {
							n++
						}
					}
					return n / float64(len(v))
				}
				if share(train) == 0 || math.Abs(share(train)-share(test)) > 0.02 {
					t.Errorf("class %d: share %.3f to train, %.3f to test", c, share(train), share(test))
				}
			}
		})
	}
}

func TestHousePrices(t *testing.T) {
	set := real(t, "house-prices", Config{})
	test, err := data.All(set.Test)
	if err != nil || test.Y != nil || test.Len() != 1459 {
		t.Error("the test set has no prices:", test.Y, err)
	}
	train, err := data.All(set.Train)
	if err != nil || train.Y.At(0, 0) != 208500 || train.Y.At(1459, 0) != 147500 {
		t.Error("first and last price:", train.Y.At(0, 0), train.Y.At(1459, 0), err)
	}
	// LotFrontage lacks 259 of 1,460 values: they stand for the mean, 0.
	at := slices.Index(set.Features, "LotFrontage")
	zeros := 0
	for i := range train.Len() {
		if math.Abs(train.X.At(i, at)) < 1e-6 {
			zeros++
		}
	}
	if zeros != 259 {
		t.Errorf("%d missing lot frontages, expected 259", zeros)
	}
	if !slices.Contains(set.Features, "Alley=NA") || slices.Contains(set.Features, "Id") || slices.Contains(set.Features, "SalePrice") {
		t.Error(set.Features)
	}
	if c, err := set.TestTable.Find("Id"); err != nil || c.Numbers[0] != 1461 {
		t.Error("numbers for a submission:", err)
	}
}

// California's first row: median house value 452,600 $, as in 4.526 of scikit-learn's version.
func TestCaliforniaIsInHundredThousands(t *testing.T) {
	set := real(t, "california-housing", Config{TestFraction: 0.1})
	b, err := data.All(set.Train)
	if err != nil {
		t.Fatal(err)
	}
	v := tensor.ToSlice[float32](b.Y)
	if slices.Max(v) != 5.00001 || slices.Min(v) != 0.14999 || set.Test.Len() != 2064 {
		t.Error(slices.Min(v), slices.Max(v), set.Test.Len())
	}
}

func TestVerify(t *testing.T) {
	for _, name := range []string{"mnist", "fashion-mnist", "cifar10-subset", "house-prices", "iris", "california-housing"} {
		if real(t, name, Config{}); !t.Failed() {
			if err := Verify(context.Background(), name); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMissingSetsSayWhatToPutWhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GRADUS_DATA", dir)
	_, err := Open("fashion-mnist", Config{})
	var missing *MissingError
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || len(missing.Files) != 4 {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fashion-mnist is not complete in " + filepath.Join(dir, "fashion-mnist"), "gradus data fashion-mnist",
		"t10k-labels-idx1-ubyte.gz (5148 bytes, sha256 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5) from https://github.com/zalandoresearch/",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if _, err = Open("cifar10", Config{}); err == nil || !strings.Contains(err.Error(), "this archive, for the same command to unpack:\n  cifar-10-binary.tar.gz (170052171 bytes") {
		t.Error(err)
	}
	err = Fetch(context.Background(), "cifar10-subset", nil)
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "no public address") || !strings.Contains(err.Error(), "the first 4,000 and 1,000 records") {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := Open("iris", Config{TestFraction: 1.5}); err == nil || !strings.Contains(err.Error(), "between 0 and 1, got 1.5") {
		t.Error(err)
	}
	if _, err := Open("iris", Config{LogTarget: true}); err == nil || !strings.Contains(err.Error(), "has classes as targets") {
		t.Error(err)
	}
}

// damaged opens a set from files of which one was changed.
func damaged(t *testing.T, name string, files map[string][]byte) error {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("GRADUS_DATA", dir)
	e, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		to := filepath.Join(dir, e.folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(name, Config{})
	return err
}

func TestDamagedFilesAreRefused(t *testing.T) {
	record := func(label byte) []byte { return append([]byte{label}, make([]byte, 3072)...) }
	const train, test = "cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/test_batch.bin"
	idx := func(kind byte, dims ...byte) []byte {
		b := []byte{0, 0, 8, kind}
		for _, d := range dims {
			b = append(b, 0, 0, 0, d)
		}
		return b
	}
	image := append(idx(3, 1, 28, 28), make([]byte, 784)...)
	label := append(idx(1, 1), 7)
	mnist := func(change string, content []byte) map[string][]byte {
		files := map[string][]byte{
			"train-images-idx3-ubyte.gz": image, "train-labels-idx1-ubyte.gz": label,
			"t10k-images-idx3-ubyte.gz": image, "t10k-labels-idx1-ubyte.gz": label,
		}
		if change != "" {
			files[change] = content
		}
		return files
	}
	for _, c := range []struct {
		want, set string
		files     map[string][]byte
	}{
		{"", "cifar10-subset", map[string][]byte{train: record(9), test: record(0)}},
		{"expected a label from 0 to 9, got 10", "cifar10-subset", map[string][]byte{train: append(record(1), record(10)...), test: record(0)}},
		{"expected records of 3073 bytes, got a file of 3072 bytes", "cifar10-subset", map[string][]byte{train: record(1)[1:], test: record(0)}},
		{"got a file of 0 bytes", "cifar10-subset", map[string][]byte{train: record(1), test: nil}},
		{"", "mnist", mnist("", nil)}, // plain instead of gzip is fine
		{"expected labels from 0 to 9, got 10 for image 0", "mnist", mnist("train-labels-idx1-ubyte.gz", append(idx(1, 1), 10))},
		{"expected 1 labels, one for each image", "mnist", mnist("t10k-labels-idx1-ubyte.gz", append(idx(1, 2), 1, 2))},
		{"expected images of 28×28 pixels, got dimensions [1 4 4]", "mnist", mnist("train-images-idx3-ubyte.gz", append(idx(3, 1, 4, 4), make([]byte, 16)...))},
		{"iris.csv", "iris", map[string][]byte{"iris.csv": []byte("150,4,setosa\n1,2\n")}},
		{"expected one of the classes", "penguins", map[string][]byte{"penguins.csv": []byte("species,island\nAdelie,a\nEmperor,b\n")}},
		{"images_background_small1.zip, byte 0: expected a zip archive, got", "omniglot-small1", map[string][]byte{"images_background_small1.zip": []byte(strings.Repeat("no archive", 9)), "images_evaluation_10alphabets.zip": nil, "all_runs.zip": nil}},
		{"california_housing.tgz", "california-housing", map[string][]byte{"california_housing.tgz": []byte("no archive")}},
	} {
		err := damaged(t, c.set, c.files)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "sets: "+c.set)) {
			t.Errorf("%s: expected %q, got %v", c.set, c.want, err)
		}
	}
}

// A batch of 128 MNIST images.
func BenchmarkBatch(b *testing.B) {
	set := real(b, "mnist", Config{})
	index := tensor.NewRNG(1).Perm(60000)
	b.ReportAllocs()
	at := 0
	scope := tensor.NewLooseScope() // as a loader's batches, which are released after the step
	for b.Loop() {
		if _, err := set.Train.Batch(data.Draw{Index: index[at : at+128], Scope: scope}); err != nil {
			b.Fatal(err)
		}
		scope.Release()
		at = (at + 128) % (60000 - 128)
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		real(b, "mnist", Config{})
	}
}

func BenchmarkOpenDigits(b *testing.B) {
	for b.Loop() {
		if _, err := Open("digits", Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Counts are the paper's and the data's README's.
func TestOmniglot(t *testing.T) {
	set := real(t, "omniglot-small1", Config{Side: 14, Standardize: true})
	if len(set.Classes) != 136+382 || set.Classes[0] != "Balinese/character01" || set.Classes[136] != "Atlantean/character01" {
		t.Errorf("%d classes, %s and %s among them", len(set.Classes), set.Classes[0], set.Classes[136])
	}
	if set.Train.Len() != 2720 || set.Test.Len() != 7640 || len(set.Trials) != 20 || !slices.Equal(set.Shape, []int{1, 14, 14}) {
		t.Errorf("%d and %d drawings of %v, %d trials", set.Train.Len(), set.Test.Len(), set.Shape, len(set.Trials))
	}
	train, test := set.Train.(*images).Labels(), set.Test.(*images).Labels()
	if slices.Max(train) != 135 || slices.Min(test) != 136 || slices.Max(test) != 136+381 {
		t.Errorf("training labels up to %d, test labels from %d to %d", slices.Max(train), slices.Min(test), slices.Max(test))
	}
	// A trial's drawings are drawings of the evaluation alphabets, so they are among the test examples, scaled alike.
	all, err := data.All(set.Test)
	if err != nil {
		t.Fatal(err)
	}
	first := set.Pixels(set.Trials[0].Support).Select(0, 0)
	if far := all.X.Sub(first).Abs().MaxAxes(false, 1, 2, 3).Min().Item(); far != 0 {
		t.Errorf("the first support drawing differs from all test drawings by %g", far)
	}
}
