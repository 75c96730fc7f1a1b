package cpu

import (
	"math/rand/v2"
	"testing"
)

func TestGatherByHand(t *testing.T) {
	table := []float32{0, 1, 10, 11, 20, 21}
	var dst [8]float32
	GatherRows(dst[:], table, []int64{2, 0, 2, 1}, 2)
	if want := [8]float32{20, 21, 0, 1, 20, 21, 10, 11}; dst != want {
		t.Errorf("GatherRows = %v, want %v", dst, want)
	}
	var sum [6]float32
	ScatterAddRows(sum[:], []float32{1, 2, 3, 4, 5, 6, 7, 8}, []int64{2, 0, 2, 1}, 2)
	if want := [6]float32{3, 4, 7, 8, 6, 8}; sum != want {
		t.Errorf("ScatterAddRows = %v, want %v", sum, want)
	}
	// torch.gather(torch.arange(12.).reshape(2, 3, 2), 1, idx) with idx of shape 2×2×2.
	src := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	idx := []int64{2, 0, 1, 1, 0, 2, 0, 0}
	var got [8]float64
	GatherAxis(got[:], src, idx, 2, 3, 2, 2)
	if want := [8]float64{4, 1, 2, 3, 6, 11, 6, 7}; got != want {
		t.Errorf("GatherAxis = %v, want %v", got, want)
	}
	var back [12]float64
	ScatterAddAxis(back[:], []float64{1, 2, 3, 4, 5, 6, 7, 8}, idx, 2, 3, 2, 2)
	if want := [12]float64{0, 2, 3, 4, 1, 0, 12, 8, 0, 0, 0, 6}; back != want {
		t.Errorf("ScatterAddAxis = %v, want %v", back, want)
	}
}

// Large cases take the shared paths; the small one, by single rows and single
// positions, is the reference.
func TestGatherLargeAndSameForAnyThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, width := range []int{1, 3, 63, 64, 200, 1000} {
		n, rows := 80000/width, 50
		idx := make([]int64, n)
		for i := range idx {
			idx[i] = int64(r.IntN(rows))
		}
		src, table := randoms(r, n*width, 1), randoms(r, rows*width, 1)
		want := make([]float32, rows*width)
		for i, k := range idx {
			for j := range width {
				want[int(k)*width+j] += src[i*width+j]
			}
		}
		sameForAnyThreads(t, "gather and scatter", func() []float32 {
			out := make([]float32, rows*width+n*width)
			ScatterAddRows(out[:rows*width], src, idx, width)
			GatherRows(out[rows*width:], table, idx, width)
			for i, v := range want {
				if out[i] != v {
					t.Fatalf("width %d: sum %d is %v, want %v", width, i, out[i], v)
				}
			}
			for i, k := range idx {
				if out[(rows+i)*width] != table[int(k)*width] {
					t.Fatalf("width %d: row %d is wrong", width, i)
				}
			}
			return out
		})
	}
	for _, s := range [][4]int{{1, 7, 500, 100}, {100, 9, 30, 20}, {50000, 5, 1, 1}, {1, 4, 40000, 1}} {
		outer, axis, count, inner := s[0], s[1], s[2], s[3]
		idx := make([]int64, outer*count*inner)
		for i := range idx {
			idx[i] = int64(r.IntN(axis))
		}
		src := randoms(r, outer*axis*inner, 1)
		sameForAnyThreads(t, "axis gather and scatter", func() []float32 {
			picked, sum := make([]float32, len(idx)), make([]float32, len(src))
			GatherAxis(picked, src, idx, outer, axis, count, inner)
			ScatterAddAxis(sum, picked, idx, outer, axis, count, inner)
			want := make([]float32, len(src))
			for o := range outer {
				for a := range count {
					for i := range inner {
						at := (o*count+a)*inner + i
						from := (o*axis+int(idx[at]))*inner + i
						if picked[at] != src[from] {
							t.Fatalf("%v: picked %d wrong", s, at)
						}
						want[from] += picked[at]
					}
				}
			}
			for i, v := range want {
				if sum[i] != v {
					t.Fatalf("%v: sum %d is %v, want %v", s, i, sum[i], v)
				}
			}
			return append(picked, sum...)
		})
	}
}

func BenchmarkEmbedding(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const rows, width, n = 10000, 200, 700
	idx := make([]int64, n)
	for i := range idx {
		idx[i] = int64(r.IntN(rows))
	}
	table, x := randoms(r, rows*width, 1), make([]float32, n*width)
	b.Run("gather", func(b *testing.B) {
		for b.Loop() {
			GatherRows(x, table, idx, width)
		}
		perElement(b, n*width)
	})
	b.Run("scatter", func(b *testing.B) {
		for b.Loop() {
			ScatterAddRows(table, x, idx, width)
		}
		perElement(b, n*width)
	})
}
