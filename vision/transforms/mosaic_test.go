package transforms

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

func TestMosaicKeepsBoxesOnTheirObjects(t *testing.T) {
	// Image i holds a square of brightness i + 1 on black; so does every mosaic wherever a box of class i lies, and nowhere else.
	const n, side = 6, 24
	x, y := tensor.Zeros(tensor.Float32, n, 2, side, side), tensor.Full(tensor.Float32, -1, n, 3, 5)
	for i := range n {
		top, left := 2+2*i, 12-2*i
		x.Select(0, i).Slice(1, top, top+8, 1).Slice(2, left, left+7, 1).Fill(float64(i + 1))
		for k, v := range []int{i, left, top, left + 7, top + 8} {
			y.SetAt(float64(v), i, 1, k)
		}
	}
	set := data.Map(data.Tensors(x, y), Mosaic(1, 0))
	epoch := func(workers int) (all []float32) {
		for b, err := range data.NewLoader(set, data.LoaderConfig{Batch: 3, Shuffle: true, Seed: 2, Workers: workers}).Epoch(context.Background(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			mixed := map[float64]bool{}
			for i := range b.Len() {
				want := tensor.Zeros(tensor.Float32, 2, side, side)
				for k := range b.Y.Size(1) {
					if class := b.Y.At(i, k, 0); class >= 0 {
						at := func(j int) int { return int(b.Y.At(i, k, j)) }
						want.Slice(1, at(2), at(4), 1).Slice(2, at(1), at(3), 1).Fill(class + 1)
						mixed[class] = true
					}
				}
				if !slices.Equal(values(b.X.Select(0, i)), values(want)) {
					t.Errorf("the boxes of image %d aren't where its squares are", i)
				}
			}
			if len(mixed) < 2 {
				t.Errorf("the mosaics of a batch hold classes %v only", mixed)
			}
			all = append(append(all, values(b.X)...), values(b.Y)...)
		}
		return all
	}
	if !slices.Equal(epoch(-1), epoch(2)) {
		t.Error("two workers give other mosaics")
	}
	same, err := data.All(data.Map(data.Tensors(x, y), Mosaic(0, 0)))
	if err != nil || !slices.Equal(values(same.X), values(x)) || same.Y.At(4, 0, 0) != 4 || same.Y.Size(1) != 1 {
		t.Errorf("with probability 0: %v, %v", same.Y, err)
	}
	if _, err := data.All(data.Map(data.Tensors(x, nil), Mosaic(1, 0))); err == nil || !strings.Contains(err.Error(), "a mosaic needs images float32 (N, C, H, W) and boxes (N, M, 5), got images (6, 2, 24, 24)") {
		t.Error(err)
	}
	if err := tensor.Try(func() error { Mosaic(math.NaN(), 0); return nil }); err == nil {
		t.Error("a probability that is no number is taken")
	}
}
