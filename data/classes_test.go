package data

import (
	"math"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
)

// classLabels returns 6 examples of each of n classes, by turns.
func classLabels(n int) []int {
	var out []int
	for range 6 {
		out = append(out, upTo(n)...)
	}
	return out
}

func TestClassesHoldsPClassesOfKExamples(t *testing.T) {
	labels := classLabels(10)
	s := Classes(labels, ClassesConfig{Classes: 4, Examples: 3, Batches: 500, Seed: 1})
	count := make([]float64, 10)
	for _, batch := range s.Batches(0) {
		if len(batch) != 12 {
			t.Fatalf("a batch of %d", len(batch))
		}
		seen := map[int]bool{}
		for p := range 4 {
			class := labels[batch[3*p]]
			if seen[class] {
				t.Fatalf("class %d twice in %v", class, batch)
			}
			seen[class] = true
			count[class]++
			own := slices.Clone(batch[3*p : 3*p+3])
			slices.Sort(own)
			if len(slices.Compact(own)) != 3 || slices.ContainsFunc(own, func(i int) bool { return labels[i] != class }) {
				t.Fatalf("%v aren't three examples of one class", own)
			}
		}
	}
	for class, n := range count { // 200 ± 4 standard deviations of √(500·0.4·0.6)
		if math.Abs(n-200) > 44 {
			t.Errorf("class %d was drawn %g times of 500, want about 200", class, n)
		}
	}
	if n := len(Classes(labels, ClassesConfig{Classes: 5, Examples: 2}).Batches(0)); n != 6 {
		t.Errorf("%d batches of 10 from 60 examples", n)
	}
}

func TestClassesComeFromFewGroups(t *testing.T) {
	labels := classLabels(10)
	groups := []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 2}
	kinds := func(batch []int) int {
		seen := map[int]bool{}
		for _, i := range batch {
			seen[groups[labels[i]]] = true
		}
		return len(seen)
	}
	for _, c := range []struct{ classes, perGroup, want int }{{3, 0, 1}, {4, 2, 2}, {3, 1, 3}, {8, 2, 3}} {
		for _, batch := range Classes(labels, ClassesConfig{Classes: c.classes, Examples: 1, Groups: groups, PerGroup: c.perGroup, Batches: 50}).Batches(3) {
			if got := kinds(batch); got != c.want || len(batch) != c.classes {
				t.Errorf("%d classes, %d of a group: %d of %d groups", c.classes, c.perGroup, len(batch), got)
				break
			}
		}
	}
}

func TestClassesRepeatsAndDependsOnTheEpoch(t *testing.T) {
	labels := []int{7, 7, 3, 3, 3}
	cfg := ClassesConfig{Classes: 2, Examples: 4, Batches: 4, Seed: 5}
	a, b, c := Classes(labels, cfg).Batches(0), Classes(labels, cfg).Batches(0), Classes(labels, cfg).Batches(1)
	same := func(a, b [][]int) bool { return slices.EqualFunc(a, b, slices.Equal) }
	if !same(a, b) || same(a, c) {
		t.Errorf("%v, again %v, next epoch %v", a, b, c)
	}
	for _, batch := range a {
		for k := range 4 {
			if labels[batch[k]] != labels[batch[0]] || labels[batch[4+k]] == labels[batch[0]] {
				t.Errorf("batch %v", batch)
			}
		}
	}
	if err := tensor.Try(func() error { Classes(labels, ClassesConfig{Classes: 3, Examples: 1}); return nil }); err == nil {
		t.Error("3 classes drawn from 2")
	}
}
