package cpu

import (
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// Taps is the matrix of a resampling along one axis: output i is the sum of
// Weight[At[i]+k]·input[From[i]+k]. Its transpose is the gradient's, so one
// kernel serves both.
type Taps struct {
	In     int       // how many inputs there are
	From   []int32   // for each output, its first input
	At     []int32   // where its weights begin, and behind the last where they end
	Weight []float64 // all weights
}

// newTaps returns the taps of no outputs yet.
func newTaps(in int) *Taps { return &Taps{In: in, At: []int32{0}} }

// add appends an output that begins at input from. Zeros at the ends are
// dropped, so that they don't turn infinities into NaN.
func (t *Taps) add(from int, weights []float64) {
	for len(weights) > 0 && weights[0] == 0 {
		from, weights = from+1, weights[1:]
	}
	for len(weights) > 0 && weights[len(weights)-1] == 0 {
		weights = weights[:len(weights)-1]
	}
	t.From = append(t.From, int32(from))
	t.Weight = append(t.Weight, weights...)
	t.At = append(t.At, int32(len(t.Weight)))
}

// Out returns how many outputs there are.
func (t *Taps) Out() int { return len(t.From) }

// of returns the first input of output i and the weights from there on.
func (t *Taps) of(i int) (from int, weights []float64) {
	return int(t.From[i]), t.Weight[t.At[i]:t.At[i+1]]
}

// Transposed returns the taps that take outputs to inputs: the gradient's.
func (t *Taps) Transposed() *Taps {
	first, last := make([]int, t.In), make([]int, t.In)
	for i := range t.Out() {
		from, weights := t.of(i)
		for j := from; j < from+len(weights); j++ {
			if last[j] == 0 {
				first[j] = i
			}
			last[j] = i + 1
		}
	}
	back := newTaps(t.Out())
	var row []float64
	for j := range t.In {
		row = row[:0]
		for i := first[j]; i < last[j]; i++ {
			w, from := 0.0, int(t.From[i])
			if k := int(t.At[i]) + j - from; j >= from && k < int(t.At[i+1]) {
				w = t.Weight[k]
			}
			row = append(row, w)
		}
		back.add(first[j], row)
	}
	return back
}

// longest returns the largest number of weights of an output.
func (t *Taps) longest() int {
	n := int32(0)
	for i := range t.From {
		n = max(n, t.At[i+1]-t.At[i])
	}
	return int(n)
}

// table writes what gatherSum wants of the taps: index and weight of tap k of
// output i at k·Out+i, index −1 where there is none.
func table[T Float](t *Taps, index []int32, weight []T) {
	n := t.Out()
	for k := range len(index) / max(n, 1) {
		for i := range n {
			at, ix := int(t.At[i])+k, k*n+i
			index[ix], weight[ix] = -1, 0
			if at < int(t.At[i+1]) {
				index[ix], weight[ix] = t.From[i]+int32(k), T(t.Weight[at])
			}
		}
	}
}

// Resample sets each plane of y, rows.Out()×cols.Out(), to the plane of x,
// rows.In×cols.In, resampled along both axes. The axis that shrinks more comes
// first.
func Resample[T Float](y, x []T, planes int, rows, cols *Taps) {
	h, w, oh, ow := rows.In, cols.In, rows.Out(), cols.Out()
	if planes*oh*ow == 0 {
		return
	}
	taps := cols.longest()
	index, block := mem.Scratch[int32](taps * ow)
	defer block.Free()
	weight, block2 := mem.Scratch[T](taps * ow)
	defer block2.Free()
	table(cols, index, weight)
	if oh <= h {
		par.For(planes*oh, max(1, (1<<14)/(ow*taps+w*rows.longest()+1)), func(lo, hi int) {
			line, block := mem.Scratch[T](w)
			defer block.Free()
			for r := lo; r < hi; r++ {
				from := weightedRows(line, x[r/oh*h*w:], rows, r%oh, w)
				gatherSum(y[r*ow:(r+1)*ow], from, index, weight, taps, ow)
			}
		})
		return
	}
	half, block3 := mem.Scratch[T](planes * h * ow)
	defer block3.Free()
	par.For(planes*h, max(1, (1<<14)/(ow*taps+1)), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			gatherSum(half[r*ow:(r+1)*ow], x[r*w:(r+1)*w], index, weight, taps, ow)
		}
	})
	par.For(planes*oh, max(1, (1<<14)/(ow*rows.longest()+1)), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			line := y[r*ow : (r+1)*ow]
			if from := weightedRows(line, half[r/oh*h*ow:], rows, r%oh, ow); &from[0] != &line[0] {
				copy(line, from)
			}
		}
	})
}

// weightedRows returns the weighted sum of the rows of x, w long, that output
// i is made of: in line, or where it lies if it is one row unchanged.
func weightedRows[T Float](line, x []T, t *Taps, i, w int) []T {
	from, weights := t.of(i)
	if len(weights) == 1 && weights[0] == 1 {
		return x[from*w:][:w]
	}
	if len(weights) == 0 {
		clear(line)
	}
	for k, v := range weights {
		row := x[(from+k)*w:][:w]
		if k == 0 {
			MulScalar(line, row, T(v))
		} else {
			Axpy(line, row, T(v))
		}
	}
	return line
}

// gatherSum computes dst[i] = Σ_k weight[k·stride+i]·x[index[k·stride+i]] over
// so many taps; those with index −1 count nothing.
func gatherSum[T Float](dst, x []T, index []int32, weight []T, taps, stride int) {
	if single[T]() && gatherSumAsm(singles(dst), singles(x), index, singles(weight), taps, stride) {
		return
	}
	clear(dst)
	for k := range taps {
		index, weight := index[k*stride:][:len(dst)], weight[k*stride:][:len(dst)]
		for i, j := range index {
			if j >= 0 {
				dst[i] += weight[i] * x[j]
			}
		}
	}
}

// scatterSum adds weight[k·stride+i]·src[i] to dst[index[k·stride+i]]: the
// transpose of gatherSum.
func scatterSum[T Float](dst, src []T, index []int32, weight []T, taps, stride int) {
	for k := range taps {
		index, weight := index[k*stride:][:len(src)], weight[k*stride:][:len(src)]
		for i, j := range index {
			if j >= 0 {
				dst[j] += weight[i] * src[i]
			}
		}
	}
}
