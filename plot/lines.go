package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

// Lines draws one or several panels of curves, points or bars side by side, at
// most three in a row.
type Lines struct {
	Title  string
	Panels []Panel
	// Width and Height are the size of each panel in points, its labels
	// included; 0 means 440 and 320.
	Width, Height int
}

// A Panel is one coordinate system.
type Panel struct {
	Title string
	X, Y  string // labels of the axes
	// Series are drawn in this order, later ones over earlier ones.
	Series []Series
	// LogX and LogY make an axis logarithmic. Values of 0 and below are then
	// gaps, as NaN is.
	LogX, LogY bool
	// XRange and YRange are the lowest and highest value shown; what lies
	// outside is cut off. Two equal values mean all that there is (for Y: within
	// XRange).
	XRange, YRange [2]float64
}

// A Series is a row of points of one kind.
type Series struct {
	Name string // in the legend; not listed there if empty
	// X and Y hold the points. X may be nil: the points are then at 1, 2, 3, …,
	// as epochs count. NaN, infinities and values beyond ±1e300 leave a gap.
	// Draw panics if X is neither nil nor as long as Y.
	X, Y  []float64
	Style Style
	// Colour is, if nil, the next one of a palette that the colour-blind can
	// tell apart.
	Colour color.Color
}

// A Style is the way a series is drawn.
type Style int

const (
	Line   Style = iota // a line through the points; a point alone is a dot
	Marked              // a line with a dot at each point
	Dashed              // a broken line
	Points              // dots only
	Bars                // a bar from 0 to each point, as wide as the points' least distance
)

// Draw returns the picture. Without any panel it shows the title alone.
func (l Lines) Draw() image.Image {
	w, h := 440.0, 320.0
	if l.Width > 0 {
		w = float64(max(160, l.Width))
	}
	if l.Height > 0 {
		h = float64(max(120, l.Height))
	}
	columns := max(1, min(3, len(l.Panels)))
	if len(l.Panels) == 4 {
		columns = 2
	}
	rows := (len(l.Panels) + columns - 1) / columns
	top := 8.0
	if l.Title != "" {
		top = 34
	}
	c := newCanvas(w*float64(columns), top+h*float64(rows))
	c.title(l.Title)
	for i, p := range l.Panels {
		p.draw(c, box{w * float64(i%columns), top + h*float64(i/columns), w, h})
	}
	return c.img
}

// title writes the picture's title at its top.
func (c *canvas) title(s string) {
	style := textStyle{size: titleSize, bold: true, col: inkColour, right: 0.5}
	c.text(c.w/2, 20, c.fonts.fit(s, c.w-16, style), style)
}

// draw draws the panel with its labels into b.
func (p Panel) draw(c *canvas, b box) {
	series := p.prepare()
	x, y := p.axes(series)
	tick := textStyle{size: tickSize, col: paleColour}

	// Margins first: the tick labels decide how much room is left.
	area := box{x: b.x + 14, y: b.y + 4, w: b.w - 14 - 18, h: b.h - 4 - 28}
	if p.Y != "" {
		area.x, area.w = area.x+16, area.w-16
	}
	if p.X != "" {
		area.h -= 18
	}
	if p.Title != "" {
		area.y, area.h = area.y+22, area.h-22
	}
	yTicks, yLabels := y.ticks(max(2, int(area.h/42)))
	wide := c.fonts.widest(yLabels, tick) + 6
	height := p.legend(c, series, box{area.x + wide, area.y, area.w - wide, 0})
	area.y, area.h = area.y+height+6, area.h-height-6
	if height > 0 { // there is less room for ticks now
		yTicks, yLabels = y.ticks(max(2, int(area.h/42)))
		wide = c.fonts.widest(yLabels, tick) + 6
	}
	area.x, area.w = area.x+wide, area.w-wide
	xTicks, xLabels := fitTicks(c, x, area.w, tick)

	for _, v := range xTicks {
		c.rule(area.x+area.w*x.at(v), area.y, area.x+area.w*x.at(v), area.y+area.h, 0.5, gridColour)
	}
	for _, v := range yTicks {
		c.rule(area.x, area.y+area.h*(1-y.at(v)), area.x+area.w, area.y+area.h*(1-y.at(v)), 0.5, gridColour)
	}
	for _, s := range series {
		s.draw(c, area, x, y)
	}
	c.rule(area.x, area.y, area.x, area.y+area.h, 0.5, axisColour)
	c.rule(area.x, area.y+area.h, area.x+area.w, area.y+area.h, 0.5, axisColour)

	for i, v := range xTicks {
		at := area.x + area.w*x.at(v)
		c.rule(at, area.y+area.h, at, area.y+area.h+3, 0.5, axisColour)
		c.text(at, area.y+area.h+12, xLabels[i], textStyle{size: tickSize, col: paleColour, right: 0.5})
	}
	for i, v := range yTicks {
		at := area.y + area.h*(1-y.at(v))
		c.rule(area.x-3, at, area.x, at, 0.5, axisColour)
		c.text(area.x-6, at, yLabels[i], textStyle{size: tickSize, col: paleColour, right: 1})
	}
	label := textStyle{size: labelSize, col: inkColour, right: 0.5}
	c.text(area.x+area.w/2, area.y+area.h+29, c.fonts.fit(p.X, area.w, label), label)
	if p.Y != "" {
		c.textUp(b.x+16, area.y+area.h/2, c.fonts.fit(p.Y, b.h-20, label), label)
	}
	heading := textStyle{size: headingSize, bold: true, col: inkColour, right: 0.5}
	c.text(area.x+area.w/2, b.y+12, c.fonts.fit(p.Title, area.w, heading), heading)
}

// fitTicks returns as many ticks as have room for their labels side by side.
func fitTicks(c *canvas, a axis, width float64, style textStyle) (values []float64, labels []string) {
	for want := max(2, int(width/45)); ; want-- {
		values, labels = a.ticks(want)
		if want <= 1 || c.fonts.widest(labels, style)+12 <= width/float64(max(1, len(labels))) {
			return values, labels
		}
	}
}

// prepare fills in what the caller left out: X and colours.
func (p Panel) prepare() []Series {
	series := slices.Clone(p.Series)
	for i := range series {
		s := &series[i]
		if s.X == nil {
			s.X = make([]float64, len(s.Y))
			for k := range s.X {
				s.X[k] = float64(k + 1)
			}
		}
		if len(s.X) != len(s.Y) {
			panic(fmt.Sprintf("plot.Lines: series %q has %d x values and %d y values; give one x for each y, or none", s.Name, len(s.X), len(s.Y)))
		}
		if s.Colour == nil {
			col, again := palette(i)
			s.Colour = col
			if again && s.Style == Line {
				s.Style = Dashed
			}
		}
	}
	return series
}

// axes returns the axes that show every point.
func (p Panel) axes(series []Series) (x, y axis) {
	none := axis{lo: math.Inf(1), hi: math.Inf(-1), integer: true}
	x, y = none, none
	x.log, y.log = p.LogX, p.LogY
	for _, s := range series {
		half := 0.0
		if s.Style == Bars {
			half = s.barWidth() / 2
		}
		for i := range s.Y {
			if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
				continue
			}
			if p.XRange[0] < p.XRange[1] && (s.X[i] < p.XRange[0] || s.X[i] > p.XRange[1]) {
				continue
			}
			x.lo, x.hi = min(x.lo, s.X[i]-half), max(x.hi, s.X[i]+half)
			if x.log && x.lo <= 0 {
				x.lo = s.X[i]
			}
			y.lo, y.hi = min(y.lo, s.Y[i]), max(y.hi, s.Y[i])
			if s.Style == Bars && !y.log {
				y.lo, y.hi = min(y.lo, 0), max(y.hi, 0)
			}
			x.integer = x.integer && s.X[i] == math.Trunc(s.X[i]) && s.Style != Bars
			y.integer = y.integer && s.Y[i] == math.Trunc(s.Y[i]) && s.Style == Bars
		}
	}
	finish := func(a axis, fixed [2]float64, margin float64) axis {
		given := fixed[0] < fixed[1] && a.shows(fixed[0]) && a.shows(fixed[1])
		switch {
		case given:
			a.lo, a.hi = fixed[0], fixed[1]
			return a
		case a.lo > a.hi && a.log: // nothing to show
			a.lo, a.hi = 1, 10
			return a
		case a.lo > a.hi:
			a.lo, a.hi, a.integer = 0, 1, false
			return a
		}
		return a.widen(margin)
	}
	bottom := y.lo
	x, y = finish(x, p.XRange, 0.02), finish(y, p.YRange, 0.05)
	if bottom == 0 && !y.log && p.YRange[0] == p.YRange[1] && slices.ContainsFunc(series, func(s Series) bool { return s.Style == Bars }) {
		y.lo = 0 // bars stand on the axis
	}
	return x, y
}

// legend lists the named series in lines of width b.w from (b.x, b.y) on and
// returns the height it takes.
func (p Panel) legend(c *canvas, series []Series, b box) (height float64) {
	style := textStyle{size: tickSize, col: inkColour}
	const swatch, gap, row = 18.0, 14.0, 15.0
	x, y := 0.0, row/2
	for _, s := range series {
		if s.Name == "" {
			continue
		}
		name := c.fonts.fit(s.Name, b.w-swatch-6, style)
		w := swatch + 5 + c.fonts.width(name, style)
		if x > 0 && x+w > b.w {
			x, y = 0, y+row
		}
		s.sample(c, vec{b.x + x, b.y + y}, swatch)
		c.text(b.x+x+swatch+5, b.y+y, name, style)
		x += w + gap
		height = y + row/2
	}
	return height
}
