package models

import (
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func TestCIFARNetworksHaveThePapersSizes(t *testing.T) {
	for _, c := range []struct {
		name   string
		net    nn.Layer
		params int
	}{
		// He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million. The exact numbers are those of the same nets in PyTorch.
		{"resnet20 A", CIFARResNet(20, CIFARConfig{ZeroPad: true}), 269722},
		{"resnet20", CIFARResNet(20, CIFARConfig{}), 272474},
		{"resnet32 A", CIFARResNet(32, CIFARConfig{ZeroPad: true}), 464154},
		{"resnet44 A", CIFARResNet(44, CIFARConfig{ZeroPad: true}), 658586},
		{"resnet56 A", CIFARResNet(56, CIFARConfig{ZeroPad: true}), 853018},
		{"resnet110 A", CIFARResNet(110, CIFARConfig{ZeroPad: true}), 1727962},
		{"plain20", CIFARResNet(20, CIFARConfig{Plain: true}), 269722},
		{"plain56", CIFARResNet(56, CIFARConfig{Plain: true}), 853018},
		{"resnet164 v2", CIFARResNet(164, CIFARConfig{PreActivation: true, Bottleneck: true}), 1703258},
		{"vgg", CIFARVGG(CIFARConfig{}), 265202},
		{"imagenet18 v2", ResNet18V2(1000), 11687720},
		{"imagenet34 v2", ResNet34V2(1000), 21795880},
		{"imagenet50 v2", ResNet50V2(1000), 25549352},
	} {
		s := nn.Summary(c.net, 1, 3, 32, 32)
		if s.Params != c.params {
			t.Errorf("%s has %d parameters, want %d", c.name, s.Params, c.params)
		}
		if err := nn.Check(c.net); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestResNetsOfTheSecondFormArePyTorchs(t *testing.T) {
	var want map[string]reference
	readJSON(t, "testdata/cifar.json", &want)
	for label, net := range map[string]nn.Layer{"imagenet18 v2": ResNet18V2(10), "imagenet50 v2": ResNet50V2(10)} {
		fill(t, net)
		if params := count(net); params != want[label].Params {
			t.Errorf("%s has %d parameters, want %d", label, params, want[label].Params)
		}
		wantClose(t, label, net.Forward(nn.Eval(), image(2, 64)), want[label].Logits, 1e-4)
	}
}

func TestCIFARResNetsArePyTorchs(t *testing.T) {
	var want map[string]reference
	readJSON(t, "testdata/cifar.json", &want)
	for label, net := range map[string]nn.Layer{
		"resnet20":      CIFARResNet(20, CIFARConfig{}),
		"resnet20 A":    CIFARResNet(20, CIFARConfig{ZeroPad: true}),
		"plain20":       CIFARResNet(20, CIFARConfig{Plain: true}),
		"resnet20 v2":   CIFARResNet(20, CIFARConfig{PreActivation: true}),
		"resnet20 v2 A": CIFARResNet(20, CIFARConfig{PreActivation: true, ZeroPad: true}),
		"resnet29 v2":   CIFARResNet(29, CIFARConfig{PreActivation: true, Bottleneck: true}),
		"resnet29":      CIFARResNet(29, CIFARConfig{Bottleneck: true}),
	} {
		fill(t, net)
		if params := count(net); params != want[label].Params {
			t.Errorf("%s has %d parameters, want %d", label, params, want[label].Params)
		}
		wantClose(t, label, net.Forward(nn.Eval(), image(2, 16)), want[label].Logits, 1e-4)
	}
}

func TestCIFARNetworksTrain(t *testing.T) {
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 8, 1, 32, 32)
	y := tensor.FromSlice([]int64{0, 1, 2, 3, 4, 0, 1, 2}, 8)
	for name, net := range map[string]nn.Layer{
		"resnet8":         CIFARResNet(8, CIFARConfig{In: 1, Classes: 5}),
		"A":               CIFARResNet(8, CIFARConfig{In: 1, Classes: 5, ZeroPad: true}),
		"plain":           CIFARResNet(8, CIFARConfig{In: 1, Classes: 5, Plain: true}),
		"v2":              CIFARResNet(8, CIFARConfig{In: 1, Classes: 5, PreActivation: true}),
		"v2 A bottleneck": CIFARResNet(11, CIFARConfig{In: 1, Classes: 5, PreActivation: true, Bottleneck: true, ZeroPad: true}),
		"v1 bottleneck":   CIFARResNet(11, CIFARConfig{In: 1, Classes: 5, Bottleneck: true}),
		"vgg":             CIFARVGG(CIFARConfig{In: 1, Classes: 5, Dropout: 0.1}),
	} {
		nn.Init(net, 7)
		var first, last float64
		for step := range 10 {
			loss := nn.CrossEntropy(net.Forward(nn.Train(tensor.NewRNG(3)), x), y)
			loss.Backward()
			last = loss.Item()
			if step == 0 {
				first = last
			}
			for _, p := range nn.Params(net) {
				if p.Grad() == nil {
					t.Fatalf("%s: no gradient arrives at %s", name, p.Name())
				}
				v := p.Value().Detach()
				v.CopyFrom(v.Sub(p.Grad().MulScalar(0.04)))
				p.Value().ZeroGrad()
			}
		}
		if !(last < 0.9*first) {
			t.Errorf("%s: the loss goes from %.3f to %.3f", name, first, last)
		}
	}
}

func TestCIFARResNetRefusesOtherDepths(t *testing.T) {
	if err := tensor.Try(func() error { CIFARResNet(21, CIFARConfig{}); return nil }); err == nil {
		t.Error("depth 21 was accepted")
	}
}
