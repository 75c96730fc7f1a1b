package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestStepSizes(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, n := range rowSizes {
			g := randoms(r, n, 1)
			for k, h := range []SGDHyper{{LR: 0.1, WeightDecay: 0.01}, {LR: 0.1, Momentum: 0.9, Dampening: 0.1, Maximize: true},
				{LR: 0.1, Momentum: 0.9, Nesterov: true}, {LR: 0.1, Momentum: 0.9, First: true}} {
				p, check := guarded(t, n)
				copy(p, randoms(r, n, 1))
				var buf []float32
				check2 := func() {}
				if h.Momentum != 0 {
					buf, check2 = guarded(t, n)
					copy(buf, randoms(r, n, 1))
				}
				wp, wb := doubles(p), doubles(buf)
				SGDStep(p, g, buf, h)
				SGDStep(wp, doubles(g), wb, h)
				near(t, fmt.Sprint("SGD ", k, " p of ", n), p, wp, 2e-7, 2e-7)
				near(t, fmt.Sprint("SGD ", k, " buf of ", n), buf, wb, 2e-7, 2e-7)
				check()
				check2()
			}
			for k, h := range []AdamHyper{{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 0.1, Correction2: 0.001},
				{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, WeightDecay: 0.1, Maximize: true, Correction1: 0.5, Correction2: 0.3},
				{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, WeightDecay: 0.1, Decoupled: true, Correction1: 0.5, Correction2: 0.3}} {
				for _, amsgrad := range []bool{false, true} {
					p, check := guarded(t, n)
					m, check2 := guarded(t, n)
					v, check3 := guarded(t, n)
					copy(p, randoms(r, n, 1))
					copy(m, randoms(r, n, 1))
					copy(v, randoms(r, n, 1))
					var vmax []float32
					check4 := func() {}
					if amsgrad {
						vmax, check4 = guarded(t, n)
						copy(vmax, randoms(r, n, 1))
					}
					for i := range v {
						v[i] *= v[i]
						if amsgrad {
							vmax[i] *= vmax[i]
						}
					}
					if k > 0 {
						g[n/2] = float32(math.NaN())
					}
					wp, wm, wv, wx := doubles(p), doubles(m), doubles(v), doubles(vmax)
					AdamStep(p, g, m, v, vmax, h)
					AdamStep(wp, doubles(g), wm, wv, wx, h)
					what := fmt.Sprint("Adam ", k, amsgrad, " of ", n)
					near(t, what+": p", p, wp, 1e-6, 1e-6)
					near(t, what+": m", m, wm, 3e-7, 3e-7)
					near(t, what+": v", v, wv, 3e-7, 3e-7)
					near(t, what+": vmax", vmax, wx, 3e-7, 3e-7)
					check()
					check2()
					check3()
					check4()
				}
			}
		}
	})
}

// lengths of parameters that pieces of rowChunk cut in every way.
var parameterLengths = []int{3, 0, 16384, 16381, 50000, 1, 1, 40000, 7}

func TestManyParameters(t *testing.T) {
	withEachISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		h := AdamHyper{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, Correction1: 0.1, Correction2: 0.01}
		for _, lengths := range [][]int{nil, {5}, {3, 0, 20000, 2}, parameterLengths} {
			var list, alone []AdamSlices[float32]
			var grads [][]float32
			var squares float64
			for _, n := range lengths {
				g, p := randoms(r, n, 1), randoms(r, n, 1)
				list = append(list, AdamSlices[float32]{p, g, make([]float32, n), make([]float32, n), nil})
				alone = append(alone, AdamSlices[float32]{append([]float32{}, p...), g, make([]float32, n), make([]float32, n), nil})
				grads = append(grads, g)
				for _, v := range g {
					squares += float64(v) * float64(v)
				}
			}
			AdamStepAll(list, h)
			for i, s := range alone {
				AdamStep(s.P, s.G, s.M, s.V, s.VMax, h)
				for j, v := range s.P {
					if list[i].P[j] != v {
						t.Fatalf("%v: parameter %d element %d is %v in a list and %v alone", lengths, i, j, list[i].P[j], v)
					}
				}
			}
			if got := SumSquaresAll(grads); math.Abs(got-squares) > 1e-12*squares {
				t.Errorf("%v: SumSquaresAll = %v, want %v", lengths, got, squares)
			}
			if len(lengths) > 0 {
				last := append([]float32{}, grads[len(grads)-1]...)
				ScaleAll(grads, 0.5)
				for i, v := range last {
					if grads[len(grads)-1][i] != v/2 {
						t.Fatalf("%v: ScaleAll left element %d at %v", lengths, i, grads[len(grads)-1][i])
					}
				}
			}
		}
		if got := SumSquaresAll([][]float32{{3e30}, {4e30}}); math.Abs(got-25e60) > 1e55 {
			t.Errorf("SumSquaresAll of large numbers = %v, want 2.5e61", got)
		}
	})
}

func TestStepsSameForAnyThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	var grads [][]float32
	for _, n := range parameterLengths {
		grads = append(grads, randoms(r, n, 1))
	}
	sameForAnyThreads(t, "steps", func() []float32 {
		var out []float32
		var sgd []SGDSlices[float32]
		for _, g := range grads {
			sgd = append(sgd, SGDSlices[float32]{make([]float32, len(g)), g, make([]float32, len(g))})
		}
		SGDStepAll(sgd, SGDHyper{LR: 0.1, Momentum: 0.9})
		for _, s := range sgd {
			out = append(out, s.P...)
		}
		norm := math.Float64bits(SumSquaresAll(grads))
		return append(out, math.Float32frombits(uint32(norm)), math.Float32frombits(uint32(norm>>32)))
	})
}

func BenchmarkStep(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1 << 15, 1 << 20} {
		p, g, m, v := randoms(r, n, 1), randoms(r, n, 1), randoms(r, n, 1), make([]float32, n)
		b.Run(fmt.Sprint("adam", n), func(b *testing.B) {
			for b.Loop() {
				AdamStep(p, g, m, v, nil, AdamHyper{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-6, Correction1: 0.1, Correction2: 0.01})
			}
			perElement(b, n)
		})
		b.Run(fmt.Sprint("sgd", n), func(b *testing.B) {
			for b.Loop() {
				SGDStep(p, g, m, SGDHyper{LR: 1e-3, Momentum: 0.9})
			}
			perElement(b, n)
		})
		b.Run(fmt.Sprint("sumsquares", n), func(b *testing.B) {
			for b.Loop() {
				SumSquaresAll([][]float32{g})
			}
			perElement(b, n)
		})
	}
}
