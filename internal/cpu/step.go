package cpu

import "math"

// SGDHyper holds what one step of stochastic gradient descent needs, with the
// meanings of PyTorch's torch.optim.SGD.
type SGDHyper struct {
	LR          float64
	Momentum    float64
	Dampening   float64
	WeightDecay float64 // L2 penalty, added to the gradient
	Nesterov    bool    // needs Momentum
	Maximize    bool    // climb instead of descend
	First       bool    // the first step: the momentum buffer becomes the gradient, without dampening
}

// AdamHyper holds what one step of Adam needs (Kingma and Ba, 2015), with the
// meanings of PyTorch's torch.optim.Adam and AdamW.
type AdamHyper struct {
	LR           float64
	Beta1, Beta2 float64
	Eps          float64
	WeightDecay  float64
	Decoupled    bool    // AdamW (Loshchilov and Hutter, 2019): the decay multiplies the parameter
	Maximize     bool    // climb instead of descend
	Correction1  float64 // 1 - Beta1^t at step t = 1, 2, …
	Correction2  float64 // 1 - Beta2^t
}

// SGDSlices are one parameter, its gradient and its momentum buffer (nil
// without momentum), all of the same length.
type SGDSlices[T Float] struct{ P, G, Buf []T }

// AdamSlices are one parameter, its gradient, the running means of the
// gradient and of its square, and, for AMSGrad only, the greatest V so far.
type AdamSlices[T Float] struct{ P, G, M, V, VMax []T }

// SGDStep updates p, and buf unless it is nil, from the gradient g:
//
//	d = g + WeightDecay p;  buf = Momentum buf + (1 - Dampening) d
//	p -= LR buf, or with Nesterov p -= LR (d + Momentum buf)
func SGDStep[T Float](p, g, buf []T, h SGDHyper) {
	if len(p) < shareFrom {
		sgdStep(p, g, buf, &h)
		return
	}
	SGDStepAll([]SGDSlices[T]{{p, g, buf}}, h)
}

// AdamStep updates p, m and v, and vmax unless it is nil, from the gradient g:
//
//	m = Beta1 m + (1 - Beta1) g;  v = Beta2 v + (1 - Beta2) g²
//	p -= LR/Correction1 · m / (sqrt(v)/sqrt(Correction2) + Eps)
//
// where AMSGrad (Reddi et al., 2018) has vmax = max(vmax, v) in place of v.
func AdamStep[T Float](p, g, m, v, vmax []T, h AdamHyper) {
	if len(p) < shareFrom {
		adamStep(p, g, m, v, vmax, &h)
		return
	}
	AdamStepAll([]AdamSlices[T]{{p, g, m, v, vmax}}, h)
}

// SGDStepAll does [SGDStep] for all of list, sharing all elements of all
// parameters evenly among threads.
func SGDStepAll[T Float](list []SGDSlices[T], h SGDHyper) {
	total := 0
	for i := range list {
		total += len(list[i].P)
	}
	if total < shareFrom {
		for _, s := range list {
			sgdStep(s.P, s.G, s.Buf, &h)
		}
		return
	}
	shared := h
	forAll(total, len(list), func(i int) int { return len(list[i].P) }, func(_, i, lo, hi int) {
		s := &list[i]
		var buf []T
		if s.Buf != nil {
			buf = s.Buf[lo:hi]
		}
		sgdStep(s.P[lo:hi], s.G[lo:hi], buf, &shared)
	})
}

// AdamStepAll does [AdamStep] for all of list, sharing all elements of all
// parameters evenly among threads.
func AdamStepAll[T Float](list []AdamSlices[T], h AdamHyper) {
	total := 0
	for i := range list {
		total += len(list[i].P)
	}
	if total < shareFrom {
		for _, s := range list {
			adamStep(s.P, s.G, s.M, s.V, s.VMax, &h)
		}
		return
	}
	shared := h
	forAll(total, len(list), func(i int) int { return len(list[i].P) }, func(_, i, lo, hi int) {
		s := &list[i]
		var vmax []T
		if s.VMax != nil {
			vmax = s.VMax[lo:hi]
		}
		adamStep(s.P[lo:hi], s.G[lo:hi], s.M[lo:hi], s.V[lo:hi], vmax, &shared)
	})
}

func sgdStep[T Float](p, g, buf []T, h *SGDHyper) {
	if single[T]() && sgdStepAsm(singles(p), singles(g), singles(buf), h) {
		return
	}
	sign := T(1)
	if h.Maximize {
		sign = -1
	}
	lr, decay, mu, in := T(h.LR), T(h.WeightDecay), T(h.Momentum), T(1-h.Dampening)
	if h.First {
		mu, in = 0, 1
	}
	g = g[:len(p)]
	if buf == nil {
		for i, w := range p {
			p[i] = w - lr*(sign*g[i]+decay*w)
		}
		return
	}
	buf = buf[:len(p)]
	for i, w := range p {
		d := sign*g[i] + decay*w
		b := in * d
		if !h.First { // so that an undefined buffer is never read
			b += mu * buf[i]
		}
		buf[i] = b
		if h.Nesterov {
			b = d + T(h.Momentum)*b
		}
		p[i] = w - lr*b
	}
}

// adamScalars are the numbers of an AdamHyper in the type of the parameters:
// products are formed in float64 and rounded once, as PyTorch does.
type adamScalars[T Float] struct {
	sign   T // -1 to climb
	decay  T // added to the gradient: decay·p
	keep   T // multiplies p: 1 - LR·WeightDecay if decoupled
	in1    T // 1 - Beta1
	beta2  T
	in2    T // 1 - Beta2
	invc2  T // 1/sqrt(Correction2)
	eps    T
	stride T // LR/Correction1
}

func newAdamScalars[T Float](h *AdamHyper) adamScalars[T] {
	s := adamScalars[T]{
		sign: 1, keep: 1,
		in1: T(1 - h.Beta1), beta2: T(h.Beta2), in2: T(1 - h.Beta2),
		invc2: T(1 / math.Sqrt(h.Correction2)), eps: T(h.Eps), stride: T(h.LR / h.Correction1),
	}
	if h.Maximize {
		s.sign = -1
	}
	if h.Decoupled {
		s.keep = T(1 - h.LR*h.WeightDecay)
	} else {
		s.decay = T(h.WeightDecay)
	}
	return s
}

func adamStep[T Float](p, g, m, v, vmax []T, h *AdamHyper) {
	s := newAdamScalars[T](h)
	if single[T]() {
		if s, ok := any(&s).(*adamScalars[float32]); ok && adamStepAsm(singles(p), singles(g), singles(m), singles(v), singles(vmax), s) {
			return
		}
	}
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i, w := range p {
		w *= s.keep
		d := s.sign*g[i] + s.decay*w
		m[i] += s.in1 * (d - m[i])
		v[i] = s.beta2*v[i] + s.in2*d*d
		top := v[i]
		if vmax != nil {
			// A NaN in v must show, as in PyTorch's maximum.
			if !(top <= vmax[i]) {
				vmax[i] = top
			}
			top = vmax[i]
		}
		p[i] = w - s.stride*m[i]/(T(math.Sqrt(float64(top)))*s.invc2+s.eps)
	}
}
