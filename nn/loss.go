package nn

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Losses compare predictions with targets and return the mean over the batch, a scalar. Definitions are PyTorch's.

// Reduction says how the losses of a batch become one.
type Reduction = tensor.Reduction

// The reductions.
const (
	Mean = tensor.ReductionMean // mean over all elements (weighted where the loss has weights)
	Sum  = tensor.ReductionSum
	None = tensor.ReductionNone // one loss for each element
)

func reduce(x *tensor.Tensor, r Reduction) *tensor.Tensor {
	switch r {
	case Sum:
		return x.Sum()
	case None:
		return x
	}
	return x.Mean()
}

// sameShapes panics if pred and target differ in shape: broadcasting here is nearly always a mistake, such as (N, 1) against (N).
func sameShapes(op string, pred, target *tensor.Tensor) {
	if !pred.SameShape(target) {
		hint := "give both the same shape"
		if pred.NumEl() == target.NumEl() {
			hint = fmt.Sprintf("Reshape one of them, say target.Reshape%s", tensor.ShapeString(pred.Shape()))
		}
		tensor.Fail(op, hint, "predictions have shape %s, targets %s", tensor.ShapeString(pred.Shape()), tensor.ShapeString(target.Shape()))
	}
}

// MSE returns the mean of (pred − target)², both of one shape.
func MSE(pred, target *tensor.Tensor) *tensor.Tensor { return MSEReduced(pred, target, Mean) }

// MSEReduced is [MSE] with another reduction.
func MSEReduced(pred, target *tensor.Tensor, r Reduction) *tensor.Tensor {
	sameShapes("mse", pred, target)
	return reduce(pred.Sub(target).Square(), r)
}

// MAE returns the mean of |pred − target|, both of one shape; PyTorch's L1Loss.
func MAE(pred, target *tensor.Tensor) *tensor.Tensor { return MAEReduced(pred, target, Mean) }

// MAEReduced is [MAE] with another reduction.
func MAEReduced(pred, target *tensor.Tensor, r Reduction) *tensor.Tensor {
	sameShapes("mae", pred, target)
	return reduce(pred.Sub(target).Abs(), r)
}

// Huber returns the mean of d²/2 where |d| ≤ delta and delta·(|d| − delta/2) elsewhere, with d = pred − target, both of
// one shape (Huber, 1964).
func Huber(pred, target *tensor.Tensor, delta float64) *tensor.Tensor {
	return HuberReduced(pred, target, delta, Mean)
}

// HuberReduced is [Huber] with another reduction.
func HuberReduced(pred, target *tensor.Tensor, delta float64, r Reduction) *tensor.Tensor {
	sameShapes("huber", pred, target)
	if !(delta > 0) {
		tensor.Fail("huber", "", "delta must be positive, got %g", delta)
	}
	d := pred.Sub(target).Abs()
	near := d.Clamp(0, delta) // so that the far branch's d can't overflow the square
	return reduce(near.Square().MulScalar(0.5).Add(d.Sub(near).MulScalar(delta)), r)
}

// SmoothL1 returns Huber(delta = beta)/beta of two tensors of one shape (Girshick, 2015); PyTorch's default beta is 1.
func SmoothL1(pred, target *tensor.Tensor, beta float64) *tensor.Tensor {
	if beta == 0 {
		return MAE(pred, target)
	}
	return Huber(pred, target, beta).MulScalar(1 / beta)
}

// CrossEntropy returns the mean cross entropy of logits (N, C) or (N, C, …) against target classes (N) or (N, …), Int64 from 0
// to C−1, or against probabilities of the logits' shape.
func CrossEntropy(logits, target *tensor.Tensor) *tensor.Tensor {
	return tensor.CrossEntropy(logits, target, tensor.CrossEntropyConfig{})
}

// CrossEntropyWith is [CrossEntropy] with label smoothing, class weights, an ignored class or another reduction.
func CrossEntropyWith(cfg tensor.CrossEntropyConfig) func(logits, target *tensor.Tensor) *tensor.Tensor {
	return func(logits, target *tensor.Tensor) *tensor.Tensor { return tensor.CrossEntropy(logits, target, cfg) }
}

// NLLConfig says how [NLLWith] weighs and reduces. The zero value is the plain mean.
type NLLConfig struct {
	Reduction   Reduction
	Weight      *tensor.Tensor // (C): how much each class counts; nil for 1
	IgnoreIndex *int64         // the label that marks examples to leave out; nil for −100
}

// NLL returns the mean negative log-likelihood of log-probabilities (N, C) or (N, C, …), such as LogSoftmax gives, under target
// classes (N) or (N, …), integers from 0 to C−1.
func NLL(logp, target *tensor.Tensor) *tensor.Tensor { return NLLWith(NLLConfig{})(logp, target) }

// NLLWith is [NLL] with class weights, an ignored class or another reduction.
func NLLWith(cfg NLLConfig) func(logp, target *tensor.Tensor) *tensor.Tensor {
	ignore := int64(-100)
	if cfg.IgnoreIndex != nil {
		ignore = *cfg.IgnoreIndex
	}
	return func(logp, target *tensor.Tensor) *tensor.Tensor {
		classesOf("nll", "log-probabilities", logp, target)
		kept := target.To(tensor.Int64).NotEqualScalar(float64(ignore))
		weight := kept.To(logp.DType())
		index := target.To(tensor.Int64).MaskedFill(kept.Not(), 0)
		if cfg.Weight != nil {
			weight = weight.Mul(cfg.Weight.Detach().To(logp.DType()).IndexSelect(0, index.Reshape(-1)).Reshape(target.Shape()...))
		}
		each := logp.Gather(1, index.Unsqueeze(1)).Squeeze(1).Mul(weight).Neg()
		if cfg.Reduction == Mean {
			return each.Sum().Div(weight.Sum())
		}
		return reduce(each, cfg.Reduction)
	}
}

// classesOf panics unless target holds a class from 0 to C−1 (or a negative number, which means none) for each (C) of scores.
func classesOf(op, what string, scores, target *tensor.Tensor) {
	shape := scores.Shape()
	if len(shape) < 2 || fmt.Sprint(target.Shape()) != fmt.Sprint(append([]int{shape[0]}, shape[2:]...)) {
		tensor.Fail(op, "", "expected %s (N, C) or (N, C, …) and classes (N) or (N, …), got %s and %s", what, tensor.ShapeString(shape), tensor.ShapeString(target.Shape()))
	}
	if target.DType().IsFloat() || target.DType() == tensor.Bool {
		tensor.Fail(op, "convert the classes with To(tensor.Int64)", "expected whole numbers as classes, got %s", target.DType())
	}
	if target.NumEl() > 0 {
		if top := int(target.To(tensor.Int64).Max().Item()); top >= shape[1] {
			tensor.Fail(op, "labels count from 0; has the last layer as many outputs as there are classes?", "label %d is outside of the %d classes", top, shape[1])
		}
	}
}

// BCEWithLogits returns the mean binary cross entropy of logits against targets between 0 and 1, of one shape.
func BCEWithLogits(logits, target *tensor.Tensor) *tensor.Tensor {
	sameShapes("bce with logits", logits, target)
	return tensor.BCEWithLogits(logits, target, tensor.BCEWithLogitsConfig{})
}

// BCEWithLogitsWith is [BCEWithLogits] with weights, a weight of positive targets or another reduction.
func BCEWithLogitsWith(cfg tensor.BCEWithLogitsConfig) func(logits, target *tensor.Tensor) *tensor.Tensor {
	return func(logits, target *tensor.Tensor) *tensor.Tensor {
		sameShapes("bce with logits", logits, target)
		return tensor.BCEWithLogits(logits, target, cfg)
	}
}

// BCE returns the mean binary cross entropy of probabilities against targets, of one shape. As in PyTorch the logarithms are cut at
// −100. It panics if a prediction is below 0 or above 1; [BCEWithLogits] takes logits, and is more accurate.
func BCE(p, target *tensor.Tensor) *tensor.Tensor { return BCEReduced(p, target, Mean) }

// BCEReduced is [BCE] with another reduction.
func BCEReduced(p, target *tensor.Tensor, r Reduction) *tensor.Tensor {
	sameShapes("bce", p, target)
	probabilities("bce", p)
	one := target.OnesLike()
	logP, logQ := logProbability(p), logProbability(p.Neg().AddScalar(1))
	return reduce(target.Mul(logP).Add(one.Sub(target).Mul(logQ)).Neg(), r)
}

// probabilities panics if a value of p lies outside of 0 to 1. NaN passes: it makes the loss NaN, which training traces to its source.
func probabilities(op string, p *tensor.Tensor) {
	if p = p.Detach(); p.NumEl() == 0 || !(p.Min().Item() < 0 || p.Max().Item() > 1) {
		return
	}
	for i, v := range tensor.ToSlice[float64](p.To(tensor.Float64)) {
		if v < 0 || v > 1 {
			at := p.Shape()
			for a := len(at) - 1; a >= 0; a-- {
				at[a], i = i%at[a], i/at[a]
			}
			tensor.Fail(op, "use nn.BCEWithLogits for logits", "probabilities must lie between 0 and 1, got %g at %s", v, tensor.ShapeString(at))
		}
	}
}

// logProbability returns log p, at least −100, with a slope of 1e12 at most: a probability of 0, as sigmoids round to, must not make NaN.
func logProbability(p *tensor.Tensor) *tensor.Tensor {
	const least = 1e-12
	small, fixed := p.LessScalar(least), p.Detach()
	steep := p.Sub(fixed).MulScalar(1 / least).Add(fixed.Log().Clamp(-100, 0))
	return tensor.Where(small, steep, p.MaskedFill(small, 1).Log())
}

// KLDiv returns the Kullback–Leibler divergence Σ target·(log target − logp) divided by the batch size (axis 0), PyTorch's
// reduction "batchmean": logp are log-probabilities, target probabilities.
func KLDiv(logp, target *tensor.Tensor) *tensor.Tensor {
	sameShapes("kl div", logp, target)
	positive := target.GreaterScalar(0)
	logT := tensor.Where(positive, target, target.OnesLike()).Log() // 0·log 0 = 0
	return target.Mul(logT.Sub(logp)).Sum().MulScalar(1 / float64(max(logp.Size(0), 1)))
}

// Hinge returns the mean of max(0, 1 − target·pred) for targets −1 and 1, both of one shape (Cortes and Vapnik, 1995).
func Hinge(pred, target *tensor.Tensor) *tensor.Tensor {
	sameShapes("hinge", pred, target)
	return pred.Mul(target).Neg().AddScalar(1).ReLU().Mean()
}

// MultiMargin returns the multi-class hinge loss of scores (N, C) under classes (N): the mean over examples of
// Σ_{j≠y} max(0, margin − x_y + x_j) / C.
func MultiMargin(scores, target *tensor.Tensor, margin float64) *tensor.Tensor {
	classesOf("multi margin", "scores", scores, target)
	classes := scores.Size(1)
	at := target.To(tensor.Int64)
	right := scores.Gather(1, at.Unsqueeze(1))
	others := at.OneHot(classes).To(scores.DType()).Neg().AddScalar(1)
	each := scores.Sub(right).AddScalar(margin).ReLU().Mul(others)
	return each.Sum().MulScalar(1 / float64(max(scores.NumEl(), 1)))
}

// CosineSimilarity returns a·b / (|a|·|b|) along the last axis.
func CosineSimilarity(a, b *tensor.Tensor) *tensor.Tensor {
	norm := func(x *tensor.Tensor) *tensor.Tensor {
		return x.Square().SumAxes(false, -1).Sqrt().Clamp(1e-8, math.Inf(1))
	}
	return a.Mul(b).SumAxes(false, -1).Div(norm(a).Mul(norm(b)))
}

// CosineEmbedding returns the mean of 1 − cos(a, b) for pairs with target 1 and max(0, cos(a, b) − margin) for those
// with −1. a and b are (N, D), target (N).
func CosineEmbedding(a, b, target *tensor.Tensor, margin float64) *tensor.Tensor {
	sameShapes("cosine embedding", a, b)
	cos := CosineSimilarity(a, b)
	sameShapes("cosine embedding", cos, target)
	like := cos.Neg().AddScalar(1)
	unlike := cos.AddScalar(-margin).ReLU()
	return tensor.Where(target.GreaterScalar(0), like, unlike).Mean()
}
