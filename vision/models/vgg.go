package models

import "github.com/gradus-ml/gradus/nn"

// The columns of table 1 of Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014: the
// filters of each 3×3 convolution, pool for a max-pooling.
const pool = 0

var (
	vggA = []int{64, pool, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool}
	vggB = []int{64, 64, pool, 128, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool}
	vggD = []int{64, 64, pool, 128, 128, pool, 256, 256, 256, pool, 512, 512, 512, pool, 512, 512, 512, pool}
	vggE = []int{64, 64, pool, 128, 128, pool, 256, 256, 256, 256, pool, 512, 512, 512, 512, pool, 512, 512, 512, 512, pool}
)

// VGG11 returns configuration A of Simonyan and Zisserman, 2014, for images of 32×32 and more; 132,863,336 parameters for 1000
// classes. This and the others have torchvision's keys and initial values.
func VGG11(classes int) nn.Layer { return vgg(vggA, false, classes) }

// VGG13 is configuration B; 133,047,848 parameters.
func VGG13(classes int) nn.Layer { return vgg(vggB, false, classes) }

// VGG16 is configuration D; 138,357,544 parameters.
func VGG16(classes int) nn.Layer { return vgg(vggD, false, classes) }

// VGG19 is configuration E; 143,667,240 parameters.
func VGG19(classes int) nn.Layer { return vgg(vggE, false, classes) }

// VGG11BN is [VGG11] with batch normalisation behind each convolution.
func VGG11BN(classes int) nn.Layer { return vgg(vggA, true, classes) }

// VGG13BN is [VGG13] with batch normalisation behind each convolution.
func VGG13BN(classes int) nn.Layer { return vgg(vggB, true, classes) }

// VGG16BN is [VGG16] with batch normalisation behind each convolution.
func VGG16BN(classes int) nn.Layer { return vgg(vggD, true, classes) }

// VGG19BN is [VGG19] with batch normalisation behind each convolution.
func VGG19BN(classes int) nn.Layer { return vgg(vggE, true, classes) }

func vgg(column []int, batchNorm bool, classes int) nn.Layer {
	features := nn.Seq()
	in := 3
	for _, out := range column {
		if out == pool {
			features.Layers = append(features.Layers, nn.MaxPool2D(2))
			continue
		}
		features.Layers = append(features.Layers, nn.Conv2DConfig{In: in, Out: out, Kernel: 3, Pad: 1, Init: heFanOut, BiasInit: nn.Zeros}.New())
		if batchNorm {
			features.Layers = append(features.Layers, nn.NewBatchNorm(out))
		}
		features.Layers = append(features.Layers, nn.ReLU())
		in = out
	}
	return nn.NewNamed().
		Add("features", features).
		Add("avgpool", nn.AdaptiveAvgPool2D(7, 7)). // does nothing to images of 224×224
		Add("flatten", nn.Flatten()).
		Add("classifier", nn.Seq(
			smallLinear(512*7*7, 4096), nn.ReLU(), nn.NewDropout(0.5),
			smallLinear(4096, 4096), nn.ReLU(), nn.NewDropout(0.5),
			smallLinear(4096, classes)))
}

// smallLinear is a linear layer that starts from small weights and no bias.
func smallLinear(in, out int) *nn.Linear {
	return nn.LinearConfig{In: in, Out: out, Init: nn.Normal(0, 0.01), BiasInit: nn.Zeros}.New()
}
