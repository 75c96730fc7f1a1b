package digits

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"testing"
)

func Example() {
	pixels, labels := Generate(1, 0, 20)
	fmt.Println(len(pixels), labels)
	// Output: 15680 [5 6 1 9 7 0 2 8 3 4 1 2 7 8 6 3 4 5 0 9]
}

func TestSamplesDependOnSeedAndIndexOnly(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	runtime.GOMAXPROCS(1)
	pixels, labels := Generate(7, 0, 300)
	for _, procs := range []int{2, 3, 4} {
		runtime.GOMAXPROCS(procs)
		p, l := Generate(7, 0, 300)
		if !bytes.Equal(p, pixels) || !bytes.Equal(l, labels) {
			t.Errorf("GOMAXPROCS=%d gives other samples than GOMAXPROCS=1", procs)
		}
	}
	for _, part := range [][2]int{{0, 1}, {17, 100}, {123, 177}, {299, 1}, {300, 0}} {
		from, n := part[0], part[1]
		p, l := Generate(7, from, n)
		if !bytes.Equal(p, pixels[from*Size*Size:(from+n)*Size*Size]) || !bytes.Equal(l, labels[from:from+n]) {
			t.Errorf("Generate(7, %d, %d) differs from that part of Generate(7, 0, 300)", from, n)
		}
	}
	if p, _ := Generate(8, 0, 300); bytes.Equal(p, pixels) {
		t.Error("seeds 7 and 8 give the same samples")
	}
}

func TestEveryTenSamplesHoldEachClassOnce(t *testing.T) {
	_, labels := Generate(3, 50, 1000)
	orders := map[string]bool{}
	for block := 0; block < len(labels); block += Classes {
		var seen [Classes]int
		for _, l := range labels[block:][:Classes] {
			seen[l]++
		}
		for c, n := range seen {
			if n != 1 {
				t.Fatalf("samples %d to %d hold class %d %d times", 50+block, 59+block, c, n)
			}
		}
		orders[string(labels[block:][:Classes])] = true
	}
	if len(orders) < 95 {
		t.Errorf("100 blocks of ten have only %d different orders", len(orders))
	}
}

func TestNoSampleIsInTrainAndTest(t *testing.T) {
	train, _ := Generate(1, 0, 2000)
	test, _ := Generate(1, TestFrom, 2000)
	seen := map[string]int{}
	for name, set := range map[string][]uint8{"train": train, "test": test} {
		for i := range len(set) / (Size * Size) {
			key := string(set[i*Size*Size:][:Size*Size])
			if j, ok := seen[key]; ok {
				t.Errorf("%s sample %d equals sample %d", name, i, j)
			}
			seen[key] = i
		}
	}
}

// The figures of the set as published; a change of them is a change of the
// data, and of every result measured on it.
func TestPixelStatistics(t *testing.T) {
	pixels, _ := Generate(1, 0, 12000)
	var sum, squares float64
	var ink, full int
	for _, p := range pixels {
		v := float64(p) / 255
		sum += v
		squares += v * v
		if p > 128 {
			ink++
		}
		if p == 255 {
			full++
		}
	}
	n := float64(len(pixels))
	mean := sum / n
	sd := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-0.1290) > 5e-4 || math.Abs(sd-0.2484) > 5e-4 {
		t.Errorf("mean %.4f, standard deviation %.4f; want 0.1290 and 0.2484", mean, sd)
	}
	if share := float64(ink) / n; share < 0.08 || share > 0.2 {
		t.Errorf("%.1f %% of the pixels are ink", 100*share)
	}
	if full == 0 {
		t.Error("no pixel reaches 255")
	}
}

// Nearest centroid is the simplest classifier there is: it must do far better
// than chance, for else the classes aren't digits, and far from perfectly, for
// else there is nothing to learn. Measured: 69.9 % at 12,000 samples. For the
// same samples PyTorch's linear softmax classifier reaches 88.6 % and LeNet
// (ReLU, max-pooling) 99.3 % after ten epochs of AdamW.
func TestNearestCentroidIsRightTwoTimesInThree(t *testing.T) {
	train, trainLabels := Generate(1, 0, 6000)
	test, testLabels := Generate(1, TestFrom, 2000)
	const d = Size * Size
	var centroids [Classes][d]float64
	for i, l := range trainLabels {
		for k, p := range train[i*d:][:d] {
			centroids[l][k] += float64(p) / float64(len(trainLabels)/Classes)
		}
	}
	right := 0
	for i, l := range testLabels {
		best, nearest := -1, math.Inf(1)
		for c := range centroids {
			var distance float64
			for k, p := range test[i*d:][:d] {
				diff := float64(p) - centroids[c][k]
				distance += diff * diff
			}
			if distance < nearest {
				best, nearest = c, distance
			}
		}
		if best == int(l) {
			right++
		}
	}
	accuracy := float64(right) / float64(len(testLabels))
	t.Logf("nearest centroid: %.1f %%", 100*accuracy)
	if accuracy < 0.65 || accuracy > 0.75 {
		t.Errorf("nearest centroid is right in %.1f %%, expected about 70 %%", 100*accuracy)
	}
}

func TestNoDigitIsCutOff(t *testing.T) {
	pixels, _ := Generate(5, 0, 2000)
	cut := 0
	for i := range 2000 {
		img := pixels[i*Size*Size:][:Size*Size]
		edge := 0
		for k := range Size {
			for _, p := range []uint8{img[k], img[(Size-1)*Size+k], img[k*Size], img[k*Size+Size-1]} {
				if p > 140 {
					edge++
				}
			}
		}
		if edge > 6 {
			cut++
		}
	}
	if cut > 20 {
		t.Errorf("%d of 2000 samples have much ink at the border", cut)
	}
}

func TestNegativeRangePanics(t *testing.T) {
	defer func() {
		want := "digits.Generate: from and n must not be negative, got from=-1 n=3"
		if got := recover(); got != want {
			t.Errorf("got panic %v, want %q", got, want)
		}
	}()
	Generate(1, -1, 3)
}

func BenchmarkGenerate(b *testing.B) {
	glyphs()
	for b.Loop() {
		Generate(1, 0, 1000)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/sample")
}
