package cpu

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// reference is testdata/rows.json, PyTorch's results; gen_rows.py made it.
type reference struct {
	LayerNorm    []normCase  `json:"layer_norm"`
	RMSNorm      []normCase  `json:"rms_norm"`
	BatchNorm    []normCase  `json:"batch_norm"`
	CrossEntropy []lossCase  `json:"cross_entropy"`
	SGD          []stepsCase `json:"sgd"`
	Adam         []stepsCase `json:"adam"`
}

type normCase struct {
	M, N, C, S           int
	Eps                  float64
	X, G, Gamma, Beta, Y []float64
	Mean, Variance       []float64
	DX, DGamma, DBeta    []float64
}

type lossCase struct {
	M, N                   int
	Smoothing              float64
	Ignore                 int64
	Target                 []int64
	Weight, X, Scale, Loss []float64
	DX                     []float64
}

type stepsCase struct {
	N                                      int
	LR, Momentum, Dampening, Eps           float64
	WeightDecay                            float64 `json:"weight_decay"`
	Nesterov, Maximize, AMSGrad, Decoupled bool
	Betas                                  [2]float64
	P                                      []float64
	G, After                               [][]float64
}

// TestAgainstPyTorch holds the composite kernels, in both types and with each
// instruction set, to PyTorch.
func TestAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.LayerNorm) != 2 || len(ref.RMSNorm) != 2 || len(ref.BatchNorm) != 2 || len(ref.CrossEntropy) != 4 || len(ref.SGD) != 6 || len(ref.Adam) != 5 {
		t.Fatal("rows.json lacks cases")
	}
	t.Run("float64", func(t *testing.T) { checkReference[float64](t, &ref, 1e-12) })
	withEachISA(t, func(t *testing.T) { checkReference[float32](t, &ref, 3e-6) })
}

// as returns x in type T, nil if x is.
func as[T Float](x []float64) []T {
	if x == nil {
		return nil
	}
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// expect checks got to within tol of want, relative and absolute.
func expect[T Float](t *testing.T, what string, got []T, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tol*(1+math.Abs(w))) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], w)
			return
		}
	}
}

func checkReference[T Float](t *testing.T, ref *reference, tol float64) {
	// room returns space for a result, nil where PyTorch has none.
	room := func(want []float64) []T { return as[T](want) }
	for i, c := range ref.LayerNorm {
		what := fmt.Sprint("layer norm ", i, " ")
		y, mean, rstd := room(c.Y), make([]T, c.M), make([]T, c.M)
		x, g, gamma := as[T](c.X), as[T](c.G), as[T](c.Gamma)
		LayerNorm(y, mean, rstd, x, gamma, as[T](c.Beta), c.M, c.N, T(c.Eps))
		expect(t, what+"y", y, c.Y, tol)
		dx, dgamma, dbeta := make([]T, len(c.DX)), room(c.DGamma), room(c.DBeta)
		LayerNormGrad(dx, dgamma, dbeta, g, x, mean, rstd, gamma, c.M, c.N)
		expect(t, what+"dx", dx, c.DX, tol)
		expect(t, what+"dgamma", dgamma, c.DGamma, tol)
		expect(t, what+"dbeta", dbeta, c.DBeta, tol)
	}
	for i, c := range ref.RMSNorm {
		what := fmt.Sprint("RMS norm ", i, " ")
		y, rstd, x, gamma := make([]T, len(c.Y)), make([]T, c.M), as[T](c.X), as[T](c.Gamma)
		RMSNorm(y, rstd, x, gamma, c.M, c.N, T(c.Eps))
		expect(t, what+"y", y, c.Y, tol)
		dx, dgamma := make([]T, len(c.DX)), room(c.DGamma)
		RMSNormGrad(dx, dgamma, as[T](c.G), x, rstd, gamma, c.M, c.N)
		expect(t, what+"dx", dx, c.DX, tol)
		expect(t, what+"dgamma", dgamma, c.DGamma, tol)
	}
	for i, c := range ref.BatchNorm {
		what := fmt.Sprint("batch norm ", i, " ")
		mean, variance, x, gamma := make([]T, c.C), make([]T, c.C), as[T](c.X), as[T](c.Gamma)
		BatchNormStats(mean, variance, x, c.N, c.C, c.S)
		expect(t, what+"mean", mean, c.Mean, tol)
		expect(t, what+"variance", variance, c.Variance, tol)
		rstd := make([]T, c.C)
		for i, v := range variance {
			rstd[i] = T(1 / math.Sqrt(float64(v)+c.Eps))
		}
		y := make([]T, len(c.Y))
		BatchNormApply(y, x, mean, rstd, gamma, as[T](c.Beta), c.N, c.C, c.S)
		expect(t, what+"y", y, c.Y, tol)
		BatchNormTrain(y, mean, variance, rstd, x, nil, gamma, as[T](c.Beta), NoAct, c.N, c.C, c.S, T(c.Eps))
		expect(t, what+"y in one go", y, c.Y, tol)
		dx, dgamma, dbeta := make([]T, len(c.DX)), make([]T, c.C), make([]T, c.C)
		BatchNormGrad(dx, dgamma, dbeta, as[T](c.G), x, mean, rstd, gamma, c.N, c.C, c.S)
		expect(t, what+"dx", dx, c.DX, tol)
		expect(t, what+"dgamma", dgamma, c.DGamma, tol)
		expect(t, what+"dbeta", dbeta, c.DBeta, tol)
	}
	for i, c := range ref.CrossEntropy {
		what := fmt.Sprint("cross entropy ", i, " ")
		loss, dx, x, w := make([]T, c.M), make([]T, c.M*c.N), as[T](c.X), as[T](c.Weight)
		CrossEntropyRows(loss, x, c.Target, c.M, c.N, c.Ignore, T(c.Smoothing), w)
		expect(t, what+"loss", loss, c.Loss, tol)
		CrossEntropyGradRows(dx, x, c.Target, as[T](c.Scale), c.M, c.N, c.Ignore, T(c.Smoothing), w)
		expect(t, what+"dx", dx, c.DX, tol)
	}
	for i, c := range ref.SGD {
		p := as[T](c.P)
		var buf []T
		if c.Momentum != 0 {
			buf = as[T](make([]float64, c.N))
			buf[0] = T(math.NaN()) // the first step must not read it
		}
		for k, g := range c.G {
			SGDStep(p, as[T](g), buf, SGDHyper{LR: c.LR, Momentum: c.Momentum, Dampening: c.Dampening, WeightDecay: c.WeightDecay,
				Nesterov: c.Nesterov, Maximize: c.Maximize, First: k == 0})
			expect(t, fmt.Sprint("SGD ", i, " step ", k), p, c.After[k], tol)
		}
	}
	for i, c := range ref.Adam {
		p, m, v := as[T](c.P), make([]T, c.N), make([]T, c.N)
		var vmax []T
		if c.AMSGrad {
			vmax = make([]T, c.N)
		}
		for k, g := range c.G {
			AdamStep(p, as[T](g), m, v, vmax, AdamHyper{LR: c.LR, Beta1: c.Betas[0], Beta2: c.Betas[1], Eps: c.Eps, WeightDecay: c.WeightDecay,
				Decoupled: c.Decoupled, Maximize: c.Maximize,
				Correction1: 1 - math.Pow(c.Betas[0], float64(k+1)), Correction2: 1 - math.Pow(c.Betas[1], float64(k+1))})
			expect(t, fmt.Sprint("Adam ", i, " step ", k), p, c.After[k], tol)
		}
	}
}
