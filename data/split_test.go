package data_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// members returns the targets of all examples.
func members(t *testing.T, ds data.Dataset) []int {
	t.Helper()
	out, err := data.Labels(ds)
	if err != nil || len(out) != ds.Len() {
		t.Fatal(out, err)
	}
	return out
}

func TestSplitsPartTheSet(t *testing.T) {
	ds := numbered(101)
	parts := data.Splits(ds, 5, 0.6, 0.2, 0.2)
	var all []int
	for i, size := range []int{61, 20, 20} { // ends at 60.6, 80.8, 101, rounded
		m := members(t, parts[i])
		if len(m) != size {
			t.Errorf("part %d has %d examples, want %d", i, len(m), size)
		}
		all = append(all, m...)
	}
	if !isPermutation(all) {
		t.Error("the parts don't make up the whole")
	}
	if slices.IsSorted(all[:61]) {
		t.Error("not at random")
	}
	first, rest := data.Split(ds, 0.6, 5)
	if !slices.Equal(members(t, first), members(t, parts[0])) || first.Len()+rest.Len() != 101 {
		t.Error("Split and Splits differ")
	}
	if again := data.Splits(ds, 5, 0.6); !slices.Equal(members(t, again[0]), members(t, parts[0])) {
		t.Error("one seed, two splits")
	}
	if other := data.Splits(ds, 6, 0.6); slices.Equal(members(t, other[0]), members(t, parts[0])) {
		t.Error("two seeds, one split")
	}
	if some := members(t, data.Take(ds, 7, 1)); len(some) != 7 || data.Take(ds, 200, 1).Len() != 101 {
		t.Error("Take:", some)
	}
}

// classes returns n examples whose class is 0 for 70 %, 1 for 20 % and 2 for 10 %.
func classes(n int) (ds data.Dataset, labels []int) {
	y := make([]int64, n)
	for i := range y {
		y[i] = []int64{0, 0, 1, 0, 0, 2, 0, 0, 1, 0}[i%10]
		labels = append(labels, int(y[i]))
	}
	return data.Tensors(tensor.Arange(tensor.Float32, 0, float64(n), 1), tensor.FromSlice(y, n)), labels
}

func count(labels []int) map[int]int {
	n := map[int]int{}
	for _, l := range labels {
		n[l]++
	}
	return n
}

func TestStratifiedPartsHaveTheSameShares(t *testing.T) {
	ds, labels := classes(200)
	parts := data.StratifiedSplits(ds, labels, 1, 0.75, 0.25)
	for i, want := range []string{"map[0:105 1:30 2:15]", "map[0:35 1:10 2:5]"} {
		if got := fmt.Sprint(count(members(t, parts[i]))); got != want {
			t.Errorf("part %d: %s, want %s", i, got, want)
		}
	}
	for i, f := range data.StratifiedKFold(ds, labels, 5, 1) {
		if got := fmt.Sprint(count(members(t, f.Valid))); got != "map[0:28 1:8 2:4]" {
			t.Errorf("fold %d: %s", i, got)
		}
	}
}

func TestKFoldValidatesEachExampleOnce(t *testing.T) {
	ds := numbered(23)
	var valid []int
	for i, f := range data.KFold(ds, 5, 3) {
		m := members(t, f.Valid)
		if len(m) < 4 || len(m) > 5 {
			t.Errorf("fold %d has %d examples", i, len(m))
		}
		valid = append(valid, m...)
		if !isPermutation(append(members(t, f.Train), m...)) {
			t.Errorf("fold %d: training and validation don't make up the whole", i)
		}
	}
	if !isPermutation(valid) || len(valid) != 23 {
		t.Error("not every example is validated on once")
	}
}

func TestLabelsOfMappedData(t *testing.T) {
	ds := data.Map(numbered(3000), func(_ data.Draw, b data.Batch) (data.Batch, error) {
		b.Y = b.Y.MulScalar(2)
		return b, nil
	})
	got := members(t, data.Subset(ds, []int{2999, 0, 5}))
	if fmt.Sprint(got) != "[5998 0 10]" {
		t.Error(got)
	}
}

func TestWeightedDrawsInProportion(t *testing.T) {
	weights := []float64{1, 0, 3, 0, 6, 0}
	s := data.Weighted(weights, data.WeightedConfig{Batch: 64, Draws: 20000, Seed: 1})
	var all []int
	for _, b := range s.Batches(0) {
		all = append(all, b...)
	}
	n := count(all)
	for i, w := range weights {
		// Five standard deviations of a binomial count.
		p := w / 10
		if d := math.Abs(float64(n[i]) - 20000*p); d > 5*math.Sqrt(20000*p*(1-p)) {
			t.Errorf("example %d was drawn %d times, expected about %g", i, n[i], 20000*p)
		}
	}
	third := fmt.Sprint(s.Batches(3))
	if len(all) != 20000 || third != fmt.Sprint(s.Batches(3)) || third == fmt.Sprint(s.Batches(4)) {
		t.Error("draws must be a function of the epoch")
	}
}

func TestWeightedOnceDrawsNothingTwice(t *testing.T) {
	s := data.Weighted([]float64{1, 5, 0, 1, 5}, data.WeightedConfig{Batch: 3, Draws: 4, Once: true})
	first := map[int]int{}
	for epoch := range 2000 {
		b := s.Batches(epoch)
		got := append(slices.Clone(b[0]), b[1]...)
		if slices.Contains(got, 2) || len(count(got)) != 4 {
			t.Fatalf("epoch %d: %v", epoch, got)
		}
		first[got[0]]++
	}
	// The first is drawn in proportion: 5 of 12 for examples 1 and 4.
	for _, i := range []int{1, 4} {
		if p := float64(first[i]) / 2000; math.Abs(p-5.0/12) > 0.055 {
			t.Errorf("example %d came first in %g of all epochs, expected 5/12", i, p)
		}
	}
}

func TestBalanceMakesClassesAlike(t *testing.T) {
	_, labels := classes(100)
	sum := map[int]float64{}
	for i, w := range data.Balance(labels) {
		sum[labels[i]] += w
	}
	for c, s := range sum {
		if math.Abs(s-1) > 1e-12 {
			t.Errorf("class %d has weight %g", c, s)
		}
	}
}

func TestBucketsHoldLikeLengths(t *testing.T) {
	rng := tensor.NewRNG(4)
	lengths := make([]int, 1000)
	for i := range lengths {
		lengths[i] = 1 + rng.IntN(500)
	}
	s := data.Buckets(lengths, data.BucketConfig{Batch: 16, Pool: 20, Seed: 2})
	padding := func(batches [][]int) (n int) {
		for _, b := range batches {
			longest := 0
			for _, i := range b {
				longest = max(longest, lengths[i])
			}
			for _, i := range b {
				n += longest - lengths[i]
			}
		}
		return n
	}
	random := slices.Collect(slices.Chunk(tensor.NewRNG(1).Perm(1000), 16))
	batches := s.Batches(0)
	if p, q := padding(batches), padding(random); p*8 > q {
		t.Errorf("padding is %d, without buckets %d", p, q)
	}
	var all []int
	for _, b := range batches {
		all = append(all, b...)
	}
	if !isPermutation(all) || len(all) != 1000 {
		t.Error("not every example came once")
	}
	if fmt.Sprint(batches) != fmt.Sprint(s.Batches(0)) || fmt.Sprint(batches) == fmt.Sprint(s.Batches(1)) {
		t.Error("batches must be a function of the epoch")
	}
	for _, b := range data.Buckets(lengths, data.BucketConfig{Batch: 16, DropLast: true}).Batches(0) {
		if len(b) != 16 {
			t.Error("DropLast leaves a batch of", len(b))
		}
	}
	// In a loader.
	l := data.NewLoader(numbered(1000), data.LoaderConfig{Sampler: s, Workers: 2})
	if got := drain(t, l.Epoch(context.Background(), 0)); fmt.Sprint(got) != fmt.Sprint(batches) || l.Batches() != len(batches) {
		t.Error("the loader yields other batches than its sampler")
	}
}
