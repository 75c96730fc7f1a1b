package models

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// A file of weights, as torchvision's older ones are: no batch counts, old names, heads that the network hasn't got.
func TestLoadWeights(t *testing.T) {
	densePart := regexp.MustCompile(`(denselayer\d+\.(?:norm|conv))([12])`)
	for name, c := range map[string]struct{ from, to nn.Layer }{
		"resnet18":  {ResNet18(5), ResNet18(5)},
		"densenet":  {DenseNet121(5), DenseNet121(5)},
		"googlenet": {GoogLeNetWithHeads(5), GoogLeNet(5)},
	} {
		fill(t, c.from)
		old := map[string]*tensor.Tensor{}
		for key, v := range nn.State(c.from) {
			if v.NDim() > 0 {
				old[densePart.ReplaceAllString(key, "$1.$2")] = v
			}
		}
		file := filepath.Join(t.TempDir(), name+".safetensors")
		if err := safetensors.Save(file, old, nil); err != nil {
			t.Fatal(err)
		}
		weights, err := safetensors.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := LoadWeights(c.to, weights); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := image(1, 64)
		if d := c.to.Forward(nn.Eval(), x).Sub(c.from.Forward(nn.Eval(), x)).Abs().Max().Item(); d != 0 {
			t.Errorf("%s: outputs differ by %g", name, d)
		}
	}
	if err := LoadWeights(ResNet34(5), nn.State(filled(t, ResNet18(5)))); err == nil {
		t.Error("a ResNet-34 took the weights of a ResNet-18")
	}
}

func filled(t *testing.T, net nn.Layer) nn.Layer {
	fill(t, net)
	return net
}
