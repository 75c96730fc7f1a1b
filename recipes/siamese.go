package recipes

import (
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Two drawings go through the same network, and a weighted sum of how far their features are apart tells how likely they show the same
// character: p = σ(b − Σ wₖ·|xₖ − yₖ|) (Koch, Zemel and Salakhutdinov, "Siamese neural networks for one-shot image recognition", 2015).
// Koch's pairs are drawn one by one; here every drawing of a batch is paired with every other, which costs one pass of the network each.
var siamese = Recipe{
	Name:       "siamese",
	Summary:    "one-shot recognition by twin networks that say whether two drawings show the same",
	Source:     "Koch et al. 2015; Lake et al. 2015",
	Data:       omniglots,
	Options:    Options{Epochs: 20, Batch: 128, LR: 0.001},
	Metric:     "one_shot_accuracy",
	DataConfig: sets.Config{Side: drawingSide},
	Model: func(set *sets.Set) nn.Layer {
		const features = 128
		flat := embedderWidths[3] * (set.Shape[1] / 8) * (set.Shape[2] / 8)
		return &twins{
			Embed:  embedder(set).Add("fc", nn.NewLinear(flat, features)),
			Weight: nn.NewParam(nn.Constant(0.1), features),
			Bias:   nn.NewParam(nn.Constant(3), 1),
		}
	},
	Train:    pairwise.train,
	Evaluate: pairwise.evaluate,
	Compare:  pairwise.compare,
}

// twins is an embedding with the weights of the distance. Run as a layer it embeds.
type twins struct {
	Embed        nn.Layer
	Weight, Bias *nn.Param
}

func (t *twins) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return c.Call("embed", t.Embed, x)
}

func (t *twins) Visit(v *nn.Visitor) {
	v.Child("embed", t.Embed)
	v.Param("weight", t.Weight)
	v.Param("bias", t.Bias)
}

// distances returns Σ wₖ·|aᵢₖ − bⱼₖ|, (N, M).
func (t *twins) distances(c *nn.Ctx, a, b *tensor.Tensor) *tensor.Tensor {
	return a.Unsqueeze(1).Sub(b.Unsqueeze(0)).Abs().MatMul(c.Use(t.Weight))
}

var pairwise = oneShot{
	distances: func(model nn.Layer, a, b *tensor.Tensor) *tensor.Tensor {
		return model.(*twins).distances(nn.Eval(), a, b)
	},
	// Cross entropy over all pairs of the batch. Those of one character weigh as much together as those of two, which are many more; and among
	// these each weighs as much as the model takes it for the same: what it tells apart easily would drown the rest.
	loss: func(c *nn.Ctx, model nn.Layer, x, labels *tensor.Tensor) *tensor.Tensor {
		t, n := model.(*twins), x.Size(0)
		logits := c.Use(t.Bias).Sub(t.distances(c, x, x))
		self := tensor.Eye(x.DType(), n)
		same := labels.Unsqueeze(1).Equal(labels.Unsqueeze(0)).To(x.DType())
		different := same.Neg().AddScalar(1)
		same = same.Sub(self)
		half := func(weights *tensor.Tensor) *tensor.Tensor {
			return weights.MulScalar(0.5 * float64(n*n) / max(weights.Sum().Item(), 1e-6))
		}
		weight := half(same).Add(half(different.Mul(logits.Detach().Sigmoid())))
		return nn.BCEWithLogitsWith(tensor.BCEWithLogitsConfig{Weight: weight})(logits, same)
	},
}
