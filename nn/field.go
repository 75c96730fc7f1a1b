package nn

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// Seer is a layer whose outputs are computed from several places of its input, such as a convolution. Receptive fields follow from it.
// Layers that aren't Seers and keep the sizes of all axes after the channels are taken to work on each place by itself.
type Seer interface {
	// Sees returns the first and the last position along axis (0 is the one after the channels) that the outputs from first to
	// last are computed from, for an input of size in. They may lie outside the input: in its padding.
	Sees(axis, in, first, last int) (from, to int)
}

// Sees returns the input columns that the outputs from first to last are computed from.
func (l *Conv1D) Sees(axis, _, first, last int) (from, to int) {
	return l.axes[axis].Sees(first, last)
}

// Sees returns the input rows (axis 0) or columns (1) that the outputs from first to last are computed from.
func (l *Conv2D) Sees(axis, _, first, last int) (from, to int) {
	return l.axes[axis].Sees(first, last)
}

// Sees returns the input frames (axis 0), rows (1) or columns (2) that the outputs from first to last are computed from.
func (l *Conv3D) Sees(axis, _, first, last int) (from, to int) {
	return l.axes[axis].Sees(first, last)
}

// padder is a layer that may fill its padding with the input's values.
type padder interface{ padMode() tensor.PadMode }

func (l *Conv1D) padMode() tensor.PadMode { return l.cfg.PadMode }
func (l *Conv2D) padMode() tensor.PadMode { return l.cfg.PadMode }
func (l *Conv3D) padMode() tensor.PadMode { return l.cfg.PadMode }

// Seeing tells which places of its input the outputs of l are computed from, as [Seer] has it, and returns l: for functions that resize or mix
// places, such as nn.NewLambda("double", …).Seeing(func(_, _, first, last int) (int, int) { return first / 2, last / 2 }).
func (l *Lambda) Seeing(f func(axis, in, first, last int) (from, to int)) *Lambda {
	l.sees = f
	return l
}

// ReceptiveField says which places of a model's input the units of a layer see: the pixels that their values depend on (for the arithmetic
// see Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019). Units of all channels see the same.
//
// Where ways part and join, as in residual and parallel blocks, a unit sees what it sees on any of them, so the largest field counts. Layers
// that normalise by statistics of the whole input, such as group norm, count as seeing one place. What a block computes between its
// layers isn't seen: a tensor that no layer returned counts as made, place by place, of all tensors of its size that the block has
// computed so far. If the layers of a block whose result has the input's size all give other sizes, as a gate's do (Hu et al.,
// "Squeeze-and-Excitation Networks", 2018), a unit sees one place and all that these layers see. Where the size of such a tensor is new
// there is no telling: see [ReceptiveField.Known]. If the model's input has no axes after the channels, the first tensor that has some
// stands for it.
type ReceptiveField struct {
	Path   string      // of the layer, such as "features.0"
	Output []int       // shape of the layer's output
	Axes   []FieldAxis // for each axis after the channels; nil if there are none or if the field isn't known

	graph *fieldGraph
	node  int
}

// FieldAxis describes a receptive field along one axis of the input.
type FieldAxis struct {
	Size  int     // places that a unit far from the edges sees, at most
	Jump  float64 // distance between what neighbouring units see: the product of all strides; less than 1 after enlarging
	Start int     // first place that unit 0 sees; negative if it lies in the padding
}

// ReceptiveFields returns the receptive field of every layer that [Summary] lists, in that order, for float32 inputs of the given shape, batch
// size first: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
func ReceptiveFields(model Layer, input ...int) []*ReceptiveField {
	t := Summary(model, input...)
	out := make([]*ReceptiveField, len(t.Rows))
	for i := range t.Rows {
		out[i] = t.Rows[i].Field
	}
	return out
}

// Known reports whether the field could be told. It can't behind functions that change the size of the axes and don't say what
// they see (see [Lambda.Seeing]).
func (f *ReceptiveField) Known() bool { return f.node >= 0 }

// Sees returns the part of the input that the unit at the given place, (y, x) for images, sees: along axis i from from[i] up to but not
// including to[i]. It lies within the input, and places within it that a dilated filter leaves out count. Without a place it is what all units together see; a layer whose output has no places,
// such as a linear one, sees that. It is empty, from equal to to, where nothing but padding reaches the unit.
func (f *ReceptiveField) Sees(at ...int) (from, to []int) {
	if !f.Known() {
		tensor.Fail("nn.ReceptiveField", "if a Lambda stands in front that resizes, tell it by Seeing", "what %s sees isn't known", f.Path)
	}
	size := f.graph.nodes[f.node].size
	if len(at) != 0 && len(at) != len(size) {
		tensor.Fail("nn.ReceptiveField", "", "expected a place along %d axes, got %v", len(size), at)
	}
	for i, n := range at {
		if n < 0 || n >= size[i] {
			tensor.Fail("nn.ReceptiveField", "", "there is no unit %v in an output of shape %s", at, tensor.ShapeString(f.Output))
		}
	}
	for axis := range f.graph.nodes[0].size {
		lo, hi := 0, 0
		if len(size) > 0 {
			hi = size[axis] - 1
		}
		if len(at) > 0 {
			lo, hi = at[axis], at[axis]
		}
		lo, hi, ok := f.graph.back(f.node, axis, lo, hi, true)
		if !ok {
			lo, hi = 0, -1
		}
		from, to = append(from, lo), append(to, hi+1)
	}
	return from, to
}

// Pixels returns the rectangle of pixels that unit (y, x) of a layer over images sees.
func (f *ReceptiveField) Pixels(y, x int) image.Rectangle {
	from, to := f.Sees(y, x)
	return image.Rect(from[1], from[0], to[1], to[0])
}

// String writes size and jump, such as "14×14 every 4" (or "5×5" if it is 1), "all" where each unit sees the whole input, or "?" if it isn't known.
func (f *ReceptiveField) String() string {
	switch {
	case f == nil:
		return ""
	case !f.Known():
		return "?"
	case f.all():
		return "all"
	}
	var sizes, jumps []string
	even := true
	for _, a := range f.Axes {
		sizes, jumps = append(sizes, fmt.Sprint(a.Size)), append(jumps, fmt.Sprintf("%.4g", a.Jump))
		even = even && a.Jump == f.Axes[0].Jump
	}
	if even && len(jumps) > 0 {
		jumps = jumps[:1]
	}
	if len(sizes) == 0 {
		from, to := f.Sees()
		for i := range from {
			sizes = append(sizes, fmt.Sprint(to[i]-from[i]))
		}
	}
	if len(jumps) == 0 || even && jumps[0] == "1" {
		return strings.Join(sizes, "×")
	}
	return strings.Join(sizes, "×") + " every " + strings.Join(jumps, "×")
}

// all reports that the first unit and the last see the whole input.
func (f *ReceptiveField) all() bool {
	first := make([]int, len(f.graph.nodes[f.node].size))
	last := slices.Clone(f.graph.nodes[f.node].size)
	for i := range last {
		last[i]--
	}
	for _, at := range [][]int{first, last} {
		from, to := f.Sees(at...)
		if slices.Max(from) > 0 || !slices.Equal(to, f.graph.nodes[0].size) {
			return false
		}
	}
	return true
}
