package nn

import (
	"fmt"
	"slices"
	"strings"
	"weak"

	"github.com/gradus-ml/gradus/tensor"
)

// MultAdder is a layer that knows how many multiply-add operations one run takes, for inputs of shape x and outputs of shape y.
type MultAdder interface {
	MultAdds(x, y []int) int
}

// MultAdds returns one for each weight and output position.
func (l *Linear) MultAdds(_, y []int) int { return product(y) * l.Weight.shape[1] }

// MultAdds returns one for each weight and output position.
func (l *Conv2D) MultAdds(_, y []int) int { return product(y) * product(l.Weight.shape[1:]) }

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// SummaryTable is what [Summary] finds: a row for each layer, and totals.
type SummaryTable struct {
	Input     []int
	Output    []int // shape of what the model returns
	Rows      []SummaryRow
	Params    int // of the whole model, trainable
	Frozen    int // parameters that aren't trained
	MultAdds  int // of one run
	Activated int // elements of all layers' outputs

	fields bool // some layer sees more than one place
}

// SummaryRow describes one layer.
type SummaryRow struct {
	Path     string // such as "features.0"
	Layer    string // such as "Conv2D(1, 6, 5×5)"
	Output   []int
	Params   int // of this layer alone, buffers not counted
	MultAdds int
	Field    *ReceptiveField // what of the input its units see; nil before there are axes after the channels
}

// Summary runs model once on float32 zeros of the given shape, batch size first, and returns what each layer did. The model needs no
// values: zeros stand for those it hasn't got, so Init isn't needed, and isn't done.
//
// A multiply-add is counted for each weight and place where it is used. Other tools, such as torchinfo, add one for each bias.
func Summary(model Layer, input ...int) *SummaryTable {
	return SummaryOf(model, tensor.Zeros(tensor.Float32, input...))
}

// SummaryOf is [Summary] for an input of another data type, such as the indices of an [Embedding].
func SummaryOf(model Layer, x *tensor.Tensor) *SummaryTable {
	t := &SummaryTable{Input: x.Shape()}
	var given []*Param
	walkParams(model, func(_ string, p *Param) {
		if !p.buffer {
			if p.frozen {
				t.Frozen += p.NumEl()
			} else {
				t.Params += p.NumEl()
			}
		}
		if p.value == nil {
			given = append(given, p)
		}
	})
	c := Eval()
	c.given = map[*Param]*tensor.Tensor{}
	for _, p := range given {
		c.given[p] = tensor.Zeros(p.dtype, p.shape...)
	}
	graph := &fieldGraph{known: map[weak.Pointer[tensor.Tensor]]int{}}
	c.Hook(func(path string, l Layer, x, y *tensor.Tensor) {
		field := graph.field(path, l, x, y)
		if hasChildren(l) {
			return
		}
		row := SummaryRow{Path: path, Layer: describe(l), Output: y.Shape(), Field: field}
		l.Visit(&Visitor{param: func(_ string, p *Param) {
			if !p.buffer {
				row.Params += p.NumEl()
			}
		}})
		if m, ok := l.(MultAdder); ok {
			row.MultAdds = m.MultAdds(x.Shape(), y.Shape())
		}
		t.MultAdds += row.MultAdds
		t.Activated += y.NumEl()
		t.Rows = append(t.Rows, row)
	})
	t.Output = c.Run(model, x).Shape()
	t.fields = graph.used
	return t
}

func hasChildren(l Layer) bool {
	has := false
	l.Visit(&Visitor{layer: func(string, Layer) { has = true }})
	return has
}

// String writes the table. Where there are convolutions or pooling, a column says what a unit of each layer sees: see [ReceptiveField].
func (t *SummaryTable) String() string {
	rows := [][]string{{"layer", "", "output", "parameters", "mult-adds"}}
	for _, r := range t.Rows {
		rows = append(rows, []string{r.Path, r.Layer, tensor.ShapeString(r.Output), count(r.Params), count(r.MultAdds)})
	}
	if t.fields {
		rows[0] = slices.Insert(rows[0], 3, "sees")
		for i, r := range t.Rows {
			rows[i+1] = slices.Insert(rows[i+1], 3, r.Field.String())
		}
	}
	columns := len(rows[0])
	widths := make([]int, columns)
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	rule := func() {
		n := 2 * (columns - 1)
		for _, w := range widths {
			n += w
		}
		b.WriteString(strings.Repeat("─", n) + "\n")
	}
	fmt.Fprintf(&b, "input %s\n", tensor.ShapeString(t.Input))
	rule()
	for i, r := range rows {
		for k, cell := range r {
			pad := strings.Repeat(" ", widths[k]-len([]rune(cell)))
			if k > 0 {
				b.WriteString("  ")
			}
			if k >= columns-2 {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		b.WriteByte('\n')
		if i == 0 {
			rule()
		}
	}
	rule()
	fmt.Fprintf(&b, "parameters %s", count(t.Params))
	if t.Frozen > 0 {
		fmt.Fprintf(&b, " and %s frozen", count(t.Frozen))
	}
	fmt.Fprintf(&b, " (%s); mult-adds %s; activations %s\n", bytesOf(4*(t.Params+t.Frozen)), count(t.MultAdds), bytesOf(4*t.Activated))
	return b.String()
}

// count writes a number with commas, "–" for none.
func count(n int) string {
	if n == 0 {
		return "–"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func bytesOf(n int) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
}
