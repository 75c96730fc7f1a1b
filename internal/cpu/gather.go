package cpu

import "github.com/gradus-ml/gradus/internal/par"

// Indices are checked by the caller; here one out of range panics as any Go
// slice does. Sums over repeated indices are added in the order of the
// indices, whatever the number of threads: threads share columns or ranges of
// the destination, never the indices.

// GatherRows copies row idx[i] of table, whose rows have width elements, to
// row i of dst: the lookup of an embedding.
func GatherRows[T any](dst, table []T, idx []int64, width int) {
	if len(idx)*width < shareFrom {
		gatherRows(dst, table, idx, width)
		return
	}
	par.For(len(idx), rowGrain(width), func(lo, hi int) {
		gatherRows(dst[lo*width:hi*width], table, idx[lo:hi], width)
	})
}

func gatherRows[T any](dst, table []T, idx []int64, width int) {
	if width == 1 {
		for i, k := range idx {
			dst[i] = table[k]
		}
		return
	}
	for i, k := range idx {
		copy(dst[i*width:(i+1)*width], table[int(k)*width:(int(k)+1)*width])
	}
}

// ScatterAddRows adds row i of src, whose rows have width elements, to row
// idx[i] of dst: the gradient of [GatherRows].
func ScatterAddRows[T Float](dst, src []T, idx []int64, width int) {
	rows := 0
	if width > 0 {
		rows = len(dst) / width
	}
	switch {
	case len(idx)*width < shareFrom:
		scatterAddRows(dst, src, idx, width, 0, width)
	case width >= 64:
		// Ranges of columns: about eight, at least a cache line each.
		par.For(width, max(32, (width/8+15)&^15), func(lo, hi int) {
			scatterAddRows(dst, src, idx, width, lo, hi)
		})
	default:
		// Ranges of destination rows, each passing over all indices.
		par.For(rows, (rows+7)/8, func(lo, hi int) {
			for i, k := range idx {
				if int(k) >= lo && int(k) < hi {
					accumulate(dst[int(k)*width:(int(k)+1)*width], src[i*width:(i+1)*width])
				}
			}
		})
	}
}

// scatterAddRows is ScatterAddRows for columns lo to hi.
func scatterAddRows[T Float](dst, src []T, idx []int64, width, lo, hi int) {
	for i, k := range idx {
		accumulate(dst[int(k)*width+lo:int(k)*width+hi], src[i*width+lo:i*width+hi])
	}
}

// GatherAxis picks along the middle axis of src [outer, axisSrc, inner] with
// idx and dst [outer, axisIdx, inner]: dst[o,a,i] = src[o, idx[o,a,i], i].
func GatherAxis[T any](dst, src []T, idx []int64, outer, axisSrc, axisIdx, inner int) {
	line := axisIdx * inner
	if outer*line < shareFrom {
		gatherAxis(dst, src, idx, outer, axisSrc, axisIdx, inner)
		return
	}
	if outer == 1 {
		par.For(axisIdx, rowGrain(inner), func(lo, hi int) {
			gatherAxis(dst[lo*inner:hi*inner], src, idx[lo*inner:hi*inner], 1, axisSrc, hi-lo, inner)
		})
		return
	}
	par.For(outer, rowGrain(line), func(lo, hi int) {
		gatherAxis(dst[lo*line:hi*line], src[lo*axisSrc*inner:hi*axisSrc*inner], idx[lo*line:hi*line], hi-lo, axisSrc, axisIdx, inner)
	})
}

func gatherAxis[T any](dst, src []T, idx []int64, outer, axisSrc, axisIdx, inner int) {
	for o := range outer {
		src := src[o*axisSrc*inner:][:axisSrc*inner]
		for a := range axisIdx {
			at := (o*axisIdx + a) * inner
			dst, idx := dst[at:at+inner], idx[at:at+inner]
			for i, k := range idx {
				dst[i] = src[int(k)*inner+i]
			}
		}
	}
}

// ScatterAddAxis adds src [outer, axisIdx, inner] into the middle axis of dst
// [outer, axisDst, inner]: dst[o, idx[o,a,i], i] += src[o,a,i]. It is the
// gradient of [GatherAxis].
func ScatterAddAxis[T Float](dst, src []T, idx []int64, outer, axisDst, axisIdx, inner int) {
	line := axisIdx * inner
	switch {
	case outer*line < shareFrom:
		scatterAddAxis(dst, src, idx, outer, axisDst, axisIdx, inner, 0, inner)
	case outer > 1:
		par.For(outer, rowGrain(line), func(lo, hi int) {
			scatterAddAxis(dst[lo*axisDst*inner:hi*axisDst*inner], src[lo*line:hi*line], idx[lo*line:hi*line], hi-lo, axisDst, axisIdx, inner, 0, inner)
		})
	default:
		par.For(inner, max(16, rowGrain(axisIdx)), func(lo, hi int) {
			scatterAddAxis(dst, src, idx, 1, axisDst, axisIdx, inner, lo, hi)
		})
	}
}

// scatterAddAxis is ScatterAddAxis for positions lo to hi of the inner axis.
func scatterAddAxis[T Float](dst, src []T, idx []int64, outer, axisDst, axisIdx, inner, lo, hi int) {
	for o := range outer {
		dst := dst[o*axisDst*inner:][:axisDst*inner]
		for a := range axisIdx {
			at := (o*axisIdx + a) * inner
			for i := lo; i < hi; i++ {
				dst[int(idx[at+i])*inner+i] += src[at+i]
			}
		}
	}
}
