package train_test

import (
	"fmt"
	"runtime"
	"testing"
)

func TestSameSeedGivesTheSameWeights(t *testing.T) {
	first := lenetConfig(1)
	result := fit(t, first)
	want := weights(first.Model)
	if h := result.History; h[1].Values["loss"] >= h[0].Values["loss"] || h[1].Values["accuracy"] <= 0.3 {
		t.Errorf("it doesn't learn: %s", historyText(h))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 4} {
		for _, workers := range []int{-1, 1, 2, 3} {
			what := fmt.Sprintf("GOMAXPROCS %d, %d workers", procs, workers)
			runtime.GOMAXPROCS(procs)
			cfg := lenetConfig(workers)
			sameHistory(t, what, fit(t, cfg).History, result.History)
			sameWeights(t, what, weights(cfg.Model), want)
		}
	}
	other := lenetConfig(1)
	other.Seed++
	fit(t, other)
	if fmt.Sprint(weights(other.Model)) == fmt.Sprint(want) {
		t.Error("another seed gives the same weights: dropout doesn't use it")
	}
}
