package nn

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Losses of embeddings: points that shall lie close together for examples of one class, and far apart otherwise.

// nearly0 is added to differences before their norm is taken, PyTorch's default: the norm has no gradient at 0.
const nearly0 = 1e-6

// PairwiseDistance returns the Euclidean distance |a − b + 1e-6| along the last axis, PyTorch's pairwise_distance.
func PairwiseDistance(a, b *tensor.Tensor) *tensor.Tensor {
	return a.Sub(b).AddScalar(nearly0).Square().SumAxes(false, -1).Sqrt()
}

// Distances returns the Euclidean distances (N, M) between the rows of a (N, D) and those of b (M, D). Rows that lie on each other have
// distance 0 and gradient 0. Up to 25 rows each the differences are taken, as PyTorch's cdist does; more of them are compared by one matrix
// product, which is quick but rounds small distances.
func Distances(a, b *tensor.Tensor) *tensor.Tensor {
	const op = "distances"
	if a.NDim() != 2 || b.NDim() != 2 || a.Size(1) != b.Size(1) {
		tensor.Fail(op, "", "expected rows (N, D) and (M, D), got %s and %s", tensor.ShapeString(a.Shape()), tensor.ShapeString(b.Shape()))
	}
	var d2 *tensor.Tensor
	if max(a.Size(0), b.Size(0)) <= 25 {
		d2 = a.Unsqueeze(1).Sub(b.Unsqueeze(0)).Square().SumAxes(false, 2)
	} else {
		d2 = squaredByProduct(a, b)
	}
	none := d2.Detach().LessEqualScalar(0) // rounding makes some negative
	return d2.MaskedFill(none, 1).Sqrt().MaskedFill(none, 0)
}

// squaredByProduct returns |a|² + |b|² − 2ab for all pairs of rows.
func squaredByProduct(a, b *tensor.Tensor) *tensor.Tensor {
	squares := func(x *tensor.Tensor) *tensor.Tensor { return x.Square().SumAxes(true, 1) }
	return squares(a).Add(squares(b).Transpose(0, 1)).Sub(a.MatMul(b.Transpose(0, 1)).MulScalar(2))
}

// ContrastiveLoss returns the mean over pairs of d²/2 where same is 1 and max(0, margin − d)²/2 where it is 0, with d the distance of a's
// row from b's (Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping", 2006; their Y is 1 − same). a
// and b are (N, D), same is (N), Bool or numbers.
func ContrastiveLoss(a, b, same *tensor.Tensor, margin float64) *tensor.Tensor {
	sameShapes("contrastive loss", a, b)
	if !(margin > 0) {
		tensor.Fail("contrastive loss", "", "the margin must be positive, got %g", margin)
	}
	d := PairwiseDistance(a, b)
	sameShapes("contrastive loss", d, same)
	far := d.Neg().AddScalar(margin).ReLU()
	return tensor.Where(same.NotEqualScalar(0), d.Square(), far.Square()).Mean().MulScalar(0.5)
}

// TripletConfig says how [TripletLoss] and [BatchTripletLoss] compare distances. The zero value is PyTorch's default.
type TripletConfig struct {
	Margin float64 // by how much the negative must lie farther away than the positive; default 1
	// Soft replaces max(0, x) by log(1 + eˣ), without a margin: it goes on pulling where a margin is satisfied (Hermans et al., 2017).
	Soft    bool
	Squared bool // compare squared distances, as Schroff et al. (2015) do
	// Swap takes the distance of negative and positive where that is smaller than that of negative and anchor (Balntas et al., 2016).
	Swap      bool
	Reduction Reduction
}

// cost returns the loss of each triplet, given the distances of the positive and of the negative.
func (cfg TripletConfig) cost(positive, negative *tensor.Tensor) *tensor.Tensor {
	if cfg.Squared {
		positive, negative = positive.Square(), negative.Square()
	}
	x := positive.Sub(negative)
	if cfg.Soft {
		return x.Softplus()
	}
	margin := cfg.Margin
	if margin == 0 {
		margin = 1
	}
	if !(margin > 0) {
		tensor.Fail("triplet loss", "", "the margin must be positive, got %g", margin)
	}
	return x.AddScalar(margin).ReLU()
}

// TripletLoss returns the mean over triplets of max(0, d(anchor, positive) − d(anchor, negative) + margin) with Euclidean distances, all
// of shape (N, D); PyTorch's TripletMarginLoss (Schroff, Kalenichenko and Philbin, "FaceNet", 2015).
func TripletLoss(anchor, positive, negative *tensor.Tensor, cfg TripletConfig) *tensor.Tensor {
	if !anchor.SameShape(positive) || !anchor.SameShape(negative) {
		tensor.Fail("triplet loss", "give all the same shape", "anchors have shape %s, positives %s, negatives %s",
			tensor.ShapeString(anchor.Shape()), tensor.ShapeString(positive.Shape()), tensor.ShapeString(negative.Shape()))
	}
	far := PairwiseDistance(anchor, negative)
	if cfg.Swap {
		far = far.Minimum(PairwiseDistance(positive, negative))
	}
	return reduce(cfg.cost(PairwiseDistance(anchor, positive), far), cfg.Reduction)
}

// BatchTripletLoss returns the loss of the triplets that mine, such as [HardTriplets], finds in a batch: embeddings x (N, D) with classes
// labels (N). Swap doesn't count. It is 0 if there is no triplet, as in a batch of one class.
func BatchTripletLoss(x, labels *tensor.Tensor, mine func(distances []float64, labels []int64) []Triplet, cfg TripletConfig) *tensor.Tensor {
	batchOf("batch triplet loss", x, labels)
	d := Distances(x, x)
	found := mine(tensor.ToSlice[float64](d.Detach()), tensor.ToSlice[int64](labels))
	if len(found) == 0 {
		return x.Sum().MulScalar(0)
	}
	positive, negative := make([]int64, len(found)), make([]int64, len(found))
	for i, t := range found {
		positive[i], negative[i] = int64(t.Anchor*x.Size(0)+t.Positive), int64(t.Anchor*x.Size(0)+t.Negative)
	}
	all := d.Reshape(-1)
	pick := func(at []int64) *tensor.Tensor { return all.IndexSelect(0, tensor.FromSlice(at, len(at))) }
	return reduce(cfg.cost(pick(positive), pick(negative)), cfg.Reduction)
}

// SmoothTripletLoss returns the mean over all pairs (a, p) of one class in a batch of log(1 + Σₙ exp(d(a, p) − d(a, n))), n running over the
// examples of other classes: embeddings x (N, D) with classes labels (N). It is the soft triplet loss against all negatives at once, of
// which the nearest count most, as the hardest of [HardTriplets] do; but while nearly all are equally near, as with fresh
// weights, all of them push, where the hardest alone often let the embedding collapse to a point (Sohn, "Improved deep metric
// learning with multi-class N-pair loss objective", 2016, with distances in place of products). It is 0 if there is no triplet.
func SmoothTripletLoss(x, labels *tensor.Tensor) *tensor.Tensor {
	batchOf("smooth triplet loss", x, labels)
	classes := tensor.ToSlice[int64](labels)
	if len(HardTriplets(make([]float64, len(classes)*len(classes)), classes)) == 0 {
		return x.Sum().MulScalar(0)
	}
	d := Distances(x, x)
	same := labels.Unsqueeze(1).Equal(labels.Unsqueeze(0))
	others := d.Neg().MaskedFill(same, math.Inf(-1)).LogSumExp(true, 1)
	pairs := same.And(tensor.Eye(tensor.Bool, x.Size(0)).Not()).To(x.DType())
	return d.Add(others).Softplus().Mul(pairs).Sum().Div(pairs.Sum())
}

// batchOf panics unless x are embeddings (N, D) and labels their classes (N).
func batchOf(op string, x, labels *tensor.Tensor) {
	if x.NDim() != 2 || labels.NDim() != 1 || labels.Size(0) != x.Size(0) {
		tensor.Fail(op, "", "expected embeddings (N, D) and classes (N), got %s and %s", tensor.ShapeString(x.Shape()), tensor.ShapeString(labels.Shape()))
	}
}

// Triplet names three examples of a batch: positive is of the anchor's class, negative of another.
type Triplet struct{ Anchor, Positive, Negative int }

// HardTriplets returns for each example, as anchor, the farthest example of its class and the nearest of the others, where there are both
// ("batch hard" of Hermans, Beyer and Leibe, "In defense of the triplet loss for person re-identification", 2017). distances is N×N.
func HardTriplets(distances []float64, labels []int64) []Triplet {
	var out []Triplet
	n := len(labels)
	for a, label := range labels {
		positive, negative := -1, -1
		for i, d := range distances[a*n : (a+1)*n] {
			switch {
			case i == a:
			case labels[i] == label:
				if positive < 0 || d > distances[a*n+positive] {
					positive = i
				}
			case negative < 0 || d < distances[a*n+negative]:
				negative = i
			}
		}
		if positive >= 0 && negative >= 0 {
			out = append(out, Triplet{a, positive, negative})
		}
	}
	return out
}

// SemiHardTriplets returns for each pair of one class, as anchor and positive, the nearest negative of those that are farther away than
// the positive, or the farthest one if there is none ("semi-hard" of Schroff et al., 2015, in the form that TensorFlow made usual).
// distances is N×N.
func SemiHardTriplets(distances []float64, labels []int64) []Triplet {
	var out []Triplet
	eachPair(labels, func(a, p int) {
		row := distances[a*len(labels) : (a+1)*len(labels)]
		best, farthest := -1, -1
		for i, d := range row {
			if labels[i] == labels[a] {
				continue
			}
			if d > row[p] && (best < 0 || d < row[best]) {
				best = i
			}
			if farthest < 0 || d > row[farthest] {
				farthest = i
			}
		}
		if best < 0 {
			best = farthest
		}
		if best >= 0 {
			out = append(out, Triplet{a, p, best})
		}
	})
	return out
}

// AllTriplets returns every triplet of the batch ("batch all").
func AllTriplets(_ []float64, labels []int64) []Triplet {
	var out []Triplet
	eachPair(labels, func(a, p int) {
		for i, l := range labels {
			if l != labels[a] {
				out = append(out, Triplet{a, p, i})
			}
		}
	})
	return out
}

// eachPair calls f for every ordered pair of different examples of one class.
func eachPair(labels []int64, f func(a, p int)) {
	for a := range labels {
		for p := range labels {
			if a != p && labels[a] == labels[p] {
				f(a, p)
			}
		}
	}
}

// NTXentLoss returns the normalised-temperature cross entropy of N pairs of views a and b (N, D): each of the 2N examples has to find its
// other view among the 2N − 1 others by cosine similarity / temperature (Chen et al., "SimCLR", 2020).
func NTXentLoss(a, b *tensor.Tensor, temperature float64) *tensor.Tensor {
	const op = "nt-xent loss"
	sameShapes(op, a, b)
	if a.NDim() != 2 || a.Size(0) == 0 || !(temperature > 0) {
		tensor.Fail(op, "", "expected views (N, D) and a positive temperature, got %s and %g", tensor.ShapeString(a.Shape()), temperature)
	}
	n := a.Size(0)
	z := tensor.Cat(0, a, b)
	z = z.Div(z.Square().SumAxes(true, 1).Sqrt().Clamp(1e-8, math.Inf(1)))
	logits := z.MatMul(z.Transpose(0, 1)).MulScalar(1 / temperature)
	logits = logits.MaskedFill(tensor.Eye(tensor.Bool, 2*n), math.Inf(-1))
	target := make([]int64, 2*n)
	for i := range target {
		target[i] = int64((i + n) % (2 * n))
	}
	return CrossEntropy(logits, tensor.FromSlice(target, 2*n))
}
