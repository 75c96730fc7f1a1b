package optim

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/par"
	"github.com/gradus-ml/gradus/tensor"
)

// share calls f, in several threads at once, for stretches of every variable with elements T: its values p, its gradient g
// and its slots.
func share[T float32 | float64](vars []variable, f func(p, g []T, slots [][]T)) {
	for _, v := range vars {
		if v.value.DType() != tensor.DTypeOf[T]() {
			continue
		}
		p, g := tensor.MutableData[T](v.value), tensor.Data[T](v.grad)
		slots := make([][]T, len(v.slots))
		for k, s := range v.slots {
			slots[k] = tensor.MutableData[T](s)
		}
		par.For(len(p), 1<<13, func(lo, hi int) {
			part := make([][]T, len(slots))
			for k, s := range slots {
				part[k] = s[lo:hi]
			}
			f(p[lo:hi], g[lo:hi], part)
		})
	}
	runtime.KeepAlive(vars)
}

// sqrt returns the square root in T's precision.
func sqrt[T float32 | float64](x T) T { return T(math.Sqrt(float64(x))) }
