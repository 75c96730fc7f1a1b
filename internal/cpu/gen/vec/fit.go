package main

import (
	"math"
	"sync"
)

// fit is a function on [0, limit] in pieces of width step, centred on multiples
// of step: coefficient d of piece i, lowest degree first, is coef[d][i].
type fit struct {
	step, limit float64
	coef        [][]uint32
}

// newFit interpolates f on each piece in the Chebyshev points.
func newFit(pieces int, step float64, degree int, f func(float64) float64) *fit {
	step = float64(float32(step))
	r := &fit{step: step, limit: float64(float32((float64(pieces) - 0.51) * step)), coef: make([][]uint32, degree+1)}
	for d := range r.coef {
		r.coef[d] = make([]uint32, pieces)
	}
	for i := range pieces {
		centre := step * float64(i)
		for d, c := range interpolate(func(x float64) float64 { return f(centre + x) }, step/2, degree) {
			r.coef[d][i] = math.Float32bits(float32(c))
		}
	}
	return r
}

// interpolate returns the polynomial through f at the degree+1 Chebyshev points
// of [−a, a].
func interpolate(f func(float64) float64, a float64, degree int) []float64 {
	n := degree + 1
	x, c := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = a * math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		c[i] = f(x[i])
	}
	for k := 1; k < n; k++ { // divided differences
		for i := n - 1; i >= k; i-- {
			c[i] = (c[i] - c[i-1]) / (x[i] - x[i-k])
		}
	}
	p := []float64{c[n-1]}
	for i := n - 2; i >= 0; i-- { // p = p·(X − x[i]) + c[i]
		q := append([]float64{0}, p...)
		for k := range p {
			q[k] -= x[i] * p[k]
		}
		q[0] += c[i]
		p = q
	}
	return p
}

// eval is what the assembly computes.
func (f *fit) eval(x float32) float32 {
	n := math.RoundToEven(float64(x) / f.step)
	r := float32(float64(x) - n*f.step)
	i := int(n) & (len(f.coef[0]) - 1)
	p := math.Float32frombits(f.coef[len(f.coef)-1][i])
	for d := len(f.coef) - 2; d >= 0; d-- {
		p = float32(float64(p)*float64(r) + float64(math.Float32frombits(f.coef[d][i])))
	}
	return p
}

// saturate moves limit to where limit·f(limit) is exactly want, at which the
// clamped function then stays for ever.
func (f *fit) saturate(want float32) *fit {
	for range 1 << 16 {
		l := float32(f.limit)
		if l*f.eval(l) == want {
			return f
		}
		f.limit = float64(math.Nextafter32(l, 0))
	}
	panic("no point of saturation")
}

// perISA makes both forms of a fit, once: tables are told apart by address.
func perISA(f func(wide bool) *fit) func(wide bool) *fit {
	a := sync.OnceValue(func() *fit { return f(false) })
	b := sync.OnceValue(func() *fit { return f(true) })
	return func(wide bool) *fit {
		if wide {
			return b()
		}
		return a()
	}
}

// choose is wide ? a : b.
func choose[T any](wide bool, a, b T) T {
	if wide {
		return a
	}
	return b
}

// over returns f(u)/u, with its value at 0.
func over(f func(float64) float64, at0 float64) func(float64) float64 {
	return func(u float64) float64 {
		if math.Abs(u) < 1e-9 {
			return at0
		}
		return f(u) / u
	}
}

// tanhFit is tanh(u)/u up to where tanh is 1.
var tanhFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 37./128, 79./64), choose(wide, 5, 11), over(math.Tanh, 1)).saturate(1)
})

// erfFit is erf(u)/u up to where erf is 1.
var erfFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 17./128, 35./64), choose(wide, 4, 8), over(math.Erf, 2/math.Sqrt(math.Pi))).saturate(1)
})

// geluFit is Φ(−u), 0 on the last piece.
var geluFit = perISA(func(wide bool) *fit {
	f := newFit(choose(wide, 16, 8), choose(wide, 7./16, 0.90625), choose(wide, 5, 9), func(u float64) float64 {
		return 0.5 * math.Erfc(u/math.Sqrt2)
	})
	for _, c := range f.coef {
		c[len(c)-1] = 0
	}
	return f
})

// geluGradFit is (E(u) − ½)/u where E(u) = Φ(u) + u·φ(u) is GELU's derivative.
var geluGradFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 13./64, 27./32), choose(wide, 5, 10), over(func(u float64) float64 {
		return 0.5*math.Erf(u/math.Sqrt2) + u*math.Exp(-0.5*u*u)/math.Sqrt(2*math.Pi)
	}, 2/math.Sqrt(2*math.Pi))).saturate(0.5)
})

// geluTanhFit is the gate ½(1 + tanh(√(2/π)(x + 0.044715x³))) at −u, 0 on the
// last piece.
var geluTanhFit = perISA(func(wide bool) *fit {
	f := newFit(choose(wide, 32, 8), choose(wide, 7./32, 0.875), choose(wide, 5, 11), func(u float64) float64 {
		return 1 / (1 + math.Exp(2*geluScale*u*(1+geluCubic*u*u)))
	})
	for _, c := range f.coef {
		c[len(c)-1] = 0
	}
	return f
})

// geluTanhGradFit is (E(u) − ½)/u, E the derivative of x times the gate.
var geluTanhGradFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 32, 8), choose(wide, 3./16, 13./16), choose(wide, 6, 13), over(func(u float64) float64 {
		t := math.Tanh(geluScale * u * (1 + geluCubic*u*u))
		return 0.5*t + 0.5*u*geluScale*(1+3*geluCubic*u*u)*(1-t*t)
	}, geluScale)).saturate(0.5)
})

// log1pFit is log(1+z)/z on [0, 1].
var log1pFit = perISA(func(wide bool) *fit {
	return newFit(choose(wide, 16, 8), choose(wide, 1./15, 1./7), choose(wide, 4, 5), over(math.Log1p, 1))
})
