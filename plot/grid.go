package plot

import (
	"image"
	"image/color"
	"math"
	"strings"
)

// Grid draws images in rows and columns, each with a caption: predictions,
// samples of a data set, filters, feature maps.
type Grid struct {
	Title   string
	Cells   []Cell
	Columns int // 0 makes a grid about half as wide again as high
	// Size is the greatest width and height of an image in points; 0 means 56.
	// Smaller images grow by a whole factor, so that each of their pixels is a
	// sharp square, the same factor for all. An image of more than twice the size
	// in pixels shrinks by a whole factor.
	Size int
	// Below puts the captions below the images rather than above.
	Below bool
}

// A Cell is one image of a Grid.
type Cell struct {
	Image   image.Image // nil leaves the place empty
	Caption string      // may have several lines, parted by \n
	// Colour is that of the caption and of a frame around the image: nil for
	// dark text and a thin grey frame.
	Colour color.Color
}

// Draw returns the picture. Without cells it shows the title alone.
func (g Grid) Draw() image.Image {
	size := g.Size
	if size <= 0 {
		size = 56
	}
	cells := make([]Cell, len(g.Cells))
	largest, lines := 1, 0
	for i, cell := range g.Cells {
		if cell.Image != nil && cell.Image.Bounds().Empty() {
			cell.Image = nil
		}
		if cell.Image != nil {
			cell.Image = shrink(cell.Image, size*density)
			largest = max(largest, cell.Image.Bounds().Dx(), cell.Image.Bounds().Dy())
		}
		if cell.Caption != "" {
			lines = max(lines, 1+strings.Count(cell.Caption, "\n"))
		}
		cells[i] = cell
	}
	scale := max(1, size*density/largest)

	const gap, row = 10.0, 12.5
	c := newCanvas(1, 1) // to measure captions with
	style := textStyle{size: tickSize, col: inkColour, right: 0.5}
	wide, high := 0.0, 0.0 // of the largest image, in points
	caption := 0.0
	for _, cell := range cells {
		if cell.Image != nil {
			wide = max(wide, float64(cell.Image.Bounds().Dx()*scale)/density)
			high = max(high, float64(cell.Image.Bounds().Dy()*scale)/density)
		}
		caption = max(caption, c.fonts.widest(strings.Split(cell.Caption, "\n"), style))
	}
	width := max(wide, min(caption, max(110, 2*wide)))
	height := high + row*float64(lines)
	columns := g.Columns
	if columns <= 0 {
		columns = int(math.Ceil(math.Sqrt(1.5 * float64(len(cells)) * height / max(1, width))))
	}
	columns = max(1, min(columns, len(cells)))
	rows := (len(cells) + columns - 1) / columns

	left, top := 14.0, 14.0
	if g.Title != "" {
		top = 38
	}
	total := 2*left - gap + (width+gap)*float64(columns)
	if title := min(600, c.fonts.width(g.Title, textStyle{size: titleSize, bold: true})+32); title > total {
		left, total = left+(title-total)/2, title
	}
	c = newCanvas(total, top+(height+gap)*float64(rows)+4)
	c.title(g.Title)
	for i, cell := range cells {
		x := left + (width+gap)*float64(i%columns)
		y := top + (height+gap)*float64(i/columns)
		cell.draw(c, box{x, y, width, high}, lines, row, scale, g.Below)
	}
	return c.img
}

// draw draws one cell: an image area as large as b, and lines of row points for
// the caption above or below it.
func (cell Cell) draw(c *canvas, b box, lines int, row float64, scale int, below bool) {
	style := textStyle{size: tickSize, col: inkColour, right: 0.5}
	frame := color.Color(axisColour)
	thickness := 0.5
	if cell.Colour != nil {
		style.col, frame, thickness = cell.Colour, cell.Colour, 1.5
	}
	text := strings.Split(cell.Caption, "\n")
	first := b.y + row*(float64(lines-len(text))+0.4) // the last line stands next to the image
	if below {
		first = b.y + b.h + row*0.75
	} else {
		b.y += row * float64(lines)
	}
	for i, line := range text {
		c.text(b.x+b.w/2, first+row*float64(i), c.fonts.fit(line, b.w+6, style), style)
	}
	if cell.Image == nil {
		return
	}
	w := float64(cell.Image.Bounds().Dx()*scale) / density
	h := float64(cell.Image.Bounds().Dy()*scale) / density
	x, y := math.Round(b.x+(b.w-w)/2), math.Round(b.y+(b.h-h)/2)
	c.fill(box{x - thickness, y - thickness, w + 2*thickness, h + 2*thickness}, frame)
	c.paste(cell.Image, x, y, scale)
}

// shrink returns img with squares of its pixels averaged until neither side is
// longer than size.
func shrink(img image.Image, size int) image.Image {
	b := img.Bounds()
	k := (max(b.Dx(), b.Dy()) + size - 1) / size
	if k <= 1 {
		return img
	}
	small := image.NewRGBA64(image.Rect(0, 0, max(1, b.Dx()/k), max(1, b.Dy()/k)))
	for y := range small.Bounds().Dy() {
		for x := range small.Bounds().Dx() {
			var sum [4]uint64
			n := uint64(0)
			for j := y * k; j < min((y+1)*k, b.Dy()); j++ {
				for i := x * k; i < min((x+1)*k, b.Dx()); i++ {
					r, g, bl, a := img.At(b.Min.X+i, b.Min.Y+j).RGBA()
					sum[0], sum[1], sum[2], sum[3] = sum[0]+uint64(r), sum[1]+uint64(g), sum[2]+uint64(bl), sum[3]+uint64(a)
					n++
				}
			}
			small.SetRGBA64(x, y, color.RGBA64{uint16(sum[0] / n), uint16(sum[1] / n), uint16(sum[2] / n), uint16(sum[3] / n)})
		}
	}
	return small
}
