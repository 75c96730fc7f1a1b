package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// FocalConfig describes a focal loss, which counts examples less the better they are predicted already, so that many easy ones don't
// drown the few that matter (Lin et al., "Focal Loss for Dense Object Detection", 2017).
type FocalConfig struct {
	Gamma     float64        // how much: the factor is (1 − p)^Gamma; default 2
	Alpha     float64        // SigmoidFocalLoss: weight of positives, against 1 − Alpha of negatives; default 0.25, −1 for no weights
	Weight    *tensor.Tensor // FocalLoss: weights of the classes (C), nil for none
	Reduction Reduction      // default Mean, which divides by the number of elements or examples, weights notwithstanding
}

func (cfg FocalConfig) gamma(op string) float64 {
	switch {
	case cfg.Gamma == 0:
		return 2
	case !(cfg.Gamma > 0):
		tensor.Fail(op, "", "gamma must be positive, got %g", cfg.Gamma)
	}
	return cfg.Gamma
}

// SigmoidFocalLoss returns the mean focal loss of logits against targets 0 and 1 (or between) of the same shape, each element a
// question of its own, with alpha 0.25 and gamma 2. It is torchvision.ops.sigmoid_focal_loss with reduction "mean".
func SigmoidFocalLoss(logits, targets *tensor.Tensor) *tensor.Tensor {
	return SigmoidFocalLossWith(FocalConfig{})(logits, targets)
}

// SigmoidFocalLossWith returns [SigmoidFocalLoss] with other settings. Detectors take Reduction Sum and divide by the number of objects.
func SigmoidFocalLossWith(cfg FocalConfig) func(logits, targets *tensor.Tensor) *tensor.Tensor {
	const op = "sigmoid focal loss"
	gamma, alpha := cfg.gamma(op), cfg.Alpha
	if alpha == 0 {
		alpha = 0.25
	}
	if alpha > 1 || alpha < 0 && alpha != -1 || cfg.Weight != nil {
		tensor.Fail(op, "weights of classes are for FocalLoss", "alpha must lie between 0 and 1 or be −1 for no weights, and Weight nil; got %g", alpha)
	}
	return func(logits, targets *tensor.Tensor) *tensor.Tensor {
		sameShapes(op, logits, targets)
		targets = targets.To(logits.DType())
		p := logits.Sigmoid()
		wrong := p.Add(targets).Sub(p.Mul(targets).MulScalar(2)) // the probability of what isn't the target
		each := tensor.BCEWithLogits(logits, targets, tensor.BCEWithLogitsConfig{Reduction: None}).Mul(wrong.PowScalar(gamma))
		if alpha >= 0 {
			each = each.Mul(targets.MulScalar(2*alpha - 1).AddScalar(1 - alpha))
		}
		return reduce(each, cfg.Reduction)
	}
}

// FocalLoss returns the mean focal loss −(1 − p)²·log p of logits (N, C) or (N, C, …) against classes (N) or (N, …), p being the
// softmax's probability of the right class.
func FocalLoss(logits, classes *tensor.Tensor) *tensor.Tensor {
	return FocalLossWith(FocalConfig{})(logits, classes)
}

// FocalLossWith returns [FocalLoss] with other settings.
func FocalLossWith(cfg FocalConfig) func(logits, classes *tensor.Tensor) *tensor.Tensor {
	const op = "focal loss"
	gamma := cfg.gamma(op)
	if cfg.Alpha != 0 {
		tensor.Fail(op, fmt.Sprintf("Weight: tensor.Full(tensor.Float32, %g, C)?", cfg.Alpha), "Alpha is for SigmoidFocalLoss")
	}
	return func(logits, classes *tensor.Tensor) *tensor.Tensor {
		logp := tensor.CrossEntropy(logits, classes, tensor.CrossEntropyConfig{Reduction: None}).Neg()
		wrong := logp.Exp().Neg().AddScalar(1)
		each := logp.Neg().Mul(wrong.Clamp(0, 1).PowScalar(gamma))
		if cfg.Weight != nil {
			each = each.Mul(cfg.Weight.To(logits.DType()).IndexSelect(0, classes.To(tensor.Int64).Flatten(0, -1)).Reshape(classes.Shape()...))
		}
		return reduce(each, cfg.Reduction)
	}
}
