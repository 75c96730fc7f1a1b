package plot

import (
	"image/color"
	"math"
	"slices"
)

const (
	lineWidth  = 1.6
	markRadius = 2.6
)

// draw draws the series into the panel's area.
func (s Series) draw(c *canvas, area box, x, y axis) {
	place := func(i int) (vec, bool) {
		if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
			return vec{}, false
		}
		return vec{area.x + area.w*x.at(s.X[i]), area.y + area.h*(1-y.at(s.Y[i]))}, true
	}
	switch s.Style {
	case Bars:
		s.bars(c, area, x, y)
	case Points:
		s.dots(c, area, place, 0)
	default:
		for from := 0; from < len(s.Y); {
			var run []vec // up to the next gap
			to := from
			for ; to < len(s.Y); to++ {
				at, ok := place(to)
				if !ok {
					break
				}
				run = append(run, at)
			}
			width := lineWidth
			if float64(len(run)) > area.w*density { // noise, most likely
				width /= 2
			}
			for _, piece := range clip(thin(run), area) {
				c.stroke(piece, width, s.dash(), s.Colour)
			}
			if len(run) == 1 && s.Style != Marked { // a line of no length
				s.dots(c, area, func(int) (vec, bool) { return run[0], true }, 1)
			}
			from = to + 1
		}
		if s.Style == Marked {
			s.dots(c, area, place, 0)
		}
	}
}

// sample draws the legend's sign of the series, width points from at on.
func (s Series) sample(c *canvas, at vec, width float64) {
	if s.Style == Bars {
		c.fill(box{at.x + 4, at.y - 4, width - 8, 8}, s.Colour)
		return
	}
	if s.Style != Points {
		c.stroke([]vec{{at.x + 1, at.y}, {at.x + width - 1, at.y}}, lineWidth, s.dash(), s.Colour)
	}
	if s.Style == Points || s.Style == Marked {
		c.polygons([][]vec{disc(vec{at.x + width/2, at.y}, markRadius)}, s.Colour)
	}
}

// dash returns the length of the line's dashes, 0 for an unbroken line.
func (s Series) dash() float64 {
	if s.Style == Dashed {
		return 5
	}
	return 0
}

// dots draws a dot at each place inside area; of the first n only, if n > 0.
func (s Series) dots(c *canvas, area box, place func(int) (vec, bool), n int) {
	if n == 0 {
		n = len(s.Y)
	}
	radius, col := markRadius, s.Colour
	if s.Style == Points {
		// Many dots are smaller and let others shine through, so that
		// crowds stay visible.
		opaque := 0.8
		switch {
		case n > 2000:
			radius, opaque = 1.5, 0.4
		case n > 300:
			radius, opaque = 2, 0.6
		}
		solid := color.NRGBAModel.Convert(s.Colour).(color.NRGBA)
		solid.A = uint8(float64(solid.A) * opaque)
		col = solid
	}
	for i := range n {
		at, ok := place(i)
		if ok && at.x >= area.x-0.5 && at.x <= area.x+area.w+0.5 && at.y >= area.y-0.5 && at.y <= area.y+area.h+0.5 {
			c.polygons([][]vec{disc(at, radius)}, col)
		}
	}
}

// barWidth returns the least distance of neighbouring points: 1 if there is none.
func (s Series) barWidth() float64 {
	xs := make([]float64, 0, len(s.X))
	for _, x := range s.X {
		if drawable(x) {
			xs = append(xs, x)
		}
	}
	slices.Sort(xs)
	width := math.Inf(1)
	for i := 1; i < len(xs); i++ {
		if d := xs[i] - xs[i-1]; d > 0 {
			width = min(width, d)
		}
	}
	if math.IsInf(width, 1) {
		return 1
	}
	return width
}

func (s Series) bars(c *canvas, area box, x, y axis) {
	half := s.barWidth() / 2
	foot := 0.0 // the bars' lower end on the axis
	if !y.log {
		foot = min(1, max(0, y.at(0)))
	}
	for i := range s.Y {
		if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
			continue
		}
		left := s.X[i] - half
		if x.log {
			left = max(left, x.lo)
		}
		x0, x1 := max(0, x.at(left)), min(1, x.at(s.X[i]+half))
		top := min(1, max(0, y.at(s.Y[i])))
		b := box{area.x + area.w*x0, area.y + area.h*(1-max(top, foot)), area.w * (x1 - x0), area.h * math.Abs(top-foot)}
		if b.w <= 0 || top == foot {
			continue
		}
		if b.w > 3 { // a hair between the bars
			b.x, b.w = b.x+0.25, b.w-0.5
		}
		c.fill(b, s.Colour)
	}
}

// thin drops points that can't be seen: of all that fall into one column of
// pixels it keeps the first, lowest, highest and last. Lines that turn back, or
// that have no more points than columns, stay as they are.
func thin(points []vec) []vec {
	if len(points) < 3 {
		return points
	}
	for i := 1; i < len(points); i++ {
		if points[i].x < points[i-1].x {
			return points
		}
	}
	var kept []vec
	for from := 0; from < len(points); {
		to, low, high := from, from, from
		column := math.Floor(points[from].x * density)
		for ; to < len(points) && math.Floor(points[to].x*density) == column; to++ {
			if points[to].y < points[low].y {
				low = to
			}
			if points[to].y > points[high].y {
				high = to
			}
		}
		last := -1
		for _, i := range []int{from, min(low, high), max(low, high), to - 1} {
			if i != last {
				kept = append(kept, points[i])
			}
			last = i
		}
		from = to
	}
	return kept
}

// clip returns the parts of the line through points that lie in area.
func clip(points []vec, area box) [][]vec {
	var parts [][]vec
	var part []vec
	for i := 1; i < len(points); i++ {
		a, b, ok := clipSegment(points[i-1], points[i], area)
		if !ok {
			continue
		}
		if len(part) == 0 || part[len(part)-1] != a {
			if len(part) > 0 {
				parts = append(parts, part)
			}
			part = []vec{a}
		}
		part = append(part, b)
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// clipSegment cuts the segment from a to b to area (Liang and Barsky 1984).
func clipSegment(a, b vec, area box) (vec, vec, bool) {
	enter, leave := 0.0, 1.0
	dx, dy := b.x-a.x, b.y-a.y
	for _, edge := range [4][2]float64{ // speed across the edge, room before it
		{-dx, a.x - area.x}, {dx, area.x + area.w - a.x},
		{-dy, a.y - area.y}, {dy, area.y + area.h - a.y},
	} {
		speed, room := edge[0], edge[1]
		switch {
		case speed == 0 && room < 0:
			return a, b, false
		case speed < 0:
			enter = max(enter, room/speed)
		case speed > 0:
			leave = min(leave, room/speed)
		}
	}
	if enter > leave {
		return a, b, false
	}
	from, to := a, b
	if enter > 0 {
		from = vec{a.x + enter*dx, a.y + enter*dy}
	}
	if leave < 1 {
		to = vec{a.x + leave*dx, a.y + leave*dy}
	}
	return from, to, true
}
