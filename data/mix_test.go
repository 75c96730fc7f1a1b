package data_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

// flags returns n images of shape (2, 8, 6) whose pixels all are 1 + the image's number, of class number mod 3.
func flags(n int) data.Dataset {
	x, y := make([]float32, n*96), make([]int64, n)
	for i := range x {
		x[i] = float32(1 + i/96)
	}
	for i := range y {
		y[i] = int64(i % 3)
	}
	return data.Tensors(tensor.FromSlice(x, n, 2, 8, 6), tensor.FromSlice(y, n))
}

func TestMixUpMixesInputsAndTargetsAlike(t *testing.T) {
	for _, alpha := range []float64{0.2, 1, 4} {
		ds := data.Map(flags(30), data.MixUp(3, alpha))
		var shares []float64
		for epoch := range 100 {
			index := tensor.NewRNG(uint64(epoch)).Perm(30)
			b, err := ds.Batch(data.Draw{Index: index, Epoch: epoch})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range index {
				v := b.X.At(i, 0, 0, 0)
				if b.X.At(i, 1, 7, 5) != v {
					t.Fatal("pixels of an image are mixed differently")
				}
				total := 0.0
				for c := range 3 {
					total += b.Y.At(i, c)
				}
				if math.Abs(total-1) > 1e-6 {
					t.Fatal("probabilities add up to", total)
				}
				own := b.Y.At(i, n%3)
				if own < 1 {
					// v = λ·(1 + n) + (1 − λ)·(1 + m) for a partner m of another class.
					m := (v-own*float64(1+n))/(1-own) - 1
					if 1-own > 0.01 && (math.Abs(m-math.Round(m)) > 1e-2 || int(math.Round(m))%3 == n%3) {
						t.Fatalf("image %d with value %g and share %g has no partner (%g)", n, v, own, m)
					}
					shares = append(shares, own)
				}
			}
		}
		// Beta(α, α) has mean ½ and variance 1/(4·(2α + 1)).
		mean, variance := 0.0, 0.0
		for _, s := range shares {
			mean += s / float64(len(shares))
		}
		for _, s := range shares {
			variance += (s - mean) * (s - mean) / float64(len(shares))
		}
		want := 1 / (4 * (2*alpha + 1))
		if math.Abs(mean-0.5) > 0.04 || math.Abs(variance/want-1) > 0.1 {
			t.Errorf("alpha %g: shares have mean %g and variance %g, expected ½ and %g", alpha, mean, variance, want)
		}
	}
}

func TestCutMixMixesTargetsByArea(t *testing.T) {
	ds := data.Map(flags(30), data.CutMix(3, 1))
	cut := 0
	for epoch := range 50 {
		b, err := ds.Batch(data.Draw{Index: tensor.NewRNG(uint64(epoch)).Perm(30), Epoch: epoch})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.ToSlice[float32](b.X)
		for i, n := range b.Index {
			area, other := 0, n
			for k, v := range x[i*96 : (i+1)*96] {
				if v != float32(1+n) {
					other = int(v) - 1
					area++
				}
				if v != x[i*96+(k+48)%96] {
					t.Fatal("the channels are cut differently")
				}
			}
			if other != n {
				cut++
			}
			want := 1 - float64(area)/96
			if other%3 == n%3 {
				want = 1
			}
			if got := b.Y.At(i, n%3); math.Abs(got-want) > 1e-6 {
				t.Fatalf("image %d keeps %g of its area, but its class has probability %g", n, want, got)
			}
		}
	}
	if cut < 1000 {
		t.Errorf("only %d of 1500 images were cut", cut)
	}
}

func TestMixingIsAFunctionOfTheEpoch(t *testing.T) {
	for name, mix := range map[string]func(data.Draw, data.Batch) (data.Batch, error){"mixup": data.MixUp(3, 0.5), "cutmix": data.CutMix(3, 0.5)} {
		text := func(workers, epoch int) string {
			l := data.NewLoader(data.Map(flags(40), mix), data.LoaderConfig{Batch: 8, Shuffle: true, Seed: 4, Workers: workers})
			var out strings.Builder
			for b, err := range l.Epoch(context.Background(), epoch) {
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(&out, tensor.ToSlice[float32](b.X), tensor.ToSlice[float32](b.Y))
			}
			return out.String()
		}
		if text(1, 0) != text(3, 0) || text(1, 0) == text(1, 1) {
			t.Errorf("%s depends on workers, or not on the epoch", name)
		}
	}
	one := flags(4)
	before, _ := data.All(one)
	if _, err := data.CutMix(3, 1)(data.Draw{}, before); err != nil {
		t.Fatal(err)
	}
	if before.X.At(2, 1, 7, 5) != 3 {
		t.Error("the batch that was passed in is changed")
	}
	if _, err := data.MixUp(2, 1)(data.Draw{}, before); err == nil || !strings.Contains(err.Error(), "label 2 in a batch of examples [0 1 2 3]") {
		t.Error(err)
	}
}
