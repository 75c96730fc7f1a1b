package scene

import (
	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Dataset returns scenes as a data set for a detector. X is float32 (N, 3, height, width) from 0 to 1, the pictures resized with
// anti-aliasing and without keeping their aspect. Y is float32 (N, M, 5), where M is the largest number of objects in any scene, at
// least 1, and a row is (class, x1, y1, x2, y2) in pixels of X; rows behind a scene's last object are (−1, 0, 0, 0, 0). Objects that
// are marked as crowds are left out. Pictures are read and decoded each time.
func Dataset(scenes []Scene, height, width int) data.Dataset {
	if height < 1 || width < 1 {
		tensor.Fail("scene.Dataset", "", "height %d and width %d must be at least 1", height, width)
	}
	most := 1
	for _, s := range scenes {
		most = max(most, len(s.Objects))
	}
	return data.Examples(len(scenes), func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		s := scenes[d.Index[i]]
		im, err := s.Open()
		if err != nil {
			return nil, nil, err
		}
		x = im.Tensor()
		if im.Height != height || im.Width != width {
			x = imagefolder.Resize(x, height, width)
		}
		var objects []box.Object
		for _, o := range s.Objects {
			if !o.Crowd {
				o.Box = o.Box.Scale(float64(width)/float64(s.Width), float64(height)/float64(s.Height))
				objects = append(objects, o)
			}
		}
		return x, Rows(objects, most), nil
	})
}

// Rows returns objects as a detector's target: float32 (rows, 5), each (class, x1, y1, x2, y2), padded with (−1, 0, 0, 0, 0). It panics if rows
// are too few.
func Rows(objects []box.Object, rows int) *tensor.Tensor {
	if len(objects) > rows {
		tensor.Fail("scene.Rows", "", "%d objects don't fit into %d rows", len(objects), rows)
	}
	y := tensor.Zeros(tensor.Float32, rows, 5)
	v := tensor.MutableData[float32](y)
	for i := range rows {
		if i >= len(objects) {
			v[5*i] = -1
			continue
		}
		o := objects[i]
		copy(v[5*i:], []float32{float32(o.Class), float32(o.Box.X1), float32(o.Box.Y1), float32(o.Box.X2), float32(o.Box.Y2)})
	}
	return y
}
