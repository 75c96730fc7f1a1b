package models

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Inception is GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2015), as torchvision has it, with batch normalisation and
// 3×3 filters where the paper's table 1 has 5×5, or as in the paper.
type Inception struct {
	// TransformInput converts images normalised by ImageNet's means and deviations to the range −1 … 1, which the weights that
	// torchvision publishes were trained on.
	TransformInput bool

	low, middle, high *nn.Named // up to 4a, 4b to 4d, and 4e to 5b: the auxiliary heads sit between
	aux1, aux2        *nn.Named // nil without
	head              *nn.Named
}

// GoogLeNet returns the network without its auxiliary heads; 6,624,904 parameters for 1000 classes.
func GoogLeNet(classes int) *Inception {
	net := googLeNet(inceptionForm{conv: convBN, five: 3, lastPool: 2, norm: nn.Identity})
	net.head.Add("dropout", nn.NewDropout(0.2))
	net.head.Add("fc", nn.LinearConfig{In: 1024, Out: classes, Init: nn.Normal(0, 0.01)}.New())
	return net
}

// GoogLeNetOf2014 returns the network as the paper has it, for images of 224×224: without batch normalisation, with local response
// normalisation and filters of 5×5; 6,998,552 parameters for 1000 classes.
func GoogLeNetOf2014(classes int) *Inception {
	plain := func(in, out int, cfg nn.Conv2DConfig) *nn.Named {
		cfg.In, cfg.Out, cfg.Init, cfg.BiasInit = in, out, heFanIn, nn.Zeros
		return nn.NewNamed().Add("conv", cfg.New()).Add("relu", nn.ReLU())
	}
	net := googLeNet(inceptionForm{conv: plain, five: 5, lastPool: 3, norm: responseNorm})
	net.head.Add("dropout", nn.NewDropout(0.4))
	net.head.Add("fc", nn.NewLinear(1024, classes))
	return net
}

// inceptionForm is in what torchvision's network differs from the paper's.
type inceptionForm struct {
	conv     func(in, out int, cfg nn.Conv2DConfig) *nn.Named // a convolution with its activation
	five     int                                              // side of the filters that are 5×5 in the paper
	lastPool int                                              // side of the last max-pooling
	norm     func() *nn.Lambda                                // behind the first and the third convolution
}

// googLeNet is table 1 of the paper, all but the last two layers.
func googLeNet(f inceptionForm) *Inception {
	pool := func(kernel int) nn.Layer { return nn.PoolConfig{Kernel: kernel, Stride: 2, Ceil: true}.Max() }
	return &Inception{
		low: nn.NewNamed().
			Add("conv1", f.conv(3, 64, nn.Conv2DConfig{Kernel: 7, Stride: 2, Pad: 3})).
			Add("maxpool1", pool(3)).
			Add("norm1", f.norm()).
			Add("conv2", f.conv(64, 64, nn.Conv2DConfig{Kernel: 1})).
			Add("conv3", f.conv(64, 192, nn.Conv2DConfig{Kernel: 3, Pad: 1})).
			Add("norm2", f.norm()).
			Add("maxpool2", pool(3)).
			Add("inception3a", f.inception(192, 64, 96, 128, 16, 32, 32)).
			Add("inception3b", f.inception(256, 128, 128, 192, 32, 96, 64)).
			Add("maxpool3", pool(3)).
			Add("inception4a", f.inception(480, 192, 96, 208, 16, 48, 64)),
		middle: nn.NewNamed().
			Add("inception4b", f.inception(512, 160, 112, 224, 24, 64, 64)).
			Add("inception4c", f.inception(512, 128, 128, 256, 24, 64, 64)).
			Add("inception4d", f.inception(512, 112, 144, 288, 32, 64, 64)),
		high: nn.NewNamed().
			Add("inception4e", f.inception(528, 256, 160, 320, 32, 128, 128)).
			Add("maxpool4", pool(f.lastPool)).
			Add("inception5a", f.inception(832, 256, 160, 320, 32, 128, 128)).
			Add("inception5b", f.inception(832, 384, 192, 384, 48, 128, 128)),
		head: nn.NewNamed().
			Add("avgpool", nn.AdaptiveAvgPool2D(1, 1)).
			Add("flatten", nn.Flatten()),
	}
}

// GoogLeNetWithHeads returns the network with the two auxiliary classifiers of the paper, which bring gradients to the lower half in
// training; 13,004,888 parameters for 1000 classes. [Inception.Heads] returns their logits.
func GoogLeNetWithHeads(classes int) *Inception {
	net := GoogLeNet(classes)
	net.aux1, net.aux2 = auxiliary(512, classes), auxiliary(528, classes)
	return net
}

// auxiliary is a classifier on the output of a unit with in channels.
func auxiliary(in, classes int) *nn.Named {
	return nn.NewNamed().
		Add("avgpool", nn.AdaptiveAvgPool2D(4, 4)).
		Add("conv", convBN(in, 128, nn.Conv2DConfig{Kernel: 1})).
		Add("flatten", nn.Flatten()).
		Add("fc1", nn.LinearConfig{In: 2048, Out: 1024, Init: nn.Normal(0, 0.01)}.New()).
		Add("relu", nn.ReLU()).
		Add("dropout", nn.NewDropout(0.7)).
		Add("fc2", nn.LinearConfig{In: 1024, Out: classes, Init: nn.Normal(0, 0.01)}.New())
}

// convBN is a convolution with batch norm and ReLU, torchvision's BasicConv2d.
func convBN(in, out int, cfg nn.Conv2DConfig) *nn.Named {
	cfg.In, cfg.Out, cfg.NoBias, cfg.Init = in, out, true, nn.Normal(0, 0.01)
	return nn.NewNamed().
		Add("conv", cfg.New()).
		Add("bn", nn.BatchNormConfig{Channels: out, Eps: 0.001}.New()).
		Add("relu", nn.ReLU())
}

// inception is a row of table 1: how many filters of each kind stand side by side.
func (f inceptionForm) inception(in, one, reduce3, three, reduce5, five, project int) *branches {
	single := nn.Conv2DConfig{Kernel: 1}
	return &branches{[]nn.Layer{
		f.conv(in, one, single),
		nn.Seq(f.conv(in, reduce3, single), f.conv(reduce3, three, nn.Conv2DConfig{Kernel: 3, Pad: 1})),
		nn.Seq(f.conv(in, reduce5, single), f.conv(reduce5, five, nn.Conv2DConfig{Kernel: f.five, Pad: f.five / 2})),
		nn.Seq(nn.PoolConfig{Kernel: 3, Stride: 1, Pad: 1, Ceil: true}.Max(), f.conv(in, project, single)),
	}}
}

// branches joins the channels of four layers that see the same input, as nn.Parallel does, under torchvision's names.
type branches struct{ layers []nn.Layer }

var branchNames = []string{"branch1", "branch2", "branch3", "branch4"}

// Forward takes (N, C, H, W) to (N, C′, H, W).
func (b *branches) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	ys := make([]*tensor.Tensor, len(b.layers))
	for i, l := range b.layers {
		ys[i] = c.Call(branchNames[i], l, x)
	}
	return tensor.Cat(1, ys...)
}

// Visit names the branches "branch1" to "branch4".
func (b *branches) Visit(v *nn.Visitor) {
	for i, l := range b.layers {
		v.Child(branchNames[i], l)
	}
}

// Forward takes images (N, 3, H, W), of 15×15 pixels and more, to logits (N, classes).
func (g *Inception) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	x = g.low.Forward(c, g.transform(x))
	return g.head.Forward(c, g.high.Forward(c, g.middle.Forward(c, x)))
}

// Heads takes images (N, 3, H, W) to the logits of the classifier and of the two auxiliary ones, each (N, classes). The paper's
// training loss adds the cross entropies, those of the auxiliary ones times 0.3. It panics if the network has none.
func (g *Inception) Heads(c *nn.Ctx, x *tensor.Tensor) (logits, aux1, aux2 *tensor.Tensor) {
	if g.aux1 == nil {
		tensor.Fail("models.Inception.Heads", "build it by GoogLeNetWithHeads", "the network has no auxiliary heads")
	}
	x = g.low.Forward(c, g.transform(x))
	aux1 = c.Call("aux1", g.aux1, x)
	x = g.middle.Forward(c, x)
	aux2 = c.Call("aux2", g.aux2, x)
	return g.head.Forward(c, g.high.Forward(c, x)), aux1, aux2
}

// transform converts from ImageNet's means and standard deviations to 0.5 and 0.5 for each channel.
func (g *Inception) transform(x *tensor.Tensor) *tensor.Tensor {
	if !g.TransformInput {
		return x
	}
	scale := tensor.FromSlice([]float32{0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5}, 3, 1, 1)
	shift := tensor.FromSlice([]float32{(0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5}, 3, 1, 1)
	return x.Mul(scale.To(x.DType())).Add(shift.To(x.DType()))
}

// Visit names the layers as torchvision does, in its order: the auxiliary heads come before the last classifier.
func (g *Inception) Visit(v *nn.Visitor) {
	v.Inline(g.low)
	v.Inline(g.middle)
	v.Inline(g.high)
	if g.aux1 != nil {
		v.Child("aux1", g.aux1)
		v.Child("aux2", g.aux2)
	}
	v.Inline(g.head)
}
