package detection

import (
	"math"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// assigned says what each place of an output should have given.
type assigned struct {
	rows   []int64      // places that an object was given to, in their order
	truth  []box.Object // the object of each
	places []row        // where it is
	// object is the target of t_o for every place, and weight 1, or 0 where it isn't asked.
	object, weight []float64
}

// truths returns the objects of each image from a batch's targets, (N, M, 5) with rows [class, x1, y1, x2, y2], class −1 being none.
func truths(y *tensor.Tensor) [][]box.Object {
	if y.NDim() != 3 || y.Size(2) != 5 {
		tensor.Fail("detection", "rows are [class, x1, y1, x2, y2], with class −1 where there is no object", "targets must have shape (N, M, 5), got %s", tensor.ShapeString(y.Shape()))
	}
	v := tensor.ToSlice[float64](y.Detach())
	out := make([][]box.Object, y.Size(0))
	for i := range len(v) / 5 {
		r := v[5*i : 5*i+5]
		b := box.Box{X1: r[1], Y1: r[2], X2: r[3], Y2: r[4]}
		if image := i / y.Size(1); r[0] >= 0 && !b.Empty() {
			out[image] = append(out[image], box.Object{Box: b, Class: int(r[0]), Score: 1})
		}
	}
	return out
}

// assign gives the objects of y to places of the output.
//
// An object goes to the anchor most like it in shape and to all others that overlap it by cfg.Match at least, in the cell of its centre and in
// the neighbours to left or right and above or below that the centre is nearest to: three cells, each of which can give its box. A place that
// several objects want gets one whose centre it holds before others, then one that it is more like. The target of t_o there is how much the
// place's present box overlaps the object, and 0 elsewhere; except that a box that overlaps an object by more than cfg.Ignore, without being
// responsible for it, isn't blamed (Redmon and Farhadi, 2018).
func (cfg YOLO) assign(out, y *tensor.Tensor) assigned {
	h, shape := cfg.Head, out.Shape()
	v, width, anchors := tensor.ToSlice[float64](out.Detach()), 5+cfg.Head.cfg.Classes, h.anchors()
	n := len(v) / width
	a := assigned{object: make([]float64, n), weight: make([]float64, n)}
	objects := truths(y)
	if len(objects) != shape[0] {
		tensor.Fail("detection.YOLO", "", "the output is of %d images, the targets of %d", shape[0], len(objects))
	}
	owner := make([]*box.Object, n)
	claim := make([]float64, n)
	for image, all := range objects {
		for i := range all {
			if c := all[i].Class; c >= h.cfg.Classes {
				tensor.Fail("detection.YOLO", "", "class %d isn't one of %d", c, h.cfg.Classes)
			}
			cfg.claim(&all[i], anchors, func(r row, how float64) {
				if r.x < 0 || r.x >= shape[3] || r.y < 0 || r.y >= shape[2] {
					return
				}
				at := ((image*shape[1]+r.anchor)*shape[2]+r.y)*shape[3] + r.x
				if how > claim[at] {
					owner[at], claim[at] = &all[i], how
				}
			}, shape[2], shape[3])
		}
	}
	for i := range n {
		r := rowAt(i, shape)
		b := h.box(v[i*width:], r, anchors[r.anchor])
		a.weight[i] = 1
		if o := owner[i]; o != nil {
			a.rows, a.truth, a.places = append(a.rows, int64(i)), append(a.truth, *o), append(a.places, r)
			a.object[i] = box.IoU(b, o.Box)
			continue
		}
		for _, o := range objects[r.image] {
			if box.IoU(b, o.Box) > cfg.Ignore {
				a.weight[i] = 0
				break
			}
		}
	}
	return a
}

// claim calls put for the places that an object wants in a grid, and how much: from 0 to 1, and 1 more in the cell that holds its centre.
func (cfg YOLO) claim(o *box.Object, anchors [][2]float64, put func(r row, how float64), rows, cols int) {
	stride := float64(cfg.Head.cfg.Stride)
	x, y := o.Box.Center()
	x, y = x/stride, y/stride
	i, j := cell(x, cols), cell(y, rows)
	besideX, besideY := i-1, j-1
	if x-float64(i) > 0.5 {
		besideX = i + 1
	}
	if y-float64(j) > 0.5 {
		besideY = j + 1
	}
	size, most := [2]float64{o.Box.Width(), o.Box.Height()}, 0.0
	for _, a := range anchors {
		most = math.Max(most, box.SizeIoU(size, a))
	}
	for k, a := range anchors {
		like := box.SizeIoU(size, a)
		if like < most && like < cfg.Match {
			continue
		}
		put(row{anchor: k, x: i, y: j}, 1+like)
		put(row{anchor: k, x: besideX, y: j}, like)
		put(row{anchor: k, x: i, y: besideY}, like)
	}
}
