package train_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// mlp is the benchmark's mlp_dropout.
func mlp() (nn.Layer, *optim.Optimizer) {
	net := nn.Seq(nn.Flatten(), nn.NewLinear(784, 256), nn.ReLU(), nn.NewDropout(0.2), nn.NewLinear(256, 256), nn.ReLU(), nn.NewDropout(0.5), nn.NewLinear(256, 10))
	nn.Init(net, 1)
	return net, optim.NewAdam(nn.Params(net), optim.AdamConfig{})
}

// leNet is the benchmark's lenet.
func leNet() (nn.Layer, *optim.Optimizer) {
	net := nn.Seq(
		nn.Conv2DConfig{In: 1, Out: 6, Kernel: 5, Pad: 2}.New(), nn.ReLU(), nn.MaxPool2D(2),
		nn.NewConv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.NewLinear(400, 120), nn.ReLU(), nn.NewLinear(120, 84), nn.ReLU(), nn.NewLinear(84, 10))
	nn.Init(net, 1)
	return net, optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.01, Momentum: 0.9})
}

// imagesAndClasses are 1024 pictures of noise, shuffled, in batches.
func imagesAndClasses(batch int) data.Source {
	const n = 1024
	x := tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, n, 1, 28, 28)
	y := tensor.NewRNG(3).Uniform(tensor.Float32, 0, 10, n).To(tensor.Int64)
	return data.NewLoader(data.Tensors(x, y), data.LoaderConfig{Batch: batch, Shuffle: true, Seed: 1})
}

// steps trains for so many steps.
func steps(tb testing.TB, model nn.Layer, opt *optim.Optimizer, source data.Source, n int, more func(*train.State)) {
	tb.Helper()
	_, err := train.Fit(context.Background(), train.Config{
		Model: model, Optimizer: opt, Loss: nn.CrossEntropy, Train: source, Epochs: 1 << 40,
		Metrics: []metrics.Metric{metrics.NewAccuracy()},
		Callbacks: []train.Callback{callback{step: func(s *train.State) error {
			if more != nil {
				more(s)
			}
			if s.Step >= n {
				s.Stop("that will do")
			}
			return nil
		}}},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// A step of training by Fit, data loading and metric included. -benchmem shows that the number of allocations doesn't
// depend on the batch size.
func BenchmarkStep(b *testing.B) {
	for name, network := range map[string]func() (nn.Layer, *optim.Optimizer){"mlp_dropout": mlp, "lenet": leNet} {
		for _, batch := range []int{32, 128, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) {
				model, opt := network()
				source := imagesAndClasses(batch)
				steps(b, model, opt, source, 20, nil)
				b.ReportAllocs()
				mem.ResetPeak()
				b.ResetTimer()
				steps(b, model, opt, source, b.N, nil)
				b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "samples/s")
				b.ReportMetric(float64(mem.Read().Peak)/(1<<20), "peak-MB")
			})
		}
	}
}

// garbage returns the allocations and bytes of Go memory of one step, by the difference between longer and shorter trainings.
func garbage(t *testing.T, network func() (nn.Layer, *optim.Optimizer), batch int) (allocations, bytes float64) {
	model, opt := network()
	source := imagesAndClasses(batch)
	var before, after runtime.MemStats
	const n = 12
	steps(t, model, opt, source, n+8, func(s *train.State) {
		if s.Step == 8 {
			runtime.ReadMemStats(&before)
		} else if s.Step == n+8 {
			runtime.ReadMemStats(&after)
		}
	})
	return float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n
}

func TestGarbageDoesNotGrowWithTheBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("trains large batches")
	}
	for name, network := range map[string]func() (nn.Layer, *optim.Optimizer){"mlp_dropout": mlp, "lenet": leNet} {
		a32, b32 := garbage(t, network, 32)
		a256, b256 := garbage(t, network, 256)
		t.Logf("%s: %.0f allocations, %.0f bytes a step at batch 32; %.0f, %.0f at 256", name, a32, b32, a256, b256)
		if a256 > 1.1*a32+10 {
			t.Errorf("%s: %.0f allocations a step at batch 256, %.0f at 32", name, a256, a32)
		}
		// The numbers of a batch's examples and its labels are 8 bytes each for an example.
		if perExample := (b256 - b32) / 224; perExample > 100 {
			t.Errorf("%s: %.0f bytes of garbage for each example", name, perExample)
		}
	}
}

// use is the memory that a program holds.
func use() (heap, inUse, cached int64) {
	var m runtime.MemStats
	runtime.GC()
	time.Sleep(time.Millisecond)
	runtime.GC()
	runtime.ReadMemStats(&m)
	s := mem.Read()
	return int64(m.HeapAlloc), s.InUse, s.Cached
}

func TestMemoryStaysFlat(t *testing.T) {
	long := 10000
	if testing.Short() {
		long = 300
	}
	for _, c := range []struct {
		name    string
		steps   int
		network func() (nn.Layer, *optim.Optimizer)
		source  data.Source
	}{
		{"small", 10000, func() (nn.Layer, *optim.Optimizer) {
			net := nn.Seq(nn.NewLinear(64, 32), nn.ReLU(), nn.NewDropout(0.2), nn.NewLinear(32, 10))
			nn.Init(net, 1)
			return net, optim.NewAdam(nn.Params(net), optim.AdamConfig{})
		}, data.NewLoader(data.Tensors(tensor.NewRNG(1).Normal(tensor.Float32, 0, 1, 4096, 64), tensor.Zeros(tensor.Int64, 4096)), data.LoaderConfig{Batch: 32, Shuffle: true})},
		{"mlp_dropout", long, mlp, imagesAndClasses(4)},
		{"lenet", long, leNet, imagesAndClasses(4)},
	} {
		var heap, inUse, cached int64
		model, opt := c.network()
		steps(t, model, opt, c.source, c.steps, func(s *train.State) {
			switch s.Step {
			case c.steps / 10:
				heap, inUse, cached = use()
			case c.steps:
				h, u, k := use()
				t.Logf("%s, steps %d and %d: heap %d and %d KB, in use %d and %d KB, cached %d and %d KB", c.name, c.steps/10, c.steps, heap>>10, h>>10, inUse>>10, u>>10, cached>>10, k>>10)
				if h > heap+heap/10+256<<10 || u > inUse+inUse/10+256<<10 || k > cached+cached/10+256<<10 {
					t.Errorf("%s: memory grows: heap %d to %d, in use %d to %d, cached %d to %d", c.name, heap, h, inUse, u, cached, k)
				}
			}
		})
	}
}
