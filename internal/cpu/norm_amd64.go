//go:build amd64 && !noasm

package cpu

import (
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
)

func layerNormAsm(y, mean, rstd, x, gamma, beta []float32, m, n int, eps float32) bool {
	if n > longestRow || gamma == nil && beta != nil {
		return false
	}
	py, px, pm, pr := unsafe.SliceData(y), unsafe.SliceData(x), unsafe.SliceData(mean), unsafe.SliceData(rstd)
	pg, pb := unsafe.SliceData(gamma), unsafe.SliceData(beta)
	switch active {
	case AVX512:
		layerNormRowsAVX512(py, pm, pr, px, pg, pb, m, n, eps, float32(n))
	case AVX2:
		layerNormRowsAVX2(py, pm, pr, px, pg, pb, m, n, eps, float32(n))
	default:
		return false
	}
	return true
}

func rmsNormAsm(y, rstd, x, gamma []float32, m, n int, eps float32) bool {
	if n > longestRow {
		return false
	}
	py, px, pr, pg := unsafe.SliceData(y), unsafe.SliceData(x), unsafe.SliceData(rstd), unsafe.SliceData(gamma)
	switch active {
	case AVX512:
		rmsNormRowsAVX512(py, pr, px, pg, m, n, eps, float32(n))
	case AVX2:
		rmsNormRowsAVX2(py, pr, px, pg, m, n, eps, float32(n))
	default:
		return false
	}
	return true
}

func layerNormGradAsm(dx, dgamma, dbeta, g, x, mean, rstd, gamma []float32, m, n int) bool {
	if active == Portable || n > longestRow {
		return false
	}
	if gamma == nil {
		ones, block := mem.Scratch[float32](n)
		defer block.Free()
		for i := range ones {
			ones[i] = 1
		}
		gamma = ones
	}
	pdx, pdg, pdb := unsafe.SliceData(dx), unsafe.SliceData(dgamma), unsafe.SliceData(dbeta)
	pg := unsafe.SliceData(gamma)
	for i := range m {
		if dx != nil {
			pdx = unsafe.SliceData(dx[i*n:])
		}
		var mu, centred float32
		if mean != nil {
			mu, centred = mean[i], 1
		}
		g, x := unsafe.SliceData(g[i*n:]), unsafe.SliceData(x[i*n:])
		if active == AVX512 {
			layerNormGradRowAVX512(pdx, pdg, pdb, g, x, pg, n, mu, rstd[i], float32(n), centred)
		} else {
			layerNormGradRowAVX2(pdx, pdg, pdb, g, x, pg, n, mu, rstd[i], float32(n), centred)
		}
	}
	return true
}

// callSize is about how many elements one assembly call over a channel covers.
const callSize = 65536

// channelCalls calls body for groups of the n segments of a channel that are short
// enough for one assembly call: m of them, from offset at on.
func channelCalls(n, c, s, ch int, body func(at, m int)) {
	group := max(1, callSize/max(s, 1))
	for i := 0; i < n; i += group {
		body((i*c+ch)*s, min(group, n-i))
	}
}

func batchNormStatsAsm(mean, variance, x []float32, n, c, s, lo, hi int) bool {
	if active == Portable || s > longestRow || n*s == 0 {
		return false
	}
	if s == 1 {
		for at := lo; at < hi; at += stripWidth {
			columnStatsAsm(mean, variance, x, n, c, at, min(at+stripWidth, hi))
		}
		return true
	}
	count := float64(n * s)
	for ch := lo; ch < hi; ch++ {
		sum, _ := momentsAsm(x, n, c, s, ch, 0)
		mu := float32(sum / count)
		rest, squares := momentsAsm(x, n, c, s, ch, mu)
		mean[ch], variance[ch] = refine(mu, rest, squares, count)
	}
	return true
}

// refine returns mean and variance from the sums, over count values, of the
// distances to a first mean and of their squares.
func refine(mu float32, rest, squares, count float64) (mean, variance float32) {
	rest /= count
	return float32(float64(mu) + rest), float32(max(0, squares/count-rest*rest))
}

func momentsAsm(x []float32, n, c, s, ch int, mean float32) (sum, squares float64) {
	channelCalls(n, c, s, ch, func(at, m int) {
		var a, b float32
		if active == AVX512 {
			a, b = channelMomentsAVX512(&x[at], m, c*s, s, mean)
		} else {
			a, b = channelMomentsAVX2(&x[at], m, c*s, s, mean)
		}
		sum, squares = sum+float64(a), squares+float64(b)
	})
	return sum, squares
}

// columnStatsAsm is columnStats with assembly for groups of rows.
func columnStatsAsm(mean, variance, x []float32, n, c, lo, hi int) {
	var zero [stripWidth]float32
	width := hi - lo
	sum, _ := columnMomentsAsm(x, zero[:width], n, c, lo)
	mu := mean[lo:hi]
	for j := range mu {
		mu[j] = float32(sum[j] / float64(n))
	}
	rest, squares := columnMomentsAsm(x, mu, n, c, lo)
	for j := range mu {
		mu[j], variance[lo+j] = refine(mu[j], rest[j], squares[j], float64(n))
	}
}

// columnGroup is how many rows one assembly call over a strip covers.
const columnGroup = callSize / stripWidth

func columnMomentsAsm(x, mean []float32, n, c, lo int) (sum, squares [stripWidth]float64) {
	for i := 0; i < n; i += columnGroup {
		var a, b [stripWidth]float32
		m := min(columnGroup, n-i)
		if active == AVX512 {
			columnMomentsAVX512(&a[0], &b[0], &x[i*c+lo], &mean[0], m, c, len(mean))
		} else {
			columnMomentsAVX2(&a[0], &b[0], &x[i*c+lo], &mean[0], m, c, len(mean))
		}
		for j := range a {
			sum[j] += float64(a[j])
			squares[j] += float64(b[j])
		}
	}
	return sum, squares
}

// batchNormApplyAsm is batchNormApply, without add and activation where there are no positions.
func batchNormApplyAsm(y, x, add, mean, rstd, gamma, beta []float32, act Act, n, c, s, lo, hi int) bool {
	if active == Portable || s > longestRow || n*s == 0 {
		return false
	}
	if s > 1 {
		floor := act.floor()
		for ch := lo; ch < hi; ch++ {
			scale, shift := channelScale(rstd, gamma, beta, ch)
			channelCalls(n, c, s, ch, func(start, m int) {
				if active == AVX512 {
					channelApplyAVX512(&y[start], &x[start], at(add, start), m, c*s, s, mean[ch], scale, shift, floor)
				} else {
					channelApplyAVX2(&y[start], &x[start], at(add, start), m, c*s, s, mean[ch], scale, shift, floor)
				}
			})
		}
		return true
	}
	for at := lo; at < hi; at += stripWidth {
		var scale, shift [stripWidth]float32
		width := min(stripWidth, hi-at)
		for j := range width {
			scale[j], shift[j] = channelScale(rstd, gamma, beta, at+j)
		}
		for i := 0; i < n; i += columnGroup {
			m, o := min(columnGroup, n-i), i*c+at
			if active == AVX512 {
				columnApplyAVX512(&y[o], &x[o], &mean[at], &scale[0], &shift[0], m, c, width)
			} else {
				columnApplyAVX2(&y[o], &x[o], &mean[at], &scale[0], &shift[0], m, c, width)
			}
		}
	}
	return true
}

// batchNormGradAsm is batchNormGrad; y and masked are nil where there are no positions.
func batchNormGradAsm(dx, masked, dgamma, dbeta, g, x, y, mean, rstd, gamma []float32, n, c, s, lo, hi int) bool {
	if active == Portable || s > longestRow || n*s == 0 {
		return false
	}
	if s == 1 {
		for at := lo; at < hi; at += stripWidth {
			columnGradAsm(dx, dgamma, dbeta, g, x, mean, rstd, gamma, n, c, at, min(at+stripWidth, hi))
		}
		return true
	}
	for ch := lo; ch < hi; ch++ {
		mu := mean[ch]
		var sg, sgx float64
		channelCalls(n, c, s, ch, func(at, m int) {
			var u, v float32
			switch {
			case active == AVX512 && y != nil:
				u, v = channelDotsReLUAVX512(&masked[at], &g[at], &y[at], &x[at], m, c*s, s, mu)
			case active == AVX512:
				u, v = channelDotsAVX512(&g[at], &x[at], m, c*s, s, mu)
			case y != nil:
				u, v = channelDotsReLUAVX2(&masked[at], &g[at], &y[at], &x[at], m, c*s, s, mu)
			default:
				u, v = channelDotsAVX2(&g[at], &x[at], m, c*s, s, mu)
			}
			sg, sgx = sg+float64(u), sgx+float64(v)
		})
		k, a, b := channelGrad(dgamma, dbeta, rstd, gamma, ch, n*s, sg, sgx)
		if dx == nil {
			continue
		}
		g := g
		if y != nil {
			g = masked
		}
		channelCalls(n, c, s, ch, func(at, m int) {
			if active == AVX512 {
				channelGradAVX512(&dx[at], &g[at], &x[at], m, c*s, s, mu, k, a, b)
			} else {
				channelGradAVX2(&dx[at], &g[at], &x[at], m, c*s, s, mu, k, a, b)
			}
		})
	}
	return true
}

// columnGradAsm is columnGrad with assembly for groups of rows.
func columnGradAsm(dx, dgamma, dbeta, g, x, mean, rstd, gamma []float32, n, c, lo, hi int) {
	var sg, sgx [stripWidth]float64
	mu := mean[lo:hi]
	for i := 0; i < n; i += columnGroup {
		var u, v [stripWidth]float32
		m, o := min(columnGroup, n-i), i*c+lo
		if active == AVX512 {
			columnDotsAVX512(&u[0], &v[0], &g[o], &x[o], &mu[0], m, c, len(mu))
		} else {
			columnDotsAVX2(&u[0], &v[0], &g[o], &x[o], &mu[0], m, c, len(mu))
		}
		for j := range u {
			sg[j] += float64(u[j])
			sgx[j] += float64(v[j])
		}
	}
	var k, a, b [stripWidth]float32
	for j := range mu {
		k[j], a[j], b[j] = channelGrad(dgamma, dbeta, rstd, gamma, lo+j, n, sg[j], sgx[j])
	}
	for i := 0; i < n && dx != nil; i += columnGroup {
		m, o := min(columnGroup, n-i), i*c+lo
		if active == AVX512 {
			columnGradAVX512(&dx[o], &g[o], &x[o], &mu[0], &k[0], &a[0], &b[0], m, c, len(mu))
		} else {
			columnGradAVX2(&dx[o], &g[o], &x[o], &mu[0], &k[0], &a[0], &b[0], m, c, len(mu))
		}
	}
}
