package tensor_test

import (
	"math"
	"math/rand/v2"

	. "github.com/gradus-ml/gradus/tensor"
)

// regionCase is one use of the operations on regions.
type regionCase struct {
	x    []int
	rois []float64
	cfg  RoIAlignConfig
}

var regionCases = []regionCase{
	{[]int{2, 2, 5, 6}, []float64{1, 0.7, 1.2, 4.6, 4.1, 0, 2, 0, 5, 3}, RoIAlignConfig{Size: [2]int{2, 2}, SamplingRatio: 2}},
	{[]int{1, 2, 6, 5}, []float64{0, 1.3, 2.2, 9.8, 11.1}, RoIAlignConfig{Size: [2]int{3, 2}, SpatialScale: 0.5, Aligned: true}},
	{[]int{1, 1, 4, 4}, []float64{0, -3, -2, 2.5, 7, 0, 1.2, 1.1, 1.3, 1.2}, RoIAlignConfig{Size: [2]int{2, 3}, Aligned: true}},
	{[]int{2, 1, 4, 5}, []float64{1, 3, 2, 1, 1, 0, 0, 0, 4, 3, 0, 1, 1, 3, 3}, RoIAlignConfig{Size: [2]int{2, 2}}},
	{[]int{1, 1, 1, 1}, []float64{0, 0, 0, 1, 1}, RoIAlignConfig{Size: [2]int{1, 1}, SamplingRatio: 1, Aligned: true}},
	{[]int{1, 2, 3, 3}, nil, RoIAlignConfig{Size: [2]int{2, 2}}},
	{[]int{0, 2, 3, 3}, nil, RoIAlignConfig{Size: [2]int{2, 2}}},
}

func (k regionCase) regions() *Tensor {
	return FromSlice(k.rois, len(k.rois)).Reshape(len(k.rois)/5, 5)
}

func (k regionCase) outShape() []int {
	return []int{len(k.rois) / 5, k.x[1], k.cfg.Size[0], k.cfg.Size[1]}
}

// samples calls f for every pixel that a bin takes the mean of, with its part in it, sample by sample.
func (k regionCase) samples(f func(out, in int, share float64)) {
	h, w := float64(k.x[2]), float64(k.x[3])
	scale, shift := k.cfg.SpatialScale, 0.0
	if scale == 0 {
		scale = 1
	}
	if k.cfg.Aligned {
		shift = 0.5
	}
	o := 0
	each(k.outShape(), func(at []int) {
		roi := k.rois[5*at[0]:]
		x, y := roi[1]*scale-shift, roi[2]*scale-shift
		wide, high := roi[3]*scale-shift-x, roi[4]*scale-shift-y
		if !k.cfg.Aligned {
			wide, high = math.Max(wide, 1), math.Max(high, 1)
		}
		wide, high = wide/float64(k.cfg.Size[1]), high/float64(k.cfg.Size[0])
		across, down := float64(k.cfg.SamplingRatio), float64(k.cfg.SamplingRatio)
		if k.cfg.SamplingRatio == 0 {
			across, down = math.Ceil(wide), math.Ceil(high)
		}
		for i := 0.5; i < down; i++ {
			for j := 0.5; j < across; j++ {
				py, px := y+(float64(at[2])+i/down)*high, x+(float64(at[3])+j/across)*wide
				if py < -1 || py > h || px < -1 || px > w {
					continue
				}
				py, px = math.Min(math.Max(py, 0), h-1), math.Min(math.Max(px, 0), w-1)
				each(k.x[2:], func(q []int) {
					share := math.Max(0, 1-math.Abs(py-float64(q[0]))) * math.Max(0, 1-math.Abs(px-float64(q[1])))
					f(o, ((int(roi[0])*k.x[1]+at[1])*k.x[2]+q[0])*k.x[3]+q[1], share/(across*down))
				})
			}
		}
		o++
	})
}

// pixels calls f with those of each bin of a region whose corners are rounded.
func (k regionCase) pixels(f func(out int, in []int)) {
	scale := k.cfg.SpatialScale
	if scale == 0 {
		scale = 1
	}
	round := func(v float64) float64 { return math.Floor(v*scale + 0.5) }
	o := 0
	each(k.outShape(), func(at []int) {
		roi := k.rois[5*at[0]:]
		inside := func(axis, pixel int) bool {
			first := round(roi[2-axis])
			share := math.Max(round(roi[4-axis])-first+1, 1) / float64(k.cfg.Size[axis])
			p, b := float64(pixel)-first, float64(at[2+axis])
			return p >= math.Floor(b*share) && p < math.Ceil((b+1)*share)
		}
		var in []int
		each(k.x[2:], func(q []int) {
			if inside(0, q[0]) && inside(1, q[1]) {
				in = append(in, ((int(roi[0])*k.x[1]+at[1])*k.x[2]+q[0])*k.x[3]+q[1])
			}
		})
		f(o, in)
		o++
	})
}

func regionSamples(build func(k regionCase, r *rand.Rand) sample) func(r *rand.Rand) []sample {
	return func(r *rand.Rand) (out []sample) {
		for _, k := range regionCases {
			out = append(out, build(k, r))
		}
		return out
	}
}

func init() {
	const noScalar = "images have four axes"
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	two := RoIAlignConfig{Size: [2]int{2, 2}}
	align := func(x, rois *Tensor, cfg RoIAlignConfig) func() { return func() { RoIAlign(x, rois, cfg) } }
	roi := func(v ...float32) *Tensor { return FromSlice(v, 1, 5) }
	addRow("roi_align", row{
		noScalar: noScalar,
		samples: regionSamples(func(k regionCase, r *rand.Rand) sample {
			return sample{
				in:   []*Tensor{uniform(r, -1, 1, k.x...)},
				call: func(in []*Tensor) []*Tensor { return []*Tensor{RoIAlign(in[0], k.regions().To(in[0].DType()), k.cfg)} },
				want: func(in []nd) []nd {
					y := zerosOf(k.outShape())
					k.samples(func(o, i int, share float64) { y.data[o] += share * in[0].data[i] })
					return []nd{y}
				},
			}
		}),
		rejected: []rejected{
			{"expected images of shape (N, C, H, W), got (4, 4)", align(x(4, 4), x(1, 5), two)},
			{"expected regions of shape (K, 5) and type float32, got float32 (1, 4); a row is the image's number, x1, y1, x2, y2", align(x(1, 1, 4, 4), x(1, 4), two)},
			{"expected regions of shape (K, 5) and type float32, got float64 (1, 5)", align(x(1, 1, 4, 4), Zeros(Float64, 1, 5), two)},
			{"region 0 lies in image 2, but there are 2", align(x(2, 1, 4, 4), roi(2, 0, 0, 1, 1), two)},
			{"region 0 lies in image 0.5, but there are 2", align(x(2, 1, 4, 4), roi(0.5, 0, 0, 1, 1), two)},
			{"region 0 has a corner at NaN, in planes 1 times as large", align(x(2, 1, 4, 4), roi(0, 0, float32(math.NaN()), 1, 1), two)},
			{"expected at least 1×1 bins, got 0×2", align(x(1, 1, 4, 4), x(1, 5), RoIAlignConfig{Size: [2]int{0, 2}})},
			{"must not be negative, got -1 and 0", align(x(1, 1, 4, 4), x(1, 5), RoIAlignConfig{Size: [2]int{2, 2}, SpatialScale: -1})},
			{"region 0 has a corner at 2, in planes +Inf times as large", align(x(1, 1, 4, 4), roi(0, 2, 0, 3, 3), RoIAlignConfig{Size: [2]int{2, 2}, SpatialScale: math.Inf(1)})},
			{"images without pixels have no regions, got (1, 1, 0, 4)", align(x(1, 1, 0, 4), x(1, 5), two)},
		},
	})
	attrs := RegionAttrs(two, 1, 1, 4, 4)
	addRow("roi_align_grad", row{
		noScalar: noScalar,
		samples: regionSamples(func(k regionCase, r *rand.Rand) sample {
			return sample{
				in: []*Tensor{uniform(r, -1, 1, k.outShape()...)},
				call: func(in []*Tensor) []*Tensor {
					return Apply("roi_align_grad", RegionAttrs(k.cfg, k.x...), in[0], k.regions().To(in[0].DType()))
				},
				want: func(in []nd) []nd {
					dx := zerosOf(k.x)
					k.samples(func(o, i int, share float64) { dx.data[i] += share * in[0].data[o] })
					return []nd{dx}
				},
			}
		}),
		rejected: []rejected{
			{"expected a gradient of shape (1, 1, 2, 2), got (1, 1, 3, 2)", func() { Apply("roi_align_grad", attrs, x(1, 1, 3, 2), x(1, 5)) }},
			{"expected a gradient of shape (2, 1, 2, 2), got (1, 1, 2, 2)", func() { Apply("roi_align_grad", attrs, x(1, 1, 2, 2), x(2, 5)) }},
			{"region 0 lies in image 1, but there are 1", func() { Apply("roi_align_grad", attrs, x(1, 1, 2, 2), roi(1, 0, 0, 1, 1)) }},
		},
	})
	pool := func(x, rois *Tensor) func() { return func() { RoIPool(x, rois, RoIPoolConfig{Size: [2]int{2, 2}}) } }
	addRow("roi_pool", row{
		noScalar: noScalar,
		samples: regionSamples(func(k regionCase, r *rand.Rand) sample {
			return sample{
				in: []*Tensor{distinct(r, k.x...)},
				call: func(in []*Tensor) []*Tensor {
					return []*Tensor{RoIPool(in[0], k.regions().To(in[0].DType()), RoIPoolConfig{Size: k.cfg.Size, SpatialScale: k.cfg.SpatialScale})}
				},
				want: func(in []nd) []nd {
					y := zerosOf(k.outShape())
					k.pixels(func(o int, xs []int) {
						if len(xs) > 0 {
							y.data[o] = in[0].data[winner(in[0].data, xs)]
						}
					})
					return []nd{y}
				},
			}
		}),
		rejected: []rejected{
			{"expected a float tensor, got uint8 (1, 1, 4, 4)", pool(Zeros(Uint8, 1, 1, 4, 4), x(1, 5))},
			{"expected images of shape (N, C, H, W), got (1, 4, 4)", pool(x(1, 4, 4), x(1, 5))},
			{"region 0 lies in image -1, but there are 1", pool(x(1, 1, 4, 4), roi(-1, 0, 0, 1, 1))},
		},
	})
}
