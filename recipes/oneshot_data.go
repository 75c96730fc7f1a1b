package recipes

import (
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// turned holds every drawing of a data set four times, by quarter turns.
type turned struct {
	data.Dataset
	classes int
}

// quarterTurns returns the square drawings of ds turned by 0, 90, 180 and 270 degrees. A turned character counts as another one: class l
// turned t times is class l + t·classes (Santoro et al., "Meta-learning with memory-augmented neural networks", 2016).
func quarterTurns(ds data.Dataset, classes int) data.Dataset { return turned{ds, classes} }

func (t turned) Len() int { return 4 * t.Dataset.Len() }

// Labels returns the classes, as [data.Labels] wants.
func (t turned) Labels() []int {
	labels, err := data.Labels(t.Dataset)
	if err != nil {
		return nil
	}
	var out []int
	for turn := range 4 {
		for _, l := range labels {
			out = append(out, l+turn*t.classes)
		}
	}
	return out
}

func (t turned) Batch(d data.Draw) (data.Batch, error) {
	own := d
	own.Index = make([]int, len(d.Index))
	for i, n := range d.Index {
		own.Index[i] = n % t.Dataset.Len()
	}
	b, err := t.Dataset.Batch(own)
	if err != nil {
		return b, err
	}
	b.Index = d.Index
	x, y := tensor.MutableData[float32](b.X), tensor.MutableData[int64](b.Y)
	side := b.X.Size(3)
	for i, n := range d.Index {
		turns := n / t.Dataset.Len()
		y[i] += int64(turns * t.classes)
		for range turns {
			turn(x[i*side*side:][:side*side], side)
		}
	}
	return b, nil
}

// turn turns a square image by 90 degrees.
func turn(x []float32, side int) {
	from := slices.Clone(x)
	for i := range side {
		for j := range side {
			x[i*side+j] = from[j*side+side-1-i]
		}
	}
}

// warped returns the drawings of ds under small random affine maps, as Koch et al. (2015) do.
func warped(ds data.Dataset) data.Dataset {
	return transforms.Dataset(ds, transforms.RandomAffine{
		Degrees: 10, Translate: [2]float64{0.08, 0.08}, Scale: [2]float64{0.8, 1.2}, Shear: [2]float64{15, 15},
	})
}
