package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// affines returns the ways to give gamma and beta: both, one, none, the other.
func affines(gamma, beta []float32) [][2][]float32 {
	return [][2][]float32{{gamma, beta}, {gamma, nil}, {nil, nil}, {nil, beta}}
}

func TestLayerNormSizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, n := range rowSizes[1:] { // a row of one is all rounding
			for k, ab := range affines(randoms(r, n, 1), randoms(r, n, 1)) {
				const m = 5
				what := fmt.Sprintf("%d×%d affine %d: ", m, n, k)
				x, g := randoms(r, m*n, 2), randoms(r, m*n, 1)
				for i := range x {
					x[i] += 10
				}
				y, check := guarded(t, m*n)
				mean, check2 := guarded(t, m)
				rstd, check3 := guarded(t, m)
				LayerNorm(y, mean, rstd, x, ab[0], ab[1], m, n, 1e-5)
				wy, wm, wr := make([]float64, m*n), make([]float64, m), make([]float64, m)
				LayerNorm(wy, wm, wr, doubles(x), doubles(ab[0]), doubles(ab[1]), m, n, 1e-5)
				near(t, what+"mean", mean, wm, 4*ulp, 0)
				tol := 2e-5 * wr[0] // the mean is rounded: a difference of some 1e-6
				for _, v := range wr {
					tol = max(tol, 2e-5*v)
				}
				near(t, what+"rstd", rstd, wr, tol, 0)
				near(t, what+"y", y, wy, tol, tol)
				check()
				check2()
				check3()

				dx, check := guarded(t, m*n)
				dgamma, check2 := guarded(t, n)
				dbeta, check3 := guarded(t, n)
				LayerNormGrad(dx, dgamma, dbeta, g, x, mean, rstd, ab[0], m, n)
				wg, wb := make([]float64, n), make([]float64, n)
				LayerNormGrad(wy, wg, wb, doubles(g), doubles(x), doubles(mean), doubles(rstd), doubles(ab[0]), m, n)
				near(t, what+"dx", dx, wy, 1e-5, tol)
				near(t, what+"dgamma", dgamma, wg, 1e-5, 1e-5)
				near(t, what+"dbeta", dbeta, wb, 1e-5, 1e-5)
				LayerNormGrad(nil, dgamma, nil, g, x, mean, rstd, ab[0], m, n)
				near(t, what+"dgamma alone", dgamma, wg, 1e-5, 1e-5)
				LayerNormGrad(g, nil, nil, g, x, mean, rstd, ab[0], m, n)
				near(t, what+"dx in place", g, wy, 1e-5, tol)
				check()
				check2()
				check3()

				if ab[1] != nil {
					continue
				}
				g = randoms(r, m*n, 1)
				RMSNorm(y, rstd, x, ab[0], m, n, 1e-5)
				RMSNorm(wy, wr, doubles(x), doubles(ab[0]), m, n, 1e-5)
				near(t, what+"RMS y", y, wy, 1e-5, 1e-6)
				RMSNormGrad(dx, dgamma, g, x, rstd, ab[0], m, n)
				RMSNormGrad(wy, wg, doubles(g), doubles(x), doubles(rstd), doubles(ab[0]), m, n)
				near(t, what+"RMS dx", dx, wy, 1e-5, 1e-5)
				near(t, what+"RMS dgamma", dgamma, wg, 1e-5, 1e-5)
				check()
				check2()
			}
		}
	})
}

func TestBatchNormSizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, s := range [][3]int{{2, 3, 2}, {3, 2, 7}, {4, 5, 16}, {2, 3, 49}, {3, 2, 65}, {2, 3, 1000}, {70, 1, 1000},
			{5, 1, 1}, {6, 9, 1}, {7, 17, 1}, {1030, 3, 1}, {8, 64, 1}, {8, 130, 1}} {
			n, c, sp := s[0], s[1], s[2]
			what := fmt.Sprint(s, ": ")
			x, g := randoms(r, n*c*sp, 2), randoms(r, n*c*sp, 1)
			for i := range x {
				x[i] += 100 // far from 0 beside its deviation
			}
			gamma, beta := randoms(r, c, 1), randoms(r, c, 1)
			mean, check := guarded(t, c)
			variance, check2 := guarded(t, c)
			BatchNormStats(mean, variance, x, n, c, sp)
			wm, wv := make([]float64, c), make([]float64, c)
			BatchNormStats(wm, wv, doubles(x), n, c, sp)
			near(t, what+"mean", mean, wm, ulp, 0)
			near(t, what+"variance", variance, wv, 2e-5, 0)
			check()
			check2()

			rstd := make([]float32, c)
			for i, v := range variance {
				rstd[i] = float32(1 / math.Sqrt(float64(v)+1e-5))
			}
			y, check := guarded(t, n*c*sp)
			want := make([]float64, n*c*sp)
			BatchNormApply(y, x, mean, rstd, gamma, beta, n, c, sp)
			BatchNormApply(want, doubles(x), doubles(mean), doubles(rstd), doubles(gamma), doubles(beta), n, c, sp)
			near(t, what+"y", y, want, 1e-6, 2e-6)
			BatchNormApply(y, x, mean, rstd, nil, nil, n, c, sp)
			BatchNormApply(want, doubles(x), doubles(mean), doubles(rstd), nil, nil, n, c, sp)
			near(t, what+"y without affine", y, want, 1e-6, 2e-6)

			BatchNormApply(want, doubles(x), doubles(mean), doubles(rstd), doubles(gamma), doubles(beta), n, c, sp)
			again, varianceAgain, rstdAgain := make([]float32, c), make([]float32, c), make([]float32, c)
			BatchNormTrain(y, again, varianceAgain, rstdAgain, x, nil, gamma, beta, NoAct, n, c, sp, 1e-5)
			near(t, what+"mean in one go", again, doubles(mean), 0, 0)
			near(t, what+"rstd in one go", rstdAgain, doubles(rstd), ulp, 0)
			near(t, what+"y in one go", y, want, 2e-6, 2e-6)

			dgamma, check2 := guarded(t, c)
			dbeta, check3 := guarded(t, c)
			wg, wb := make([]float64, c), make([]float64, c)
			BatchNormGrad(y, dgamma, dbeta, g, x, mean, rstd, gamma, n, c, sp)
			BatchNormGrad(want, wg, wb, doubles(g), doubles(x), doubles(mean), doubles(rstd), doubles(gamma), n, c, sp)
			sum := 1e-6 * math.Sqrt(float64(n*sp))
			near(t, what+"dx", y, want, 1e-5, 2e-5)
			near(t, what+"dgamma", dgamma, wg, 1e-5, 5*sum)
			near(t, what+"dbeta", dbeta, wb, 1e-5, 5*sum)
			BatchNormGrad(nil, dgamma, nil, g, x, mean, rstd, nil, n, c, sp)
			near(t, what+"dgamma alone", dgamma, wg, 1e-5, 5*sum)

			// An addend and a ReLU behind it change nothing but what they say.
			add := randoms(r, n*c*sp, 1)
			x[1], add[2] = float32(math.NaN()), float32(math.Inf(-1))
			for _, add := range [][]float32{nil, add} {
				BatchNormTrain(y, again, varianceAgain, rstdAgain, x, nil, gamma, beta, NoAct, n, c, sp, 1e-5)
				plain := slices.Clone(y)
				if add != nil {
					Add(plain, plain, add)
				}
				ReLU(plain, plain)
				BatchNormTrain(y, again, varianceAgain, rstdAgain, x, add, gamma, beta, ActReLU, n, c, sp, 1e-5)
				sameBits(t, what+"ReLU", y, plain)
				masked, plainMasked := make([]float32, n*c*sp), make([]float32, n*c*sp)
				ReLUGrad(plainMasked, g, plain)
				plainDx, dx := make([]float32, n*c*sp), make([]float32, n*c*sp)
				plainGamma, plainBeta := make([]float32, c), make([]float32, c)
				BatchNormGrad(plainDx, plainGamma, plainBeta, plainMasked, x, mean, rstd, gamma, n, c, sp)
				BatchNormReLUGrad(dx, masked, dgamma, dbeta, g, x, plain, mean, rstd, gamma, n, c, sp)
				sameBits(t, what+"masked", masked, plainMasked)
				sameBits(t, what+"dx behind ReLU", dx, plainDx)
				sameBits(t, what+"dgamma behind ReLU", dgamma, plainGamma)
				sameBits(t, what+"dbeta behind ReLU", dbeta, plainBeta)
				BatchNormReLUGrad(dx, dx, dgamma, dbeta, g, x, plain, mean, rstd, gamma, n, c, sp)
				sameBits(t, what+"dx over masked", dx, plainDx)
			}
			check()
			check2()
			check3()
		}
	})
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && !(v != v && want[i] != want[i]) {
			t.Fatalf("%s: element %d is %g, want %g", what, i, v, want[i])
		}
	}
}

func TestNormSameForAnyThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	const m, n = 500, 129
	x, g, w := randoms(r, m*n, 3), randoms(r, m*n, 3), randoms(r, n, 1)
	sameForAnyThreads(t, "norms", func() []float32 {
		y := make([]float32, 4*m*n+2*m+8*n)
		mean, rstd, rest := y[4*m*n:][:m], y[4*m*n+m:][:m], y[4*m*n+2*m:]
		LayerNorm(y, mean, rstd, x, w, w, m, n, 1e-5)
		LayerNormGrad(y[m*n:], rest[:n], rest[n:2*n], g, x, mean, rstd, w, m, n)
		bm, bv := rest[2*n:3*n], rest[3*n:4*n]
		BatchNormStats(bm, bv, x, m, n, 1)
		BatchNormGrad(y[2*m*n:], rest[4*n:5*n], rest[5*n:6*n], g, x, bm, bv, w, m, n, 1)
		BatchNormStats(bm[:5], bv[:5], x, m/5, 5, n)
		BatchNormGrad(y[3*m*n:], rest[6*n:6*n+5], rest[7*n:7*n+5], g, x, bm[:5], bv[:5], w, m/5, 5, n)
		return y
	})
}

func BenchmarkNorm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const m, n = 1024, 384
	x, g, y := randoms(r, m*n, 1), randoms(r, m*n, 1), make([]float32, m*n)
	mean, rstd, gamma, beta := make([]float32, m), make([]float32, m), randoms(r, n, 1), randoms(r, n, 1)
	dgamma, dbeta := make([]float32, n), make([]float32, n)
	b.Run("layer", func(b *testing.B) {
		for b.Loop() {
			LayerNorm(y, mean, rstd, x, gamma, beta, m, n, 1e-5)
		}
		perElement(b, m*n)
	})
	b.Run("layergrad", func(b *testing.B) {
		for b.Loop() {
			LayerNormGrad(y, dgamma, dbeta, g, x, mean, rstd, gamma, m, n)
		}
		perElement(b, m*n)
	})
	for _, s := range [][3]int{{64, 32, 256}, {64, 64, 64}, {128, 256, 1}} {
		n, c, s := s[0], s[1], s[2]
		size := n * c * s
		x, g, y := randoms(r, size, 1), randoms(r, size, 1), make([]float32, size)
		mean, rstd := make([]float32, c), make([]float32, c)
		b.Run(fmt.Sprintf("batchstats%dx%dx%d", n, c, s), func(b *testing.B) {
			for b.Loop() {
				BatchNormStats(mean, rstd, x, n, c, s)
			}
			perElement(b, size)
		})
		b.Run(fmt.Sprintf("batchapply%dx%dx%d", n, c, s), func(b *testing.B) {
			for b.Loop() {
				BatchNormApply(y, x, mean, rstd, rstd, mean, n, c, s)
			}
			perElement(b, size)
		})
		b.Run(fmt.Sprintf("batchtrain%dx%dx%d", n, c, s), func(b *testing.B) {
			variance := make([]float32, c)
			for b.Loop() {
				BatchNormTrain(y, mean, variance, rstd, x, nil, nil, nil, NoAct, n, c, s, 1e-5)
			}
			perElement(b, size)
		})
		b.Run(fmt.Sprintf("batchgrad%dx%dx%d", n, c, s), func(b *testing.B) {
			dg, db := make([]float32, c), make([]float32, c)
			for b.Loop() {
				BatchNormGrad(y, dg, db, g, x, mean, rstd, rstd, n, c, s)
			}
			perElement(b, size)
		})
	}
}
