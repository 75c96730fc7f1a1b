package detection

import (
	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// RegionConfig says which of the proposed regions a network learns from. Zero values stand for Fast R-CNN's.
type RegionConfig struct {
	Regions  int     // of each image and step; 64 if 0
	Positive float64 // how much of these may show things; 0.25 if 0
	// A region shows a thing if their IoU is at least Foreground, 0.5 if 0. It is background if the highest IoU with a thing lies from Nearby on,
	// 0.1 if 0, up to Foreground: what is near things teaches most. If those are too few, others fill up.
	Foreground, Nearby float64
	Flip               bool // mirror half of the images from left to right, and half of them from top to bottom
}

func (cfg RegionConfig) filled() RegionConfig {
	for _, f := range []struct {
		value    *float64
		fallback float64
	}{{&cfg.Positive, 0.25}, {&cfg.Foreground, 0.5}, {&cfg.Nearby, 0.1}} {
		if *f.value == 0 {
			*f.value = f.fallback
		}
	}
	if cfg.Regions == 0 {
		cfg.Regions = 64
	}
	if cfg.Regions < 1 || cfg.Positive < 0 || cfg.Positive > 1 || cfg.Nearby > cfg.Foreground {
		tensor.Fail("detection.RegionConfig", "", "needs Regions from 1 on, Positive up to 1 and Nearby ≤ Foreground, got %+v", cfg)
	}
	return cfg
}

// regionRow is the length of a row of the targets: label, x1, y1, x2, y2, and the offsets of the thing from the region.
const regionRow = 9

// NewRegionDataset returns scenes with regions proposed for each (in pixels of the scene) for [RegionNet.Step]: X as in [NewDataset], and
// Y Float32 (N, Regions, 9), whose rows are a label (0 for the background, 1 + a class; −1 in rows that aren't needed), the region's corners
// in pixels of X, and where the thing is from there (see [box.Coder]). The regions are drawn anew in each epoch, from the proposed ones and
// the things' own boxes. It panics unless there is a list of regions for each scene.
func NewRegionDataset(all []scene.Scene, proposed [][]box.Box, height, width int, cfg RegionConfig) data.Dataset {
	cfg = cfg.filled()
	if len(all) != len(proposed) {
		tensor.Fail("detection.NewRegionDataset", "", "%d scenes and %d lists of regions", len(all), len(proposed))
	}
	s := newScenes(all, height, width)
	return data.Examples(len(all), func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		if x, _, err = s.example(d, i); err != nil {
			return nil, nil, err
		}
		at := d.Index[i]
		rng := d.RNG(i).Split("regions")
		var candidates []box.Object
		for _, b := range proposed[at] {
			candidates = append(candidates, box.Object{Box: b})
		}
		candidates = s.cache[at].fit.To(candidates)
		truth := s.cache[at].fit.To(all[at].Objects)
		if cfg.Flip && rng.IntN(2) == 1 {
			x = x.Flip(2)
			mirrored(candidates, func(b box.Box) box.Box { return b.Mirror(float64(width)) })
			mirrored(truth, func(b box.Box) box.Box { return b.Mirror(float64(width)) })
		}
		if cfg.Flip && rng.IntN(2) == 1 {
			x = x.Flip(1)
			down := func(b box.Box) box.Box {
				return box.Box{X1: b.X1, Y1: float64(height) - b.Y2, X2: b.X2, Y2: float64(height) - b.Y1}
			}
			mirrored(candidates, down)
			mirrored(truth, down)
		}
		return x, drawRegions(rng, candidates, truth, cfg), nil
	})
}

func mirrored(objects []box.Object, f func(box.Box) box.Box) {
	for i := range objects {
		objects[i].Box = f(objects[i].Box)
	}
}

// drawRegions draws the regions to learn from: (Regions, 9).
func drawRegions(rng *tensor.RNG, candidates, truth []box.Object, cfg RegionConfig) *tensor.Tensor {
	var boxes, things []box.Box
	var classes []int
	for _, o := range truth {
		if !o.Crowd && !o.Box.Empty() {
			things, classes, boxes = append(things, o.Box), append(classes, o.Class), append(boxes, o.Box)
		}
	}
	for _, o := range candidates {
		if !o.Box.Empty() {
			boxes = append(boxes, o.Box)
		}
	}
	of := box.MaxIoU(boxes, things, box.MaxIoUConfig{Positive: cfg.Foreground, Negative: cfg.Nearby})
	var positive, near, far []int
	for _, i := range rng.Perm(len(boxes)) {
		switch {
		case of[i] >= 0:
			positive = append(positive, i)
		case of[i] == box.Ignored: // between Nearby and Foreground
			near = append(near, i)
		default:
			far = append(far, i)
		}
	}
	positive = positive[:min(len(positive), int(cfg.Positive*float64(cfg.Regions)+0.5))]
	background := append(near, far...)
	chosen := append(positive, background[:min(len(background), cfg.Regions-len(positive))]...)

	rows := make([]float32, cfg.Regions*regionRow)
	for k := range cfg.Regions {
		row := rows[k*regionRow:][:regionRow]
		if k >= len(chosen) {
			row[0] = -1
			continue
		}
		b := boxes[chosen[k]]
		copy(row[1:], []float32{float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2)})
		if g := of[chosen[k]]; g >= 0 {
			row[0] = float32(1 + classes[g])
			for j, t := range regionCoder.Encode(b, things[g]) {
				row[5+j] = float32(t)
			}
		}
	}
	return tensor.FromSlice(rows, cfg.Regions, regionRow)
}
