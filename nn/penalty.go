package nn

import "github.com/gradus-ml/gradus/tensor"

// L1Penalty returns the sum of |w| over all elements of params: added to a loss, times a strength, it draws weights to exactly 0
// (Tibshirani, 1996). It is for training only; pass the weights without the biases, such as optim.DecayGroups finds them.
func L1Penalty(params ...*Param) *tensor.Tensor { return penalty(params, (*tensor.Tensor).Abs) }

// L2Penalty returns the sum of w²/2 over all elements of params. With plain SGD, adding strength times it to the loss is the same as
// a weight decay of that strength; the optimisers' own WeightDecay is cheaper.
func L2Penalty(params ...*Param) *tensor.Tensor {
	return penalty(params, (*tensor.Tensor).Square).MulScalar(0.5)
}

func penalty(params []*Param, f func(w *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	var sum *tensor.Tensor
	for _, p := range params {
		if p.value == nil {
			failNoValues(p)
		}
		s := f(p.value).Sum()
		if sum != nil {
			s = sum.Add(s)
		}
		sum = s
	}
	if sum == nil {
		tensor.Fail("penalty", "pass parameters, such as a layer's Weight", "there are no parameters")
	}
	return sum
}
