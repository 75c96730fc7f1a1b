// Package box computes with the boxes of object detection: overlap, suppression of repeated finds, anchors.
//
//	a := box.Box{X1: 0, Y1: 0, X2: 10, Y2: 10}
//	b := box.Box{X1: 5, Y1: 0, X2: 15, Y2: 10}
//	box.IoU(a, b) // 1/3
//	kept := box.NMS([]box.Object{{Box: a, Score: 0.9}, {Box: b, Score: 0.8}}, 0.5) // both: they overlap by less than 0.5
//
// Coordinates are in pixels and continuous, x to the right and y downwards: pixel (column i, row j) is the square from (i, j) to
// (i+1, j+1), and an image of W×H pixels is the box {0, 0, W, H}.
package box

import (
	"fmt"
	"math"
)

// Box is a rectangle from its upper left corner (X1, Y1) to its lower right one (X2, Y2), in pixels. One whose X2 ≤ X1 or Y2 ≤ Y1 is
// empty.
type Box struct{ X1, Y1, X2, Y2 float64 }

// Object is a thing in a picture: one that is known to be there, or one that a detector found.
type Object struct {
	Box   Box
	Class int     // index into a list of names, from 0
	Score float64 // of a find, how sure it is, 0 to 1; 1 of a thing known to be there

	Difficult bool // Pascal VOC: hard to see; finding it neither counts nor harms
	Crowd     bool // COCO: the box holds many; finds inside it are neither right nor wrong
}

// FromCenter returns the box of width w and height h around (cx, cy).
func FromCenter(cx, cy, w, h float64) Box { return Box{cx - w/2, cy - h/2, cx + w/2, cy + h/2} }

// FromXYWH returns the box of width w and height h whose upper left corner is (x, y): COCO's form.
func FromXYWH(x, y, w, h float64) Box { return Box{x, y, x + w, y + h} }

// Width returns X2 − X1, not below 0.
func (b Box) Width() float64 { return math.Max(0, b.X2-b.X1) }

// Height returns Y2 − Y1, not below 0.
func (b Box) Height() float64 { return math.Max(0, b.Y2-b.Y1) }

// Area returns width × height, in square pixels.
func (b Box) Area() float64 { return b.Width() * b.Height() }

// Center returns the middle of b.
func (b Box) Center() (x, y float64) { return (b.X1 + b.X2) / 2, (b.Y1 + b.Y2) / 2 }

// Empty reports whether b holds no point: X2 ≤ X1 or Y2 ≤ Y1, or a coordinate is not a number.
func (b Box) Empty() bool { return !(b.X2 > b.X1 && b.Y2 > b.Y1) }

// Intersect returns what a and b have in common, the zero Box if that is nothing.
func (b Box) Intersect(a Box) Box {
	c := Box{math.Max(a.X1, b.X1), math.Max(a.Y1, b.Y1), math.Min(a.X2, b.X2), math.Min(a.Y2, b.Y2)}
	if c.Empty() {
		return Box{}
	}
	return c
}

// Enclose returns the smallest box that holds both a and b.
func (b Box) Enclose(a Box) Box {
	return Box{math.Min(a.X1, b.X1), math.Min(a.Y1, b.Y1), math.Max(a.X2, b.X2), math.Max(a.Y2, b.Y2)}
}

// Clip returns b with its corners moved into an image of width × height pixels. A box outside becomes an empty one on the border.
func (b Box) Clip(width, height float64) Box {
	x := func(v float64) float64 { return math.Max(0, math.Min(v, width)) }
	y := func(v float64) float64 { return math.Max(0, math.Min(v, height)) }
	return Box{x(b.X1), y(b.Y1), x(b.X2), y(b.Y2)}
}

// Scale returns b in an image that is sx times as wide and sy times as high. Negative factors turn boxes inside out: mirror with
// [Box.Mirror].
func (b Box) Scale(sx, sy float64) Box { return Box{b.X1 * sx, b.Y1 * sy, b.X2 * sx, b.Y2 * sy} }

// Translate returns b moved by dx to the right and dy downwards.
func (b Box) Translate(dx, dy float64) Box { return Box{b.X1 + dx, b.Y1 + dy, b.X2 + dx, b.Y2 + dy} }

// Mirror returns b in an image of the given width that is exchanged left for right.
func (b Box) Mirror(width float64) Box { return Box{width - b.X2, b.Y1, width - b.X1, b.Y2} }

// String shows the corners, "(1, 2)–(30, 40)".
func (b Box) String() string { return fmt.Sprintf("(%g, %g)–(%g, %g)", b.X1, b.Y1, b.X2, b.Y2) }
