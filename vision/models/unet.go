package models

import (
	"fmt"
	"strconv"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// UNet is the network of Ronneberger et al., "U-Net: Convolutional networks for biomedical image segmentation", 2015, which gives each
// pixel a class: a way down, where each level halves the picture and doubles the channels, and a way up, where each level sees what
// comes from below, doubled in size, beside what the same level saw on the way down. Other than in the paper, convolutions pad, so that the
// result has the picture's size, and batch norm follows each.
type UNet struct {
	down []*nn.Named // the levels on the way down, the bottom last
	grow []nn.Layer  // what doubles the size, from the bottom up
	up   []*nn.Named // the levels on the way up
	head *nn.Conv2D
	half nn.Layer
}

// UNetConfig describes a [UNet]. Classes is required.
type UNetConfig struct {
	In       int  // channels of the picture, default 3
	Classes  int  // of pixels
	Width    int  // channels of the first level, default 64 as in the paper
	Depth    int  // how often the picture is halved, default 4 as in the paper
	Bilinear bool // grow by interpolation and a 1×1 convolution, in place of a transposed convolution
}

// New returns the network. With the defaults, one input channel and two classes it has 31,036,546 parameters.
func (cfg UNetConfig) New() *UNet {
	cfg.In, cfg.Width, cfg.Depth = orDefault(cfg.In, 3), orDefault(cfg.Width, 64), orDefault(cfg.Depth, 4)
	if cfg.In < 1 || cfg.Classes < 1 || cfg.Width < 1 || cfg.Depth < 1 {
		tensor.Fail("models.UNet", "", "In, Classes, Width and Depth must be positive, got %+v", cfg)
	}
	net := &UNet{half: nn.MaxPool2D(2)}
	in := cfg.In
	for level := range cfg.Depth + 1 {
		net.down = append(net.down, twoConvs(in, cfg.Width<<level))
		in = cfg.Width << level
	}
	for level := cfg.Depth - 1; level >= 0; level-- {
		out := cfg.Width << level
		net.grow = append(net.grow, cfg.double(in, out))
		net.up = append(net.up, twoConvs(2*out, out))
		in = out
	}
	net.head = nn.NewConv2D(in, cfg.Classes, 1)
	return net
}

func twoConvs(in, out int) *nn.Named {
	return nn.NewNamed().
		Add("conv1", conv3x3(in, out, 1)).Add("bn1", nn.NewBatchNorm(out)).Add("relu1", nn.ReLU()).
		Add("conv2", conv3x3(out, out, 1)).Add("bn2", nn.NewBatchNorm(out)).Add("relu2", nn.ReLU())
}

// double returns a layer that doubles height and width and takes in channels to out.
func (cfg UNetConfig) double(in, out int) nn.Layer {
	if !cfg.Bilinear {
		return nn.ConvTranspose2DConfig{In: in, Out: out, Kernel: 2, Stride: 2}.New()
	}
	bilinear := nn.Upsample(tensor.InterpolateConfig{Scale: [2]float64{2, 2}})
	return nn.Seq(nn.NewConv2D(in, out, 1), bilinear) // in this order it costs a quarter and gives the same
}

// Forward takes pictures (N, In, H, W) to logits (N, Classes, H, W). Where a side isn't divisible by 2 for each level, what comes from
// below is one pixel short there, and gets zeros.
func (u *UNet) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	if s := 1 << len(u.up); x.NDim() != 4 || x.Size(2) < s || x.Size(3) < s {
		tensor.Fail("unet", fmt.Sprintf("enlarge the pictures to %d×%d or more, or choose a smaller Depth", s, s),
			"expected pictures (N, C, H, W) that can be halved %d times, got %s", len(u.up), tensor.ShapeString(x.Shape()))
	}
	var seen []*tensor.Tensor
	for i, level := range u.down {
		if i > 0 {
			seen = append(seen, x)
			x = c.Call("pool", u.half, x)
		}
		x = c.Call("down"+strconv.Itoa(i), level, x)
	}
	for i, level := range u.up {
		x = c.Call("grow"+strconv.Itoa(i), u.grow[i], x)
		same := seen[len(seen)-1-i]
		if h, w := same.Size(2)-x.Size(2), same.Size(3)-x.Size(3); h > 0 || w > 0 {
			x = x.Pad(tensor.PadConstant, 0, []int{0, 0}, []int{h, w})
		}
		x = c.Call("up"+strconv.Itoa(i), level, tensor.Cat(1, same, x))
	}
	return c.Call("head", u.head, x)
}

// Visit names "down0", …, "grow0", "up0", … from the bottom up, and "head".
func (u *UNet) Visit(v *nn.Visitor) {
	for i, level := range u.down {
		v.Child("down"+strconv.Itoa(i), level)
	}
	v.Child("pool", u.half)
	for i, level := range u.up {
		v.Child("grow"+strconv.Itoa(i), u.grow[i])
		v.Child("up"+strconv.Itoa(i), level)
	}
	v.Child("head", u.head)
}
