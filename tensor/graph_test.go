package tensor_test

import (
	"math"
	"strings"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// network computes a scalar from leaves in two labelled layers.
func network() (x, w, hidden, loss *Tensor) {
	x = Ones(Float32, 4, 3)
	w = Full(Float32, 0.5, 3).RequireGrad()
	hidden = x.Mul(w).ReLU()
	LabelGraph("net.hidden", hidden, x)
	loss = hidden.T().Sum()
	LabelGraph("net", loss, x)
	return x, w, hidden, loss
}

func TestGraph(t *testing.T) {
	_, _, _, loss := network()
	g := Graph(loss)
	var got []string
	for i, n := range g {
		if n.Order != i {
			t.Errorf("node %d has order %d", i, n.Order)
		}
		got = append(got, n.Op+" "+n.Layer)
	}
	want := "mul net.hidden, relu net.hidden, permute net, sum net"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("nodes %s, want %s", s, want)
	}
	mul := g[0]
	if mul.From[0] != -1 || mul.Leaf[0] || !mul.Leaf[1] || mul.Bytes != 48 || mul.In[1].String() != "(3)" || mul.Out[0].String() != "(4, 3)" {
		t.Errorf("mul is %+v", mul)
	}
	if permute := g[2]; permute.Bytes != 0 || permute.From[0] != 1 || permute.Attrs != "[1 0]" {
		t.Errorf("permute is %+v", permute)
	}
	if n := len(Graph(Ones(Float32, 2))); n != 0 {
		t.Errorf("a constant has %d nodes", n)
	}
}

func TestGraphText(t *testing.T) {
	_, _, _, loss := network()
	want := strings.Join([]string{
		`#  layer       operation      from              result  memory`,
		`0  net.hidden  mul            (4, 3), leaf (3)  (4, 3)    48 B`,
		`1  net.hidden  relu           #0                (4, 3)    48 B`,
		`2  net         permute [1 0]  #1                (3, 4)     0 B`,
		`3  net         sum [0 1]      #2                ()         4 B`,
		`4 operations, 100 B`, ``}, "\n")
	if got := GraphText(loss); got != want {
		t.Errorf("table is\n%s\nwant\n%s", got, want)
	}
}

func TestDOT(t *testing.T) {
	_, _, _, loss := network()
	want := `digraph gradus {
	node [fontname="Helvetica", shape=box]
	subgraph cluster_0 {
		label="net.hidden"
		n0 [label="mul\n(4, 3)\n48 B"]
		n1 [label="relu\n(4, 3)\n48 B"]
	}
	subgraph cluster_1 {
		label="net"
		n2 [label="permute\n(3, 4)"]
		n3 [label="sum\n()\n4 B"]
	}
	x0 [label="(4, 3)", shape=ellipse, style=dashed]
	x0 -> n0
	x1 [label="(3)", shape=ellipse, style=filled]
	x1 -> n0
	n0 -> n1 [label="(4, 3)"]
	n1 -> n2 [label="(4, 3)"]
	n2 -> n3 [label="(3, 4)"]
}
`
	if got := DOT(loss); got != want {
		t.Errorf("DOT is\n%s\nwant\n%s", got, want)
	}
}

func TestGraphAfterBackwardSaysSo(t *testing.T) {
	_, _, _, loss := network()
	loss.Backward()
	for _, f := range []func(){func() { Graph(loss) }, func() { GraphText(loss) }, func() { DOT(loss) }, func() { FirstNonFinite(loss) }} {
		checkRejected(t, rejected{"freed by a backward pass; look at it before Backward", f})
	}
}

func TestFirstNonFinite(t *testing.T) {
	x := FromSlice([]float32{1, 0, 2}).RequireGrad()
	y := x.AddScalar(1).Mul(x).Log() // log 0 = −Inf
	LabelGraph("bad", y, x)
	loss := y.MulScalar(0).Sum() // 0 · −Inf = NaN, a consequence
	n, ok := FirstNonFinite(loss)
	if !ok || n.Op != "log" || n.Layer != "bad" || n.Order != 2 {
		t.Errorf("found %v %+v, want log in bad", ok, n)
	}
	if n, ok := FirstNonFinite(x.AddScalar(1).Sum()); ok {
		t.Errorf("found %+v where all is finite", n)
	}
	nan := FromSlice([]float32{1, float32(math.NaN())}).RequireGrad()
	if n, ok := FirstNonFinite(nan.Exp().Sum()); ok {
		t.Errorf("found %+v where the leaf is to blame", n)
	}
}
