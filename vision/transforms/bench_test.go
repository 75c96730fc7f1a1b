package transforms

import (
	"testing"

	"github.com/gradus-ml/gradus/tensor"
)

// BenchmarkTransforms changes an image of 3 × 480 × 640, or of 3 × 224 × 224 where nothing else is said.
func BenchmarkTransforms(b *testing.B) {
	photo, small := tensor.NewRNG(7).Uniform(tensor.Float32, 0, 1, 3, 480, 640), tensor.NewRNG(7).Uniform(tensor.Float32, 0, 1, 3, 224, 224)
	crop := RandomResizedCrop{Height: 224, Width: 224}
	jitter := ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1}
	for _, c := range []struct {
		name string
		x    *tensor.Tensor
		t    Transform
	}{
		{"480x640/crop+flip+jitter", photo, Compose(crop, RandomHorizontalFlip{}, jitter)},
		{"480x640/resized_crop", photo, crop},
		{"480x640/resize", photo, Resize{Height: 224, Width: 224}},
		{"flip", small, RandomHorizontalFlip{P: 1}},
		{"jitter", small, jitter},
		{"brightness", small, ColorJitter{Brightness: 0.4}},
		{"contrast", small, ColorJitter{Contrast: 0.4}},
		{"saturation", small, ColorJitter{Saturation: 0.4}},
		{"hue", small, ColorJitter{Hue: 0.1}},
		{"affine", small, RandomAffine{Degrees: 20, Translate: [2]float64{0.1, 0.1}, Scale: [2]float64{0.8, 1.2}, Shear: [2]float64{5, 5}}},
		{"elastic", small, ElasticTransform{}},
		{"perspective", small, RandomPerspective{P: 1}},
		{"blur5", small, GaussianBlur{Kernel: 5}},
		{"erasing", small, RandomErasing{P: 1}},
		{"normalize", small, Normalize{Mean: []float64{0.4, 0.5, 0.6}, Std: []float64{0.2, 0.2, 0.2}}},
		{"randaugment", small, RandAugment{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			rng := tensor.NewRNG(1)
			scope := tensor.NewScope()
			for b.Loop() {
				c.t.Apply(rng, Sample{Image: c.x.In(scope)})
				scope.Release()
			}
		})
	}
}
