package data

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/gradus-ml/gradus/tensor"
)

// WeightedConfig describes a sampler that draws examples by chance. Batch is required.
type WeightedConfig struct {
	Batch int
	Draws int    // examples in an epoch; default one for each weight
	Once  bool   // no example twice in an epoch: the weights say how early one comes
	Seed  uint64 // of the draws
}

// Weighted returns a sampler that draws example i with a probability in proportion to weights[i], such as for rare
// classes (see [Balance]). It panics if a weight is negative or not finite, all are 0, or Once asks for more draws
// than there are positive weights.
func Weighted(weights []float64, cfg WeightedConfig) Sampler {
	const op = "data.Weighted"
	if cfg.Batch <= 0 {
		tensor.Fail(op, "set WeightedConfig.Batch", "the batch size must be positive, got %d", cfg.Batch)
	}
	if cfg.Draws <= 0 {
		cfg.Draws = len(weights)
	}
	upTo, positive := make([]float64, len(weights)), 0
	sum := 0.0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			tensor.Fail(op, "", "weights must be at least 0 and finite, got %g for example %d", w, i)
		}
		if w > 0 {
			positive++
		}
		sum += w
		upTo[i] = sum
	}
	if positive == 0 || math.IsInf(sum, 1) {
		tensor.Fail(op, "", "the weights must have a finite, positive sum, got %g", sum)
	}
	if cfg.Once && cfg.Draws > positive {
		tensor.Fail(op, "set WeightedConfig.Draws", "%d different examples can't be drawn from %d with positive weights", cfg.Draws, positive)
	}
	return &weighted{weights, upTo, cfg}
}

type weighted struct {
	weights, upTo []float64 // and their sums
	cfg           WeightedConfig
}

func (w *weighted) Batches(epoch int) [][]int {
	rng := tensor.NewRNG(w.cfg.Seed).Split(fmt.Sprintf("weighted/%d", epoch))
	drawn := make([]int, w.cfg.Draws)
	if w.cfg.Once {
		drawn = w.race(rng)
	} else {
		total := w.upTo[len(w.upTo)-1]
		for i := range drawn {
			x := rng.Float64() * total
			// The first whose sum lies above x: never one of weight 0.
			drawn[i] = min(sort.Search(len(w.upTo), func(k int) bool { return w.upTo[k] > x }), w.last())
		}
	}
	return slices.Collect(slices.Chunk(drawn, w.cfg.Batch))
}

// last returns the last example with a positive weight.
func (w *weighted) last() int {
	i := len(w.weights) - 1
	for w.weights[i] == 0 {
		i--
	}
	return i
}

// race draws without putting back: each example arrives at a time exponentially distributed with its weight as rate,
// and the first ones count (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
func (w *weighted) race(rng *tensor.RNG) []int {
	arrival := make([]float64, len(w.weights))
	for i, weight := range w.weights {
		arrival[i] = -math.Log1p(-rng.Float64()) / weight
		if weight == 0 {
			arrival[i] = math.Inf(1)
		}
	}
	order := upTo(len(arrival))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(arrival[a], arrival[b]) })
	return order[:w.cfg.Draws]
}

// Balance returns a weight for each example, 1 over the number of examples of its class, so that [Weighted] draws all classes alike often.
func Balance(labels []int) []float64 {
	count := map[int]float64{}
	for _, l := range labels {
		count[l]++
	}
	out := make([]float64, len(labels))
	for i, l := range labels {
		out[i] = 1 / count[l]
	}
	return out
}

// BucketConfig describes a sampler that puts examples of like lengths together. Batch is required.
type BucketConfig struct {
	Batch    int
	Pool     int // batches that are sorted together, default 100: more means less padding, fewer more chance
	DropLast bool
	Seed     uint64
}

// Buckets returns a sampler that puts examples of like lengths into batches, to save padding: every epoch, the
// examples are shuffled, pools of them are sorted by length and cut into batches, and the batches are shuffled. Every
// example comes once, but for those of a last smaller batch that DropLast leaves out.
func Buckets(lengths []int, cfg BucketConfig) Sampler {
	if cfg.Batch <= 0 {
		tensor.Fail("data.Buckets", "set BucketConfig.Batch", "the batch size must be positive, got %d", cfg.Batch)
	}
	if cfg.Pool <= 0 {
		cfg.Pool = 100
	}
	return buckets{lengths, cfg}
}

type buckets struct {
	lengths []int
	cfg     BucketConfig
}

func (b buckets) Batches(epoch int) [][]int {
	rng := tensor.NewRNG(b.cfg.Seed).Split(fmt.Sprintf("buckets/%d", epoch))
	var batches [][]int
	for pool := range slices.Chunk(rng.Perm(len(b.lengths)), b.cfg.Batch*b.cfg.Pool) {
		slices.SortStableFunc(pool, func(i, j int) int { return cmp.Compare(b.lengths[i], b.lengths[j]) })
		for batch := range slices.Chunk(pool, b.cfg.Batch) {
			if len(batch) == b.cfg.Batch || !b.cfg.DropLast {
				batches = append(batches, batch)
			}
		}
	}
	out := make([][]int, len(batches))
	for i, k := range rng.Perm(len(batches)) {
		out[i] = batches[k]
	}
	return out
}
