package tensor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// torchCase is one result of PyTorch; see testdata/gen_torch.py, which says what the inputs are.
type torchCase struct {
	Op         string
	Args       json.RawMessage
	Shapes     [][]int
	Labels     []int64
	LabelShape []int `json:"label_shape"`
	Shape      []int
	Out        []float64
	Grads      [][]float64
}

// settings are the arguments of cases that have no config of their own.
type settings struct {
	Axis           int
	Spec           string
	Size           [2]int
	Reduction      Reduction
	LabelSmoothing float64
	Weight         []float64
	PosWeight      []float64
	IgnoreIndex    int64
	Config         LocalResponseNormConfig
}

func (k torchCase) call(t *testing.T, x []*Tensor) *Tensor {
	switch k.Op {
	case "conv2d":
		return Conv2D(x[0], x[1], x[2], args[Conv2DConfig](t, k))
	case "conv1d":
		return Conv1D(x[0], x[1], x[2], args[Conv1DConfig](t, k))
	case "conv_transpose2d":
		return ConvTranspose2D(x[0], x[1], x[2], args[ConvTranspose2DConfig](t, k))
	case "max_pool2d":
		return MaxPool2D(x[0], args[MaxPool2DConfig](t, k))
	case "avg_pool2d":
		return AvgPool2D(x[0], args[AvgPool2DConfig](t, k))
	case "conv3d":
		return Conv3D(x[0], x[1], x[2], args[Conv3DConfig](t, k))
	case "conv_transpose1d":
		return ConvTranspose1D(x[0], x[1], x[2], args[ConvTranspose1DConfig](t, k))
	case "conv_transpose3d":
		return ConvTranspose3D(x[0], x[1], x[2], args[ConvTranspose3DConfig](t, k))
	case "max_pool1d":
		return MaxPool1D(x[0], args[MaxPool1DConfig](t, k))
	case "avg_pool1d":
		return AvgPool1D(x[0], args[AvgPool1DConfig](t, k))
	case "max_pool3d":
		return MaxPool3D(x[0], args[MaxPool3DConfig](t, k))
	case "avg_pool3d":
		return AvgPool3D(x[0], args[AvgPool3DConfig](t, k))
	}
	a := args[settings](t, k)
	ce := CrossEntropyConfig{Reduction: a.Reduction, LabelSmoothing: a.LabelSmoothing}
	if a.Weight != nil {
		ce.Weight = FromSlice(a.Weight)
	}
	switch k.Op {
	case "adaptive_avg_pool2d":
		return AdaptiveAvgPool2D(x[0], a.Size[0], a.Size[1])
	case "adaptive_max_pool2d":
		return AdaptiveMaxPool2D(x[0], a.Size[0], a.Size[1])
	case "adaptive_avg_pool1d":
		return AdaptiveAvgPool1D(x[0], a.Size[0])
	case "adaptive_max_pool1d":
		return AdaptiveMaxPool1D(x[0], a.Size[0])
	case "local_response_norm":
		return LocalResponseNorm(x[0], a.Config)
	case "layer_norm":
		return LayerNorm(x[0], x[1], x[2], 1e-3)
	case "rms_norm":
		return RMSNorm(x[0], x[1], 1e-3)
	case "batch_norm":
		y, _, _ := BatchNorm(x[0], x[1], x[2], 1e-3)
		return y
	case "group_norm":
		return GroupNorm(x[0], 2, x[1], x[2], 1e-3)
	case "instance_norm":
		return InstanceNorm(x[0], x[1], x[2], 1e-3)
	case "cross_entropy":
		ce.IgnoreIndex = &a.IgnoreIndex
		return CrossEntropy(x[0], FromSlice(k.Labels, k.LabelShape...), ce)
	case "cross_entropy_soft":
		return CrossEntropy(x[0], x[1], ce)
	case "bce_with_logits":
		return BCEWithLogits(x[0], x[1], BCEWithLogitsConfig{Weight: FromSlice(a.Weight), PosWeight: FromSlice(a.PosWeight)})
	case "softmax":
		return x[0].Softmax(a.Axis)
	case "log_softmax":
		return x[0].LogSoftmax(a.Axis)
	case "linear":
		return x[0].Linear(x[1], x[2])
	case "matmul":
		return x[0].MatMul(x[1])
	case "einsum":
		return Einsum(a.Spec, x...)
	}
	t.Fatalf("no operation %s", k.Op)
	return nil
}

func args[T any](t *testing.T, k torchCase) (a T) {
	if err := json.Unmarshal(k.Args, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// wave returns an array of f(i) for each element i.
func wave(shape []int, f func(i float64) float64) *Tensor {
	x := zerosOf(shape)
	for i := range x.data {
		x.data[i] = f(float64(i))
	}
	return FromSlice(x.data, len(x.data)).Reshape(shape...)
}

func TestOpsAgreeWithPyTorch(t *testing.T) {
	compareWithPyTorch(t, "testdata/torch.json", torchCase.call)
}

// compareWithPyTorch holds results and gradients of the cases in a file to PyTorch's.
func compareWithPyTorch(t *testing.T, file string, call func(k torchCase, t *testing.T, x []*Tensor) *Tensor) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []torchCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, k := range cases {
		t.Run(fmt.Sprintf("%d %s", i, k.Op), func(t *testing.T) {
			for _, d := range []DType{Float64, Float32} {
				rtol, atol := 1e-10, 1e-11
				if d == Float32 {
					rtol, atol = 2e-5, 2e-5
				}
				var xs []*Tensor
				var want []nd
				for j, shape := range k.Shapes {
					x := wave(shape, func(i float64) float64 { return math.Sin(1.3*i + 0.7*float64(j) + 0.1) })
					xs = append(xs, x.To(d).RequireGrad())
					want = append(want, nd{shape, k.Grads[j]})
				}
				y := call(k, t, xs)
				compareAll(t, d.String(), []*Tensor{y}, []nd{{k.Shape, k.Out}}, rtol, atol)
				g := wave(k.Shape, func(i float64) float64 { return math.Cos(0.9 * i) })
				grads := Grad(y, xs, GradConfig{BackwardConfig: BackwardConfig{Gradient: g.To(d)}})
				compareAll(t, d.String()+" gradient", grads, want, rtol, atol)
			}
		})
	}
}
