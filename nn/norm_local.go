package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// LocalResponseNorm returns AlexNet's normalisation across size neighbouring channels with PyTorch's defaults, alpha 1e-4, beta
// 0.75 and k 1 (Krizhevsky et al., 2012). See [tensor.LocalResponseNorm] for what alpha means.
func LocalResponseNorm(size int) *Lambda {
	return LocalResponseNormWith(tensor.LocalResponseNormConfig{Size: size})
}

// LocalResponseNormWith is [LocalResponseNorm] with other constants.
func LocalResponseNormWith(cfg tensor.LocalResponseNormConfig) *Lambda {
	return NewLambda(fmt.Sprintf("LocalResponseNorm(%d)", cfg.Size),
		func(x *tensor.Tensor) *tensor.Tensor { return tensor.LocalResponseNorm(x, cfg) })
}
