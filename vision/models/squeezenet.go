package models

import (
	"math"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// SqueezeNet returns SqueezeNet 1.1 (Iandola et al., 2016), as good as AlexNet with a fiftieth of its weights; 1,235,496 parameters
// for 1000 classes. It has torchvision's keys and initial values.
func SqueezeNet(classes int) nn.Layer {
	pool := func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Ceil: true}.Max() }
	last := nn.Conv2DConfig{In: 512, Out: classes, Kernel: 1, Init: nn.Normal(0, 0.01), BiasInit: nn.Zeros}.New()
	return nn.NewNamed().
		Add("features", nn.Seq(
			squeezeConv(3, 64, 3, 2, 0), nn.ReLU(), pool(),
			newFire(64, 16, 64), newFire(128, 16, 64), pool(),
			newFire(128, 32, 128), newFire(256, 32, 128), pool(),
			newFire(256, 48, 192), newFire(384, 48, 192), newFire(384, 64, 256), newFire(512, 64, 256))).
		Add("classifier", nn.Seq(nn.NewDropout(0.5), last, nn.ReLU(), nn.AdaptiveAvgPool2D(1, 1))).
		Add("flatten", nn.Flatten())
}

func squeezeConv(in, out, kernel, stride, pad int) *nn.Conv2D {
	return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad, Init: nn.HeUniform(math.Sqrt2), BiasInit: nn.Zeros}.New()
}

// fire squeezes by 1×1 convolutions and expands by 1×1 and 3×3 ones side by side.
type fire struct{ squeeze, expand1, expand3 *nn.Named }

func newFire(in, squeeze, expand int) *fire {
	return &fire{
		nn.NewNamed().Add("squeeze", squeezeConv(in, squeeze, 1, 1, 0)).Add("squeeze_activation", nn.ReLU()),
		nn.NewNamed().Add("expand1x1", squeezeConv(squeeze, expand, 1, 1, 0)).Add("expand1x1_activation", nn.ReLU()),
		nn.NewNamed().Add("expand3x3", squeezeConv(squeeze, expand, 3, 1, 1)).Add("expand3x3_activation", nn.ReLU()),
	}
}

// Forward takes (N, C, H, W) to (N, 2·expand, H, W).
func (f *fire) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	x = f.squeeze.Forward(c, x)
	return tensor.Cat(1, f.expand1.Forward(c, x), f.expand3.Forward(c, x))
}

// Visit names the three convolutions.
func (f *fire) Visit(v *nn.Visitor) {
	v.Inline(f.squeeze)
	v.Inline(f.expand1)
	v.Inline(f.expand3)
}
