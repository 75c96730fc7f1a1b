package data

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Data sets print what they are and how large, not their contents.

func (t tensors) String() string {
	s := fmt.Sprintf("%d examples: x %s", t.Len(), kind(t.x))
	if t.y != nil {
		s += ", y " + kind(t.y)
	}
	return s
}

// kind writes data type and shape.
func kind(t *tensor.Tensor) string {
	return t.DType().String() + " " + tensor.ShapeString(t.Shape())
}

func (e examples) String() string {
	return fmt.Sprintf("%d examples, made one at a time", e.n)
}

func (m mapped) String() string { return "mapped " + describe(m.Dataset) }

func (s subset) String() string {
	return fmt.Sprintf("%d of %s", s.Len(), describe(s.Dataset))
}

// String describes the data set and the batches.
func (l *Loader) String() string {
	if l.cfg.Sampler != nil {
		return "sampled batches of " + describe(l.set)
	}
	return fmt.Sprintf("batches of %d of %s", l.cfg.Batch, describe(l.set))
}

// describe returns a data set's own description, or its type and size.
func describe(ds Dataset) string {
	if s, ok := ds.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%d examples of %T", ds.Len(), ds)
}
