package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// normParts is the most partial sums that a gradient summed over rows is made
// of. It is fixed, so that the sum doesn't depend on the number of threads.
const normParts = 16

// partGrain returns how many of m rows of n elements make one partial sum.
func partGrain(m, n int) int {
	return max((m+normParts-1)/normParts, shareFrom/max(n, 1), 1)
}

// LayerNorm normalises each of m rows of n elements (Ba et al., 2016):
//
//	y[i,j] = (x[i,j] - mean[i]) rstd[i] gamma[j] + beta[j]
//
// with the row's mean and rstd = 1/sqrt(variance + eps), the variance biased.
// gamma and beta hold n elements or are nil for 1 and 0; mean and rstd hold m
// each and are what [LayerNormGrad] needs. y may be x.
func LayerNorm[T Float](y, mean, rstd, x, gamma, beta []T, m, n int, eps T) {
	if m*n < shareFrom {
		layerNorm(y, mean, rstd, x, gamma, beta, m, n, eps)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		layerNorm(y[lo*n:hi*n], mean[lo:hi], rstd[lo:hi], x[lo*n:hi*n], gamma, beta, hi-lo, n, eps)
	})
}

// LayerNormGrad computes the gradients of [LayerNorm] from the gradient g with
// respect to y: dx (m×n, may be g; nil if not wanted), and dgamma and dbeta (n
// each; either may be nil), which it overwrites. gamma is nil for 1.
func LayerNormGrad[T Float](dx, dgamma, dbeta, g, x, mean, rstd, gamma []T, m, n int) {
	if m*n < shareFrom {
		clear(dgamma)
		clear(dbeta)
		layerNormGrad(dx, dgamma, dbeta, g, x, mean, rstd, gamma, m, n)
		return
	}
	normGrad(dgamma, dbeta, m, n, func(lo, hi int, dgamma, dbeta []T) {
		layerNormGrad(rowsOf(dx, lo, hi, n), dgamma, dbeta, g[lo*n:hi*n], x[lo*n:hi*n], mean[lo:hi], rstd[lo:hi], gamma, hi-lo, n)
	})
}

// RMSNorm divides each of m rows of n elements by its root mean square (Zhang
// and Sennrich, 2019): y[i,j] = x[i,j] rstd[i] gamma[j] with
// rstd = 1/sqrt(mean of squares + eps). gamma is nil for 1; rstd holds m
// elements and is what [RMSNormGrad] needs. y may be x.
func RMSNorm[T Float](y, rstd, x, gamma []T, m, n int, eps T) {
	if m*n < shareFrom {
		rmsNorm(y, rstd, x, gamma, m, n, eps)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		rmsNorm(y[lo*n:hi*n], rstd[lo:hi], x[lo*n:hi*n], gamma, hi-lo, n, eps)
	})
}

// RMSNormGrad computes the gradients of [RMSNorm] from the gradient g with
// respect to y: dx (m×n, may be g; nil if not wanted) and dgamma (n, or nil),
// which it overwrites.
func RMSNormGrad[T Float](dx, dgamma, g, x, rstd, gamma []T, m, n int) {
	if m*n < shareFrom {
		clear(dgamma)
		layerNormGrad(dx, dgamma, nil, g, x, nil, rstd, gamma, m, n)
		return
	}
	normGrad(dgamma, nil, m, n, func(lo, hi int, dgamma, _ []T) {
		layerNormGrad(rowsOf(dx, lo, hi, n), dgamma, nil, g[lo*n:hi*n], x[lo*n:hi*n], nil, rstd[lo:hi], gamma, hi-lo, n)
	})
}

// rowsOf returns rows lo to hi of x, or nil if x is.
func rowsOf[T Float](x []T, lo, hi, n int) []T {
	if x == nil {
		return nil
	}
	return x[lo*n : hi*n]
}

// normGrad runs body over all rows, adding up what it leaves in dgamma and
// dbeta: one partial sum for each group of rows, added in order.
func normGrad[T Float](dgamma, dbeta []T, m, n int, body func(lo, hi int, dgamma, dbeta []T)) {
	clear(dgamma)
	clear(dbeta)
	grain := partGrain(m, n)
	if dgamma == nil && dbeta == nil {
		grain = rowGrain(n)
	}
	if m <= grain {
		body(0, m, dgamma, dbeta)
		return
	}
	if dgamma == nil && dbeta == nil {
		par.For(m, grain, func(lo, hi int) { body(lo, hi, nil, nil) })
		return
	}
	parts := (m + grain - 1) / grain
	sums, block := mem.Scratch[T](2 * parts * n)
	defer block.Free()
	clear(sums)
	par.Run(parts, func(i int) {
		var pg, pb []T
		if dgamma != nil {
			pg = sums[2*i*n:][:n]
		}
		if dbeta != nil {
			pb = sums[(2*i+1)*n:][:n]
		}
		body(i*grain, min((i+1)*grain, m), pg, pb)
	})
	for i := range parts {
		if dgamma != nil {
			accumulate(dgamma, sums[2*i*n:][:n])
		}
		if dbeta != nil {
			accumulate(dbeta, sums[(2*i+1)*n:][:n])
		}
	}
}

// accumulate adds src to dst, which is at least as long.
func accumulate[T Float](dst, src []T) { Add(dst[:len(src)], dst[:len(src)], src) }

func layerNorm[T Float](y, mean, rstd, x, gamma, beta []T, m, n int, eps T) {
	if single[T]() && layerNormAsm(singles(y), singles(mean), singles(rstd), singles(x), singles(gamma), singles(beta), m, n, float32(eps)) {
		return
	}
	for i := range m {
		x, y := x[i*n:][:n], y[i*n:][:n]
		var sum, sq float64
		for _, v := range x {
			sum += float64(v)
		}
		mu := sum / float64(n)
		for _, v := range x {
			d := float64(v) - mu
			sq += d * d
		}
		mean[i], rstd[i] = T(mu), T(1/math.Sqrt(sq/float64(n)+float64(eps)))
		affine(y, x, gamma, beta, mean[i], rstd[i])
	}
}

// affine computes y = (x - mean) rstd gamma + beta for one row.
func affine[T Float](y, x, gamma, beta []T, mean, rstd T) {
	for j, v := range x {
		y[j] = (v - mean) * rstd
	}
	if gamma != nil {
		for j, w := range gamma[:len(y)] {
			y[j] *= w
		}
	}
	if beta != nil {
		for j, b := range beta[:len(y)] {
			y[j] += b
		}
	}
}

func rmsNorm[T Float](y, rstd, x, gamma []T, m, n int, eps T) {
	if single[T]() && rmsNormAsm(singles(y), singles(rstd), singles(x), singles(gamma), m, n, float32(eps)) {
		return
	}
	for i := range m {
		x, y := x[i*n:][:n], y[i*n:][:n]
		var sq float64
		for _, v := range x {
			sq += float64(v) * float64(v)
		}
		rstd[i] = T(1 / math.Sqrt(sq/float64(n)+float64(eps)))
		affine(y, x, gamma, nil, 0, rstd[i])
	}
}

// layerNormGrad adds to dgamma and dbeta and overwrites dx. With nil mean it
// is the gradient of RMSNorm, which is layer norm with neither the mean nor its
// term in the gradient. With h = (x - mean) rstd and q = g gamma:
//
//	dx = rstd (q - mean(q) - h mean(q h)),  dgamma = Σ g h,  dbeta = Σ g
func layerNormGrad[T Float](dx, dgamma, dbeta, g, x, mean, rstd, gamma []T, m, n int) {
	if single[T]() && layerNormGradAsm(singles(dx), singles(dgamma), singles(dbeta), singles(g), singles(x), singles(mean), singles(rstd), singles(gamma), m, n) {
		return
	}
	for i := range m {
		g, x, r := g[i*n:][:n], x[i*n:][:n], rstd[i]
		var mu T
		if mean != nil {
			mu = mean[i]
		}
		if dgamma != nil {
			for j, v := range g {
				dgamma[j] += v * ((x[j] - mu) * r)
			}
		}
		if dbeta != nil {
			for j, v := range g {
				dbeta[j] += v
			}
		}
		if dx == nil {
			continue
		}
		var s1, s2 float64
		for j, v := range g {
			if gamma != nil {
				v *= gamma[j]
			}
			s1 += float64(v)
			s2 += float64(v) * float64((x[j]-mu)*r)
		}
		a, b := T(s1/float64(n)), T(s2/float64(n))
		if mean == nil {
			a = 0
		}
		dx := dx[i*n:][:n]
		for j, v := range g {
			if gamma != nil {
				v *= gamma[j]
			}
			dx[j] = r * (v - a - (x[j]-mu)*r*b)
		}
	}
}
