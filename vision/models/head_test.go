package models

import (
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func TestReplaceHead(t *testing.T) {
	for name, net := range map[string]nn.Layer{
		"resnet18": ResNet18(3), "mobilenet_v2": MobileNetV2(3), "googlenet": GoogLeNetWithHeads(3), "squeezenet": SqueezeNet(3),
		"cifar": CIFARResNet(8, CIFARConfig{}),
	} {
		nn.Init(net, 1)
		before := nn.State(net)
		nn.Freeze(net)
		head := ReplaceHead(net, 7, 2)
		y := net.Forward(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 3, 64, 64))
		if y.NDim() != 2 || y.Size(1) != 7 {
			t.Errorf("%s gives %v after its head has 7 outputs", name, y.Shape())
		}
		heads, changed := 2, 0
		if name == "googlenet" {
			heads = 6
			_, aux1, aux2 := net.(*Inception).Heads(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 3, 64, 64))
			if aux1.Size(1) != 7 || aux2.Size(1) != 7 {
				t.Errorf("the auxiliary heads give %v and %v", aux1.Shape(), aux2.Shape())
			}
		}
		for key, v := range nn.State(net) {
			if !v.SameShape(before[key]) {
				changed++
			} else if v.Sub(before[key]).Abs().Max().Item() != 0 {
				t.Errorf("%s: %s changed", name, key)
			}
		}
		if got := len(nn.Params(net)); got != heads || changed != heads {
			t.Errorf("%s: %d tensors can be trained and %d changed, want %d", name, got, changed, heads)
		}
		if p := nn.Params(head)[0]; p.Name() == "" || p.Name() == "weight" {
			t.Errorf("%s: the head's weight is called %q", name, p.Name())
		}
	}
	if err := tensor.Try(func() error { ReplaceHead(nn.ReLU(), 3, 1); return nil }); err == nil {
		t.Error("a model without weights has no head")
	}
}
