package detection_test

import (
	"fmt"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/detection"
)

// The grid of the course: 3×3 cells, two anchors, one upright and one lying, and three classes, so 3×3×2×8 numbers. A pedestrian stands in
// front of a car, with the centres of both in the lower middle cell.
func ExampleGrid() {
	g := detection.Grid{Rows: 3, Cols: 3, Height: 300, Width: 300, Classes: 3, Anchors: [][2]float64{{40, 120}, {150, 60}}}
	names := []string{"pedestrian", "car", "motorcycle"}

	y, _ := g.Encode([]box.Object{
		{Class: 0, Box: box.FromCenter(150, 240, 45, 110)},
		{Class: 1, Box: box.FromCenter(160, 250, 180, 70)},
	})
	fmt.Println(y.Shape())
	for anchor := range 2 {
		fmt.Printf("%.2f\n", tensor.ToSlice[float64](y.Select(0, 2).Select(0, 1).Select(0, anchor)))
	}
	for _, o := range g.Decode(y, 0.5) {
		x, y := o.Box.Center()
		fmt.Printf("%s at (%.0f, %.0f), %.0f wide and %.0f high\n", names[o.Class], x, y, o.Box.Width(), o.Box.Height())
	}
	// Output:
	// [3 3 2 8]
	// [1.00 0.50 0.40 1.10 0.45 1.00 0.00 0.00]
	// [1.00 0.60 0.50 0.70 1.80 0.00 1.00 0.00]
	// pedestrian at (150, 240), 45 wide and 110 high
	// car at (160, 250), 180 wide and 70 high
}

func TestGridHasOnePlaceForACellAndAnchor(t *testing.T) {
	g := detection.Grid{Rows: 2, Cols: 4, Height: 100, Width: 200, Classes: 2, Anchors: [][2]float64{{10, 10}}}
	objects := []box.Object{
		{Class: 0, Box: box.FromCenter(10, 10, 20, 8)},
		{Class: 1, Box: box.FromCenter(40, 40, 10, 10)},   // in the same cell
		{Class: 1, Box: box.FromCenter(200, 100, 30, 30)}, // its centre on the corner: the last cell
		{Class: 1, Box: box.FromCenter(-5, 60, 30, 30)},   // outside: the nearest cell
	}
	y, left := g.Encode(objects)
	if len(left) != 1 || left[0].Box != objects[1].Box {
		t.Errorf("left out %v, want the second", left)
	}
	found := g.Decode(y, 0)
	want := []box.Object{objects[0], objects[3], objects[2]} // row by row
	if len(found) != len(want) {
		t.Fatalf("decoded %v, want %v", found, want)
	}
	for i, w := range want {
		if f := found[i]; f.Class != w.Class || f.Score != 1 || box.IoU(f.Box, w.Box) < 0.9999 {
			t.Errorf("decoded %v, want %v", f, w)
		}
	}
}
