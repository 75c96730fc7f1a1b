package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
)

// Heatmap draws a matrix as coloured cells with a colour bar.
type Heatmap struct {
	Title  string
	Values [][]float64 // rows of equal length; Draw panics otherwise. NaN shows grey.
	// Rows and Columns name the rows (at the left) and columns (below). Nil
	// leaves the names out; Draw panics if there are fewer or more than needed.
	Rows, Columns []string
	// RowTitle, ColumnTitle and Scale say what rows, columns and colours mean.
	RowTitle, ColumnTitle, Scale string
	// Low and High are the values at the ends of the colour scale. Two equal
	// values mean the least and the greatest of Values.
	Low, High float64
	// Diverging colours values around 0: blue below, white at 0, orange above.
	// High, or else the greatest magnitude, is then the end on both sides.
	Diverging bool
	// Root spreads the colours of small values: they follow the square root of
	// a value's distance from Low.
	Root bool
	// Text is written into the cells, shaped as Values is; nil writes the values
	// to three digits. Text that has no room, as beyond about 30 columns, is left
	// out in all cells.
	Text [][]string
	// Side is written at the right of each row, below SideTitle; nil for none.
	Side      []string
	SideTitle string
}

// Confusion draws a confusion matrix: counts[t][p] samples of class t were
// taken for class p. Colours show shares of the row, so that rare classes stand
// out as clearly as frequent ones, and by their root, so that errors do; cells hold the counts where there is room (up to
// about 30 classes), and at the side is each class's recall, the share of it
// that was recognised. classes are the names; nil numbers them from 0. It
// panics if counts is not square or the names are not as many.
func Confusion(counts [][]int, classes []string) image.Image {
	return confusion(counts, classes).Draw()
}

func confusion(counts [][]int, classes []string) Heatmap {
	n := len(counts)
	if classes == nil {
		for i := range n {
			classes = append(classes, strconv.Itoa(i))
		}
	}
	if len(classes) != n {
		panic(fmt.Sprintf("plot.Confusion: %d classes are named, but counts has %d rows", len(classes), n))
	}
	h := Heatmap{
		Rows: classes, Columns: classes, RowTitle: "true class", ColumnTitle: "predicted class",
		Scale: "share of the true class", High: 1, Root: true, SideTitle: "recall",
	}
	right, total := 0, 0
	for t, row := range counts {
		if len(row) != n {
			panic(fmt.Sprintf("plot.Confusion: row %d of counts has %d columns, expected %d: one for each class", t, len(row), n))
		}
		sum := 0
		for _, k := range row {
			sum += k
		}
		shares, text := make([]float64, n), make([]string, n)
		for p, k := range row {
			shares[p] = float64(k) / float64(sum) // NaN for a class without samples: grey
			if k != 0 {
				text[p] = strconv.Itoa(k)
			}
		}
		recall := "–"
		if sum > 0 {
			recall = percent(row[t], sum)
		}
		h.Values, h.Text, h.Side = append(h.Values, shares), append(h.Text, text), append(h.Side, recall)
		right, total = right+row[t], total+sum
	}
	h.Title = "Confusion matrix"
	if total > 0 {
		h.Title += fmt.Sprintf(": %s of %d right", percent(right, total), total)
	}
	return h
}

// percent writes k of n as 98.3 %; 100 % means all.
func percent(k, n int) string {
	if k == n {
		return "100 %"
	}
	return fmt.Sprintf("%.1f %%", math.Min(99.9, 100*float64(k)/float64(n)))
}

// check panics if the parts of h don't fit together.
func (h Heatmap) check() (rows, columns int) {
	rows = len(h.Values)
	if rows > 0 {
		columns = len(h.Values[0])
	}
	for i, row := range h.Values {
		if len(row) != columns {
			panic(fmt.Sprintf("plot.Heatmap: row %d has %d values, row 0 has %d; make all rows equally long", i, len(row), columns))
		}
	}
	for _, part := range []struct {
		name      string
		got, want int
	}{{"Rows", len(h.Rows), rows}, {"Columns", len(h.Columns), columns}, {"Side", len(h.Side), rows}, {"Text", len(h.Text), rows}} {
		if part.got != 0 && part.got != part.want {
			panic(fmt.Sprintf("plot.Heatmap: %s has %d entries, expected %d for a matrix of %d×%d", part.name, part.got, part.want, rows, columns))
		}
	}
	for i, row := range h.Text {
		if len(row) != columns {
			panic(fmt.Sprintf("plot.Heatmap: row %d of Text has %d entries, expected %d", i, len(row), columns))
		}
	}
	return rows, columns
}

// scale returns the colour scale: where a value is on it, 0 to 1, and the colour
// of each place.
func (h Heatmap) scale() (a axis, colour func(t float64) color.RGBA) {
	a = axis{root: h.Root && !h.Diverging, lo: math.Inf(1), hi: math.Inf(-1)}
	for _, row := range h.Values {
		for _, v := range row {
			if drawable(v) {
				a.lo, a.hi = min(a.lo, v), max(a.hi, v)
			}
		}
	}
	if a.lo > a.hi {
		a.lo, a.hi = 0, 1
	}
	if h.Low < h.High {
		a.lo, a.hi = h.Low, h.High
	}
	if h.Diverging {
		a.hi = max(math.Abs(a.lo), math.Abs(a.hi))
		a.lo = -a.hi
	}
	if a.lo == a.hi {
		a = a.widen(0)
	}
	if h.Diverging {
		return a, func(t float64) color.RGBA { return diverging(2*t - 1) }
	}
	return a, sequential
}

// Draw returns the picture.
func (h Heatmap) Draw() image.Image {
	rows, columns := h.check()
	scale, colour := h.scale()
	name := textStyle{size: tickSize, col: inkColour}
	c := newCanvas(1, 1) // to measure text with; the picture's size follows from it
	cell := max(5, min(52, 480/float64(max(1, rows, columns))))
	if wide := c.fonts.widest(h.Columns, name) + 8; wide > cell && wide*float64(columns) <= 640 && wide <= 80 {
		cell = wide // a little larger, and the names needn't be turned
	}

	// The matrix stands between its names at the left and the colour bar.
	area := box{x: 14, y: 12, w: cell * float64(columns), h: cell * float64(rows)}
	if h.Title != "" {
		area.y = 38
	}
	if h.Side != nil {
		area.y += 12
	}
	if h.RowTitle != "" {
		area.x += 18
	}
	rowNames := fitAll(c, h.Rows, 150, name)
	area.x += c.fonts.widest(rowNames, name) + 6
	columnNames, below := h.Columns, 8.0
	upright := c.fonts.widest(columnNames, name) > cell-4
	if upright {
		columnNames = fitAll(c, columnNames, 110, name)
		below += c.fonts.widest(columnNames, name)
	} else if len(columnNames) > 0 {
		below += 10
	}
	if h.ColumnTitle != "" {
		below += 17
	}
	right := 14.0
	if h.Side != nil {
		right += max(c.fonts.widest(h.Side, name), c.fonts.width(h.SideTitle, name)) + 8
	}
	bar := box{area.x + area.w + right, area.y, 11, max(area.h, 60)}
	_, barLabels := scale.ticks(5)
	width := bar.x + bar.w + 8 + c.fonts.widest(barLabels, name) + 10
	if h.Scale != "" {
		width += 18
	}
	height := area.y + max(area.h+below, bar.h) + 12
	if title := c.fonts.width(h.Title, textStyle{size: titleSize, bold: true}) + 32; title > width {
		shift := (min(title, 700) - width) / 2
		if shift > 0 {
			area.x, bar.x, width = area.x+shift, bar.x+shift, width+2*shift
		}
	}

	c = newCanvas(width, height)
	c.title(h.Title)
	h.cells(c, area, cell, scale, colour)
	every := max(1, int(math.Ceil(9/cell))) // small cells: not each has room for its name
	for i := 0; i < len(rowNames); i += every {
		c.text(area.x-6, area.y+cell*(float64(i)+0.5), rowNames[i], textStyle{size: tickSize, col: inkColour, right: 1})
	}
	for i := 0; i < len(columnNames); i += every {
		x := area.x + cell*(float64(i)+0.5)
		if upright {
			c.textUp(x, area.y+area.h+6, columnNames[i], textStyle{size: tickSize, col: inkColour, right: 1})
		} else {
			c.text(x, area.y+area.h+11, columnNames[i], textStyle{size: tickSize, col: inkColour, right: 0.5})
		}
	}
	for i := 0; i < len(h.Side); i += every {
		c.text(area.x+area.w+8, area.y+cell*(float64(i)+0.5), h.Side[i], textStyle{size: tickSize, col: paleColour})
	}
	if h.Side != nil {
		c.text(area.x+area.w+8, area.y-10, h.SideTitle, textStyle{size: tickSize, col: paleColour})
	}
	label := textStyle{size: labelSize, col: inkColour, right: 0.5}
	c.text(area.x+area.w/2, area.y+area.h+below-2, h.ColumnTitle, label)
	if h.RowTitle != "" {
		c.textUp(area.x-6-c.fonts.widest(rowNames, name)-14, area.y+area.h/2, c.fonts.fit(h.RowTitle, max(60, area.h), label), label)
	}
	h.bar(c, bar, scale, colour)
	return c.img
}

// fitAll shortens every text to width.
func fitAll(c *canvas, texts []string, width float64, style textStyle) []string {
	fitted := slices.Clone(texts)
	for i, s := range fitted {
		fitted[i] = c.fonts.fit(s, width, style)
	}
	return fitted
}

// cells draws the matrix itself.
func (h Heatmap) cells(c *canvas, area box, cell float64, scale axis, colour func(float64) color.RGBA) {
	text := h.Text
	if text == nil {
		for _, row := range h.Values {
			var line []string
			for _, v := range row {
				line = append(line, number(v))
			}
			text = append(text, line)
		}
	}
	style := textStyle{size: cellTextSize(c, text, cell), right: 0.5}
	hair := 0.0
	if cell >= 10 {
		hair = 0.5
	}
	for i, row := range h.Values {
		for j, v := range row {
			fill := colour(scale.at(max(-limit, min(limit, v))))
			c.fill(box{area.x + cell*float64(j), area.y + cell*float64(i), cell - hair, cell - hair}, fill)
			if style.size > 0 {
				style.col = readable(fill)
				c.text(area.x+cell*(float64(j)+0.5), area.y+cell*(float64(i)+0.5), text[i][j], style)
			}
		}
	}
	c.border(box{area.x, area.y, area.w - hair, area.h - hair}, 0.5, axisColour)
}

// cellTextSize returns the largest size at which every text fits its cell, or 0
// if that is too small to read.
func cellTextSize(c *canvas, text [][]string, cell float64) float64 {
	style := textStyle{size: min(11, cell*0.5)}
	if style.size < 5.5 {
		return 0
	}
	for _, line := range text {
		if wide := c.fonts.widest(line, style); wide > cell*0.9 {
			style.size = math.Floor(style.size*cell*0.9/wide*4) / 4
			if style.size < 5.5 {
				return 0
			}
		}
	}
	return style.size
}

// bar draws the colour bar with its ticks.
func (h Heatmap) bar(c *canvas, b box, a axis, colour func(float64) color.RGBA) {
	lines := int(b.h * density)
	for i := range lines {
		t := 1 - (float64(i)+0.5)/float64(lines)
		c.fill(box{b.x, b.y + float64(i)/density, b.w, 1.0 / density}, colour(t))
	}
	c.border(b, 0.5, axisColour)
	values, labels := a.ticks(5)
	style := textStyle{size: tickSize, col: paleColour}
	last := math.Inf(1)
	for i, v := range values {
		y := b.y + b.h*(1-a.at(v))
		c.rule(b.x+b.w, y, b.x+b.w+3, y, 0.5, axisColour)
		if last-y < style.size+1 { // no room
			continue
		}
		last = y
		c.text(b.x+b.w+6, y, labels[i], style)
	}
	if h.Scale != "" {
		c.textUp(b.x+b.w+8+c.fonts.widest(labels, style)+10, b.y+b.h/2, c.fonts.fit(h.Scale, b.h, style), textStyle{size: tickSize, col: inkColour, right: 0.5})
	}
}
