package data_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/tensor"
)

// numbered returns n examples: input (i, 10·i), target i.
func numbered(n int) data.Dataset {
	x, y := make([]float32, 0, 2*n), make([]int64, n)
	for i := range n {
		x = append(x, float32(i), float32(10*i))
		y[i] = int64(i)
	}
	return data.Tensors(tensor.FromSlice(x, n, 2), tensor.FromSlice(y, n))
}

// noLeaks fails if goroutines of the test are still there at its end.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<16)
				t.Fatalf("%d goroutines more than before:\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}

// drain returns the targets of each batch, checking that inputs and indices belong to them.
func drain(t *testing.T, s func(yield func(data.Batch, error) bool)) [][]int {
	t.Helper()
	var out [][]int
	for b, err := range s {
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for i, y := range tensor.ToSlice[int64](b.Y) {
			if b.X.At(i, 1) != float64(10*y) || b.Index != nil && b.Index[i] != int(y) {
				t.Fatalf("example %d of index %d has input %g", y, b.Index[i], b.X.At(i, 1))
			}
			got = append(got, int(y))
		}
		out = append(out, got)
	}
	return out
}

func isPermutation(v []int) bool {
	for i, x := range slices.Sorted(slices.Values(v)) {
		if i != x {
			return false
		}
	}
	return true
}

func TestTensorsAndExamplesAgree(t *testing.T) {
	set := numbered(5)
	one := data.Examples(5, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		n := d.Index[i]
		return tensor.FromSlice([]float32{float32(n), float32(10 * n)}), tensor.Scalar(tensor.Int64, float64(n)), nil
	})
	draw := data.Draw{Index: []int{3, 0, 3}}
	for name, ds := range map[string]data.Dataset{"Tensors": set, "Examples": one} {
		b, err := ds.Batch(draw)
		if err != nil || ds.Len() != 5 || b.Len() != 3 {
			t.Fatal(name, err, ds.Len())
		}
		if got := tensor.ToSlice[float32](b.X); !slices.Equal(got, []float32{3, 30, 0, 0, 3, 30}) {
			t.Errorf("%s: inputs %v", name, got)
		}
		if got := tensor.ToSlice[int64](b.Y); !slices.Equal(got, []int64{3, 0, 3}) || b.Y.NDim() != 1 {
			t.Errorf("%s: targets %v", name, got)
		}
		if !slices.Equal(b.Index, draw.Index) {
			t.Errorf("%s: index %v", name, b.Index)
		}
	}
	all, err := data.All(data.Subset(set, []int{4, 2}))
	if got := tensor.ToSlice[int64](all.Y); err != nil || !slices.Equal(got, []int64{4, 2}) || !slices.Equal(all.Index, []int{0, 1}) {
		t.Error("All of a subset:", got, all.Index, err)
	}
	if b, err := data.All(data.Tensors(tensor.Zeros(tensor.Float32, 3, 1), nil)); err != nil || b.Y != nil {
		t.Error("no targets:", b.Y, err)
	}
}

func TestMapSeesBatchAndDraw(t *testing.T) {
	set := data.Map(numbered(4), func(d data.Draw, b data.Batch) (data.Batch, error) {
		if d.Index[0] == 2 {
			return b, errors.New("no 2")
		}
		b.X = b.X.AddScalar(0.5)
		return b, nil
	})
	b, err := set.Batch(data.Draw{Index: []int{1}})
	if err != nil || b.X.At(0, 0) != 1.5 || set.Len() != 4 {
		t.Error(b.X, err)
	}
	if _, err = set.Batch(data.Draw{Index: []int{2}}); err == nil {
		t.Error("the function's error is lost")
	}
}

func TestEpochIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	noLeaks(t)
	// Augmentation draws from the batch's randomness: it must not depend on workers or batch sizes either.
	set := data.Map(numbered(103), func(d data.Draw, b data.Batch) (data.Batch, error) {
		noise := make([]float64, b.Len())
		for i := range noise {
			noise[i] = d.RNG(i).Float64()
		}
		b.X = tensor.Cat(1, b.X.To(tensor.Float64), tensor.FromSlice(noise, len(noise), 1))
		return b, nil
	})
	byExample := map[int]float64{}
	var want []int
	for _, batch := range []int{10, 7} {
		for _, workers := range []int{-1, 1, 2, 5} {
			for _, prefetch := range []int{0, 1, 9} {
				l := data.NewLoader(set, data.LoaderConfig{Batch: batch, Shuffle: true, Seed: 3, Workers: workers, Prefetch: prefetch})
				var order []int
				batches := 0
				for b, err := range l.Epoch(context.Background(), 4) {
					if err != nil {
						t.Fatal(err)
					}
					batches++
					for i, y := range tensor.ToSlice[int64](b.Y) {
						order = append(order, int(y))
						noise := b.X.At(i, 2)
						if old, ok := byExample[int(y)]; ok && old != noise {
							t.Fatalf("noise of example %d differs", y)
						}
						byExample[int(y)] = noise
					}
				}
				if want == nil {
					want = order
				}
				if !slices.Equal(order, want) || batches != l.Batches() {
					t.Fatalf("batch %d, workers %d: another order, or %d batches instead of %d", batch, workers, batches, l.Batches())
				}
			}
		}
	}
	if !isPermutation(want) || len(want) != 103 {
		t.Error("not every example came once")
	}
	if len(byExample) != 103 || byExample[0] == byExample[1] {
		t.Error("noise doesn't differ by example")
	}
}

func TestShuffles(t *testing.T) {
	epoch := func(seed uint64, n int) []int {
		l := data.NewLoader(numbered(50), data.LoaderConfig{Batch: 50, Shuffle: true, Seed: seed})
		return drain(t, l.Epoch(context.Background(), n))[0]
	}
	if !slices.Equal(epoch(1, 0), epoch(1, 0)) {
		t.Error("one seed, two orders")
	}
	if slices.Equal(epoch(1, 0), epoch(1, 1)) || slices.Equal(epoch(1, 0), epoch(2, 0)) {
		t.Error("epochs or seeds share an order")
	}
	l := data.NewLoader(numbered(7), data.LoaderConfig{Batch: 3})
	if got := fmt.Sprint(drain(t, l.Epoch(context.Background(), 0))); got != "[[0 1 2] [3 4 5] [6]]" {
		t.Error("without shuffling:", got)
	}
	l = data.NewLoader(numbered(7), data.LoaderConfig{Batch: 3, DropLast: true})
	if got := fmt.Sprint(drain(t, l.Epoch(context.Background(), 0))); got != "[[0 1 2] [3 4 5]]" || l.Batches() != 2 {
		t.Error("DropLast:", got)
	}
}

func TestEpochFromIsTheTail(t *testing.T) {
	for _, workers := range []int{-1, 2} {
		l := data.NewLoader(numbered(20), data.LoaderConfig{Batch: 3, Shuffle: true, Seed: 9, Workers: workers})
		whole := drain(t, l.Epoch(context.Background(), 2))
		for first := range 9 {
			got := drain(t, l.EpochFrom(context.Background(), 2, first))
			if fmt.Sprint(got) != fmt.Sprint(whole[min(first, len(whole)):]) {
				t.Errorf("from batch %d: %v, whole epoch %v", first, got, whole)
			}
		}
	}
}

func TestStoppingEarlyLeavesNothingBehind(t *testing.T) {
	noLeaks(t)
	slow := data.Map(numbered(1000), func(_ data.Draw, b data.Batch) (data.Batch, error) {
		time.Sleep(100 * time.Microsecond)
		return b, nil
	})
	for _, workers := range []int{-1, 1, 3} {
		l := data.NewLoader(slow, data.LoaderConfig{Batch: 2, Workers: workers, Prefetch: 5})
		n := 0
		for range l.Epoch(context.Background(), 0) {
			if n++; n == 3 {
				break
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var last error
		n = 0
		for _, err := range l.Epoch(ctx, 0) {
			if n++; n == 3 {
				cancel()
			}
			last = err
		}
		if !errors.Is(last, context.Canceled) || n > 10 {
			t.Errorf("%d workers: cancelled after 3 batches, got %d and error %v", workers, n, last)
		}
		for b, err := range l.Epoch(ctx, 0) {
			if b.X != nil || !errors.Is(err, context.Canceled) {
				t.Errorf("%d workers: a cancelled context yields %v, %v", workers, b, err)
			}
		}
	}
}

func TestErrorsAndPanicsNameTheExample(t *testing.T) {
	noLeaks(t)
	cause := errors.New("bad picture")
	for _, workers := range []int{-1, 1, 3} {
		for what, get := range map[string]func(d data.Draw, i int) (x, y *tensor.Tensor, err error){
			"example 41: bad picture": func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
				if d.Index[i] == 41 {
					return nil, nil, cause
				}
				return tensor.Zeros(tensor.Float32, 2), nil, nil
			},
			"example 41: panic: bad picture": func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
				if d.Index[i] == 41 {
					panic(cause)
				}
				return tensor.Zeros(tensor.Float32, 2), nil, nil
			},
			"example 41 has shape (41), but example 40 of the same batch has (2)": func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
				if d.Index[i] == 41 {
					return tensor.Zeros(tensor.Float32, 41), nil, nil
				}
				return tensor.Zeros(tensor.Float32, 2), nil, nil
			},
			"1 of 2 examples of a batch have targets": func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
				if d.Index[i] == 41 {
					y = tensor.Zeros(tensor.Float32)
				}
				return tensor.Zeros(tensor.Float32, 2), y, nil
			},
		} {
			l := data.NewLoader(data.Examples(100, get), data.LoaderConfig{Batch: 2, Workers: workers})
			n := 0
			var last error
			for _, err := range l.Epoch(context.Background(), 0) {
				n++
				last = err
			}
			if n != 21 || last == nil || !strings.Contains(last.Error(), what) {
				t.Errorf("%d workers: expected batch 21 to fail with %q, got %d batches and %v", workers, what, n, last)
			}
			if what == "example 41: bad picture" && !errors.Is(last, cause) {
				t.Error("the cause is lost")
			}
		}
		for what, bad := range map[string]func(index []int) bool{
			"panic while assembling example 5: boom":                                        func(index []int) bool { return slices.Contains(index, 5) },
			"panic while assembling a batch of examples [0 1 2 3 4 5 6 7] and 1 more: boom": func(index []int) bool { return len(index) > 1 },
		} {
			l := data.NewLoader(data.Map(numbered(9), func(d data.Draw, b data.Batch) (data.Batch, error) {
				if bad(d.Index) {
					panic("boom")
				}
				return b, nil
			}), data.LoaderConfig{Batch: 9, Workers: workers})
			for _, err := range l.Epoch(context.Background(), 0) {
				if err == nil || !strings.Contains(err.Error(), what) {
					t.Errorf("got %v, expected %q", err, what)
				}
			}
		}
	}
}

// A batch's memory goes back when it is released, what was computed from it included; who doesn't release may keep it.
func TestBatchesMayBeReleased(t *testing.T) {
	const n, width = 64, 1000 // large enough to lie outside the Go heap
	set := data.Map(data.Tensors(tensor.Ones(tensor.Float32, n, width), nil), func(d data.Draw, b data.Batch) (data.Batch, error) {
		b.X = b.X.MulScalar(2)
		return b, nil
	})
	loader := data.NewLoader(set, data.LoaderConfig{Batch: 16, Workers: -1})
	before := mem.Read().InUse
	var kept []data.Batch
	for b, err := range loader.Epoch(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, b)
	}
	for i, b := range kept {
		if got := b.X.Sum().Item(); got != 2*16*width {
			t.Errorf("batch %d: sum %v", i, got)
		}
	}
	for _, b := range kept {
		b.Release()
	}
	if after := mem.Read().InUse; after > before {
		t.Errorf("%d bytes are still in use after Release, %d were before", after, before)
	}
	if err := tensor.Try(func() error { kept[0].X.Sum(); return nil }); err == nil || !strings.Contains(err.Error(), "released with its scope") {
		t.Errorf("use after Release: %v", err)
	}
	all, err := data.All(set)
	if err != nil {
		t.Fatal(err)
	}
	all.Release() // nothing to release
	if got := all.X.Sum().Item(); got != 2*n*width {
		t.Errorf("sum %v", got)
	}
}

func TestMistakesAreRefused(t *testing.T) {
	ds := numbered(4)
	for want, do := range map[string]func(){
		"the batch size must be positive, got 0": func() { data.NewLoader(ds, data.LoaderConfig{}) },
		"example 4 doesn't exist":                func() { data.Subset(ds, []int{0, 4}) },
		"the fraction must lie between 0 and 1":  func() { data.Split(ds, 1.5, 0) },
		"one entry for each example":             func() { data.Tensors(tensor.Zeros(tensor.Float32, 2), tensor.Zeros(tensor.Float32, 3)) },
		"must add up to at most 1":               func() { data.Splits(ds, 0, 0.6, 0.6) },
		"must not be negative":                   func() { data.Splits(ds, 0, 0.6, -0.1) },
		"got 5":                                  func() { data.KFold(ds, 5, 0) },
		"3 labels of 4 examples":                 func() { data.StratifiedSplits(ds, []int{1, 2, 3}, 0, 0.5) },
		"got -1 for example 1":                   func() { data.Weighted([]float64{1, -1}, data.WeightedConfig{Batch: 1}) },
		"positive sum":                           func() { data.Weighted([]float64{0, 0}, data.WeightedConfig{Batch: 1}) },
		"3 different examples can't be drawn":    func() { data.Weighted([]float64{1, 0, 2}, data.WeightedConfig{Batch: 1, Once: true}) },
		"number 1 is float32 (2, 2)":             func() { data.Pad(0, tensor.Zeros(tensor.Float32, 2), tensor.Zeros(tensor.Float32, 2, 2)) },
		"as many standard deviations as means":   func() { data.Standardize([]float64{1}, nil) },
		"not negative, got 1 and -1":             func() { data.Standardize([]float64{1}, []float64{-1}) },
		"expected inputs with 3 channels": func() {
			f := data.Standardize([]float64{1, 1, 1}, []float64{1, 1, 1})
			b, _ := data.All(ds)
			f(data.Draw{}, b)
		},
	} {
		err := tensor.Try(func() error { do(); return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, got %v", want, err)
		}
	}
}

// Assembling a batch of 128 small images from memory.
func BenchmarkLoader(b *testing.B) {
	set := data.Tensors(tensor.Zeros(tensor.Float32, 6400, 784), tensor.Zeros(tensor.Int64, 6400))
	l := data.NewLoader(set, data.LoaderConfig{Batch: 128, Shuffle: true})
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range l.Epoch(context.Background(), 0) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A data set that ends its goroutine, as a test's Fatal does, doesn't leave the consumer waiting.
func TestGoexitReachesTheConsumer(t *testing.T) {
	noLeaks(t)
	set := data.Examples(100, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		if d.Index[i] == 41 {
			runtime.Goexit()
		}
		return tensor.Zeros(tensor.Float32, 2), nil, nil
	})
	for _, workers := range []int{1, 3} {
		batches, last := 0, error(nil)
		for _, err := range data.NewLoader(set, data.LoaderConfig{Batch: 2, Workers: workers}).Epoch(context.Background(), 0) {
			if last = err; err == nil {
				batches++
			}
		}
		if batches != 20 || last == nil || !strings.Contains(last.Error(), "Goexit") {
			t.Errorf("%d workers: %d batches, then %v", workers, batches, last)
		}
	}
}
