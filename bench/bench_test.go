package bench

import (
	"testing"
	"time"
)

func TestRoundCountsWorkPerSecond(t *testing.T) {
	w := Workload{Work: 2}
	steps := 0
	start := time.Now()
	rate := w.Round(func() { steps++; time.Sleep(10 * time.Microsecond) }, 100*time.Millisecond)
	took := time.Since(start).Seconds()
	if want := 2 * float64(steps) / took; rate < 0.9*want || rate > 1.1*want {
		t.Errorf("%d steps of 2 in %.3f s are %.1f per second, got %.1f", steps, took, want, rate)
	}
	// A step that takes no time must not stop being called.
	steps = 0
	w.Round(func() { steps++ }, 50*time.Millisecond)
	if steps < 100_000 {
		t.Errorf("%d empty steps in 50 ms", steps)
	}
}

func TestEveryWorkloadRuns(t *testing.T) {
	for _, w := range Workloads() {
		if w.Name == "gemm_2048" && testing.Short() {
			continue
		}
		w.Make()()
		if found, err := Find(w.Name); err != nil || found.What == "" || found.Work <= 0 || found.Unit == "" {
			t.Errorf("%s: %+v, %v", w.Name, found, err)
		}
	}
}

// Time and allocations of whole training steps; that the garbage doesn't grow with the batch is tested in package train.
func BenchmarkStep(b *testing.B) {
	for _, name := range []string{"xor_tiny", "mlp_dropout", "lenet"} {
		w, err := Find(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			step := w.Make()
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}
