// Package proposals says where in a picture things may be, whatever they are, for a detector that looks at regions (R-CNN).
//
//	x := im.Tensor() // (3, height, width)
//	boxes := proposals.SelectiveSearch(x, proposals.Config{Max: 500})
//
// Selective search (Uijlings and others, "Selective search for object recognition", 2013) cuts the picture into small segments and joins the
// two most similar neighbours again and again until one is left; the bounding boxes of all segments on the way are its proposals. So things
// of every size are found that differ from what surrounds them in colour or texture.
package proposals

import (
	"container/heap"
	"slices"
	"sync"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Config says how thorough [SelectiveSearch] is. The zero value is the paper's "fast" form.
type Config struct {
	Scales  []float64 // of the first segments, see FelzenszwalbConfig; nil means 50 and 100
	Sigma   float64   // 0.8 if 0
	MinSize int       // pixels of the smallest first segments; 20 if 0
	Spaces  []Space   // colours in which to compare; nil means HSV and Lab
	// MinSide drops boxes with a side of fewer pixels; 0 keeps all.
	MinSide float64
	Max     int // how many boxes at most, those of large segments rather first; 0 means all
	Seed    uint64
}

// SelectiveSearch proposes boxes in a picture, float32 (3, height, width) from 0 to 1. Every combination of a scale, a colour space and
// comparing by texture, size and fill with or without colour gives its own; equal boxes come once. The order is by how late a box arose, made
// fuzzy by Seed, so that no combination fills the front.
func SelectiveSearch(x *tensor.Tensor, cfg Config) []box.Box {
	if x.NDim() != 3 || x.Size(0) != 3 {
		tensor.Fail("selective search", "convert grey pictures to RGB", "needs (3, height, width), got %s", tensor.ShapeString(x.Shape()))
	}
	if cfg.Scales == nil {
		cfg.Scales = []float64{50, 100}
	}
	if cfg.Spaces == nil {
		cfg.Spaces = []Space{HSV, Lab}
	}
	rgb := planesOf("selective search", x)
	groups := make([][2][]box.Box, len(cfg.Spaces)*len(cfg.Scales))
	var all sync.WaitGroup
	for i, space := range cfg.Spaces {
		p := space.convert(rgb)
		f := newFeatures(p)
		for j, scale := range cfg.Scales {
			all.Go(func() {
				s := p.segments(FelzenszwalbConfig{Scale: scale, Sigma: cfg.Sigma, MinSize: cfg.MinSize})
				groups[i*len(cfg.Scales)+j] = [2][]box.Box{group(s, f, true), group(s, f, false)}
			})
		}
	}
	all.Wait()
	rng := tensor.NewRNG(cfg.Seed).Split("proposals")
	best := map[box.Box]float64{} // rank of each box, the lower the earlier
	for _, both := range groups {
		for _, boxes := range both {
			fuzz := tensor.Data[float64](rng.Uniform(tensor.Float64, 0, 1, len(boxes)))
			for i, b := range boxes {
				rank := float64(len(boxes)-i) * fuzz[i]
				if old, ok := best[b]; !ok || rank < old {
					best[b] = rank
				}
			}
		}
	}
	var out []box.Box
	for b := range best {
		if b.Width() >= cfg.MinSide && b.Height() >= cfg.MinSide {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b box.Box) int {
		return compare(best[a], best[b], a.Y1, b.Y1, a.X1, b.X1, a.Y2, b.Y2, a.X2, b.X2)
	})
	if cfg.Max > 0 {
		out = out[:min(len(out), cfg.Max)]
	}
	return out
}

// compare orders pairs of numbers by the first that differ: maps have no order of their own.
func compare(pairs ...float64) int {
	for i := 0; i < len(pairs); i += 2 {
		switch {
		case pairs[i] < pairs[i+1]:
			return -1
		case pairs[i] > pairs[i+1]:
			return 1
		}
	}
	return 0
}

// region is a set of joined segments.
type region struct {
	size            float64
	box             box.Box
	colour, texture []float64 // histograms, each of sum 1
	neighbours      map[int]bool
	joined          bool // is part of another one now
}

// group joins the most similar neighbours until one region is left, and returns the boxes of all regions in the order in which they arose.
func group(s Segments, f *features, byColour bool) []box.Box {
	regions := f.regions(s)
	area := float64(s.Height * s.Width)
	pairs := &queue{}
	add := func(i, j int) { heap.Push(pairs, pair{similarity(&regions[i], &regions[j], area, byColour), i, j}) }
	for i := range regions {
		for _, j := range sortedKeys(regions[i].neighbours) {
			if i < j {
				add(i, j)
			}
		}
	}
	for pairs.Len() > 0 {
		p := heap.Pop(pairs).(pair)
		a, b := &regions[p.i], &regions[p.j]
		if a.joined || b.joined {
			continue
		}
		a.joined, b.joined = true, true
		n := len(regions)
		r := join(a, b)
		for _, of := range []*region{a, b} {
			for k := range of.neighbours {
				if !regions[k].joined {
					r.neighbours[k] = true
					regions[k].neighbours[n] = true
				}
			}
			of.neighbours = nil
		}
		regions = append(regions, r)
		for _, k := range sortedKeys(r.neighbours) {
			add(k, n)
		}
	}
	boxes := make([]box.Box, len(regions))
	for i, r := range regions {
		boxes[i] = r.box
	}
	return boxes
}

func sortedKeys(m map[int]bool) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func join(a, b *region) region {
	r := region{size: a.size + b.size, box: a.box.Enclose(b.box), neighbours: map[int]bool{}}
	mix := func(p, q []float64) []float64 {
		out := make([]float64, len(p))
		for i := range p {
			out[i] = (a.size*p[i] + b.size*q[i]) / r.size
		}
		return out
	}
	r.colour, r.texture = mix(a.colour, b.colour), mix(a.texture, b.texture)
	return r
}

// similarity is the sum of three or four numbers from 0 to 1 (the paper's equations 2 to 5): what the histograms of colour and of texture have
// in common, how small both are, and how well they fill their common box.
func similarity(a, b *region, area float64, byColour bool) float64 {
	sum := 1 - (a.size+b.size)/area
	sum += 1 - (a.box.Enclose(b.box).Area()-a.size-b.size)/area
	if byColour {
		sum += shared(a.colour, b.colour)
	}
	return sum + shared(a.texture, b.texture)
}

func shared(p, q []float64) float64 {
	sum := 0.0
	for i, v := range p {
		sum += min(v, q[i])
	}
	return sum
}

// pair is two neighbours; the queue gives the most similar first.
type pair struct {
	similarity float64
	i, j       int
}

type queue []pair

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	return compare(q[j].similarity, q[i].similarity, float64(q[i].i), float64(q[j].i), float64(q[i].j), float64(q[j].j)) < 0
}
func (q *queue) Push(x any) { *q = append(*q, x.(pair)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
