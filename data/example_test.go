package data_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

func Example() {
	x := tensor.FromSlice([]float32{1, 2, 3, 4, 5}, 5, 1)
	y := tensor.FromSlice([]float32{2, 4, 6, 8, 10}, 5, 1)
	loader := data.NewLoader(data.Tensors(x, y), data.LoaderConfig{Batch: 2})
	for batch, err := range loader.Epoch(context.Background(), 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.X.Shape(), tensor.ToSlice[float32](batch.Y))
	}
	// Output:
	// [2 1] [2 4]
	// [2 1] [6 8]
	// [1 1] [10]
}

func ExampleKFold() {
	set := data.Tensors(tensor.Zeros(tensor.Float32, 10, 3), nil)
	for _, fold := range data.KFold(set, 3, 1) {
		fmt.Println("train on", fold.Train.Len(), "validate on", fold.Valid.Len())
	}
	// Output:
	// train on 6 validate on 4
	// train on 7 validate on 3
	// train on 7 validate on 3
}

func ExampleStream() {
	// Lines of a file, or of anything else that is too long for the memory.
	const lines = "1\n2\n3\n4\n5\n"
	stream := data.NewStream(data.StreamConfig[string]{
		Batch: 2,
		Records: func(ctx context.Context, epoch int) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				s := bufio.NewScanner(strings.NewReader(lines))
				for s.Scan() {
					if !yield(s.Text(), nil) {
						return
					}
				}
				if s.Err() != nil {
					yield("", s.Err())
				}
			}
		},
		Collate: func(records []string) (data.Batch, error) {
			x := make([]float32, len(records))
			for i, r := range records {
				v, err := strconv.ParseFloat(r, 32)
				if err != nil {
					return data.Batch{}, err
				}
				x[i] = float32(v)
			}
			return data.Batch{X: tensor.FromSlice(x, len(x), 1)}, nil
		},
	})
	for batch, err := range stream.Epoch(context.Background(), 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tensor.ToSlice[float32](batch.X))
	}
	// Output:
	// [1 2]
	// [3 4]
	// [5]
}

func ExamplePad() {
	x, lengths := data.Pad(0, tensor.FromSlice([]int64{7, 8, 9}, 3), tensor.FromSlice([]int64{5}, 1))
	fmt.Println(tensor.ToSlice[int64](x), x.Shape(), lengths)
	// Output:
	// [7 8 9 5 0 0] [2 3] [3 1]
}
