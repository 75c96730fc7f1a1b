package data_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

func TestPad(t *testing.T) {
	a := tensor.FromSlice([]float32{1, 2, 3, 4}, 2, 2)
	b := tensor.FromSlice([]float32{5, 6}, 1, 2)
	x, lengths := data.Pad(-1, a, b, tensor.Zeros(tensor.Float32, 0, 2))
	if got := fmt.Sprint(tensor.ToSlice[float32](x), x.Shape(), lengths); got != "[1 2 3 4 5 6 -1 -1 -1 -1 -1 -1] [3 2 2] [2 1 0]" {
		t.Error(got)
	}
	x, _ = data.PadMultiple(0, 4, tensor.FromSlice([]int64{7, 8, 9}))
	if got := fmt.Sprint(tensor.ToSlice[int64](x), x.Shape(), x.DType()); got != "[7 8 9 0] [1 4] int64" {
		t.Error(got)
	}
}

func TestSequencesArePaddedByBatch(t *testing.T) {
	seq := data.Sequences(6, data.SequenceConfig{Fill: -1, Targets: true, TargetFill: -100}, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		n := d.Index[i]
		if n == 5 {
			return tensor.Zeros(tensor.Float32, 1, 1), nil, nil
		}
		return tensor.Full(tensor.Int64, float64(n), n), tensor.Full(tensor.Int64, float64(n), n), nil
	})
	b, err := seq.Batch(data.Draw{Index: []int{1, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tensor.ToSlice[int64](b.X), tensor.ToSlice[int64](b.Y), b.Lengths, b.Index); got != "[1 -1 -1 3 3 3] [1 -100 -100 3 3 3] [1 3] [1 3]" {
		t.Error(got)
	}
	if _, err := seq.Batch(data.Draw{Index: []int{1, 5}}); err == nil || !strings.Contains(err.Error(), "1 of 2 examples") {
		t.Error(err)
	}
	labelled := data.Sequences(3, data.SequenceConfig{Multiple: 4}, func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		return tensor.Ones(tensor.Float32, d.Index[i], 1+d.Index[i]/2), tensor.Scalar(tensor.Int64, float64(d.Index[i])), nil
	})
	if b, err = labelled.Batch(data.Draw{Index: []int{0, 1}}); err != nil || !slices.Equal(b.X.Shape(), []int{2, 4, 1}) || !slices.Equal(b.Y.Shape(), []int{2}) {
		t.Error(b, err)
	}
	l := data.NewLoader(labelled, data.LoaderConfig{Batch: 3})
	for _, err := range l.Epoch(context.Background(), 0) {
		if err == nil || !strings.Contains(err.Error(), "batch of examples [0 1 2]: data.Pad: sequences must be alike but for axis 0") {
			t.Error(err)
		}
	}
}
