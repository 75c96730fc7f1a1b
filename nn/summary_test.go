package nn_test

import (
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// LeNet by hand: parameters 6·25+6, 16·6·25+16, 400·120+120, 120·84+84, 84·10+10; multiply-adds 28²·6·25, 10²·16·150 and the linear
// layers' weights. torchinfo 1.8 counts 423,038: one more for each of the 4704 + 1600 + 120 + 84 + 10 outputs with a bias.
func TestSummaryOfLeNet(t *testing.T) {
	net := leNet()
	s := nn.Summary(net, 1, 1, 28, 28)
	if len(s.Output) != 2 || s.Output[1] != 10 {
		t.Errorf("output %v", s.Output)
	}
	if s.Params != 61706 || s.MultAdds != 416520 || s.MultAdds+4704+1600+120+84+10 != 423038 {
		t.Errorf("%d parameters, %d multiply-adds", s.Params, s.MultAdds)
	}
	if s.Activated != 2*4704+1176+2*1600+400+400+2*120+2*84+10 {
		t.Errorf("%d activations", s.Activated)
	}
	if nn.Params(net)[0].Value() != nil {
		t.Error("Summary gave the model values")
	}
	want := `input (1, 1, 28, 28)
──────────────────────────────────────────────────────────────────────────────────────
layer                            output           sees           parameters  mult-adds
──────────────────────────────────────────────────────────────────────────────────────
0      Conv2D(1, 6, 5×5, pad 2)  (1, 6, 28, 28)   5×5                   156    117,600
1      ReLU                      (1, 6, 28, 28)   5×5                     –          –
2      MaxPool2D(2, stride 2)    (1, 6, 14, 14)   6×6 every 2             –          –
3      Conv2D(6, 16, 5×5)        (1, 16, 10, 10)  14×14 every 2       2,416    240,000
4      ReLU                      (1, 16, 10, 10)  14×14 every 2           –          –
5      MaxPool2D(2, stride 2)    (1, 16, 5, 5)    16×16 every 4           –          –
6      Flatten                   (1, 400)         all                     –          –
7      Linear(400, 120)          (1, 120)         all                48,120     48,000
8      ReLU                      (1, 120)         all                     –          –
9      Linear(120, 84)           (1, 84)          all                10,164     10,080
10     ReLU                      (1, 84)          all                     –          –
11     Linear(84, 10)            (1, 10)          all                   850        840
──────────────────────────────────────────────────────────────────────────────────────
parameters 61,706 (241 KiB); mult-adds 416,520; activations 59 KiB
`
	if got := s.String(); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

// A residual block: torchinfo has the same parameters, and 2,277,876 multiply-adds, of which 2·80 are for batch norms and 2·10
// for biases.
func TestSummaryOfResidualBlock(t *testing.T) {
	conv := func(in, out, kernel, stride, pad int) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad, NoBias: true}.New()
	}
	body := nn.Seq(conv(8, 16, 3, 2, 1), nn.NewBatchNorm(16), nn.ReLU(), conv(16, 16, 3, 1, 1), nn.NewBatchNorm(16))
	net := nn.Seq(conv(3, 8, 3, 1, 1), nn.NewBatchNorm(8), nn.ReLU(),
		&nn.Residual{Body: body, Shortcut: conv(8, 16, 1, 2, 0)}, nn.ReLU(), nn.GlobalAvgPool2D(), nn.Flatten(), nn.NewLinear(16, 10))
	nn.Freeze(body)
	s := nn.Summary(net, 2, 3, 32, 32)
	if s.Params+s.Frozen != 4050 || s.Frozen != 3520 || s.MultAdds != 2277876-160-20 {
		t.Errorf("%d parameters and %d frozen, %d multiply-adds", s.Params, s.Frozen, s.MultAdds)
	}
	text := s.String()
	for _, line := range []string{"3.body.3    Conv2D(16, 16, 3×3, pad 1)", "3.shortcut  Conv2D(8, 16, 1×1, stride 2)", "parameters 530 and 3,520 frozen"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

func TestSummaryOfOtherInputs(t *testing.T) {
	s := nn.SummaryOf(nn.Seq(nn.NewEmbedding(10, 4), nn.NewCheckpoint(nn.NewLinear(4, 2))), tensor.Zeros(tensor.Int64, 3, 7))
	if len(s.Rows) != 2 || s.Params != 50 || s.MultAdds != 3*7*8 || s.Rows[1].Path != "1" {
		t.Errorf("got\n%s", s)
	}
	up := nn.Summary(nn.NewConvTranspose2D(2, 3, 4), 1, 2, 5, 5)
	if up.MultAdds != 5*5*2*3*16 || up.Rows[0].Output[2] != 8 {
		t.Errorf("got\n%s", up)
	}
}
