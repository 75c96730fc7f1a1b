// Package data turns examples into batches: data sets, splits, and the loader that
// shuffles, assembles and prefetches.
//
//	set := data.Tensors(images, labels)
//	train, test := data.Split(set, 0.8, seed)
//	loader := data.NewLoader(train, data.LoaderConfig{Batch: 128, Shuffle: true, Seed: 1})
//	for batch, err := range loader.Epoch(ctx, 0) {
//		…
//		batch.Release() // its memory is free for the next one; without this, the collector sees to it
//	}
//
// What an epoch yields is a function of the configuration and the epoch's number alone,
// not of the number of workers or threads.
package data

import (
	"context"
	"fmt"
	"iter"

	"github.com/gradus-ml/gradus/tensor"
)

// Batch is a number of examples: inputs X and targets Y, with the examples along axis 0. Y is nil for data without targets.
type Batch struct {
	X, Y *tensor.Tensor
	// Index holds the number of each example in its data set.
	Index []int
	// Lengths holds the length of each sequence before it was padded, nil for data that aren't padded.
	Lengths []int

	scope *tensor.Scope // owns what can be released, or nil
}

// Len returns the number of examples.
func (b Batch) Len() int { return b.X.Size(0) }

// Release gives the memory of the batch back at once, and that of everything computed from it that is in no other scope. Its tensors
// can't be used afterwards; copy with Keep what must last. A batch that is never released is collected like any other value.
func (b Batch) Release() {
	if b.scope != nil {
		b.scope.Release()
	}
}

// Dataset is a collection of examples with numbers from 0 to Len()−1. Batch may be called from several goroutines.
type Dataset interface {
	Len() int
	// Batch returns the examples that draw names, in that order, in new tensors.
	Batch(draw Draw) (Batch, error)
}

// Draw names the examples of one batch, and the randomness that goes with each of them.
type Draw struct {
	Index []int  // numbers of the examples
	Seed  uint64 // of the loader
	Epoch int
	// Scope, which may be nil, is released with the batch: what is computed from x.In(d.Scope) belongs to it.
	Scope *tensor.Scope
}

// RNG returns the randomness for the i-th example of the draw, a function of seed, epoch and the example's number: so augmentation
// doesn't depend on how examples are batched or who assembles them.
func (d Draw) RNG(i int) *tensor.RNG {
	return tensor.NewRNG(d.Seed).Split(fmt.Sprintf("example/%d/%d", d.Epoch, d.Index[i]))
}

// Source yields the batches of an epoch. A [Loader] is one; data that are read in order from a file or a network,
// larger than memory, can be another.
type Source interface {
	// Epoch yields the batches of epoch number epoch (from 0). It stops early with an error, which is the last
	// thing that it yields, if data can't be read or ctx ends.
	Epoch(ctx context.Context, epoch int) iter.Seq2[Batch, error]
}

// tensors is a data set in memory.
type tensors struct{ x, y *tensor.Tensor }

// Tensors returns a data set of x and y, whose axis 0 counts the examples; y may be nil. It panics if the counts differ.
func Tensors(x, y *tensor.Tensor) Dataset {
	if x.NDim() == 0 {
		tensor.Fail("data.Tensors", "", "x must have an entry for each example along axis 0, got a scalar")
	}
	if y != nil && (y.NDim() == 0 || y.Size(0) != x.Size(0)) {
		tensor.Fail("data.Tensors", "", "x and y must have one entry for each example along axis 0, got %s and %s", tensor.ShapeString(x.Shape()), tensor.ShapeString(y.Shape()))
	}
	return tensors{x, y}
}

func (t tensors) Len() int { return t.x.Size(0) }

func (t tensors) Batch(d Draw) (Batch, error) {
	at := make([]int64, len(d.Index))
	for i, n := range d.Index {
		at[i] = int64(n)
	}
	index := tensor.FromSlice(at, len(at))
	b := Batch{X: t.x.In(d.Scope).IndexSelect(0, index), Index: d.Index}
	if t.y != nil {
		b.Y = t.y.In(d.Scope).IndexSelect(0, index)
	}
	return b, nil
}

// examples is a data set that is made one example at a time.
type examples struct {
	n   int
	get func(d Draw, i int) (x, y *tensor.Tensor, err error)
}

// Examples returns a data set of n examples, of which get makes the i-th of a draw, number d.Index[i]: x and y have no batch axis,
// and the same shape for all examples; y may be nil. get may be called from several goroutines.
func Examples(n int, get func(d Draw, i int) (x, y *tensor.Tensor, err error)) Dataset {
	return examples{n, get}
}

func (e examples) Len() int { return e.n }

func (e examples) Batch(d Draw) (Batch, error) {
	xs, ys, err := e.all(d)
	if err != nil {
		return Batch{}, err
	}
	for i, x := range xs {
		if !x.SameShape(xs[0]) {
			return Batch{}, fmt.Errorf("data: example %d has shape %s, but example %d of the same batch has %s; resize or pad them to one shape", d.Index[i], tensor.ShapeString(x.Shape()), d.Index[0], tensor.ShapeString(xs[0].Shape()))
		}
	}
	b := Batch{X: stack(d, xs), Index: d.Index}
	if len(ys) > 0 {
		b.Y = stack(d, ys)
	}
	return b, nil
}

// stack returns xs as one tensor, in new memory that belongs to the draw's scope.
func stack(d Draw, xs []*tensor.Tensor) *tensor.Tensor {
	xs[0] = xs[0].In(d.Scope)
	return tensor.Stack(0, xs...)
}

// all makes the examples of a batch.
func (e examples) all(d Draw) (xs, ys []*tensor.Tensor, err error) {
	xs = make([]*tensor.Tensor, len(d.Index))
	for i, n := range d.Index {
		x, y, err := e.one(d, i)
		if err != nil {
			return nil, nil, fmt.Errorf("data: example %d: %w", n, err)
		}
		xs[i] = x
		if y != nil {
			ys = append(ys, y)
		}
	}
	if len(ys) > 0 && len(ys) != len(xs) {
		return nil, nil, fmt.Errorf("data: %d of %d examples of a batch have targets; all or none must", len(ys), len(xs))
	}
	return xs, ys, nil
}

// one makes an example, and turns a panic into an error, so that it names the example instead of ending the program.
func (e examples) one(d Draw, i int) (x, y *tensor.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return e.get(d, i)
}

// mapped applies a function to the batches of another data set.
type mapped struct {
	Dataset
	f func(Draw, Batch) (Batch, error)
}

// Map returns ds with f applied to each batch: scaling, normalisation, augmentation. f may be called from several
// goroutines; its randomness comes from the draw.
func Map(ds Dataset, f func(d Draw, b Batch) (Batch, error)) Dataset { return mapped{ds, f} }

func (m mapped) Batch(d Draw) (Batch, error) {
	b, err := m.Dataset.Batch(d)
	if err != nil {
		return b, err
	}
	return m.f(d, b)
}

// subset is some of the examples of another data set.
type subset struct {
	Dataset
	index []int
}

// Subset returns the examples of ds with the given numbers, in that order.
func Subset(ds Dataset, index []int) Dataset {
	for _, i := range index {
		if i < 0 || i >= ds.Len() {
			tensor.Fail("data.Subset", "", "example %d doesn't exist in a data set of %d", i, ds.Len())
		}
	}
	return subset{ds, index}
}

func (s subset) Len() int { return len(s.index) }

func (s subset) Batch(d Draw) (Batch, error) {
	own := d.Index
	d.Index = make([]int, len(own))
	for i, n := range own {
		d.Index[i] = s.index[n]
	}
	b, err := s.Dataset.Batch(d)
	b.Index = own
	return b, err
}

// Split divides ds at random, by seed, into a part with the given fraction of the examples and the rest.
func Split(ds Dataset, fraction float64, seed uint64) (first, rest Dataset) {
	if !(fraction >= 0 && fraction <= 1) {
		tensor.Fail("data.Split", "", "the fraction must lie between 0 and 1, got %g", fraction)
	}
	order := tensor.NewRNG(seed).Split("split").Perm(ds.Len())
	k := int(fraction*float64(ds.Len()) + 0.5)
	return Subset(ds, order[:k]), Subset(ds, order[k:])
}

// Take returns n examples of ds drawn at random by seed, or ds if it has no more than n.
func Take(ds Dataset, n int, seed uint64) Dataset {
	if n >= ds.Len() {
		return ds
	}
	return Subset(ds, tensor.NewRNG(seed).Split("take").Perm(ds.Len())[:n])
}

// All returns the whole of ds as one batch.
func All(ds Dataset) (Batch, error) {
	index := make([]int, ds.Len())
	for i := range index {
		index[i] = i
	}
	return ds.Batch(Draw{Index: index})
}
