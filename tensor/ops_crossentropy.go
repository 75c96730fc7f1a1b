package tensor

import (
	"slices"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
)

// Reduction says what a loss does with the losses of the single examples.
type Reduction uint8

// The reductions.
const (
	ReductionMean Reduction = iota // their mean, weighted if the loss has weights
	ReductionSum                   // their sum
	ReductionNone                  // nothing: they are returned one by one
)

// CrossEntropyConfig says how [CrossEntropy] weighs and reduces. The zero value is the plain mean.
type CrossEntropyConfig struct {
	Reduction      Reduction
	LabelSmoothing float64 // in [0, 1]: how much of the probability is spread evenly over all classes (Szegedy et al., 2016)
	Weight         *Tensor // (C): how much each class counts; nil for 1. No gradient passes to it
	IgnoreIndex    *int64  // the label that marks examples to leave out; nil for −100
}

// ignore returns the label to leave out.
func (cfg *CrossEntropyConfig) ignore() int64 {
	if cfg.IgnoreIndex != nil {
		return *cfg.IgnoreIndex
	}
	return -100
}

// crossing is the Attrs of cross_entropy and its gradient, on (m, C) logits and m labels.
type crossing struct {
	labels    []int // shape of the labels before they were put in one axis
	smoothing float64
	ignore    int64
	each      bool    // return m losses, else scale times their sum
	scale     float64 // 1 if each
}

var opCrossEntropy, opCrossEntropyGrad *Op

func init() {
	opCrossEntropy = define(Op{
		Name: "cross_entropy",
		Infer: func(c *Call) ([]Spec, error) {
			a := c.Attrs.(crossing)
			if err := a.check(c.In[0], c.In[1]); err != nil {
				return nil, err
			}
			if a.each {
				return one(c.In[0].dtype, c.In[1].shape)
			}
			return one(c.In[0].dtype, nil)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				crossEntropyKernel[float64](c)
			} else {
				crossEntropyKernel[float32](c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			grads := make([]*Tensor, len(c.In))
			grads[0] = apply(opCrossEntropyGrad, c.Attrs, append([]*Tensor{g[0]}, c.In...)...)
			return grads
		},
	})
	opCrossEntropyGrad = define(Op{
		Name: "cross_entropy_grad",
		Infer: func(c *Call) ([]Spec, error) {
			g, x, labels := c.In[0], c.In[1], c.In[2]
			if err := sameFloats(x, g); err != nil {
				return nil, err
			}
			if len(x.shape) != 2 || labels.dtype != Int64 || !slices.Equal(labels.shape, x.shape[:1]) {
				return nil, reject("", "expected (m, C) logits and m labels as int64, got %s and %s %s", x.shapeText(), labels.dtype, labels.shapeText())
			}
			if len(g.shape) != 0 && !g.SameShape(labels) {
				return nil, reject("", "expected a gradient for the sum or for each of %d losses, got %s", x.shape[0], g.shapeText())
			}
			return one(x.dtype, x.shape)
		},
		Kernel: func(c *Call) {
			if c.Out[0].dtype == Float64 {
				crossEntropyGradKernel[float64](c)
			} else {
				crossEntropyGradKernel[float32](c)
			}
		},
		Decompose: decomposeCrossEntropyGrad,
	})
}

// check rejects logits that aren't floats and labels that are no class.
func (a *crossing) check(logits, labels *Tensor) error {
	if !logits.dtype.IsFloat() {
		return reject("pass the network's output, before Softmax", "expected float logits, got %s", logits.dtype)
	}
	classes := int64(logits.shape[1])
	v, block := packed[int64](labels)
	defer block.Free()
	for i, t := range v {
		if t != a.ignore && (t < 0 || t >= classes) {
			at := make([]int, len(a.labels))
			for axis, rest := len(at)-1, i; axis >= 0; axis-- {
				at[axis] = rest % a.labels[axis]
				rest /= a.labels[axis]
			}
			return reject("labels count from 0; has the last layer as many outputs as there are classes?",
				"label %d at position %s is outside of 0 to %d, the logits have %d classes", t, ShapeString(at), classes-1, classes)
		}
	}
	return nil
}

// weightsOf returns the elements of the optional input i, nil if there is none.
func weightsOf[T cpu.Float](c *Call, i int) ([]T, mem.Block) {
	if len(c.In) <= i {
		return nil, mem.Block{}
	}
	return packed[T](c.In[i])
}

func crossEntropyKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(crossing)
	m, n := c.In[0].rows()
	x, xBlock := packed[T](c.In[0])
	defer xBlock.Free()
	labels, lBlock := packed[int64](c.In[1])
	defer lBlock.Free()
	w, wBlock := weightsOf[T](c, 2)
	defer wBlock.Free()
	out := flat[T](c.Out[0])
	if a.each {
		cpu.CrossEntropyRows(out, x, labels, m, n, a.ignore, T(a.smoothing), w)
		return
	}
	loss, block := mem.Scratch[T](m)
	defer block.Free()
	cpu.CrossEntropyRows(loss, x, labels, m, n, a.ignore, T(a.smoothing), w)
	out[0] = cpu.Sum(loss) * T(a.scale)
}

func crossEntropyGradKernel[T cpu.Float](c *Call) {
	a := c.Attrs.(crossing)
	m, n := c.In[1].rows()
	g, gBlock := packed[T](c.In[0])
	defer gBlock.Free()
	x, xBlock := packed[T](c.In[1])
	defer xBlock.Free()
	labels, lBlock := packed[int64](c.In[2])
	defer lBlock.Free()
	w, wBlock := weightsOf[T](c, 3)
	defer wBlock.Free()
	if !a.each {
		all, block := mem.Scratch[T](m)
		defer block.Free()
		cpu.Fill(all, g[0]*T(a.scale))
		g = all
	}
	cpu.CrossEntropyGradRows(flat[T](c.Out[0]), x, labels, g, m, n, a.ignore, T(a.smoothing), w)
}

// decomposeCrossEntropyGrad writes the gradient as g·(p·softmax(x) − q), with p and q from labels and weights alone.
func decomposeCrossEntropyGrad(c *Call) []*Tensor {
	a := c.Attrs.(crossing)
	g, x := c.In[0], c.In[1]
	m, n := x.rows()
	labels := ToSlice[int64](c.In[2])
	w := slices.Repeat([]float64{1}, n)
	if len(c.In) > 3 {
		w = ToSlice[float64](c.In[3])
	}
	all := 0.0
	for _, v := range w {
		all += v
	}
	p, q := make([]float64, m), make([]float64, m*n)
	for i, t := range labels {
		if t == a.ignore {
			continue
		}
		p[i] = a.scale * ((1-a.smoothing)*w[t] + a.smoothing/float64(n)*all)
		for j := range n {
			q[i*n+j] = a.scale * a.smoothing / float64(n) * w[j]
		}
		q[i*n+int(t)] += a.scale * (1 - a.smoothing) * w[t]
	}
	if a.each {
		g = g.Reshape(m, 1)
	}
	return []*Tensor{FromSlice(p, m, 1).To(x.dtype).Mul(x.Softmax(1)).Sub(FromSlice(q, m, n).To(x.dtype)).Mul(g)}
}

// CrossEntropy returns the cross entropy in nats between softmax(logits) and the target, by PyTorch's
// definitions. The logits have shape (N, C), (N, C, d…) or, for one example, (C); the target either holds class
// indices, integers of shape (N), (N, d…) or (), or probabilities, floats of the logits' shape.
//
// With class indices t and weights w the loss of an example is −w[t]·log p[t], and the mean is the sum divided by the
// sum of the w[t] that aren't ignored; label smoothing ε mixes in −ε/C·Σ w[j]·log p[j]. With
// probabilities q it is −Σ w[j]·q[j]·log p[j], and the mean divides by the number of examples.
// ReductionNone gives a loss for each index, of the indices' shape (ignored ones 0), the others a scalar.
func CrossEntropy(logits, target *Tensor, cfg CrossEntropyConfig) *Tensor {
	const op = "cross_entropy"
	logits.alive(op)
	target.alive(op)
	if !(cfg.LabelSmoothing >= 0 && cfg.LabelSmoothing <= 1) {
		Fail(op, "", "label smoothing must be in [0, 1], got %g", cfg.LabelSmoothing)
	}
	if len(logits.shape) == 0 {
		Fail(op, "", "expected logits of shape (N, C), got a scalar")
	}
	axis := min(1, len(logits.shape)-1)
	classes := logits.shape[axis]
	var w *Tensor
	if cfg.Weight != nil {
		cfg.Weight.alive(op)
		if !slices.Equal(cfg.Weight.shape, []int{classes}) {
			Fail(op, "give one weight for each class", "expected weights of shape (%d), got %s", classes, cfg.Weight.shapeText())
		}
		w = cfg.Weight.Detach().To(logits.dtype)
	}
	if target.dtype.IsFloat() && target.SameShape(logits) {
		return softCrossEntropy(logits, target.To(logits.dtype), w, axis, cfg)
	}
	checkLabels(op, logits, target, axis)
	x := logits
	switch {
	case axis == 0:
		x = x.Reshape(1, classes)
	case len(x.shape) > 2:
		order := []int{0}
		for a := 2; a < len(x.shape); a++ {
			order = append(order, a)
		}
		x = x.Permute(append(order, 1)...).Reshape(target.NumEl(), classes)
	}
	labels := target.To(Int64).reshaped(target.NumEl())
	a := crossing{labels: target.shape, smoothing: cfg.LabelSmoothing, ignore: cfg.ignore(), each: cfg.Reduction == ReductionNone, scale: 1}
	if cfg.Reduction == ReductionMean {
		a.scale = 1 / a.total(labels, w)
	}
	in := []*Tensor{x, labels}
	if w != nil {
		in = append(in, w)
	}
	loss := apply(opCrossEntropy, a, in...)
	if a.each {
		return loss.reshaped(target.shape...)
	}
	return loss
}

// total returns what the mean divides by: the number of examples that aren't ignored, or the sum of their classes' weights.
func (a *crossing) total(labels, w *Tensor) float64 {
	v, block := packed[int64](labels)
	defer block.Free()
	var weights []float64
	if w != nil {
		weights = ToSlice[float64](w)
	}
	sum := 0.0
	for _, t := range v {
		switch {
		case t == a.ignore:
		case w == nil:
			sum++
		case t >= 0 && int(t) < len(weights): // others are rejected later
			sum += weights[t]
		}
	}
	return sum
}

// checkLabels panics unless target can be class indices for the logits, whose classes lie along axis.
func checkLabels(op string, logits, target *Tensor, axis int) {
	want := slices.Delete(slices.Clone(logits.shape), axis, axis+1)
	switch same := slices.Equal(target.shape, want); {
	case target.dtype.IsFloat() && same:
		Fail(op, "", "labels are %s; cross entropy wants class indices as int64 (convert with To(tensor.Int64)) or probabilities of shape %s", target.dtype, logits.shapeText())
	case target.dtype == Bool:
		Fail(op, "convert with To(tensor.Int64), or use BCEWithLogits for questions of yes or no", "labels are bool; cross entropy wants class indices")
	case same:
	case target.SameShape(logits):
		Fail(op, "one-hot labels are probabilities: convert with To(tensor.Float32)", "labels are %s of the logits' shape %s; class indices have shape %s",
			target.dtype, logits.shapeText(), ShapeString(want))
	case target.NumEl() == numel(want):
		Fail(op, "Reshape the labels to "+ShapeString(want), "logits %s want labels of shape %s, got %s", logits.shapeText(), ShapeString(want), target.shapeText())
	default:
		Fail(op, "logits have shape (N, C), labels (N)", "logits %s want labels of shape %s, got %s", logits.shapeText(), ShapeString(want), target.shapeText())
	}
}

// softCrossEntropy is the cross entropy with probabilities q as the target, which gradients pass to as well.
func softCrossEntropy(logits, q, w *Tensor, axis int, cfg CrossEntropyConfig) *Tensor {
	if e := cfg.LabelSmoothing; e != 0 {
		q = q.MulScalar(1 - e).AddScalar(e / float64(max(logits.shape[axis], 1)))
	}
	l := logits.LogSoftmax(axis).Mul(q)
	if w != nil {
		shape := slices.Repeat([]int{1}, len(l.shape))
		shape[axis] = -1
		l = l.Mul(w.Reshape(shape...))
	}
	switch cfg.Reduction {
	case ReductionNone:
		return l.SumAxes(false, axis).Neg()
	case ReductionSum:
		return l.Sum().Neg()
	}
	return l.Sum().MulScalar(-float64(logits.shape[axis]) / float64(logits.NumEl()))
}
