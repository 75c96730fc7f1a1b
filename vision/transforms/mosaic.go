package transforms

import (
	"fmt"
	"runtime"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Mosaic returns a function for [data.Map] that replaces images, each with probability p, by four parts around a random point of the
// middle: one of its own and one each of three others of the batch (Bochkovskiy et al., "YOLOv4: Optimal Speed and Accuracy of Object
// Detection", 2020). A part is a random window of its image, not scaled. Inputs are images (N, C, H, W) Float32, targets boxes (N, M, 5) as
// [Dataset] describes them; objects of which less than the part visible of the area is left go. Results have as many rows as the example that
// has most needs. The draws depend on the loader's seed, the epoch and the batch's examples.
func Mosaic(p, visible float64) func(data.Draw, data.Batch) (data.Batch, error) {
	checkProbability("Mosaic", p)
	checkProbability("Mosaic", visible)
	return func(d data.Draw, b data.Batch) (data.Batch, error) {
		if b.X.NDim() != 4 || b.X.DType() != tensor.Float32 || b.Y == nil || b.Y.NDim() != 3 || b.Y.Size(2) != 5 {
			return b, fmt.Errorf("transforms: a mosaic needs images float32 (N, C, H, W) and boxes (N, M, 5), got images %s", tensor.ShapeString(b.X.Shape()))
		}
		n := b.Len()
		rng := tensor.NewRNG(d.Seed).Split(fmt.Sprintf("mosaic/%d/%v", d.Epoch, d.Index))
		from := make([]Sample, n)
		for i := range from {
			from[i] = Sample{Image: b.X.Select(0, i), Objects: objectsOf(tensor.ToSlice[float32](b.Y.Select(0, i)))}
		}
		x := d.Scope.Empty(tensor.Float32, b.X.Shape()...)
		objects := make([][]box.Object, n)
		rows := 1
		for i := range n {
			tiles := [4]int{i, rng.IntN(n), rng.IntN(n), rng.IntN(n)}
			if rng.Float64() < p {
				objects[i] = tile(rng, x.Select(0, i), from, tiles, visible)
			} else {
				x.Select(0, i).CopyFrom(from[i].Image)
				objects[i] = from[i].Objects
			}
			rows = max(rows, len(objects[i]))
		}
		b.X, b.Y = x, rowsOf(d, objects, rows)
		return b, nil
	}
}

// tile fills canvas with windows of four images, in random places, and returns what is in them.
func tile(rng *tensor.RNG, canvas *tensor.Tensor, from []Sample, tiles [4]int, visible float64) []box.Object {
	c, h, w := imageSize("Mosaic", canvas)
	to := tensor.MutableData[float32](canvas)
	middleY, middleX := h/4+rng.IntN(h/2+1), w/4+rng.IntN(w/2+1)
	objects := []box.Object{}
	for q, place := range rng.Perm(4) {
		top, left, high, wide := 0, 0, middleY, middleX
		if place >= 2 {
			top, high = middleY, h-middleY
		}
		if place%2 == 1 {
			left, wide = middleX, w-middleX
		}
		if high == 0 || wide == 0 {
			continue
		}
		part := from[tiles[q]].window("Mosaic", rng.IntN(h-high+1), rng.IntN(w-wide+1), high, wide, Padding{}, visible)
		image, v := elements[float32](part.Image)
		for k := range c {
			for y := range high {
				copy(to[(k*h+top+y)*w+left:][:wide], v[(k*high+y)*wide:])
			}
		}
		runtime.KeepAlive(image)
		for _, o := range part.Objects {
			o.Box = o.Box.Translate(float64(left), float64(top))
			objects = append(objects, o)
		}
	}
	return objects
}
