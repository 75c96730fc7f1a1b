package nn

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Upsample returns a layer that resamples images (N, C, H, W) to another size, larger or smaller, by [tensor.Interpolate]: PyTorch's
// Upsample, but bilinear unless Mode says otherwise.
func Upsample(cfg tensor.InterpolateConfig) *Lambda {
	size := fmt.Sprintf("to %s", sides(cfg.Size[:]))
	if cfg.Size == [2]int{} {
		size = fmt.Sprintf("×%g", cfg.Scale[0])
		if cfg.Scale[1] != cfg.Scale[0] {
			size += fmt.Sprintf("×%g", cfg.Scale[1])
		}
	}
	l := NewLambda(fmt.Sprintf("Upsample(%s, %s)", size, cfg.Mode), func(x *tensor.Tensor) *tensor.Tensor { return tensor.Interpolate(x, cfg) })
	return l.Seeing(func(axis, in, first, last int) (from, to int) {
		from, _ = resampledFrom(cfg, axis, in, first)
		_, to = resampledFrom(cfg, axis, in, last)
		return from, to
	})
}

// resampledFrom returns the first and the last position that output i of a resampled axis of size in is made of.
func resampledFrom(cfg tensor.InterpolateConfig, axis, in, i int) (from, to int) {
	out := cfg.Size[axis]
	step := float64(in) / float64(max(out, 1))
	if cfg.Size == [2]int{} {
		step = 1 / cfg.Scale[axis]
		out = int(float64(in) * cfg.Scale[axis])
	}
	at := (float64(i)+0.5)*step - 0.5 // the output's middle in the input
	if cfg.AlignCorners {
		step = float64(in-1) / float64(max(out-1, 1))
		at = float64(i) * step
	}
	floor := func(v float64) int { return int(math.Floor(v + 1e-9)) }
	near := floor(at)
	reach := 0.0 // of the kernel on each side
	switch cfg.Mode {
	case tensor.Nearest:
		near = floor(float64(i) * step)
	case tensor.NearestExact:
		near = floor((float64(i) + 0.5) * step)
	case tensor.Area:
		return i * in / out, ((i+1)*in+out-1)/out - 1
	case tensor.Bilinear:
		reach = 1
	case tensor.Bicubic:
		reach = 2
	}
	if cfg.Antialias {
		reach *= max(step, 1)
	}
	if reach == 0 || !cfg.Antialias && math.Abs(at-float64(near)) < 1e-9 {
		return near, near // on a sample, which has all the weight
	}
	return floor(at-reach) + 1, -floor(-at-reach) - 1 // the kernel is 0 at its ends
}
