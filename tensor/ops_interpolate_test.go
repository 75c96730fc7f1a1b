package tensor_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// resampleCase is one use of interpolate; size is what comes out.
type resampleCase struct {
	x    []int
	size [2]int
	cfg  InterpolateConfig
}

var resampleCases = []resampleCase{
	{[]int{2, 1, 4, 5}, [2]int{7, 3}, InterpolateConfig{Size: [2]int{7, 3}}},
	{[]int{1, 2, 4, 3}, [2]int{2, 5}, InterpolateConfig{Size: [2]int{2, 5}, AlignCorners: true}},
	{[]int{1, 1, 3, 4}, [2]int{7, 6}, InterpolateConfig{Scale: [2]float64{2.5, 1.7}}},
	{[]int{2, 5, 7}, [2]int{2, 3}, InterpolateConfig{Size: [2]int{2, 3}, Antialias: true}},
	{[]int{1, 4, 5}, [2]int{6, 2}, InterpolateConfig{Size: [2]int{6, 2}, Mode: Bicubic, Antialias: true}},
	{[]int{1, 1, 4, 3}, [2]int{6, 5}, InterpolateConfig{Size: [2]int{6, 5}, Mode: Bicubic}},
	{[]int{1, 1, 5, 2}, [2]int{3, 4}, InterpolateConfig{Size: [2]int{3, 4}, Mode: Bicubic, AlignCorners: true}},
	{[]int{1, 2, 3, 5}, [2]int{7, 2}, InterpolateConfig{Size: [2]int{7, 2}, Mode: Nearest}},
	{[]int{1, 1, 5, 4}, [2]int{3, 10}, InterpolateConfig{Scale: [2]float64{0.7, 2.5}, Mode: Nearest}},
	{[]int{1, 1, 5, 3}, [2]int{3, 7}, InterpolateConfig{Size: [2]int{3, 7}, Mode: NearestExact}},
	{[]int{1, 2, 5, 3}, [2]int{2, 7}, InterpolateConfig{Size: [2]int{2, 7}, Mode: Area}},
	{[]int{1, 1, 1, 1}, [2]int{1, 1}, InterpolateConfig{Size: [2]int{1, 1}, AlignCorners: true}},
	{[]int{0, 2, 4, 4}, [2]int{2, 2}, InterpolateConfig{Size: [2]int{2, 2}}},
}

// share returns how much of pixel j along an axis of in goes into pixel i of out, by the definitions.
func (k resampleCase) share(axis, i, j, in, out int) float64 {
	ratio := float64(in) / float64(out)
	if k.cfg.Scale[axis] > 0 {
		ratio = 1 / k.cfg.Scale[axis]
	}
	at := (float64(i)+0.5)*ratio - 0.5
	if k.cfg.AlignCorners && !k.cfg.Antialias {
		at = float64(i) * float64(in-1) / math.Max(float64(out-1), 1)
	}
	keys := func(a, d float64) float64 {
		switch d = math.Abs(d); {
		case d <= 1:
			return (a+2)*d*d*d - (a+3)*d*d + 1
		case d < 2:
			return a*d*d*d - 5*a*d*d + 8*a*d - 4*a
		}
		return 0
	}
	hat := func(d float64) float64 { return math.Max(0, 1-math.Abs(d)) }
	is := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	switch {
	case k.cfg.Antialias:
		wide, weight := math.Max(ratio, 1), hat
		if k.cfg.Mode == Bicubic {
			weight = func(d float64) float64 { return keys(-0.5, d) }
		}
		sum := 0.0
		for p := range in {
			sum += weight((float64(p) - at) / wide)
		}
		return weight((float64(j)-at)/wide) / sum
	case k.cfg.Mode == Nearest:
		return is(j == int(math.Floor(float64(i)*ratio)))
	case k.cfg.Mode == NearestExact:
		return is(j == int(math.Floor((float64(i)+0.5)*ratio)))
	case k.cfg.Mode == Area:
		lo, hi := math.Floor(float64(i*in)/float64(out)), math.Ceil(float64((i+1)*in)/float64(out))
		return is(float64(j) >= lo && float64(j) < hi) / (hi - lo)
	case k.cfg.Mode == Bicubic:
		sum := 0.0
		for p := -3; p < in+3; p++ { // the edge repeats
			sum += is(min(max(p, 0), in-1) == j) * keys(-0.75, float64(p)-at)
		}
		return sum
	}
	return hat(float64(j) - math.Min(math.Max(at, 0), float64(in-1)))
}

// pairs calls f for every pair of an output and an input pixel with what the one takes of the other.
func (k resampleCase) pairs(f func(out, in int, share float64)) {
	n := len(k.x)
	h, w, planes := k.x[n-2], k.x[n-1], 1
	for _, s := range k.x[:n-2] {
		planes *= s
	}
	each([]int{planes, k.size[0], k.size[1], h, w}, func(a []int) {
		f((a[0]*k.size[0]+a[1])*k.size[1]+a[2], (a[0]*h+a[3])*w+a[4], k.share(0, a[1], a[3], h, k.size[0])*k.share(1, a[2], a[4], w, k.size[1]))
	})
}

func (k resampleCase) outShape() []int {
	return append(slices.Clone(k.x[:len(k.x)-2]), k.size[0], k.size[1])
}

func init() {
	x := func(shape ...int) *Tensor { return Zeros(Float32, shape...) }
	resize := func(x *Tensor, cfg InterpolateConfig) func() { return func() { Interpolate(x, cfg) } }
	two := [2]int{2, 2}
	addRow("interpolate", row{
		noScalar: "images have three axes or four",
		samples: func(r *rand.Rand) []sample {
			var out []sample
			for _, k := range resampleCases {
				out = append(out, sample{
					in:   []*Tensor{uniform(r, -1, 1, k.x...)},
					call: func(in []*Tensor) []*Tensor { return []*Tensor{Interpolate(in[0], k.cfg)} },
					want: func(in []nd) []nd {
						y := zerosOf(k.outShape())
						k.pairs(func(o, i int, share float64) { y.data[o] += share * in[0].data[i] })
						return []nd{y}
					},
				}, sample{
					name: "transposed",
					in:   []*Tensor{uniform(r, -1, 1, k.outShape()...)},
					call: func(in []*Tensor) []*Tensor {
						return Apply("interpolate", ResampleAttrs(k.cfg, k.x[len(k.x)-2], k.x[len(k.x)-1]), in...)
					},
					want: func(in []nd) []nd {
						dx := zerosOf(k.x)
						k.pairs(func(o, i int, share float64) { dx.data[i] += share * in[0].data[o] })
						return []nd{dx}
					},
				})
			}
			return out
		},
		rejected: []rejected{
			{"expected images of shape (N, C, H, W) or (C, H, W), got (4, 4)", resize(x(4, 4), InterpolateConfig{Size: two})},
			{"expected a float tensor, got uint8 (1, 4, 4)", resize(Zeros(Uint8, 1, 4, 4), InterpolateConfig{Size: two})},
			{"expected a Size or a Scale, got both, [2 2] and [2 2]", resize(x(1, 4, 4), InterpolateConfig{Size: two, Scale: [2]float64{2, 2}})},
			{"expected a Size, or a Scale above 0 for rows and columns that gives fewer than 2²⁴ of them, got size [0 0], scale [0 0]", resize(x(1, 4, 4), InterpolateConfig{})},
			{"expected a result of at least 1×1, got 2×-1", resize(x(1, 4, 4), InterpolateConfig{Size: [2]int{2, -1}})},
			{"expected a result of at least 1×1, got 0×0", resize(x(1, 4, 4), InterpolateConfig{Scale: [2]float64{0.1, 0.1}})},
			{"images without pixels can't be resampled, got (1, 0, 4)", resize(x(1, 0, 4), InterpolateConfig{Size: two})},
			{"corners are aligned with bilinear and bicubic interpolation only, not with nearest", resize(x(1, 4, 4), InterpolateConfig{Size: two, Mode: Nearest, AlignCorners: true})},
			{"antialiasing is for bilinear and bicubic interpolation, not for area", resize(x(1, 4, 4), InterpolateConfig{Size: two, Mode: Area, Antialias: true})},
			{"there is no interpolation 9", resize(x(1, 4, 4), InterpolateConfig{Size: two, Mode: 9})},
			{"expected images of 2×2, got (1, 3, 2)", func() { Apply("interpolate", ResampleAttrs(InterpolateConfig{Size: two}, 4, 4), x(1, 3, 2)) }},
		},
	})
}

// What isn't read doesn't count, however large: an infinite pixel spoils only those that it is part of.
func TestInterpolateReadsOnlyWhatItNeeds(t *testing.T) {
	x := FromSlice([]float32{float32(math.Inf(1)), 1, 2, 3}, 1, 1, 4)
	got := ToSlice[float64](Interpolate(x, InterpolateConfig{Size: [2]int{1, 4}}))
	if !slices.Equal(got[1:], []float64{1, 2, 3}) {
		t.Errorf("an infinite first pixel leads to %v", got)
	}
}
