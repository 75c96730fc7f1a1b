package nn_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// One model predicts and is differentiated in several goroutines at once, with and without scopes, while the collector runs.
func TestOneModelInSeveralGoroutines(t *testing.T) {
	net := nn.Seq(nn.NewLinear(64, 200), nn.NewBatchNorm(200), nn.ReLU(), nn.NewLayerNorm(200), nn.NewLinear(200, 10))
	nn.Init(net, 1)
	x := tensor.NewRNG(2).Normal(tensor.Float32, 0, 1, 48, 64)
	weight := nn.Params(net)[0].Value()
	predict := func(x *tensor.Tensor) []float32 { return tensor.ToSlice[float32](net.Forward(nn.Eval(), x)) }
	slope := func(x *tensor.Tensor) []float32 {
		y := net.Forward(nn.Eval(), x.Detach().RequireGrad().Mul(weight.Slice(0, 0, 1, 1))).Square().Sum()
		return tensor.ToSlice[float32](tensor.Grad(y, []*tensor.Tensor{weight}, tensor.GradConfig{})[0])
	}
	wantY, wantG := predict(x), slope(x)
	var all sync.WaitGroup
	for k := range 4 {
		all.Go(func() {
			for range 15 {
				in := x
				scope := tensor.NewScope()
				if k%2 == 1 {
					in = x.In(scope)
				}
				if !slices.Equal(predict(in), wantY) || !slices.Equal(slope(in), wantG) {
					t.Error("results differ between goroutines")
				}
				scope.Release()
				runtime.GC()
			}
		})
	}
	all.Wait()
}

type quitter struct{}

func (quitter) Forward(*nn.Ctx, *tensor.Tensor) *tensor.Tensor { runtime.Goexit(); return nil }
func (quitter) Visit(*nn.Visitor)                              {}

// A layer that ends its goroutine, as a test's Fatal in it does, ends nothing else.
func TestGoexitInALayer(t *testing.T) {
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		nn.Eval().Run(nn.Seq(quitter{}), tensor.Ones(tensor.Float32, 1))
	}()
	if v := <-done; v != nil {
		t.Errorf("panic %v", v)
	}
}
