package bench

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// photos returns n images of CIFAR's size and their classes, random ones: what they show makes no difference to the time.
func photos(n int) data.Dataset {
	r := tensor.NewRNG(1)
	return data.Tensors(r.Uniform(tensor.Float32, 0, 1, n, 3, 32, 32), r.Uniform(tensor.Float32, 0, 10, n).To(tensor.Int64))
}

// cropFlip varies such images as is usual: shifted by up to 4 pixels, mirrored, standardised.
func cropFlip(ds data.Dataset) data.Dataset {
	return transforms.Dataset(ds, transforms.Compose(
		transforms.RandomCrop{Height: 32, Width: 32, Pad: 4}, transforms.RandomHorizontalFlip{},
		transforms.Normalize{Mean: []float64{0.5, 0.5, 0.5}, Std: []float64{0.25, 0.25, 0.25}}))
}

// BenchmarkLoading compares the rates at which examples are made with the rate at which ResNet-20 learns from them:
//
//	go test ./bench -run xxx -bench Loading
//
// The first three are what one core makes. The last is what train.Fit gets through on all cores, at best, one worker of the loader
// included, and the median of how that changes with augmentation: near 1, loading keeps up.
func BenchmarkLoading(b *testing.B) {
	rate := func(b *testing.B, images int) {
		b.ReportMetric(float64(images)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		b.ReportMetric(0, "ns/op")
	}
	for _, c := range []struct {
		name string
		set  data.Dataset
	}{{"plain", photos(2048)}, {"augmented", cropFlip(photos(2048))}} {
		b.Run("loader/"+c.name, func(b *testing.B) { // alone, on the caller's goroutine
			loader := data.NewLoader(c.set, data.LoaderConfig{Batch: 64, Shuffle: true, DropLast: true, Workers: -1})
			for b.Loop() {
				for batch, err := range loader.Epoch(context.Background(), 0) {
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
			}
			rate(b, c.set.Len())
		})
	}
	photo := jpegPhoto(b, 500, 375)
	b.Run("jpeg", func(b *testing.B) { // decode 500×375 pixels, resize to 224×224
		for b.Loop() {
			im, err := imagefolder.Decode(photo, imagefolder.Config{})
			if err != nil {
				b.Fatal(err)
			}
			imagefolder.Resize(im.Tensor(), 224, 224)
		}
		rate(b, 1)
	})
	b.Run("train", func(b *testing.B) {
		plain, augmented := fit(b, photos(1024)), fit(b, cropFlip(photos(1024)))
		var rates, ratios []float64
		for b.Loop() {
			r := 1024 / plain().Seconds()
			rates = append(rates, r)
			ratios = append(ratios, 1024/augmented().Seconds()/r)
		}
		slices.Sort(rates)
		slices.Sort(ratios)
		b.ReportMetric(rates[len(rates)-1], "images/s")
		b.ReportMetric(ratios[len(ratios)/2], "augmented/plain")
		b.ReportMetric(0, "ns/op")
	})
}

// fit returns a function that trains ResNet-20 for an epoch and says how long that took.
func fit(b *testing.B, set data.Dataset) func() time.Duration {
	net := models.CIFARResNet(20, models.CIFARConfig{})
	nn.Init(net, 1)
	return func() time.Duration {
		start := time.Now()
		_, err := train.Fit(context.Background(), train.Config{Model: net, Loss: nn.CrossEntropy, Epochs: 1,
			Optimizer: optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.01, Momentum: 0.9}),
			Train:     data.NewLoader(set, data.LoaderConfig{Batch: 64, Shuffle: true})})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
}

// jpegPhoto returns a JPEG file with something of everything in it.
func jpegPhoto(b *testing.B, width, height int) []byte {
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	r := tensor.NewRNG(2)
	for y := range height {
		for x := range width {
			noise := uint8(r.IntN(24))
			im.Set(x, y, color.RGBA{uint8(x/2) + noise, uint8(y/2) + noise, uint8((x^y)&127) + noise, 255})
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, im, &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
