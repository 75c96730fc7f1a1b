package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// NetVLAD sums, for each of its clusters, how far the descriptors at all places of (N, Channels, H, W) lie from the cluster's centre, each
// counted as much as it belongs to the cluster, and gives one normalised vector for each image, (N, Clusters·Channels) (Arandjelović et
// al., "NetVLAD: CNN architecture for weakly supervised place recognition", 2016). Names of parameters are those of the usual PyTorch port.
type NetVLAD struct {
	Weight    *Param // conv.weight (Clusters, Channels, 1, 1), gives a descriptor's score for each cluster
	Bias      *Param // conv.bias (Clusters), nil without
	Centroids *Param // (Clusters, Channels)
	cfg       NetVLADConfig
}

// NetVLADConfig describes a [NetVLAD]. Clusters and Channels are required.
type NetVLADConfig struct {
	Clusters, Channels int
	NoBias             bool // scores without bias, for descriptors and centres of length 1 (the first version of the PyTorch port)
	NoNormalizeInput   bool // take descriptors as they are; by default each is brought to length 1
}

// New returns the layer, with random centres. [NetVLAD.SetClusters] puts those of k-means in their place.
func (cfg NetVLADConfig) New() *NetVLAD {
	checkConv("nn.NetVLAD", cfg.Channels, cfg.Clusters, 1, 1)
	l := &NetVLAD{cfg: cfg, Weight: NewParam(fanInUniform(cfg.Channels), cfg.Clusters, cfg.Channels, 1, 1),
		Centroids: NewParam(Uniform(0, 1), cfg.Clusters, cfg.Channels)}
	if !cfg.NoBias {
		l.Bias = NewParam(fanInUniform(cfg.Channels), cfg.Clusters)
	}
	return l
}

// SetClusters makes centres (Clusters, Channels) the clusters' centres, and the scores −alpha·|x − centre|² but for what all have
// in common: weights 2·alpha·centre and biases −alpha·|centre|² (equation 3 of the paper). The larger alpha is, the more a descriptor
// belongs to the nearest centre alone.
func (l *NetVLAD) SetClusters(centres *tensor.Tensor, alpha float64) error {
	if err := l.Centroids.Set(centres); err != nil {
		return err
	}
	centres = centres.Detach()
	if err := l.Weight.Set(centres.MulScalar(2*alpha).Reshape(l.cfg.Clusters, l.cfg.Channels, 1, 1)); err != nil || l.Bias == nil {
		return err
	}
	return l.Bias.Set(centres.Square().SumAxes(false, 1).MulScalar(-alpha))
}

// Forward aggregates x: (N, Channels, H, W) becomes (N, Clusters·Channels), each row of length 1.
func (l *NetVLAD) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() != 4 || x.Size(1) != l.cfg.Channels {
		tensor.Fail("netvlad", "", "expected an input of shape (N, %d, H, W), got %s", l.cfg.Channels, tensor.ShapeString(x.Shape()))
	}
	if !l.cfg.NoNormalizeInput {
		x = unitLength(x, 1)
	}
	w, b := affine(c, l.Weight, l.Bias)
	share := tensor.Conv2D(x, w, b, tensor.Conv2DConfig{}).Flatten(2, 3).Softmax(1) // (N, Clusters, H·W)
	sums := share.MatMul(x.Flatten(2, 3).Transpose(1, 2))                           // (N, Clusters, Channels)
	residuals := sums.Sub(share.SumAxes(true, 2).Mul(c.Use(l.Centroids)))
	return unitLength(unitLength(residuals, 2).Flatten(1, -1), 1)
}

// unitLength divides x by its Euclidean norm along axis, or by 1e-12 where that is larger, as torch.nn.functional.normalize does.
func unitLength(x *tensor.Tensor, axis int) *tensor.Tensor {
	return x.Div(x.Norm(2, true, axis).Maximum(tensor.Full(x.DType(), 1e-12)))
}

// Visit names conv.weight, conv.bias and centroids.
func (l *NetVLAD) Visit(v *Visitor) {
	v.Param("conv.weight", l.Weight)
	v.Param("conv.bias", l.Bias)
	v.Param("centroids", l.Centroids)
}

// String describes the layer.
func (l *NetVLAD) String() string {
	return fmt.Sprintf("NetVLAD(%d, %d clusters)", l.cfg.Channels, l.cfg.Clusters)
}

// MultAdds returns, for each place, two for each cluster and channel: its score's and its sum's.
func (l *NetVLAD) MultAdds(x, _ []int) int {
	return 2 * x[0] * product(x[2:]) * l.cfg.Clusters * l.cfg.Channels
}
