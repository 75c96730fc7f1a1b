package detection

import (
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Rows returns objects as a target: Float32 (most, 5), rows [class, x1, y1, x2, y2], with class −1 in those left over. It panics if there
// are more objects than rows.
func Rows(objects []box.Object, most int) *tensor.Tensor {
	if len(objects) > most {
		tensor.Fail("detection.Rows", "", "%d objects don't fit into %d rows", len(objects), most)
	}
	v := make([]float32, 5*most)
	for i := range most {
		if i >= len(objects) {
			v[5*i] = -1
			continue
		}
		o := objects[i]
		copy(v[5*i:], []float32{float32(o.Class), float32(o.Box.X1), float32(o.Box.Y1), float32(o.Box.X2), float32(o.Box.Y2)})
	}
	return tensor.FromSlice(v, most, 5)
}
