package detection

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Grid is YOLO's way to write the objects of an image as one tensor (Redmon et al., 2016; with anchors, Redmon and Farhadi, 2017; the
// worked example of Ng's course is a grid of 3×3 with 2 anchors and 3 classes, 3×3×2×8 numbers). The image is cut into Rows × Cols
// cells. An object belongs to the cell that its centre lies in, and there to the anchor whose shape is most like its own. What is
// written in that place is
//
//	(p_c, b_x, b_y, b_h, b_w, c₁, …, c_C)
//
// with p_c = 1, the centre (b_x, b_y) within the cell, from 0 at its upper left corner to 1 at the lower right one, height and width in
// heights and widths of a cell, which may be more than 1, and the class as 0s and a 1. All other places hold zeros.
//
// [Head] and [YOLO] are what one trains with: they write the same things as numbers that a network finds easier to give.
type Grid struct {
	Rows, Cols    int
	Height, Width float64      // of the image, in pixels
	Anchors       [][2]float64 // width and height of each, in pixels
	Classes       int
}

// Encode returns the target for an image's objects, Float32 (Rows, Cols, anchors, 5+Classes), and the objects that found no place
// because another of the same cell and anchor came first. Boxes are in pixels; an object whose centre lies outside of the image counts
// to the nearest cell. It panics if a class isn't one of the grid's.
func (g Grid) Encode(objects []box.Object) (y *tensor.Tensor, left []box.Object) {
	width := 5 + g.Classes
	cellW, cellH := g.Width/float64(g.Cols), g.Height/float64(g.Rows)
	v := make([]float32, g.Rows*g.Cols*len(g.Anchors)*width)
	for _, o := range objects {
		if o.Class < 0 || o.Class >= g.Classes {
			tensor.Fail("detection.Grid", "", "class %d isn't one of %d", o.Class, g.Classes)
		}
		x, y := o.Box.Center()
		x, y = x/cellW, y/cellH
		size := [2]float64{o.Box.Width(), o.Box.Height()}
		row, col := cell(y, g.Rows), cell(x, g.Cols)
		best, overlap := 0, -1.0
		for a, anchor := range g.Anchors {
			if s := box.SizeIoU(size, anchor); s > overlap {
				best, overlap = a, s
			}
		}
		at := v[((row*g.Cols+col)*len(g.Anchors)+best)*width:][:width]
		if at[0] != 0 {
			left = append(left, o)
			continue
		}
		at[0], at[1], at[2] = 1, float32(x-float64(col)), float32(y-float64(row))
		at[3], at[4], at[5+o.Class] = float32(size[1]/cellH), float32(size[0]/cellW), 1
	}
	return tensor.FromSlice(v, g.Rows, g.Cols, len(g.Anchors), width), left
}

// Decode is the inverse of [Grid.Encode]: it returns the objects of y, (Rows, Cols, anchors, 5+Classes), whose p_c times the greatest
// class value, which becomes their score, is at least threshold; row by row. To have only one box for each object put them through
// [box.NMS].
func (g Grid) Decode(y *tensor.Tensor, threshold float64) []box.Object {
	width := 5 + g.Classes
	if y.NumEl() != g.Rows*g.Cols*len(g.Anchors)*width || y.NDim() != 4 {
		tensor.Fail("detection.Grid", "", "expected shape (%d, %d, %d, %d), got %s", g.Rows, g.Cols, len(g.Anchors), width, tensor.ShapeString(y.Shape()))
	}
	cellW, cellH := g.Width/float64(g.Cols), g.Height/float64(g.Rows)
	v := tensor.ToSlice[float64](y)
	var out []box.Object
	for i := range len(v) / width {
		p := v[i*width:][:width]
		class := largest(p[5:])
		score := p[0] * p[5+class]
		if score < threshold || score == 0 {
			continue
		}
		row, col := i/len(g.Anchors)/g.Cols, i/len(g.Anchors)%g.Cols
		o := box.Object{Class: class, Score: score}
		o.Box = box.FromCenter((float64(col)+p[1])*cellW, (float64(row)+p[2])*cellH, p[4]*cellW, p[3]*cellH)
		out = append(out, o)
	}
	return out
}

// cell returns which of n cells position x, counted in cells, lies in.
func cell(x float64, n int) int { return max(0, min(n-1, int(math.Floor(x)))) }

// largest returns the index of the greatest value, the first of equal ones.
func largest(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
