package nn

import "github.com/gradus-ml/gradus/tensor"

// DiceLoss returns 1 less the mean over classes of the Dice coefficient 2·Σp·y / (Σp + Σy), where p are the softmax probabilities of
// logits (N, C, …), y is 1 where target (N, …) has the class, and sums go over all examples and places (Milletari et al., "V-Net",
// 2016, with sums in place of sums of squares; 1 is added to numerator and denominator, so that a class which is nowhere costs nothing).
// Rare classes count as much as frequent ones, which cross entropy neglects; the two are often added.
func DiceLoss(logits, target *tensor.Tensor) *tensor.Tensor {
	classesOf("dice loss", "logits", logits, target)
	classes := logits.Size(1)
	truth := target.OneHot(classes).To(logits.DType()).Reshape(-1, classes)
	p := logits.Softmax(1).Reshape(logits.Size(0), classes, -1).Permute(0, 2, 1).Reshape(-1, classes)
	both := p.Mul(truth).SumAxes(false, 0)
	all := p.SumAxes(false, 0).Add(truth.SumAxes(false, 0))
	dice := both.MulScalar(2).AddScalar(1).Div(all.AddScalar(1))
	return dice.Mean().Neg().AddScalar(1)
}
