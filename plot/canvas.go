package plot

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// density is the number of pixels to the point, along each axis.
const density = 2

// A canvas draws on a picture in points. Coordinates grow to the right and
// downwards.
type canvas struct {
	img    *image.RGBA
	w, h   float64 // in points
	raster vector.Rasterizer
	fonts  faces
}

func newCanvas(w, h float64) *canvas {
	w, h = math.Ceil(w), math.Ceil(h)
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, int(w)*density, int(h)*density)), w: w, h: h}
	draw.Draw(c.img, c.img.Bounds(), image.White, image.Point{}, draw.Src)
	return c
}

// A box is a rectangle in points.
type box struct{ x, y, w, h float64 }

// pixels returns the pixels nearest to b.
func (b box) pixels() image.Rectangle {
	round := func(v float64) int { return int(math.Round(v * density)) }
	return image.Rect(round(b.x), round(b.y), round(b.x+b.w), round(b.y+b.h))
}

// fill paints the pixels nearest to b, edges sharp.
func (c *canvas) fill(b box, col color.Color) {
	draw.Draw(c.img, b.pixels(), image.NewUniform(col), image.Point{}, draw.Over)
}

// border draws the outline of b, centred on its edge.
func (c *canvas) border(b box, width float64, col color.Color) {
	c.rule(b.x, b.y, b.x+b.w, b.y, width, col)
	c.rule(b.x, b.y+b.h, b.x+b.w, b.y+b.h, width, col)
	c.rule(b.x, b.y, b.x, b.y+b.h, width, col)
	c.rule(b.x+b.w, b.y, b.x+b.w, b.y+b.h, width, col)
}

// rule draws a sharp horizontal or vertical line.
func (c *canvas) rule(x0, y0, x1, y1, width float64, col color.Color) {
	half := width / 2
	c.fill(box{x0 - half, y0 - half, x1 - x0 + width, y1 - y0 + width}, col)
}

// A vec is a place in points.
type vec struct{ x, y float64 }

// polygons paints the union of convex polygons, anti-aliased. All must wind the
// same way: the rasterizer adds up signed areas.
func (c *canvas) polygons(shapes [][]vec, col color.Color) {
	low, high := vec{math.Inf(1), math.Inf(1)}, vec{math.Inf(-1), math.Inf(-1)}
	for _, shape := range shapes {
		for _, p := range shape {
			low = vec{min(low.x, p.x), min(low.y, p.y)}
			high = vec{max(high.x, p.x), max(high.y, p.y)}
		}
	}
	if !(low.x < high.x && low.y < high.y) {
		return
	}
	// Rasterize the pixels around the shapes only: the cost is by area.
	x0, y0 := int(low.x*density)-1, int(low.y*density)-1
	x1, y1 := int(high.x*density)+2, int(high.y*density)+2
	c.raster.Reset(x1-x0, y1-y0)
	for _, shape := range shapes {
		for i, p := range shape {
			x, y := float32(p.x*density-float64(x0)), float32(p.y*density-float64(y0))
			if i == 0 {
				c.raster.MoveTo(x, y)
			} else {
				c.raster.LineTo(x, y)
			}
		}
		c.raster.ClosePath()
	}
	c.raster.Draw(c.img, image.Rect(x0, y0, x1, y1), image.NewUniform(col), image.Point{})
}

// disc returns a circle as a polygon.
func disc(at vec, radius float64) []vec {
	n := 8 + int(radius*4)
	points := make([]vec, n)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		points[i] = vec{at.x + radius*cos, at.y + radius*sin}
	}
	return points
}

// segment returns the line from a to b as a polygon that winds like disc's.
func segment(a, b vec, width float64) []vec {
	dx, dy := b.x-a.x, b.y-a.y
	scale := width / 2 / math.Hypot(dx, dy)
	nx, ny := dy*scale, -dx*scale
	return []vec{{a.x + nx, a.y + ny}, {b.x + nx, b.y + ny}, {b.x - nx, b.y - ny}, {a.x - nx, a.y - ny}}
}

// stroke draws a line through points with round ends and joints. With dash > 0
// it is broken into pieces of that length, gaps half as long.
func (c *canvas) stroke(points []vec, width, dash float64, col color.Color) {
	var shapes [][]vec
	add := func(a, b vec) {
		if a != b {
			shapes = append(shapes, segment(a, b, width))
		}
		shapes = append(shapes, disc(b, width/2))
	}
	if len(points) > 0 {
		shapes = append(shapes, disc(points[0], width/2))
	}
	walked := 0.0 // along the line, in dash periods' remainder
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if dash <= 0 || length == 0 {
			add(a, b)
			continue
		}
		at := func(s float64) vec { return vec{a.x + (b.x-a.x)*s/length, a.y + (b.y-a.y)*s/length} }
		for s := 0.0; s < length; {
			phase := math.Mod(walked, 1.5*dash)
			next := min(length, s+max(0.01, dash-phase))
			if phase >= dash {
				next = min(length, s+max(0.01, 1.5*dash-phase))
			} else {
				add(at(s), at(next))
			}
			walked += next - s
			s = next
		}
	}
	c.polygons(shapes, col)
}

// paste copies img with its upper left corner at (x, y), each of its pixels as
// a square of scale pixels.
func (c *canvas) paste(img image.Image, x, y float64, scale int) {
	b := img.Bounds()
	x0, y0 := int(math.Round(x*density)), int(math.Round(y*density))
	for j := range b.Dy() {
		for i := range b.Dx() {
			r := image.Rect(x0+i*scale, y0+j*scale, x0+(i+1)*scale, y0+(j+1)*scale)
			draw.Draw(c.img, r, image.NewUniform(img.At(b.Min.X+i, b.Min.Y+j)), image.Point{}, draw.Over)
		}
	}
}
