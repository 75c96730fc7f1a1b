package transforms

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// dataset applies a transform to the examples of another data set.
type dataset struct {
	data.Dataset
	t Transform
}

// Dataset returns ds with t applied to each example; its randomness is [data.Draw.RNG]. The inputs of ds are images (N, C, H, W), turned
// into Float32 if need be; they may differ in size if ds gives them one at a time, as a folder of images does, and t makes them
// alike. Targets follow by their shape:
//
//   - (N, H, W) int64, as high and wide as the images, is a mask for each;
//   - (N, M, 5) float32 holds rows [class, x1, y1, x2, y2] of boxes in pixels, those of class −1 being none;
//   - all others, such as classes (N), stay as they are.
//
// A result has as many rows for boxes as ds gives, or more where a transform adds some to the example that has most.
//
// Since t sees single examples, functions that mix those of a batch belong outside: data.Map(Dataset(ds, t), data.MixUp(…)).
func Dataset(ds data.Dataset, t Transform) data.Dataset {
	if inner, ok := ds.(dataset); ok { // one stream of random numbers for both
		return dataset{inner.Dataset, Compose(inner.t, t)}
	}
	return dataset{ds, t}
}

// String says what is transformed, not its contents.
func (ds dataset) String() string {
	if inner, ok := ds.Dataset.(fmt.Stringer); ok {
		return "transformed " + inner.String()
	}
	return fmt.Sprintf("%d transformed examples of %T", ds.Len(), ds.Dataset)
}

// Batch implements [data.Dataset].
func (ds dataset) Batch(d data.Draw) (data.Batch, error) {
	out := data.Batch{Index: d.Index}
	if len(d.Index) == 0 {
		return ds.Dataset.Batch(d)
	}
	scratch := tensor.NewScope() // of one example at a time, so that its memory stays in the cache
	defer scratch.Release()
	var y targets
	for i, n := range d.Index {
		s, err := ds.one(d, i, scratch, &y)
		if err != nil {
			return data.Batch{}, err
		}
		c, h, w := s.size("Dataset")
		if out.X == nil {
			out.X = d.Scope.Empty(tensor.Float32, len(d.Index), c, h, w)
		}
		if c != out.X.Size(1) || h != out.X.Size(2) || w != out.X.Size(3) {
			return data.Batch{}, fmt.Errorf("transforms: example %d has become an image of shape %s, but example %d of the same batch one of %s; end with a transform that makes them alike, such as Resize or a crop",
				n, tensor.ShapeString(s.Image.Shape()), d.Index[0], tensor.ShapeString(out.X.Shape()[1:]))
		}
		image, v := elements[float32](s.Image)
		copy(tensor.MutableData[float32](out.X)[i*len(v):], v)
		runtime.KeepAlive(image)
		if err := y.add(s); err != nil {
			return data.Batch{}, fmt.Errorf("transforms: example %d: %w", n, err)
		}
		scratch.Release()
	}
	out.Y = y.tensor(d, out.X)
	return out, nil
}

// one returns the i-th example of the draw, transformed.
func (ds dataset) one(d data.Draw, i int, scratch *tensor.Scope, y *targets) (Sample, error) {
	b, err := ds.Dataset.Batch(data.Draw{Index: d.Index[i : i+1 : i+1], Seed: d.Seed, Epoch: d.Epoch, Scope: scratch})
	if err != nil {
		return Sample{}, err
	}
	if b.X == nil || b.X.NDim() != 4 || b.Len() != 1 {
		return Sample{}, fmt.Errorf("transforms: expected the data set to give images (N, C, H, W), got example %d as %s", d.Index[i], tensor.ShapeString(b.X.Shape()))
	}
	x := b.X
	if x.DType() != tensor.Float32 {
		x = x.Detach().To(tensor.Float32)
	}
	s := Sample{Image: x.In(scratch).Reshape(x.Size(1), x.Size(2), x.Size(3))}
	y.take(&s, b.Y)
	return ds.t.Apply(d.RNG(i), s), nil
}

// targets gathers the targets of a batch, of whichever kind they are.
type targets struct {
	others  []byte // of targets that stay as they are
	like    *tensor.Tensor
	masks   []int64
	objects [][]box.Object
	rows    int // for boxes in an example
	kind    kind
}

type kind uint8

const (
	none kind = iota
	other
	mask
	boxes
)

// take puts the targets of one example, which has a batch axis of 1, into s or keeps them.
func (t *targets) take(s *Sample, y *tensor.Tensor) {
	switch {
	case y == nil:
		return
	case y.DType() == tensor.Int64 && y.NDim() == 3 && y.Size(1) == s.Image.Size(1) && y.Size(2) == s.Image.Size(2):
		t.kind = mask
		s.Mask = y.Detach().Select(0, 0)
	case y.DType() == tensor.Float32 && y.NDim() == 3 && y.Size(2) == 5:
		t.kind = boxes
		t.rows = max(t.rows, y.Size(1))
		s.Objects = objectsOf(tensor.ToSlice[float32](y))
	default:
		t.kind = other
		if t.like == nil {
			t.like = y.Detach().Keep()
		}
		if !y.IsContiguous() {
			y = y.Detach().Contiguous()
		}
		tensor.WithBytes(y, false, func(b []byte) { t.others = append(t.others, b...) })
	}
}

// objectsOf reads rows [class, x1, y1, x2, y2].
func objectsOf(v []float32) []box.Object {
	objects := []box.Object{}
	for r := range slices.Chunk(v, 5) {
		if r[0] >= 0 {
			objects = append(objects, box.Object{Class: int(r[0]), Score: 1, Box: box.Box{X1: float64(r[1]), Y1: float64(r[2]), X2: float64(r[3]), Y2: float64(r[4])}})
		}
	}
	return objects
}

// add keeps what the transforms made of the targets.
func (t *targets) add(s Sample) error {
	switch t.kind {
	case mask:
		if s.Mask == nil {
			return fmt.Errorf("a transform lost the mask")
		}
		m, v := elements[int64](s.Mask)
		t.masks = append(t.masks, v...)
		runtime.KeepAlive(m)
	case boxes:
		t.objects = append(t.objects, s.Objects)
		t.rows = max(t.rows, len(s.Objects))
	}
	return nil
}

// tensor returns the targets of the batch, of which X has become x.
func (t *targets) tensor(d data.Draw, x *tensor.Tensor) *tensor.Tensor {
	n := len(d.Index)
	switch t.kind {
	case other:
		y := d.Scope.Empty(t.like.DType(), append([]int{n}, t.like.Shape()[1:]...)...)
		tensor.WithBytes(y, true, func(b []byte) { copy(b, t.others) })
		return y
	case mask:
		y := d.Scope.Empty(tensor.Int64, n, x.Size(2), x.Size(3))
		copy(tensor.MutableData[int64](y), t.masks)
		return y
	case boxes:
		return rowsOf(d, t.objects, t.rows)
	}
	return nil
}

// rowsOf returns the objects of each example as rows [class, x1, y1, x2, y2], the given number for each, at least as many as there are.
func rowsOf(d data.Draw, objects [][]box.Object, rows int) *tensor.Tensor {
	y := d.Scope.Empty(tensor.Float32, len(objects), rows, 5)
	v := tensor.MutableData[float32](y)
	for i, list := range objects {
		for k := range rows {
			row := v[(i*rows+k)*5:][:5]
			if k < len(list) {
				o := list[k]
				row[0], row[1], row[2], row[3], row[4] = float32(o.Class), float32(o.Box.X1), float32(o.Box.Y1), float32(o.Box.X2), float32(o.Box.Y2)
			} else {
				row[0], row[1], row[2], row[3], row[4] = -1, 0, 0, 0, 0
			}
		}
	}
	return y
}
