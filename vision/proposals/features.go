package proposals

import (
	"math"

	"github.com/gradus-ml/gradus/vision/box"
)

const (
	colourBins   = 25 // for each channel
	orientations = 8
	textureBins  = 10 // for each channel and orientation
)

// features says for every pixel which bins of the histograms it counts in.
type features struct {
	h, w            int
	colour, texture [][]uint8 // by channel, and by channel and orientation
}

// newFeatures sorts colours and derivatives into bins. Derivatives are those of the picture smoothed with σ = 1, taken in eight directions,
// from 0 to the largest in the picture; negative ones count as 0.
func newFeatures(p planes) *features {
	f := &features{h: p.h, w: p.w}
	for _, c := range p.c {
		f.colour = append(f.colour, bins(c, 1, colourBins))
		smooth := gaussian(c, p.h, p.w, 1)
		across, down := make([]float64, len(c)), make([]float64, len(c))
		for y := range p.h {
			for x := range p.w {
				i := y*p.w + x
				across[i] = smooth[y*p.w+min(x+1, p.w-1)] - smooth[y*p.w+max(x-1, 0)]
				down[i] = smooth[min(y+1, p.h-1)*p.w+x] - smooth[max(y-1, 0)*p.w+x]
			}
		}
		for k := range orientations {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / orientations)
			d, most := make([]float64, len(c)), 1e-12
			for i := range d {
				d[i] = max(0, cos*across[i]+sin*down[i])
				most = max(most, d[i])
			}
			f.texture = append(f.texture, bins(d, most, textureBins))
		}
	}
	return f
}

// bins sorts values from 0 to most into n bins.
func bins(values []float64, most float64, n int) []uint8 {
	out := make([]uint8, len(values))
	for i, v := range values {
		out[i] = uint8(max(0, min(n-1, int(v/most*float64(n)))))
	}
	return out
}

// regions makes a region of every segment.
func (f *features) regions(s Segments) []region {
	regions := make([]region, s.Count)
	for i := range regions {
		regions[i] = region{
			box: box.Box{X1: math.Inf(1), Y1: math.Inf(1)}, neighbours: map[int]bool{},
			colour: make([]float64, len(f.colour)*colourBins), texture: make([]float64, len(f.texture)*textureBins),
		}
	}
	for i, l := range s.Label {
		r := &regions[l]
		y, x := i/s.Width, i%s.Width
		r.size++
		r.box = r.box.Enclose(box.Box{X1: float64(x), Y1: float64(y), X2: float64(x + 1), Y2: float64(y + 1)})
		for k, c := range f.colour {
			r.colour[k*colourBins+int(c[i])]++
		}
		for k, t := range f.texture {
			r.texture[k*textureBins+int(t[i])]++
		}
		meet := func(j int) {
			if o := s.Label[j]; o != l {
				r.neighbours[int(o)], regions[o].neighbours[int(l)] = true, true
			}
		}
		if x+1 < s.Width {
			meet(i + 1)
		}
		if y+1 < s.Height {
			meet(i + s.Width)
		}
	}
	for i := range regions {
		r := &regions[i]
		for _, histogram := range []struct {
			values   []float64
			channels int
		}{{r.colour, len(f.colour)}, {r.texture, len(f.texture)}} {
			for k := range histogram.values {
				histogram.values[k] /= r.size * float64(histogram.channels)
			}
		}
	}
	return regions
}
