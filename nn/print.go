package nn

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// describe returns a layer's own description, or what tree writes.
func describe(l Layer) string {
	if s, ok := l.(fmt.Stringer); ok {
		return s.String()
	}
	return tree(l)
}

// tree writes a layer as PyTorch prints modules: the name of its type and, within parentheses, a line for each child and its name.
func tree(l Layer) string {
	name := reflect.Indirect(reflect.ValueOf(l)).Type().Name()
	var b strings.Builder
	v, last := &Visitor{}, ""
	v.layer = func(path string, child Layer) {
		if len(v.path) == 1 && path != last { // the same path again is a layer within one that has no name of its own
			last = path
			fmt.Fprintf(&b, "  (%s): %s\n", path, strings.ReplaceAll(describe(child), "\n", "\n  "))
		}
	}
	l.Visit(v)
	if b.Len() == 0 {
		return name
	}
	return name + "(\n" + b.String() + ")"
}

// String writes the layers, nested, as PyTorch does.
func (s *Sequential) String() string { return tree(s) }

// String writes the layers, nested, as PyTorch does.
func (n *Named) String() string { return tree(n) }

// String writes body and shortcut, nested, as PyTorch does.
func (r *Residual) String() string { return tree(r) }

// String writes the branches, nested, as PyTorch does.
func (p *Parallel) String() string { return tree(p) }

// String describes the layer by the one within.
func (k *Checkpoint) String() string { return "Checkpoint(" + describe(k.Layer) + ")" }

// String returns the parameter's name (once it is known), shape and data type, such as "fc1.weight (256, 784) float32".
func (p *Param) String() string {
	if p == nil {
		return "<nil parameter>"
	}
	return strings.TrimPrefix(p.name+" ", " ") + tensor.ShapeString(p.shape) + " " + p.dtype.String()
}
