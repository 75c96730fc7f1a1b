package models

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// CIFARConfig describes a network for small images, 32×32 as a rule. The zero value is the paper's, with projections where shapes
// change.
type CIFARConfig struct {
	In            int     // channels of the image, default 3
	Classes       int     // default 10
	Width         int     // filters of the first stage, default 16 for ResNets and 24 for VGG; it doubles from stage to stage
	Plain         bool    // the same layers without shortcuts
	PreActivation bool    // the second form: batch norm and ReLU in front of each convolution (He et al., 2016)
	Bottleneck    bool    // units of 1×1, 3×3 and 1×1 filters, the last four times as many: the depth is 9n + 2
	ZeroPad       bool    // shortcuts without parameters where shapes change: every second pixel, zeros as new channels (option A)
	Dropout       float64 // probability of dropping a hidden unit in CIFARVGG's linear layers, default 0
}

func (cfg CIFARConfig) withDefaults(width int) CIFARConfig {
	cfg.In = orDefault(cfg.In, 3)
	cfg.Classes = orDefault(cfg.Classes, 10)
	cfg.Width = orDefault(cfg.Width, width)
	return cfg
}

func orDefault(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

// CIFARResNet returns the residual network for CIFAR-10 of He et al., "Deep residual learning for image recognition", 2015, §4.2: a
// 3×3 convolution, three stages of n units at 32×32, 16×16 and 8×8 pixels with 16, 32 and 64 filters, global average pooling and a
// linear layer. depth is 6n + 2 (20, 32, 44, 56, 110; 9n + 2 with Bottleneck, such as 164) and counts the weighted layers on the
// longest way. It panics for another depth.
//
// ResNet-20 has 269,722 parameters with ZeroPad, as in the paper, and 272,474 with projections. Keys follow torchvision's ResNets.
func CIFARResNet(depth int, cfg CIFARConfig) nn.Layer {
	cfg = cfg.withDefaults(16)
	layers, expansion := 2, 1
	if cfg.Bottleneck {
		layers, expansion = 3, 4
	}
	units := (depth - 2) / (3 * layers)
	if units < 1 || units*3*layers+2 != depth {
		tensor.Fail("models.CIFARResNet", "20, 32, 44, 56 and 110 are common; 164 with Bottleneck",
			"depth must be %dn + 2 with n of 1 or more, got %d", 3*layers, depth)
	}
	net := nn.NewNamed().Add("conv1", conv3x3(cfg.In, cfg.Width, 1))
	if !cfg.PreActivation {
		net.Add("bn1", nn.NewBatchNorm(cfg.Width)).Add("relu", nn.ReLU())
	}
	in := cfg.Width
	for stage := range 3 {
		width := cfg.Width << stage
		s := nn.Seq()
		for unit := range units {
			stride := 1
			if stage > 0 && unit == 0 {
				stride = 2
			}
			s.Layers = append(s.Layers, cfg.unit(in, width, width*expansion, stride, stage+unit == 0))
			in = width * expansion
		}
		net.Add(fmt.Sprintf("layer%d", stage+1), s)
	}
	if cfg.PreActivation {
		net.Add("bn1", nn.NewBatchNorm(in)).Add("relu", nn.ReLU())
	}
	return net.Add("avgpool", nn.GlobalAvgPool2D()).Add("flatten", nn.Flatten()).
		Add("fc", nn.LinearConfig{In: in, Out: cfg.Classes, Init: nn.HeNormal(1)}.New())
}

// unit returns a residual unit that takes in channels by way of width to out.
func (cfg CIFARConfig) unit(in, width, out, stride int, first bool) nn.Layer {
	convs := []*nn.Conv2D{conv3x3(in, width, stride), conv3x3(width, out, 1)}
	if cfg.Bottleneck {
		convs = []*nn.Conv2D{conv1x1(in, width, 1), conv3x3(width, width, stride), conv1x1(width, out, 1)}
	}
	r := &residual{body: nn.NewNamed(), plain: cfg.Plain}
	if cfg.PreActivation {
		r.pre, r.first = nn.NewNamed(), first
	}
	for i, conv := range convs {
		name := func(kind string) string { return fmt.Sprintf("%s%d", kind, i+1) }
		if cfg.PreActivation {
			norm := r.body
			if i == 0 {
				norm = r.pre
			}
			norm.Add(name("bn"), nn.NewBatchNorm(conv.Config().In)).Add(name("relu"), nn.ReLU())
			r.body.Add(name("conv"), conv)
			continue
		}
		r.body.Add(name("conv"), conv).Add(name("bn"), nn.NewBatchNorm(conv.Config().Out))
		if i < len(convs)-1 {
			r.body.Add(name("relu"), nn.ReLU())
		}
	}
	if !cfg.Plain && (stride > 1 || in != out) {
		r.downsample = cfg.shortcut(in, out, stride)
	}
	return r
}

// shortcut returns what brings the input of a unit to the shape of its output.
func (cfg CIFARConfig) shortcut(in, out, stride int) nn.Layer {
	switch {
	case cfg.ZeroPad:
		return nn.NewLambda("ZeroPad", func(x *tensor.Tensor) *tensor.Tensor {
			if stride > 1 {
				x = x.Slice(2, 0, tensor.End, stride).Slice(3, 0, tensor.End, stride)
			}
			return x.Pad(tensor.PadConstant, 0, []int{0, 0, 0}, []int{out - in, 0, 0})
		})
	case cfg.PreActivation: // what arrives is normalised already
		return nn.Seq(conv1x1(in, out, stride))
	default:
		return nn.Seq(conv1x1(in, out, stride), nn.NewBatchNorm(out))
	}
}

// conv3x3 is a convolution that batch norm follows or precedes, so without bias.
func conv3x3(in, out, stride int) *nn.Conv2D {
	return nn.Conv2DConfig{In: in, Out: out, Kernel: 3, Stride: stride, Pad: 1, NoBias: true, Init: heFanIn}.New()
}

func conv1x1(in, out, stride int) *nn.Conv2D {
	return nn.Conv2DConfig{In: in, Out: out, Kernel: 1, Stride: stride, NoBias: true, Init: heFanIn}.New()
}

// heFanIn keeps the variance of activations through layers with ReLU (He et al., "Delving deep into rectifiers", 2015, eq. 10).
var heFanIn = nn.HeNormal(math.Sqrt2)

// CIFARVGG returns a network in the style of Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
// recognition", 2014, for images (N, In, 32, 32): three stages of two 3×3 convolutions with batch norm and ReLU, the filters
// doubling as max-pooling halves the sides, then three linear layers. With the default width of 24 it has 265,202 parameters, as
// many as a ResNet-20 within 3 %. Of the settings it takes In, Classes, Width and Dropout.
func CIFARVGG(cfg CIFARConfig) nn.Layer {
	cfg = cfg.withDefaults(24)
	features := nn.Seq()
	in := cfg.In
	for stage := range 3 {
		width := cfg.Width << stage
		for range 2 {
			features.Layers = append(features.Layers, conv3x3(in, width, 1), nn.NewBatchNorm(width), nn.ReLU())
			in = width
		}
		features.Layers = append(features.Layers, nn.MaxPool2D(2))
	}
	const hidden = 64
	return nn.NewNamed().Add("features", features).Add("flatten", nn.Flatten()).Add("classifier", nn.Seq(
		nn.LinearConfig{In: in * 4 * 4, Out: hidden, Init: heFanIn}.New(), nn.ReLU(), nn.NewDropout(cfg.Dropout),
		nn.LinearConfig{In: hidden, Out: hidden, Init: heFanIn}.New(), nn.ReLU(), nn.NewDropout(cfg.Dropout),
		nn.LinearConfig{In: hidden, Out: cfg.Classes, Init: nn.HeNormal(1)}.New()))
}
