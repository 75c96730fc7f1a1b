package cpu

import (
	"math"

	"github.com/gradus-ml/gradus/internal/par"
)

// Batch normalisation (Ioffe and Szegedy, 2015) of x, contiguous n×c×s: n
// samples, c channels, s positions (1 when there are none). A channel's values
// are n segments of s, c·s apart. Channels are independent, so they are what
// threads share; without positions they are columns, taken stripWidth at a time.

// stripWidth is how many columns one piece of work covers if s is 1.
const stripWidth = 64

// channelGrain returns how many channels make a piece of work.
func channelGrain(n, s int) int {
	if s == 1 {
		return max(stripWidth, (rowChunk/max(n, 1)+stripWidth-1)/stripWidth*stripWidth)
	}
	return max(1, rowChunk/max(n*s, 1))
}

// BatchNormStats computes each channel's mean and biased variance, c each, in
// two passes: the second sums squared distances to the mean.
func BatchNormStats[T Float](mean, variance, x []T, n, c, s int) {
	if n*c*s < shareFrom {
		batchNormStats(mean, variance, x, n, c, s, 0, c)
		return
	}
	par.For(c, channelGrain(n, s), func(lo, hi int) {
		batchNormStats(mean, variance, x, n, c, s, lo, hi)
	})
}

// BatchNormApply computes y = (x - mean) rstd gamma + beta with the channel's
// mean, rstd, gamma and beta, c each; nil gamma and beta mean 1 and 0. It
// serves training (the batch's mean, rstd = 1/sqrt(variance + eps)) and
// evaluation (the running ones). y may be x.
func BatchNormApply[T Float](y, x, mean, rstd, gamma, beta []T, n, c, s int) {
	if n*c*s < shareFrom {
		batchNormApply(y, x, nil, mean, rstd, gamma, beta, NoAct, n, c, s, 0, c)
		return
	}
	par.For(c, channelGrain(n, s), func(lo, hi int) {
		batchNormApply(y, x, nil, mean, rstd, gamma, beta, NoAct, n, c, s, lo, hi)
	})
}

// BatchNormTrain computes [BatchNormStats], rstd = 1/sqrt(variance + eps) and
// y = act((x - mean) rstd gamma + beta + add) in one go, a few channels at a
// time while they are in cache. add is another n×c×s, or nil. y may be x.
func BatchNormTrain[T Float](y, mean, variance, rstd, x, add, gamma, beta []T, act Act, n, c, s int, eps T) {
	if n*c*s < shareFrom {
		batchNormTrain(y, mean, variance, rstd, x, add, gamma, beta, act, n, c, s, eps, 0, c)
		return
	}
	par.For(c, channelGrain(n, s), func(lo, hi int) {
		batchNormTrain(y, mean, variance, rstd, x, add, gamma, beta, act, n, c, s, eps, lo, hi)
	})
}

func batchNormTrain[T Float](y, mean, variance, rstd, x, add, gamma, beta []T, act Act, n, c, s int, eps T, lo, hi int) {
	step := max(1, rowChunk/max(n*s, 1))
	if s == 1 {
		step = stripWidth
	}
	for at := lo; at < hi; at += step {
		end := min(at+step, hi)
		batchNormStats(mean, variance, x, n, c, s, at, end)
		for ch := at; ch < end; ch++ {
			rstd[ch] = T(1 / math.Sqrt(float64(variance[ch])+float64(eps)))
		}
		batchNormApply(y, x, add, mean, rstd, gamma, beta, act, n, c, s, at, end)
	}
}

// BatchNormGrad computes the gradients of batch normalisation in training,
// where mean and rstd come from x itself, from the gradient g with respect to
// y: dx (may be g; nil if not wanted), dgamma and dbeta (c each, or nil).
// With N = n·s, h = (x - mean) rstd and sums over the channel:
//
//	dx = gamma rstd (g - Σg/N - h Σ(g h)/N),  dgamma = Σ g h,  dbeta = Σ g
func BatchNormGrad[T Float](dx, dgamma, dbeta, g, x, mean, rstd, gamma []T, n, c, s int) {
	BatchNormReLUGrad(dx, nil, dgamma, dbeta, g, x, nil, mean, rstd, gamma, n, c, s)
}

// BatchNormReLUGrad is [BatchNormGrad] where y = max((x - mean) rstd gamma +
// beta + add, 0): g counts where y isn't 0 or less. That is the gradient of
// add too, stored to masked, which may be dx if it isn't wanted.
func BatchNormReLUGrad[T Float](dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma []T, n, c, s int) {
	if n*c*s < shareFrom {
		batchNormGrad(dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma, n, c, s, 0, c)
		return
	}
	par.For(c, channelGrain(n, s), func(lo, hi int) {
		batchNormGrad(dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma, n, c, s, lo, hi)
	})
}

// channelSum returns Σ (x - shift) over segments of s elements, stride apart,
// and Σ (x - shift)².
func channelSum[T Float](x []T, n, stride, s int, shift T) (sum, squares float64) {
	for i := range n {
		for _, v := range x[i*stride:][:s] {
			d := float64(v - shift)
			sum += d
			squares += d * d
		}
	}
	return sum, squares
}

func batchNormStats[T Float](mean, variance, x []T, n, c, s, lo, hi int) {
	if single[T]() && batchNormStatsAsm(singles(mean), singles(variance), singles(x), n, c, s, lo, hi) {
		return
	}
	if s == 1 {
		for at := lo; at < hi; at += stripWidth {
			columnStats(mean, variance, x, n, c, at, min(at+stripWidth, hi))
		}
		return
	}
	count := float64(n * s)
	for ch := lo; ch < hi; ch++ {
		sum, _ := channelSum(x[ch*s:], n, c*s, s, 0)
		mean[ch] = T(sum / count)
		// What the mean lost in rounding to T is taken from the variance.
		rest, squares := channelSum(x[ch*s:], n, c*s, s, mean[ch])
		variance[ch] = T(max(0, squares-rest*rest/count) / count)
	}
}

// columnStats is batchNormStats for columns lo to hi, at most stripWidth, of
// an n×c matrix.
func columnStats[T Float](mean, variance, x []T, n, c, lo, hi int) {
	var sum, squares [stripWidth]float64
	for i := range n {
		for j, v := range x[i*c+lo : i*c+hi] {
			sum[j] += float64(v)
		}
	}
	mu := mean[lo:hi]
	for j := range mu {
		mu[j] = T(sum[j] / float64(n))
	}
	clear(sum[:])
	for i := range n {
		for j, v := range x[i*c+lo : i*c+hi] {
			d := float64(v - mu[j])
			sum[j] += d
			squares[j] += d * d
		}
	}
	for j := range mu {
		variance[lo+j] = T(max(0, squares[j]-sum[j]*sum[j]/float64(n)) / float64(n))
	}
}

// channelScale returns what multiplies x - mean, and what is added.
func channelScale[T Float](rstd, gamma, beta []T, ch int) (scale, shift T) {
	scale = rstd[ch]
	if gamma != nil {
		scale *= gamma[ch]
	}
	if beta != nil {
		shift = beta[ch]
	}
	return scale, shift
}

func batchNormApply[T Float](y, x, add, mean, rstd, gamma, beta []T, act Act, n, c, s, lo, hi int) {
	if single[T]() && batchNormApplyAsm(singles(y), singles(x), singles(add), singles(mean), singles(rstd), singles(gamma), singles(beta), act, n, c, s, lo, hi) {
		if s == 1 {
			batchNormFinish(y, add, act, n, c, lo, hi)
		}
		return
	}
	if s == 1 {
		for at := lo; at < hi; at += stripWidth {
			var scale, shift [stripWidth]T
			end := min(at+stripWidth, hi)
			for j := range end - at {
				scale[j], shift[j] = channelScale(rstd, gamma, beta, at+j)
			}
			mu := mean[at:end]
			for i := range n {
				y := y[i*c+at : i*c+end]
				for j, v := range x[i*c+at : i*c+end] {
					y[j] = (v-mu[j])*scale[j] + shift[j]
				}
			}
		}
		batchNormFinish(y, add, act, n, c, lo, hi)
		return
	}
	for ch := lo; ch < hi; ch++ {
		scale, shift := channelScale(rstd, gamma, beta, ch)
		mu := mean[ch]
		for i := range n {
			at := (i*c + ch) * s
			y := y[at : at+s]
			for j, v := range x[at : at+s] {
				y[j] = (v-mu)*scale + shift
			}
			finish(y, add, at, act)
		}
	}
}

// batchNormFinish adds add, if there is one, and applies the activation in columns lo to hi.
func batchNormFinish[T Float](y, add []T, act Act, n, c, lo, hi int) {
	if add == nil && act == NoAct {
		return
	}
	for i := range n {
		finish(y[i*c+lo:i*c+hi], add, i*c+lo, act)
	}
}

// finish computes y = act(y + add[at:]), or act(y) if add is nil.
func finish[T Float](y, add []T, at int, act Act) {
	if add != nil {
		Add(y, y, add[at:])
	}
	if act == ActReLU {
		ReLU(y, y)
	}
}

func batchNormGrad[T Float](dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma []T, n, c, s, lo, hi int) {
	if y != nil && s == 1 {
		for i := range n {
			ReLUGrad(masked[i*c+lo:i*c+hi], g[i*c+lo:], y[i*c+lo:])
		}
		g, y = masked, nil
	}
	if single[T]() && batchNormGradAsm(singles(dx), singles(masked), singles(dgamma), singles(dbeta), singles(g), singles(x), singles(y), singles(mean), singles(rstd), singles(gamma), n, c, s, lo, hi) {
		return
	}
	if y != nil {
		for i := range n {
			at, end := (i*c+lo)*s, (i*c+hi)*s
			ReLUGrad(masked[at:end], g[at:end], y[at:end])
		}
		g = masked
	}
	if s == 1 {
		for at := lo; at < hi; at += stripWidth {
			columnGrad(dx, dgamma, dbeta, g, x, mean, rstd, gamma, n, c, at, min(at+stripWidth, hi))
		}
		return
	}
	for ch := lo; ch < hi; ch++ {
		var sg, sgx float64
		mu := mean[ch]
		for i := range n {
			at := (i*c + ch) * s
			x := x[at : at+s]
			for j, v := range g[at : at+s] {
				sg += float64(v)
				sgx += float64(v) * float64(x[j]-mu)
			}
		}
		k, a, b := channelGrad(dgamma, dbeta, rstd, gamma, ch, n*s, sg, sgx)
		if dx == nil {
			continue
		}
		for i := range n {
			at := (i*c + ch) * s
			x, dx := x[at:at+s], dx[at:at+s]
			for j, v := range g[at : at+s] {
				dx[j] = k * (v - a - (x[j]-mu)*b)
			}
		}
	}
}

// channelGrad stores a channel's dgamma and dbeta, given Σ g and Σ g (x - mean)
// over its count values, and returns what makes dx = k (g - a - (x - mean) b).
func channelGrad[T Float](dgamma, dbeta, rstd, gamma []T, ch, count int, sg, sgx float64) (k, a, b T) {
	r := float64(rstd[ch])
	if dgamma != nil {
		dgamma[ch] = T(sgx * r)
	}
	if dbeta != nil {
		dbeta[ch] = T(sg)
	}
	k, _ = channelScale(rstd, gamma, nil, ch)
	return k, T(sg / float64(count)), T(sgx * r * r / float64(count))
}

// columnGrad is batchNormGrad for columns lo to hi, at most stripWidth, of an
// n×c matrix.
func columnGrad[T Float](dx, dgamma, dbeta, g, x, mean, rstd, gamma []T, n, c, lo, hi int) {
	var sg, sgx [stripWidth]float64
	mu := mean[lo:hi]
	for i := range n {
		x := x[i*c+lo : i*c+hi]
		for j, v := range g[i*c+lo : i*c+hi] {
			sg[j] += float64(v)
			sgx[j] += float64(v) * float64(x[j]-mu[j])
		}
	}
	var k, a, b [stripWidth]T
	for j := range mu {
		k[j], a[j], b[j] = channelGrad(dgamma, dbeta, rstd, gamma, lo+j, n, sg[j], sgx[j])
	}
	if dx == nil {
		return
	}
	for i := range n {
		x, dx := x[i*c+lo:i*c+hi], dx[i*c+lo:i*c+hi]
		for j, v := range g[i*c+lo : i*c+hi] {
			dx[j] = k[j] * (v - a[j] - (x[j]-mu[j])*b[j])
		}
	}
}
