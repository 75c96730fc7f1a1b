package data_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// counted yields the numbers 0 to n−1.
func counted(n int) func(context.Context, int) iter.Seq2[int, error] {
	return func(ctx context.Context, epoch int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

func collate(v []int) (data.Batch, error) {
	x, y := make([]float32, 0, 2*len(v)), make([]int64, len(v))
	for i, n := range v {
		x = append(x, float32(n), float32(10*n))
		y[i] = int64(n)
	}
	return data.Batch{X: tensor.FromSlice(x, len(v), 2), Y: tensor.FromSlice(y, len(v))}, nil
}

func TestStreamInOrder(t *testing.T) {
	noLeaks(t)
	s := data.NewStream(data.StreamConfig[int]{Records: counted(8), Collate: collate, Batch: 3})
	if got := fmt.Sprint(drain(t, s.Epoch(context.Background(), 0))); got != "[[0 1 2] [3 4 5] [6 7]]" {
		t.Error(got)
	}
	s = data.NewStream(data.StreamConfig[int]{Records: counted(8), Collate: collate, Batch: 3, DropLast: true, Workers: 3})
	if got := fmt.Sprint(drain(t, s.Epoch(context.Background(), 0))); got != "[[0 1 2] [3 4 5]]" {
		t.Error(got)
	}
}

func TestStreamShufflesWithinItsBuffer(t *testing.T) {
	noLeaks(t)
	epoch := func(n, workers int) []int {
		s := data.NewStream(data.StreamConfig[int]{Records: counted(1000), Collate: collate, Batch: 16, Shuffle: 100, Seed: 5, Workers: workers})
		return slices.Concat(drain(t, s.Epoch(context.Background(), n))...)
	}
	a := epoch(0, 1)
	if !isPermutation(a) || len(a) != 1000 || slices.IsSorted(a) {
		t.Error("not every record came once, or in order")
	}
	for place, n := range a {
		if n > place+100 {
			t.Errorf("record %d came at place %d, before the buffer could hold it", n, place)
		}
	}
	if !slices.Equal(a, epoch(0, 4)) || slices.Equal(a, epoch(1, 1)) {
		t.Error("the order must be a function of seed and epoch, not of the workers")
	}
	if b := slices.Concat(drain(t, data.NewStream(data.StreamConfig[int]{Records: counted(10), Collate: collate, Batch: 3, Shuffle: 50}).Epoch(context.Background(), 0))...); !isPermutation(b) || len(b) != 10 {
		t.Error("fewer records than the buffer holds:", b)
	}
}

func TestStreamResumes(t *testing.T) {
	s := data.NewStream(data.StreamConfig[int]{Records: counted(50), Collate: collate, Batch: 4, Shuffle: 10})
	whole := drain(t, s.Epoch(context.Background(), 1))
	for first := range 15 {
		if got := drain(t, s.EpochFrom(context.Background(), 1, first)); fmt.Sprint(got) != fmt.Sprint(whole[min(first, len(whole)):]) {
			t.Errorf("from batch %d: %v", first, got)
		}
	}
}

// A stream of a hundred million bytes passes through without the heap growing by more than a few.
func TestStreamTakesNoMoreMemoryThanItsBuffer(t *testing.T) {
	noLeaks(t)
	const records, size = 100_000, 1000
	var made, taken, most atomic.Int64
	read := func(ctx context.Context, epoch int) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for i := range records {
				r := make([]byte, size)
				r[0] = byte(i)
				if n := made.Add(1) - taken.Load(); n > most.Load() {
					most.Store(n)
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	s := data.NewStream(data.StreamConfig[[]byte]{
		Records: read, Batch: 50, Shuffle: 1000, Workers: 2, Prefetch: 4,
		Collate: func(records [][]byte) (data.Batch, error) {
			x := make([]float32, len(records))
			for i, r := range records {
				x[i] = float32(r[0])
			}
			return data.Batch{X: tensor.FromSlice(x, len(x))}, nil
		},
	})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	batches := 0
	for b, err := range s.Epoch(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		taken.Add(int64(b.Len()))
		if batches++; batches%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			if grown := int64(m.HeapAlloc) - int64(before); grown > 6<<20 {
				t.Fatalf("after %d batches the heap has grown by %d bytes", batches, grown)
			}
		}
	}
	// The buffer, Prefetch + Workers + 2 batches and the record in hand.
	if batches != records/50 || most.Load() > 1000+(4+2+2)*50+1 {
		t.Errorf("%d batches; up to %d records at a time", batches, most.Load())
	}
}

func TestStreamErrors(t *testing.T) {
	noLeaks(t)
	cause := errors.New("line is cut")
	failing := func(at int, panics bool) func(context.Context, int) iter.Seq2[int, error] {
		return func(ctx context.Context, epoch int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range 10 {
					if i == at && panics {
						panic(cause)
					}
					if i == at {
						yield(0, cause)
						return
					}
					if !yield(i, nil) {
						return
					}
				}
			}
		}
	}
	for want, cfg := range map[string]data.StreamConfig[int]{
		"record 7 of epoch 3: line is cut":                        {Records: failing(7, false), Collate: collate, Batch: 3},
		"panic while reading record 7 of epoch 3: line is cut":    {Records: failing(7, true), Collate: collate, Batch: 3},
		"records [3 4 5]: odd":                                    {Records: counted(9), Batch: 3, Collate: func(v []int) (data.Batch, error) { return data.Batch{}, oddIf(v[0] == 3) }},
		"panic while collating records [0 1 2 3]: runtime error:": {Records: counted(9), Batch: 4, Collate: func(v []int) (data.Batch, error) { return data.Batch{}, oddIf(v[len(v)] > 0) }},
	} {
		var last error
		n := 0
		for _, err := range data.NewStream(cfg).Epoch(context.Background(), 3) {
			n++
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) || n > 3 {
			t.Errorf("expected %q, got %v after %d batches", want, last, n)
		}
	}
}

func oddIf(b bool) error {
	if b {
		return errors.New("odd")
	}
	return nil
}

func TestStreamStops(t *testing.T) {
	noLeaks(t)
	endless := func(ctx context.Context, epoch int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := 0; ; i++ {
				if i == 20 { // a source that waits for more
					select {
					case <-ctx.Done():
						return
					case <-time.After(time.Minute):
					}
				}
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	s := data.NewStream(data.StreamConfig[int]{Records: endless, Collate: collate, Batch: 5})
	n, start := 0, time.Now()
	for range s.Epoch(context.Background(), 0) {
		if n++; n == 2 {
			time.Sleep(time.Millisecond) // until the source waits
			break
		}
	}
	if time.Since(start) > 10*time.Second {
		t.Error("the source didn't hear that nobody wants more")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var last error
	for _, err := range s.Epoch(ctx, 0) {
		last = err
	}
	if !errors.Is(last, context.DeadlineExceeded) {
		t.Error(last)
	}
}
