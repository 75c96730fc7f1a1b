package recipes

import (
	"math"
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
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

// warped returns the drawings of ds under small random affine maps (Koch et al., 2015): turned by up to 10 degrees, sheared by up to 0.3
// in either direction, scaled by 0.8 to 1.2 along either axis and moved by up to a fourteenth of their side.
func warped(ds data.Dataset) data.Dataset {
	return data.Map(ds, func(d data.Draw, b data.Batch) (data.Batch, error) {
		x, side := tensor.MutableData[float32](b.X), b.X.Size(3)
		for i := range d.Index {
			rng := d.RNG(i)
			between := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
			angle := between(-10, 10) * math.Pi / 180
			sin, cos := math.Sincos(angle)
			sx, sy := 1/between(0.8, 1.2), 1/between(0.8, 1.2)
			shx, shy := between(-0.3, 0.3), between(-0.3, 0.3)
			most := float64(side) / 14
			// output position → rotated, scaled and sheared position in the drawing
			a := [4]float64{sx * (cos + shx*sin), sx * (-sin + shx*cos), sy * (sin + shy*cos), sy * (cos - shy*sin)}
			affine(x[i*side*side:][:side*side], side, a, between(-most, most), between(-most, most))
		}
		return b, nil
	})
}

// affine replaces the image by the one whose pixel at p, measured from the centre, is that at A·p + (dx, dy) of the original, interpolated
// linearly; outside of it everything is 0.
func affine(x []float32, side int, a [4]float64, dx, dy float64) {
	// One pixel of border, so that interpolation needs no cases.
	wide := side + 2
	from := make([]float32, wide*wide)
	for i := range side {
		copy(from[(i+1)*wide+1:], x[i*side:(i+1)*side])
	}
	mid := float64(side-1) / 2
	for i := range side {
		v := float64(i) - mid
		for j := range side {
			u := float64(j) - mid
			px, py := a[0]*u+a[1]*v+dx+mid+1, a[2]*u+a[3]*v+dy+mid+1
			if px < 0 || py < 0 || px >= float64(wide-1) || py >= float64(wide-1) {
				x[i*side+j] = 0
				continue
			}
			col, row := int(px), int(py)
			fx, fy := float32(px-float64(col)), float32(py-float64(row))
			p := from[row*wide+col:]
			q := from[(row+1)*wide+col:]
			x[i*side+j] = (1-fy)*((1-fx)*p[0]+fx*p[1]) + fy*((1-fx)*q[0]+fx*q[1])
		}
	}
}
