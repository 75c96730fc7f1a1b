package data

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/gradus-ml/gradus/tensor"
)

// LoaderConfig says how a [Loader] makes batches. Batch is required.
type LoaderConfig struct {
	Batch    int    // examples in a batch
	Shuffle  bool   // a new order each epoch, a function of Seed and the epoch's number
	Seed     uint64 // of the order and of augmentation
	DropLast bool   // leave out a last batch that is smaller than the others
	Workers  int    // goroutines that assemble batches; default 1, −1 assembles on the caller's
	Prefetch int    // batches assembled ahead, default 2 for each worker
	Sampler  Sampler
}

// Sampler decides which examples make up the batches of an epoch, in place of Shuffle and Batch: weighted sampling, buckets of
// like lengths. The result must be a function of its own settings and epoch alone.
type Sampler interface {
	Batches(epoch int) [][]int
}

// Loader yields the batches of a data set, epoch by epoch, assembled ahead by workers.
type Loader struct {
	set Dataset
	cfg LoaderConfig
}

// NewLoader returns a loader of ds. It panics if the configuration makes no sense.
func NewLoader(ds Dataset, cfg LoaderConfig) *Loader {
	if cfg.Batch <= 0 && cfg.Sampler == nil {
		tensor.Fail("data.NewLoader", "set LoaderConfig.Batch", "the batch size must be positive, got %d", cfg.Batch)
	}
	if cfg.Workers == 0 {
		cfg.Workers = 1
	}
	if cfg.Prefetch <= 0 {
		cfg.Prefetch = 2 * max(cfg.Workers, 1)
	}
	return &Loader{ds, cfg}
}

// Dataset returns what the loader reads.
func (l *Loader) Dataset() Dataset { return l.set }

// Batches returns the number of batches in an epoch.
func (l *Loader) Batches() int {
	if l.cfg.Sampler != nil {
		return len(l.cfg.Sampler.Batches(0))
	}
	n := l.set.Len() / l.cfg.Batch
	if !l.cfg.DropLast && l.set.Len()%l.cfg.Batch != 0 {
		n++
	}
	return n
}

// plan returns the examples of each batch of an epoch.
func (l *Loader) plan(epoch int) [][]int {
	if l.cfg.Sampler != nil {
		return l.cfg.Sampler.Batches(epoch)
	}
	var order []int
	if l.cfg.Shuffle {
		order = tensor.NewRNG(l.cfg.Seed).Split(fmt.Sprintf("epoch/%d", epoch)).Perm(l.set.Len())
	} else {
		order = make([]int, l.set.Len())
		for i := range order {
			order[i] = i
		}
	}
	batches := make([][]int, l.Batches())
	for i := range batches {
		batches[i] = slices.Clip(order[i*l.cfg.Batch : min((i+1)*l.cfg.Batch, len(order))]) // each may be appended to
	}
	return batches
}

// Epoch yields the batches of epoch number epoch.
func (l *Loader) Epoch(ctx context.Context, epoch int) iter.Seq2[Batch, error] {
	return l.EpochFrom(ctx, epoch, 0)
}

// EpochFrom yields the batches of an epoch from batch number first on, the same ones as [Loader.Epoch] would: for resuming.
func (l *Loader) EpochFrom(ctx context.Context, epoch, first int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		plan := l.plan(epoch)
		plan = plan[min(first, len(plan)):]
		fetch := func(index []int) result {
			return l.fetch(Draw{Index: index, Seed: l.cfg.Seed, Epoch: epoch})
		}
		if l.cfg.Workers < 0 {
			for _, index := range plan {
				if err := ctx.Err(); err != nil {
					yield(Batch{}, err)
					return
				}
				if r := fetch(index); !yield(r.batch, r.err) || r.err != nil {
					return
				}
			}
			return
		}
		ahead(ctx, func(context.Context) iter.Seq[[]int] { return slices.Values(plan) }, fetch, l.cfg.Workers, l.cfg.Prefetch, yield)
	}
}

// errEnded is what a consumer gets when a data set ends the worker that called it, as a test's Fatal in it does.
var errEnded = errors.New("data: the data set called runtime.Goexit")

type result struct {
	batch Batch
	err   error
}

// fetch asks the data set for a batch, in a scope of its own. A panic becomes an error, so that it reaches the consumer.
func (l *Loader) fetch(d Draw) (r result) {
	d.Scope = tensor.NewLooseScope()
	b, panicked, err := l.try(d)
	if panicked {
		err = fmt.Errorf("data: panic while assembling %s: %w", l.culprit(d), err)
	}
	b.scope = d.Scope
	if err != nil {
		b.Release()
	}
	return result{b, err}
}

// try asks for a batch and catches panics.
func (l *Loader) try(d Draw) (b Batch, panicked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, panicked = Batch{}, true
			if e, ok := p.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("%v", p)
			}
		}
	}()
	b, err = l.set.Batch(d)
	return b, false, err
}

// culprit says which example of a batch makes the data set panic, if one does so alone.
func (l *Loader) culprit(d Draw) string {
	for _, i := range d.Index {
		one := d
		one.Index = []int{i}
		if _, panicked, _ := l.try(one); panicked {
			return fmt.Sprintf("example %d", i)
		}
	}
	return "a batch of examples " + few(d.Index)
}

// few writes the first numbers of a list.
func few(index []int) string {
	if len(index) <= 8 {
		return fmt.Sprint(index)
	}
	return fmt.Sprintf("%v and %d more", index[:8], len(index)-8)
}

// ahead calls fetch for each of plan on several goroutines and yields the results in order. plan runs on a goroutine of its own, at most
// prefetch ahead of what was yielded; its context ends, too, when the consumer stops. All goroutines have ended when ahead returns.
func ahead[J any](ctx context.Context, plan func(context.Context) iter.Seq[J], fetch func(J) result, workers, prefetch int, yield func(Batch, error) bool) {
	inner, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	type job struct {
		what J
		done chan result
	}
	jobs := make(chan job)                      // to the workers
	waiting := make(chan chan result, prefetch) // in the order of the plan
	running.Go(func() {
		defer close(jobs)
		defer close(waiting)
		for what := range plan(inner) {
			j := job{what, make(chan result, 1)}
			select {
			case waiting <- j.done:
			case <-inner.Done():
				return
			}
			select {
			case jobs <- j:
			case <-inner.Done():
				return
			}
		}
	})
	for range workers {
		running.Go(func() {
			for j := range jobs {
				func() {
					r := result{err: errEnded}
					defer func() { j.done <- r }()
					r = fetch(j.what)
				}()
			}
		})
	}
	for done := range waiting {
		select {
		case r := <-done:
			if !yield(r.batch, r.err) || r.err != nil {
				return
			}
		case <-ctx.Done():
			yield(Batch{}, ctx.Err())
			return
		}
	}
	if err := ctx.Err(); err != nil {
		yield(Batch{}, err)
	}
}
