package detection

import (
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/transforms"
)

func TestLetterboxKeepsTheAspectAndComesBack(t *testing.T) {
	for _, c := range []struct {
		h, w, height, width int
		scale, x, y         float64
	}{
		{480, 640, 240, 320, 0.5, 0, 0},
		{100, 200, 64, 64, 0.32, 0, 16},
		{200, 100, 64, 64, 0.32, 16, 0},
		{10, 10, 64, 96, 6.4, 16, 0},
	} {
		l := NewLetterbox(c.h, c.w, c.height, c.width)
		if math.Abs(l.Scale-c.scale) > 1e-12 || l.X != c.x || l.Y != c.y {
			t.Errorf("%d×%d in %d×%d: %+v, want scale %g and (%g, %g)", c.h, c.w, c.height, c.width, l, c.scale, c.x, c.y)
		}
		objects := []box.Object{{Box: box.Box{X1: 1, Y1: 2, X2: 7, Y2: 9}, Class: 3, Score: 0.5}}
		back := l.From(l.To(objects))[0]
		near(t, "back", []float64{back.Box.X1, back.Box.Y1, back.Box.X2, back.Box.Y2}, []float64{1, 2, 7, 9}, 1e-12)
		if back.Class != 3 || back.Score != 0.5 {
			t.Errorf("class and score became %v", back)
		}
	}
	x := NewLetterbox(2, 4, 4, 4).Image(tensor.Ones(tensor.Float32, 3, 2, 4))
	near(t, "letterboxed", tensor.ToSlice[float64](x.Select(0, 1)), []float64{grey, grey, grey, grey, 1, 1, 1, 1, 1, 1, 1, 1, grey, grey, grey, grey}, 1e-6)
}

// plainScenes returns a scene of 8×12 pixels for each list of objects, grey in different degrees, and how often one was decoded.
func plainScenes(objects ...[]box.Object) (all []scene.Scene, opened *atomic.Int64) {
	opened = new(atomic.Int64)
	for i, o := range objects {
		all = append(all, scene.Scene{Name: "scene", Width: 12, Height: 8, Objects: o, Open: func() (*imagefolder.Image, error) {
			opened.Add(1)
			im := &imagefolder.Image{Channels: 3, Height: 8, Width: 12, Pix: make([]uint8, 3*8*12)}
			for k := range im.Pix {
				im.Pix[k] = uint8(51 * (i + 1))
			}
			return im, nil
		}})
	}
	return all, opened
}

func TestDatasetGivesBatchesForADetector(t *testing.T) {
	one := box.Object{Box: box.Box{X1: 2, Y1: 2, X2: 6, Y2: 8}, Class: 1, Score: 1}
	crowd := box.Object{Box: box.Box{X1: 0, Y1: 0, X2: 6, Y2: 8}, Class: 0, Score: 1, Crowd: true}
	all, opened := plainScenes([]box.Object{one, crowd, one}, nil)
	ds := NewDataset(all, 4, 6)
	for range 2 {
		b, err := data.All(ds)
		if err != nil {
			t.Fatal(err)
		}
		if b.X.Size(0) != 2 || math.Abs(b.X.At(0, 2, 3, 5)-0.2) > 1e-6 || math.Abs(b.X.At(1, 0, 0, 0)-0.4) > 1e-6 {
			t.Errorf("X is %s and begins with %g and %g, want 2 images and 0.2, 0.4", tensor.ShapeString(b.X.Shape()), b.X.At(0, 2, 3, 5), b.X.At(1, 0, 0, 0))
		}
		near(t, "Y", tensor.ToSlice[float64](b.Y), []float64{
			1, 1, 1, 3, 4, 1, 1, 1, 3, 4, -1, 0, 0, 0, 0,
			-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0}, 1e-6)
	}
	if opened.Load() != 2 {
		t.Errorf("two images were decoded %d times", opened.Load())
	}

	b, err := data.All(transforms.Dataset(NewDataset(all, 4, 6), transforms.RandomHorizontalFlip{P: 1}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mirrored", tensor.ToSlice[float64](b.Y.Select(0, 0).Select(0, 0)), []float64{1, 3, 1, 5, 4}, 1e-6)

	all[1].Open = func() (*imagefolder.Image, error) { return nil, errors.New("torn.jpg: the file ends early") }
	if _, err := data.All(NewDataset(all, 4, 6)); err == nil || !strings.Contains(err.Error(), "torn.jpg") {
		t.Errorf("a torn file: %v", err)
	}
	all[1].Open = func() (*imagefolder.Image, error) {
		return &imagefolder.Image{Channels: 1, Height: 8, Width: 12, Pix: make([]uint8, 96)}, nil
	}
	if _, err := data.All(NewDataset(all, 4, 6)); err == nil || !strings.Contains(err.Error(), "scene has 1 channels, expected 3") {
		t.Errorf("a grey image: %v", err)
	}
}

func TestLossPartsAddUpOverBatches(t *testing.T) {
	c, loss := readYOLO(t)
	out, y := c.Out.tensor(), c.Targets.tensor()
	b, o, k := loss.Parts(out, y)
	first := loss.Loss(out.Slice(0, 0, 1, 1), y.Slice(0, 0, 1, 1)).Item()

	all := loss.Metrics()
	sum, mixed := 0.0, 0.0
	for i, want := range []float64{b.Item(), o.Item(), k.Item()} {
		m := all[i]
		if m.Value() == m.Value() {
			t.Errorf("%s is %g before any batch", m.Name(), m.Value())
		}
		m.Update(out, y)
		near(t, m.Name(), []float64{m.Value()}, []float64{want}, 1e-12)
		sum += m.Value()

		// A batch of three images and one of one; the state of the first goes to another metric.
		state := m.(interface {
			SaveState() map[string]*tensor.Tensor
		}).SaveState()
		next := loss.Metrics()[i]
		if err := next.(interface {
			LoadState(map[string]*tensor.Tensor) error
		}).LoadState(state); err != nil {
			t.Fatal(err)
		}
		next.Update(out.Slice(0, 0, 1, 1), y.Slice(0, 0, 1, 1))
		mixed += next.Value()
	}
	near(t, "sum", []float64{sum, mixed}, []float64{loss.Loss(out, y).Item(), (3*sum + first) / 4}, 1e-12)
}
