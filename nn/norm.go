package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// BatchNorm normalises each channel (axis 1) of (N, C) or (N, C, …) over the batch and all other axes, then scales and shifts (Ioffe and
// Szegedy, 2015). In training it uses the batch's statistics and updates the running ones, which evaluation uses. A
// convolution in front of it needs no bias.
type BatchNorm struct {
	Weight, Bias            *Param // (C); nil if not Affine
	RunningMean, RunningVar *Param // (C), buffers
	NumBatches              *Param // scalar Int64 buffer, PyTorch's num_batches_tracked
	cfg                     BatchNormConfig
}

// BatchNormConfig describes a [BatchNorm]. Channels is required.
type BatchNormConfig struct {
	Channels int
	Eps      float64 // default 1e-5
	Momentum float64 // weight of the newest batch in the running statistics, default 0.1
	NoAffine bool    // no scale and shift
}

// New returns the layer.
func (cfg BatchNormConfig) New() *BatchNorm {
	if cfg.Channels <= 0 {
		tensor.Fail("nn.BatchNorm", "", "Channels must be positive, got %d", cfg.Channels)
	}
	if cfg.Eps == 0 {
		cfg.Eps = 1e-5
	}
	if cfg.Momentum == 0 {
		cfg.Momentum = 0.1
	}
	n := cfg.Channels
	l := &BatchNorm{cfg: cfg,
		RunningMean: NewBuffer(tensor.Float32, Zeros, n),
		RunningVar:  NewBuffer(tensor.Float32, Ones, n),
		NumBatches:  NewBuffer(tensor.Int64, Zeros)}
	if !cfg.NoAffine {
		l.Weight, l.Bias = NewParam(Ones, n), NewParam(Zeros, n)
	}
	return l
}

// NewBatchNorm returns batch normalisation of the given number of channels (or features).
func NewBatchNorm(channels int) *BatchNorm { return BatchNormConfig{Channels: channels}.New() }

// Forward normalises the channels of x, of shape (N, C) or (N, C, …); the result has the same shape.
func (l *BatchNorm) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if l.trains(c) {
		return l.train(c, x, func(gamma, beta *tensor.Tensor) (y, mean, variance *tensor.Tensor) {
			return tensor.BatchNorm(x, gamma, beta, l.cfg.Eps)
		})
	}
	l.check(x)
	gamma, beta := affine(c, l.Weight, l.Bias)
	return tensor.BatchNormInfer(x, gamma, beta, c.Use(l.RunningMean), c.Use(l.RunningVar), l.cfg.Eps)
}

// check panics if x doesn't have the layer's channels.
func (l *BatchNorm) check(x *tensor.Tensor) {
	if x.NDim() < 2 || x.Size(1) != l.cfg.Channels {
		tensor.Fail("batch norm", channelsHint(x, "NewBatchNorm"), "expected %d channels on axis 1, got shape %s", l.cfg.Channels, tensor.ShapeString(x.Shape()))
	}
}

// trains reports whether the batch's statistics are to be used: not in evaluation, nor if the layer was frozen as a whole.
func (l *BatchNorm) trains(c *Ctx) bool { return c.Training() && !l.RunningMean.IsFrozen() }

// train normalises x by norm, which uses the batch's statistics, and moves the running ones.
func (l *BatchNorm) train(c *Ctx, x *tensor.Tensor, norm func(gamma, beta *tensor.Tensor) (y, mean, variance *tensor.Tensor)) *tensor.Tensor {
	l.check(x)
	count := x.NumEl() / max(x.Size(1), 1)
	if count < 2 {
		tensor.Fail("batch norm", "use a larger batch, or DropLast if it's the last one", "training needs more than one value per channel, got shape %s", tensor.ShapeString(x.Shape()))
	}
	y, mean, variance := norm(affine(c, l.Weight, l.Bias))
	if !c.Recomputing() {
		l.update(c, mean, variance, count)
	}
	return y
}

// channelsHint says how to make a layer that fits x.
func channelsHint(x *tensor.Tensor, make string) string {
	if x.NDim() < 2 {
		return "give each example an axis of its own: (N, C) or (N, C, …)"
	}
	return fmt.Sprintf("make the layer with %s(%d)", make, x.Size(1))
}

// update moves the running statistics towards those of the batch, whose variance is made unbiased.
func (l *BatchNorm) update(c *Ctx, mean, variance *tensor.Tensor, count int) {
	blend := func(p *Param, batch *tensor.Tensor, scale float64) {
		old := c.Use(p)
		old.CopyFrom(old.MulScalar(1 - l.cfg.Momentum).Add(batch.Detach().MulScalar(l.cfg.Momentum * scale)))
	}
	blend(l.RunningMean, mean, 1)
	blend(l.RunningVar, variance, float64(count)/float64(count-1))
	n := c.Use(l.NumBatches)
	n.Fill(n.Item() + 1)
}

// Visit names weight, bias, running_mean, running_var and num_batches_tracked.
func (l *BatchNorm) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
	v.Buffer("running_mean", l.RunningMean)
	v.Buffer("running_var", l.RunningVar)
	v.Buffer("num_batches_tracked", l.NumBatches)
}

// String describes the layer.
func (l *BatchNorm) String() string { return fmt.Sprintf("BatchNorm(%d)", l.cfg.Channels) }

// affine returns scale and shift, or nils.
func affine(c *Ctx, weight, bias *Param) (gamma, beta *tensor.Tensor) {
	if weight != nil {
		gamma = c.Use(weight)
	}
	if bias != nil {
		beta = c.Use(bias)
	}
	return gamma, beta
}

// LayerNorm normalises over the last axes, then scales and shifts elementwise (Ba et al., 2016).
type LayerNorm struct {
	Weight, Bias *Param // of the normalised shape
	Eps          float64
}

// NewLayerNorm returns layer normalisation over the last axes, of the given sizes, with eps 1e-5.
func NewLayerNorm(shape ...int) *LayerNorm {
	return &LayerNorm{NewParam(Ones, shape...), NewParam(Zeros, shape...), 1e-5}
}

// Forward normalises the last axes of x, which have the shape of the layer; the result has the shape of x.
func (l *LayerNorm) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	gamma, beta := affine(c, l.Weight, l.Bias)
	return tensor.LayerNorm(x, gamma, beta, l.Eps)
}

// Visit names weight and bias.
func (l *LayerNorm) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *LayerNorm) String() string {
	return fmt.Sprintf("LayerNorm%s", tensor.ShapeString(l.Weight.shape))
}

// RMSNorm divides by the root of the mean square over the last axis and scales (Zhang and Sennrich, 2019).
type RMSNorm struct {
	Weight *Param // (features)
	Eps    float64
}

// NewRMSNorm returns the layer with eps 1e-6.
func NewRMSNorm(features int) *RMSNorm { return &RMSNorm{NewParam(Ones, features), 1e-6} }

// Forward normalises the last axis of x, (…, features); the result has the same shape.
func (l *RMSNorm) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	return tensor.RMSNorm(x, c.Use(l.Weight), l.Eps)
}

// Visit names the weight.
func (l *RMSNorm) Visit(v *Visitor) { v.Param("weight", l.Weight) }

// String describes the layer.
func (l *RMSNorm) String() string { return fmt.Sprintf("RMSNorm(%d)", l.Weight.shape[0]) }

// GroupNorm normalises each example over groups of channels and all axes after them, then scales and shifts each
// channel (Wu and He, 2018). One group for each channel is instance norm.
type GroupNorm struct {
	Weight, Bias *Param // (C); nil if not affine
	Groups       int
	channels     int
	Eps          float64
}

// NewGroupNorm returns the layer with eps 1e-5.
func NewGroupNorm(groups, channels int) *GroupNorm {
	if groups <= 0 || channels%groups != 0 {
		tensor.Fail("nn.GroupNorm", "", "%d groups don't divide %d channels", groups, channels)
	}
	return &GroupNorm{NewParam(Ones, channels), NewParam(Zeros, channels), groups, channels, 1e-5}
}

// NewInstanceNorm returns normalisation of each channel of each example, without scale and shift, as PyTorch's
// default (Ulyanov et al., 2016).
func NewInstanceNorm(channels int) *GroupNorm {
	return &GroupNorm{Groups: channels, channels: channels, Eps: 1e-5}
}

// Forward normalises the groups of channels of x, of shape (N, C, …); the result has the same shape.
func (l *GroupNorm) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() < 2 || x.Size(1) != l.channels {
		tensor.Fail("group norm", "", "expected %d channels on axis 1, got shape %s", l.channels, tensor.ShapeString(x.Shape()))
	}
	gamma, beta := affine(c, l.Weight, l.Bias)
	return tensor.GroupNorm(x, l.Groups, gamma, beta, l.Eps)
}

// Visit names weight and bias.
func (l *GroupNorm) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// String describes the layer.
func (l *GroupNorm) String() string { return fmt.Sprintf("GroupNorm(%d, %d)", l.Groups, l.channels) }
