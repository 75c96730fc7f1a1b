package detection

import (
	"fmt"
	"sync"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// scenes is a data set of images with objects in them.
type scenes struct {
	all           []scene.Scene
	height, width int
	most          int // objects in one image
	cache         []cached
}

// cached is an image at the input's size.
type cached struct {
	once   sync.Once
	pixels []uint8 // 3 × height × width
	fit    Letterbox
	err    error
}

// NewDataset returns scenes as a data set for a detector: X Float32 (N, 3, height, width) from 0 to 1, letterboxed (see [Letterbox]), and Y
// Float32 (N, M, 5), whose rows [class, x1, y1, x2, y2] are in pixels of X; M is the greatest number of objects in a scene, and rows
// that aren't needed have class −1. Crowds are left out. transforms.Dataset varies the examples.
//
// Images are decoded when they are first asked for and then kept in memory at the input's size, 3·height·width bytes each: unlike
// [scene.Dataset], which decodes them each time, for sets of some thousands of images, through which training passes often.
func NewDataset(all []scene.Scene, height, width int) data.Dataset {
	return data.Examples(len(all), newScenes(all, height, width).example)
}

func newScenes(all []scene.Scene, height, width int) *scenes {
	s := &scenes{all: all, height: height, width: width, most: 1, cache: make([]cached, len(all))}
	for _, one := range all {
		s.most = max(s.most, len(one.Objects))
	}
	return s
}

// example makes the i-th example of a draw.
func (s *scenes) example(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
	one, c := &s.all[d.Index[i]], &s.cache[d.Index[i]]
	c.once.Do(func() { c.err = s.load(one, c) })
	if c.err != nil {
		return nil, nil, c.err
	}
	x = d.Scope.Empty(tensor.Float32, 3, s.height, s.width)
	cpu.ScaleBytes(tensor.MutableData[float32](x), c.pixels, 0, 1.0/255)
	var objects []box.Object
	for _, o := range c.fit.To(one.Objects) {
		if !o.Crowd {
			objects = append(objects, o)
		}
	}
	return x, scene.Rows(objects, s.most), nil
}

// load decodes a scene's image.
func (s *scenes) load(one *scene.Scene, c *cached) error {
	im, err := one.Open()
	if err != nil {
		return err
	}
	if im.Channels != 3 {
		return fmt.Errorf("detection: %s has %d channels, expected 3; open it as RGB", one.Name, im.Channels)
	}
	c.fit = NewLetterbox(im.Height, im.Width, s.height, s.width)
	c.pixels = make([]uint8, 3*s.height*s.width)
	for i, v := range tensor.ToSlice[float32](c.fit.Image(im.Tensor())) {
		c.pixels[i] = uint8(min(max(v, 0), 1)*255 + 0.5)
	}
	return nil
}

// Sizes returns width and height of all boxes but crowds as they are in a letterboxed input of height × width pixels: what
// [box.KMeansAnchors] takes.
func Sizes(all []scene.Scene, height, width int) [][2]float64 {
	var out [][2]float64
	for _, s := range all {
		scale := NewLetterbox(s.Height, s.Width, height, width).Scale
		for _, o := range s.Objects {
			if !o.Crowd {
				out = append(out, [2]float64{scale * o.Box.Width(), scale * o.Box.Height()})
			}
		}
	}
	return out
}
