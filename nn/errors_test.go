package nn_test

import (
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// Mistakes that everybody makes once, and the sentences that say what to change. Each ends with the layer's path, where there is one,
// and the line of the caller.
func TestMistakesSayWhatToChange(t *testing.T) {
	ones := func(shape ...int) *tensor.Tensor { return tensor.Ones(tensor.Float32, shape...) }
	ready := func(l nn.Layer) nn.Layer {
		nn.Init(l, 1)
		return l
	}
	mlp := ready(nn.NewNamed().Add("fc1", nn.NewLinear(784, 256)).Add("relu", nn.ReLU()).Add("fc2", nn.NewLinear(256, 10)))
	lenet := ready(leNet())
	unflattened := ready(nn.Seq(nn.NewConv2D(1, 2, 3), nn.ReLU(), nn.NewLinear(1352, 10)))
	frozen := ready(nn.NewLinear(1, 1))
	nn.Freeze(frozen)
	forward := func(l nn.Layer, x *tensor.Tensor) func() {
		return func() { l.Forward(nn.Train(nil), x) }
	}
	logits := func() *tensor.Tensor { return mlp.Forward(nn.Train(nil), ones(2, 784)) }
	for _, c := range []struct {
		name string
		f    func()
		want string
	}{
		{"wrong input width", forward(mlp, ones(32, 100)),
			"linear: expected inputs of 784 features (last axis), got shape (32, 100); change the layer to NewLinear(100, 256), or the one before it to give 784 features (in fc1, errors_test.go:"},
		{"missing flatten", forward(mlp, ones(32, 28, 28)),
			"linear: expected inputs of 784 features (last axis), got shape (32, 28, 28); put nn.Flatten() before it (in fc1, errors_test.go:"},
		{"missing flatten after a convolution", forward(unflattened, ones(4, 1, 28, 28)),
			"linear: expected inputs of 1352 features (last axis), got shape (4, 2, 26, 26); put nn.Flatten() before it (in 2, errors_test.go:"},
		{"missing flatten and wrong width", forward(ready(nn.Seq(nn.NewConv2D(1, 2, 3), nn.NewLinear(100, 10))), ones(4, 1, 8, 8)),
			"linear: expected inputs of 100 features (last axis), got shape (4, 2, 6, 6); put nn.Flatten() before it and make it NewLinear(72, 10) (in 1, errors_test.go:"},
		{"sequence of another width", forward(ready(nn.Seq(nn.NewLinear(8, 5))), ones(4, 7, 6)),
			"linear: expected inputs of 8 features (last axis), got shape (4, 7, 6); put nn.Flatten() before it and make it NewLinear(42, 5), or, for a sequence, NewLinear(6, 5) (in 0, errors_test.go:"},
		{"label out of range", func() { nn.CrossEntropy(logits(), tensor.FromSlice([]int64{3, 10})) },
			"cross_entropy: label 10 at position (1) is outside of 0 to 9, the logits have 10 classes; labels count from 0; has the last layer as many outputs as there are classes? (errors_test.go:"},
		{"float labels", func() { nn.CrossEntropy(logits(), ones(2)) },
			"cross_entropy: labels are float32; cross entropy wants class indices as int64 (convert with To(tensor.Int64)) or probabilities of shape (2, 10) (errors_test.go:"},
		{"labels of another batch", func() { nn.CrossEntropy(logits(), tensor.FromSlice([]int64{3, 1, 2})) },
			"cross_entropy: logits (2, 10) want labels of shape (2), got (3); logits have shape (N, C), labels (N) (errors_test.go:"},
		{"forgotten Init", forward(leNet(), ones(2, 1, 28, 28)),
			"nn: a parameter of shape (6, 1, 5, 5) has no values yet; call nn.Init(model, seed) or load weights before Forward (in 0, errors_test.go:"},
		{"forgotten Init, saving", func() { nn.State(leNet()) },
			"nn.State: parameter 0.weight has no values yet; call nn.Init(model, seed) first (errors_test.go:"},
		{"wrong channels", forward(lenet, ones(2, 3, 28, 28)),
			"conv2d: input (2, 3, 28, 28) has 3 channels, the weight (6, 1, 5, 5) with 1 group(s) wants 1; make the layer's number of input channels 3 (in 0, errors_test.go:"},
		{"no channel axis", forward(lenet, ones(2, 28, 28)),
			"conv2d: expected an input of shape (N, C, H, W), got (2, 28, 28); Reshape to (2, 1, 28, 28)? (in 0, errors_test.go:"},
		{"flat images", forward(lenet, ones(2, 784)),
			"conv2d: expected an input of shape (N, C, H, W), got (2, 784); Unflatten/Reshape to (2, 1, 28, 28)? (in 0, errors_test.go:"},
		{"image too small", forward(lenet, ones(2, 1, 8, 8)),
			"conv2d: the kernel reaches over 5×5, more than the padded input 4×4 (input (2, 6, 4, 4), kernel 5×5); take a smaller kernel, more padding, or less pooling before (in 3, errors_test.go:"},
		{"bytes as input", forward(mlp, tensor.Zeros(tensor.Uint8, 2, 784)),
			"linear: expected a float tensor, got uint8 (2, 784); convert with To(tensor.Float32) (in fc1, errors_test.go:"},
		{"float64 as input", forward(mlp, tensor.Zeros(tensor.Float64, 2, 784)),
			"linear: expected tensors of one data type, got float64 (2, 784) and float32 (256, 784); convert one with To (in fc1, errors_test.go:"},
		{"batch norm with one value", forward(ready(nn.Seq(nn.NewBatchNorm(3))), ones(1, 3)),
			"batch norm: training needs more than one value per channel, got shape (1, 3); use a larger batch, or DropLast if it's the last one (in 0, errors_test.go:"},
		{"batch norm of other channels", forward(ready(nn.Seq(nn.NewBatchNorm(3))), ones(4, 5)),
			"batch norm: expected 3 channels on axis 1, got shape (4, 5); make the layer with NewBatchNorm(5) (in 0, errors_test.go:"},
		{"dropout without randomness", forward(nn.Seq(nn.NewDropout(0.5)), ones(2, 2)),
			"nn: the layer needs randomness, but the context has none; run with nn.Train(tensor.NewRNG(seed)) (in 0, errors_test.go:"},
		{"nothing to optimise", func() { optim.NewSGD(nil, optim.SGDConfig{LR: 0.1}) },
			"optim: there are no parameters to optimise; pass nn.Params(model); are all parameters frozen? (errors_test.go:"},
		{"everything frozen", func() { optim.NewAdam(nn.Params(frozen), optim.AdamConfig{}) },
			"optim: there are no parameters to optimise; pass nn.Params(model); are all parameters frozen? (errors_test.go:"},
		{"everything frozen, backward", func() { frozen.Forward(nn.Train(nil), ones(1, 1)).Sum().Backward() },
			"backward: the result () doesn't depend on any tensor that requires gradients; run the model with nn.Train, not nn.Eval (and don't freeze all of it); of other tensors call RequireGrad (errors_test.go:"},
		{"backward in evaluation", func() { mlp.Forward(nn.Eval(), ones(1, 784)).Sum().Backward() },
			"backward: the result () doesn't depend on any tensor that requires gradients; run the model with nn.Train, not nn.Eval (and don't freeze all of it); of other tensors call RequireGrad (errors_test.go:"},
		{"backward of many numbers", func() { logits().Backward() },
			"backward: expected a scalar, got shape (2, 10); reduce it with Sum or Mean, or set Gradient (errors_test.go:"},
		{"forgotten backward", func() { optim.NewSGD(nn.Params(mlp), optim.SGDConfig{LR: 1}).Step() },
			"optim: no parameter has a gradient; call loss.Backward() before Step, on the loss of a model run with nn.Train (errors_test.go:"},
		{"floats to an embedding", forward(ready(nn.Seq(nn.NewEmbedding(5, 2))), ones(2)),
			"embedding: expected integer indices, got float32; convert with To(tensor.Int64) (in 0, errors_test.go:"},
		{"index beyond an embedding", forward(ready(nn.Seq(nn.NewEmbedding(5, 2))), tensor.FromSlice([]int64{1, 5})),
			"embedding: index 5 is outside of the table's 0 to 4; make the layer with NewEmbedding(6, 2), or look at how indices are made (in 0, errors_test.go:"},
		{"columns against rows", func() { nn.MSE(ones(4, 1), ones(4)) },
			"mse: predictions have shape (4, 1), targets (4); Reshape one of them, say target.Reshape(4, 1) (errors_test.go:"},
		{"logits to BCE", func() { nn.BCE(tensor.FromSlice([]float32{0, 1, 0.5, 20}, 2, 2), ones(2, 2)) },
			"bce: probabilities must lie between 0 and 1, got 20 at (1, 1); use nn.BCEWithLogits for logits (errors_test.go:"},
		{"negative logits to BCE", func() { nn.BCE(tensor.FromSlice([]float64{-0.5}), tensor.FromSlice([]float64{1})) },
			"bce: probabilities must lie between 0 and 1, got -0.5 at (0); use nn.BCEWithLogits for logits (errors_test.go:"},
		{"label out of range, NLL", func() { nn.NLL(ones(4, 3), tensor.FromSlice([]int64{0, 1, 2, 3})) },
			"nll: label 3 is outside of the 3 classes; labels count from 0; has the last layer as many outputs as there are classes? (errors_test.go:"},
		{"residual of other shape", forward(nn.Seq(nn.NewResidual(nn.Flatten())), ones(2, 2, 2)),
			"residual: the body turns (2, 2, 2) into (2, 4), which can't be added to (2, 2, 2); give Shortcut a layer that brings the input to the body's shape (in 0, errors_test.go:"},
		{"nil input", forward(mlp, nil), "nn: the input is nil; was it ever computed? (in fc1, errors_test.go:"},
		{"nil layer", func() { nn.Seq(nn.ReLU(), nil) }, "nn.Seq: layer 1 is nil (errors_test.go:"},
		{"two of one name", func() { nn.NewNamed().Add("a", nn.ReLU()).Add("a", nn.ReLU()) }, `nn.Named: two layers are called "a" (errors_test.go:`},
		{"probability", func() { nn.NewDropout(1.5) }, "nn.Dropout: the probability must lie between 0 and 1, got 1.5 (errors_test.go:"},
		{"no kernel", func() { nn.Conv2DConfig{In: 1, Out: 1}.New() }, "nn.Conv2D: the kernel's sides must be positive, got [0 0]; set Kernel (errors_test.go:"},
		{"groups", func() { nn.Conv2DConfig{In: 3, Out: 4, Kernel: 1, Groups: 2}.New() }, "nn.Conv2D: Groups 2 must divide In 3 and Out 4 (errors_test.go:"},
	} {
		err := tensor.Try(func() error { c.f(); return nil })
		if err == nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\ngot      %s\nexpected %s…", c.name, err, c.want)
		}
	}
}
