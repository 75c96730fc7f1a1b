package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// The record behind a tensor, to look at: what was computed in which layer, from what, with what shapes.

// GraphNode is one recorded operation.
type GraphNode struct {
	Op    string // name, as in Ops
	Layer string // path of the layer that it was part of, or ""
	Attrs string // parameters that aren't tensors, if they are plain numbers
	In    []Spec // inputs
	Out   []Spec // outputs
	Order int    // place in the order of computation, which is its index in what Graph returns
	From  []int  // for each input the Order of the node that computed it, or −1
	Leaf  []bool // for each input whether RequireGrad was called on it
	Bytes int    // new memory taken by the outputs, 0 for views
}

// recorded returns the nodes behind t, inputs before what is computed from them, and the place of each.
func recorded(op string, t *Tensor) (order []*node, index map[*node]int) {
	t.alive(op)
	index = map[*node]int{}
	if t.node == nil {
		return nil, index
	}
	walk := []*node{t.node}
	next := map[*node]int{}
	for len(walk) > 0 {
		n := walk[len(walk)-1]
		if n.call == nil {
			Fail(op, "look at it before Backward, or set Retain", "the record behind the tensor was freed by a backward pass")
		}
		if i := next[n]; i < len(n.call.In) {
			next[n]++
			if in := n.call.In[i].node; in != nil {
				if _, seen := next[in]; !seen {
					next[in] = 0
					walk = append(walk, in)
				}
			}
			continue
		}
		walk = walk[:len(walk)-1]
		index[n] = len(order)
		order = append(order, n)
	}
	return order, index
}

// Graph returns the operations that t was computed by, inputs before what is computed from them, so t's own comes last. Only
// what gradients pass through is recorded. It panics if a backward pass has freed the record.
func Graph(t *Tensor) []GraphNode {
	order, index := recorded("graph", t)
	out := make([]GraphNode, len(order))
	for i, n := range order {
		out[i] = n.describe(i, index)
	}
	return out
}

func (n *node) describe(order int, index map[*node]int) GraphNode {
	g := GraphNode{Op: n.call.Op.Name, Layer: n.layer, Order: order}
	switch a := n.call.Attrs.(type) {
	case float64, int, []int, DType:
		g.Attrs = fmt.Sprint(a)
	case reduction:
		g.Attrs = fmt.Sprint(a.axes)
	}
	for _, in := range n.call.In {
		from := -1
		if in.node != nil {
			from = index[in.node]
		}
		g.In, g.From, g.Leaf = append(g.In, in.spec()), append(g.From, from), append(g.Leaf, in.leaf)
	}
	for _, out := range n.call.Out {
		g.Out = append(g.Out, out.spec())
		if n.call.Op.View == nil {
			g.Bytes += out.NumEl() * out.dtype.Size()
		}
	}
	return g
}

func (t *Tensor) spec() Spec { return Spec{t.dtype, t.Shape()} }

// String returns the shape, with the data type in front if it isn't float32.
func (s Spec) String() string {
	if s.DType == Float32 {
		return ShapeString(s.Shape)
	}
	return s.DType.String() + ShapeString(s.Shape)
}

// LabelGraph notes layer, a path such as "encoder.fc1", on the recorded operations between from and the tensors upTo that have
// no layer yet: those that a layer has just computed from the inputs upTo. Label inner layers before outer ones.
func LabelGraph(layer string, from *Tensor, upTo ...*Tensor) {
	stop := map[*node]bool{nil: true}
	for _, t := range upTo {
		if t != nil {
			stop[t.node] = true
		}
	}
	walk := []*Tensor{from}
	for len(walk) > 0 {
		t := walk[len(walk)-1]
		walk = walk[:len(walk)-1]
		if t == nil || stop[t.node] {
			continue
		}
		stop[t.node] = true
		if t.node.layer == "" {
			t.node.layer = layer
		}
		if t.node.call != nil {
			walk = append(walk, t.node.call.In...)
		}
	}
}

// FirstNonFinite returns the first of the operations in [Graph](t) with a NaN or infinite output though all its inputs are
// finite: where a computation went wrong. ok is false if there is none, because all is finite or because a leaf or constant isn't.
func FirstNonFinite(t *Tensor) (n GraphNode, ok bool) {
	order, index := recorded("first non finite", t)
	good := map[*Tensor]bool{}
	finite := func(x *Tensor) bool {
		is, known := good[x]
		if !known {
			is = !x.dtype.IsFloat() || x.Detach().IsFinite().AllAxes(false).Item() == 1
			good[x] = is
		}
		return is
	}
	for i, n := range order {
		c := n.call
		if !slices.ContainsFunc(c.Out, func(x *Tensor) bool { return !finite(x) }) {
			continue
		}
		if !slices.ContainsFunc(c.In, func(x *Tensor) bool { return !finite(x) }) {
			return n.describe(i, index), true
		}
	}
	return GraphNode{}, false
}

// GraphText returns [Graph](t) as a table: number, layer, operation, where its inputs come from (numbers of operations, leaves
// and constants by their shape), shape and memory of the output; and the sum of the memory.
func GraphText(t *Tensor) string {
	rows := [][]string{{"#", "layer", "operation", "from", "result", "memory"}}
	total := 0
	nodes := Graph(t)
	for _, n := range nodes {
		var from, out []string
		for i, in := range n.In {
			switch {
			case n.From[i] >= 0:
				from = append(from, fmt.Sprintf("#%d", n.From[i]))
			case n.Leaf[i]:
				from = append(from, "leaf "+in.String())
			default:
				from = append(from, in.String())
			}
		}
		for _, o := range n.Out {
			out = append(out, o.String())
		}
		total += n.Bytes
		rows = append(rows, []string{fmt.Sprint(n.Order), n.Layer, strings.TrimSpace(n.Op + " " + n.Attrs), strings.Join(from, ", "), strings.Join(out, ", "), byteText(n.Bytes)})
	}
	var b strings.Builder
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 || i == len(r)-1 { // numbers to the right
				line += pad + cell + "  "
			} else {
				line += cell + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	fmt.Fprintf(&b, "%d operations, %s\n", len(nodes), byteText(total))
	return b.String()
}

// byteText writes a number of bytes in binary units.
func byteText(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// DOT returns [Graph](t) in Graphviz's language: operations as boxes with the shape and memory of their result, framed by
// layer, leaves as ellipses. Draw it with dot -Tsvg.
func DOT(t *Tensor) string {
	order, index := recorded("dot", t)
	var b strings.Builder
	b.WriteString("digraph gradus {\n\tnode [fontname=\"Helvetica\", shape=box]\n")
	byLayer := map[string][]int{}
	var layers []string
	for i, n := range order {
		if byLayer[n.layer] == nil {
			layers = append(layers, n.layer)
		}
		byLayer[n.layer] = append(byLayer[n.layer], i)
	}
	for k, layer := range layers {
		indent := "\t"
		if layer != "" {
			fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tlabel=%q\n", k, layer)
			indent = "\t\t"
		}
		for _, i := range byLayer[layer] {
			n := order[i].describe(i, index)
			label := n.Op
			for _, o := range n.Out {
				label += "\n" + o.String()
			}
			if n.Bytes > 0 {
				label += "\n" + byteText(n.Bytes)
			}
			fmt.Fprintf(&b, "%sn%d [label=%q]\n", indent, i, label)
		}
		if layer != "" {
			b.WriteString("\t}\n")
		}
	}
	leaves := map[*Tensor]int{}
	for i, n := range order {
		for _, in := range n.call.In {
			switch {
			case in.node != nil:
				fmt.Fprintf(&b, "\tn%d -> n%d [label=%q]\n", index[in.node], i, in.spec())
			default:
				k, seen := leaves[in]
				if !seen {
					k = len(leaves)
					leaves[in] = k
					style := "dashed"
					if in.leaf {
						style = "filled"
					}
					fmt.Fprintf(&b, "\tx%d [label=%q, shape=ellipse, style=%s]\n", k, in.spec(), style)
				}
				fmt.Fprintf(&b, "\tx%d -> n%d\n", k, i)
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}
