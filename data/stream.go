package data

import (
	"context"
	"fmt"
	"iter"

	"github.com/gradus-ml/gradus/tensor"
)

// StreamConfig describes data that are read in order, record by record, such as from files larger than memory.
// Records, Collate and Batch are required.
type StreamConfig[R any] struct {
	// Records yields the records of an epoch from the beginning, each for the caller to keep, and nothing more after an error. It runs on a
	// goroutine of its own and is to return when its consumer stops or ctx ends.
	Records func(ctx context.Context, epoch int) iter.Seq2[R, error]
	// Collate makes a batch of records; its Index is filled in if it is nil. It may be called from several goroutines.
	Collate func(records []R) (Batch, error)

	Batch    int    // examples in a batch
	Shuffle  int    // records that are kept back and drawn from at random; 0: in order
	Seed     uint64 // of that
	DropLast bool   // leave out a last batch that is smaller than the others
	Workers  int    // goroutines that collate; default 1
	Prefetch int    // batches made ahead, default 2 for each worker
}

// Stream is a [Source] of data that are read in order. It holds at most Shuffle records and Prefetch + Workers + 2
// batches at a time, however long the data are.
type Stream[R any] struct{ cfg StreamConfig[R] }

// NewStream returns the stream that cfg describes. It panics if the configuration makes no sense.
func NewStream[R any](cfg StreamConfig[R]) *Stream[R] {
	if cfg.Records == nil || cfg.Collate == nil || cfg.Batch <= 0 || cfg.Shuffle < 0 {
		tensor.Fail("data.NewStream", "", "expected Records, Collate, a positive Batch and a Shuffle of at least 0, got Batch %d and Shuffle %d", cfg.Batch, cfg.Shuffle)
	}
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.Prefetch <= 0 {
		cfg.Prefetch = 2 * cfg.Workers
	}
	return &Stream[R]{cfg}
}

// piece is the records of a batch, and their places in the stream.
type piece[R any] struct {
	records []R
	places  []int
	err     error
}

// Epoch yields the batches of epoch number epoch.
func (s *Stream[R]) Epoch(ctx context.Context, epoch int) iter.Seq2[Batch, error] {
	return s.EpochFrom(ctx, epoch, 0)
}

// EpochFrom yields the batches of an epoch from batch number first on, the same ones as [Stream.Epoch] would: for
// resuming. The records before are read, but not collated.
func (s *Stream[R]) EpochFrom(ctx context.Context, epoch, first int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		ahead(ctx, func(ctx context.Context) iter.Seq[piece[R]] { return s.pieces(ctx, epoch, first) }, s.collate, s.cfg.Workers, s.cfg.Prefetch, yield)
	}
}

// collate makes a batch; a panic becomes an error, so that it reaches the consumer.
func (s *Stream[R]) collate(p piece[R]) (r result) {
	if p.err != nil {
		return result{err: p.err}
	}
	defer func() {
		if v := recover(); v != nil {
			r = result{err: fmt.Errorf("data: panic while collating records %s: %v", few(p.places), v)}
		}
	}()
	b, err := s.cfg.Collate(p.records)
	if err != nil {
		return result{err: fmt.Errorf("data: records %s: %w", few(p.places), err)}
	}
	if b.Index == nil {
		b.Index = p.places
	}
	return result{batch: b}
}

// pieces groups the records of an epoch, leaving out the first batches.
func (s *Stream[R]) pieces(ctx context.Context, epoch, first int) iter.Seq[piece[R]] {
	return func(yield func(piece[R]) bool) {
		read, done := 0, 0 // records; batches
		defer func() {
			if v := recover(); v != nil {
				yield(piece[R]{err: fmt.Errorf("data: panic while reading record %d of epoch %d: %v", read, epoch, v)})
			}
		}()
		var p piece[R]
		flush := func() bool {
			done++
			full := p
			p = piece[R]{}
			return done <= first || yield(full)
		}
		// put takes the next record in shuffled order.
		put := func(r R, place int) bool {
			p.records, p.places = append(p.records, r), append(p.places, place)
			return len(p.records) < s.cfg.Batch || flush()
		}
		var kept []R
		var places []int
		rng := tensor.NewRNG(s.cfg.Seed).Split(fmt.Sprintf("stream/%d", epoch))
		for r, err := range s.cfg.Records(ctx, epoch) {
			if err != nil {
				yield(piece[R]{err: fmt.Errorf("data: record %d of epoch %d: %w", read, epoch, err)})
				return
			}
			place := read
			read++
			if len(kept) < s.cfg.Shuffle {
				kept, places = append(kept, r), append(places, place)
				continue
			}
			if len(kept) > 0 {
				k := rng.IntN(len(kept))
				r, kept[k] = kept[k], r
				place, places[k] = places[k], place
			}
			if !put(r, place) {
				return
			}
		}
		for _, k := range rng.Perm(len(kept)) {
			if !put(kept[k], places[k]) {
				return
			}
		}
		if len(p.records) > 0 && !s.cfg.DropLast {
			flush()
		}
	}
}
