package filters

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// LearnConfig says how [Learn] goes about it. The zero value learns a 3×3 kernel.
type LearnConfig struct {
	Side  int    // of the kernel, odd; default 3
	Steps int    // of L-BFGS, default 50
	Seed  uint64 // of the kernel to start with
	// Each, if not nil, is told about each step: its number from 0, the loss before it, and the kernel, to be read at once.
	Each func(step int, loss float64, kernel *tensor.Tensor)
}

// Learn finds the kernel that turns the picture x into y, both (C, H, W), by the gradients of the mean squared error (D2L 7.2.4). It returns the
// kernel (side, side) and the last loss. Neighbouring pixels are alike, so all weights have nearly the same gradient, and gradient descent crawls along
// a valley for thousands of steps; L-BFGS, which learns the valley's shape, takes some dozens.
func Learn(x, y *tensor.Tensor, cfg LearnConfig) (kernel *tensor.Tensor, loss float64) {
	if cfg.Side == 0 {
		cfg.Side = 3
	}
	if cfg.Steps == 0 {
		cfg.Steps = 50
	}
	if cfg.Side < 1 || cfg.Side%2 == 0 || cfg.Steps < 1 {
		tensor.Fail("filters.Learn", "", "the side must be odd and there must be a step, got side %d and %d steps", cfg.Side, cfg.Steps)
	}
	if !x.SameShape(y) {
		tensor.Fail("filters.Learn", "", "a picture of shape %s can't become one of shape %s", tensor.ShapeString(x.Shape()), tensor.ShapeString(y.Shape()))
	}
	layer := nn.Conv2DConfig{In: 1, Out: 1, Kernel: cfg.Side, NoBias: true, Init: nn.Normal(0, 0.1)}.New()
	nn.Init(layer, cfg.Seed)
	now := func() *tensor.Tensor { return layer.Weight.Value().Reshape(cfg.Side, cfg.Side) }
	scope := tensor.NewScope()
	defer scope.Release()
	opt := optim.NewLBFGS(nn.Params(layer), optim.LBFGSConfig{MaxIter: 1, MaxEval: 20, StrongWolfe: true})
	for step := range cfg.Steps {
		before := now().Detach().Clone()
		loss = opt.Step(func() *tensor.Tensor { return nn.MSE(correlate("filters.Learn", x.In(scope), now()), y) })
		if cfg.Each != nil {
			cfg.Each(step, loss, before)
		}
		scope.Release()
	}
	return now().Detach().Clone(), loss
}
