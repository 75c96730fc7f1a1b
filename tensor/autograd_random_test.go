package tensor_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// grow makes a random computation from two leaves of n·n elements: tensors are used several times, through views, and not
// at all. The same seed gives the same computation.
func grow(seed uint64, a, b *Tensor, n int) *Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	pool := []*Tensor{a, b}
	pick := func() *Tensor { return pool[max(r.IntN(len(pool)), r.IntN(len(pool)))] }
	for range 4 + r.IntN(14) {
		x, y := pick(), pick()
		var z *Tensor
		switch r.IntN(16) {
		case 0:
			z = x.Add(y)
		case 1:
			z = x.Sub(y)
		case 2:
			z = x.Mul(y).MulScalar(0.5)
		case 3:
			z = x.Tanh()
		case 4:
			z = x.T().Add(y)
		case 5:
			z = x.Flip(0).Add(x)
		case 6:
			z = Cat(1, x.Slice(1, 1, End, 1), y.Slice(1, 0, 1, 1))
		case 7:
			p := x.Split(0, 1, n-2, 1)
			z = Cat(0, p[1], p[0], p[0])
		case 8:
			z = x.Add(y.SumAxes(true, 0).MulScalar(1 / float64(n)))
		case 9:
			z = Where(x.Greater(y), x, y.Neg())
		case 10:
			z = x.Reshape(-1).Reshape(n, n).Maximum(y)
		case 11:
			z = Checkpoint(func(xs []*Tensor) *Tensor { return xs[0].Add(xs[1].Flip(1)).Tanh().Mul(xs[0]).Add(xs[2]) }, x, x, y)
		case 12:
			z = Checkpoint(func(xs []*Tensor) *Tensor { return xs[0].Add(xs[1].Flip(1)).Tanh() }, x, x)
		case 13:
			z = x.MatMul(y).MulScalar(1 / float64(n))
		case 14:
			z = x.Select(0, 0).Unsqueeze(0).Expand(n, n).Add(y)
		case 15:
			z = x.Clone().Sub(x.Softmax(1))
		}
		pool = append(pool, z)
	}
	return pool[len(pool)-1].Mul(pick()).Mean().Add(pick().Mean())
}

// The gradients of a pass that reuses memory and adds in place are those of one that does neither, to the last bit, which
// recording the gradients makes sure of.
func TestRandomRecords(t *testing.T) {
	for _, n := range []int{3, 48} {
		for seed := range uint64(150) {
			leaf := func(s uint64) *Tensor { return NewRNG(seed*2+s).Normal(Float64, 0, 1, n, n).RequireGrad() }
			a, b := leaf(0), leaf(1)
			both := []*Tensor{a, b}
			y := grow(seed, a, b, n)
			want := make([][]float64, 2)
			used := make([]bool, 2)
			for i, g := range Grad(y, both, GradConfig{AllowUnused: true, BackwardConfig: BackwardConfig{CreateGraph: true}}) {
				if used[i] = g != nil; used[i] {
					want[i] = ToSlice[float64](g)
				}
			}
			check := func(how string, gs ...*Tensor) {
				t.Helper()
				for i, g := range gs {
					if (g != nil) != used[i] || g != nil && !slices.Equal(ToSlice[float64](g), want[i]) {
						t.Fatalf("n = %d, seed %d: gradient %d differs %s", n, seed, i, how)
					}
				}
			}
			check("with Grad", Grad(y, both, GradConfig{AllowUnused: true, BackwardConfig: BackwardConfig{Retain: true}})...)
			BackwardWith(BackwardConfig{Retain: true}, y)
			check("with Retain", a.Grad(), b.Grad())
			a.ZeroGrad()
			b.ZeroGrad()
			y.Backward()
			check("in memory of old gradients", a.Grad(), b.Grad())
			s := NewScope()
			a.ZeroGrad()
			b.SetGrad(nil)
			grow(seed, a.In(s), b.In(s), n).Backward()
			s.Release()
			check("in a scope", a.Grad(), b.Grad())
		}
	}
}
