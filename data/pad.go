package data

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Pad stacks sequences of different lengths: tensors of shape (Tᵢ, …), alike but for axis 0, become (N, T, …), where
// T is the greatest of the Tᵢ; value fills what is missing. lengths holds the Tᵢ.
func Pad(value float64, xs ...*tensor.Tensor) (padded *tensor.Tensor, lengths []int) {
	return PadMultiple(value, 1, xs...)
}

// PadMultiple is [Pad] with T rounded up to a multiple, so that fewer different shapes occur.
func PadMultiple(value float64, multiple int, xs ...*tensor.Tensor) (padded *tensor.Tensor, lengths []int) {
	const op = "data.Pad"
	if len(xs) == 0 || multiple < 1 {
		tensor.Fail(op, "", "there must be at least one sequence and a positive multiple, got %d and %d", len(xs), multiple)
	}
	shape := xs[0].Shape()
	if len(shape) == 0 {
		tensor.Fail(op, "", "sequences must have an axis, got a scalar")
	}
	longest := 0
	for i, x := range xs {
		s := x.Shape()
		if len(s) != len(shape) || x.DType() != xs[0].DType() || fmt.Sprint(s[1:]) != fmt.Sprint(shape[1:]) {
			tensor.Fail(op, "", "sequences must be alike but for axis 0: number %d is %s %s, number 0 is %s %s", i, x.DType(), tensor.ShapeString(s), xs[0].DType(), tensor.ShapeString(shape))
		}
		lengths = append(lengths, s[0])
		longest = max(longest, s[0])
	}
	longest = (longest + multiple - 1) / multiple * multiple
	rows := make([]*tensor.Tensor, len(xs))
	for i, x := range xs {
		rest := append([]int{longest - lengths[i]}, shape[1:]...)
		rows[i] = x.Detach()
		if rest[0] > 0 {
			rows[i] = tensor.Cat(0, rows[i], tensor.Full(x.DType(), value, rest...))
		}
	}
	return tensor.Stack(0, rows...), lengths
}

// SequenceConfig says how [Sequences] fills up short examples.
type SequenceConfig struct {
	Fill       float64 // in inputs
	Multiple   int     // lengths are rounded up to a multiple of this; default 1
	Targets    bool    // targets are sequences of different lengths too
	TargetFill float64 // in those; −100 is what cross entropy leaves out
}

// Sequences is [Examples] for inputs of different lengths, (Tᵢ, …): those of a batch are padded to the longest, and
// Batch.Lengths holds the lengths from before. Targets are padded too if cfg says so.
func Sequences(n int, cfg SequenceConfig, get func(d Draw, i int) (x, y *tensor.Tensor, err error)) Dataset {
	cfg.Multiple = max(cfg.Multiple, 1)
	return sequences{examples{n, get}, cfg}
}

type sequences struct {
	examples
	cfg SequenceConfig
}

func (s sequences) String() string { return s.examples.String() + " and padded" }

func (s sequences) Batch(d Draw) (Batch, error) {
	xs, ys, err := s.all(d)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Index: d.Index}
	err = tensor.Try(func() error {
		xs[0] = xs[0].In(d.Scope)
		b.X, b.Lengths = PadMultiple(s.cfg.Fill, s.cfg.Multiple, xs...)
		switch {
		case len(ys) == 0:
		case s.cfg.Targets:
			b.Y, _ = PadMultiple(s.cfg.TargetFill, s.cfg.Multiple, ys...)
		default:
			b.Y = stack(d, ys)
		}
		return nil
	})
	if err != nil {
		return Batch{}, fmt.Errorf("data: batch of examples %s: %w", few(d.Index), err)
	}
	return b, nil
}
