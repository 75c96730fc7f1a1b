package models

import (
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

func TestUNetIsPyTorchs(t *testing.T) {
	var want struct {
		Paper                int
		Transposed, Bilinear []float64
	}
	readJSON(t, "testdata/unet.json", &want)
	if params := count(UNetConfig{In: 1, Classes: 2}.New()); params != want.Paper {
		t.Errorf("%d parameters, want %d", params, want.Paper)
	}
	for _, c := range []struct {
		cfg  UNetConfig
		want []float64
	}{
		{UNetConfig{Classes: 2, Width: 4, Depth: 2}, want.Transposed},
		{UNetConfig{Classes: 2, Width: 4, Depth: 2, Bilinear: true}, want.Bilinear},
	} {
		net := c.cfg.New()
		if err := nn.Check(net); err != nil {
			t.Error(err)
		}
		fill(t, net)
		wantClose(t, "logits", net.Forward(nn.Eval(), image(1, 10)), c.want, 1e-4) // 10 can be halved once, 5 not
		nn.CrossEntropy(net.Forward(nn.Train(tensor.NewRNG(1)), image(1, 10)), tensor.Zeros(tensor.Int64, 1, 10, 10)).Backward()
		for _, p := range nn.Params(net) {
			if p.Grad() == nil {
				t.Errorf("no gradient arrives at %v", p)
			}
		}
	}
	if err := tensor.Try(func() error { UNetConfig{Classes: 2}.New().Forward(nn.Eval(), image(1, 10)); return nil }); err == nil {
		t.Error("a picture too small for four levels was accepted")
	}
}
