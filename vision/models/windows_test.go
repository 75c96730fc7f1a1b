package models

import (
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// One pass over a large image gives the classifier's logits of every crop, at steps of its stride.
func TestOnePassEqualsTheCrops(t *testing.T) {
	leNet := func(pool nn.Layer) nn.Layer {
		return nn.NewNamed().
			Add("features", nn.Seq(nn.NewConv2D(2, 6, 5), nn.NewBatchNorm(6), nn.ReLU(), nn.MaxPool2D(2), nn.NewConv2D(6, 8, 3), nn.Tanh(), nn.AvgPool2D(2))).
			Add("pool", pool)
	}
	for name, c := range map[string]struct {
		net  *nn.Named
		h, w int
	}{
		"flatten": {leNet(nn.Identity()).(*nn.Named).Add("flatten", nn.Flatten()).
			Add("classifier", nn.Seq(nn.NewLinear(8*4*5, 12), nn.ReLU(), nn.NewDropout(0.5), nn.LinearConfig{In: 12, Out: 7, NoBias: true}.New(), nn.Softmax(1))), 24, 28},
		"global average": {leNet(nn.GlobalAvgPool2D()).(*nn.Named).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(8, 5)), 24, 24},
		"global maximum": {leNet(nn.GlobalMaxPool2D()).(*nn.Named).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(8, 5)), 24, 24},
		"adaptive":       {leNet(nn.AdaptiveAvgPool2D(1, 1)).(*nn.Named).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(8, 5)), 24, 20},
		"adaptive, nothing to do": {leNet(nn.AdaptiveMaxPool2D(4, 4)).(*nn.Named).Add("flatten", nn.Flatten()).
			Add("fc", nn.NewLinear(8*4*4, 5)), 24, 24},
		"convolution in place of linear": {leNet(nn.NewConv2D(8, 10, 4)).(*nn.Named).Add("flatten", nn.Flatten()).Add("fc", nn.NewLinear(10, 5)), 24, 24},
	} {
		t.Run(name, func(t *testing.T) {
			nn.Init(c.net, 5)
			full := FullyConvolutional(c.net, 2, c.h, c.w)
			if err := nn.Check(full); err != nil {
				t.Error(err)
			}
			if got, want := keys(full), keys(c.net); !slices.Equal(got, want) {
				t.Errorf("keys %v, want the classifier's %v", got, want)
			}
			const stride = 4
			down, right := 3, 5
			x := tensor.NewRNG(9).Normal(tensor.Float32, 0, 1, 2, 2, c.h+stride*(down-1), c.w+stride*(right-1))
			all := full.Forward(nn.Eval(), x)
			if want := []int{2, 5, down, right}; name != "flatten" && !slices.Equal(all.Shape(), want) {
				t.Fatalf("shape %v, want %v", all.Shape(), want)
			}
			for i := range down {
				for j := range right {
					crop := x.Slice(2, i*stride, i*stride+c.h, 1).Slice(3, j*stride, j*stride+c.w, 1)
					want := c.net.Forward(nn.Eval(), crop)
					got := all.Select(3, j).Select(2, i)
					if d := got.Sub(want).Abs().Max().Item(); !(d < 1e-5) {
						t.Fatalf("crop %d, %d differs by %g", i, j, d)
					}
				}
			}
		})
	}
}

// A network of several stages with units of its own keeps its trunk, and gives one place for an image of the classifier's size.
func TestNetworksBecomeFullyConvolutional(t *testing.T) {
	for name, net := range map[string]nn.Layer{"resnet": CIFARResNet(8, CIFARConfig{}), "vgg": CIFARVGG(CIFARConfig{})} {
		nn.Init(net, 1)
		full := FullyConvolutional(net, 3, 32, 32)
		x := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 2, 3, 32, 32)
		want := net.Forward(nn.Eval(), x)
		got := full.Forward(nn.Eval(), x)
		if d := got.Flatten(1, -1).Sub(want).Abs().Max().Item(); !(d < 1e-5) {
			t.Errorf("%s differs by %g", name, d)
		}
		if got := full.Forward(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 3, 64, 48)).Shape(); got[1] != 10 || got[2] < 4 || got[3] < 2 {
			t.Errorf("%s gives %v for a larger image", name, got)
		}
	}
}

func TestWhatCantBecomeFullyConvolutionalIsNamed(t *testing.T) {
	for name, f := range map[string]func(){
		"vgg at 64×64": func() { FullyConvolutional(VGG11(2), 3, 64, 64) },
		"googlenet":    func() { FullyConvolutional(GoogLeNet(2), 3, 64, 64) },
		"no image":     func() { FullyConvolutional(AlexNet(2), 64, 64) },
	} {
		if err := tensor.Try(func() error { f(); return nil }); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
