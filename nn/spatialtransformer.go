package nn

import (
	"github.com/gradus-ml/gradus/tensor"
)

// SpatialTransformer looks at its input, decides on an affine map, and passes the input on as seen through it: shifted, turned, scaled
// or sheared, as suits the layers behind (Jaderberg et al., Spatial Transformer Networks, 2015). It needs no labels of its own, for gradients
// flow through the sampling. It begins as the identity, and so can stand in front of any network for images.
type SpatialTransformer struct {
	Localisation Layer   // (N, C, H, W) to (N, Features)
	Theta        *Linear // features to the six numbers of the map
	cfg          SpatialTransformerConfig
}

// SpatialTransformerConfig describes a [SpatialTransformer]. Localisation and Features are required.
type SpatialTransformerConfig struct {
	Localisation Layer  // what looks at the input: (N, C, H, W) becomes (N, Features)
	Features     int    // that it gives
	Size         [2]int // rows and columns of the output; default the input's
	Sample       tensor.GridSampleConfig
}

// New returns the layer.
func (cfg SpatialTransformerConfig) New() *SpatialTransformer {
	if cfg.Localisation == nil || cfg.Features < 1 {
		tensor.Fail("nn.SpatialTransformer", "", "needs a localisation network and the number of features that it gives, got %d", cfg.Features)
	}
	identity := func(_ *tensor.RNG, d tensor.DType, _ []int) *tensor.Tensor {
		return tensor.FromSlice([]float32{1, 0, 0, 0, 1, 0}, 6).To(d)
	}
	return &SpatialTransformer{
		Localisation: cfg.Localisation,
		Theta:        LinearConfig{In: cfg.Features, Out: 6, Init: Zeros, BiasInit: identity}.New(),
		cfg:          cfg,
	}
}

// Forward returns the input (N, C, H, W) seen through the map that it calls for: (N, C, H', W').
func (l *SpatialTransformer) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.NDim() != 4 {
		tensor.Fail("spatial_transformer", "", "expected images of shape (N, C, H, W), got %s", tensor.ShapeString(x.Shape()))
	}
	theta := c.Call("theta", l.Theta, c.Call("localisation", l.Localisation, x))
	n, channels, size := x.Size(0), x.Size(1), l.cfg.Size
	if size == [2]int{} {
		size = [2]int{x.Size(2), x.Size(3)}
	}
	grid := tensor.AffineGrid(theta.Reshape(n, 2, 3), n, channels, size[0], size[1], l.cfg.Sample.AlignCorners)
	return tensor.GridSample(x, grid, l.cfg.Sample)
}

// Visit names "localisation" and "theta".
func (l *SpatialTransformer) Visit(v *Visitor) {
	v.Child("localisation", l.Localisation)
	v.Child("theta", l.Theta)
}
