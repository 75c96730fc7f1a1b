package optim

import (
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/tensor"
)

// stretch is a piece of one variable: values, gradient with the weight decay added, slots, and two buffers to compute in. All are
// of one length, short enough to stay in the first-level cache while several kernels pass over them.
type stretch[T float32 | float64] struct {
	p, g   []T
	slots  [][]T
	u, v   []T
	nSlots [3][]T // memory of slots
}

const tile = 1024

// share calls f, in several threads at once, for all stretches of the variables with elements T. decay·p is added to the gradients.
func share[T float32 | float64](vars []variable, decay float64, f func(s *stretch[T])) {
	for _, v := range vars {
		if v.value.DType() != tensor.DTypeOf[T]() {
			continue
		}
		p, g := tensor.MutableData[T](v.value), tensor.Data[T](v.grad)
		var slots [3][]T
		for k, s := range v.slots {
			slots[k] = tensor.MutableData[T](s)
		}
		n := len(v.slots)
		par.For(len(p), 1<<14, func(lo, hi int) {
			buf, block := mem.Scratch[T](3 * tile)
			var s stretch[T]
			for ; lo < hi; lo += tile {
				end := min(lo+tile, hi)
				size := end - lo
				s.p, s.g = p[lo:end], g[lo:end]
				s.u, s.v = buf[:size], buf[tile:tile+size]
				for k := range n {
					s.nSlots[k] = slots[k][lo:end]
				}
				s.slots = s.nSlots[:n]
				if decay != 0 {
					decayed := buf[2*tile : 2*tile+size]
					copy(decayed, s.g)
					cpu.Axpy(decayed, s.p, T(decay))
					s.g = decayed
				}
				f(&s)
			}
			block.Free()
		})
	}
	runtime.KeepAlive(vars)
}

// average moves mean towards x: mean = beta·mean + (1 − beta)·x.
func average[T float32 | float64](mean, x []T, beta float64) { cpu.Axpby(mean, x, T(1-beta), T(beta)) }
