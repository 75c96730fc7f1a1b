package box_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/vision/box"
)

// Two finds of one thing, and one of another beside it.
func ExampleNMS() {
	found := []box.Object{
		{Box: box.Box{X1: 10, Y1: 10, X2: 50, Y2: 50}, Class: 1, Score: 0.8},
		{Box: box.Box{X1: 12, Y1: 10, X2: 52, Y2: 50}, Class: 1, Score: 0.9},
		{Box: box.Box{X1: 60, Y1: 10, X2: 90, Y2: 50}, Class: 1, Score: 0.7},
	}
	for _, o := range box.NMS(found, 0.5) {
		fmt.Println(o.Box, o.Score)
	}
	// Output:
	// (12, 10)–(52, 50) 0.9
	// (60, 10)–(90, 50) 0.7
}

// Boxes that don't touch have an IoU of 0 however far apart they are; GIoU and DIoU still say which is nearer.
func ExampleDIoU() {
	a := box.Box{X1: 0, Y1: 0, X2: 10, Y2: 10}
	for _, x := range []float64{12, 40} {
		b := a.Translate(x, 0)
		fmt.Printf("%.3f %.3f %.3f\n", box.IoU(a, b), box.GIoU(a, b), box.DIoU(a, b))
	}
	// Output:
	// 0.000 -0.091 -0.247
	// 0.000 -0.600 -0.615
}

func ExampleKMeansAnchors() {
	sizes := [][2]float64{{10, 20}, {12, 18}, {11, 22}, {100, 90}, {110, 100}}
	anchors := box.KMeansAnchors(sizes, 2, 0)
	fmt.Printf("%.0f, mean IoU %.2f\n", anchors, box.MeanIoU(sizes, anchors))
	// Output: [[11 20] [105 95]], mean IoU 0.89
}
