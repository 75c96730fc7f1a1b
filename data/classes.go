package data

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// ClassesConfig describes a sampler of batches of some classes with some examples of each. Classes and Examples are required.
type ClassesConfig struct {
	Classes  int // classes in a batch, P
	Examples int // examples of each, K
	Batches  int // in an epoch; default as many as hold the number of all examples
	// Groups names the group of each class, such as the alphabet of a character. The classes of a batch then come from as few groups as
	// possible, at most PerGroup of each (default: any number): classes of one group are harder to tell apart.
	Groups   []int
	PerGroup int
	Seed     uint64 // of the draws
}

// Classes returns a sampler of batches with P classes and K examples of each, drawn at random and lying together: example k of the p-th
// class is number p·K + k. So every example finds others of its class and of other classes in its batch, as losses on triplets and
// pairs need (Hermans et al., "In defense of the triplet loss", 2017). A class that has fewer than K examples repeats some. It panics
// if there are fewer than P classes.
func Classes(labels []int, cfg ClassesConfig) Sampler {
	const op = "data.Classes"
	if cfg.Classes <= 0 || cfg.Examples <= 0 {
		tensor.Fail(op, "set ClassesConfig.Classes and Examples", "a batch must have classes and examples of each, got %d and %d", cfg.Classes, cfg.Examples)
	}
	s := &classes{cfg: cfg, examples: map[int][]int{}}
	for i, l := range labels {
		s.examples[l] = append(s.examples[l], i)
	}
	if len(s.examples) < cfg.Classes {
		tensor.Fail(op, "", "%d classes can't be drawn from %d", cfg.Classes, len(s.examples))
	}
	groups := map[int][]int{}
	for _, class := range slices.Sorted(maps.Keys(s.examples)) {
		g := 0
		if cfg.Groups != nil {
			if class < 0 || class >= len(cfg.Groups) {
				tensor.Fail(op, "", "class %d has none of the %d groups", class, len(cfg.Groups))
			}
			g = cfg.Groups[class]
		}
		groups[g] = append(groups[g], class)
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		s.groups = append(s.groups, groups[g])
	}
	if s.cfg.PerGroup <= 0 {
		s.cfg.PerGroup = cfg.Classes
	}
	if s.cfg.Batches <= 0 {
		s.cfg.Batches = max(len(labels)/(cfg.Classes*cfg.Examples), 1)
	}
	return s
}

type classes struct {
	cfg      ClassesConfig
	examples map[int][]int // of each class
	groups   [][]int       // the classes of each group
}

func (s *classes) Batches(epoch int) [][]int {
	rng := tensor.NewRNG(s.cfg.Seed).Split(fmt.Sprintf("classes/%d", epoch))
	out := make([][]int, s.cfg.Batches)
	for i := range out {
		for _, class := range s.draw(rng) {
			all := s.examples[class]
			order := rng.Perm(len(all))
			for k := range s.cfg.Examples {
				out[i] = append(out[i], all[order[k%len(order)]])
			}
		}
	}
	return out
}

// draw returns the classes of a batch: groups follow each other at random, the large ones earlier, so that classes come equally often.
func (s *classes) draw(rng *tensor.RNG) []int {
	sizes := make([]float64, len(s.groups))
	for i, g := range s.groups {
		sizes[i] = float64(len(g))
	}
	race := weighted{weights: sizes, cfg: WeightedConfig{Draws: len(sizes)}}
	var drawn, left []int
	for _, g := range race.race(rng) {
		for i, k := range rng.Perm(len(s.groups[g])) {
			if class := s.groups[g][k]; i < s.cfg.PerGroup && len(drawn) < s.cfg.Classes {
				drawn = append(drawn, class)
			} else {
				left = append(left, class)
			}
		}
	}
	// Where groups are small or few, the rest comes from what PerGroup left.
	return append(drawn, left[:s.cfg.Classes-len(drawn)]...)
}
