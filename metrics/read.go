package metrics

import (
	"runtime"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// ignored is the label of examples that count for nothing, as in tensor.CrossEntropy.
const ignored = -100

// classed reads batches of scores against class indices. row is memory that it uses again.
type classed struct{ row []float64 }

// each calls f with the scores and the label of every example that isn't labelled −100. pred has shape (N, C) or (N, C, …) and
// target (N) or (N, …), or pred's shape and the classes' probabilities, of which the greatest counts; or both have one number for
// each example, (N) or (N, 1), and then there is one score in a row and the label is 0 or 1. The scores are valid during the call
// only. A label out of range panics.
func (r *classed) each(op string, pred, target *tensor.Tensor, f func(scores []float64, label int)) {
	if target.DType().IsFloat() && target.SameShape(pred) && pred.NDim() >= 2 && pred.Size(1) > 1 {
		target = likeliest(op, target)
	}
	n, classes, inner := sizes(op, pred, target)
	if cap(r.row) < classes {
		r.row = make([]float64, classes)
	}
	row := r.row[:classes]
	labels := wide(target)
	top := max(classes, 2)
	switch pred = pred.Detach(); pred.DType() {
	case tensor.Float64:
	case tensor.Float32:
	default:
		pred = pred.To(tensor.Float32)
	}
	pred = pred.Contiguous()
	at := tensor.Data[int64](labels)
	var f32 []float32
	var f64 []float64
	if pred.DType() == tensor.Float64 {
		f64 = tensor.Data[float64](pred)
	} else {
		f32 = tensor.Data[float32](pred)
	}
	for i := range n * inner {
		if at[i] == ignored {
			continue
		}
		if at[i] < 0 || at[i] >= int64(top) {
			tensor.Fail(op, "check the labels, and the size of the last layer", "label %d of example %d is not one of the classes 0 to %d", at[i], i/inner, top-1)
		}
		// Class c of position j in example i/inner lies at (i/inner·classes + c)·inner + j.
		first := i/inner*classes*inner + i%inner
		for c := range row {
			if f64 != nil {
				row[c] = f64[first+c*inner]
			} else {
				row[c] = float64(f32[first+c*inner])
			}
		}
		f(row, int(at[i]))
	}
	runtime.KeepAlive(pred)
	runtime.KeepAlive(labels)
}

// likeliest returns the classes with the greatest probabilities.
func likeliest(op string, target *tensor.Tensor) *tensor.Tensor {
	target = target.Detach()
	if target.SumAxes(false, 1).AddScalar(-1).Abs().LessScalar(1e-3).AllAxes(false).Item() == 0 {
		tensor.Fail(op, "measure each of several labels by itself", "float targets of the predictions' shape, %s, must be probabilities that add up to 1", tensor.ShapeString(target.Shape()))
	}
	return target.ArgMax(1)
}

// wide returns labels as contiguous Int64.
func wide(target *tensor.Tensor) *tensor.Tensor {
	return target.Detach().To(tensor.Int64).Contiguous()
}

// sizes returns the number of examples, of scores for each (1: two classes told apart by one number), and of positions within an example.
func sizes(op string, pred, target *tensor.Tensor) (n, classes, inner int) {
	p, t := pred.Shape(), target.Shape()
	if !pred.DType().IsFloat() {
		tensor.Fail(op, "pass the model's output itself", "predictions must be scores, floats, got %s", pred.DType())
	}
	if single(p) && single(t) && p[0] == t[0] {
		return p[0], 1, 1 // floats 0 and 1 are what a binary cross entropy has as targets
	}
	if target.DType().IsFloat() {
		tensor.Fail(op, "probabilities must have the predictions' shape", "targets must be class indices, integers, got %s of shape %s", target.DType(), tensor.ShapeString(t))
	}
	if len(p) < 2 || p[1] == 0 || !slices.Equal(t, append(slices.Clone(p[:1]), p[2:]...)) {
		tensor.Fail(op, "predictions have one axis more than targets, axis 1, with a score for each class",
			"expected predictions (N, C) or (N, C, …) with targets (N) or (N, …), or one number each for two classes; got %s and %s", tensor.ShapeString(p), tensor.ShapeString(t))
	}
	inner = 1
	for _, s := range p[2:] {
		inner *= s
	}
	return p[0], p[1], inner
}

// single reports whether a shape has one number for each example.
func single(shape []int) bool { return len(shape) == 1 || len(shape) == 2 && shape[1] == 1 }

// argMax returns the index of the greatest score, the first of equal ones, or −1 if there is a NaN.
func argMax(scores []float64) int {
	best := 0
	for i, v := range scores {
		if v != v {
			return -1
		}
		if v > scores[best] {
			best = i
		}
	}
	return best
}

// pairs calls f with every element of pred and target and its column: 0 for shape (N) or (N, 1), else its place within an example.
// Both must have as many numbers in each example.
func pairs(op string, pred, target *tensor.Tensor, f func(column int, p, t float64)) {
	ps, ts := pred.Shape(), target.Shape()
	if len(ps) == 0 || len(ts) == 0 || !slices.Equal(ps, ts) && !(single(ps) && single(ts) && ps[0] == ts[0]) {
		tensor.Fail(op, "give both one shape with Reshape", "predictions and targets must have the same shape, examples along axis 0; got %s and %s", tensor.ShapeString(ps), tensor.ShapeString(ts))
	}
	p, t := pred.Detach().To(tensor.Float64).Contiguous(), target.Detach().To(tensor.Float64).Contiguous()
	a, b := tensor.Data[float64](p), tensor.Data[float64](t)
	columns := max(1, len(a)/max(1, ps[0]))
	for i, v := range a {
		f(i%columns, v, b[i])
	}
	runtime.KeepAlive(p)
	runtime.KeepAlive(t)
}
