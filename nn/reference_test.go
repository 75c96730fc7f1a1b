package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// values is a tensor in testdata/layers.json, which testdata/gen_layers.py made with PyTorch.
type values struct {
	Shape []int
	Data  []float32
	Ints  []int64
}

func (v values) tensor() *tensor.Tensor {
	if v.Ints != nil {
		return tensor.FromSlice(v.Ints, v.Shape...).Reshape(v.Shape...)
	}
	return tensor.FromSlice(v.Data, v.Shape...).Reshape(v.Shape...)
}

type referenceCase struct {
	Name  string
	State map[string]values
	Runs  []struct {
		Train        bool
		Inputs       []values
		Y, G         values
		Grads, After map[string]values
	}
}

func loadCases(t *testing.T, name string) []referenceCase {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var cases []referenceCase
	if err := json.Unmarshal(file, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// same fails unless got equals want to PyTorch's own tolerance for float32, times loose.
func same(t *testing.T, what string, got *tensor.Tensor, want values, loose float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: nothing there", what)
		return
	}
	if !slices.Equal(got.Shape(), want.Shape) {
		t.Errorf("%s: shape %v, expected %v", what, got.Shape(), want.Shape)
		return
	}
	g, w := tensor.ToSlice[float64](got), tensor.ToSlice[float64](want.tensor())
	for i := range g {
		if !(math.Abs(g[i]-w[i]) <= loose*(1e-6+1.3e-6*math.Abs(w[i]))) {
			t.Errorf("%s: element %d is %.9g, expected %.9g", what, i, g[i], w[i])
			return
		}
	}
}

// check runs a case: build makes the layer, apply computes its output from inputs.
func (c referenceCase) check(t *testing.T, layer nn.Layer, apply func(ctx *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor) {
	if layer != nil {
		nn.Init(layer, 1)
		state := map[string]*tensor.Tensor{}
		for k, v := range c.State {
			state[k] = v.tensor()
		}
		if err := nn.LoadState(layer, state, nn.LoadConfig{}); err != nil {
			t.Fatal(err)
		}
		if err := nn.Check(layer); err != nil {
			t.Error(err)
		}
	}
	for i, run := range c.Runs {
		what := func(s string) string { return fmt.Sprintf("run %d, %s", i, s) }
		xs := make([]*tensor.Tensor, len(run.Inputs))
		for k, v := range run.Inputs {
			xs[k] = v.tensor()
			if xs[k].DType().IsFloat() {
				xs[k].RequireGrad()
			}
		}
		ctx := nn.Eval()
		if run.Train {
			ctx = nn.Train(nil)
		}
		y := apply(ctx, xs)
		// Twice PyTorch's rtol and a fifth of its atol, 1e-5: sums are taken in another order.
		loose := 2.0
		same(t, what("output"), y, run.Y, loose)
		tensor.BackwardWith(tensor.BackwardConfig{Gradient: run.G.tensor()}, y)
		for k, x := range xs {
			if want, ok := run.Grads[fmt.Sprint(k)]; ok {
				same(t, what(fmt.Sprintf("gradient of input %d", k)), x.Grad(), want, loose)
			}
		}
		if layer == nil {
			continue
		}
		for _, p := range nn.Params(layer) {
			want, ok := run.Grads[p.Name()]
			if ok && run.Train {
				same(t, what("gradient of "+p.Name()), p.Grad(), want, loose)
			}
			p.Value().ZeroGrad()
		}
		state := nn.State(layer)
		for name, want := range run.After {
			same(t, what(name+" after"), state[name], want, loose)
		}
	}
}

// layers are those of gen_layers.py with the parameters they have there.
var layers = map[string]func() nn.Layer{
	"linear":                          func() nn.Layer { return nn.NewLinear(5, 3) },
	"linear without bias, three axes": func() nn.Layer { return nn.LinearConfig{In: 5, Out: 3, NoBias: true}.New() },
	"conv2d":                          func() nn.Layer { return nn.NewConv2D(2, 3, 3) },
	"conv2d stride pad":               conv2D(nn.Conv2DConfig{In: 2, Out: 3, Kernel: 3, Stride: 2, Pad: 1}),
	"conv2d dilation":                 conv2D(nn.Conv2DConfig{In: 1, Out: 2, Kernel: 3, Dilation: 2, Pad: 2}),
	"conv2d groups":                   conv2D(nn.Conv2DConfig{In: 4, Out: 6, Kernel: 3, Groups: 2, NoBias: true}),
	"conv2d depthwise":                conv2D(nn.Conv2DConfig{In: 3, Out: 3, Kernel: 3, Groups: 3, Pad: 1}),
	"conv2d 1x1":                      conv2D(nn.Conv2DConfig{In: 3, Out: 2, Kernel: 1}),
	"conv2d same":                     conv2D(nn.Conv2DConfig{In: 1, Out: 2, Kernel: 4, Same: true}),
	"conv2d rectangle":                conv2D(nn.Conv2DConfig{In: 1, Out: 2, KernelHW: [2]int{2, 3}, StrideHW: [2]int{1, 2}, PadHW: [2]int{0, 1}, DilationHW: [2]int{2, 1}}),
	"conv1d":                          func() nn.Layer { return nn.Conv1DConfig{In: 2, Out: 3, Kernel: 3, Stride: 2, Pad: 1}.New() },
	"conv1d dilation groups": func() nn.Layer {
		return nn.Conv1DConfig{In: 2, Out: 4, Kernel: 2, Dilation: 2, Groups: 2, NoBias: true}.New()
	},
	"convtranspose2d": func() nn.Layer { return nn.NewConvTranspose2D(2, 3, 3) },
	"convtranspose2d stride": func() nn.Layer {
		return nn.ConvTranspose2DConfig{In: 2, Out: 4, Kernel: 3, Stride: 2, Pad: 1, OutputPad: 1, Groups: 2}.New()
	},
	"embedding":             func() nn.Layer { return nn.NewEmbedding(5, 3) },
	"prelu":                 func() nn.Layer { return nn.NewPReLU(1) },
	"prelu channels":        func() nn.Layer { return nn.NewPReLU(3) },
	"batchnorm2d":           func() nn.Layer { return nn.NewBatchNorm(2) },
	"batchnorm1d":           func() nn.Layer { return nn.BatchNormConfig{Channels: 3, Eps: 1e-3, Momentum: 0.3}.New() },
	"batchnorm plain":       func() nn.Layer { return nn.BatchNormConfig{Channels: 2, NoAffine: true}.New() },
	"layernorm":             func() nn.Layer { return nn.NewLayerNorm(4) },
	"layernorm two axes":    func() nn.Layer { return nn.NewLayerNorm(3, 2) },
	"groupnorm":             func() nn.Layer { return nn.NewGroupNorm(2, 4) },
	"instancenorm":          func() nn.Layer { return nn.NewInstanceNorm(3) },
	"rmsnorm":               func() nn.Layer { return nn.NewRMSNorm(5) },
	"relu":                  func() nn.Layer { return nn.ReLU() },
	"sigmoid":               func() nn.Layer { return nn.Sigmoid() },
	"tanh":                  func() nn.Layer { return nn.Tanh() },
	"gelu":                  func() nn.Layer { return nn.GELU() },
	"gelu tanh":             func() nn.Layer { return nn.GELUTanh() },
	"silu":                  func() nn.Layer { return nn.SiLU() },
	"softplus":              func() nn.Layer { return nn.Softplus() },
	"leakyrelu":             func() nn.Layer { return nn.LeakyReLU(0.2) },
	"elu":                   func() nn.Layer { return nn.ELU(0.7) },
	"selu":                  func() nn.Layer { return nn.SELU() },
	"hardsigmoid":           func() nn.Layer { return nn.HardSigmoid() },
	"hardswish":             func() nn.Layer { return nn.HardSwish() },
	"hardtanh":              func() nn.Layer { return nn.HardTanh(-0.5, 2) },
	"relu6":                 func() nn.Layer { return nn.ReLU6() },
	"mish":                  func() nn.Layer { return nn.Mish() },
	"logsigmoid":            func() nn.Layer { return nn.LogSigmoid() },
	"softsign":              func() nn.Layer { return nn.Softsign() },
	"softmax":               func() nn.Layer { return nn.Softmax(1) },
	"softmax axis 0":        func() nn.Layer { return nn.Softmax(0) },
	"logsoftmax":            func() nn.Layer { return nn.LogSoftmax(-1) },
	"maxpool2d":             func() nn.Layer { return nn.MaxPool2D(2) },
	"maxpool2d overlapping": func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Max() },
	"maxpool2d ceil":        func() nn.Layer { return nn.PoolConfig{Kernel: 2, Ceil: true}.Max() },
	"avgpool2d":             func() nn.Layer { return nn.AvgPool2D(2) },
	"avgpool2d pad":         func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Avg() },
	"adaptiveavgpool2d":     func() nn.Layer { return nn.AdaptiveAvgPool2D(2, 3) },
	"adaptivemaxpool2d":     func() nn.Layer { return nn.AdaptiveMaxPool2D(2, 3) },
	"globalavgpool2d":       func() nn.Layer { return nn.GlobalAvgPool2D() },
	"globalmaxpool2d":       func() nn.Layer { return nn.GlobalMaxPool2D() },
	"maxpool1d":             func() nn.Layer { return nn.MaxPool1D(2) },
	"avgpool1d":             func() nn.Layer { return nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1}.Avg1D() },
}

func conv2D(cfg nn.Conv2DConfig) func() nn.Layer { return func() nn.Layer { return cfg.New() } }

// losses are those of gen_layers.py.
var losses = map[string]func(x, y *tensor.Tensor) *tensor.Tensor{
	"mse":                        nn.MSE,
	"mse sum":                    reduced(nn.MSEReduced, nn.Sum),
	"mse none":                   reduced(nn.MSEReduced, nn.None),
	"mae":                        nn.MAE,
	"mae sum":                    reduced(nn.MAEReduced, nn.Sum),
	"huber":                      func(x, y *tensor.Tensor) *tensor.Tensor { return nn.Huber(x, y, 0.7) },
	"huber none":                 func(x, y *tensor.Tensor) *tensor.Tensor { return nn.HuberReduced(x, y, 1, nn.None) },
	"smoothl1":                   func(x, y *tensor.Tensor) *tensor.Tensor { return nn.SmoothL1(x, y, 1) },
	"smoothl1 beta":              func(x, y *tensor.Tensor) *tensor.Tensor { return nn.SmoothL1(x, y, 0.5) },
	"crossentropy":               nn.CrossEntropy,
	"crossentropy smoothing":     nn.CrossEntropyWith(tensor.CrossEntropyConfig{LabelSmoothing: 0.1}),
	"crossentropy weights":       nn.CrossEntropyWith(tensor.CrossEntropyConfig{Weight: classWeights}),
	"crossentropy all":           nn.CrossEntropyWith(tensor.CrossEntropyConfig{Weight: classWeights, LabelSmoothing: 0.2, IgnoreIndex: label(1)}),
	"crossentropy ignore":        nn.CrossEntropy,
	"crossentropy sum":           nn.CrossEntropyWith(tensor.CrossEntropyConfig{Reduction: nn.Sum}),
	"crossentropy pixels":        nn.CrossEntropy,
	"crossentropy probabilities": nn.CrossEntropy,
	"nll":                        nn.NLL,
	"nll weights":                nn.NLLWith(nn.NLLConfig{Weight: classWeights, IgnoreIndex: label(0)}),
	"nll pixels":                 nn.NLLWith(nn.NLLConfig{Reduction: nn.Sum}),
	"bce":                        nn.BCE,
	"bce sum":                    reduced(nn.BCEReduced, nn.Sum),
	"bcewithlogits":              nn.BCEWithLogits,
	"bcewithlogits pos_weight":   nn.BCEWithLogitsWith(tensor.BCEWithLogitsConfig{PosWeight: tensor.FromSlice([]float32{1, 2, 0.5})}),
	"kldiv":                      nn.KLDiv,
	"hinge":                      nn.Hinge,
	"multimargin":                func(x, y *tensor.Tensor) *tensor.Tensor { return nn.MultiMargin(x, y, 0.8) },
	"cosine":                     nn.CosineSimilarity,
}

var classWeights = tensor.FromSlice([]float32{0.2, 1, 3})

func label(v int64) *int64 { return &v }

func reduced(f func(x, y *tensor.Tensor, r nn.Reduction) *tensor.Tensor, r nn.Reduction) func(x, y *tensor.Tensor) *tensor.Tensor {
	return func(x, y *tensor.Tensor) *tensor.Tensor { return f(x, y, r) }
}

// Outputs, gradients of inputs and parameters, and running statistics equal PyTorch's.
func TestLayersAndLossesEqualPyTorch(t *testing.T) {
	used := map[string]bool{}
	for _, c := range loadCases(t, "layers.json") {
		used[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			switch {
			case layers[c.Name] != nil:
				l := layers[c.Name]()
				c.check(t, l, func(ctx *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return l.Forward(ctx, xs[0]) })
			case losses[c.Name] != nil:
				c.check(t, nil, func(_ *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return losses[c.Name](xs[0], xs[1]) })
			case c.Name == "bilinear":
				l := nn.NewBilinear(3, 2, 4)
				c.check(t, l, func(ctx *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return l.Pair(ctx, xs[0], xs[1]) })
				c.check(t, l, func(ctx *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor { return l.Forward(ctx, tensor.Cat(1, xs...)) })
			case c.Name == "cosineembedding":
				c.check(t, nil, func(_ *nn.Ctx, xs []*tensor.Tensor) *tensor.Tensor {
					return nn.CosineEmbedding(xs[0], xs[1], xs[2], 0.1)
				})
			default:
				t.Fatal("no layer or loss for this case")
			}
		})
	}
	for name := range layers {
		if !used[name] {
			t.Errorf("layer %q has no reference", name)
		}
	}
	for name := range losses {
		if !used[name] {
			t.Errorf("loss %q has no reference", name)
		}
	}
}
