package cpu

import "github.com/gradus-ml/gradus/internal/par"

// CrossEntropyRows computes for each of m rows of n logits x and its target
// class t the loss
//
//	loss[i] = -(1-ε) w[t] log p[t] - ε/n Σ_j w[j] log p[j],  p = softmax(x[i])
//
// with label smoothing ε in [0, 1] (Szegedy et al., 2016) and class weights w
// (n of them, or nil for all 1): PyTorch's cross_entropy with reduction none.
// A row whose target equals ignore has loss 0; every other target must be in
// [0, n), which the caller checks. loss holds m elements.
func CrossEntropyRows[T Float](loss, logits []T, target []int64, m, n int, ignore int64, smoothing T, weight []T) {
	if m*n < shareFrom {
		crossEntropyRows(loss, logits, target, m, n, ignore, smoothing, weight)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		crossEntropyRows(loss[lo:hi], logits[lo*n:hi*n], target[lo:hi], hi-lo, n, ignore, smoothing, weight)
	})
}

// CrossEntropyGradRows computes the gradient of [CrossEntropyRows] with
// respect to the logits, row i multiplied by scale[i], the gradient with
// respect to loss[i]. Ignored rows become 0. dx may be logits.
func CrossEntropyGradRows[T Float](dx, logits []T, target []int64, scale []T, m, n int, ignore int64, smoothing T, weight []T) {
	var total T = T(n) // Σ_j w[j]
	if weight != nil && smoothing != 0 {
		var s float64
		for _, w := range weight[:n] {
			s += float64(w)
		}
		total = T(s)
	}
	if m*n < shareFrom {
		crossEntropyGradRows(dx, logits, target, scale, m, n, ignore, smoothing, weight, total)
		return
	}
	par.For(m, rowGrain(n), func(lo, hi int) {
		crossEntropyGradRows(dx[lo*n:hi*n], logits[lo*n:hi*n], target[lo:hi], scale[lo:hi], hi-lo, n, ignore, smoothing, weight, total)
	})
}

func crossEntropyRows[T Float](loss, logits []T, target []int64, m, n int, ignore int64, smoothing T, weight []T) {
	var mx [rowBatch]T
	for at := 0; at < m; at += rowBatch {
		k := min(rowBatch, m-at)
		logSum := loss[at : at+k]
		maxSumExpRows(mx[:k], logSum, logits[at*n:(at+k)*n], k, n)
		Log(logSum, logSum)
		for i := range k {
			t := target[at+i]
			if t == ignore {
				loss[at+i] = 0
				continue
			}
			x := logits[(at+i)*n:][:n]
			ls := float64(logSum[i])
			l := ls - float64(x[t]-mx[i])
			if weight != nil {
				l *= float64(weight[t])
			}
			if smoothing != 0 {
				e := float64(smoothing)
				l = (1-e)*l + e/float64(n)*uniformLoss(x, weight, float64(mx[i]), ls)
			}
			loss[at+i] = T(l)
		}
	}
}

// uniformLoss returns -Σ_j w[j] log p[j], where log p[j] = (x[j] - mx) - ls.
func uniformLoss[T Float](x, weight []T, mx, ls float64) float64 {
	var s float64
	if weight == nil {
		if single[T]() {
			if d, ok := deviationSumAsm(singles(x), float32(mx)); ok {
				return float64(len(x))*ls - d
			}
		}
		for _, v := range x {
			s += mx - float64(v)
		}
		return s + float64(len(x))*ls
	}
	for j, v := range x {
		s += float64(weight[j]) * (ls + (mx - float64(v)))
	}
	return s
}

func crossEntropyGradRows[T Float](dx, logits []T, target []int64, scale []T, m, n int, ignore int64, smoothing T, weight []T, total T) {
	// Row i is alpha[i]·softmax + beta[i], then what only some entries have:
	// with u = ε/n, dx[j] = s ((1-ε) w[t] + u Σw) p[j] - s (1-ε) w[t] [j=t] - s u w[j].
	var alpha, beta [rowBatch]T
	u := smoothing / T(n)
	for at := 0; at < m; at += rowBatch {
		k := min(rowBatch, m-at)
		for i := range k {
			t, s := target[at+i], scale[at+i]
			alpha[i], beta[i] = 0, 0
			if t == ignore {
				continue
			}
			w := T(1)
			if weight != nil {
				w = weight[t]
			} else {
				beta[i] = -s * u
			}
			alpha[i] = s * ((1-smoothing)*w + u*total)
		}
		dst := dx[at*n : (at+k)*n]
		softmaxRows(dst, logits[at*n:(at+k)*n], alpha[:k], beta[:k], k, n)
		for i := range k {
			t, s := target[at+i], scale[at+i]
			row := dst[i*n:][:n]
			if t == ignore {
				clear(row) // the logits may have been NaN
				continue
			}
			w := T(1)
			if weight != nil {
				w = weight[t]
				if smoothing != 0 {
					for j := range row {
						row[j] -= s * u * weight[j]
					}
				}
			}
			row[t] -= s * (1 - smoothing) * w
		}
	}
}
