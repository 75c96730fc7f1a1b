package nn

import (
	"slices"
	"strings"
	"weak"

	"github.com/gradus-ml/gradus/tensor"
)

// fieldGraph records how the places of the tensors in a run depend on each other.
type fieldGraph struct {
	nodes []fieldNode // the first is the input
	known map[weak.Pointer[tensor.Tensor]]int
	used  bool // some layer sees more than one place
}

// fieldNode is a tensor. Its parents stand before it.
type fieldNode struct {
	path    string
	size    []int // of the axes after the channels
	parents []int
	layer   Layer // how it follows from its one parent; nil for place by place
	whole   bool  // each place follows from all places of the parents
}

// unknown stands for the node of a tensor whose field can't be told.
const unknown = -1

// places returns the sizes of the axes after the channels.
func places(t *tensor.Tensor) []int { return t.Shape()[min(2, t.NDim()):] }

// single reports that there is but one place.
func single(size []int) bool { return product(size) == 1 }

// field returns the receptive field of a layer that was just run.
func (g *fieldGraph) field(path string, l Layer, x, y *tensor.Tensor) *ReceptiveField {
	n := g.saw(path, l, x, y)
	if len(g.nodes) == 0 {
		return nil
	}
	f := &ReceptiveField{Path: path, Output: y.Shape(), graph: g, node: n}
	if n == unknown {
		return f
	}
	for axis, size := range g.nodes[n].size {
		// Beyond the edges all windows are whole, and as far away as need be for fractions of a place. Phases of an enlargement differ.
		const far = 5040
		start, _, ok := g.back(n, axis, 0, 0, false)
		a := FieldAxis{Start: start}
		for unit := size / 2; unit < size/2+16 && ok; unit++ {
			lo, hi, _ := g.back(n, axis, unit, unit, false)
			a.Size = max(a.Size, hi-lo+1)
		}
		end, _, _ := g.back(n, axis, far, far, false)
		a.Jump = float64(end-start) / far
		f.Axes = append(f.Axes, a)
	}
	return f
}

// saw records that the layer at path made y of x, and returns y's node.
func (g *fieldGraph) saw(path string, l Layer, x, y *tensor.Tensor) int {
	if n, ok := g.known[weak.Make(y)]; ok {
		return n // the layer returned its input, or is a block that returned its last layer's output
	}
	if len(g.nodes) == 0 {
		for _, t := range []*tensor.Tensor{x, y} {
			if size := places(t); len(size) > 0 {
				g.add(t, fieldNode{size: size})
				break
			}
		}
		if n, ok := g.known[weak.Make(y)]; ok || len(g.nodes) == 0 {
			return n
		}
	}
	node := fieldNode{path: path, size: places(y)}
	if hasChildren(l) {
		node.parents = g.within(path, node.size)
		node.whole = single(node.size)
		gated := len(node.parents) == 0
		if n, ok := g.known[weak.Make(x)]; ok && n != unknown && slices.Equal(g.nodes[n].size, node.size) {
			node.parents = append(node.parents, n)
			if all := g.within(path, nil); gated && len(all) > 0 {
				// Its layers gave something of another size for all places, as a gate does, or the angle that an image is turned by.
				g.nodes = append(g.nodes, fieldNode{path: path, parents: all, whole: true})
				node.parents = append(node.parents, len(g.nodes)-1)
			}
		}
		return g.add(y, node)
	}
	in := g.find(path, x)
	if in == unknown {
		return g.add(y, node)
	}
	from := g.nodes[in].size
	switch {
	case seer(l) && len(from) == len(node.size):
		node.layer, g.used = l, true
	case single(node.size) || len(from) == 0:
		node.whole = true
	case !slices.Equal(from, node.size):
		return g.add(y, node) // a change of size that nobody explains
	}
	node.parents = []int{in}
	return g.add(y, node)
}

// add gives t a node, the unknown one unless the node has parents or is the input.
func (g *fieldGraph) add(t *tensor.Tensor, node fieldNode) int {
	n := unknown
	if len(node.parents) > 0 || len(g.nodes) == 0 {
		n = len(g.nodes)
		g.nodes = append(g.nodes, node)
	}
	g.known[weak.Make(t)] = n
	return n
}

// find returns the node of x, which the layer at path was given. A tensor that no layer returned was made in one of the blocks around: of
// what the innermost that has anything to offer has computed so far.
func (g *fieldGraph) find(path string, x *tensor.Tensor) int {
	if n, ok := g.known[weak.Make(x)]; ok {
		return n
	}
	size := places(x)
	for path != "" {
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
		if parents := g.within(path, size); len(parents) > 0 {
			return g.add(x, fieldNode{path: path, size: size, parents: parents, whole: single(size)})
		}
	}
	return g.add(x, fieldNode{})
}

// within lists the nodes of the block at path that have the given size, or, for a single place, which may be what is left of any size, all.
func (g *fieldGraph) within(path string, size []int) (list []int) {
	for i, n := range g.nodes {
		if (path == "" || strings.HasPrefix(n.path, path+".")) && (single(size) || slices.Equal(n.size, size)) {
			list = append(list, i)
		}
	}
	return list
}

// back returns what the units lo to hi of node n see of the input along axis: within the input and all tensors on the way, or, if not
// inside, as if convolutions went on for ever.
func (g *fieldGraph) back(n, axis, lo, hi int, inside bool) (from, to int, ok bool) {
	type span struct {
		lo, hi int
		set    bool
	}
	spans := make([]span, n+1)
	spans[n] = span{lo, hi, true}
	for i := n; i > 0; i-- {
		s, node := spans[i], &g.nodes[i]
		if !s.set {
			continue
		}
		for _, parent := range node.parents {
			in := 1
			if size := g.nodes[parent].size; len(size) > 0 {
				in = size[axis]
			}
			lo, hi := s.lo, s.hi
			if node.whole || len(g.nodes[parent].size) == 0 {
				lo, hi = 0, in-1
			} else if node.layer != nil {
				lo, hi = seen(node.layer, axis, in, lo, hi, inside)
			}
			if inside {
				lo, hi = max(lo, 0), min(hi, in-1)
			}
			if lo > hi {
				continue
			}
			if p := spans[parent]; p.set {
				lo, hi = min(lo, p.lo), max(hi, p.hi)
			}
			spans[parent] = span{lo, hi, true}
		}
	}
	return spans[0].lo, spans[0].hi, spans[0].set
}

// seen returns what a layer's outputs from first to last see of its input, of size in.
func seen(l Layer, axis, in, first, last int, inside bool) (from, to int) {
	if f, ok := l.(*Lambda); ok {
		return f.sees(axis, in, first, last)
	}
	from, to = l.(Seer).Sees(axis, in, first, last)
	if p, ok := l.(padder); ok && inside {
		switch p.padMode() {
		case tensor.PadReflect:
			return min(from, 2*(in-1)-to), max(to, -from)
		case tensor.PadCircular:
			if from < 0 || to >= in {
				return 0, in - 1
			}
		}
	}
	return from, to
}

// seer reports whether l says what it sees.
func seer(l Layer) bool {
	if f, ok := l.(*Lambda); ok {
		return f.sees != nil
	}
	_, ok := l.(Seer)
	return ok
}
