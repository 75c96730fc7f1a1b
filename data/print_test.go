package data_test

import (
	"fmt"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

func TestTensorsOfAScalar(t *testing.T) {
	if tensor.Try(func() error { data.Tensors(tensor.Scalar(tensor.Float32, 1), nil); return nil }) == nil {
		t.Error("accepted")
	}
}

// Printing a data set of a gigabyte mustn't print a gigabyte.
func TestDataSetsPrintShort(t *testing.T) {
	x, y := tensor.Zeros(tensor.Float32, 5000, 28), tensor.Zeros(tensor.Int64, 5000)
	set := data.Tensors(x, y)
	first, _ := data.Split(set, 0.8, 1)
	made := data.Examples(3, func(data.Draw, int) (x, y *tensor.Tensor, err error) { return nil, nil, nil })
	for want, v := range map[string]any{
		"5000 examples: x float32 (5000, 28), y int64 (5000)":                  set,
		"5000 examples: x float32 (5000, 28)":                                  data.Tensors(x, nil),
		"4000 of 5000 examples: x float32 (5000, 28), y int64 (5000)":          first,
		"mapped 5000 examples: x float32 (5000, 28), y int64 (5000)":           data.Map(set, nil),
		"3 examples, made one at a time":                                       made,
		"3 examples, made one at a time and padded":                            data.Sequences(3, data.SequenceConfig{}, nil),
		"batches of 32 of 5000 examples: x float32 (5000, 28), y int64 (5000)": data.NewLoader(set, data.LoaderConfig{Batch: 32}),
	} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("got %s, expected %s", got, want)
		}
	}
}
