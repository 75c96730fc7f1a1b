package cpu

import (
	"sort"

	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// forAll runs body over the elements of count slices of the given lengths,
// total together, as if they were one long slice, cut every rowChunk elements:
// a model's hundred small biases then make one piece of work, and its embedding
// many. body gets the piece's number and the range lo to hi of slice i.
func forAll(total, count int, length func(i int) int, body func(piece, i, lo, hi int)) {
	start, block := mem.Scratch[int](count + 1) // where each slice begins
	defer block.Free()
	start[0] = 0
	for i := range count {
		start[i+1] = start[i] + length(i)
	}
	par.For(total, rowChunk, func(lo, hi int) {
		i := sort.SearchInts(start, lo+1) - 1
		for at := lo; at < hi; i++ {
			end := min(hi, start[i+1])
			if end > at {
				body(lo/rowChunk, i, at-start[i], end-start[i])
			}
			at = end
		}
	})
}

// SumSquaresAll returns the sum of the squares of all elements of all slices,
// added in float64 in an order that depends on the lengths only.
func SumSquaresAll[T Float](list [][]T) float64 {
	total := totalLength(list)
	var sum float64
	if total < shareFrom {
		for _, x := range list {
			sum += sumSquares(x)
		}
		return sum
	}
	sums, block := mem.Scratch[float64]((total + rowChunk - 1) / rowChunk)
	defer block.Free()
	clear(sums)
	forAll(total, len(list), func(i int) int { return len(list[i]) }, func(piece, i, lo, hi int) {
		sums[piece] += sumSquares(list[i][lo:hi])
	})
	for _, s := range sums {
		sum += s
	}
	return sum
}

// ScaleAll multiplies all elements of all slices by s.
func ScaleAll[T Float](list [][]T, s T) {
	total := totalLength(list)
	if total < shareFrom {
		for _, x := range list {
			MulScalar(x, x, s)
		}
		return
	}
	forAll(total, len(list), func(i int) int { return len(list[i]) }, func(_, i, lo, hi int) {
		MulScalar(list[i][lo:hi], list[i][lo:hi], s)
	})
}

func totalLength[T Float](list [][]T) (total int) {
	for _, x := range list {
		total += len(x)
	}
	return total
}

func sumSquares[T Float](x []T) float64 {
	if single[T]() {
		if s, ok := sumSquaresAsm(singles(x)); ok {
			return s
		}
	}
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}
