package data

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// Splits divides ds at random, by seed, into parts with the given fractions of the examples, which add up to at most
// 1: training, validation and test set with Splits(ds, seed, 0.6, 0.2, 0.2). Parts begin and end where the sums of
// fractions, rounded, say.
func Splits(ds Dataset, seed uint64, fractions ...float64) []Dataset {
	return deal(ds, [][]int{tensor.NewRNG(seed).Split("split").Perm(ds.Len())}, cuts("data.Splits", fractions))
}

// StratifiedSplits is [Splits] with each class divided by itself, so that all parts have the classes in equal shares.
// labels holds the class of each example; see [Labels].
func StratifiedSplits(ds Dataset, labels []int, seed uint64, fractions ...float64) []Dataset {
	return deal(ds, strata("data.StratifiedSplits", ds, labels, seed), cuts("data.StratifiedSplits", fractions))
}

// cuts returns where the parts end, as fractions of the whole.
func cuts(op string, fractions []float64) []float64 {
	ends, sum := make([]float64, len(fractions)), 0.0
	for i, f := range fractions {
		if !(f >= 0) {
			tensor.Fail(op, "", "fractions must not be negative, got %g", f)
		}
		sum += f
		ends[i] = sum
		if math.Abs(sum-1) < 1e-9 {
			ends[i] = 1
		}
	}
	if len(fractions) == 0 || sum > 1+1e-9 {
		tensor.Fail(op, "", "the fractions must add up to at most 1, got %v", fractions)
	}
	return ends
}

// deal cuts each stratum at the given fractions and joins what belongs to one part.
func deal(ds Dataset, strata [][]int, ends []float64) []Dataset {
	parts := make([][]int, len(ends))
	for _, s := range strata {
		lo := 0
		for i, end := range ends {
			hi := int(math.Floor(end*float64(len(s)) + 0.5))
			parts[i] = append(parts[i], s[lo:hi]...)
			lo = hi
		}
	}
	out := make([]Dataset, len(parts))
	for i, p := range parts {
		if len(strata) > 1 {
			slices.Sort(p) // or the classes would come one after the other
		}
		out[i] = Subset(ds, p)
	}
	return out
}

// strata returns the examples of each class in random order.
func strata(op string, ds Dataset, labels []int, seed uint64) [][]int {
	if len(labels) != ds.Len() {
		tensor.Fail(op, "get the labels with data.Labels", "there must be a label for each example, got %d labels of %d examples", len(labels), ds.Len())
	}
	byClass := map[int][]int{}
	for _, i := range tensor.NewRNG(seed).Split("split").Perm(ds.Len()) {
		byClass[labels[i]] = append(byClass[labels[i]], i)
	}
	var out [][]int
	for _, c := range sortedKeys(byClass) {
		out = append(out, byClass[c])
	}
	return out
}

func sortedKeys(m map[int][]int) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Fold is one of the k ways to leave out a part of a data set.
type Fold struct{ Train, Valid Dataset }

// KFold divides ds at random, by seed, into k parts whose sizes differ by one at most. Fold i has part i to validate
// and the others to train.
func KFold(ds Dataset, k int, seed uint64) []Fold {
	return folds(ds, k, [][]int{tensor.NewRNG(seed).Split("folds").Perm(ds.Len())})
}

// StratifiedKFold is [KFold] with the classes in equal shares in all parts. labels holds the class of each example; see [Labels].
func StratifiedKFold(ds Dataset, labels []int, k int, seed uint64) []Fold {
	return folds(ds, k, strata("data.StratifiedKFold", ds, labels, seed))
}

func folds(ds Dataset, k int, strata [][]int) []Fold {
	if k < 2 || k > ds.Len() {
		tensor.Fail("data.KFold", "", "the number of folds must lie between 2 and the number of examples, %d, got %d", ds.Len(), k)
	}
	parts := make([][]int, k)
	// Dealt like cards, going on from one class to the next, no part gets two more than another.
	next := 0
	for _, s := range strata {
		for _, i := range s {
			parts[next%k] = append(parts[next%k], i)
			next++
		}
	}
	out := make([]Fold, k)
	for i := range parts {
		var train []int
		for j, p := range parts {
			if j != i {
				train = append(train, p...)
			}
		}
		slices.Sort(train)
		out[i] = Fold{Train: Subset(ds, train), Valid: Subset(ds, slices.Sorted(slices.Values(parts[i])))}
	}
	return out
}

// Labels returns the class of each example of ds, whose targets are integers of shape (N). Data sets that know their
// labels without assembling inputs say so with a method Labels() []int; of others every batch is read.
func Labels(ds Dataset) ([]int, error) {
	if l, ok := ds.(interface{ Labels() []int }); ok {
		return l.Labels(), nil
	}
	if s, ok := ds.(subset); ok {
		all, err := Labels(s.Dataset)
		if err != nil {
			return nil, err
		}
		out := make([]int, len(s.index))
		for i, n := range s.index {
			out[i] = all[n]
		}
		return out, nil
	}
	if t, ok := ds.(tensors); ok {
		return classIndices(t.y), nil
	}
	var out []int
	for index := range slices.Chunk(upTo(ds.Len()), 1024) {
		b, err := ds.Batch(Draw{Index: index})
		if err != nil {
			return nil, err
		}
		out = append(out, classIndices(b.Y)...)
	}
	return out, nil
}

func classIndices(y *tensor.Tensor) []int {
	if y == nil || y.NDim() != 1 || y.DType().IsFloat() {
		got := "none"
		if y != nil {
			got = y.DType().String() + " of another kind or shape"
		}
		tensor.Fail("data.Labels", "", "targets must be class indices, integers of shape (N), got %s", got)
	}
	out := make([]int, 0, y.NumEl())
	for _, v := range tensor.ToSlice[int64](y) {
		out = append(out, int(v))
	}
	return out
}

// upTo returns the numbers from 0 to n−1.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
